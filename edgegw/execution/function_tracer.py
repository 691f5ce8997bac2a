"""What X-Ray sees of the invocations of one function, and the trace header that the runtime gets.

Whether an invocation is traced, and what its segments say, is decided by `awslambda.xray`; where
they go, by `tracing`.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.model import Function, Invocation, Report
from edgegw.awslambda.permissions import API_GATEWAY, EVERYBODY, LOAD_BALANCER
from edgegw.awslambda.xray import (
    InvocationTrace,
    Sampler,
    TracedRun,
    TracingMode,
    invocation_segments,
    is_sampled,
    parse_trace_header,
    passed_on,
    trace_header_text,
)
from edgegw.execution.channel import PendingInvocation

if TYPE_CHECKING:
    from edgegw.execution.tracing import Tracing

_FRONT_DOORS: Final = frozenset({EVERYBODY, API_GATEWAY})
"""Who passes on a trace that it began itself without a name for its own part of it."""


class FunctionTracer:
    """Traces the invocations of one function (version)."""

    def __init__(self, tracing: Tracing, function: Function, name: str, sampler: Sampler) -> None:
        self._tracing = tracing
        self._mode: TracingMode = function.tracing
        self._name = name
        self._sampler = sampler

    def begin(self, pending: PendingInvocation, fallback: str, wall: float) -> str:
        """The trace header of an invocation, which from now on knows whether it is traced.

        `fallback` is the header of one that came without, `wall` are seconds since the epoch.
        """
        trace = self._trace(pending.invocation, fallback, wall)
        pending.trace = None if isinstance(trace, str) else trace
        return trace if isinstance(trace, str) else trace.header

    def _trace(self, invocation: Invocation, fallback: str, now: float) -> InvocationTrace | str:
        """The trace of an invocation, or the header that it gets where it is not traced."""
        came = parse_trace_header(invocation.trace_id)
        if not is_sampled(came, self._mode, self._sampler, now, self._tracing.dice):
            return passed_on(invocation.trace_id, fallback, "0")
        root, function_id = came.root or parse_trace_header(fallback).root, new_segment_id()
        parent = came.parent
        principal = invocation.principal
        if principal == LOAD_BALANCER or (principal in _FRONT_DOORS and not parent):
            parent = came.front_door_segment
        return InvocationTrace(
            root=root,
            parent=parent,
            service_id=new_segment_id(),
            function_id=function_id,
            header=trace_header_text(root, function_id, "1", came),
        )

    def end(
        self,
        trace: InvocationTrace,
        pending: PendingInvocation,
        report: Report,
        failure: ErrorObject | None,
        *,
        is_provisioned: bool,
    ) -> Report:
        """Sends what X-Ray learns of an invocation that ends now; its report names the segment."""
        ended = time.time()
        run = TracedRun(
            name=self._name,
            arn=pending.arn,
            account_id=self._tracing.account.account_id,
            request_id=report.request_id,
            accepted=ended - (time.monotonic() - pending.arrived),
            started=ended - report.duration,
            ended=ended,
            init=None if is_provisioned else report.init_duration,
            init_id=new_segment_id(),
            error=None if failure is None else (failure.error_type, failure.message),
            error_id=new_segment_id(),
        )
        self._tracing.send(invocation_segments(trace, run))
        return replace(report, trace=(trace.root, trace.function_id))


def new_segment_id() -> str:
    """16 hex digits."""
    return f"{random.getrandbits(64):016x}"
