"""The event that a function in a target group would get for a request; nothing is invoked."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from edgegw.alb.event import BalancerRefusal, encode_event
from edgegw.alb.model import LambdaTargetGroup
from edgegw.errors import UsageError
from edgegw.gateway.world import REAL
from edgegw.http.message import Request

TARGET_GROUP_ARN: Final = (
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/example/50dc6c495c0c9188"
)


def balancer_event(
    request: Request, *, multi_value: bool = False, target_group_arn: str = TARGET_GROUP_ARN
) -> bytes:
    """The event as JSON; `request` is as it leaves the load balancer.

    Raises UsageError where the load balancer would refuse it.
    """
    group = LambdaTargetGroup("example", target_group_arn, None, multi_value)
    event = encode_event(request, request.body.content or b"", group)
    if isinstance(event, BalancerRefusal):
        raise UsageError(f"no function is reached: {event.status}, {event.detail}")
    return event


def through_balancer(request: Request) -> Request:
    """A client's request as it leaves a load balancer, with the headers that this adds."""
    headers = request.headers.without(*_ADDED)
    came = b", ".join(
        [*request.headers.get_all(b"x-forwarded-for"), request.client.address.encode()]
    )
    port = b"443" if request.scheme == "https" else b"80"
    trace = f"Root=1-{int(REAL.now()):08x}-{REAL.entropy()}".encode()
    lines = ((b"X-Forwarded-For", came), (b"X-Forwarded-Proto", request.scheme.encode()))
    more = ((b"X-Forwarded-Port", port), (b"X-Amzn-Trace-Id", trace))
    return replace(request, headers=headers.added(*lines, *more))


_ADDED: Final = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port", b"x-amzn-trace-id")
