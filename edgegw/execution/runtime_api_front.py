"""The Runtime API of one environment over HTTP: its front door, and the port it listens on.

What a request means is not decided here: `Requests` takes it and answers when there is something to
answer, for `next` when an event comes. Only of a streamed answer the parts go on as they come.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import Final, Protocol

from edgegw.awslambda.lifecycle import MAX_RESPONSE
from edgegw.awslambda.runtime_api import ApiRequest, Reply
from edgegw.execution.background import Background
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Body, Client, Header, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.wire.front import Delivery, Handshake, ViewerGoneError
from edgegw.wire.http1 import Connection, Http1

logger = logging.getLogger(__name__)

_LIMITS: Final = Limits(keep_alive=7 * 24 * 3600.0, head=None)
"""A runtime may take as long as it likes: the time-out of its function is another's."""
_STATUS: Final[dict[Trouble, int]] = {
    "malformed": 400,
    "too-large": 431,
    "idle": 408,
    "plain-http": 400,
}
_NO_DESCRIPTORS: Final = 1.0
"""Seconds until connections are accepted again, when no descriptors were left."""


class Requests(Protocol):
    """What takes the requests: the environment's side of the API."""

    def begins_stream(self, path: str, headers: dict[str, str]) -> bool:
        """Whether the body that follows is a streamed answer."""
        ...

    def streamed(self, chunk: bytes) -> None:
        """A part of a streamed answer."""
        ...

    def received(self, request: ApiRequest) -> None:
        """A whole request; `RuntimeApiFront.reply` answers it, now or later."""
        ...


class RuntimeApiFront:
    """A front door for the runtime and the extensions of one environment."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._tickets: dict[int, asyncio.Future[Response]] = {}
        self._last_ticket = 0

    def reply(self, reply: Reply) -> None:
        """Answers the request that has this ticket, if somebody waits for it."""
        waiting = self._tickets.pop(reply.ticket, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(_response(reply.status, reply.headers, reply.body))

    def close(self) -> None:
        """Nobody gets an answer any more."""
        for waiting in self._tickets.values():
            waiting.cancel()
        self._tickets.clear()

    # As a front door

    def limits(self) -> Limits:
        return _LIMITS

    def accept(self, request: Request) -> Response | Awaitable[Response]:
        self._last_ticket += 1
        path, headers = request.target.raw.decode("latin-1"), _as_text(request.headers.raw)
        streams = self._requests.begins_stream(path, headers)
        incoming = ApiRequest(self._last_ticket, request.method, path, headers)
        if request.body.chunks is None:
            return self._ask(incoming)
        return self._ask_with_body(incoming, request.body, request.body.chunks, streams=streams)

    def _ask(self, incoming: ApiRequest) -> Response | Awaitable[Response]:
        waiting: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._tickets[incoming.ticket] = waiting
        self._requests.received(incoming)
        return waiting.result() if waiting.done() else waiting

    async def _ask_with_body(
        self, incoming: ApiRequest, body: Body, chunks: AsyncIterable[bytes], *, streams: bool
    ) -> Response:
        """Reads the body first. Raises ViewerGoneError where the client left in the middle."""
        gone: ViewerGoneError | None = None
        try:
            content, too_large = await self._read(chunks, streams=streams)
            trailers = _as_text(body.trailers().raw) if body.trailers is not None else {}
            incoming = incoming._replace(body=content, trailers=trailers, too_large=too_large)
        except ViewerGoneError as error:
            gone = error
            incoming = incoming._replace(is_truncated=True)
        answer = self._ask(incoming)
        if gone is not None and gone.why is None:
            raise gone
        return answer if isinstance(answer, Response) else await answer

    async def _read(self, chunks: AsyncIterable[bytes], *, streams: bool) -> tuple[bytes, bool]:
        """The body, unless it goes on as it comes; and whether it is too large to be kept."""
        parts, size = list[bytes](), 0
        async for chunk in chunks:
            if streams:
                self._requests.streamed(chunk)
                continue
            size += len(chunk)
            if size <= MAX_RESPONSE:
                parts.append(chunk)
        return b"".join(parts), size > MAX_RESPONSE

    def done(self, response: Response, delivery: Delivery) -> None:
        """Nobody counts."""

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        logger.debug("a runtime sent a malformed request: %s", detail)
        headers = (("Content-Type", "text/plain"), ("Connection", "close"))
        return _response(_STATUS[why], headers, detail.encode())

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        """Nobody counts."""


def _response(status: int, headers: Iterable[tuple[str, str]], content: bytes) -> Response:
    lines = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers]
    lines.append((b"Content-Length", b"%d" % len(content)))
    return Response(status, reason_phrase(status), Headers(lines), Body.of(content))


def _as_text(lines: Iterable[Header]) -> dict[str, str]:
    """Header lines with names in lower case; the last one of a name counts."""
    return {
        name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in lines
    }


class LoopbackListener:
    """A free port of loopback whose connections speak HTTP/1.1 to `front`; it closes at once.

    asyncio's own servers lose a connection that was accepted just before they are closed: its
    socket stays open. An environment comes and goes many times, and must leave none behind.
    """

    def __init__(self, front: RuntimeApiFront) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._connections: set[Connection] = set()
        self._accepting = Background()

    def listen(self) -> str:
        """Takes a port; the answer is host and port."""
        self._socket = listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.0)
        self._await_connections(listener)
        host, port = listener.getsockname()[:2]
        return f"{host}:{port}"

    def _await_connections(self, listener: socket.socket) -> None:
        if self._socket is listener:
            self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # the client has left already
        except OSError as error:  # no descriptors are left: to ask again at once would not help
            logger.warning("a runtime cannot connect: %s", error)
            self._loop.remove_reader(listener)
            self._loop.call_later(_NO_DESCRIPTORS, self._await_connections, listener)
            return
        accepted.settimeout(0.0)
        self._accepting.start(self._speak(accepted))

    async def _speak(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client has left already
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: Http1(self._front, self._connections), accepted
            )
            if self._socket is None:  # closed meanwhile
                transport.abort()

    def close(self) -> None:
        """Ends all connections; no new ones come."""
        if self._socket is None:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        for connection in list(self._connections):
            connection.abort()
