"""What the local API answers to `edgegw explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from edgegw.errors import UsageError
from edgegw.gateway.explaining import explained
from edgegw.gateway.fronts.local_operations import FrontDoorUrls
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.gateway.reached_door import DescribedRequest
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class Explanations:
    """Says what front doors would do with a request."""

    def __init__(self, gateway: Gateway, front_door_urls: FrontDoorUrls) -> None:
        self._gateway = gateway
        self._front_door_urls = front_door_urls

    def explain(self, call: Call) -> Response:
        """Takes `{"url", "method"?, "headers"?: [[NAME, VALUE], …]}`.

        The names `load_balancer` or `distribution` say which one is meant.
        """
        headers = cast("list[object]", call.member("headers", list, []))
        asked = DescribedRequest(
            call.member("url", str),
            call.member("method", str, "GET"),
            tuple(_header(line) for line in headers),
            call.member("load_balancer", str, ""),
            call.member("distribution", str, ""),
        )
        gateway = self._gateway
        answer = explained(
            gateway.config,
            asked,
            gateway.target_groups,
            self._ports(),
            gateway.caching.kept,
            gateway.world,
        )
        return json_answer(answer)

    def _ports(self) -> dict[int, str]:
        """Front doors by their real ports."""
        urls = self._front_door_urls()
        return {int(url.rpartition(":")[2]): front_door for front_door, url in urls.items()}


def _header(line: object) -> tuple[str, str]:
    match line:
        case [str(name), str(value)]:
            return name, value
        case _:
            raise UsageError("'headers' must be a list of [NAME, VALUE]")
