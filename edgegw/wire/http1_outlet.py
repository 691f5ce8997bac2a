"""Where the answer to one request of HTTP/1 goes out, where it was not there at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from edgegw.http.message import Headers, Response
from edgegw.wire import http1_writer
from edgegw.wire.http1_events import Head
from edgegw.wire.request_body import RequestBody

if TYPE_CHECKING:
    from edgegw.wire.http1 import Http1


class Http1Outlet:
    """Where the answer to one request goes out (`answering.Outlet`)."""

    __slots__ = (
        "_chunked",
        "_connection",
        "_head",
        "_left",
        "body",
        "can_switch",
        "has_continued",
        "is_cut",
        "is_gone",
        "is_started",
        "keep_alive",
        "pump",
        "status",
    )

    def __init__(
        self, connection: Http1, head: Head, body: RequestBody | None, *, keep_alive: bool
    ) -> None:
        self._connection = connection
        self._head = head
        self._left: int | None = None
        self._chunked = False
        self.body = body
        self.keep_alive = keep_alive
        self.status = 0
        self.has_continued = self.is_started = self.is_cut = self.is_gone = False
        self.can_switch = False
        self.pump: asyncio.Task[object] | None = None

    @property
    def splice(self) -> Callable[[Response], Awaitable[tuple[int, int]]] | None:
        return self._switch if self.can_switch else None  # kept, it would be a cycle

    @property
    def is_lenient(self) -> bool:
        """Whether it answers a request that a strict parser refused, which ends the connection."""
        return self._head.lenient is not None

    def _open(self, response: Response) -> None:
        self.is_started = True
        self.status = response.status
        body = self.body
        if self._head.fields.expects_continue and not self.has_continued:
            self.keep_alive = self.keep_alive and (body is None or body.is_complete)

    def whole(self, response: Response) -> None:
        self._open(response)
        head = self._head
        data, self.keep_alive = http1_writer.whole(
            response, method=head.method, version=head.version, keep_alive=self.keep_alive
        )
        if self._head.is_simple:
            data = response.body.content or b""
        connection = self._connection
        connection.transport.write(data)
        connection.ended(self)

    def start(self, response: Response) -> None:
        self._open(response)
        head = self._head
        written = http1_writer.head(
            response, method=head.method, version=head.version, keep_alive=self.keep_alive
        )
        self.keep_alive = written.keep_alive
        self._left, self._chunked = written.length, written.is_chunked
        if not self._head.is_simple:
            self._connection.transport.write(written.data)

    def write(self, chunk: bytes) -> Awaitable[None] | None:
        if self._chunked:
            chunk = http1_writer.chunk(chunk)
        elif self._left is not None:
            chunk = chunk[: self._left]
            self._left -= len(chunk)
        if chunk:
            self._connection.transport.write(chunk)
        return self._connection.room()

    def end(self, trailers: Headers | None) -> None:
        if self._chunked:
            self._connection.transport.write(http1_writer.LAST_CHUNK)
        if self._left:  # the client must not wait for the rest
            self.is_cut = True
        self._connection.ended(self)

    def cut(self) -> None:
        self.is_cut = True
        self._connection.ended(self)

    def lost(self) -> None:
        """The client is gone."""
        self.is_gone = True
        if self.pump is not None:
            self.pump.cancel()

    async def _switch(self, response: Response) -> tuple[int, int]:
        """Answers 101; the connection is no HTTP from here on."""
        self.is_started = True
        return await self._connection.switch(response, self._head.fields.upgrade)
