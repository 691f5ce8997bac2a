"""One execution environment: a child process that handles one invocation at a time.

What happens when is decided by `awslambda.lifecycle`; here the frames go out and come back, the
clock runs, and the log pipe is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from edgegw.awslambda.lifecycle import (
    INIT_TIMEOUT,
    MAX_PAYLOAD,
    Phase,
    Signal,
    exit_error,
    next_phase,
    platform_error,
    timeout_error,
)
from edgegw.awslambda.model import (
    Function,
    FunctionError,
    FunctionRef,
    Invocation,
    Outcome,
    Report,
    Returned,
)
from edgegw.awslambda.payload import decode_payload, encode_payload

logger = logging.getLogger(__name__)

Frame = tuple[bytes, bytes]
"""Kind and data of a frame."""

_HEAD: Final = 5
_KEPT_LOG: Final = 256 * 1024
"""Bytes of an invocation's output that its report keeps; the log gets all of it."""


class EnvironmentLostError(Exception):
    """The child closed its end: it exited, crashed or was killed."""


class Frames(asyncio.Protocol):
    """The socket pair to a child: whole frames in and out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[Frame] | None = None
        self._early: deque[Frame] = deque()
        self.is_lost = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEAD:
            end = _HEAD + int.from_bytes(buffer[:4], "big")
            if len(buffer) < end:
                return
            frame = (bytes(buffer[4:5]), bytes(buffer[_HEAD:end]))
            del buffer[:end]
            self._deliver(frame)

    def _deliver(self, frame: Frame) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(frame)
        else:
            self._early.append(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(EnvironmentLostError())

    def send(self, kind: bytes, data: bytes) -> None:
        if self._transport is not None and not self.is_lost:
            self._transport.write(len(data).to_bytes(4, "big") + kind + data)

    def next_frame(self) -> asyncio.Future[Frame]:
        """The next frame; raises EnvironmentLostError when the child is gone."""
        self._waiter = waiter = self._loop.create_future()
        if self._early:
            waiter.set_result(self._early.popleft())
        elif self.is_lost:
            waiter.set_exception(EnvironmentLostError())
        return waiter

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class LogPipe:
    """What a child writes to stdout and stderr, as lines."""

    def __init__(self, fd: int, on_line: Callable[[str], None]) -> None:
        self._fd = fd
        self._on_line = on_line
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self.drain)

    def drain(self) -> None:
        """Reads what is there now. A child writes before it answers, so nothing comes too late."""
        while self._fd >= 0:
            try:
                data = os.read(self._fd, 65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._on_line(line.decode("utf-8", "replace"))

    def close(self) -> None:
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        if self._rest:
            self._on_line(self._rest.decode("utf-8", "replace"))
            self._rest = b""


@dataclass(frozen=True, slots=True)
class Child:
    """A process that speaks frames: made by `spawning`, run by `Environment`.

    `kill` ends its whole process group; `ended` answers the exit status (negative: signal).
    """

    frames: Frames
    log_fd: int
    kill: Callable[[], None]
    ended: Callable[[], Awaitable[int | None]]


class Environment:
    """A child process with one function in it; `invoke` while `is_ready`."""

    def __init__(
        self, child: Child, function: Function, ref: FunctionRef, settings: Mapping[str, object]
    ) -> None:
        self._child = child
        self._function = function
        self._ref = ref
        self._settings = settings
        self._phase = Phase.INIT
        self._request_id = "-"
        self._lines: list[str] = []
        self._kept = 0
        self._init_duration: float | None = None
        self.waited = 0.0
        """Seconds of the last invocation in which the handler did not compute."""
        self._loop = asyncio.get_running_loop()
        self._log = LogPipe(child.log_fd, self._keep_line)

    @property
    def is_ready(self) -> bool:
        """Whether it can take an invocation; a process that ended while idle cannot."""
        return self._phase is Phase.READY and not self._child.frames.is_lost

    async def init(self) -> FunctionError | None:
        """Loads the code; None when the environment is ready, else why it is not."""
        started = time.perf_counter()
        child = self._child
        child.frames.send(b"I", encode_payload(self._settings))
        try:
            async with asyncio.timeout(INIT_TIMEOUT):
                kind, data = await child.frames.next_frame()
        except TimeoutError:
            error = timeout_error(str(uuid.uuid4()), INIT_TIMEOUT)
        except EnvironmentLostError:
            error = exit_error(str(uuid.uuid4()), await self._exit_status())
        else:
            if kind == b"R":
                self._phase = next_phase(self._phase, Signal.READY)
                self._init_duration = time.perf_counter() - started
                return None
            error = _runtime_error(data)
        self.kill()
        return FunctionError(
            *error, Report(duration=time.perf_counter() - started, logs=self._logs())
        )

    async def invoke(self, invocation: Invocation, arn: str) -> Outcome:
        """Runs one invocation. A time-out or a crash ends the environment."""
        self._phase = next_phase(self._phase, Signal.INVOKE)
        request_id = self._request_id = str(uuid.uuid4())
        timeout, frames = self._function.timeout, self._child.frames
        meta = encode_payload(
            {
                "request_id": request_id,
                "arn": arn,
                "trace_id": invocation.trace_id,
                "remaining_ms": timeout * 1000,
            }
        )
        answer = frames.next_frame()
        timer = self._loop.call_later(timeout, _expire, answer)
        started = time.perf_counter()
        frames.send(b"V", len(meta).to_bytes(2, "big") + meta + invocation.payload)
        try:
            kind, data = await answer
        except TimeoutError:
            return await self._end(timeout_error(request_id, timeout), started)
        except EnvironmentLostError:
            return await self._end(exit_error(request_id, await self._exit_status()), started)
        except asyncio.CancelledError:
            self.kill()
            raise
        finally:
            timer.cancel()
        duration = time.perf_counter() - started
        self.waited = int.from_bytes(data[:4], "big") / 1e6
        data = data[4:]
        self._log.drain()
        self._phase = next_phase(self._phase, Signal.ANSWER)
        report = Report(request_id, duration, self._init_duration, self._logs())
        self._init_duration = None
        self._request_id = "-"
        if kind == b"E":
            return FunctionError(*_runtime_error(data), report)
        if len(data) > MAX_PAYLOAD:
            text = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes)."  # noqa: E501 - AWS's text
            error = platform_error("Function.ResponseSizeTooLarge", request_id, text)
            return FunctionError(*error, report)
        return Returned(data, report)

    async def _end(self, error: tuple[str, str, bytes], started: float) -> FunctionError:
        self.kill()
        duration = time.perf_counter() - started
        report = Report(self._request_id, duration, self._init_duration, self._logs())
        return FunctionError(*error, report)

    async def _exit_status(self) -> int | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                return await self._child.ended()
        return None

    def kill(self) -> None:
        """Ends the process and everything it started."""
        if self._phase is Phase.GONE:
            return
        self._phase = next_phase(self._phase, Signal.END)
        self._log.drain()
        self._child.kill()
        self._child.frames.close()
        self._log.close()

    def _keep_line(self, line: str) -> None:
        if self._kept < _KEPT_LOG:
            self._lines.append(line)
            self._kept += len(line)
        logger.info("%s %s %s", self._ref.name, self._request_id, line)

    def _logs(self) -> tuple[str, ...]:
        if not self._lines:
            return ()
        lines, self._lines, self._kept = tuple(self._lines), [], 0
        return lines


def _expire(answer: asyncio.Future[Frame]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _runtime_error(data: bytes) -> tuple[str, str, bytes]:
    """Error type, message and payload out of an error object that a runtime made."""
    found = decode_payload(data)
    if not isinstance(found, Mapping):
        return "Runtime.Unknown", "", data
    return str(found.get("errorType", "")), str(found.get("errorMessage", "")), data
