"""The Runtime API of one environment over HTTP: its front door, and the port it listens on.

What a request means is not decided here: `Requests` takes it and answers when there is something to
answer, for `next` when an event comes. Only of a streamed answer the parts go on as they come.

Whoever talks to this port gets events with all their secrets, and answers in the function's place.
So it must be a program of the same user that was told of the port:

- no page in a browser: the Host is exactly what AWS_LAMBDA_RUNTIME_API says, and there is neither
  Origin nor Sec-Fetch-Site (`http.callers`);
- no other user of this machine: the kernel says whose the peer's socket is (`wire.peer_user`). A
  secret in the variable would not do: clients take a host and a port there and no path (those of
  Python for errors at init, of Java, of Rust), and the API has no header for one.

Users are looked up once per connection, the headers are read for every request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Final, Protocol

from edgegw.awslambda.lifecycle import MAX_RESPONSE
from edgegw.awslambda.runtime_api_messages import ApiRequest, Reply
from edgegw.background import Background
from edgegw.http.callers import comes_from_page, is_addressed_to
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Body, Client, Header, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.wire.connection import Connection
from edgegw.wire.front import Delivery, Handshake, ViewerGoneError
from edgegw.wire.http1 import Http1
from edgegw.wire.peer_user import NOBODY, peer_user

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
        self._hosts: tuple[bytes, ...] = ()
        self._noted: set[str] = set()

    def listens_at(self, address: str) -> None:
        """Requests are for `address`, host and port; those for another one are refused."""
        self._hosts = (address.encode(),)

    def note(self, refused: str) -> None:
        """Says in the log who was refused; each text once, as some would not stop."""
        if refused not in self._noted:
            self._noted.add(refused)
            logger.warning("the Runtime API of a function refused %s", refused)

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
        if not is_addressed_to(request, self._hosts):
            self.note("a request whose Host is not its address")
            return _forbidden("the Host is not AWS_LAMBDA_RUNTIME_API")
        if comes_from_page(request.headers):
            self.note("a request of a page in a browser")
            return _forbidden("pages in a browser have no business here")
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


def _forbidden(text: str) -> Response:
    """An error as the API makes them, behind which the connection ends."""
    content = json.dumps({"errorMessage": text, "errorType": "Forbidden"}).encode()
    headers = (("Content-Type", "application/json"), ("Connection", "close"))
    return _response(403, headers, content)


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

    def __init__(
        self,
        front: RuntimeApiFront,
        peer_user: Callable[[socket.socket], int | None] = peer_user,
    ) -> None:
        self._front = front
        self._peer_user = peer_user
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
        address = f"{host}:{port}"
        self._front.listens_at(address)
        return address

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
        if not self._is_own(accepted):
            accepted.close()
            return
        accepted.settimeout(0.0)
        self._accepting.start(self._speak(accepted))

    def _is_own(self, accepted: socket.socket) -> bool:
        """Whether the client is this user's; where the system does not tell, it is let in."""
        try:
            user = self._peer_user(accepted)
        except OSError:  # the client has left already
            return False
        if user is None or user == os.geteuid():
            return True
        if user != NOBODY:
            self._front.note(f"a connection of another user of this machine (user id {user})")
        return False

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
