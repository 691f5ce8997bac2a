"""ASGI ↔ http.message: one front door as an ASGI 3 application.

The reason phrase travels in the key `reason` of the start message (`edgegw.whole` beside it says
that the whole body follows at once), the exchange in `scope["extensions"]["edgegw.exchange"]`.
Applications and servers that do not know them ignore them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, NamedTuple, Protocol

from edgegw.gateway.exchange import Exchange
from edgegw.gateway.incoming import (
    WIRE,
    Incoming,
    Message,
    Receive,
    Scope,
    Send,
    Trouble,
    ViewerGoneError,
    speaks_grpc,
    to_request,
)
from edgegw.gateway.tunnel import Moved
from edgegw.http.message import EMPTY, Client, CutOffError, Headers, Request, Response, has_body

EXCHANGE: Final = "edgegw.exchange"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a front door asks of connections; durations in seconds.

    `idle` is how long a client may send nothing while it should, `keep_alive` how long a
    connection waits for the next request, `age` how long it lives, `http2_requests` how many
    requests one over HTTP/2 takes. A lenient front door takes requests that are not quite HTTP,
    and judges them itself.
    """

    keep_alive: float = 65.0
    idle: float | None = None
    age: float | None = None
    http2_requests: int | None = None
    is_lenient: bool = False

    def takes_hosts(self, count: int, version: str) -> bool:
        """Whether a request may have so many Host headers."""
        if count == 0:
            return version == "1.0"
        return count == 1 or self.is_lenient


@dataclass(frozen=True, slots=True)
class Handshake:
    """How TLS was agreed on: `TLSv1.3:CIPHER:fullHandshake`, and how long it took in seconds.

    `failure` says why it was not.
    """

    tls: str = ""
    latency: float = 0.0
    failure: str = ""


class Begun(NamedTuple):
    """A request that has begun, when (`perf_counter`), and its answer if that is all it took."""

    exchange: Exchange
    started: float
    response: Response | None = None


class Answerer(Protocol):
    """What stands behind a front door."""

    async def startup(self) -> None: ...

    async def shutdown(self) -> None: ...

    def open(self, request: Request) -> Exchange:
        """A new exchange for `request`."""
        ...

    async def answer(self, request: Request, exchange: Exchange) -> Response:
        """The response; whatever goes wrong on the way is in it."""
        ...

    def begin(self, request: Request) -> Begun:
        """Decides what can be decided about a request without body before anything is awaited."""
        ...

    def close(self, exchange: Exchange) -> None:
        """The exchange is complete."""
        ...

    def refuse(self, detail: str, client: Client, why: Trouble) -> Response:
        """The page for a request that cannot be served, whatever it asks."""
        ...

    def limits(self) -> Limits:
        """What connections that begin now are held to."""
        ...

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        """A client has connected, or tried to."""
        ...


class FrontDoorApp:
    """The ASGI application of one front door."""

    def __init__(self, door: Answerer) -> None:
        self._door = door

    def refuse(self, detail: str, *, client: Client, why: Trouble = "malformed") -> Response:
        """The front door's page for a request that cannot be served, whatever it asks."""
        return self._door.refuse(detail, client, why)

    def begin(self, request: Request) -> Begun:
        """Begins a request without body; it may be answered already."""
        return self._door.begin(request)

    def limits(self) -> Limits:
        """What connections that begin now are held to."""
        return self._door.limits()

    def connected(self, client: Client, handshake: Handshake | None = None) -> None:
        """A client has connected, or tried to."""
        self._door.connected(client, handshake)

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
        started = perf_counter()
        incoming = Incoming(receive, self._door.limits().idle)
        extensions: dict[str, Any] | None = scope.get("extensions")
        if extensions is None:
            extensions = {}
        wire: dict[str, Any] = extensions.get(WIRE) or {}
        if scope.get("http_version", "1.1") >= "2":
            incoming.takes_trailers = "http.response.trailers" in extensions
            if not (wire.get("bodiless") or speaks_grpc(Headers(scope["headers"]))):
                await incoming.look_ahead()
        exchange = self._door.open(to_request(scope, incoming))
        extensions[EXCHANGE] = exchange
        await self._answer(exchange, started, _Way(incoming, send, splice=wire.get("splice")))

    async def finish(
        self, begun: Begun, receive: Receive, send: Send, send_whole: Callable[[Response], None]
    ) -> None:
        """Goes on with a request that `begin` did not answer; its server need not speak ASGI."""
        way = _Way(Incoming(receive), send, send_whole)
        await self._answer(begun.exchange, begun.started, way)

    async def _answer(self, exchange: Exchange, started: float, way: _Way) -> None:
        try:
            response = await self._door.answer(exchange.request, exchange)
            exchange.response = response
            if response.upgraded is not None and way.splice is not None:
                try:
                    moved = await way.splice(response)
                finally:
                    if response.body.release is not None:
                        response.body.release()
                exchange.request_bytes = moved.to_origin
                exchange.response_bytes = moved.to_viewer
                return
            await _send_response(exchange, response, way)
        except ViewerGoneError:
            exchange.is_gone = True
            exchange.reason = exchange.reason or ViewerGoneError().detail
        except CutOffError as error:
            exchange.reason = exchange.reason or str(error)
            raise
        finally:
            exchange.duration = perf_counter() - started
            exchange.request_bytes += way.incoming.received
            way.incoming.forget()
            self._door.close(exchange)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._door.startup()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._door.shutdown()
        await send({"type": "lifespan.shutdown.complete"})


class _Way(NamedTuple):
    """How one request comes in and its answer goes out.

    `send_whole` sends an answer whose content is at hand; `splice` answers 101.
    """

    incoming: Incoming
    send: Send
    send_whole: Callable[[Response], None] | None = None
    splice: Callable[[Response], Awaitable[Moved]] | None = None


async def _send_response(exchange: Exchange, response: Response, way: _Way) -> None:
    """Sends `response`, streaming its body; a viewer that leaves ends the reading."""
    body, incoming, send = response.body, way.incoming, way.send
    if body.content is not None and way.send_whole is not None:
        _send_at_once(exchange, response, way.send_whole)
        return
    incoming.is_answered = True
    start: Message = {
        "type": "http.response.start",
        "status": response.status,
        "headers": list(response.headers.raw),
        "reason": response.reason,
    }
    if incoming.takes_trailers and body.is_empty and b"grpc-status" in response.headers:
        await _send_trailers_only(start, response.headers, send)
        return
    if not has_body(exchange.request.method, response.status):
        if body.release is not None:
            body.release()
        body = EMPTY
    if body.content is not None:
        if body.content:
            exchange.keep_body(body.content)
        start["edgegw.whole"] = True
        try:
            await send(start)
            await send({"type": "http.response.body", "body": body.content})
        except OSError:
            raise ViewerGoneError from None
        return
    chunks = aiter(body.chunks) if body.chunks else _nothing()
    if body.trailers is not None and incoming.takes_trailers:
        start["trailers"] = True
    try:
        await send(start)
        await _stream(chunks, exchange, incoming, send)
        if "trailers" in start and body.trailers is not None:
            trailers = list(body.trailers().raw)
            await send({"type": "http.response.trailers", "headers": trailers})
    except OSError:
        raise ViewerGoneError from None
    finally:
        if body.release is not None:
            body.release()


def _send_at_once(
    exchange: Exchange, response: Response, send_whole: Callable[[Response], None]
) -> None:
    content = response.body.content
    if content and has_body(exchange.request.method, response.status):
        exchange.keep_body(content)
    try:
        send_whole(response)
    except OSError:
        raise ViewerGoneError from None


async def _send_trailers_only(start: Message, headers: Headers, send: Send) -> None:
    """A gRPC answer without messages: servers end the head by itself only behind trailers."""
    status = [line for line in headers.raw if line[0].lower().startswith(b"grpc-")]
    rest = [line for line in headers.raw if line not in status]
    await send({**start, "headers": rest, "trailers": True})
    await send({"type": "http.response.body", "body": b""})
    await send({"type": "http.response.trailers", "headers": status})


async def _stream(
    chunks: AsyncIterator[bytes], exchange: Exchange, incoming: Incoming, send: Send
) -> None:
    """Chunk by chunk; from the second one on a watcher ends the reading when the viewer leaves."""
    pump = asyncio.current_task()
    watcher: asyncio.Task[None] | None = None
    gone = False

    async def watch() -> None:
        nonlocal gone
        await incoming.departure()
        gone = True
        if pump is not None:
            pump.cancel()

    try:
        async for chunk in chunks:
            exchange.keep_body(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if watcher is None and incoming.is_read:
                watcher = asyncio.ensure_future(watch())
        if watcher is not None:
            watcher.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except asyncio.CancelledError:
        if gone and pump is not None and pump.uncancel() == 0:
            raise ViewerGoneError from None
        raise
    finally:
        if watcher is not None:
            watcher.cancel()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
