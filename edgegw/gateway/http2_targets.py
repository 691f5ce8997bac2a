"""HTTP/2 to targets, for the protocol versions HTTP2 and GRPC: many streams on one connection.

Keeps the connections, and streams both ways at once, as gRPC needs.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Final

import h2.exceptions

from edgegw.gateway.http2_connection import Http2Connection, Http2Error, Http2Stream
from edgegw.http.message import EMPTY, Body, CutOffError, Header, Headers, Request, Response

_OWN: Final = frozenset(
    {b"host", b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"proxy-connection"}
)
"""Headers that HTTP/2 does without."""

At = tuple[str, str, int]


class Http2Targets:
    """Connections to targets that speak HTTP/2; certificates are not verified, as on AWS."""

    def __init__(self) -> None:
        self._connections: dict[At, list[Http2Connection]] = {}
        self._connecting: dict[At, asyncio.Lock] = {}

    async def send(self, at: At, request: Request, *, connect: float, idle: float) -> Response:
        """Sends `request` and answers as soon as the head is there. Raises Http2Error."""
        connection = await self._connected(at, connect)
        stream = connection.open(_head(at, request), has_body=request.body is not EMPTY)
        upload: asyncio.Task[None] | None = None
        if request.body is not EMPTY:
            upload = asyncio.ensure_future(_upload(stream, request.body, idle))
            upload.add_done_callback(lambda _: stream.news.set())
        try:
            await stream.until(lambda: stream.has_head or stream.is_over, idle, upload)
        except BaseException:
            stream.reset()
            if upload is not None:
                upload.cancel()
            if stream.broken is not None:
                raise stream.broken from None
            raise
        status = 0
        lines: list[Header] = []
        for name, value in stream.head:
            if name == b":status":
                status = int(value)
            elif not name.startswith(b":"):
                lines.append((name, value))
        return Response(status, b"", Headers(lines), _body(stream, idle, upload))

    async def _connected(self, at: At, timeout: float) -> Http2Connection:
        lock = self._connecting.setdefault(at, asyncio.Lock())
        async with lock:
            known = self._connections.setdefault(at, [])
            known[:] = [each for each in known if not each.is_closed]
            for each in known:
                if each.has_room:
                    return each
            connection = await _connect(at, timeout)
            known.append(connection)
            return connection

    async def close(self) -> None:
        """Closes every connection."""
        for known in self._connections.values():
            for each in known:
                each.close()
        self._connections.clear()
        await asyncio.sleep(0)


async def _connect(at: At, timeout: float) -> Http2Connection:
    scheme, host, port = at
    context = None
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
    loop = asyncio.get_running_loop()
    where = f"{scheme}://{host}:{port}"
    try:
        async with asyncio.timeout(timeout):
            _, connection = await loop.create_connection(
                Http2Connection, host, port, ssl=context, server_hostname=host if context else None
            )
    except TimeoutError:
        text = f"{where}: no connection within {timeout:g} s"
        raise Http2Error(text, timed_out=True) from None
    except OSError as error:
        raise Http2Error(f"{where} refused the connection: {error}") from None
    return connection


def _head(at: At, request: Request) -> list[Header]:
    authority = request.headers.get(b"host") or f"{at[1]}:{at[2]}".encode()
    lines: list[Header] = [
        (b":method", request.method.encode()),
        (b":scheme", at[0].encode()),
        (b":authority", authority),
        (b":path", request.target.raw),
    ]
    lines += [
        (name.lower(), value) for name, value in request.headers.raw if name.lower() not in _OWN
    ]
    return lines


async def _upload(stream: Http2Stream, body: Body, idle: float) -> None:
    """Sends the body as it comes; the answer may come before its end.

    Whoever waits for the answer learns what goes wrong.
    """
    try:
        if body.content is not None:
            await stream.send(body.content, idle)
        elif body.chunks is not None:
            async for chunk in body.chunks:
                await stream.send(chunk, idle)
        stream.end()
    except h2.exceptions.ProtocolError:
        pass
    except Http2Error as error:
        stream.fail(error)
    except asyncio.CancelledError:
        stream.reset()
        raise
    except Exception as error:  # the body has no end
        stream.broken = error
        stream.reset()
        stream.fail(Http2Error("the request broke off"))


def _body(stream: Http2Stream, idle: float, upload: asyncio.Task[None] | None) -> Body:
    def release() -> None:
        if upload is not None and not upload.done():
            upload.cancel()
        stream.reset()

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                await stream.until(lambda: bool(stream.chunks) or stream.is_over, idle)
                if stream.chunks:
                    yield stream.take()
                else:
                    return
        except Http2Error as error:
            raise CutOffError(f"the response body ends early: {error}") from error
        finally:
            release()

    declared = dict(stream.head).get(b"content-length", b"")
    length = int(declared) if declared.isdigit() else None
    if stream.is_over and not stream.chunks and stream.error is None and not stream.trailers:
        release()
        return EMPTY
    return Body(None, chunks(), length, release, lambda: Headers(stream.trailers))
