"""What carries a request to an origin or a target, and how that fails.

One interface for whatever is at the other end: `Http1Client` (sockets of our own), `HttpxClient`
(any transport of httpx, which tests may mock), HTTP/2 to targets.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from edgegw.http.authority import authority_of
from edgegw.http.message import CutOffError, Header, Request, Response

if TYPE_CHECKING:
    import httpx

FailureKind: TypeAlias = Literal["refused", "dns", "closed", "invalid", "timeout"]
Address: TypeAlias = tuple[str, str, int]
"""Scheme, host and port."""


class Timeouts(NamedTuple):
    """In seconds: to connect, without a byte of the answer, and of the body's way out.

    `keep_alive` is how long a connection may rest behind the answer; with 0 the request has one of
    its own.
    """

    connect: float
    read: float
    write: float
    keep_alive: float = 0.0


class Outgoing(NamedTuple):
    """A request on its way to `at`, with `lines` that are this connection's own.

    Header lines and target leave as they stand, only the framing is the body's. Where nobody
    `verifies` it, any certificate will do. The handshake of TLS asks for `server_name`, without one
    for the host of `at`.
    """

    at: Address
    request: Request
    timeouts: Timeouts
    lines: tuple[Header, ...] = ()
    verifies: bool = True
    server_name: str = ""


class SendError(Exception):
    """There is no answer. `kind` says why, and `str(error)` what the other end did not do.

    `was_connected` when a connection stood: then the request may have been acted on.
    """

    def __init__(self, kind: FailureKind, text: str, *, was_connected: bool = True) -> None:
        super().__init__(text)
        self.kind: FailureKind = kind
        self.was_connected = was_connected

    def at(self, address: Address) -> str:
        """What happened, and where."""
        scheme, host, port = address
        return f"{scheme}://{authority_of(host, port)} {self}"


class UntouchedError(SendError):
    """There is no answer, and the other end has not begun: it may be asked again."""


def cut_off(error: SendError) -> CutOffError:
    """What a response body ends with whose sender failed in the middle."""
    return CutOffError(f"the response body ends early: its sender {error}")


@runtime_checkable
class Transport(Protocol):
    """Sends requests and answers with responses."""

    async def send(self, outgoing: Outgoing) -> Response:
        """The response, as soon as its head is there. Raises SendError.

        What the request's own body raises is raised as it is.
        """
        ...

    async def close(self) -> None:
        """Ends every connection."""
        ...


MakeTransport: TypeAlias = "Callable[[AbstractSet[str]], Transport | httpx.AsyncBaseTransport]"
"""Makes a transport; gets the hosts whose certificates are never checked.

These are all for targets of load balancers and none for origins: of those each request says whether
to check (`Outgoing.verifies`, over httpx the extension `verify` of the request).
"""
