"""What stands in the way to origins: a stub that answers for all of them, or a guard.

A simulation sends thousands of requests, and should not send them to somebody's real site because
a configuration names it: unless that is asked for, only places on this machine are reached.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from edgegw.errors import UsageError
from edgegw.gateway.origins.transport import MakeTransport, Outgoing, Transport
from edgegw.http.message import Body, Headers, Response
from edgegw.wire.front import ForeignError

DEFAULT_CACHE_CONTROL: Final = "max-age=60"
"""What the stub says of how long its answers may be kept."""
_MOST_LENGTHS: Final = 1000
_MARK: Final = re.compile(rb"edgegw-viewer-[0-9]+-[0-9a-f]{8}")


class StubOrigin:
    """Answers every request with 200 and a line of text: method, host and target.

    A mark of a viewer that reaches it is repeated, as an origin does that answers personally.
    """

    def __init__(self, cache_control: str = DEFAULT_CACHE_CONTROL) -> None:
        self._lines = [(b"Content-Type", b"text/html; charset=utf-8")]
        if cache_control:
            self._lines.append((b"Cache-Control", cache_control.encode("latin-1")))
        self._by_length: dict[int, Headers] = {}

    async def send(self, outgoing: Outgoing) -> Response:
        """The answer of any origin."""
        request = outgoing.request
        text = b"%s %s %s\n" % (request.method.encode(), _idna(outgoing.at[1]), request.target.raw)
        for _, content in request.headers:
            if b"edgegw-viewer-" in content:
                text += b"".join([b"for %s\n" % mark for mark in _MARK.findall(content)])
        return Response(200, b"OK", self._headers(len(text)), Body.of(text))

    def _headers(self, length: int) -> Headers:
        """Those of a body of `length` bytes: one object for all, as what is derived hangs on it."""
        headers = self._by_length.get(length)
        if headers is None:
            headers = Headers((*self._lines, (b"Content-Length", b"%d" % length)))
            if len(self._by_length) < _MOST_LENGTHS:
                self._by_length[length] = headers
        return headers

    async def close(self) -> None:
        """There is nothing to close."""


class LocalOrigins:
    """Sends through `transport` what stays on this machine, and breaks off at anything else."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, outgoing: Outgoing) -> Response:
        """The answer of a place on this machine. Raises ForeignError for any other."""
        host = outgoing.at[1]
        if not is_local(host):
            raise ForeignError(
                UsageError(
                    f"the origin {host} is not on this machine, and a simulation would send it "
                    "thousands of requests: let a stub answer for all origins (--origin-stub), "
                    "lead the name here with gateway.hosts, or allow it (--real-origins)"
                )
            )
        return await self._transport.send(outgoing)

    async def close(self) -> None:
        """Ends every connection."""
        await self._transport.close()


@lru_cache
def _idna(host: str) -> bytes:
    return host.encode("idna")


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def stubbed(cache_control: str = DEFAULT_CACHE_CONTROL) -> MakeTransport:
    """A stub in the place of all origins."""

    def make(_unverified: AbstractSet[str]) -> Transport:
        return StubOrigin(cache_control)

    return make


def sockets(unverified: AbstractSet[str]) -> Transport:
    """Connections to origins, as `serve` has them."""
    from edgegw.gateway.origins.http1_client import Http1Client

    return Http1Client(unverified=unverified)


def local_only(make: Callable[[AbstractSet[str]], Transport] = sockets) -> MakeTransport:
    """Connections to origins on this machine, and to no other."""

    def guarded(unverified: AbstractSet[str]) -> Transport:
        return LocalOrigins(make(unverified))

    return guarded
