"""Origins that are reached over the network: custom ones, and buckets by their DNS names."""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.origin_connection import CONNECTION_HEADER, connection_to, may_try_again
from edgegw.config.gateway.hosts import Hosts
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts, Transport
from edgegw.http.message import Request, Response

WRITE_TIMEOUT: Final = 60.0
"""Seconds in which an origin must take more of a request body; AWS is silent about it."""


class NetworkOrigins:
    """Every origin that no other kind takes.

    `hosts` says which names lead to a place on this machine; the Host header stays the name's.
    """

    def __init__(self, transport: Transport, hosts: Hosts) -> None:
        self._transport = transport
        self.lead(hosts)

    def lead(self, hosts: Hosts) -> None:
        """From now on names lead where these say."""
        self._hosts = hosts if hosts else None

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure:
        """A request that timed out is tried again (`may_try_again`)."""
        connection = connection_to(origin)
        address, verifies, server_name = connection.address, origin.verify, ""
        place = None if self._hosts is None else self._hosts.lookup(origin.domain_name)
        if place is not None:
            # Something of this machine stands in: it is asked for by the name that was chosen, and
            # cannot have a certificate for it.
            address, verifies, server_name = place, False, origin.domain_name
        times = Timeouts(connection.connect, connection.read, WRITE_TIMEOUT, connection.keep_alive)
        lines = () if request.upgrade else (CONNECTION_HEADER,)
        outgoing = Outgoing(address, request, times, lines, verifies, server_name)
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
                    return OriginFailure(error.kind, error.at(address), error.was_connected)
