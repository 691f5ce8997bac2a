"""HTTP APIs of API Gateway as front doors."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from edgegw.awslambda.http_events.model import HttpApi
from edgegw.gateway.drive import Driver, Step
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.http_front import HttpFrontDoor
from edgegw.http.message import Request

if TYPE_CHECKING:
    from edgegw.config.model import Door, HttpApiDoor


class HttpApiFront(HttpFrontDoor):
    """An HTTP API with its routes."""

    kind: ClassVar[str] = "http-api"

    @property
    def configured(self) -> HttpApi:
        return cast("HttpApiDoor", self.present).api

    @staticmethod
    def ways(door: Door, local: Mapping[str, str]) -> list[tuple[str, str]]:
        routes = cast("HttpApiDoor", door).api.routes
        return [(route.key, f"function {route.function}") for route in routes]

    def _new_id(self) -> str:
        """15 characters and `=`, as API Gateway's ids are."""
        return base64.urlsafe_b64encode(self.gateway.world.token(11)).decode()

    def _enter(self, driver: Driver, door: Door, request: Request, exchange: Exchange) -> Step:
        from edgegw.awslambda.http_events.flow import start_api

        api = cast("HttpApiDoor", door).api
        return start_api(api, request, self._facts(request, exchange))
