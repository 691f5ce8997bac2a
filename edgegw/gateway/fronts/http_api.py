"""HTTP APIs of API Gateway as front doors."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from edgegw.awslambda.http_events.model import HttpApi
from edgegw.gateway.drive import Driver, Step
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.fronts.function_url import UNREAD, http_facts, refused
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Request, Response

if TYPE_CHECKING:
    from edgegw.awslambda.http_events.context import HttpContext
    from edgegw.config.model import Door, HttpApiDoor


class HttpApiFront(FrontDoor):
    """An HTTP API with its routes."""

    kind: ClassVar[str] = "http-api"
    is_waited_for: ClassVar[bool] = True

    @property
    def _api(self) -> HttpApi:
        return cast("HttpApiDoor", self.present).api

    @property
    def address(self) -> tuple[str, int] | None:
        return self._api.domain, 443

    @property
    def http_version(self) -> str:
        return "http2"

    def certificate_names(self) -> Sequence[str]:
        return (self._api.domain,)

    @staticmethod
    def _aliases(door: Door) -> Sequence[str]:
        return ()

    @staticmethod
    def ways(door: Door, local: Mapping[str, str]) -> list[tuple[str, str]]:
        routes = cast("HttpApiDoor", door).api.routes
        return [(route.key, f"function {route.function}") for route in routes]

    def limits(self) -> Limits:
        from edgegw.awslambda.http_events.pages import LIMITS

        return LIMITS

    def _new_id(self) -> str:
        """15 characters and `=`, as API Gateway's ids are."""
        return base64.urlsafe_b64encode(self.gateway.world.token(11)).decode()

    def _enter(self, driver: Driver, door: Door, request: Request, exchange: Exchange) -> Step:
        from edgegw.awslambda.http_events.flow import start_api

        api = cast("HttpApiDoor", door).api
        return start_api(api, request, http_facts(self, request, exchange))

    def _count(self, exchange: Exchange) -> None:
        self.gateway.figures.tallies.caller(exchange)

    def _refusal(self, why: Trouble, exchange_id: str) -> Response:
        return refused(self._unread(exchange_id), why)

    def _failure(self, exchange_id: str) -> Response:
        return refused(self._unread(exchange_id), None)

    def _unread(self, exchange_id: str) -> HttpContext:
        from edgegw.awslambda.http_events.context import HttpContext

        facts = http_facts(self, UNREAD, Exchange(exchange_id, self.name, self.kind, UNREAD))
        return HttpContext(front=self._api, request=UNREAD, facts=facts)
