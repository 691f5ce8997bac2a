"""What stands behind a connection, as the wire sees it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Client, NegotiatedTls, Request, Response
from edgegw.values import value

EXCERPT = 64 * 1024
"""Bytes of a response body that a delivery keeps; the traffic is never cut."""


class ViewerGoneError(Exception):
    """The client closed the connection, or its request never comes to its end.

    With `why` it is still there, and can be answered. `received` are the bytes of its body that
    came.
    """

    def __init__(
        self, detail: str = "the viewer closed the connection", why: Trouble | None = None
    ) -> None:
        super().__init__(detail)
        self.received = 0
        self.detail = detail
        self.why: Trouble | None = why


class ForeignError(Exception):
    """Code that is not edgegw's raised on the way of a request: a mock, a blocked socket, a body.

    It is no failure of the other end and no fault of ours, so nothing makes an answer of it:
    whoever called gets `cause` as it was raised.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(repr(cause))
        self.cause = cause


@value
class Handshake:
    """How TLS was agreed on, and how long it took in seconds; `failure` is why it was not."""

    tls: NegotiatedTls | None = None
    latency: float = 0.0
    failure: OSError | None = None


class Delivery:
    """How an answer went out: bytes of both bodies, and the beginning of the one that was sent.

    `excerpt` has at least `EXCERPT` bytes of it, or all.

    `is_gone` says that the client left before the end, `cut` why the answer has none.
    """

    # Most answers leave most of it as it is, so the defaults stand on the class.
    received = 0
    sent = 0
    excerpt: tuple[bytes, ...] | list[bytes] = ()
    is_gone = False
    cut: str | None = None

    @staticmethod
    def of(content: bytes) -> Delivery:
        """An answer that went out at once, `content` its whole body."""
        delivery = Delivery()
        if content:
            delivery.sent = len(content)
            delivery.excerpt = (content,)  # the record has it anyhow: whoever looks cuts it
        return delivery

    def note(self, chunk: bytes) -> None:
        """`chunk` of the response body is about to be sent."""
        if self.sent < EXCERPT:
            if not isinstance(self.excerpt, list):
                self.excerpt = [*self.excerpt]
            self.excerpt.append(chunk[: EXCERPT - self.sent])
        self.sent += len(chunk)


class Front(Protocol):
    """A front door: what answers the requests of a listener, over whatever version of HTTP."""

    def limits(self) -> Limits:
        """What connections that begin now are held to."""
        ...

    def accept(self, request: Request) -> Response | Awaitable[Response]:
        """The answer, at once where nothing has to be waited for.

        Whatever goes wrong is in it; two things are raised, by the awaitable, and then nothing is
        to be sent. ViewerGoneError: a client left whose body was read. ForeignError: what tests
        put in the place of the network raised it.
        """
        ...

    def done(self, response: Response, delivery: Delivery) -> None:
        """What `accept` answered is on its way in full, or broke off; called once for each."""
        ...

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        """The answer to what cannot be read as a request."""
        ...

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        """A client has connected, or tried to."""
        ...
