"""The gateway's end of a zygote: from it every process of an environment comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from edgegw.errors import EnvironmentProblem
from edgegw.values import value

logger = logging.getLogger(__name__)

RUNTIMES: Final = Path(__file__).parent / "runtimes"
_HELLO_TIMEOUT: Final = 10.0


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
        self._hello: asyncio.Future[tuple[int, ...]] | None = None
        self._rest = b""
        self._control: socket.socket | None = None
        self._process: Process | None = None
        self.is_gone = False

    async def start(self) -> tuple[int, ...]:
        """Starts the process; answers its Python version (major, minor)."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003
        script = str(RUNTIMES / "python" / "zygote.py")
        loop = asyncio.get_running_loop()
        self._hello = loop.create_future()
        self._control = ours
        try:
            self._process = await asyncio.create_subprocess_exec(
                self.executable,
                "-I",
                "-S",
                script,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                # An interpreter that was only guessed may be a shim that complains.
                stderr=None if self.executable == sys.executable else asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        loop.add_reader(ours, self._read)
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT):
                self.version = await self._hello
        except BaseException:
            await self.close()
            raise
        return self.version

    def _read(self) -> None:
        control = cast("socket.socket", self._control)
        try:
            data = control.recv(65536)
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
        elif "ended" in message:
            ended = self._ended.pop(cast("int", message["ended"]), None)
            if ended is not None and not ended.done():
                ended.set_result(cast("int", message["status"]))

    def _lose(self) -> None:
        if self.is_gone:
            return
        self.is_gone = True
        problem = EnvironmentProblem(f"the interpreter {self.executable} ended unexpectedly")
        for waiter in (self._hello, *self._starting.values()):
            if waiter is not None and not waiter.done():
                waiter.set_exception(problem)
        for ended in self._ended.values():
            if not ended.done():
                ended.set_result(None)
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()

    def entrust(self, folder: str) -> None:
        """Has the process remove `folder` at its end, even when the gateway is killed."""
        if self._control is not None and not self.is_gone:
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"folder": folder}).encode() + b"\n")

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
        control = cast("socket.socket", self._control)
        self._ids += 1
        ident = self._ids
        ours, theirs = socket.socketpair() if frames else (None, None)
        log_read, log_write = os.pipe()
        loop = asyncio.get_running_loop()
        starting = self._starting[ident] = loop.create_future()
        ended: asyncio.Future[int | None] = loop.create_future()
        self._ended[ident] = ended
        given = [log_write] if theirs is None else [log_write, theirs.fileno()]
        message = {"exec": ident, **program} if program else {"fork": ident}
        try:
            await self._send(control, message, given[::-1] if not program else given)
            pid = await starting
        except BaseException:
            if not self.is_gone:  # it may be on its way all the same
                self._tell({"kill": ident}, ident, 0)
            if ours is not None:
                ours.close()
            os.close(log_read)
            raise
        finally:
            if theirs is not None:
                theirs.close()
            os.close(log_write)
        return ZygoteChild(
            pid,
            log_read,
            ours,
            lambda number: self._tell({"signal": ident, "number": number}, ident, pid),
            lambda: self._tell({"kill": ident}, ident, pid),
            lambda: asyncio.shield(ended),
        )

    async def _send(
        self, control: socket.socket, message: Mapping[str, object], fds: list[int]
    ) -> None:
        data = json.dumps({**message, "fds": len(fds)}).encode() + b"\n"
        try:
            sent = socket.send_fds(control, [data], fds)
            if sent < len(data):
                await asyncio.get_running_loop().sock_sendall(control, data[sent:])
        except OSError as error:
            raise EnvironmentProblem(f"the interpreter cannot start processes: {error}") from error

    def _tell(self, message: Mapping[str, int], ident: int, pid: int) -> None:
        if ident not in self._ended:
            return
        with contextlib.suppress(OSError):
            if self.is_gone:  # somebody killed the zygote: its children are nobody's
                os.killpg(pid, message.get("number", signal.SIGKILL))
            elif self._control is not None:
                self._control.send(json.dumps(message).encode() + b"\n")

    async def close(self) -> None:
        """Ends the process and everything that came from it."""
        self._lose()
        if self._process is not None:
            try:
                async with asyncio.timeout(2):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGKILL)
                await self._process.wait()
