"""A front door as an ASGI 3 application: for `gateway.app(name)` and foreign servers.

The only file that knows scopes. What ASGI has no place for is lost on this way: the spelling of
header names, how TLS was agreed on, a switch of protocols. The reason phrase travels in the key
`reason` of the start message, the exchange in `scope["extensions"]["edgegw.exchange"]`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias, cast

from edgegw.http.grpc import is_grpc
from edgegw.http.hosts import is_address
from edgegw.http.message import (
    EMPTY,
    Body,
    Client,
    CutOffError,
    Headers,
    Request,
    Response,
    has_body,
)
from edgegw.http.target import RequestTarget
from edgegw.wire.answering import answer
from edgegw.wire.front import ForeignError, Front, ViewerGoneError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

EXCHANGE: Final = "edgegw.exchange"


class AsgiFront:
    """The ASGI application of one front door; the server's lifespan starts and stops it.

    `front` is for servers that listen at an address, `inside` (by default the same) for those that
    do not: test clients, and servers behind a proxy of the same machine.
    """

    def __init__(
        self,
        front: Front,
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
        inside: Front | None = None,
    ) -> None:
        self._by_socket = front
        self._inside = front if inside is None else inside
        self._start = start
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case _:  # a WebSocket: refused before it is opened
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": ""})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        front = self._by_socket if _listens_at_address(scope) else self._inside
        incoming = _AsgiBody(receive, front.limits().idle)
        headers = Headers(scope["headers"])
        if scope.get("http_version", "1.1") >= "2" and not _is_framed(headers):
            await incoming.look_ahead()
        request = _request(scope, headers, incoming)
        outlet = _AsgiOutlet(scope, send, incoming)
        foreign: ForeignError | None = None
        try:
            await answer(front, front.accept(request), request, outlet, incoming)
        except ForeignError as error:
            foreign = error
        finally:
            outlet.close()
        if foreign is not None:
            raise foreign.cause  # the server's, or the test's whose mock it is
        if outlet.is_cut:
            raise CutOffError("the response has no end")  # so that the server cuts it, too

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})


class _AsgiBody:
    """The receiving side of one request: its body, and later the news that the client left."""

    def __init__(self, receive: Receive, idle: float | None) -> None:
        self._receive = receive
        self._idle = idle
        self._first: Message | None = None
        self.received = 0
        self.is_read = True
        self.is_answered = False

    async def look_ahead(self) -> None:
        """Takes the first message: over HTTP/2 no header need tell of a body."""
        self._first = await self._receive()

    @property
    def has_more(self) -> bool:
        """Whether the message taken ahead brings a body, or says that it never comes."""
        first = self._first
        return first is not None and (
            first["type"] == "http.disconnect"
            or bool(first.get("body"))
            or bool(first.get("more_body"))
        )

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ViewerGoneError when it never comes to its end."""
        message, self._first = self._first, None
        while True:
            if message is None:
                message = await self._next()
            if message["type"] == "http.disconnect":
                raise self._error(ViewerGoneError())
            part = cast("bytes", message.get("body", b""))
            if part:
                self.received += len(part)
                yield part
            if not message.get("more_body", False):
                self.is_read = True
                return
            message = None

    async def _next(self) -> Message:
        if self._idle is None or self.is_answered:
            return await self._receive()
        try:
            async with asyncio.timeout(self._idle):
                return await self._receive()
        except TimeoutError:
            text = "the client sent nothing for the idle timeout"
            raise self._error(ViewerGoneError(text, "idle")) from None

    def forget(self) -> None:
        """The request is over: what nobody took is not kept with its record."""
        self._first = None
        self._receive = _nothing_more

    def _error(self, error: ViewerGoneError) -> ViewerGoneError:
        error.received = self.received
        return error

    async def departure(self) -> None:
        """Returns when the client has left. Only once the body is read: messages come once."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _listens_at_address(scope: Scope) -> bool:
    """Whether a server tells the address of its socket; others tell a name, a path or nothing."""
    server: tuple[str, int | None] | None = scope.get("server")
    return server is not None and is_address(server[0])


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def _is_framed(headers: Headers) -> bool:
    """Whether headers tell of a body, or none may be waited for.

    A client that speaks gRPC may wait for the answer's head before it sends more.
    """
    if b"content-length" in headers or b"transfer-encoding" in headers:
        return True
    return is_grpc(headers)


def _request(scope: Scope, headers: Headers, incoming: _AsgiBody) -> Request:
    """The request in an ASGI scope, its body untouched."""
    raw = cast("bytes | None", scope.get("raw_path")) or scope["path"].encode("utf-8")
    query = cast("bytes", scope.get("query_string") or b"")
    target = RequestTarget.parse(raw + b"?" + query if query else raw)
    client: tuple[str, int] | None = scope.get("client")
    return Request(
        scope["method"],
        target,
        headers,
        _body(headers, incoming),
        scope.get("scheme", "http"),
        scope.get("http_version", "1.1"),
        Client(client[0], client[1]) if client else Client(),
    )


def _body(headers: Headers, incoming: _AsgiBody) -> Body:
    length: int | None = None
    declared = headers.get(b"content-length")
    if b"transfer-encoding" not in headers:
        if declared is not None and declared.strip().isdigit():
            length = int(declared)
        if length == 0 or (declared is None and not (incoming.has_more or _is_framed(headers))):
            return EMPTY
    incoming.is_read = False
    return Body(chunks=incoming.chunks(), length=length)


class _AsgiOutlet:
    """Where the answer goes out (`answering.Outlet`)."""

    splice: Callable[[Response], Awaitable[tuple[int, int]]] | None = None

    def __init__(self, scope: Scope, send: Send, incoming: _AsgiBody) -> None:
        extensions: dict[str, object] = scope.get("extensions") or {}
        self._extensions = extensions
        self._method = cast("str", scope["method"])
        self._takes_trailers = "http.response.trailers" in extensions
        self._has_trailers = False
        self._send = send
        self._incoming = incoming
        self._watcher: asyncio.Task[None] | None = None
        self.is_cut = self.is_gone = False
        self.pump: asyncio.Task[object] | None = None

    def close(self) -> None:
        """The request is over."""
        if self._watcher is not None:
            self._watcher.cancel()

    def _start(self, response: Response) -> Message:
        self._incoming.is_answered = True
        self._extensions[EXCHANGE] = response.exchange
        return {
            "type": "http.response.start",
            "status": response.status,
            "headers": list(response.headers.raw),
            "reason": response.reason,
        }

    async def whole(self, response: Response) -> None:
        start = self._start(response)
        content = response.body.content or b""
        if self._takes_trailers and not content and b"grpc-status" in response.headers:
            await self._trailers_only(start, response.headers)
            return
        await self._sent(start)
        if not has_body(self._method, response.status):
            content = b""
        await self._sent({"type": "http.response.body", "body": content})

    async def _trailers_only(self, start: Message, headers: Headers) -> None:
        """A gRPC answer without messages: servers end the head by itself only behind trailers."""
        status = [line for line in headers.raw if line[0].lower().startswith(b"grpc-")]
        rest = [line for line in headers.raw if line not in status]
        await self._sent({**start, "headers": rest, "trailers": True})
        await self._sent({"type": "http.response.body", "body": b""})
        await self._sent({"type": "http.response.trailers", "headers": status})

    async def start(self, response: Response) -> None:
        start = self._start(response)
        if self._takes_trailers and response.body.trailers is not None:
            start["trailers"] = self._has_trailers = True
        await self._sent(start)

    async def write(self, chunk: bytes) -> None:
        if self._watcher is None and self._incoming.is_read:
            self._watcher = asyncio.ensure_future(self._watch())
        await self._sent({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self, trailers: Headers | None) -> None:
        await self._sent({"type": "http.response.body", "body": b"", "more_body": False})
        if self._has_trailers:
            lines = [] if trailers is None else list(trailers.raw)
            await self._sent({"type": "http.response.trailers", "headers": lines})

    def cut(self) -> None:
        self.is_cut = True

    async def _sent(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:
            self.is_gone = True
            raise ViewerGoneError from None

    async def _watch(self) -> None:
        """Ends the reading of the origin when the client leaves."""
        await self._incoming.departure()
        self.is_gone = True
        if self.pump is not None:
            self.pump.cancel()
