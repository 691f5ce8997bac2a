"""An `httpx.AsyncBaseTransport` on httptools: HTTP/1.1 to origins, made for many connections.

httpx's own pool scans every connection for each request and collapses at 64 viewers. This one
keeps the idle connections of an origin on a stack, writes the bytes it is given (target, header
spelling, order and repeats untouched), and streams both ways with backpressure.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any, Final, cast

import httpx

from edgegw.gateway.connection import Connection, Pool

_REPLAYABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be sent twice (RFC 9110 section 9.2.2)."""


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


class StaleConnectionError(Exception):
    """A kept connection turned out closed before the first byte of a response."""


class _BodyStream(httpx.AsyncByteStream):
    """The rest of a response body, as it comes."""

    def __init__(
        self,
        connection: Connection,
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
        self, *, unverified: AbstractSet[str] = frozenset(), max_connections: int = 256
    ) -> None:
        self._unverified = unverified
        self._max_connections = max_connections
        self._pools: dict[tuple[str, str, int | None], Pool] = {}
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        extensions = request.extensions
        timeouts: dict[str, float | None] = extensions.get("timeout", {})
        key = _key(request)
        pool = self._pools.get(key)
        if pool is None:
            loop = asyncio.get_running_loop()
            pool = self._pools[key] = Pool(loop, self._max_connections)
        head = _head(request)
        while True:
            connection = await self._acquire(pool, key, timeouts)
            try:
                return await self._exchange(connection, request, head, timeouts)
            except StaleConnectionError:
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
        self, pool: Pool, key: tuple[str, str, int | None], timeouts: dict[str, float | None]
    ) -> Connection:
        while True:
            connection = pool.take_idle()
            if connection is not None:
                return connection
            if pool.open < pool.limit:
                return await self._connect(pool, key, timeouts.get("connect"))
            await pool.room(timeouts.get("pool"))

    async def _connect(
        self, pool: Pool, key: tuple[str, str, int | None], timeout: float | None
    ) -> Connection:
        scheme, host, port = key
        context = self._context(host) if scheme == "https" else None
        pool.open += 1
        connection = Connection(pool)
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
        connection: Connection,
        request: httpx.Request,
        head: bytes,
        timeouts: dict[str, float | None],
    ) -> httpx.Response:
        was_used, connection.is_used = connection.is_used, True
        if connection.is_closed:
            raise StaleConnectionError
        wants_upgrade = "upgrade" in request.extensions
        connection.begin(request.method, wants_upgrade=wants_upgrade)
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
        connection: Connection,
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
                    raise StaleConnectionError
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


async def _upload(connection: Connection, request: httpx.Request, timeout: float | None) -> None:
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
    connection: Connection,
    request: httpx.Request,
    upload: asyncio.Task[None] | None,
    read_timeout: float | None,
) -> httpx.Response:
    keep_for: float = request.extensions.get("keepalive", 5.0)
    stream: httpx.AsyncByteStream
    extensions: dict[str, Any] = {"http_version": b"HTTP/1.1", "reason_phrase": connection.reason}
    if connection.is_upgraded:
        extensions["upgraded"] = connection
        return OriginResponse(connection.status, connection.headers, ReadyStream(b""), extensions)
    if connection.is_complete and (upload is None or upload.done()):
        stream = ReadyStream(b"".join(connection.chunks))
        connection.chunks.clear()
        connection.pool.release(connection, keep_for)
    else:
        stream = _BodyStream(connection, upload, read_timeout, keep_for)
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
