"""The exchange: what happened to one request.

While the request runs only references are kept; everything is found in them, and rendered
(`exchange_rendering`), when someone looks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edgegw.alb import flow as alb_flow
from edgegw.alb.model import Listener, Rule
from edgegw.awslambda.http_events.steps import HttpAnswer, InvokeHttp, StreamedReply
from edgegw.awslambda.model import (
    FunctionError,
    InvokeRefusal,
    Returned,
    Throttled,
)
from edgegw.cloudfront import flow as cloudfront_flow
from edgegw.cloudfront.cache.entry import FoundEntry
from edgegw.cloudfront.edge_functions.model import (
    EdgeEdited,
    EdgeFailed,
    EdgeFunction,
    EdgeOutcome,
    EdgeReturned,
)
from edgegw.cloudfront.edge_rule import Violation
from edgegw.cloudfront.error_causes import FailedEdgeFunction, FailedOutcome
from edgegw.cloudfront.model import Behavior
from edgegw.cloudfront.request_context import AskedOrigin, DistributionAnswer, RequestContext
from edgegw.config.model import Door
from edgegw.execution.snapshots import Snapshot
from edgegw.gateway.cache_record import CachePart, cache_record, idle_triggers, stripped_parts
from edgegw.gateway.edge_run import EdgeRun
from edgegw.gateway.exchange_rendering import exchange_dict, exchange_line
from edgegw.gateway.function_run import FunctionRun
from edgegw.gateway.stored_bodies import SPILL
from edgegw.http.message import Request, Response
from edgegw.wire.front import EXCERPT, Delivery

if TYPE_CHECKING:
    from edgegw.awslambda.pricing import Charge
    from edgegw.cloudfront.cache.traps import CachingTrap
    from edgegw.cloudfront.stripped import StrippedPart
    from edgegw.gateway.origin_part import OriginPart

logger = logging.getLogger(__name__)

_NOT_YET: Final = Delivery()
_BASE_WEIGHT: Final = 4096
"""Bytes that a record without bodies is reckoned with."""


class AcquiredSnapshot(NamedTuple):
    """What a request began with, and so ends with: functions of both kinds, front doors by key."""

    snapshot: Snapshot
    doors: Mapping[object, Door]
    edge_functions: Mapping[str, EdgeFunction] = {}


class Exchange:
    """What happened to one request at one front door.

    `verdict` is the distribution's X-Cache word (`Miss`, `LambdaValidationError` …) or the load
    balancer's `error_reason`, `forwarded` or `fixed-response`; `reason` says why something was
    refused or failed, `warnings` what was accepted and should be known. `inner` holds the
    exchanges of a load balancer that was the origin. `stale` names what answered in an older
    version because its newest edit cannot be used, and why; `faults` what went wrong on demand.
    `asked` is what its cache asked of an origin, `refetch` the exchange that renewed what it got
    stale, behind its back. `findings` are traps of caching that it was the first to fall into.
    `is_gone` says that the viewer left before the end, `is_inner` that it came from a distribution
    of this gateway. `delivery` is what went over the wire. `drawn_for` is the step of a CloudFront
    Function for which the dice of faults were thrown last, `edge_outcomes` what became of those, by
    name.
    Durations in seconds; `duration` runs until the last byte was handed over.
    """

    # Every request makes one, and most leave most of it as it is: what is no more than a default
    # stands on the class, so that nothing is made for it.
    duration: float | None = None
    response: Response | None = None
    verdict: str = ""
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    inner: tuple[Exchange, ...] = ()
    is_gone: bool = False
    is_inner: bool = False
    edge_outcomes: tuple[tuple[str, EdgeOutcome], ...] = ()
    drawn_for: object = None
    stale: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    acquired: AcquiredSnapshot | None = None
    delivery: Delivery = _NOT_YET
    asked: tuple[AskedOrigin, ...] = ()
    refetch: Exchange | None = None
    findings: tuple[CachingTrap, ...] = ()

    def __init__(
        self,
        id: str,  # noqa: A002 - the name of the attribute
        front_door: str,
        kind: str,
        request: Request,
        started: float = 0.0,
    ) -> None:
        self.id = id
        self.front_door = front_door
        self.kind = kind
        self.request = request
        self.started = started
        self.began = perf_counter()
        self.steps: list[tuple[object, object, float]] = []

    @property
    def snapshot(self) -> Snapshot | None:
        """The functions that this request runs, while it is under way."""
        return None if self.acquired is None else self.acquired.snapshot

    def note(self, step: object, reply: object, duration: float) -> None:
        """Keeps that `step` got `reply` after `duration` seconds."""
        self.steps.append((step, reply, duration))

    def log_steps(self) -> None:
        """Writes down in the debug log how long each step took."""
        for step, _, duration in self.steps:
            name = type(step).__name__
            logger.debug("%s %s %s %.1fms", self.front_door, self.id, name, duration * 1000)

    @property
    def request_bytes(self) -> int:
        """Bytes of the request's body that came."""
        return self.delivery.received

    @property
    def response_bytes(self) -> int:
        """Bytes of the response's body that were sent."""
        return self.delivery.sent

    @property
    def has_remarks(self) -> bool:
        """Whether there is more to tell than what was asked and answered."""
        return bool(self.reason or self.inner or self.warnings or self.stale or self.faults)

    @property
    def response_body(self) -> bytes:
        """The first 64 KiB of the response body, as it was sent."""
        return b"".join(self.delivery.excerpt)[:EXCERPT]

    @property
    def runs(self) -> list[FunctionRun]:
        """The invocations of Lambda functions at this front door, in order."""
        return [run for run in self.every_run if isinstance(run, FunctionRun)]

    @property
    def edge_runs(self) -> list[EdgeRun]:
        """The runs of CloudFront Functions at this front door, in order."""
        return [run for run in self.every_run if isinstance(run, EdgeRun)]

    @property
    def every_run(self) -> list[FunctionRun | EdgeRun]:
        """What ran at this front door, in order."""
        runs: list[FunctionRun | EdgeRun] = []
        for step, reply, _ in self.steps:
            if isinstance(step, cloudfront_flow.EdgeFunctionStep):
                if isinstance(reply, EdgeReturned | EdgeEdited | EdgeFailed):
                    runs.append(EdgeRun(step.trigger, step.call.function, reply, step.call))
                continue
            if not hasattr(step, "invocation"):
                continue
            match step, reply:
                case (
                    cloudfront_flow.FunctionStep(),
                    Returned() | FunctionError() | Throttled() | InvokeRefusal(),
                ):
                    name = step.invocation.function.name
                    runs.append(FunctionRun(step.trigger, name, reply, step.invocation))
                case (
                    alb_flow.Invoke(),
                    Returned() | FunctionError() | Throttled() | InvokeRefusal(),
                ):
                    name = step.invocation.function.name
                    runs.append(FunctionRun(None, name, reply, step.invocation))
                case InvokeHttp(), _:
                    outcome = reply.outcome() if isinstance(reply, StreamedReply) else reply
                    if isinstance(outcome, Returned | FunctionError | Throttled | InvokeRefusal):
                        name = step.invocation.function.name
                        runs.append(FunctionRun(None, name, outcome, step.invocation))
                case _:
                    pass
        return runs

    def run(self, trigger: str) -> FunctionRun | EdgeRun:
        """The invocation at `trigger`. Raises KeyError when its function did not run."""
        for run in self.every_run:
            if run.trigger == trigger:
                return run
        ran = ", ".join(str(run.trigger) for run in self.every_run) or "none"
        raise KeyError(f"no function ran at {trigger} (ran: {ran})")

    @property
    def behavior(self) -> Behavior | None:
        """The cache behavior chosen; None at a load balancer."""
        for step, _, _ in self.steps:
            context = getattr(step, "context", None)
            if isinstance(context, RequestContext):
                return context.behavior
        return None

    @property
    def listeners(self) -> list[Listener]:
        """The listeners that it went through, those behind a distribution as well."""
        chosen = getattr(self.steps[0][0], "chosen", None) if self.steps else None
        own = [chosen.listener] if isinstance(chosen, alb_flow.Chosen) else []
        return own + [listener for inner in self.inner for listener in inner.listeners]

    @property
    def rule(self) -> Rule | None:
        """The listener rule chosen; None at a distribution."""
        for step, _, _ in self.steps:
            chosen = getattr(step, "chosen", None)
            if isinstance(chosen, alb_flow.Chosen) and chosen.rule is not None:
                return chosen.rule
        return None

    @property
    def route(self) -> str | None:
        """The key of the route chosen; None where there is no HTTP API."""
        for step, _, _ in self.steps:
            if isinstance(step, HttpAnswer) and step.context.match is not None:
                return step.context.match.route.key
        return None

    @property
    def target_group(self) -> str | None:
        """The name of the target group chosen."""
        for step, _, _ in self.steps:
            chosen = getattr(step, "chosen", None)
            if isinstance(chosen, alb_flow.Chosen) and chosen.target_group is not None:
                return chosen.target_group.name
        return None

    @property
    def target(self) -> str | None:
        """The ip target chosen, as ADDRESS:PORT."""
        for step, _, _ in self.steps:
            if (
                isinstance(step, (alb_flow.ForwardTo, alb_flow.BalancerAnswer))
                and step.chosen.target
            ):
                return str(step.chosen.target)
        return None

    @property
    def cache(self) -> CachePart | None:
        """The cache's part in it; None where it did not get that far."""
        record = cache_record(self.steps, self.asked)
        return None if record is None else CachePart(record, self.verdict)

    @property
    def origin(self) -> OriginPart | None:
        """What was asked of the origin or target, and what it answered; None where it was not."""
        from edgegw.gateway.origin_part import origin_part

        return origin_part(self)

    @property
    def idle(self) -> dict[str, str]:
        """The triggers whose functions did not run, and why."""
        behavior = self.behavior
        if behavior is None or not (behavior.associations or behavior.edge_functions):
            return {}
        ran = [run.trigger for run in self.every_run]
        return idle_triggers(behavior, ran, self.cache, self.verdict)

    @property
    def stripped(self) -> list[StrippedPart]:
        """What the policies of the behavior kept from the origin of the viewer's request, and why.

        Empty where the origin was not asked.
        """
        return stripped_parts(self.steps)

    @property
    def breaches(self) -> list[tuple[str, Violation]]:
        """Rules that results of functions broke, with their triggers; refused or only warned of."""
        violations: list[tuple[str, Violation]] = []
        for step, _, _ in self.steps:
            if isinstance(step, DistributionAnswer):
                if isinstance(step.cause, FailedOutcome | FailedEdgeFunction):
                    refused = (
                        violation for violation in step.cause.violations if violation.is_refused
                    )
                    violations += [(step.cause.trigger, violation) for violation in refused]
                violations += step.context.warnings
        return violations

    @property
    def origin_request(self) -> Request | None:
        """The request as it left for the origin or target."""
        for step, _, _ in self.steps:
            if isinstance(step, cloudfront_flow.Fetch):
                return step.sent
            if isinstance(step, alb_flow.ForwardTo):
                return step.request
        return None

    @property
    def origin_response(self) -> Response | None:
        """The response as it came from the origin or target."""
        for step, reply, _ in self.steps:
            if isinstance(step, (cloudfront_flow.Fetch, alb_flow.ForwardTo)):
                return reply if isinstance(reply, Response) else None
        return None

    @property
    def weight(self) -> int:
        """Bytes that keeping this record is reckoned to cost."""
        total = _BASE_WEIGHT + min(self.delivery.sent, EXCERPT)
        for _, reply, _ in self.steps:
            if reply is None:
                continue
            if isinstance(reply, FoundEntry):
                total += min(reply.body.length or 0, SPILL)
            elif isinstance(reply, Response):
                total += len(reply.body.content or b"")
            elif isinstance(reply, (Returned, FunctionError)):
                total += 2 * len(reply.payload)  # the event is about as large as the result
        return total

    @property
    def charges(self) -> list[Charge]:
        """What it costs at list prices, line by line; with the exchanges within it."""
        from edgegw.gateway.figures.exchange_costs import exchange_charges

        return exchange_charges(self)

    @property
    def cost(self) -> float:
        """What it costs at list prices, in USD."""
        return sum(charge.amount for charge in self.charges)

    def __str__(self) -> str:
        """One line for the log: method, target, status, verdict, duration, functions."""
        return exchange_line(self)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values, fit for JSON. Headers are lists of [name, value]."""
        return exchange_dict(self)
