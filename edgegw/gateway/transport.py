"""An `httpx.AsyncBaseTransport` on httptools: HTTP/1.1 to origins, made for many connections.

httpx's own pool scans every connection for each request and collapses at 64 viewers. This one
keeps the idle connections of an origin on a stack, writes the bytes it is given (target, header
spelling, order and repeats untouched), and streams both ways with backpressure.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

import httptools
import httpx

_HIGH_WATER: Final = 256 * 1024
"""Buffered response bytes above which the origin's socket is not read."""

_LOW_WATER: Final = 64 * 1024
MAX_HEAD: Final = 256 * 1024
"""Bytes of a response head after which the origin is given up."""

_REPLAYABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be sent twice (RFC 9110 section 9.2.2)."""

_NO_BODY: Final = frozenset({204, 304})


class OriginRequest(httpx.Request):
    """An `httpx.Request` that costs little: `headers` are made only if somebody looks."""

    def __init__(
        self,
        method: str,
        at: tuple[str, str, int],
        url: httpx.URL,
        lines: tuple[tuple[bytes, bytes], ...],
        stream: httpx.AsyncByteStream | httpx.ByteStream,
        extensions: dict[str, Any],
    ) -> None:
        self.method = method
        self.at = at
        self.url = url
        self.lines = lines
        self.stream = stream
        self.extensions = extensions

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override] - lazily what httpx makes at once
        return httpx.Headers(list(self.lines))


class OriginResponse(httpx.Response):
    """An `httpx.Response` that costs little: `headers` are made only if somebody looks."""

    def __init__(
        self,
        status_code: int,
        lines: list[tuple[bytes, bytes]],
        stream: httpx.AsyncByteStream,
        extensions: dict[str, Any],
    ) -> None:
        self.status_code = status_code
        self.lines = lines
        self.stream = stream
        self.extensions = extensions
        self.history = []
        self.next_request = None
        self.is_closed = False
        self.is_stream_consumed = False
        self.default_encoding = "utf-8"
        self._request = None
        self._num_bytes_downloaded = 0

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override] - lazily what httpx makes at once
        return httpx.Headers(self.lines)


class ReadyStream(httpx.AsyncByteStream):
    """A response body that had arrived whole with its head."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.content:
            yield self.content


class _StaleConnectionError(Exception):
    """A kept connection turned out closed before the first byte of a response."""


class _Connection(asyncio.Protocol):
    """One connection: a request at a time, its response parsed into `head` and `chunks`."""

    def __init__(self, pool: _Pool) -> None:
        self.pool = pool
        self.loop = pool.loop
        self.transport: asyncio.Transport | None = None
        self.is_closed = False
        self.is_used = False
        self.idle_until = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._drained: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
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

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.is_complete:  # bytes that nobody asked for
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
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

    def begin(self, method: str) -> None:
        """Makes ready for the next request."""
        self._reset(method)

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
        timer = None
        if timeout is not None:
            timer = self.loop.call_later(timeout, _expire, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

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


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(httpx.ReadTimeout("the origin did not answer in time"))


@dataclass
class _Pool:
    """The connections to one origin, idle ones last in, first out."""

    loop: asyncio.AbstractEventLoop
    limit: int
    idle: list[_Connection] = field(default_factory=list[_Connection])
    open: int = 0
    connections: set[_Connection] = field(default_factory=set[_Connection])
    waiters: deque[asyncio.Future[None]] = field(default_factory=deque[asyncio.Future[None]])

    def take_idle(self) -> _Connection | None:
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

    def release(self, connection: _Connection, keep_for: float) -> None:
        """Takes a connection back whose answer is complete."""
        if connection.keeps_alive and not connection.is_closed:
            connection.idle_until = time.monotonic() + keep_for
            self.idle.append(connection)
            self.wake()
        else:
            connection.close()

    def forget(self, connection: _Connection) -> None:
        """A connection is gone."""
        self.open -= 1
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


class _BodyStream(httpx.AsyncByteStream):
    """The rest of a response body, as it comes."""

    def __init__(
        self,
        connection: _Connection,
        upload: asyncio.Task[None] | None,
        timeout: float | None,
        keep_for: float,
    ) -> None:
        self._connection = connection
        self._upload = upload
        self._timeout = timeout
        self._keep_for = keep_for
        self._is_released = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        connection = self._connection
        try:
            while True:
                if connection.chunks:
                    yield connection.take()
                elif connection.is_complete:
                    break
                elif connection.error is not None:
                    raise connection.error
                else:
                    await connection.wait(self._timeout)
        finally:
            self.release()

    async def aclose(self) -> None:
        self.release()

    def release(self) -> None:
        """Gives the connection back when the answer is complete, else closes it."""
        if self._is_released:
            return
        self._is_released = True
        connection = self._connection
        if self._upload is not None and not self._upload.done():
            self._upload.cancel()
            connection.close()
        elif connection.is_complete and not connection.chunks:
            connection.pool.release(connection, self._keep_for)
        else:
            connection.close()


class HttptoolsTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 to origins.

    Reads `request.extensions`: `target` (bytes of the request line), `timeout` (httpx's mapping of
    connect, read, write, pool; seconds or None), `keepalive` (seconds that the connection may stay
    idle afterwards). Certificates are verified except for the hosts in `unverified`.
    """

    def __init__(
        self, *, unverified: frozenset[str] = frozenset(), max_connections: int = 256
    ) -> None:
        self._unverified = unverified
        self._max_connections = max_connections
        self._pools: dict[tuple[str, str, int | None], _Pool] = {}
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        extensions = request.extensions
        timeouts: dict[str, float | None] = extensions.get("timeout", {})
        key = _key(request)
        pool = self._pools.get(key)
        if pool is None:
            loop = asyncio.get_running_loop()
            pool = self._pools[key] = _Pool(loop, self._max_connections)
        head = _head(request)
        while True:
            connection = await self._acquire(pool, key, timeouts)
            try:
                return await self._exchange(connection, request, head, timeouts)
            except _StaleConnectionError:
                if not isinstance(request.stream, httpx.ByteStream):
                    raise connection.error or httpx.ReadError("connection lost") from None
            except BaseException:
                connection.close()
                raise

    async def aclose(self) -> None:
        """Closes every connection."""
        for pool in self._pools.values():
            for connection in list(pool.connections):
                connection.close()
        self._pools.clear()
        await asyncio.sleep(0)

    async def _acquire(
        self, pool: _Pool, key: tuple[str, str, int | None], timeouts: dict[str, float | None]
    ) -> _Connection:
        while True:
            connection = pool.take_idle()
            if connection is not None:
                return connection
            if pool.open < pool.limit:
                return await self._connect(pool, key, timeouts.get("connect"))
            await pool.room(timeouts.get("pool"))

    async def _connect(
        self, pool: _Pool, key: tuple[str, str, int | None], timeout: float | None
    ) -> _Connection:
        scheme, host, port = key
        context = self._context(host) if scheme == "https" else None
        pool.open += 1
        connection = _Connection(pool)
        try:
            async with asyncio.timeout(timeout):
                await pool.loop.create_connection(
                    lambda: connection,
                    host,
                    port or (443 if context else 80),
                    ssl=context,
                    server_hostname=host if context else None,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(
                f"no connection to {host}:{port} within {timeout} s"
            ) from error
        except OSError as error:  # ssl.SSLError and socket.gaierror among them
            raise httpx.ConnectError(str(error)) from error
        finally:
            if connection.transport is None:
                pool.open -= 1
                pool.wake()
        pool.connections.add(connection)
        return connection

    def _context(self, host: str) -> ssl.SSLContext:
        verified = host not in self._unverified
        if verified not in self._contexts:
            context = ssl.create_default_context()
            if not verified:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._contexts[verified] = context
        return self._contexts[verified]

    async def _exchange(
        self,
        connection: _Connection,
        request: httpx.Request,
        head: bytes,
        timeouts: dict[str, float | None],
    ) -> httpx.Response:
        was_used, connection.is_used = connection.is_used, True
        if connection.is_closed:
            raise _StaleConnectionError
        connection.begin(request.method)
        upload: asyncio.Task[None] | None = None
        if isinstance(request.stream, httpx.ByteStream):
            connection.write(head + b"".join(request.stream))
        else:
            connection.write(head)
            upload = asyncio.ensure_future(_upload(connection, request, timeouts.get("write")))
        try:
            await self._await_head(connection, request.method, timeouts, upload, was_used=was_used)
        except BaseException:
            if upload is not None:
                upload.cancel()
            raise
        return _response(connection, request, upload, timeouts.get("read"))

    async def _await_head(
        self,
        connection: _Connection,
        method: str,
        timeouts: dict[str, float | None],
        upload: asyncio.Task[None] | None,
        *,
        was_used: bool,
    ) -> None:
        """Until the head is there. A stalled upload fails by its own time-out, not the reader's."""
        read = timeouts.get("read")
        while not connection.has_head:
            if upload is not None and upload.done() and not upload.cancelled():
                failed = upload.exception()
                if failed is not None:
                    raise failed
            if connection.error is not None:
                untouched = not connection.status and connection.head_bytes == 0
                if was_used and untouched and method in _REPLAYABLE:
                    raise _StaleConnectionError
                raise connection.error
            if upload is not None and not upload.done():
                both = {connection.news(), upload}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            else:
                await connection.wait(read)


def _key(request: httpx.Request) -> tuple[str, str, int | None]:
    """Scheme, host and port; httpx works them out anew whenever it is asked."""
    if isinstance(request, OriginRequest):
        return request.at
    url = request.url
    return (url.scheme, url.host, url.port)


async def _upload(connection: _Connection, request: httpx.Request, timeout: float | None) -> None:
    """Sends the request body as it comes, chunked unless its length is declared."""
    chunked = "transfer-encoding" in request.headers
    async for chunk in cast("httpx.AsyncByteStream", request.stream):
        if connection.is_closed:
            return
        if chunk:
            connection.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            await connection.drain(timeout)
    if chunked:
        connection.write(b"0\r\n\r\n")


def _response(
    connection: _Connection,
    request: httpx.Request,
    upload: asyncio.Task[None] | None,
    read_timeout: float | None,
) -> httpx.Response:
    keep_for: float = request.extensions.get("keepalive", 5.0)
    stream: httpx.AsyncByteStream
    if connection.is_complete and (upload is None or upload.done()):
        stream = ReadyStream(b"".join(connection.chunks))
        connection.chunks.clear()
        connection.pool.release(connection, keep_for)
    else:
        stream = _BodyStream(connection, upload, read_timeout, keep_for)
    extensions: dict[str, Any] = {"http_version": b"HTTP/1.1", "reason_phrase": connection.reason}
    return OriginResponse(connection.status, connection.headers, stream, extensions)


_FORBIDDEN: Final = re.compile(rb"[\x00-\x20\x7f]")


def _head(request: httpx.Request) -> bytes:
    """The request line and headers. Raises LocalProtocolError for what would break the framing."""
    target: bytes = request.extensions.get("target") or request.url.raw_path
    if _FORBIDDEN.search(target):
        raise httpx.LocalProtocolError(f"illegal characters in the request target {target[:80]!r}")
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    own = request.lines if isinstance(request, OriginRequest) else request.headers.raw
    lines += [b"%b: %b" % line for line in own]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    breaks = len(lines) + 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise httpx.LocalProtocolError("illegal characters in the request headers")
    return head
