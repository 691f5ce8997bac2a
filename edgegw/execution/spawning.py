"""How children come to be.

All processes come from a zygote, which sees to it that none is left behind. What is particular to
a runtime stands in `python_runtime`, `node_runtime` and `bootstrap`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar, cast

from edgegw.awslambda.model import Function
from edgegw.awslambda.variables import library_folders
from edgegw.errors import EnvironmentProblem
from edgegw.execution.channel import Channel, Child
from edgegw.execution.frames import FramesChannel
from edgegw.execution.idle_zygotes import give_back, take_zygote
from edgegw.execution.packages import Package
from edgegw.execution.runtime_api import RuntimeApiServer
from edgegw.execution.starts import lead_to_libraries, needs_plain_start
from edgegw.execution.zygote import Zygote, ZygoteChild
from edgegw.values import value

_T = TypeVar("_T")
logger = logging.getLogger(__name__)


SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC})
"""What the system may lack at one moment and have at the next: nothing is learned from it."""


class InvalidEntrypointError(Exception):
    """There is no executable to start; the text is AWS's."""


@value
class Start:
    """All that a child is told: what the bundled runtimes get at init, the variables, the folders.

    `storage` is the temporary folder with the bytes that it may hold. `on_limited` hears whether
    the system holds it to that, `on_extension` the name and events of each registered extension.
    With a `debug_port` a debugger can attach there.
    """

    function: Function
    settings: Mapping[str, object]
    variables: Mapping[str, str]
    package: Package
    account_id: str
    on_extension: Callable[[str, str], None]
    on_limited: Callable[[bool], None]
    storage: tuple[str, int]
    debug_port: int = 0


class Spawner(Protocol):
    """Makes children of one runtime."""

    @property
    def description(self) -> str:
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
    """One zygote per interpreter, shared by spawners, looked for when first asked for.

    `folder` answers what they see removed at their end.
    """

    def __init__(self, folder: Callable[[], str]) -> None:
        self._folder = folder
        self._tasks: dict[str, asyncio.Task[Zygote]] = {}
        self._killed: list[Zygote] = []

    async def of(self, executable: str) -> Zygote:
        """The zygote of `executable`. Raises OSError, TimeoutError or EnvironmentProblem.

        A failure is not remembered, nor one that was killed; its guardian stays until the end.
        """
        task = self._tasks.get(executable)
        if task is not None and task.done():
            if task.cancelled() or task.exception():
                task = None
            elif task.result().is_gone:
                self._killed.append(task.result())
                task = None
        if task is None:
            task = self._tasks[executable] = asyncio.ensure_future(self._started(executable))
        return await asyncio.shield(task)

    async def _started(self, executable: str) -> Zygote:
        zygote = take_zygote(executable)
        if zygote is None:
            zygote = Zygote(executable)
            await zygote.start()
        zygote.entrust(self._folder())
        return zygote

    async def close(self) -> None:
        """Ends everything that came from them; the next gateway of this process may have them."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            with contextlib.suppress(OSError, TimeoutError, EnvironmentProblem):
                self._killed.append(await task)
        await asyncio.gather(*map(give_back, self._killed))
        self._killed.clear()


async def with_zygote(
    find: Callable[[], Awaitable[Zygote]], work: Callable[[Zygote], Awaitable[_T]]
) -> _T:
    """What `work` answers; with another zygote where somebody killed the first one meanwhile."""
    zygote = await find()
    try:
        return await work(zygote)
    except EnvironmentProblem:
        if not zygote.is_gone:
            raise
    return await work(await find())


async def limit_storage(zygote: Zygote, start: Start) -> None:
    """Limits the temporary folder of what `zygote` starts, where that is possible."""
    start.on_limited(await zygote.limit(*start.storage))


def is_plain(start: Start) -> bool:
    """Whether a bundled runtime has to be started anew for this environment."""
    function = start.function
    own = {**dict(function.environment), **dict(function.local_environment)}
    package = start.package
    return (
        "AWS_LAMBDA_EXEC_WRAPPER" in own
        or needs_plain_start(function.runtime.language, own)
        or lead_to_libraries(library_folders(package.task_root, package.opt))
    )


async def started_plainly(
    zygote: Zygote, command: Sequence[str], start: Start, settings: Mapping[str, object]
) -> Child:
    """A bundled runtime started anew with all of its variables, by its wrapper if there is one."""
    argv = [*_wrapping(start), *command]
    try:
        started = await zygote.execute(argv, start.variables, start.package.task_root, frames=True)
    except OSError as error:
        raise InvalidEntrypointError(f"fork/exec {argv[0]}: {error}") from error
    return await framed(started, {**settings, "environment": {}})


def _wrapping(start: Start) -> list[str]:
    """What runs the command of a runtime: nothing, or AWS_LAMBDA_EXEC_WRAPPER.

    As on Lambda a shell executes the wrapper: it says what it does not find, and ends with 127.
    Layers and code of a wrapper's path lie elsewhere here.
    Source: Lambda Developer Guide, "Modifying the runtime environment", wrapper scripts.
    """
    wrapper = start.variables.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    if not wrapper:
        return []
    for place, folder in (("/opt/", start.package.opt), ("/var/task/", start.package.task_root)):
        if wrapper.startswith(place) and folder and not Path(wrapper).exists():
            wrapper = str(Path(folder, wrapper.removeprefix(place)))
    return ["/bin/sh", "-c", 'exec "$0" "$@"', wrapper]


async def framed(started: ZygoteChild, settings: Mapping[str, object]) -> Child:
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
    return child_of(started, channel, [], started.ended)


def child_of(
    started: ZygoteChild,
    channel: Channel,
    extensions: Sequence[ZygoteChild],
    ended: Callable[[], Awaitable[int | None]],
) -> Child:
    return Child(
        channel,
        started.pid,
        (started.log_fd, *(each.log_fd for each in extensions)),
        all_of([started.kill, *(each.kill for each in extensions)]),
        started.send_signal,
        ended,
        tuple(each.ended for each in extensions),
        channel.telemetry if isinstance(channel, RuntimeApiServer) else None,
    )


def all_of(actions: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def perform() -> None:
        for action in actions:
            action()

    return perform
