"""What one exchange costs at list prices: no free tier, the first price of each tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgegw.alb.finish import BalancerAnswer, Chosen
from edgegw.alb.model import LambdaTargetGroup
from edgegw.alb.pricing import request_charges
from edgegw.awslambda.front_pricing import CallerUsage, caller_charges
from edgegw.awslambda.http_events.steps import HttpAnswer, StreamedReply
from edgegw.awslambda.metering import metered_requests, streamed_beyond
from edgegw.awslambda.model import InvokeRefusal, Throttled
from edgegw.awslambda.pricing import Charge, invocation_charges
from edgegw.cloudfront.pricing import DistributionUsage, distribution_charges
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.gateway.figures.tallies import HTTP_API
from edgegw.gateway.sizes import received_bytes, sent_bytes

if TYPE_CHECKING:
    from edgegw.gateway.exchange import Exchange


def exchange_charges(exchange: Exchange) -> list[Charge]:
    """The charges of a finished exchange, and of those within it."""
    charges = [
        charge
        for run in exchange.runs
        if not isinstance(run.outcome, (Throttled, InvokeRefusal))
        for charge in invocation_charges(
            run.function, run.outcome.report, at_edge=run.trigger is not None
        )
    ]
    answer = exchange.steps[-1][0] if exchange.steps else None
    if isinstance(answer, BalancerAnswer):
        charges.append(_balanced(exchange, answer.chosen))
    elif isinstance(answer, DistributionAnswer):
        charges += _distributed(exchange)
    elif isinstance(answer, HttpAnswer):
        charges += caller_charges(_called(exchange), has_free_tier=False)
    for inner in exchange.inner:
        charges += exchange_charges(inner)
    return charges


def _balanced(exchange: Exchange, chosen: Chosen) -> Charge:
    rules = list(chosen.listener.rules)
    met = rules.index(chosen.rule) + 1 if chosen.rule in rules else len(rules) + 1
    return request_charges(
        exchange.front_door,
        received_bytes(exchange) + sent_bytes(exchange),
        is_lambda=isinstance(chosen.target_group, LambdaTargetGroup),
        rules=met,
    )


def _distributed(exchange: Exchange) -> list[Charge]:
    is_secure = exchange.request.scheme == "https"
    usage = DistributionUsage(
        http_requests=not is_secure,
        https_requests=is_secure,
        sent_bytes=sent_bytes(exchange),
        origin_bytes=exchange.request_bytes,
        function_runs=sum(run.has_run for run in exchange.edge_runs),
    )
    return distribution_charges(usage, has_free_tier=False)


def _called(exchange: Exchange) -> CallerUsage:
    """What a request at an HTTP API or a function URL is charged for beside its invocation."""
    delivery = exchange.delivery
    if exchange.kind == HTTP_API:
        return CallerUsage(metered_requests(delivery.received, delivery.sent))
    is_streamed = any(isinstance(reply, StreamedReply) for _, reply, _ in exchange.steps)
    return CallerUsage(streamed=streamed_beyond(delivery.sent) if is_streamed else 0)
