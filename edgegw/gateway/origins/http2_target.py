"""One HTTP/2 connection to a target, and the requests on it."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterable, Callable
from typing import Final

from edgegw.gateway.origins.acknowledging import acknowledge, socket_of
from edgegw.gateway.origins.silence import PATIENCE
from edgegw.gateway.origins.transport import SendError, UntouchedError
from edgegw.http.message import EMPTY, Body, Header, Headers, Request, has_body
from edgegw.wire.http2_frames import Http2Code
from edgegw.wire.http2_heads import (
    MalformedHeadError,
    content_length,
    read_response,
    read_trailers,
)
from edgegw.wire.http2_states import Goodbye
from edgegw.wire.http2_streams import Http2Connection, Http2Stream
from edgegw.wire.parts import add_part

_WINDOW: Final = 256 * 1024
"""Bytes of an answer that a target may send before anybody takes them."""
_FIRST: Final = 100
"""Streams that are opened before a target has said how many it takes."""

_FINAL: Final = 200
_SWITCHING: Final = 101
_SILENT: Final = "did not answer in time"


class TargetStream(Http2Stream):
    """One request and its answer: `status` 0 until it is there.

    `broken` is why the request has no end.
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_heard_at",
        "_method",
        "_news",
        "_upload",
        "answer_trailers",
        "broken",
        "headers",
        "length",
        "status",
    )

    connection: TargetConnection

    def __init__(self, connection: TargetConnection, number: int, method: str, idle: float) -> None:
        super().__init__(connection, number)
        self.patience = idle
        self.status = 0
        self._method = method
        self.headers = Headers()
        self.length: int | None = None
        self.answer_trailers: tuple[Header, ...] = ()
        self.broken: Exception | None = None
        self._chunks: deque[bytes] = deque()
        self._error: SendError | None = None
        self._news: asyncio.Future[None] | None = None
        self._upload: asyncio.Task[None] | None = None
        self._heard_at = self._moved_at = connection.loop.time()

    # The request

    def follow(self, body: Body) -> None:
        """Sends the body: at once what is at hand, by a task what is not."""
        if body.content is not None:
            self.finish(body.content)
        elif body.chunks is not None:
            self._upload = asyncio.ensure_future(self._send_all(body.chunks))

    async def _send_all(self, chunks: AsyncIterable[bytes]) -> None:
        """Whoever waits for the answer learns what goes wrong; it may come before the end."""
        try:
            async for chunk in chunks:
                waiting = self.send(chunk)
                if waiting is not None:
                    await waiting
                if self.is_gone:
                    return
        except Exception as error:  # the body has no end
            self.broken = error
            self._fail(SendError("closed", "did not get the whole request"))
            self.reset(Http2Code.CANCEL)
        else:
            self.finish()

    def moved(self) -> None:
        self._moved_at = self.connection.loop.time()

    def lost_patience(self) -> None:
        self._fail(SendError("timeout", _SILENT))
        self.reset(Http2Code.CANCEL)

    # The answer, as it is waited for

    async def answered(self) -> None:
        """Returns when the head of the answer is there. Raises SendError."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait(is_sending=not self.is_sent)

    async def part(self) -> bytes | None:
        """The next part of the body; the target may send as much again. Raises SendError."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self.is_received:
                return None
            await self._wait(is_sending=False)
        part = self._chunks.popleft()
        self.connection.taken(self, len(part))
        return part

    @property
    def is_empty(self) -> bool:
        """Whether the answer is complete and has no body."""
        return (
            self.is_received
            and not self._chunks
            and not self.answer_trailers
            and self._error is None
        )

    async def _wait(self, *, is_sending: bool) -> None:
        """Waits for news. It is the target's turn for `patience` from the last byte either way."""
        loop = self.connection.loop
        self._heard_at = loop.time()
        limit = self.patience or 0.0
        is_named = self.status > 0  # it has begun to answer
        while True:
            news = self._news = loop.create_future()
            end = None
            if not is_sending or self.is_sent:
                end = self._quiet_since + (limit if is_named else min(limit, PATIENCE))
            try:
                async with asyncio.timeout_at(end):
                    await news
            except TimeoutError:
                quiet_since, now = self._quiet_since, loop.time()
                if quiet_since + limit <= now:
                    raise SendError("timeout", _SILENT) from None
                if quiet_since + PATIENCE <= now:
                    is_named = True
                    self.connection.on_silent(limit)
            else:
                return
            finally:
                self._news = None

    @property
    def _quiet_since(self) -> float:
        """When the last byte came or went."""
        return max(self._heard_at, self._moved_at)

    def _tell(self) -> None:
        news = self._news
        if news is not None and not news.done():
            news.set_result(None)

    def give_up(self) -> None:
        """Nobody waits for the answer any longer; what was not read counts as read."""
        if self._upload is not None:
            self._upload.cancel()
        unread = sum(map(len, self._chunks))
        self._chunks.clear()
        self.connection.taken(self, unread)
        self.reset(Http2Code.CANCEL)

    # What happens to it

    def head_received(self, lines: list[Header], *, ends: bool) -> None:
        try:
            status, headers = read_response(lines)
            if status < _FINAL and (ends or status == _SWITCHING):
                raise MalformedHeadError(f"the status {status}")
            length = content_length(headers)
        except MalformedHeadError as error:
            self._fail(SendError("invalid", f"sent an invalid answer: {error}"))
            self.reset(Http2Code.PROTOCOL_ERROR)
            return
        if status >= _FINAL:
            self.has_head = True
            self.status, self.headers, self.length = status, headers, length
            if has_body(self._method, status):
                self.left = length
        self._tell()

    def body_received(self, data: bytes) -> None:
        add_part(self._chunks, data)
        self._tell()

    def trailers_received(self, lines: list[Header]) -> None:
        try:
            self.answer_trailers = read_trailers(lines)
        except MalformedHeadError as error:
            self._fail(SendError("invalid", f"sent invalid trailers: {error}"))
            self.reset(Http2Code.PROTOCOL_ERROR)

    def all_received(self) -> None:
        self._tell()

    def broke_off(self, text: str, *, is_refused: bool) -> None:
        kind = UntouchedError if is_refused and not self.status else SendError
        self._fail(kind("closed", text))

    def ended(self) -> None:
        self._tell()
        if self.connection.is_leaving:
            self.connection.loop.call_soon(self.connection.close_if_left)

    def _fail(self, error: SendError) -> None:
        if not self.is_received:
            self._error = self._error or error
        self._tell()


class TargetConnection(Http2Connection[TargetStream]):
    """A connection to a target."""

    def __init__(self, on_silent: Callable[[float], None]) -> None:
        """`on_silent` hears, with its time-out, of a request that is not answered for a while."""
        super().__init__(is_client=True, window=_WINDOW, streams=None)
        self.on_silent = on_silent
        self._socket: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = socket_of(transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.streams and self._socket is not None:
            acknowledge(self._socket)

    @property
    def has_room(self) -> bool:
        """Whether one more stream may be opened."""
        if self.is_over or self.is_leaving:
            return False
        most = self.most_streams if self.has_settings else _FIRST
        return most is None or len(self.streams) < most

    def open(self, head: list[Header], request: Request, idle: float) -> TargetStream:
        """A request begins."""
        body = request.body
        stream = TargetStream(self, self.next_number(), request.method, idle)
        self.add(stream)
        stream.send_head(head, ends=body is EMPTY)
        if body is not EMPTY:
            stream.follow(body)
        return stream

    def goodbye_received(self, goodbye: Goodbye) -> None:
        self.is_leaving = True
        for stream in list(self.streams.values()):
            if not stream.is_received and (goodbye.code or stream.number > goodbye.last):
                self.drop(stream, "ended the connection", is_refused=not goodbye.code)
        self.close_if_left()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end("closed the connection before its answer was complete")

    def fail(self, text: str, code: int) -> None:
        super().fail(f"sent invalid HTTP/2: {text}", code)

    def close_if_left(self) -> None:
        """Ends the connection of a target that took leave, once all is answered."""
        if self.is_leaving and not self.streams and not self.is_over:
            self.close()
