"""HTTP/2 to targets, for the protocol versions HTTP2 and GRPC: many streams on one connection.

h2 knows the protocol; this keeps the connections, and streams both ways at once, as gRPC needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Final, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from edgegw.http.message import EMPTY, Body, Header, Headers, Request, Response

_WINDOW: Final = 1024 * 1024
"""Bytes that a target may send ahead on one stream."""

_OWN: Final = frozenset(
    {b"host", b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"proxy-connection"}
)
"""Headers that HTTP/2 does without."""

At = tuple[str, str, int]


class Http2Error(Exception):
    """A target gave no answer; `timed_out` when it gave none in time."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


class Http2Targets:
    """Connections to targets that speak HTTP/2; certificates are not verified, as on AWS."""

    def __init__(self) -> None:
        self._connections: dict[At, list[_Connection]] = {}
        self._connecting: dict[At, asyncio.Lock] = {}

    async def send(self, at: At, request: Request, *, connect: float, idle: float) -> Response:
        """Sends `request` and answers as soon as the head is there. Raises Http2Error."""
        connection = await self._connected(at, connect)
        stream = connection.open(_head(at, request), has_body=request.body is not EMPTY)
        upload: asyncio.Task[None] | None = None
        if request.body is not EMPTY:
            upload = asyncio.ensure_future(_upload(stream, request.body))
        try:
            await stream.until(lambda: stream.has_head or stream.is_over, idle)
        except BaseException:
            stream.reset()
            if upload is not None:
                upload.cancel()
            raise
        status = 0
        lines: list[Header] = []
        for name, value in stream.head:
            if name == b":status":
                status = int(value)
            elif not name.startswith(b":"):
                lines.append((name, value))
        return Response(status, b"", Headers(lines), _body(stream, idle, upload))

    async def _connected(self, at: At, timeout: float) -> _Connection:
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


async def _connect(at: At, timeout: float) -> _Connection:
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
                _Connection, host, port, ssl=context, server_hostname=host if context else None
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


async def _upload(stream: _Stream, body: Body) -> None:
    """Sends the body as it comes; the answer may come before its end."""
    try:
        if body.content is not None:
            await stream.send(body.content)
        elif body.chunks is not None:
            async for chunk in body.chunks:
                await stream.send(chunk)
        stream.end()
    except (Http2Error, h2.exceptions.ProtocolError):
        return  # whoever waits for the answer learns it
    except BaseException:
        stream.reset()
        raise


def _body(stream: _Stream, idle: float, upload: asyncio.Task[None] | None) -> Body:
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
        finally:
            release()

    declared = dict(stream.head).get(b"content-length", b"")
    length = int(declared) if declared.isdigit() else None
    if stream.is_over and not stream.chunks and stream.error is None and not stream.trailers:
        release()
        return EMPTY
    return Body(None, chunks(), length, release, lambda: Headers(stream.trailers))


class _Stream:
    """One request and its answer."""

    def __init__(self, connection: _Connection, number: int) -> None:
        self._connection = connection
        self.number = number
        self.head: list[Header] = []
        self.trailers: list[Header] = []
        self.chunks: deque[tuple[bytes, int]] = deque()
        self.has_head = self.is_over = False
        self.error: Http2Error | None = None
        self.news = asyncio.Event()

    async def until(self, condition: Any, timeout: float) -> None:
        """Waits for news until `condition()` holds. Raises Http2Error."""
        try:
            while not condition():
                if self.error is not None:
                    raise self.error
                self.news.clear()
                async with asyncio.timeout(timeout):
                    await self.news.wait()
        except TimeoutError:
            raise Http2Error("the target did not answer in time", timed_out=True) from None
        if self.error is not None and not self.chunks:
            raise self.error

    def take(self) -> bytes:
        """The next part of the body; the target may send as much again."""
        data, counted = self.chunks.popleft()
        self._connection.acknowledge(self.number, counted)
        return data

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            size = await self._connection.room(self)
            self._connection.send(self.number, bytes(view[:size]))
            view = view[size:]

    def end(self) -> None:
        self._connection.end(self.number)

    def reset(self) -> None:
        """Gives the stream up, if it is not over; what was not read counts as read."""
        self._connection.forget(self)

    def fail(self, error: Http2Error) -> None:
        self.error = self.error or error
        self.is_over = True
        self.news.set()


class _Connection(asyncio.Protocol):
    """A connection to a target."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self._h2 = h2.connection.H2Connection(config)
        self._streams: dict[int, _Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._windows = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.is_closed = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        codes = h2.settings.SettingCodes
        self._h2.initiate_connection()
        self._h2.update_settings({codes.INITIAL_WINDOW_SIZE: _WINDOW, codes.ENABLE_PUSH: 0})
        self._h2.increment_flow_control_window(16 * _WINDOW)
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            self._fail(f"the target sent invalid HTTP/2: {error}")
            return
        for event in events:
            self._happened(event)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the target closed the connection before its answer was complete")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What h2 tells

    def _happened(self, event: object) -> None:
        match event:
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._windows.set()
            case h2.events.ConnectionTerminated():
                self._fail("the target ended the connection")
            case h2.events.ResponseReceived():
                stream = self._stream(event.stream_id)
                if stream is not None:
                    stream.head = _lines(event.headers)
                    stream.has_head = True
            case h2.events.TrailersReceived():
                stream = self._stream(event.stream_id)
                if stream is not None:
                    stream.trailers = _lines(event.headers)
            case h2.events.DataReceived():
                self._received(event)
            case h2.events.StreamEnded():
                stream = self._stream(event.stream_id)
                if stream is not None:
                    stream.is_over = True
            case h2.events.StreamReset():
                stream = self._stream(event.stream_id)
                if stream is not None:
                    stream.fail(Http2Error("the target reset the request"))
                self._windows.set()
            case _:
                pass

    def _received(self, event: h2.events.DataReceived) -> None:
        stream = self._stream(event.stream_id)
        counted = event.flow_controlled_length or 0
        if stream is None:
            self.acknowledge(event.stream_id, counted)
        elif event.data:
            stream.chunks.append((event.data, counted))

    def _stream(self, number: int | None) -> _Stream | None:
        stream = self._streams.get(number or 0)
        if stream is not None:
            stream.news.set()
        return stream

    def _fail(self, text: str) -> None:
        self.is_closed = True
        for stream in list(self._streams.values()):
            stream.fail(Http2Error(text))
        self._windows.set()
        self.close()

    def close(self) -> None:
        self.is_closed = True
        if self._transport is not None:
            self._transport.close()

    # What streams ask for

    @property
    def has_room(self) -> bool:
        most = self._h2.remote_settings.max_concurrent_streams
        return self._h2.open_outbound_streams < most

    def open(self, head: list[Header], *, has_body: bool) -> _Stream:
        number = self._h2.get_next_available_stream_id()
        stream = self._streams[number] = _Stream(self, number)
        try:
            self._h2.send_headers(number, head, end_stream=not has_body)
        except h2.exceptions.ProtocolError as error:
            del self._streams[number]
            raise Http2Error(f"the request cannot be sent over HTTP/2: {error}") from None
        self._flush()
        return stream

    async def room(self, stream: _Stream) -> int:
        """How many bytes may be sent on `stream` now; waits until there are some."""
        while True:
            if stream.error is not None:
                raise stream.error
            size = min(
                self._h2.local_flow_control_window(stream.number), self._h2.max_outbound_frame_size
            )
            if size > 0:
                await self._writable.wait()
                return size
            self._windows.clear()
            await self._windows.wait()

    def send(self, number: int, data: bytes) -> None:
        self._h2.send_data(number, data)
        self._flush()

    def end(self, number: int) -> None:
        self._h2.end_stream(number)
        self._flush()

    def acknowledge(self, number: int, count: int) -> None:
        if count and not self.is_closed:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self._h2.acknowledge_received_data(count, number)
            self._flush()

    def forget(self, stream: _Stream) -> None:
        if self._streams.pop(stream.number, None) is None or self.is_closed:
            return
        while stream.chunks:
            stream.take()
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.CANCEL)
        self._flush()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _lines(headers: Any) -> list[Header]:
    return [(bytes(name), bytes(value)) for name, value in headers]
