"""How children come to be.

Python environments are forked from a zygote of their interpreter, Node.js ones taken from a child
started ahead, `bootstrap` executables started by themselves. All processes come from a zygote,
which sees to it that none is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, cast

from edgegw.awslambda.model import Function, Runtime
from edgegw.awslambda.runtime_api import RuntimeApi
from edgegw.awslambda.variables import EXTENSIONS_LACK
from edgegw.errors import EnvironmentProblem
from edgegw.execution.channel import Channel, Child
from edgegw.execution.frames import FramesChannel
from edgegw.execution.packages import Package
from edgegw.execution.runtime_api import ExtendedChannel, RuntimeApiServer
from edgegw.execution.zygote import RUNTIMES, Started, Zygote

logger = logging.getLogger(__name__)

_SPARE_DELAY: Final = 0.25
"""Seconds after a Node.js child is taken before the next one is started ahead."""

MIN_NODE: Final = 20


class InvalidEntrypointError(Exception):
    """There is no executable to start; the text is AWS's."""


@dataclass(frozen=True, slots=True)
class Start:
    """All that a child is told: what the bundled runtimes get at init, the variables, the folders.

    `on_extension` hears the name and events of each extension that registers.
    """

    function: Function
    settings: Mapping[str, object]
    variables: Mapping[str, str]
    package: Package
    account_id: str
    on_extension: Callable[[str, str], None]


class Spawner(Protocol):
    """Makes children of one runtime."""

    @property
    def found(self) -> str:
        """What runs the functions, for people; empty when that is not known yet."""
        ...

    async def start(self) -> None:
        """Prepares, without waiting for it."""
        ...

    async def spawn(self, start: Start) -> Child:
        """A fresh child. Raises EnvironmentProblem, InvalidEntrypointError."""
        ...

    async def close(self) -> None:
        """Ends everything this spawner started."""
        ...


class Zygotes:
    """One zygote per interpreter, shared by spawners, started when first asked for.

    `folder` answers what they remove at their end.
    """

    def __init__(self, folder: Callable[[], str]) -> None:
        self._folder = folder
        self._tasks: dict[str, asyncio.Task[Zygote]] = {}

    async def of(self, executable: str) -> Zygote:
        """The zygote of `executable`. Raises OSError, TimeoutError or EnvironmentProblem."""
        task = self._tasks.get(executable)
        if task is not None and task.done() and (task.exception() or task.result().is_gone):
            task = None
        if task is None:
            task = self._tasks[executable] = asyncio.ensure_future(self._started(executable))
        return await asyncio.shield(task)

    async def _started(self, executable: str) -> Zygote:
        zygote = Zygote(executable)
        await zygote.start()
        zygote.entrust(self._folder())
        return zygote

    async def close(self) -> None:
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            with contextlib.suppress(OSError, TimeoutError, EnvironmentProblem):
                await (await task).close()


class PythonSpawner:
    """Forks from a zygote of the interpreter that fits `runtime` best."""

    def __init__(self, runtime: Runtime, zygotes: Zygotes) -> None:
        self._runtime = runtime
        self._zygotes = zygotes
        self._starting: asyncio.Task[Zygote] | None = None

    @property
    def found(self) -> str:
        task = self._starting
        if task is None or not task.done() or task.exception():
            return ""
        zygote = task.result()
        return f"Python {'.'.join(map(str, zygote.version))} ({zygote.executable})"

    async def start(self) -> None:
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())

    async def _start(self) -> Zygote:
        wanted = self._runtime.version
        problems: list[str] = []
        for executable in await asyncio.to_thread(_pythons, wanted):
            try:
                zygote = await self._zygotes.of(executable)
            except (OSError, TimeoutError, EnvironmentProblem) as error:
                problems.append(f"{executable}: {error}")
                continue
            if zygote.version != wanted:
                logger.warning(
                    "%s was not found; its functions run on Python %s",
                    self._runtime.identifier,
                    ".".join(map(str, zygote.version)),
                )
            return zygote
        raise EnvironmentProblem("no Python interpreter could be started: " + "; ".join(problems))

    async def spawn(self, start: Start) -> Child:
        await self.start()
        task = cast("asyncio.Task[Zygote]", self._starting)
        zygote = await asyncio.shield(task)
        if zygote.is_gone:
            if self._starting is task:
                self._starting = None
            return await self.spawn(start)
        settings = start.settings
        wrapper = start.variables.get("AWS_LAMBDA_EXEC_WRAPPER")
        if wrapper:
            script = str(RUNTIMES / "python" / "environment.py")
            argv = [wrapper, zygote.executable, "-I", "-S", script]
            return await _wrapped(zygote, argv, start, settings)
        return await framed(await zygote.fork(), settings)

    async def close(self) -> None:
        task, self._starting = self._starting, None
        if task is not None:
            with contextlib.suppress(EnvironmentProblem, asyncio.CancelledError):
                await task


def _pythons(version: tuple[int, ...]) -> list[str]:
    """Interpreters to try, best first: this one if it fits, others of the version, the nearest."""
    if sys.version_info[:2] == version:
        return [sys.executable]
    name = "python" + ".".join(map(str, version))
    home, text = Path.home(), ".".join(map(str, version))
    exact = [found] if (found := shutil.which(name)) else []
    for pattern in (
        f".pyenv/versions/{text}*/bin/{name}",
        f".local/share/uv/python/cpython-{text}*/bin/{name}",
    ):
        exact += map(str, sorted(home.glob(pattern), reverse=True))
    return [*exact, *_nearest_pythons(version), sys.executable]


def _nearest_pythons(version: tuple[int, ...]) -> list[str]:
    """Interpreters on PATH of other versions that are nearer than this one, nearest first."""
    minor, own = version[-1], abs(sys.version_info[1] - version[-1])
    found: dict[int, str] = {}
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for each in Path(folder).glob("python3.*") if folder else ():
            match = re.fullmatch(r"python3\.(\d+)", each.name)
            if match is not None and abs(int(match[1]) - minor) < own:
                found.setdefault(int(match[1]), str(each))
    return [found[each] for each in sorted(found, key=lambda other: abs(other - minor))]


class NodeSpawner:
    """Keeps one Node.js child started ahead; taking it starts the next a moment later."""

    def __init__(self, runtime: Runtime, zygotes: Zygotes) -> None:
        self._executable = find_node()
        self._runtime = runtime
        self._zygotes = zygotes
        self._looking: asyncio.Task[list[str]] | None = None
        self._version = ""
        self._spare: asyncio.Task[Started] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def found(self) -> str:
        return f"Node.js {self._version} ({self._executable})".replace("  ", " ")

    async def start(self) -> None:
        self._start_spare()

    def _start_spare(self) -> None:
        if self._spare is None and not self._closed:
            self._spare = asyncio.ensure_future(self._start())

    async def spawn(self, start: Start) -> Child:
        wrapper = start.variables.get("AWS_LAMBDA_EXEC_WRAPPER")
        if wrapper or "NODE_OPTIONS" in start.variables:
            zygote = await self._zygotes.of(sys.executable)
            command = await self._command(start.variables.get("NODE_OPTIONS", ""))
            argv = [*([wrapper] if wrapper else []), *command]
            return await _wrapped(zygote, argv, start, start.settings)
        spare, self._spare = self._spare, None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_SPARE_DELAY, self._start_spare)
        try:
            started = await (spare if spare is not None else self._start())
        except OSError as error:
            raise EnvironmentProblem(f"Node.js cannot be started: {error}") from error
        return await framed(started, start.settings)

    async def _start(self) -> Started:
        zygote = await self._zygotes.of(sys.executable)
        path = {"PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")}
        return await zygote.execute(await self._command(), path, "/", frames=True)

    async def _command(self, options: str = "") -> list[str]:
        """The command of a child, less the flags that `options` (NODE_OPTIONS) reverses."""
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look())
        flags = await asyncio.shield(self._looking)
        kept = [flag for flag in flags if flag.replace("--no-", "--") not in options.split()]
        return [self._executable, *kept, _NODE_HOST]

    async def _look(self) -> list[str]:
        """Lambda's flags for this runtime, if this Node.js knows them; and which one it is."""
        major = self._runtime.version[0]
        for flags in (_NODE_FLAGS.get(major, []), []):
            process = await asyncio.create_subprocess_exec(
                self._executable,
                *flags,
                "--version",
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            printed, _ = await process.communicate()
            if process.returncode == 0:
                break
        self._version = printed.decode("latin-1").strip().removeprefix("v")
        if self._version.partition(".")[0] != str(major):
            logger.warning(
                "%s was not found; its functions run on Node.js %s",
                self._runtime.identifier,
                self._version,
            )
        return flags

    async def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            await asyncio.wait({self._looking})
        if self._spare is not None:
            with contextlib.suppress(OSError, EnvironmentProblem):
                spare = await self._spare
                spare.kill()
                os.close(spare.log_fd)
                cast("socket.socket", spare.frames).close()


_NODE_FLAGS: Final = {
    20: ["--no-experimental-require-module"],
    22: ["--no-experimental-require-module", "--no-experimental-detect-module"],
}
"""What Lambda starts Node.js with, so that what it refuses to load is refused here."""

_NODE_HOST: Final = str(RUNTIMES / "node" / "host.cjs")


async def _wrapped(
    zygote: Zygote, argv: Sequence[str], start: Start, settings: Mapping[str, object]
) -> Child:
    """A bundled runtime started anew, by AWS_LAMBDA_EXEC_WRAPPER or with flags of its own."""
    try:
        started = await zygote.execute(argv, start.variables, start.package.task_root, frames=True)
    except OSError as error:
        raise InvalidEntrypointError(f"fork/exec {argv[0]}: {error}") from error
    return await framed(started, {**settings, "environment": {}})


class BootstrapSpawner:
    """Starts the `bootstrap` of a function with an OS-only runtime."""

    found = "its own bootstrap"

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
        zygote = await self._zygotes.of(sys.executable)
        with contextlib.ExitStack() as undoing:
            server = await api_server(start, undoing)
            variables = {**start.variables, "AWS_LAMBDA_RUNTIME_API": server.address}
            extensions = await start_extensions(zygote, server, start, undoing)
            try:
                started = await zygote.execute([bootstrap], variables, start.package.task_root)
            except OSError as error:
                raise InvalidEntrypointError(f"fork/exec {bootstrap}: {error}") from error
            undoing.pop_all()
        return _child(started, server, extensions, _losing(started, server))

    async def close(self) -> None:
        """The zygotes end their children."""
        if self._warming is not None:
            with contextlib.suppress(OSError, TimeoutError, EnvironmentProblem):
                await self._warming


async def extended(spawner: Spawner, zygotes: Zygotes, start: Start) -> Child:
    """A child of a bundled runtime beside the external extensions of its layers."""
    zygote = await zygotes.of(sys.executable)
    with contextlib.ExitStack() as undoing:
        server = await api_server(start, undoing)
        extensions = await start_extensions(zygote, server, start, undoing)
        variables = {**start.variables, "AWS_LAMBDA_RUNTIME_API": server.address}
        settings = {**start.settings, "environment": variables}
        child = await spawner.spawn(replace(start, settings=settings, variables=variables))
        undoing.pop_all()
    return Child(
        ExtendedChannel(cast("FramesChannel", child.channel), server),
        child.pid,
        (*child.log_fds, *(each.log_fd for each in extensions)),
        _all([child.kill, *(each.kill for each in extensions)]),
        child.send_signal,
        child.ended,
        tuple(each.ended for each in extensions),
        server.telemetry,
    )


async def api_server(start: Start, undoing: contextlib.ExitStack) -> RuntimeApiServer:
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
    await server.listen()
    return server


async def start_extensions(
    zygote: Zygote, server: RuntimeApiServer, start: Start, undoing: contextlib.ExitStack
) -> list[Started]:
    """Starts the external extensions; they come before the runtime. One that ends is a failure."""
    variables = {k: v for k, v in start.variables.items() if k not in EXTENSIONS_LACK}
    variables["AWS_LAMBDA_RUNTIME_API"] = server.address
    started: list[Started] = []
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


def _losing(started: Started, server: RuntimeApiServer) -> Callable[[], Awaitable[int | None]]:
    """Tells the server when the runtime's process ends: it has no descriptor that would close."""
    ended = asyncio.ensure_future(started.ended())
    ended.add_done_callback(lambda _: server.lose())
    return lambda: asyncio.shield(ended)


async def framed(started: Started, settings: Mapping[str, object]) -> Child:
    """A child that speaks frames."""
    sock = cast("socket.socket", started.frames)
    sock.setblocking(False)  # noqa: FBT003
    loop = asyncio.get_running_loop()
    try:
        _, channel = await loop.create_unix_connection(lambda: FramesChannel(settings), sock=sock)
    except BaseException:
        started.kill()
        sock.close()
        os.close(started.log_fd)
        raise
    return _child(started, channel, [], started.ended)


def _child(
    started: Started,
    channel: Channel,
    extensions: Sequence[Started],
    ended: Callable[[], Awaitable[int | None]],
) -> Child:
    return Child(
        channel,
        started.pid,
        (started.log_fd, *(each.log_fd for each in extensions)),
        _all([started.kill, *(each.kill for each in extensions)]),
        started.send_signal,
        ended,
        tuple(each.ended for each in extensions),
        channel.telemetry if isinstance(channel, RuntimeApiServer) else None,
    )


def _all(actions: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def perform() -> None:
        for action in actions:
            action()

    return perform


def find_node() -> str:
    """The path of Node.js. Raises EnvironmentProblem when there is none."""
    found = shutil.which("node")
    if found is None:
        raise EnvironmentProblem(
            f"Node.js {MIN_NODE} or newer was not found on PATH: install it, or remove the "
            "functions whose runtime is nodejs"
        )
    return found
