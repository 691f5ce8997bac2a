"""What comes in over ASGI: one request of a front door, its body, and the end of its viewer.

Servers that know the wire put it into `scope["extensions"]["edgegw.wire"]`: `headers` in their
spelling, the raw `target`, `bodiless` where no header promises a body, and for a client that asks
to switch protocols `upgrade` and `splice(response)`, which answers 101 and goes on until the
connection ends. `edgegw.tls` beside it tells the handshake, `edgegw.client` the peer. The key
`edgegw.trouble` of a disconnect message says that the viewer is still there, and why its request
has no end. Other servers ignore all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final, Literal, TypeAlias, cast

from edgegw.http.message import EMPTY, Body, Client, Headers, Request
from edgegw.http.target import Target

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Trouble: TypeAlias = Literal["malformed", "too-large", "idle", "plain-http"]
"""What is wrong with a request: no HTTP, a head beyond all limits, no end to it, no TLS."""

WIRE: Final = "edgegw.wire"
TLS: Final = "edgegw.tls"
CLIENT: Final = "edgegw.client"
TROUBLE: Final = "edgegw.trouble"


class ViewerGoneError(Exception):
    """The viewer closed the connection before the response was complete.

    With `why` it is still there, but the body of its request will never come to its end.
    """

    def __init__(
        self, detail: str = "the viewer closed the connection", why: Trouble | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.why: Trouble | None = why


class Incoming:
    """The receiving side of one request: its body, and later the news that the viewer left.

    `idle` is how many seconds the viewer may send nothing of a body that is waited for; None for
    any time. Once the answer has begun it may take its time.
    """

    def __init__(self, receive: Receive, idle: float | None = None) -> None:
        self._receive = receive
        self._idle = idle
        self._first: Message | None = None
        self.is_read = True
        self.is_answered = False
        self.takes_trailers = False
        self.received = 0

    async def look_ahead(self) -> None:
        """Takes the first message, so that `has_body` can tell what HTTP/2 headers need not."""
        try:
            self._first = await self._next()
        except ViewerGoneError as error:
            self._first = {"type": "http.disconnect", TROUBLE: (error.detail, error.why)}

    @property
    def has_body(self) -> bool:
        """Whether the message taken ahead brings body bytes, or says that they never come."""
        first = self._first
        return bool(
            first is not None
            and (first["type"] == "http.disconnect" or first.get("body") or first.get("more_body"))
        )

    async def _next(self) -> Message:
        """The next message. Raises ViewerGoneError after silence."""
        if self._idle is None or self.is_answered:
            return await self._receive()
        try:
            async with asyncio.timeout(self._idle):
                return await self._receive()
        except TimeoutError:
            if self.is_answered:
                return await self._receive()
            raise ViewerGoneError("the client sent nothing for the idle timeout", "idle") from None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ViewerGoneError when it never comes to its end."""
        message, self._first = self._first, None
        while True:
            if message is None:
                message = await self._next()
            if message["type"] == "http.disconnect":
                raise ViewerGoneError(*message.get(TROUBLE, ()))
            body = cast("bytes", message.get("body", b""))
            if body:
                self.received += len(body)
                yield body
            if not message.get("more_body", False):
                self.is_read = True
                return
            message = None

    def forget(self) -> None:
        """The request is over: what was not read of it is not kept with its record."""
        self._receive, self._first = _nothing_more, None

    async def departure(self) -> None:
        """Returns when the viewer has left. Only once the body is read: messages come once."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def to_request(scope: Scope, incoming: Incoming) -> Request:
    """The request in an ASGI scope, its body untouched."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    wire: dict[str, Any] | None = extensions.get(WIRE)
    headers = Headers(wire["headers"] if wire is not None else scope["headers"])
    if wire is not None:
        target = Target.parse(wire["target"])
    else:
        raw = cast("bytes | None", scope.get("raw_path")) or scope["path"].encode("utf-8")
        query = cast("bytes", scope.get("query_string") or b"")
        target = Target.parse(raw + b"?" + query if query else raw)
    client: tuple[str, int] | None = scope.get("client")
    version: str = scope.get("http_version", "1.1")
    return Request(
        scope["method"],
        target,
        headers,
        _request_body(headers, wire, incoming),
        scope.get("scheme", "http"),
        version,
        extensions.get(CLIENT) or (Client(client[0], client[1]) if client else Client()),
        b"" if wire is None else wire.get("upgrade", b""),
        extensions.get(TLS, ""),
        None if wire is None else wire.get("loose"),
    )


def _request_body(headers: Headers, wire: dict[str, Any] | None, incoming: Incoming) -> Body:
    if wire is not None and wire.get("bodiless"):
        return EMPTY
    length: int | None = None
    for name, value in headers.raw:
        lower = name.lower()
        if lower == b"transfer-encoding":
            incoming.is_read = False
            return Body(chunks=incoming.chunks())
        if lower == b"content-length":
            digits = value.strip()
            if not digits.isdigit():  # no server should let it through: then let it be chunked
                incoming.is_read = False
                return Body(chunks=incoming.chunks())
            length = int(digits)
    if length:
        incoming.is_read = False
        return Body(chunks=incoming.chunks(), length=length)
    if length == 0 or not (incoming.has_body or speaks_grpc(headers)):
        return EMPTY
    incoming.is_read = False
    return Body(chunks=incoming.chunks())


def speaks_grpc(headers: Headers) -> bool:
    """Whether the client speaks gRPC: it may wait for the answer's head before it sends more."""
    return (headers.get(b"content-type") or b"").startswith(b"application/grpc")
