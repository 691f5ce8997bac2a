"""How long a request took so far, told to the viewer in Server-Timing."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from edgegw.cloudfront.flow import Fetch
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.server_timing import UpstreamTiming, is_sampled, with_server_timing
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Response


def timed(
    answer: DistributionAnswer, rate: float, exchange: Exchange, dice: Callable[[], float]
) -> Response:
    """The response of `answer`, with Server-Timing in `rate` of a hundred cases or on demand."""
    if not is_sampled(rate, dice(), answer.context.received):
        return answer.response
    first_byte = origin_first_byte(exchange)
    upstream = None if first_byte is None else UpstreamTiming(first_byte)
    took = perf_counter() - exchange.began
    return with_server_timing(answer.response, answer.verdict, exchange.id, took, upstream)


def origin_first_byte(exchange: Exchange) -> float | None:
    """How long the origin that answered took for its first byte, in seconds; None for none."""
    for step, reply, duration in reversed(exchange.steps):
        if isinstance(step, Fetch) and isinstance(reply, Response):
            return duration
    return None
