"""The gateway's end of a zygote: from it every process of an environment comes.

A zygote runs below a guardian, which is the process that is started here and which hears of the
end by a pipe of its own. So a zygote that somebody kills takes nothing along and leaves nothing
behind: what runs goes on, new environments come from another zygote, and the guardian ends what is
left when the gateway ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from edgegw.errors import EnvironmentProblem
from edgegw.execution.control_line import ControlLine
from edgegw.execution.starts import first_variables
from edgegw.execution.usage import signal_tree
from edgegw.values import value

logger = logging.getLogger(__name__)

RUNTIMES: Final = Path(__file__).parent / "runtimes"
_HELLO_TIMEOUT: Final = 10.0
_FAREWELL: Final = 5.0
"""Seconds for a guardian to end everything; it takes three at most."""


@value
class ZygoteChild:
    """A process that came from a zygote, with our ends of its pipes.

    `frames` is there where a socket pair was asked for. `ended` answers the exit status.
    """

    pid: int
    log_fd: int
    frames: socket.socket | None
    send_signal: Callable[[int], None]
    kill: Callable[[], None]
    ended: Callable[[], Awaitable[int | None]]


class Zygote:
    """One clean interpreter that forks environments and starts other programs."""

    def __init__(self, executable: str) -> None:
        self.executable = executable
        self.version: tuple[int, ...] = ()
        self._ids = 0
        self._starting: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, asyncio.Future[int | None]] = {}
        self._asked: dict[int, asyncio.Future[bool]] = {}
        self._hello: asyncio.Future[tuple[int, ...]] | None = None
        self._rest = b""
        self._control: ControlLine | None = None
        self._life = -1
        self._process: subprocess.Popen[bytes] | None = None
        self.is_gone = False

    async def start(self) -> tuple[int, ...]:
        """Starts the process; answers its Python version (major, minor).

        Raises OSError, TimeoutError or EnvironmentProblem.
        """
        with contextlib.ExitStack() as closing:
            ours, theirs = socket.socketpair()
            closing.callback(theirs.close)
            ours.setblocking(False)  # noqa: FBT003
            self._control = ControlLine(ours)
            self._hello = asyncio.get_running_loop().create_future()
            try:
                life, self._life = os.pipe()
                closing.callback(os.close, life)
                self._process = self._started((theirs.fileno(), life))
            except BaseException:
                ours.close()
                self._let_go()
                raise
        asyncio.get_running_loop().add_reader(ours, self._read)
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT):
                self.version = await self._hello
        except BaseException:
            await self.close()
            raise
        return self.version

    def _started(self, descriptors: tuple[int, int]) -> subprocess.Popen[bytes]:
        """The process; no event loop's own, as it may outlive the one that runs."""
        script = str(RUNTIMES / "python" / "guardian.py")
        return subprocess.Popen(
            [self.executable, "-S", script, *map(str, descriptors)],
            stdin=subprocess.DEVNULL,
            # An interpreter that was only guessed may be a shim that complains.
            stderr=None if self.executable == sys.executable else subprocess.DEVNULL,
            pass_fds=descriptors,
            env=first_variables("python", os.environ),
            start_new_session=True,
        )

    def _read(self) -> None:
        control = cast("ControlLine", self._control)
        try:
            data = control.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(json.loads(line))

    def _heard(self, message: Mapping[str, object]) -> None:
        if "version" in message:
            version = tuple(cast("list[int]", message["version"])[:2])
            if self._hello is not None and not self._hello.done():
                self._hello.set_result(version)
        elif "started" in message:
            waiter = self._starting.pop(cast("int", message["started"]), None)
            if waiter is not None and not waiter.done():
                waiter.set_result(cast("int", message["pid"]))
        elif "failed" in message:
            waiter = self._starting.pop(cast("int", message["failed"]), None)
            self._ended.pop(cast("int", message["failed"]), None)
            if waiter is not None and not waiter.done():
                waiter.set_exception(OSError(str(message["error"])))
        elif "done" in message:
            done = self._asked.pop(cast("int", message["done"]), None)
            if done is not None and not done.done():
                done.set_result(bool(message["is_possible"]))
        elif "ended" in message:
            ended = self._ended.pop(cast("int", message["ended"]), None)
            if ended is not None and not ended.done():
                ended.set_result(cast("int", message["status"]))

    def _lose(self) -> None:
        if self.is_gone:
            return
        self.is_gone = True
        problem = EnvironmentProblem(f"the interpreter {self.executable} ended unexpectedly")
        for waiter in (self._hello, *self._starting.values(), *self._asked.values()):
            if waiter is not None and not waiter.done():
                waiter.set_exception(problem)
        for ended in self._ended.values():
            if not ended.done():
                ended.set_result(None)
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.sock)
            self._control.close()

    def _let_go(self) -> None:
        """The guardian's sign that the gateway needs it no more."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1

    def entrust(self, folder: str) -> None:
        """Has `folder` removed at the end, even when the gateway is killed."""
        with contextlib.suppress(OSError):
            os.write(self._life, os.fsencode(folder) + b"\n")

    async def limit(self, folder: str, size: int) -> bool:
        """Has `folder` hold at most `size` bytes for all that come from here; whether it does."""
        return await self._ask("limit", {"folder": folder, "size": size})

    async def _ask(self, what: str, details: Mapping[str, object]) -> bool:
        self._ids += 1
        ident = self._ids
        self._send({what: ident, **details}, [])
        done = self._asked[ident] = asyncio.get_running_loop().create_future()
        return await done

    async def fork(self) -> ZygoteChild:
        """A Python environment that waits for its settings."""
        return await self._start({}, frames=True)

    async def execute(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str, *, frames: bool = False
    ) -> ZygoteChild:
        """Starts another program; with `frames` it finds a socket on descriptor 3.

        Raises OSError when it cannot be executed.
        """
        return await self._start({"argv": list(argv), "env": dict(env), "cwd": cwd}, frames=frames)

    async def _start(self, program: Mapping[str, object], *, frames: bool) -> ZygoteChild:
        self._ids += 1
        ident = self._ids
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[int | None] = loop.create_future()
        with contextlib.ExitStack() as closing, contextlib.ExitStack() as undoing:
            ours, theirs = socket.socketpair() if frames else (None, None)
            given: list[int] = []
            if ours is not None and theirs is not None:
                undoing.callback(ours.close)
                closing.callback(theirs.close)
                given = [theirs.fileno()]
            log_read, log_write = os.pipe()
            undoing.callback(os.close, log_read)
            closing.callback(os.close, log_write)
            given = [log_write, *given] if program else [*given, log_write]
            starting = self._starting[ident] = loop.create_future()
            self._ended[ident] = ended
            undoing.callback(self._abandon, ident)
            self._send({"exec": ident, **program} if program else {"fork": ident}, given)
            pid = await starting
            undoing.pop_all()
        return ZygoteChild(
            pid,
            log_read,
            ours,
            lambda number: self._tell({"signal": ident, "number": number}, ident, pid),
            lambda: self._tell({"kill": ident}, ident, pid),
            lambda: asyncio.shield(ended),
        )

    def _send(self, message: Mapping[str, object], descriptors: list[int]) -> None:
        data = json.dumps({**message, "fds": len(descriptors)}).encode() + b"\n"
        try:
            cast("ControlLine", self._control).send(data, descriptors)
        except OSError as error:
            if isinstance(error, BrokenPipeError | ConnectionResetError):
                self._lose()
            raise EnvironmentProblem(f"the interpreter cannot start processes: {error}") from error

    def _abandon(self, ident: int) -> None:
        """Nobody waits for this child any more; it may be on its way all the same."""
        self._starting.pop(ident, None)
        if not self.is_gone:
            self._tell({"kill": ident}, ident, 0)

    def _tell(self, message: Mapping[str, int], ident: int, pid: int) -> None:
        if ident not in self._ended:
            return
        with contextlib.suppress(OSError):
            if self.is_gone:  # somebody killed the zygote: the gateway does it itself
                number = message.get("number", signal.SIGKILL)
                if number == signal.SIGKILL:
                    del self._ended[ident]  # its number may soon be another's
                signal_tree(pid, number)
            elif self._control is not None:
                self._control.send(json.dumps(message).encode() + b"\n")

    async def clear(self) -> bool:
        """Ends everything that came from it and leaves the event loop; whether it went well.

        Then `adopt` takes it into another one.
        """
        if self.is_gone:
            return False
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._ask("clear", {})
        except (TimeoutError, EnvironmentProblem):
            return False
        self._hello = None
        for waiting in (self._asked, self._starting, self._ended):
            waiting.clear()
        asyncio.get_running_loop().remove_reader(cast("ControlLine", self._control).sock)
        return True

    def adopt(self) -> bool:
        """Goes on in the running event loop; False where it has ended meanwhile."""
        sock = cast("ControlLine", self._control).sock
        try:
            sock.recv(1, socket.MSG_PEEK)
            return False  # the end, or something that nobody asked for
        except BlockingIOError:
            pass
        except OSError:
            return False
        self._control = ControlLine(sock)
        asyncio.get_running_loop().add_reader(sock, self._read)
        return True

    async def close(self) -> None:
        """Ends the process and everything that came from it."""
        self._lose()
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """Ends the process without an event loop; what waits for it is not told."""
        self._let_go()
        if self._control is not None:
            self._control.sock.close()
        if self._process is None:
            return
        try:
            self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
