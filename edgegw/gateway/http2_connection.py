"""One HTTP/2 connection to a target, and the streams on it.

h2 knows the protocol; this feeds it, and lets streams wait for news and for room.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from edgegw.http.message import Header

_WINDOW: Final = 1024 * 1024
"""Bytes that a target may send ahead on one stream."""

_SILENT: Final = "the target did not answer in time"
_FRAME_HEAD: Final = 9
_GOAWAY: Final = 7


class Http2Error(Exception):
    """A target gave no answer; `timed_out` when it gave none in time."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


class Http2Stream:
    """One request and its answer."""

    def __init__(self, connection: Http2Connection, number: int) -> None:
        self._connection = connection
        self.number = number
        self.head: list[Header] = []
        self.trailers: list[Header] = []
        self.chunks: deque[tuple[bytes, int]] = deque()
        self.has_head = self.is_over = False
        self.error: Http2Error | None = None
        self.broken: Exception | None = None
        """Why the request has no end."""
        self.news = asyncio.Event()
        self._sent_at = 0.0

    async def until(
        self,
        condition: Callable[[], bool],
        idle: float,
        upload: asyncio.Task[None] | None = None,
    ) -> None:
        """Waits for news until `condition()` holds. Raises Http2Error.

        It is the target's turn for `idle` seconds from the last byte either way, behind `upload`.
        """
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        while not condition():
            if self.error is not None:
                raise self.error
            self.news.clear()
            end = None
            if upload is None or upload.done():
                end = max(heard_at, self._sent_at) + idle
            try:
                async with asyncio.timeout_at(end):
                    await self.news.wait()
                heard_at = loop.time()
            except TimeoutError:
                if max(heard_at, self._sent_at) + idle > loop.time():
                    continue  # bytes went to the target meanwhile
                raise Http2Error(_SILENT, timed_out=True) from None
        if self.error is not None and not self.chunks:
            raise self.error

    def take(self) -> bytes:
        """The next part of the body; the target may send as much again."""
        data, counted = self.chunks.popleft()
        self._connection.acknowledge(self.number, counted)
        return data

    async def send(self, data: bytes, idle: float) -> None:
        """Sends `data`, as fast as the target takes it. Raises Http2Error."""
        view, loop = memoryview(data), asyncio.get_running_loop()
        while view:
            try:
                async with asyncio.timeout(idle):
                    size = await self._connection.room(self)
            except TimeoutError:
                raise Http2Error(_SILENT, timed_out=True) from None
            self._connection.send(self.number, bytes(view[:size]))
            self._sent_at = loop.time()
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


class Http2Connection(asyncio.Protocol):
    """A connection to a target."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self._h2 = h2.connection.H2Connection(config)
        self._streams: dict[int, Http2Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._windows = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.is_closed = self.is_leaving = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        codes = h2.settings.SettingCodes
        self._h2.initiate_connection()
        self._h2.update_settings({codes.INITIAL_WINDOW_SIZE: _WINDOW, codes.ENABLE_PUSH: 0})
        self._h2.increment_flow_control_window(16 * _WINDOW)
        self._flush()

    def data_received(self, data: bytes) -> None:
        frames, goodbye = self._parted(data)
        try:
            events = self._h2.receive_data(frames)
        except h2.exceptions.ProtocolError as error:
            self._fail(f"the target sent invalid HTTP/2: {error}")
            return
        for event in events:
            self._happened(event)
        if goodbye is not None:
            self._take_leave(*goodbye)
        self._flush()

    def _parted(self, data: bytes) -> tuple[bytes, tuple[int, int] | None]:
        """The frames that are complete, and what GOAWAY says: last stream, code.

        A target that says it still answers what it has begun, but h2 takes nothing behind it.
        """
        view, at = memoryview(self._unread + data), 0
        whole: list[memoryview] = []
        goodbye: tuple[int, int] | None = None
        while len(view) - at >= _FRAME_HEAD:
            end = at + _FRAME_HEAD + int.from_bytes(view[at : at + 3], "big")
            if end > len(view):
                break
            if view[at + 3] == _GOAWAY and end - at >= _FRAME_HEAD + 8:
                body = at + _FRAME_HEAD
                last = int.from_bytes(view[body : body + 4], "big") & 0x7FFFFFFF
                goodbye = (last, int.from_bytes(view[body + 4 : body + 8], "big"))
            else:
                whole.append(view[at:end])
            at = end
        self._unread = bytes(view[at:])
        return b"".join(whole), goodbye

    def _take_leave(self, last: int, code: int) -> None:
        """The target begins nothing behind the stream `last`."""
        self.is_leaving = True
        text = "the target ended the connection"
        for stream in list(self._streams.values()):
            if not stream.is_over and (code or stream.number > last):
                stream.fail(Http2Error(text))
                self.forget(stream)
        self._windows.set()
        self._close_if_left()

    def _close_if_left(self) -> None:
        if self.is_leaving and not self._streams:
            self.close()

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

    def _stream(self, number: int | None) -> Http2Stream | None:
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
        return not self.is_leaving and self._h2.open_outbound_streams < most

    def open(self, head: list[Header], *, has_body: bool) -> Http2Stream:
        number = self._h2.get_next_available_stream_id()
        stream = self._streams[number] = Http2Stream(self, number)
        try:
            self._h2.send_headers(number, head, end_stream=not has_body)
        except h2.exceptions.ProtocolError as error:
            del self._streams[number]
            raise Http2Error(f"the request cannot be sent over HTTP/2: {error}") from None
        self._flush()
        return stream

    async def room(self, stream: Http2Stream) -> int:
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

    def forget(self, stream: Http2Stream) -> None:
        if self._streams.pop(stream.number, None) is None or self.is_closed:
            return
        while stream.chunks:
            stream.take()
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.CANCEL)
        self._flush()
        self._close_if_left()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _lines(headers: Any) -> list[Header]:
    return [(bytes(name), bytes(value)) for name, value in headers]
