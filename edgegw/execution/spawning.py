"""How children come to be: Python by fork from a zygote, Node.js from a child started ahead."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import Process
from pathlib import Path
from typing import Final, Protocol, cast

from edgegw.awslambda.model import Runtime
from edgegw.errors import EnvironmentProblem
from edgegw.execution.environment import Child, Frames

logger = logging.getLogger(__name__)

_RUNTIMES: Final = Path(__file__).parent / "runtimes"
_HELLO_TIMEOUT: Final = 10.0
_SPARE_DELAY: Final = 0.25
"""Seconds after a Node.js child is taken before the next one is started ahead."""

MIN_NODE: Final = 20


class Spawner(Protocol):
    """Makes children of one runtime. The HTTP Runtime API will be one more of these."""

    async def start(self) -> None:
        """Prepares, without waiting for it."""
        ...

    async def spawn(self) -> Child:
        """A fresh child that waits for its settings. Raises EnvironmentProblem."""
        ...

    async def close(self) -> None:
        """Ends everything this spawner started."""
        ...


async def _frames(sock: socket.socket) -> Frames:
    sock.setblocking(False)  # noqa: FBT003
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_unix_connection(Frames, sock=sock)
    return protocol


class PythonSpawner:
    """Forks from a zygote of the interpreter that fits `runtime` best."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._starting: asyncio.Task[_Zygote] | None = None

    async def start(self) -> None:
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())

    async def _start(self) -> _Zygote:
        wanted = self._runtime.version
        problems: list[str] = []
        for executable in _pythons(wanted):
            zygote = _Zygote(executable)
            try:
                version = await zygote.start()
            except (OSError, TimeoutError, EnvironmentProblem) as error:
                problems.append(f"{executable}: {error}")
                continue
            if version != wanted:
                logger.warning(
                    "%s was not found; its functions run on Python %s",
                    self._runtime.identifier,
                    ".".join(map(str, version)),
                )
            return zygote
        raise EnvironmentProblem("no Python interpreter could be started: " + "; ".join(problems))

    async def spawn(self) -> Child:
        await self.start()
        task = cast("asyncio.Task[_Zygote]", self._starting)
        zygote = await asyncio.shield(task)
        if zygote.is_gone:
            if self._starting is task:
                self._starting = None
            return await self.spawn()
        return await zygote.fork()

    async def close(self) -> None:
        task, self._starting = self._starting, None
        if task is None:
            return
        with contextlib.suppress(EnvironmentProblem, asyncio.CancelledError):
            await (await task).close()


def _pythons(version: tuple[int, ...]) -> list[str]:
    """Interpreters to try, best first: this one if it fits, one on PATH, else this one anyway."""
    if sys.version_info[:2] == version:
        return [sys.executable]
    found = shutil.which("python" + ".".join(map(str, version)))
    return [*([found] if found else []), sys.executable]


class _Zygote:
    def __init__(self, executable: str) -> None:
        self._executable = executable
        self._ids = 0
        self._forking: dict[int, asyncio.Future[int]] = {}
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
        script = str(_RUNTIMES / "python" / "zygote.py")
        loop = asyncio.get_running_loop()
        self._hello = loop.create_future()
        self._control = ours
        try:
            self._process = await asyncio.create_subprocess_exec(
                self._executable,
                "-I",
                "-S",
                script,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                # An interpreter that was only guessed may be a shim that complains.
                stderr=None if self._executable == sys.executable else asyncio.subprocess.DEVNULL,
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
                return await self._hello
        except BaseException:
            await self.close()
            raise

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

    def _heard(self, message: dict[str, object]) -> None:
        if "version" in message:
            version = tuple(cast("list[int]", message["version"])[:2])
            if self._hello is not None and not self._hello.done():
                self._hello.set_result(version)
        elif "forked" in message:
            waiter = self._forking.pop(cast("int", message["forked"]), None)
            if waiter is not None and not waiter.done():
                waiter.set_result(cast("int", message["pid"]))
        elif "ended" in message:
            ended = self._ended.pop(cast("int", message["ended"]), None)
            if ended is not None and not ended.done():
                ended.set_result(cast("int", message["status"]))

    def _lose(self) -> None:
        if self.is_gone:
            return
        self.is_gone = True
        problem = EnvironmentProblem(f"the interpreter {self._executable} ended unexpectedly")
        waiters = [self._hello, *self._forking.values()]
        for waiter in waiters:
            if waiter is not None and not waiter.done():
                waiter.set_exception(problem)
        for ended in self._ended.values():
            if not ended.done():
                ended.set_result(None)
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()

    async def fork(self) -> Child:
        """A forked environment; sends two descriptors along with the wish."""
        control = cast("socket.socket", self._control)
        self._ids += 1
        ident = self._ids
        ours, theirs = socket.socketpair()
        log_read, log_write = os.pipe()
        loop = asyncio.get_running_loop()
        forked = self._forking[ident] = loop.create_future()
        ended = self._ended[ident] = loop.create_future()
        try:
            message = json.dumps({"fork": ident}).encode() + b"\n"
            socket.send_fds(control, [message], [theirs.fileno(), log_write])
        except OSError as error:
            ours.close()
            os.close(log_read)
            raise EnvironmentProblem(f"the interpreter cannot fork: {error}") from error
        finally:
            theirs.close()
            os.close(log_write)
        try:
            await forked
        except BaseException:
            ours.close()
            os.close(log_read)
            raise
        return Child(await _frames(ours), log_read, lambda: self._kill(ident), lambda: ended)

    def _kill(self, ident: int) -> None:
        if ident in self._ended and self._control is not None and not self.is_gone:
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"kill": ident}).encode() + b"\n")

    async def close(self) -> None:
        self._lose()
        if self._process is not None:
            try:
                async with asyncio.timeout(2):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


class NodeSpawner:
    """Keeps one Node.js child started ahead; taking it starts the next a moment later."""

    def __init__(self) -> None:
        self._executable = find_node()
        self._spare: asyncio.Task[Child] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._processes: set[Process] = set()
        self._closed = False

    async def start(self) -> None:
        self._start_spare()

    def _start_spare(self) -> None:
        if self._spare is None and not self._closed:
            self._spare = asyncio.ensure_future(self._start())

    async def spawn(self) -> Child:
        spare, self._spare = self._spare, None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_SPARE_DELAY, self._start_spare)
        try:
            return await (spare if spare is not None else self._start())
        except OSError as error:
            raise EnvironmentProblem(f"Node.js cannot be started: {error}") from error

    async def _start(self) -> Child:
        ours, theirs = socket.socketpair()
        log_read, log_write = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                self._executable,
                str(_RUNTIMES / "node" / "host.cjs"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_write,
                stderr=log_write,
                env={**os.environ, "EDGEGW_FRAMES_FD": str(theirs.fileno())},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            os.close(log_read)
            raise
        finally:
            theirs.close()
            os.close(log_write)
        self._processes.add(process)
        return Child(
            await _frames(ours),
            log_read,
            lambda: _kill_group(process),
            lambda: self._wait(process),
        )

    async def _wait(self, process: Process) -> int:
        status = await process.wait()
        self._processes.discard(process)
        return status

    async def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._spare is not None:
            with contextlib.suppress(OSError):
                spare = await self._spare
                spare.kill()
                spare.frames.close()
                os.close(spare.log_fd)
        for process in list(self._processes):
            _kill_group(process)
            await self._wait(process)


def _kill_group(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def find_node() -> str:
    """The path of Node.js. Raises EnvironmentProblem when there is none."""
    found = shutil.which("node")
    if found is None:
        raise EnvironmentProblem(
            f"Node.js {MIN_NODE} or newer was not found on PATH: install it, or remove the "
            "functions whose runtime is nodejs"
        )
    return found
