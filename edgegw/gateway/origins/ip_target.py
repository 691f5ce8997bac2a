"""Requests of load balancers to ip targets, over the protocol version of their target group."""

from __future__ import annotations

from collections.abc import Callable

from edgegw.alb.model import ProtocolVersion
from edgegw.alb.target_connection import CONNECT_TIMEOUT, request_to_target, scheme_of
from edgegw.alb.target_steps import ForwardTo, TargetFailure
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts, Transport
from edgegw.http.message import Response


class IpTargets:
    """`over` answers what carries a protocol version."""

    def __init__(self, over: Callable[[ProtocolVersion], Transport]) -> None:
        self._over = over

    async def fetch(self, step: ForwardTo) -> Response | TargetFailure:
        """The target's response, or why there is none."""
        group, target, idle, closes = step.group, step.target, step.idle_timeout, step.closes
        version = group.protocol_version
        request = request_to_target(step.request, version, closes=closes)
        at = (scheme_of(group), target.address, target.port)
        times = Timeouts(CONNECT_TIMEOUT, idle, idle, 0.0 if closes else idle)
        try:
            return await self._over(version).send(Outgoing(at, request, times))
        except SendError as error:
            return TargetFailure(error.at(at), timed_out=error.kind == "timeout")
