"""CloudFront Functions at their place in a flow: which code runs, faults on demand, their log."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edgegw.awslambda.model import LogSettings
from edgegw.cloudfront import flow as cloudfront
from edgegw.cloudfront.edge_functions.model import EdgeFailed, EdgeFunction, EdgeOutcome
from edgegw.execution.edge_js import EdgeEngine
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.faults import Faults, injected_fault
from edgegw.gateway.world import World

if TYPE_CHECKING:
    from edgegw.execution.log_store import LogStore

logger = logging.getLogger(__name__)


class EdgeFunctionRuns:
    """Runs the functions of steps in `engine`, and writes down what became of them."""

    def __init__(self, engine: EdgeEngine, faults: Faults, logs: LogStore, world: World) -> None:
        self.engine = engine
        self._faults = faults
        self._logs = logs
        self._world = world

    def advance(
        self, step: cloudfront.EdgeFunctionStep, exchange: Exchange
    ) -> cloudfront.DistributionStep | None:
        """What follows `step`, if that is known without waiting."""
        engine, outcome = self.engine, None
        if self._faults.plans:
            outcome = self._fault(step, exchange)
        if outcome is None:
            outcome = engine.run_now(self._function(step, exchange), step.call)
        return None if outcome is None else self._ran(step, outcome, exchange)

    async def run(
        self, step: cloudfront.EdgeFunctionStep, exchange: Exchange
    ) -> cloudfront.DistributionStep:
        """What follows `step`, which had to wait."""
        outcome = await self.engine.run(self._function(step, exchange), step.call)
        return self._ran(step, outcome, exchange)

    def _function(self, step: cloudfront.EdgeFunctionStep, exchange: Exchange) -> EdgeFunction:
        """The function as it was when the request began."""
        acquired = exchange.acquired
        functions = self.engine.functions if acquired is None else acquired.edge_functions
        return functions[step.call.function]

    def _fault(self, step: cloudfront.EdgeFunctionStep, exchange: Exchange) -> EdgeFailed | None:
        """How the function fails on demand; None where it runs. The dice are thrown once a step."""
        if exchange.drawn_for is step:
            return None
        exchange.drawn_for = step
        target = f"edge_function:{step.call.function}"
        injected = injected_fault(self._faults, target, exchange)
        return None if injected is None else injected.run_edge()

    def _ran(
        self, step: cloudfront.EdgeFunctionStep, outcome: EdgeOutcome, exchange: Exchange
    ) -> cloudfront.DistributionStep:
        report = outcome.report
        exchange.edge_outcomes += ((step.call.function, outcome),)
        exchange.note(step, outcome, report.duration)
        if report.logs:
            self._log(step, report.logs, exchange)
        for remark in report.remarks:
            logger.warning("edge function %s: %s", step.call.function, remark)
        return step.next(outcome)

    def _log(
        self, step: cloudfront.EdgeFunctionStep, lines: tuple[str, ...], exchange: Exchange
    ) -> None:
        """Writes what a CloudFront Function printed, as CloudWatch Logs would have it.

        Source: CloudFront Developer Guide, "Edge function logs".
        """
        name, identity = step.call.function, step.context.distribution.id
        group = self._logs.group(f"/aws/cloudfront/function/{name}")
        stream = _stream(name, self._world.now())
        whole = (f"START DistributionID: {identity}", *lines, "END")
        for line in whole:
            group.append(LogSettings(), stream, f"{exchange.id} {line}")


def _stream(function: str, now: float) -> str:
    """The log stream of a function on a day: `2026/11/7/UUID`.

    Source: CloudFront Developer Guide, "Edge function logs".
    """
    day = datetime.fromtimestamp(now, UTC)
    date = f"{day.year}/{day.month}/{day.day}"
    return f"{date}/{uuid.uuid5(uuid.NAMESPACE_URL, f'{function} {date}')}"
