"""An `httpx.AsyncBaseTransport` on httptools: HTTP/1.1 to origins, made for many connections.

httpx's own pool scans every connection for each request and collapses at 64 viewers. This one
keeps the idle connections of an origin on a stack, writes the bytes it is given (target, header
spelling, order and repeats untouched), and streams both ways with backpressure.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple, cast

import httpx

from edgegw.gateway.connection import Connection, Pool

_REPLAYABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be sent twice (RFC 9110 section 9.2.2)."""


class Timeouts(NamedTuple):
    """In seconds, None for none; `keepalive` is how long a connection may stay idle afterwards."""

    connect: float | None = None
    read: float | None = None
    write: float | None = None
    pool: float | None = None
    keepalive: float = 5.0


class Outgoing(NamedTuple):
    """A request to an origin `at` scheme, host and port: with `content`, or with a `stream`.

    With `upgrade` it asks to switch protocols.
    """

    method: str
    at: tuple[str, str, int | None]
    target: bytes
    lines: Sequence[tuple[bytes, bytes]]
    content: bytes | None = b""
    stream: AsyncIterable[bytes] | None = None
    timeouts: Timeouts = Timeouts()
    upgrade: bool = False


class Incoming(NamedTuple):
    """A response: its `content` where it arrived whole with its head, else a `stream`.

    `upgraded` is the connection that switched protocols.
    """

    status: int
    reason: bytes
    lines: list[tuple[bytes, bytes]]
    content: bytes | None = b""
    stream: BodyStream | None = None
    upgraded: Connection | None = None


class StaleConnectionError(Exception):
    """A kept connection turned out closed before the first byte of a response."""


class BodyStream(httpx.AsyncByteStream):
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
    """HTTP/1.1 to origins: by `send`, and as a transport of httpx.

    The latter reads `request.extensions`: `target` (bytes of the request line), `timeout` (httpx's
    mapping of connect, read, write, pool; seconds or None), `keepalive` (seconds that the
    connection may stay idle afterwards). Certificates are verified except for the hosts in
    `unverified`.
    """

    def __init__(
        self, *, unverified: AbstractSet[str] = frozenset(), max_connections: int = 256
    ) -> None:
        self._unverified = unverified
        self._max_connections = max_connections
        self._pools: dict[tuple[str, str, int | None], Pool] = {}
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.send(_outgoing(request))
        extensions: dict[str, Any] = {"http_version": b"HTTP/1.1", "reason_phrase": answer.reason}
        if answer.upgraded is not None:
            extensions["upgraded"] = answer.upgraded
        stream = answer.stream or httpx.ByteStream(answer.content or b"")
        return httpx.Response(
            answer.status, headers=answer.lines, stream=stream, extensions=extensions
        )

    async def send(self, request: Outgoing) -> Incoming:
        """Sends `request`, and answers once there is a response head. Raises httpx's errors."""
        pool = self._pools.get(request.at)
        if pool is None:
            loop = asyncio.get_running_loop()
            pool = self._pools[request.at] = Pool(loop, self._max_connections)
        head = _head(request)
        while True:
            connection = pool.take_idle()
            if connection is None:
                connection = await self._acquire(pool, request)
            try:
                return await self._exchange(connection, request, head)
            except StaleConnectionError:
                if request.content is None:
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

    async def _acquire(self, pool: Pool, request: Outgoing) -> Connection:
        while True:
            if pool.open < pool.limit:
                return await self._connect(pool, request.at, request.timeouts.connect)
            await pool.room(request.timeouts.pool)
            connection = pool.take_idle()
            if connection is not None:
                return connection

    async def _connect(
        self, pool: Pool, at: tuple[str, str, int | None], timeout: float | None
    ) -> Connection:
        scheme, host, port = at
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

    async def _exchange(self, connection: Connection, request: Outgoing, head: bytes) -> Incoming:
        was_used, connection.is_used = connection.is_used, True
        if connection.is_closed:
            raise StaleConnectionError
        connection.begin(request.method, wants_upgrade=request.upgrade)
        upload: asyncio.Task[None] | None = None
        if request.content is not None:
            connection.write(head + request.content)
        else:
            connection.write(head)
            upload = asyncio.ensure_future(_upload(connection, request))
        try:
            await self._await_head(connection, request, upload, was_used=was_used)
        except BaseException:
            if upload is not None:
                upload.cancel()
            raise
        return _incoming(connection, request.timeouts, upload)

    async def _await_head(
        self,
        connection: Connection,
        request: Outgoing,
        upload: asyncio.Task[None] | None,
        *,
        was_used: bool,
    ) -> None:
        """Until the head is there. A stalled upload fails by its own time-out, not the reader's."""
        read = request.timeouts.read
        while not connection.has_head:
            if upload is not None and upload.done() and not upload.cancelled():
                failed = upload.exception()
                if failed is not None:
                    raise failed
            if connection.error is not None:
                untouched = not connection.status and connection.head_bytes == 0
                if was_used and untouched and request.method in _REPLAYABLE:
                    raise StaleConnectionError
                raise connection.error
            if upload is not None and not upload.done():
                both = {connection.news(), upload}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            else:
                await connection.wait(read)


def _outgoing(request: httpx.Request) -> Outgoing:
    """What an httpx request asks for."""
    url, extensions = request.url, request.extensions
    timeouts: dict[str, float | None] = extensions.get("timeout", {})
    stream, content = request.stream, None
    if isinstance(stream, httpx.ByteStream):
        content = b"".join(stream)
    return Outgoing(
        request.method,
        (url.scheme, url.host, url.port),
        extensions.get("target") or url.raw_path,
        request.headers.raw,
        content,
        None if content is not None else cast("httpx.AsyncByteStream", stream),
        Timeouts(**timeouts, keepalive=extensions.get("keepalive", 5.0)),
        "upgrade" in extensions,
    )


async def _upload(connection: Connection, request: Outgoing) -> None:
    """Sends the request body as it comes, chunked unless its length is declared."""
    is_chunked = any(name.lower() == b"transfer-encoding" for name, _ in request.lines)
    timeout = request.timeouts.write
    async for chunk in request.stream or ():
        if connection.is_closed:
            return
        if chunk:
            connection.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)
            await connection.drain(timeout)
    if is_chunked:
        connection.write(b"0\r\n\r\n")


def _incoming(
    connection: Connection, timeouts: Timeouts, upload: asyncio.Task[None] | None
) -> Incoming:
    status, reason, lines = connection.status, connection.reason, connection.headers
    if connection.is_upgraded:
        return Incoming(status, reason, lines, upgraded=connection)
    if connection.is_complete and (upload is None or upload.done()):
        content = b"".join(connection.chunks)
        connection.chunks.clear()
        connection.pool.release(connection, timeouts.keepalive)
        return Incoming(status, reason, lines, content)
    stream = BodyStream(connection, upload, timeouts.read, timeouts.keepalive)
    return Incoming(status, reason, lines, None, stream)


_FORBIDDEN: Final = re.compile(rb"[\x00-\x20\x7f]")


def _head(request: Outgoing) -> bytes:
    """The request line and headers. Raises LocalProtocolError for what would break the framing."""
    target = request.target
    if _FORBIDDEN.search(target):
        raise httpx.LocalProtocolError(f"illegal characters in the request target {target[:80]!r}")
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%b: %b" % line for line in request.lines]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    breaks = len(lines) + 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise httpx.LocalProtocolError("illegal characters in the request headers")
    return head
