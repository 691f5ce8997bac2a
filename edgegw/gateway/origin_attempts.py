"""Which origin was asked last for an exchange, and what led there."""

from __future__ import annotations

from typing import NamedTuple

from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.flow import Fetch
from edgegw.cloudfront.flow.origin_side import failover_code
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Response


class OriginAttempt(NamedTuple):
    """A request at an origin; `failover_code` is what the first origin of its group failed with."""

    step: Fetch
    failover_code: int | None


def last_attempt(exchange: Exchange) -> OriginAttempt | None:
    """The last request that went to an origin; None where none did."""
    attempts = [(step, reply) for step, reply, _ in exchange.steps if isinstance(step, Fetch)]
    if not attempts:
        return None
    step = attempts[-1][0]
    fallback = step.context.behavior.fallback
    if fallback is None or step.context.origin is not fallback.origin or len(attempts) == 1:
        return OriginAttempt(step, None)
    before = attempts[-2][1]
    is_answer = isinstance(before, (Response, OriginFailure))
    return OriginAttempt(step, failover_code(before) if is_answer else None)
