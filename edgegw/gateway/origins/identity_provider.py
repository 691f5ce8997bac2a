"""What load balancers ask identity providers, over the transport that origins are reached by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from edgegw.config.gateway.hosts import Hosts
from edgegw.gateway.origins.transport import Address, Outgoing, SendError, Timeouts, Transport
from edgegw.http.authority import is_loopback
from edgegw.http.message import CutOffError, Response
from edgegw.values import value
from edgegw.wire.front import Front

if TYPE_CHECKING:
    from edgegw.alb.authentication.provider_calls import ProviderCall


@value
class EndpointAnswer:
    """What an endpoint answered; `content` is what was read of the body."""

    status: int
    content: bytes


@value
class NoAnswer:
    """An endpoint answered nothing that is whole; `timed_out` when not in time."""

    detail: str
    timed_out: bool = False


class IdentityProviders:
    """Endpoints by their URLs; `hosts` says which names lead to a place on this machine.

    Those of this gateway are entered without a socket, so they answer in process, too.
    """

    def __init__(self, transport: Transport, hosts: Hosts) -> None:
        self.own: Callable[[Address], Front | None] = _nobody
        self._transport = transport
        self.lead(hosts)

    def lead(self, hosts: Hosts) -> None:
        """From now on names lead where these say."""
        self._hosts = hosts

    async def ask(
        self, call: ProviderCall, *, limit: int, timeout: float
    ) -> EndpointAnswer | NoAnswer:
        """What the endpoint answers within `timeout`; one byte more than `limit` is read."""
        place = self._hosts.lookup(call.host)
        # Who is on this machine cannot have a certificate that others would believe.
        verifies = place is None and not is_loopback(call.host)
        server_name = "" if place is None else call.host
        at = place or (call.scheme, call.host, call.port)
        times = Timeouts(timeout, timeout, timeout)
        lines = ((b"Connection", b"close"),)
        outgoing = Outgoing(at, call.request, times, lines, verifies, server_name)
        try:
            async with asyncio.timeout(timeout):
                return await _whole(await self._sent(outgoing), limit)
        except TimeoutError:
            return NoAnswer(f"{call} gave no answer in {timeout:g} seconds", timed_out=True)
        except SendError as error:
            return NoAnswer(error.at(at), timed_out=error.kind == "timeout")
        except CutOffError as error:
            return NoAnswer(f"{call}: {error}")

    async def _sent(self, outgoing: Outgoing) -> Response:
        own = self.own(outgoing.at)
        if own is None:
            return await self._transport.send(outgoing)
        accepted = own.accept(replace(outgoing.request, scheme=outgoing.at[0]))
        return accepted if isinstance(accepted, Response) else await accepted


def _nobody(_: Address) -> None:
    """There is no provider of this gateway."""


async def _whole(response: Response, limit: int) -> EndpointAnswer:
    body = response.body
    content = bytearray(body.content or b"")
    try:
        if body.chunks is not None:
            async for chunk in body.chunks:
                content += chunk
                if len(content) > limit:
                    break
    finally:
        if body.release is not None:
            body.release()
    return EndpointAnswer(response.status, bytes(content[: limit + 1]))
