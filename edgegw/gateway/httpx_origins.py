"""httpx's own transport to origins: what `Gateway` uses in process, and respx mocks."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

import httpx


class _Everybody(frozenset[str]):
    """All hosts."""

    def __contains__(self, host: object) -> bool:
        return True


EVERYBODY: Final = _Everybody()
"""Hosts whose certificates are not verified: of targets, as at a load balancer."""


def httpx_transport(unverified: AbstractSet[str]) -> httpx.AsyncBaseTransport:
    """Httpx's own transport, which respx mocks with no set-up."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=5.0)
    mounted: dict[bool, httpx.AsyncHTTPTransport] = {}

    def transport(*, verify: bool) -> httpx.AsyncHTTPTransport:
        if verify not in mounted:
            mounted[verify] = httpx.AsyncHTTPTransport(
                verify=verify, trust_env=False, limits=limits, http2=False
            )
        return mounted[verify]

    class ByHost(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            plain = request.url.scheme == "http"
            verify = not plain and request.url.host not in unverified
            return await transport(verify=verify).handle_async_request(request)

        async def aclose(self) -> None:
            for each in mounted.values():
                await each.aclose()
            mounted.clear()

    return ByHost()
