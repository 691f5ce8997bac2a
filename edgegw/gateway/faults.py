"""Throws the dice for faults on demand, and makes what goes wrong look as it does on AWS."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Literal, Protocol, TypeVar

from edgegw.awslambda.lifecycle import platform_error, timeout_error
from edgegw.awslambda.model import FunctionError, Outcome, Report, Throttled
from edgegw.cloudfront.edge_functions.model import EdgeFailed, EdgeReport
from edgegw.config.gateway.faults import FaultPlan
from edgegw.execution.request_ids import new_request_id
from edgegw.http.message import Body, CutOffError, Headers, Response
from edgegw.http.status import reason_phrase

F = TypeVar("F")
"""How a request that got no answer is told: an OriginFailure, a TargetFailure."""


class Faults:
    """The faults in force. Each target has dice of its own, so a seed gives the same sequence."""

    def __init__(self, plans: Mapping[str, FaultPlan], seed: int | None = None) -> None:
        self.plans: dict[str, FaultPlan] = dict(plans)
        self.seed = seed
        self._dice: dict[str, random.Random] = {}

    def put(self, plans: Mapping[str, FaultPlan], seed: int | None = None) -> None:
        """Replaces all faults; with a `seed` the dice start anew."""
        self.plans = dict(plans)
        if seed is not None:
            self.seed = seed
            self._dice.clear()

    def begin_anew(self, plans: Mapping[str, FaultPlan], seed: int | None) -> None:
        """As new ones of these plans and this seed."""
        self.plans, self.seed = dict(plans), seed
        self._dice.clear()

    def draw(self, target: str) -> InjectedFault | None:
        """What happens to the next call of `target`; None where nothing is set."""
        plan = self.plans.get(target)
        if plan is None:
            return None
        dice = self._dice.get(target)
        if dice is None:
            seed = None if self.seed is None else f"{self.seed}:{target}"
            dice = self._dice[target] = random.Random(seed)
        # Always as many throws, so that a changed share does not shift what comes later.
        throws = {kind: dice.random() for kind in _ORDER}
        chosen = next((kind for kind in _ORDER if throws[kind] < getattr(plan, kind)), "")
        return InjectedFault(target.partition(":")[2], plan, chosen)


class Faulted(Protocol):
    """What is told of the faults that it met: an exchange."""

    faults: tuple[str, ...]


def injected_fault(faults: Faults, target: str, faulted: Faulted) -> InjectedFault | None:
    """What happens to a call of `target`, told to `faulted`; None where nothing does."""
    injected = faults.draw(target)
    if injected is not None and injected.has_effect:
        faulted.faults += (str(injected),)
        return injected
    return None


_ORDER: Final = ("throttle", "reset", "timeout", "error", "truncate")


class InjectedFault:
    """What one call of a target meets: `kind` (or nothing) and the plan's latency."""

    def __init__(self, name: str, plan: FaultPlan, kind: str) -> None:
        self._name = name
        self._plan = plan
        self.kind = kind

    def __str__(self) -> str:
        kinds = [self.kind] if self.kind else []
        if self._plan.latency:
            kinds.append(f"latency {self._plan.latency * 1000:.0f}ms")
        return f"{self._name} {' '.join(kinds)}"

    @property
    def has_effect(self) -> bool:
        return bool(self.kind or self._plan.latency)

    async def invoke(self, run: Callable[[], Awaitable[Outcome]], timeout: float) -> Outcome:
        """An invocation of a function with that `timeout` (seconds)."""
        latency = self._plan.latency
        if self.kind == "timeout" or latency >= timeout:
            await asyncio.sleep(timeout)
            request_id = new_request_id()
            report = Report(request_id, timeout, status="timeout", error_type="Sandbox.Timedout")
            return FunctionError(*timeout_error(request_id, timeout), report)
        if latency:
            await asyncio.sleep(latency)
        match self.kind:
            case "throttle":
                return Throttled(detail="a fault on demand of edgegw")
            case "error":
                request_id = new_request_id()
                text = "a fault on demand of edgegw"
                report = Report(request_id, latency, status="error", error_type="FaultOnDemand")
                return FunctionError(*platform_error("FaultOnDemand", request_id, text), report)
            case _:
                return await run()

    def run_edge(self) -> EdgeFailed:
        """A run of a CloudFront Function, which does not take place."""
        kind = "throttled" if self.kind == "throttle" else "execution"
        return EdgeFailed(kind, "a fault on demand of edgegw", EdgeReport(), is_on_demand=True)

    async def fetch(
        self,
        send: Callable[[], Awaitable[Response | F]],
        timeout: float,
        fail: Callable[[Literal["closed", "timeout"], str], F],
    ) -> Response | F:
        """A request to an origin that is given up after `timeout` seconds; `fail` says why."""
        latency = self._plan.latency
        if self.kind == "timeout" or latency >= timeout:
            await asyncio.sleep(timeout)
            return fail("timeout", "a fault on demand of edgegw: no answer in time")
        if latency:
            await asyncio.sleep(latency)
        match self.kind:
            case "reset":
                return fail("closed", "a fault on demand of edgegw: connection reset by peer")
            case "error":
                status = self._plan.status
                page = b"a fault on demand of edgegw\n"
                lines = (
                    (b"Content-Type", b"text/plain"),
                    (b"Content-Length", str(len(page)).encode()),
                )
                return Response(status, reason_phrase(status), Headers(lines), Body.of(page))
            case "truncate":
                reply = await send()
                return _truncated(reply) if isinstance(reply, Response) else reply
            case _:
                return await send()


def _truncated(response: Response) -> Response:
    """`response` with about half of its body; then the connection breaks."""
    body = response.body
    if body.is_empty:
        return response
    half = Body(chunks=_half(body), length=body.length, release=body.release)
    return replace(response, body=half)


async def _half(body: Body) -> AsyncIterator[bytes]:
    text = "a fault on demand of edgegw: the response body was cut off"
    if body.content is not None:
        yield body.content[: len(body.content) // 2]
        raise CutOffError(text)
    left = None if body.length is None else body.length // 2
    assert body.chunks is not None
    async for chunk in body.chunks:
        if left is None:  # of unknown length: half of the first part is what there is to halve
            yield chunk[: max(1, len(chunk) // 2)]
            break
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            break
    raise CutOffError(text)
