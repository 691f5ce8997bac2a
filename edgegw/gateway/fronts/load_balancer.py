"""Listeners of load balancers as front doors."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from edgegw.alb.access_log import Connected
from edgegw.alb.answers import error_page
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.certificates import leaf_facts
from edgegw.alb.explain import action_text
from edgegw.alb.finish import BalancerAnswer
from edgegw.alb.front_rules import handshake_failure, limits, refusal_page
from edgegw.alb.jwt.model import JwtValidation
from edgegw.alb.model import (
    FixedResponse,
    Forward,
    LambdaTargetGroup,
    Listener,
    Redirect,
    Rule,
)
from edgegw.gateway.drive import Driver, Step
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Client, Request, Response
from edgegw.wire.front import Handshake

if TYPE_CHECKING:
    from edgegw.config.model import Door, ListenerDoor


class LoadBalancerFront(FrontDoor):
    """A listener of a load balancer; its name is the load balancer's."""

    kind: ClassVar[str] = "load-balancer"

    @property
    def listener(self) -> Listener:
        """The listener as it is now."""
        return cast("ListenerDoor", self.present).listener

    @property
    def address(self) -> tuple[str, int] | None:
        listener = self.listener
        return listener.load_balancer.dns_name, listener.port

    @property
    def http_version(self) -> str:
        attributes = cast("ListenerDoor", self._door).listener.load_balancer.attributes
        return "http2" if attributes.http2 else "http1.1"

    def certificate_names(self) -> Sequence[str]:
        return (self.listener.load_balancer.dns_name,)

    @staticmethod
    def _aliases(door: Door) -> Sequence[str]:
        """The hosts that its rules name in full."""
        return cast("ListenerDoor", door).listener.index.hosts

    @staticmethod
    def ways(door: Door, local: Mapping[str, str]) -> list[tuple[str, str]]:
        return [_rule(rule) for rule in cast("ListenerDoor", door).rules]

    def limits(self) -> Limits:
        return limits(self.listener.load_balancer.attributes)

    def _new_id(self) -> str:
        return self.gateway.world.exchange_id()

    def _enter(self, driver: Driver, door: Door, request: Request, exchange: Exchange) -> Step:
        return driver.enter_listener(cast("ListenerDoor", door).listener, request)

    def _refusal(self, why: Trouble, exchange_id: str) -> Response:
        return refusal_page(why, self.gateway.world.date())

    def _failure(self, exchange_id: str) -> Response:
        return error_page(500, date=self.gateway.world.date())

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        page = super().page(why, detail, client)
        listener = self.listener
        if listener.load_balancer.logs.access is not None:
            self.gateway.balancer_logs.refused(listener, page, client, self.gateway.world.now())
        return page

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        is_refused = handshake is not None and handshake.failure is not None
        self.gateway.figures.tallies.connected(self.name, is_refused=is_refused)
        listener = self.listener
        if listener.load_balancer.logs.connection is None:
            return
        connection = Connected(self.gateway.world.now(), client, listener.port)
        if handshake is not None:
            leaf = leaf_facts(client.certificates[0])[:3] if client.certificates else None
            connection = connection._replace(
                tls=handshake.tls,
                latency=handshake.latency,
                leaf=leaf,
                failure=_failure_word(handshake.failure),
            )
        self.gateway.balancer_logs.connection(listener, connection)

    def _count(self, exchange: Exchange) -> None:
        self.gateway.figures.tallies.client(exchange)

    def _log(self, exchange: Exchange) -> None:
        """Writes the access log, where there is one."""
        for step, _, _ in reversed(exchange.steps):
            if isinstance(step, BalancerAnswer):
                balancer = step.chosen.listener.load_balancer
                if balancer.logs.access is not None:
                    self.gateway.balancer_logs.request(balancer, exchange)
                return


def _failure_word(error: OSError | None) -> str:
    """Why a handshake failed, in the words of the connection log; empty where it did not."""
    if error is None:
        return ""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None
    reason = error.reason if isinstance(error, ssl.SSLError) else ""
    return handshake_failure(code, reason or "")


def _rule(rule: Rule) -> tuple[str, str]:
    left = " ".join([rule.name, *(each.wanted for each in rule.conditions)])
    return left, f"{_before(rule)}{_answering(rule)}"


def _before(rule: Rule) -> str:
    """Who stands before the last action of a rule."""
    match rule.guard:
        case None:
            return ""
        case JwtValidation():
            return "jwt-validation, then "
        case Authenticate(kind=kind):
            return f"{kind}, then "


def _answering(rule: Rule) -> str:
    """What the last action of a rule does."""
    action = rule.action
    match action:
        case Redirect():
            return action_text(rule)
        case Forward():
            groups = [group for group, _ in action.target_groups]
            names = [
                f"function {group.function}"
                if isinstance(group, LambdaTargetGroup)
                else ", ".join(map(str, group.targets)) or f"{group.name} (no targets)"
                for group in groups
            ]
            return " | ".join(names)
        case FixedResponse():
            return f"answers {action.status}"
