"""Distributions as front doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from edgegw.cloudfront.answers import DistributionFacts, error_page
from edgegw.cloudfront.front_rules import LIMITS, refusal_page
from edgegw.cloudfront.model import Behavior, Distribution, Origin
from edgegw.cloudfront.origin_connection import address_of
from edgegw.gateway.drive import Driver, Step, new_request_id
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.http.authority import bracketed
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Request, Response

if TYPE_CHECKING:
    from edgegw.config.model import DistributionDoor, Door

_NO_ENTROPY = "0" * 32


class DistributionFront(FrontDoor):
    """A distribution."""

    kind: ClassVar[str] = "distribution"

    @property
    def _distribution(self) -> Distribution:
        return cast("DistributionDoor", self.present).distribution

    @property
    def http_version(self) -> str:
        return cast("DistributionDoor", self._door).distribution.http_version

    def certificate_names(self) -> Sequence[str]:
        return (self._distribution.domain_name,)

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
        return new_request_id()

    def _enter(self, driver: Driver, door: Door, request: Request, exchange: Exchange) -> Step:
        distribution = cast("DistributionDoor", door).distribution
        return driver.enter_distribution(distribution, request, exchange.id)

    def _refusal(self, why: Trouble, exchange_id: str) -> Response:
        return refusal_page(why, self._facts(exchange_id))

    def _failure(self, exchange_id: str) -> Response:
        text = "edgegw failed; its log has the traceback."
        return error_page(500, text, self._facts(exchange_id))

    def _facts(self, exchange_id: str) -> DistributionFacts:
        return DistributionFacts(exchange_id, _NO_ENTROPY, self.gateway.driver().date())


def _behavior(behavior: Behavior, local: Mapping[str, str]) -> tuple[str, str]:
    hooks = ", ".join(
        f"{trigger}: {association.function.name}"
        for trigger, association in behavior.associations.items()
    )
    target = local.get(behavior.origin.domain_name) or _origin(behavior.origin)
    return behavior.path_pattern, f"{target}  {hooks}".rstrip()


def _origin(origin: Origin) -> str:
    scheme, host, number = address_of(origin)
    usual = 443 if scheme == "https" else 80
    port = "" if number == usual else f":{number}"
    return f"{scheme}://{bracketed(host)}{port}{origin.path}"
