"""The logs of load balancers: which lines an exchange, a connection or a check leaves."""

from __future__ import annotations

from edgegw.alb.access_log import (
    Connected,
    Sizes,
    Timing,
    access_line,
    connection_line,
    refused_line,
)
from edgegw.alb.authentication.steps import PROVIDER_STEPS
from edgegw.alb.finish import BalancerAnswer, Chosen
from edgegw.alb.health_check_log import CheckEntry, check_line
from edgegw.alb.jwt.steps import CheckToken
from edgegw.alb.model import Listener, LoadBalancer, TargetGroup
from edgegw.alb.target_steps import ForwardTo, Invoke, ReadBody
from edgegw.awslambda.model import Returned
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.log_files import LogWriter
from edgegw.gateway.sizes import received_bytes, sent_bytes
from edgegw.http.message import Client, Response


class BalancerLogs:
    """The access, connection and health check logs of all load balancers."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._address = address
        self._writer = LogWriter()

    def request(self, balancer: LoadBalancer, exchange: Exchange) -> None:
        """Writes the access log's line of a finished exchange."""
        path = balancer.logs.access
        finish = next(
            (step for step, _, _ in exchange.steps if isinstance(step, BalancerAnswer)), None
        )
        if path is None or finish is None:
            return
        line = access_line(
            finish,
            exchange.request,
            _timing(exchange),
            Sizes(received_bytes(exchange), sent_bytes(exchange)),
            address=self._address,
            target_status=_target_status(exchange),
            # Who left before there was an answer left its request unfinished.
            is_gone=exchange.is_gone and exchange.response is not None,
        )
        self._writer.put(path, line)

    def refused(self, listener: Listener, page: Response, client: Client, created: float) -> None:
        """Writes the access log's line of a request that could not be read."""
        path = listener.load_balancer.logs.access
        if path is not None:
            timing = Timing(created, created)
            self._writer.put(
                path, refused_line(listener, page, client, timing, address=self._address)
            )

    def connection(self, listener: Listener, connected: Connected) -> None:
        """Writes the connection log's line of a connection."""
        balancer = listener.load_balancer
        if balancer.logs.connection is not None:
            is_mutual = listener.mutual_tls == "verify"
            line = connection_line(
                connected, balancer.id, is_mutual=is_mutual, address=self._address
            )
            self._writer.put(balancer.logs.connection, line)

    def check(self, balancer: LoadBalancer, entry: CheckEntry, group: TargetGroup) -> None:
        """Writes the health check log's line of a check."""
        if balancer.logs.health_check is not None:
            line = check_line(entry, group, balancer, self._address)
            self._writer.put(balancer.logs.health_check, line)

    def close(self) -> None:
        """Writes what waits."""
        self._writer.close()


def _timing(exchange: Exchange) -> Timing:
    before, target = 0.0, None
    for step, reply, duration in exchange.steps:
        if isinstance(step, (ForwardTo, Invoke)):
            answered = isinstance(reply, (Response, Returned))
            target = duration if answered else -1.0
        elif isinstance(step, (ReadBody, CheckToken, *PROVIDER_STEPS)):
            before += duration
    total = exchange.duration or 0.0
    return Timing(exchange.started, exchange.started + total, before, target)


def _target_status(exchange: Exchange) -> int | None:
    """The status that the target gave; None where it gave none that counts."""
    for step, reply, _ in exchange.steps:
        if isinstance(step, ForwardTo) and isinstance(reply, Response):
            return reply.status
        if isinstance(step, BalancerAnswer) and step.refusal is None:
            chosen: Chosen = step.chosen
            if chosen.action == "forward" and chosen.target is None:
                return step.response.status
    return None
