"""A function URL of this gateway as an origin: requests enter it without a socket.

CloudFront waits for it as for any custom origin, and it takes no Host but its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.origin_connection import address_of, connection_to
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.origins.load_balancer import entering
from edgegw.gateway.origins.origin import Enter
from edgegw.http.message import Request, Response


class FunctionUrlOrigins:
    """`urls` maps the domains of this gateway's function URLs and HTTP APIs to their way in."""

    def __init__(self, urls: Mapping[tuple[str, int], Enter]) -> None:
        self._urls = urls

    def takes(self, origin: Origin) -> bool:
        return bool(self._urls) and address_of(origin)[1:] in self._urls

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure:
        scheme, host, port = address_of(origin)
        enter = self._urls[host, port]
        read = connection_to(origin).read
        try:
            return await asyncio.wait_for(enter(entering(request, scheme), exchange), read)
        except TimeoutError:
            return OriginFailure("timeout", f"{host} did not answer within {read:g} s")
