"""A load balancer of this gateway as an origin: requests enter it without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.origin_connection import CONNECTION_HEADER, address_of
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.origins.origin import Enter
from edgegw.gateway.origins.request_head import framed
from edgegw.http.message import Client, Headers, Request, Response

_EDGE: Final = Client("127.0.0.1", 0)
"""The peer that a load balancer sees when a distribution of the same gateway is its client."""


class LoadBalancerOrigins:
    """`local` maps the DNS names of this gateway's load balancers and a port to their way in."""

    def __init__(self, local: Mapping[tuple[str, int], Enter]) -> None:
        self._local = local

    def takes(self, origin: Origin) -> bool:
        return bool(self._local) and address_of(origin)[1:] in self._local

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure:
        scheme, host, port = address_of(origin)
        enter = self._local[host, port]
        return await enter(entering(request, scheme), exchange)


def entering(request: Request, scheme: str) -> Request:
    """`request` as the load balancer's socket would have received it."""
    lines = framed(request.headers.raw, request.body)
    return replace(
        request,
        headers=Headers((*lines, CONNECTION_HEADER)),
        scheme=scheme,
        http_version="1.1",
        client=_EDGE,
    )
