"""Node.js environments: taken from a child started ahead, or started anew; with Lambda's flags.

`starts` says which of the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import sys
from typing import Final, cast

from edgegw.awslambda.model import Runtime
from edgegw.awslambda.runtimes import node_flags
from edgegw.errors import EnvironmentProblem
from edgegw.execution.channel import Child
from edgegw.execution.spawning import (
    Start,
    Zygotes,
    framed,
    is_plain,
    limit_storage,
    started_plainly,
    with_zygote,
)
from edgegw.execution.starts import first_variables
from edgegw.execution.zygote import RUNTIMES, Zygote, ZygoteChild

logger = logging.getLogger(__name__)

_SPARE_DELAY: Final = 0.25
"""Seconds after a Node.js child is taken before the next one is started ahead."""

MIN_NODE: Final = 20

_LOOKS: Final[dict[tuple[str, int, int], tuple[str, bool]]] = {}
"""What is known of each Node.js, by path, time of change (ns) and version asked for."""

_NODE_HOST: Final = str(RUNTIMES / "node" / "host.cjs")


class NodeSpawner:
    """Keeps one Node.js child started ahead; taking it starts the next a moment later."""

    def __init__(self, runtime: Runtime, zygotes: Zygotes) -> None:
        self._executable = find_node()
        self._runtime = runtime
        self._zygotes = zygotes
        self._looking: asyncio.Task[bool] | None = None
        self._version = ""
        self._spare: asyncio.Task[ZygoteChild] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def description(self) -> str:
        return f"Node.js {self._version} ({self._executable})".replace("  ", " ")

    async def start(self) -> None:
        self._start_spare()

    def _start_spare(self) -> None:
        if self._spare is None and not self._closed:
            self._spare = asyncio.ensure_future(with_zygote(self._present, self._start))

    async def spawn(self, start: Start) -> Child:
        return await with_zygote(self._present, lambda zygote: self._spawn(zygote, start))

    async def _present(self) -> Zygote:
        return await self._zygotes.of(sys.executable)

    async def _spawn(self, zygote: Zygote, start: Start) -> Child:
        await limit_storage(zygote, start)
        if start.debug_port or is_plain(start):
            command = await self._command(start.variables.get("NODE_OPTIONS", ""))
            if start.debug_port:
                command.insert(1, f"--inspect=127.0.0.1:{start.debug_port}")
            return await started_plainly(zygote, command, start, start.settings)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_SPARE_DELAY, self._start_spare)
        try:
            started = await self._take_spare() or await self._start(zygote)
        except OSError as error:
            self._forget()
            raise EnvironmentProblem(f"Node.js cannot be started: {error}") from error
        return await framed(started, start.settings)

    async def _take_spare(self) -> ZygoteChild | None:
        """The child that was started ahead; None without one, also where that failed."""
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        try:
            return await spare
        except (OSError, EnvironmentProblem):  # of another moment than this one
            self._forget()
            return None

    def _forget(self) -> None:
        """What was learned of Node.js may not hold any more: it can be installed anew elsewhere."""
        if self._looking is not None and self._looking.done():
            self._looking = None
        with contextlib.suppress(EnvironmentProblem):
            self._executable = find_node()

    async def _start(self, zygote: Zygote) -> ZygoteChild:
        names = ("PATH", "LD_LIBRARY_PATH")
        machine = {name: os.environ[name] for name in names if name in os.environ}
        first = first_variables("nodejs", {"PATH": "/usr/local/bin:/usr/bin:/bin", **machine})
        return await zygote.execute(await self._command(), first, "/", frames=True)

    async def _command(self, options: str = "") -> list[str]:
        """The command of a child, less the flags that `options` (NODE_OPTIONS) reverses."""
        looking = self._looking
        if looking is None or (looking.done() and (looking.cancelled() or looking.exception())):
            looking = self._looking = asyncio.ensure_future(self._look())
        knows_flags = await asyncio.shield(looking)
        flags = node_flags(self._runtime.version[0], options) if knows_flags else ()
        return [self._executable, *flags, _NODE_HOST]

    async def _look(self) -> bool:
        """Whether this Node.js knows Lambda's flags for this runtime; and which one it is.

        Raises OSError, or EnvironmentProblem where it does not even say its version.
        """
        major = self._runtime.version[0]
        key = (self._executable, _modified(self._executable), major)
        if key not in _LOOKS:
            _LOOKS[key] = await _look(self._executable, major)
        self._version, knows_flags = _LOOKS[key]
        if self._version.partition(".")[0] != str(major):
            logger.warning(
                "%s was not found; its functions run on Node.js %s",
                self._runtime.identifier,
                self._version,
            )
        return knows_flags

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


def _modified(executable: str) -> int:
    with contextlib.suppress(OSError):
        return os.stat(executable).st_mtime_ns  # noqa: PTH116 - a path as text
    return 0


async def _look(executable: str, major: int) -> tuple[str, bool]:
    """Its version, and whether it knows Lambda's flags for Node.js `major`.

    Raises OSError, or EnvironmentProblem where it does not even say its version.
    """
    for flags in (node_flags(major), ()):
        process = await asyncio.create_subprocess_exec(
            executable,
            *flags,
            "--version",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        printed, _ = await process.communicate()
        if process.returncode == 0:
            return printed.decode("latin-1").strip().removeprefix("v"), bool(flags)
        if process.returncode is None or process.returncode < 0:
            break
    raise EnvironmentProblem(f"{executable} --version ended with {process.returncode}")


def find_node() -> str:
    """The path of Node.js. Raises EnvironmentProblem when there is none."""
    found = shutil.which("node")
    if found is None:
        raise EnvironmentProblem(
            f"Node.js {MIN_NODE} or newer was not found on PATH: install it, or remove the "
            "functions whose runtime is nodejs"
        )
    return found
