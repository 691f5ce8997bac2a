"""Origins that are reached over the network: custom ones, and buckets by their DNS names."""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.origin_connection import CONNECTION_HEADER, connection_to, may_try_again
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts, Transport
from edgegw.http.message import Request, Response

WRITE_TIMEOUT: Final = 60.0
"""Seconds in which an origin must take more of a request body; AWS is silent about it."""


class NetworkOrigins:
    """Every origin that no other kind takes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def takes(self, origin: Origin) -> bool:
        return True

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure:
        """A request that timed out is tried again (`may_try_again`)."""
        connection = connection_to(origin)
        times = Timeouts(connection.connect, connection.read, WRITE_TIMEOUT, connection.keep_alive)
        outgoing = Outgoing(
            connection.address, request, times, () if request.upgrade else (CONNECTION_HEADER,)
        )
        sent = 0
        while True:
            sent += 1
            try:
                return await self._transport.send(outgoing)
            except SendError as error:
                if error.kind != "timeout" or not may_try_again(
                    connection,
                    request.method,
                    sent=sent,
                    was_connected=error.was_connected,
                    can_repeat=request.body.content is not None,
                ):
                    return OriginFailure(error.kind, error.at(connection.address))
