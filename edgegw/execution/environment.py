"""One execution environment: a process that handles one invocation at a time, and its replacement.

What happens when is decided by `awslambda.lifecycle`; here the clock runs. The process itself, its
start and its end, is `environment_process`.

An invocation that finds its process warm needs no task, no future of its own and no timer:
`begin` writes one frame, the channel calls `answered` when the next frame comes, and with that the
outcome is in the caller's future and the environment back in its pool, which may begin the next
invocation before anybody else has run. Only what is rare takes a task: init inside an invocation,
and the question why a process is gone.

    begin ──warm──▶ hand out ──answered──▶ outcome ──settled──▶ free
      │                │  └──── lost ────▶ (task: why?) ──▶ failed, free
      │                └── time is up ───▶ failed, free
      └──cold─▶ (task: init) ─▶ hand out, or failed

`_pending` is the invocation under way until it is answered, `_tail` while extensions work on
behind the answer. Who takes it out settles it: of an answer, a time-out and a loss that come
together only the first one counts. One timer serves all invocations of an
environment: it is set when none is, and when it rings early because its invocation is over and
another one under way, it is set again. A caller that goes away cancels its future and nothing else.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from edgegw.awslambda.lifecycle import (
    INIT_TIMEOUT,
    PROVISIONED_INIT_TIMEOUT,
    ErrorObject,
    Phase,
    Signal,
    next_phase,
    timeout_error,
)
from edgegw.awslambda.logs import InitReport
from edgegw.awslambda.model import FunctionError, Report, Returned
from edgegw.background import Background
from edgegw.execution.channel import Channel, PendingInvocation, RuntimeAnswer
from edgegw.execution.environment_process import EnvironmentProcess
from edgegw.execution.environment_spec import EnvironmentSpec
from edgegw.execution.output import Output
from edgegw.execution.request_ids import RequestIds
from edgegw.execution.watch import Watch

_MAX_TRACE: Final = 4096
_WARM: Final = next_phase(Phase.READY, Signal.INVOKE)
_ANSWERED: Final = next_phase(_WARM, Signal.ANSWER)

Status = Literal["success", "error", "timeout", "failure"]


class _Tail(NamedTuple):
    """An invocation that is answered while extensions, or its runtime, still work on."""

    pending: PendingInvocation
    report: Report


def _nobody(_environment: Environment, _now: float) -> None:
    """Hears that an environment is free before it has a pool."""


class Environment:
    """An execution environment; `begin` an invocation while `is_ready`.

    It outlives its process: after a time-out or a crash the next invocation starts another.
    """

    def __init__(self, setting: EnvironmentSpec) -> None:
        self._setting = setting
        self._function = setting.function
        self._timeout = setting.function.timeout
        self._output = Output(setting.name, setting.function, setting.journal)
        self._watch = Watch(
            setting.name, setting.function, setting.temporary, is_slowed=setting.is_slowed
        )
        self._ids = RequestIds()
        self._phase = Phase.INIT
        self._background = Background()
        self._process = EnvironmentProcess(
            setting, self._output, self._watch, recipient=self, background=self._background
        )
        self._pending: PendingInvocation | None = None
        self._tail: _Tail | None = None
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._init_duration: float | None = None
        self._loop = asyncio.get_running_loop()
        self._becoming_free: asyncio.Future[None] | None = None
        self._cold: asyncio.Task[None] | None = None
        self.on_free: Callable[[Environment, float], None] = _nobody
        """Called (with monotonic seconds) when the next invocation may begin; the pool's."""
        self.duration = 0.0
        """Seconds that the last invocation took."""
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
        return self._phase is Phase.READY or self._phase is Phase.RESET

    # Init

    async def init(self) -> ErrorObject | None:
        """Loads the code; None when the environment is warm.

        After a failure it can be invoked all the same: the invocation then runs init again.
        """
        limit = INIT_TIMEOUT
        if self.is_provisioned:
            limit = max(PROVISIONED_INIT_TIMEOUT, self._timeout)
        if self._setting.is_debugged:
            limit = self._timeout
        started = time.monotonic()
        failure = await self._load(limit, "")
        if failure is None:
            self._phase = next_phase(self._phase, Signal.READY)
            self._init_duration = time.monotonic() - started
            self._output.init_done(InitReport(self._init_duration, "init", "success"))
            return None
        self._report_init(failure, time.monotonic() - started, "init")
        self._output.take_lines()
        return failure

    async def _load(self, limit: float, request_id: str) -> ErrorObject | None:
        """Starts a process and waits `limit` seconds until its code is loaded."""
        phase = "init" if self._phase is Phase.INIT else "invoke"
        try:
            failure = await self._process.load(limit, request_id, phase)
        except BaseException:
            self._drop("FAILURE")
            raise
        if failure is not None:
            self._drop("TIMEOUT" if failure.error_type == "Sandbox.Timedout" else "FAILURE")
        return failure

    def _report_init(self, failure: ErrorObject, duration: float, phase: str) -> None:
        status, kind = _status_of(failure)
        self._output.init_failed(InitReport(duration, phase, status, kind))

    # Invocations

    def begin(self, pending: PendingInvocation, now: float) -> None:
        """Runs one invocation. A time-out or a crash ends the process, not the environment.

        `now` are monotonic seconds.
        """
        wall = time.time()
        self._pending = pending
        pending.started, pending.left = now, self._timeout
        request_id = pending.invocation.request_id or self._ids.request_id()
        pending.request_id = request_id
        trace_id = pending.invocation.trace_id
        tracer = self._setting.tracer
        if tracer is not None:
            fallback = self._ids.trace_id(request_id, wall)
            pending.trace_id = _header(tracer.begin(pending, fallback, wall))
        elif trace_id:
            pending.trace_id = _header(self._ids.passed_on(trace_id, request_id, wall))
        else:
            pending.trace_id = self._ids.trace_id(request_id, wall)
        self._output.arrived(request_id, wall)
        channel = self._process.channel
        if self._phase is Phase.READY and channel is not None and not channel.is_lost:
            self._phase = _WARM
            self._hand_out(pending, channel)
        else:
            self._phase = next_phase(self._phase, Signal.INVOKE)
            self._cold = self._background.start(self._begin_cold(pending))

    async def _begin_cold(self, pending: PendingInvocation) -> None:
        """Init inside the invocation: after a failed one, a crash or a time-out."""
        if self._process.child is not None:
            self._drop("FAILURE")
            self._phase = next_phase(self._phase, Signal.INVOKE)
        self._init_duration = None
        try:
            failure = await self._load(self._timeout, pending.request_id)
        except Exception as error:
            self._cold = self._pending = None
            pending.give_up(error)
            self._finish(None, time.monotonic())
            raise
        self._cold = None
        spent = time.monotonic() - pending.started
        if failure is not None:
            self._report_init(failure, spent, "invoke")
            self._pending = None
            self._fail(pending, failure)
        elif (channel := self._process.channel) is not None:
            pending.left = max(0.0, self._timeout - spent)
            self._hand_out(pending, channel)

    def _hand_out(self, pending: PendingInvocation, channel: Channel) -> None:
        if self._output.telemetry is not None:
            self._output.began(pending.request_id)
        self._deadline = pending.started + self._timeout
        if self._alarm is None:
            self._alarm = self._loop.call_later(pending.left, self._ring)
        channel.invoke(pending)

    def _ring(self) -> None:
        """The alarm: the time of the invocation under way is up, if it is still the same one."""
        self._alarm = None
        pending = self._pending
        if self._cold is not None or (pending is None and self._tail is None):
            return
        left = self._deadline - time.monotonic()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._ring)
        elif pending is not None:
            self._pending = None
            self._fail(pending, timeout_error(pending.request_id, self._timeout))
        else:
            self._drop("TIMEOUT")
            self._end_tail("timeout", "")

    def answered(self, answer: RuntimeAnswer) -> None:
        """The runtime has answered the invocation under way."""
        pending, channel = self._pending, self._process.channel
        if pending is None or channel is None:
            if answer.failure is not None and self._tail is not None:
                self._drop("FAILURE")
                self._end_tail("error", answer.failure.error_type)
            return
        self._pending = None
        now = time.monotonic()
        self.duration, self.waited = now - pending.started, answer.waited
        if answer.memory_kb > self._watch.peak_kb or not answer.memory_kb:
            self._watch.note_memory(answer.memory_kb, self._process.child, now)
        self._output.catch_up()
        self._phase = _ANSWERED
        report = self._report(pending, "success", "", answer.failure)
        if self._output.telemetry is not None:
            self._output.runtime_done(report, len(answer.payload))
        if answer.failure is None:
            pending.give(Returned(answer.payload, report))
        else:
            report = self._after_failure(answer.failure, report)
            pending.give(FunctionError(*answer.failure, report))
        if channel.is_settled or self._process.channel is None:
            self._finish(report, now)
        else:
            self._tail = _Tail(pending, report)

    def _after_failure(self, failure: ErrorObject, report: Report) -> Report:
        """The platform's report where the function failed: an extension takes the process along."""
        if not failure.error_type.startswith("Extension."):
            return report
        self._drop("FAILURE")
        return replace(report, status="error", error_type=failure.error_type)

    def settled(self) -> None:
        """The runtime and all extensions are done with what goes on behind the answer."""
        if self._tail is not None:
            self._end_tail("success", "")

    def _end_tail(self, status: Status, kind: str) -> None:
        """The invocation is over at last: all of it was under its time-out, and it is reported."""
        tail, self._tail = self._tail, None
        if tail is None:
            return
        now = time.monotonic()
        self._output.catch_up()
        self._output.take_lines()
        report = replace(
            tail.report,
            duration=now - tail.pending.started,
            status=status,
            error_type=kind,
            logs=(),
            max_memory_used_mb=self._watch.used_mb,
        )
        self._finish(report, now)

    def lost(self) -> None:
        """The runtime's process is gone."""
        if self._cold is not None:
            return  # whoever waits for its init learns it there
        pending, self._pending = self._pending, None
        if pending is not None:
            self._background.start(self._fail_lost(pending))
        elif self._tail is not None:
            self._background.start(self._end_lost_tail(self._tail))

    async def _fail_lost(self, pending: PendingInvocation) -> None:
        self._fail(pending, await self._process.why_lost(pending.request_id))

    async def _end_lost_tail(self, tail: _Tail) -> None:
        failure = await self._process.why_lost(tail.report.request_id)
        if self._tail is tail:
            self._drop("FAILURE")
            self._end_tail("error", failure.error_type)

    def _fail(self, pending: PendingInvocation, failure: ErrorObject) -> None:
        """The process is of no use any more, or there is none."""
        status, kind = _status_of(failure)
        self._drop("TIMEOUT" if status == "timeout" else "FAILURE")
        now = time.monotonic()
        self.duration = now - pending.started
        report = self._report(pending, status, kind, failure)
        pending.give(FunctionError(*failure, report))
        self._finish(report, now)

    def _report(
        self, pending: PendingInvocation, status: Status, kind: str, failure: ErrorObject | None
    ) -> Report:
        """The report of an invocation that ends; `failure` is what the caller gets."""
        init_duration, self._init_duration = self._init_duration, None
        report = Report(
            pending.request_id,
            self.duration,
            init_duration,
            self._output.take_lines() if self._output.lines else (),
            self._function.version,
            self._function.memory_mb,
            self._watch.used_mb,
            status,
            kind,
            failure is not None,
        )
        trace, tracer = pending.trace, self._setting.tracer
        if trace is None or tracer is None:
            return report
        return tracer.end(trace, pending, report, failure, is_provisioned=self.is_provisioned)

    def _finish(self, report: Report | None, now: float) -> None:
        if report is not None:
            self._output.finished(report)
        if self._becoming_free is not None:
            self._becoming_free.set_result(None)
            self._becoming_free = None
        self.on_free(self, now)

    async def at_rest(self) -> None:
        """Waits for what goes on behind the answer, or after the caller went away."""
        pending = self._pending
        if self._tail is not None or (pending is not None and pending.outcome.done()):
            if self._becoming_free is None:
                self._becoming_free = self._loop.create_future()
            await asyncio.shield(self._becoming_free)
        await self._background.settled()

    # Limits

    def check_limits(self, *, storage: bool) -> None:
        """Looks at the memory (and the temporary folder) of a busy environment; may end it."""
        if self._phase is not Phase.BUSY and self._phase is not Phase.INIT:
            return
        request_id = self._pending.request_id if self._pending is not None else ""
        if self._process.ends_by_limit(request_id, storage=storage):
            self.lost()

    # The end

    def _drop(self, reason: str) -> None:
        """Ends the process and everything it started; the environment stays."""
        if self._phase is not Phase.GONE:
            self._phase = next_phase(self._phase, Signal.FAIL)
        self._process.drop(reason)

    async def shut_down(self) -> None:
        """The shutdown phase: extensions hear of it and get their time, then all is killed."""
        if self._phase is Phase.READY:
            await self._process.wind_down()
        await self._background.settled()
        self.kill()

    def kill(self) -> None:
        """Ends the environment at once; an invocation under way fails."""
        if self._phase is Phase.GONE:
            return
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._cold is not None:
            self._cold.cancel()
            self._cold = None
        self._drop("SPINDOWN")
        self._phase = next_phase(self._phase, Signal.END)
        self.lost()
        shutil.rmtree(self._setting.temporary, ignore_errors=True)


def _status_of(failure: ErrorObject) -> tuple[Status, str]:
    """The status and the error type with which the platform reports `failure`."""
    if failure.error_type == "Sandbox.Timedout":
        return "timeout", ""
    return "error", failure.error_type


def _header(trace_id: str) -> str:
    """A trace header as the runtime gets it: one line, not too long."""
    return trace_id[:_MAX_TRACE].replace("\n", " ")
