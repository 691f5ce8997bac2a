"""The last step of a flow: what the exchange says of it, and the answer.

The terminal, the log and the metrics read what is written down here: the verdict, the warnings, and
the reason where something went wrong.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from edgegw.alb.finish import BalancerAnswer
from edgegw.awslambda.http_events.steps import HttpAnswer
from edgegw.awslambda.model import LogSettings
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.error_causes import ErrorCause, FailedEdgeFunction, FailedOutcome
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.validation_log import log_group, log_lines
from edgegw.execution.service import LambdaService
from edgegw.gateway.cache_record import stood_in_for, stored_error
from edgegw.gateway.caching import Caching
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.server_timing import timed
from edgegw.gateway.world import World
from edgegw.http.message import Response

LastStep: TypeAlias = DistributionAnswer | BalancerAnswer | HttpAnswer
"""A step that is the answer."""
LAST_STEPS: Final = (DistributionAnswer, BalancerAnswer, HttpAnswer)


class Finishing:
    """Performs last steps."""

    def __init__(self, caching: Caching, service: LambdaService, world: World) -> None:
        self._caching = caching
        self._service = service
        self._world = world

    def finish(self, step: LastStep, exchange: Exchange) -> Response:
        """The answer of a flow's last step, written down."""
        exchange.note(step, None, 0.0)
        if not isinstance(step, DistributionAnswer):
            if step.warning is not None:
                exchange.warnings = (step.warning,)
            exchange.verdict = step.verdict
            if step.refusal is not None:
                exchange.reason = step.refusal.detail
            return step.response
        exchange.verdict = step.verdict
        if step.verdict is Verdict.LAMBDA_VALIDATION_ERROR:
            self._log_validation(step, exchange)
        if step.context.warnings:
            exchange.warnings = tuple(map(str, step.context.warnings))
        if exchange.asked:
            self._caching.end(exchange.asked)
            if step.verdict is Verdict.HIT:
                exchange.reason = stood_in_for(exchange.steps)
        elif step.verdict is Verdict.ERROR:
            exchange.reason = stored_error(exchange.steps, self._world.now)
        if step.cause is not None:
            exchange.reason = _cause_text(step.cause)
        context = step.context
        if context.behavior.response_headers_policy is None and context.error_page_fetch is None:
            return step.response
        policy = context.headers_policy
        if policy is not None and policy.sampling_rate is not None:
            return timed(step, policy.sampling_rate, exchange, self._world.dice)
        return step.response

    def _log_validation(self, step: DistributionAnswer, exchange: Exchange) -> None:
        """Writes CloudFront's own log of a refused result."""
        cause, account = step.cause, self._service.account
        assert isinstance(cause, FailedOutcome)
        report = cause.report
        arn = account.arn(cause.function.deployed_name, report.version)
        group = self._service.logs.group(log_group(step.context.distribution))
        lines = log_lines(exchange.id, arn, account.region, report.request_id, cause.violations)
        for line in lines:
            group.append(LogSettings(), account.region, line)


def _cause_text(cause: ErrorCause) -> str:
    if isinstance(cause, FailedOutcome | FailedEdgeFunction):
        return f"{cause.trigger}: {cause.detail}"
    return cause.detail
