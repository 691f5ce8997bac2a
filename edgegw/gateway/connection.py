"""One HTTP/1.1 connection to an origin, and the connections to one origin together.

httptools parses; what arrives is kept until it is taken, and the origin is not read further while
too much is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, cast

import httptools
import httpx

_HIGH_WATER: Final = 256 * 1024
"""Buffered response bytes above which the origin's socket is not read."""

_LOW_WATER: Final = 64 * 1024
MAX_HEAD: Final = 256 * 1024
"""Bytes of a response head after which the origin is given up."""

_NO_BODY: Final = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """One connection: a request at a time, its response parsed into `head` and `chunks`."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.loop = pool.loop
        self.transport: asyncio.Transport | None = None
        self.is_closed = False
        self.is_used = False
        self.idle_until = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._drained: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reset("GET")

    def _reset(self, method: str) -> None:
        self.method = method
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.head_bytes = 0
        self.has_head = False
        self.is_complete = False
        self.keeps_alive = False
        self.is_delimited = False
        self.error: Exception | None = None
        self.chunks: deque[bytes] = deque()
        self.buffered = 0
        self.is_paused = False
        self.wants_upgrade = False
        self.is_upgraded = False
        self.rest = b""

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.is_complete:  # bytes that nobody asked for
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.is_upgraded:  # what follows is another protocol: whoever takes over reads it
                self.rest = data[cast("int", upgrade.args[0]) :]
                if self.transport is not None:
                    self.transport.pause_reading()
                self._wake()
                return
            self._fail(httpx.RemoteProtocolError("the origin switched protocols unasked"))
        except httptools.HttpParserError as error:
            if not self.is_complete:
                self._fail(httpx.RemoteProtocolError(f"the origin sent invalid HTTP: {error}"))
        if not self.has_head:
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD:
                self._fail(httpx.RemoteProtocolError("the origin's response head is too large"))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if not self.is_complete:
            if self.has_head and not self.is_delimited and exc is None:
                self.is_complete = True
            elif self.error is None:
                text = "the origin closed the connection before its answer was complete"
                self.error = httpx.RemoteProtocolError(text)
        self.keeps_alive = False
        if self._timer is not None:
            self._timer.cancel()
        self.pool.forget(self)
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._drained = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # What httptools calls

    def on_status(self, status: bytes) -> None:
        self.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return  # trailers are not passed on
        self.headers.append((name, value))
        lower = name.lower()
        if lower == b"content-length" or (
            lower == b"transfer-encoding" and b"chunked" in value.lower()
        ):
            self.is_delimited = True

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status == 101 and self.wants_upgrade:
            self.has_head = self.is_upgraded = True
            self.pool.detach(self)
            return
        if 100 <= self.status < 200:
            return
        self.has_head = True
        self.keeps_alive = self._parser.should_keep_alive()
        if self.status in _NO_BODY:
            self.is_delimited = True
        if self.method == "HEAD":
            self._complete()

    def on_body(self, body: bytes) -> None:
        if self.is_complete:
            return
        self.chunks.append(body)
        self.buffered += len(body)
        if self.buffered > _HIGH_WATER and not self.is_paused and self.transport is not None:
            self.is_paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        if not self.has_head:  # an interim answer: the real one follows
            self.headers, self.reason, self.is_delimited = [], b"", False
            return
        self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        self.is_delimited = True
        if self.method == "HEAD":  # the parser waits for a body that never comes
            self._parser = httptools.HttpResponseParser(self)

    # What the transport calls

    def begin(self, method: str, *, wants_upgrade: bool = False) -> None:
        """Makes ready for the next request."""
        self._reset(method)
        self.wants_upgrade = wants_upgrade

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    async def drain(self, timeout: float | None) -> None:
        """Waits until the origin takes more. Raises WriteTimeout."""
        if self._drained is not None:
            try:
                async with asyncio.timeout(timeout):
                    await self._drained
            except TimeoutError:
                raise httpx.WriteTimeout("the origin does not read the request body") from None

    def news(self) -> asyncio.Future[None]:
        """Done when something arrives from the origin, or the connection is gone."""
        self._waiter = waiter = self.loop.create_future()
        return waiter

    async def wait(self, timeout: float | None) -> None:
        """Waits for news from the origin. Raises ReadTimeout."""
        waiter = self.news()
        if timeout is not None:
            self._watch(self.loop.time() + timeout)
        try:
            await waiter
        finally:
            self._waiter = self._deadline = None

    def _watch(self, deadline: float) -> None:
        """Sees to it that the waiter fails at `deadline`.

        A timer that rings too early is left alone: it looks again. One timer per wait costs more.
        """
        self._deadline = deadline
        timer = self._timer
        if timer is not None and timer.when() > deadline:
            timer.cancel()
            timer = None
        if timer is None:
            self._timer = self.loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None or self._waiter is None:
            return
        if self.loop.time() < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._ring)
        elif not self._waiter.done():
            self._waiter.set_exception(httpx.ReadTimeout("the origin did not answer in time"))

    def take(self) -> bytes:
        """The next buffered chunk; reads on when enough has been taken."""
        chunk = self.chunks.popleft()
        self.buffered -= len(chunk)
        if self.is_paused and self.buffered < _LOW_WATER and self.transport is not None:
            self.is_paused = False
            self.transport.resume_reading()
        return chunk

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        self.error = self.error or error
        self.close()

    def close(self) -> None:
        self.keeps_alive = False
        if self.transport is not None and not self.is_closed:
            self.transport.abort()


@dataclass
class Pool:
    """The connections to one origin, idle ones last in, first out."""

    loop: asyncio.AbstractEventLoop
    limit: int
    idle: list[Connection] = field(default_factory=list[Connection])
    open: int = 0
    connections: set[Connection] = field(default_factory=set[Connection])
    waiters: deque[asyncio.Future[None]] = field(default_factory=deque[asyncio.Future[None]])

    def take_idle(self) -> Connection | None:
        """The connection used last, if it is still open and fresh."""
        now = time.monotonic()
        while self.idle:
            connection = self.idle.pop()
            if not connection.is_closed and connection.idle_until > now:
                return connection
            connection.close()
        return None

    async def room(self, timeout: float | None) -> None:
        """Waits until a connection is idle or another may be opened. Raises PoolTimeout."""
        waiter = self.loop.create_future()
        self.waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            raise httpx.PoolTimeout(
                f"all {self.limit} connections to the origin are busy"
            ) from None
        finally:
            if not waiter.done() or waiter.cancelled():
                self.waiters.remove(waiter)

    def release(self, connection: Connection, keep_for: float) -> None:
        """Takes a connection back whose answer is complete."""
        if connection.keeps_alive and not connection.is_closed:
            connection.idle_until = time.monotonic() + keep_for
            self.idle.append(connection)
            self.wake()
        else:
            connection.close()

    def detach(self, connection: Connection) -> None:
        """A connection switched protocols: it makes room, and closes with the pool all the same."""
        self.open -= 1
        self.wake()

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self.open -= not connection.is_upgraded
        self.connections.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self.wake()

    def wake(self) -> None:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
