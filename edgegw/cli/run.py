"""What `serve` and `demo` share: logging, the event loop, the lines on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

import click

from edgegw.cli import logs
from edgegw.cli.held_ports import HeldPorts
from edgegw.cli.loading import tell_what_does_not_load
from edgegw.cli.render import summary
from edgegw.cli.serve_options import ServeOptions
from edgegw.cli.terminal_text import shown_text
from edgegw.config.model import Config
from edgegw.config.spelling import nearest
from edgegw.errors import EnvironmentProblem, UsageError
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.failure_place import code_folders
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.reload import LoadConfig
from edgegw.gateway.server import Ready, serve

_DEBUG_PORTS: Final = {"python": 5678, "nodejs": 9229}
_NOTHING: Final = (
    "edgegw: nothing is served: the configuration has no distribution, no load balancer and no "
    "gateway.lambda_api"
)
_SETTLED: Final = 0.25
"""Seconds after the last ready line until the summary."""
_LOOKS: Final = 8
"""How often that long is waited for interpreters that still start."""


def run_front_doors(
    config: Config,
    options: ServeOptions,
    *,
    leave_out_missing: bool = False,
    hints: str = "",
    load: LoadConfig | None = None,
    opens: bool = False,
    held: HeldPorts | None = None,
) -> None:
    """Serves every front door of `config` until a signal. Raises EnvironmentProblem.

    The configuration is loaded anew by `load`; with `opens` the first front door is opened in the
    browser. `held` are ports that listen already.
    """
    level, as_json = options.level, options.as_json
    ports = _debug_ports(config, options.debug)
    gathering = logs.set_up(level, doors=len(config.doors), as_json=as_json)
    urls: dict[str, list[str]] = {}
    gateway = Gateway(
        config,
        transport=_transport,
        leave_out_missing=leave_out_missing,
        debug=ports,
        caches=options.caches,
    )
    if level <= logging.INFO:
        gateway.on_exchange = gathering.take
    else:
        gateway.on_exchange = _nothing
    waiting = len(config.doors) + (config.lambda_api is not None)
    loading: list[asyncio.Future[None]] = []

    def summarize(looks: int = 1) -> None:
        functions, service = gateway.config.functions.values(), gateway.service
        if looks < _LOOKS and not all(service.runtime_found(each.latest) for each in functions):
            asyncio.get_running_loop().call_later(_SETTLED, summarize, looks + 1)
            return
        found = summary(gateway.config, urls, _runtimes(gateway), gathering.style)
        sys.stderr.write(f"\n{found}\n")
        sys.stderr.flush()

    def on_ready(ready: Ready) -> None:
        nonlocal waiting
        gathering.code_folders = partial(code_folders, gateway.service)
        told = json.dumps(ready.to_dict()) if as_json else str(ready)
        print(told, flush=True)  # noqa: T201 - the command's output
        urls.setdefault(f"{ready.kind} {ready.name}".strip(), []).append(ready.url)
        waiting -= 1
        if waiting == 0:
            for name, problem in gateway.left_out():
                told = shown_text(f"left out  function {name}: {problem}")
                print(told, flush=True, file=sys.stderr if as_json else None)
            if hints and not as_json:
                print(hints, flush=True)  # noqa: T201
            if level <= logging.INFO and not as_json:
                # In a moment it is known which interpreters were found.
                asyncio.get_running_loop().call_later(_SETTLED, summarize)
            for name, port in ports.items():
                told = f"debug  {name}  attach a debugger to 127.0.0.1:{port}"
                print(told, flush=True, file=sys.stderr)  # noqa: T201
            if opens:
                import webbrowser  # with shlex, and what looks for browsers

                webbrowser.open(next(iter(urls.values()))[0])
            loading.append(asyncio.ensure_future(tell_what_does_not_load(gateway)))
            gc.enable()
            gc.freeze()  # what start-up made stays: no need to look at it again
            # A request makes hundreds of objects, none in cycles unless it fails.
            gc.set_threshold(20_000, 20, 50)

    if waiting == 0:
        click.echo(_NOTHING, err=True)
    serving = serve(
        gateway,
        on_ready=on_ready,
        grace=options.grace,
        reload=options.reload,
        load=load,
        control=True,
        held=held,
    )
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        _loop_runner()(_to_the_end(serving))


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


def _runtimes(gateway: Gateway) -> dict[str, list[str]]:
    """Functions by what runs them here."""
    found: dict[str, list[str]] = {}
    for name, deployed in gateway.config.functions.items():
        runtime = (
            gateway.service.runtime_found(deployed.latest) or deployed.latest.runtime.identifier
        )
        found.setdefault(runtime, []).append(name)
    return found


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
