"""One execution environment: a process that handles one invocation at a time, and its replacement.

What happens when is decided by `awslambda.lifecycle`; here the clock runs, the process is started
and ended, and what it prints becomes log lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edgegw.awslambda.cpu import CpuAllowance, vcpu_share
from edgegw.awslambda.lifecycle import (
    INIT_TIMEOUT,
    PROVISIONED_INIT_TIMEOUT,
    RUNTIME_SHUTDOWN,
    Failure,
    Phase,
    Signal,
    exit_error,
    memory_error,
    next_phase,
    platform_error,
    timeout_error,
)
from edgegw.awslambda.logs import (
    ExtensionState,
    InitReport,
    is_shown,
    report_record,
    runtime_done_record,
)
from edgegw.awslambda.model import Function, FunctionError, Invocation, Outcome, Report, Returned
from edgegw.errors import EnvironmentProblem
from edgegw.execution.channel import Answer, Channel, Child, EnvironmentLostError, Given, Sink
from edgegw.execution.log_pipe import LogPipe
from edgegw.execution.log_store import Journal, Started
from edgegw.execution.spawning import InvalidEntrypointError
from edgegw.execution.telemetry import Telemetry
from edgegw.execution.usage import (
    folder_size,
    peak_memory_kb,
    tree_cpu_seconds,
    tree_memory_kb,
)

logger = logging.getLogger(__name__)
PRINTED: Final = "edgegw.printed"
"""The log of what functions print; its records have name, request id and line as arguments."""
_printed = logging.getLogger(PRINTED)

_KEPT_LOG: Final = 256 * 1024
"""Bytes of an invocation's output that its report keeps; the log gets all of it."""

_MAX_TRACE: Final = 4096

Status = Literal["success", "error", "timeout", "failure"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What an environment is made of.

    `spawn` makes a fresh child of it and may raise EnvironmentProblem or InvalidEntrypointError;
    it gets a function that hears of extensions. `temporary` is the folder that TMPDIR names.
    """

    function: Function
    name: str
    journal: Journal
    temporary: str
    spawn: Callable[[Callable[[str, str], None]], Awaitable[Child]]
    is_provisioned: bool = False
    is_debugged: bool = False
    """Whether a debugger may stop it: then no limit of time or memory ends it."""
    is_slowed: bool = False
    """Whether it gets the share of a processor that its memory buys, as on AWS."""


class Environment:
    """An execution environment; `invoke` while `is_ready`.

    It outlives its process: after a time-out or a crash the next invocation starts another.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._function = setting.function
        self._journal = setting.journal
        self._phase = Phase.INIT
        self._child: Child | None = None
        self._channel: Channel | None = None
        self._pipes: list[LogPipe] = []
        self._telemetry: Telemetry | None = None
        self._request_id = "-"
        self._lines: list[str] = []
        self._kept = 0
        self._init_duration: float | None = None
        self._peak_kb = 0
        self._fatal: Literal["memory", "storage"] | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._loop = asyncio.get_running_loop()
        self._unfinished: Callable[[], Awaitable[None]] | None = None
        self._winding_down: set[asyncio.Task[None]] = set()
        # The bundled runtimes filter by level themselves.
        function = setting.function
        is_json = function.logs.format == "JSON"
        self._filters_lines = is_json and function.runtime.language == "provided"
        self._allowance: CpuAllowance | None = None
        self.waited = 0.0
        """Seconds of the last invocation in which the handler did not compute."""
        self.idle_since = 0.0

    @property
    def is_provisioned(self) -> bool:
        return self._setting.is_provisioned

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def is_ready(self) -> bool:
        """Whether it can take an invocation."""
        return self._phase in (Phase.READY, Phase.RESET)

    # Init

    async def init(self) -> Failure | None:
        """Loads the code; None when the environment is warm.

        After a failure it can be invoked all the same: the invocation then runs init again.
        """
        limit = INIT_TIMEOUT
        if self.is_provisioned:
            limit = max(PROVISIONED_INIT_TIMEOUT, self._function.timeout)
        if self._setting.is_debugged:
            limit = self._function.timeout
        started = time.perf_counter()
        failure = await self._load(limit, "")
        if failure is None:
            self._phase = next_phase(self._phase, Signal.READY)
            self._init_duration = time.perf_counter() - started
            report = InitReport(self._init_duration, "init", "success")
            self._emit("initRuntimeDone", report.runtime_done())
            self._emit("initReport", report.record())
            return None
        self._report_init(failure, time.perf_counter() - started, "init")
        self._lines, self._kept = [], 0
        return failure

    async def _load(self, limit: float, request_id: str) -> Failure | None:
        """Starts a process and waits `limit` seconds until its code is loaded."""
        self._fatal, self._telemetry = None, None
        try:
            async with asyncio.timeout(limit):
                child = await self._setting.spawn(self._note_extension)
                self._attach(child)
                failure = await child.channel.init()
        except TimeoutError:
            failure = timeout_error(request_id, limit)
        except EnvironmentLostError:
            failure = await self._lost(request_id)
        except InvalidEntrypointError as error:
            failure = platform_error("Runtime.InvalidEntrypoint", request_id, str(error))
        except EnvironmentProblem as problem:
            failure = platform_error("Runtime.InvalidEntrypoint", request_id, str(problem))
        except BaseException:
            self._drop("FAILURE")
            raise
        if failure is not None:
            self._drop("TIMEOUT" if failure.error_type == "Sandbox.Timedout" else "FAILURE")
        return failure

    def _attach(self, child: Child) -> None:
        self._child, self._channel = child, child.channel
        runtime, *extensions = child.log_fds
        self._pipes = [
            LogPipe(runtime, self._keep_line),
            *(LogPipe(fd, self._keep_extension_line) for fd in extensions),
        ]
        self._telemetry = child.telemetry
        if child.telemetry is not None:
            kind = "provisioned-concurrency" if self.is_provisioned else "on-demand"
            phase = "init" if self._phase is Phase.INIT else "invoke"
            self._emit(
                "initStart",
                {
                    "initializationType": kind,
                    "phase": phase,
                    "functionName": self._setting.name,
                    "functionVersion": self._function.version,
                },
            )

    def _emit(self, kind: str, record: Mapping[str, object]) -> None:
        """A platform event for extensions that subscribed to telemetry."""
        if self._telemetry is not None:
            self._telemetry.emit(f"platform.{kind}", record)

    def _report_init(self, failure: Failure, duration: float, phase: str) -> None:
        is_timeout = failure.error_type == "Sandbox.Timedout"
        status = "timeout" if is_timeout else "error"
        kind = "" if is_timeout else failure.error_type
        self._journal.add(InitReport(duration, phase, status, kind))

    def _note_extension(self, name: str, events: str) -> None:
        self._journal.add(ExtensionState(name, "Ready", events))

    # Invocations

    async def invoke(self, invocation: Invocation, arn: str, sink: Sink | None = None) -> Outcome:
        """Runs one invocation. A time-out or a crash ends the process, not the environment."""
        request_id = self._request_id = new_request_id()
        timeout = self._function.timeout
        started = time.perf_counter()
        self._journal.add(Started(request_id, self._function.version))
        channel = self._channel
        if channel is None or channel.is_lost:
            failure = await self._init_again(timeout, request_id)
            if failure is not None:
                return self._failed(failure, started)
            channel = self._channel
            assert channel is not None
        else:
            self._phase = next_phase(self._phase, Signal.INVOKE)
        self._emit("start", {"requestId": request_id, "version": self._function.version})
        left = timeout - (time.perf_counter() - started)
        trace_id = invocation.trace_id[:_MAX_TRACE].replace("\n", " ") or new_trace_id()
        given = Given(request_id, arn, trace_id, invocation.client_context, max(0.0, left))
        answering = self._waiting = channel.invoke(given, invocation.payload, sink)
        timer = self._loop.call_later(left, _expire, answering)
        try:
            answer = await answering
        except TimeoutError:
            return self._failed(timeout_error(request_id, timeout), started)
        except EnvironmentLostError:
            return self._failed(await self._lost(request_id), started)
        except asyncio.CancelledError:
            # A caller that goes away does not stop the function.
            answering = self._waiting = _again(answering, channel, self._loop)
            timer = self._loop.call_later(left, _expire, answering)
            self._unfinished = lambda: self._abandoned(answering, channel, started, timer)
            raise
        finally:
            timer.cancel()
        self._waiting = None
        return self._answered(answer, channel, started)

    async def _init_again(self, timeout: float, request_id: str) -> Failure | None:
        """Init inside the invocation: after a failed one, a crash or a time-out."""
        self._drop("FAILURE")
        self._phase = next_phase(self._phase, Signal.INVOKE)
        self._init_duration = None
        started = time.perf_counter()
        failure = await self._load(timeout, request_id)
        if failure is not None:
            self._report_init(failure, time.perf_counter() - started, "invoke")
        return failure

    def _answered(self, answer: Answer, channel: Channel, started: float) -> Outcome:
        duration = time.perf_counter() - started
        self.waited = answer.waited
        self._note_memory(answer.memory_kb)
        self._drain()
        self._phase = next_phase(self._phase, Signal.ANSWER)
        report = self._report(duration, "success", "")
        failure = answer.failure
        if self._telemetry is not None:
            self._emit("runtimeDone", runtime_done_record(report, len(answer.payload)))
        if failure is not None and failure.error_type.startswith("Extension."):
            self._drop("FAILURE")
            report = self._report(duration, "error", failure.error_type)
        if channel.is_settled or self._phase is Phase.RESET:
            self._finish(report)
        else:
            self._unfinished = lambda: self._tail(report, channel, started)
        if failure is not None:
            return FunctionError(*failure, report)
        return Returned(answer.payload, report)

    @property
    def is_settled(self) -> bool:
        """Whether the next invocation may come at once; else `settle` first."""
        return self._unfinished is None

    async def settle(self) -> None:
        """Waits for what goes on behind the answer, or after the caller went away."""
        unfinished, self._unfinished = self._unfinished, None
        if unfinished is not None:
            await unfinished()

    async def _tail(self, report: Report, channel: Channel, started: float) -> None:
        """Extensions, and a runtime that works on behind its answer.

        Their time belongs to the invocation: it is in its duration and under its timeout.
        """
        status: Status = "success"
        kind = ""
        try:
            async with asyncio.timeout(max(0.0, self._function.timeout - report.duration)):
                await channel.settled()
        except TimeoutError:
            status = "timeout"
            self._drop("TIMEOUT")
        except EnvironmentLostError:
            status, kind = "error", (await self._lost(report.request_id)).error_type
            self._drop("FAILURE")
        self._drain()
        duration = time.perf_counter() - started
        self._finish(
            report._replace(
                duration=duration,
                status=status,
                error_type=kind,
                logs=(),
                max_memory_used_mb=self._used_mb,
            )
        )
        self._lines, self._kept = [], 0

    async def _abandoned(
        self,
        answering: asyncio.Future[Answer],
        channel: Channel,
        started: float,
        timer: asyncio.TimerHandle,
    ) -> None:
        """The rest of an invocation whose caller went away."""
        request_id = self._request_id
        try:
            answer = await answering
        except TimeoutError:
            self._failed(timeout_error(request_id, self._function.timeout), started)
            return
        except EnvironmentLostError:
            self._failed(await self._lost(request_id), started)
            return
        finally:
            timer.cancel()
            self._waiting = None
        self._answered(answer, channel, started)
        await self.settle()

    def _failed(self, failure: Failure, started: float) -> FunctionError:
        """The process is of no use any more, or there is none."""
        is_timeout = failure.error_type == "Sandbox.Timedout"
        self._drop("TIMEOUT" if is_timeout else "FAILURE")
        status: Status = "timeout" if is_timeout else "error"
        kind = "" if is_timeout else failure.error_type
        report = self._report(time.perf_counter() - started, status, kind)
        self._finish(report)
        return FunctionError(*failure, report)

    def _report(self, duration: float, status: Status, kind: str) -> Report:
        lines, self._lines, self._kept = tuple(self._lines), [], 0
        init_duration, self._init_duration = self._init_duration, None
        return Report(
            self._request_id,
            duration,
            init_duration,
            lines,
            self._function.version,
            self._function.memory_mb,
            self._used_mb,
            status,
            kind,
        )

    @property
    def _used_mb(self) -> int:
        return min(self._peak_kb // 1024, self._function.memory_mb)

    def _finish(self, report: Report) -> None:
        if self._telemetry is not None:
            self._emit("report", report_record(report))
        self._journal.add(report)
        self._request_id = "-"

    async def _lost(self, request_id: str) -> Failure:
        """Why the process went away."""
        if self._fatal == "memory":
            return memory_error(request_id)
        status: int | None = None
        if self._child is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    status = await self._child.ended()
        return exit_error(request_id, status)

    # Limits

    def check_limits(self, *, storage: bool) -> None:
        """Looks at the memory (and the temporary folder) of a busy environment; ends it if it must.

        `_lost` then tells why.
        """
        child = self._child
        if child is None or self._phase not in (Phase.BUSY, Phase.INIT):
            return
        if self._setting.is_debugged:
            return
        if self._setting.is_slowed and self._phase is Phase.BUSY:
            self._slow_down(child)
        self._note_memory(tree_memory_kb(child.pid))
        if self._peak_kb > self._function.memory_mb * 1024:
            self._end_for("memory", child)
        elif storage:
            limit = self._function.ephemeral_storage_mb
            if folder_size(self._setting.temporary) > limit * 1024 * 1024:
                text = (
                    f"{self._setting.name}: the temporary folder holds more than {limit} MB, the "
                    "ephemeral storage of the function; on AWS writing fails with ENOSPC"
                )
                self._keep_line(f"edgegw: {text}")
                logger.warning("%s", text)
                self._end_for("storage", child)

    def _slow_down(self, child: Child) -> None:
        now, used = time.monotonic(), tree_cpu_seconds(child.pid)
        if self._allowance is None:
            share = vcpu_share(self._function.memory_mb)
            self._allowance = CpuAllowance(share, now, used)
        action = self._allowance.look(now, used)
        if action is not None:
            child.send_signal(signal.SIGSTOP if action == "stop" else signal.SIGCONT)

    def _end_for(self, why: Literal["memory", "storage"], child: Child) -> None:
        self._fatal = why
        child.kill()
        waiting = self._waiting
        if waiting is not None and not waiting.done():
            waiting.set_exception(EnvironmentLostError())

    def _note_memory(self, kilobytes: int) -> None:
        if not kilobytes and self._child is not None and self._phase is Phase.BUSY:
            kilobytes = peak_memory_kb(self._child.pid)
        self._peak_kb = max(self._peak_kb, kilobytes)

    # The end

    def _drop(self, reason: str) -> None:
        """Ends the process and everything it started; the environment stays."""
        child, self._child, self._channel = self._child, None, None
        self._allowance = None
        if self._phase is not Phase.GONE:
            self._phase = next_phase(self._phase, Signal.FAIL)
        if child is None:
            return
        self._drain()
        pipes, self._pipes = self._pipes, []
        if child.extensions and reason != "SPINDOWN":
            child.send_signal(signal.SIGKILL)  # the runtime first, then the extensions
            task = asyncio.ensure_future(_wind_down(child, reason, pipes))
            self._winding_down.add(task)
            task.add_done_callback(self._winding_down.discard)
            return
        _end(child, pipes)

    async def shut_down(self) -> None:
        """The shutdown phase: extensions hear of it and get their time, then all is killed.

        Without extensions the runtime is killed at once, as on AWS.
        Source: Lambda Developer Guide, "Shutdown phase".
        """
        child = self._child
        if child is not None and self._phase is Phase.READY and not child.channel.is_lost:
            seconds = child.channel.shutdown_time()
            if seconds:
                child.send_signal(signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(seconds, RUNTIME_SHUTDOWN)):
                        await child.ended()
                await _tell_extensions(child, "SPINDOWN", seconds)
        for task in list(self._winding_down):
            await task
        self.kill()

    def kill(self) -> None:
        """Ends the environment at once."""
        if self._phase is Phase.GONE:
            return
        self._drop("SPINDOWN")
        self._phase = next_phase(self._phase, Signal.END)
        shutil.rmtree(self._setting.temporary, ignore_errors=True)

    def _drain(self) -> None:
        for pipe in self._pipes:
            pipe.drain()

    def _keep_line(self, line: str) -> None:
        if self._filters_lines and not is_shown(line, self._function.logs):
            return
        if self._kept < _KEPT_LOG:
            self._lines.append(line)
            self._kept += len(line)
        self._journal.add(line)
        if self._telemetry is not None:
            self._telemetry.line("function", line)
        _printed.info("%s %s %s", self._setting.name, self._request_id, line)

    def _keep_extension_line(self, line: str) -> None:
        self._journal.add(line)
        if self._telemetry is not None:
            self._telemetry.line("extension", line)
        _printed.info("%s %s %s", self._setting.name, self._request_id, line)


def new_request_id() -> str:
    """A random UUID (version 4); it is no secret, so it need not cost a system call."""
    digits = f"{random.getrandbits(128) & _UUID_MASK | _UUID_BITS:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_trace_id() -> str:
    """A trace header for an invocation that came without: Lambda makes one, not sampled."""
    root, parent = random.getrandbits(96), random.getrandbits(64)
    return f"Root=1-{int(time.time()):08x}-{root:024x};Parent={parent:016x};Sampled=0"


_UUID_MASK: Final = ~((0xF000 << 64) | (0xC000 << 48))
_UUID_BITS: Final = (0x4000 << 64) | (0x8000 << 48)


async def _tell_extensions(child: Child, reason: str, seconds: float) -> None:
    """SHUTDOWN to the extensions, and the time until they are gone or the time is up."""
    if child.telemetry is not None:
        await child.telemetry.flush()
    child.channel.shut_down(reason, seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for ended in child.extensions:
                await ended()


async def _wind_down(child: Child, reason: str, pipes: list[LogPipe]) -> None:
    await _tell_extensions(child, reason, child.channel.shutdown_time())
    _end(child, pipes)


def _end(child: Child, pipes: list[LogPipe]) -> None:
    child.kill()
    child.channel.close()
    for pipe in pipes:
        pipe.drain()
        pipe.close()


def _again(
    canceled: asyncio.Future[Answer], channel: Channel, loop: asyncio.AbstractEventLoop
) -> asyncio.Future[Answer]:
    """A future for the answer that `canceled` does not take any more."""
    if canceled.done() and not canceled.cancelled():
        return canceled
    answer: asyncio.Future[Answer] = loop.create_future()
    channel.redirect(answer)
    return answer


def _expire(answer: asyncio.Future[Answer]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
