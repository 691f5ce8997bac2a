"""What `serve` and `demo` share: logging, the event loop, the lines on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet
from typing import Any

import httpx

from edgegw.cli import logs
from edgegw.config.resolve import Config
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.reload import Load
from edgegw.gateway.server import Ready, serve
from edgegw.gateway.transport import HttptoolsTransport


def run_front_doors(
    config: Config,
    *,
    hypercorn: bool,
    grace: float,
    level: int,
    leave_out_missing: bool,
    hints: str,
    reload: bool,
    load: Load | None = None,
) -> None:
    """Serves every front door of `config` until a signal. Raises EnvironmentProblem."""
    gathering = logs.set_up(level)
    gateway = Gateway(config, transport=_transport, leave_out_missing=leave_out_missing)
    if level <= logging.INFO:
        gateway.on_exchange = gathering.take
    else:
        gateway.on_exchange = _nothing
    waiting = len(config.doors) + (config.lambda_api is not None)

    def on_ready(ready: Ready) -> None:
        nonlocal waiting
        print(ready, flush=True)  # noqa: T201 - the command's output
        waiting -= 1
        if waiting == 0:
            for name, problem in gateway.left_out():
                print(f"left out  function {name}: {problem}", flush=True)  # noqa: T201
            if hints:
                print(hints, flush=True)  # noqa: T201
            gc.enable()
            gc.freeze()  # what start-up made stays: no need to look at it again
            gc.set_threshold(20_000, 20, 50)  # a request makes hundreds of objects, none in cycles

    serving = serve(
        gateway,
        on_ready=on_ready,
        hypercorn=hypercorn,
        grace=grace,
        reload=reload,
        load=load,
        control=True,
    )
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        _loop_runner()(serving)


def _nothing(_exchange: Exchange) -> None:
    """Under `--quiet` an exchange leaves no line."""


def _transport(unverified: AbstractSet[str]) -> httpx.AsyncBaseTransport:
    return HttptoolsTransport(unverified=unverified)


def _loop_runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run
