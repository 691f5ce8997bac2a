"""What `serve` and `demo` share: logging, the event loop, the lines on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from importlib.util import find_spec
from typing import Any, Final

import click

from edgegw.cli import logs
from edgegw.cli.announcing import Announcer
from edgegw.cli.held_ports import HeldPorts
from edgegw.cli.serve_options import ServeOptions
from edgegw.config.model import Config
from edgegw.config.spelling import nearest
from edgegw.errors import EnvironmentProblem, UsageError
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.reload import LoadConfig
from edgegw.gateway.server import serve

_DEBUG_PORTS: Final = {"python": 5678, "nodejs": 9229}
_NOTHING: Final = (
    "edgegw: nothing is served: the configuration has no distribution, no load balancer, no "
    "identity provider and no gateway.lambda_api"
)


def run_front_doors(
    config: Config,
    options: ServeOptions,
    *,
    leave_out_missing: bool = False,
    hints: str = "",
    load: LoadConfig | None = None,
    loaded_at: float | None = None,
    opens: bool = False,
    held: HeldPorts | None = None,
) -> None:
    """Serves every front door of `config` until a signal. Raises EnvironmentProblem.

    The configuration was read at `loaded_at`, and is loaded anew by `load`; with `opens` the first
    front door is opened in the browser. `held` are ports that listen already.
    """
    ports = _debug_ports(config, options.debug)
    gathering = logs.set_up(options.level, doors=len(config.doors), as_json=options.as_json)
    gateway = _gateway(config, options, ports, leave_out_missing=leave_out_missing)
    gateway.on_exchange = gathering.take if options.level <= logging.INFO else _nothing
    announcer = Announcer(
        gateway=gateway,
        gathering=gathering,
        options=options,
        waiting=_served_count(config),
        debug_ports=ports,
        hints=hints,
        opens=opens,
    )
    if announcer.waiting == 0:
        click.echo(_NOTHING, err=True)
    serving = serve(
        gateway,
        on_ready=announcer.on_ready,
        grace=options.grace,
        reload=options.reload,
        load=load,
        loaded_at=loaded_at,
        control=True,
        held=held,
    )
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        _loop_runner()(_to_the_end(serving))


def _gateway(
    config: Config,
    options: ServeOptions,
    debug_ports: Mapping[str, int],
    *,
    leave_out_missing: bool,
) -> Gateway:
    return Gateway(
        config,
        transport=_transport,
        leave_out_missing=leave_out_missing,
        debug=debug_ports,
        caches=options.caches,
        lasting=True,
    )


def _served_count(config: Config) -> int:
    """How many things `config` has on sockets that the ready line waits for."""
    apis = (config.lambda_api is not None) + (config.public_keys is not None)
    return len(config.doors) + len(config.identity_providers) + apis


async def _to_the_end(serving: Coroutine[Any, Any, None]) -> None:
    """Serves; once all is tidied up, a further Ctrl-C has nothing to end but the farewell."""
    try:
        await serving
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _debug_ports(config: Config, debug: Sequence[str]) -> dict[str, int]:
    """The port of each function to debug. Raises UsageError."""
    ports: dict[str, int] = {}
    following = dict(_DEBUG_PORTS)
    for text in debug:
        name, _, chosen = text.partition("=")
        deployed = config.functions.get(name)
        if deployed is None:
            hint = nearest(name, list(config.functions))
            raise UsageError(f"there is no function {name!r} to debug{hint}")
        language = deployed.latest.runtime.language
        if chosen and not (chosen.isdigit() and 0 < int(chosen) < 65536):
            raise UsageError(f"{chosen!r} is no port: write {name}=5678")
        ports[name] = int(chosen) if chosen else following.get(language, 0)
        if not chosen:
            following[language] = ports[name] + 1
        if language == "python" and find_spec("debugpy") is None:
            raise EnvironmentProblem("debugging needs debugpy: pip install 'edgegw[debug]'")
    return ports


def _nothing(_exchange: Exchange) -> None:
    """Under `--quiet` an exchange leaves no line."""


def _transport(unverified: AbstractSet[str]) -> Http1Client:
    return Http1Client(unverified=unverified)


def _loop_runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run
