"""Distributions as front doors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final, cast

from edgegw.cloudfront.access_log import UNREAD
from edgegw.cloudfront.answers import DistributionFacts, error_page
from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.cloudfront.flow import DistributionStep
from edgegw.cloudfront.front_rules import LIMITS, refusal_page
from edgegw.cloudfront.model import Behavior, Distribution, Origin
from edgegw.cloudfront.origin_connection import address_of
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.gateway.drive import Driver
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.fronts.told_once import Remarks
from edgegw.http.authority import bracketed
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Client, Request, Response

if TYPE_CHECKING:
    from edgegw.config.model import DistributionDoor, Door
    from edgegw.gateway.gateway import Gateway

logger = logging.getLogger(__name__)

_NO_ENTROPY = "0" * 32
_MOST_NOTED: Final = 100
"""Refused hosts that the log names."""


class DistributionFront(FrontDoor):
    """A distribution."""

    kind: ClassVar[str] = "distribution"

    def __init__(self, gateway: Gateway, key: object, door: Door, *, by_socket: bool) -> None:
        super().__init__(gateway, key, door, by_socket=by_socket)
        self._latest = cast("DistributionDoor", door)
        """As the latest request found it: the present one, without asking for it again."""
        self._refused_hosts: set[str] = set()
        self._said: set[tuple[str, str]] = set()
        self._remarks = Remarks(cast("DistributionDoor", door).distribution, self._said)

    @property
    def _distribution(self) -> Distribution:
        return cast("DistributionDoor", self.present).distribution

    @property
    def http_version(self) -> str:
        return cast("DistributionDoor", self._door).distribution.http_version

    def certificate_names(self) -> Sequence[str]:
        return (self._distribution.domain_name,)

    @property
    def hosts(self) -> Sequence[str]:
        """The names by which it is known among others on its port, as they are now."""
        distribution = self._distribution
        return (distribution.domain_name, *distribution.aliases)

    @staticmethod
    def _aliases(door: Door) -> Sequence[str]:
        return cast("DistributionDoor", door).distribution.aliases

    @staticmethod
    def ways(door: Door, local: Mapping[str, str]) -> list[tuple[str, str]]:
        distribution = cast("DistributionDoor", door).distribution
        behaviors = (*distribution.behaviors, distribution.default_behavior)
        return [_behavior(behavior, local) for behavior in behaviors]

    def limits(self) -> Limits:
        return LIMITS

    def _new_id(self) -> str:
        return self.gateway.world.request_id()

    def _enter(
        self, driver: Driver, door: Door, request: Request, exchange: Exchange
    ) -> DistributionStep:
        self._latest = door = cast("DistributionDoor", door)
        distribution = door.distribution
        by_socket = self._by_socket
        step = driver.enter_distribution(distribution, request, exchange.id, checks_host=by_socket)
        if by_socket and isinstance(step, DistributionAnswer):
            self._tell_refused_host(step, distribution)
        remarks = self._remarks
        if remarks.distribution is not distribution:  # the configuration was saved
            remarks = self._remarks = Remarks(distribution, self._said)
        if remarks.waiting or request.upgrade:
            remarks.look(step.context.behavior, request)
        return step

    def _tell_refused_host(self, answer: DistributionAnswer, distribution: Distribution) -> None:
        """Says once for each name what to do where it should be answered to."""
        cause = answer.cause
        if not isinstance(cause, DistributionRefusal) or cause.host is None:
            return
        noted = self._refused_hosts
        if cause.host not in noted and len(noted) < _MOST_NOTED:
            noted.add(cause.host)
            logger.warning(
                "%s answered 403 to the Host %r: where that is right, add it to the aliases of "
                "%s, or let any in with `accept_any_host: true` under `gateway` (edgegw dev: "
                "--any-host)",
                self.name,
                cause.host,
                distribution.name,
            )

    def _count(self, exchange: Exchange) -> None:
        self.gateway.figures.tallies.viewer(exchange)

    def _log(self, exchange: Exchange) -> None:
        """Writes the access log, where there is one."""
        door = self._latest
        if door.access_log is not None:
            self.gateway.distribution_logs.request(door.access_log, door.distribution, exchange)

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        page = super().page(why, detail, client)
        door = cast("DistributionDoor", self.present)
        if door.access_log is not None:
            scheme = "https" if self.is_secure else "http"
            request = replace(UNREAD, client=client, scheme=scheme)
            now = self.gateway.world.now()
            self.gateway.distribution_logs.refused(
                door.access_log, door.distribution, page, request, now
            )
        return page

    def _refusal(self, why: Trouble, exchange_id: str) -> Response:
        return refusal_page(why, self._facts(exchange_id))

    def _failure(self, exchange_id: str) -> Response:
        text = "edgegw failed; its log has the traceback."
        return error_page(500, text, self._facts(exchange_id))

    def _facts(self, exchange_id: str) -> DistributionFacts:
        return DistributionFacts(exchange_id, _NO_ENTROPY, self.gateway.world.date())


def _behavior(behavior: Behavior, local: Mapping[str, str]) -> tuple[str, str]:
    names: dict[Trigger, str] = {
        **{at: association.function.name for at, association in behavior.associations.items()},
        **behavior.edge_functions,
    }
    hooks = ", ".join(f"{at}: {names[at]}" for at in TRIGGERS if at in names)
    target = local.get(behavior.origin.domain_name) or _origin(behavior.origin)
    return behavior.path_pattern, f"{target}  {hooks}".rstrip()


def _origin(origin: Origin) -> str:
    scheme, host, number = address_of(origin)
    usual = 443 if scheme == "https" else 80
    port = "" if number == usual else f":{number}"
    return f"{scheme}://{bracketed(host)}{port}{origin.path}"
