"""Functions with an OS-only runtime, and external extensions: processes on the Runtime API."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from edgegw.awslambda.runtime_api import RuntimeApi
from edgegw.awslambda.variables import EXTENSIONS_LACK
from edgegw.errors import EnvironmentProblem
from edgegw.execution.channel import Child
from edgegw.execution.extended_channel import ExtendedChannel
from edgegw.execution.frames import FramesChannel
from edgegw.execution.runtime_api import RuntimeApiServer
from edgegw.execution.spawning import (
    InvalidEntrypointError,
    Spawner,
    Start,
    Zygotes,
    all_of,
    child_of,
    limit_storage,
    with_zygote,
)
from edgegw.execution.zygote import Zygote, ZygoteChild


class BootstrapSpawner:
    """Starts the `bootstrap` of a function with an OS-only runtime."""

    description = "its own bootstrap"

    def __init__(self, zygotes: Zygotes) -> None:
        self._zygotes = zygotes
        self._warming: asyncio.Task[Zygote] | None = None

    async def start(self) -> None:
        if self._warming is None:
            self._warming = asyncio.ensure_future(self._zygotes.of(sys.executable))

    async def spawn(self, start: Start) -> Child:
        bootstrap = start.package.bootstrap
        if bootstrap is None:
            places = "/var/task/bootstrap /opt/bootstrap"
            raise InvalidEntrypointError(f"Couldn't find valid bootstrap(s): [{places}]")

        async def spawn(zygote: Zygote) -> Child:
            return await self._spawn(zygote, bootstrap, start)

        return await with_zygote(lambda: self._zygotes.of(sys.executable), spawn)

    async def _spawn(self, zygote: Zygote, bootstrap: str, start: Start) -> Child:
        await limit_storage(zygote, start)
        with contextlib.ExitStack() as undoing:
            server = api_server(start, undoing)
            variables = {**start.variables, "AWS_LAMBDA_RUNTIME_API": server.address}
            extensions = await start_extensions(zygote, server, start, undoing)
            try:
                started = await zygote.execute([bootstrap], variables, start.package.task_root)
            except OSError as error:
                raise InvalidEntrypointError(f"fork/exec {bootstrap}: {error}") from error
            undoing.pop_all()
        return child_of(started, server, extensions, _losing(started, server))

    async def close(self) -> None:
        """The zygotes end their children."""
        if self._warming is not None:
            with contextlib.suppress(OSError, TimeoutError, EnvironmentProblem):
                await self._warming


async def extended(spawner: Spawner, zygotes: Zygotes, start: Start) -> Child:
    """A child of a bundled runtime beside the external extensions of its layers."""
    zygote = await zygotes.of(sys.executable)
    with contextlib.ExitStack() as undoing:
        server = api_server(start, undoing)
        extensions = await start_extensions(zygote, server, start, undoing)
        variables = {**start.variables, "AWS_LAMBDA_RUNTIME_API": server.address}
        settings = {**start.settings, "environment": variables}
        child = await spawner.spawn(replace(start, settings=settings, variables=variables))
        undoing.pop_all()
    return Child(
        ExtendedChannel(cast("FramesChannel", child.channel), server),
        child.pid,
        (*child.log_fds, *(each.log_fd for each in extensions)),
        all_of([child.kill, *(each.kill for each in extensions)]),
        child.send_signal,
        child.ended,
        tuple(each.ended for each in extensions),
        server.telemetry,
    )


def api_server(start: Start, undoing: contextlib.ExitStack) -> RuntimeApiServer:
    """The Runtime API of one environment, listening; `undoing` closes it if the rest fails."""
    function = start.function
    expected = [Path(each).name for each in start.package.extensions]
    api = RuntimeApi(
        start.variables["AWS_LAMBDA_FUNCTION_NAME"],
        function.version,
        function.handler,
        start.account_id,
        expected,
    )
    server = RuntimeApiServer(api, lambda: int(time.time() * 1000), start.on_extension)
    undoing.callback(server.close)
    server.listen()
    return server


async def start_extensions(
    zygote: Zygote, server: RuntimeApiServer, start: Start, undoing: contextlib.ExitStack
) -> list[ZygoteChild]:
    """Starts the external extensions; they come before the runtime. One that ends is a failure."""
    variables = {k: v for k, v in start.variables.items() if k not in EXTENSIONS_LACK}
    variables["AWS_LAMBDA_RUNTIME_API"] = server.address
    started: list[ZygoteChild] = []
    for path in start.package.extensions:
        try:
            each = await zygote.execute([path], variables, start.package.task_root)
        except OSError as error:
            server.fail("Extension.LaunchError", f"fork/exec {path}: {error}")
            break
        started.append(each)
        undoing.callback(os.close, each.log_fd)
        undoing.callback(each.kill)
        server.watch(each.ended(), Path(path).name)
    return started


def _losing(started: ZygoteChild, server: RuntimeApiServer) -> Callable[[], Awaitable[int | None]]:
    """Tells the server when the runtime's process ends: it has no descriptor that would close."""
    ended = asyncio.ensure_future(started.ended())
    ended.add_done_callback(lambda _: server.lose())
    return lambda: asyncio.shield(ended)
