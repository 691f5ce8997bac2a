"""Hypercorn's HTTP/2, made to tell what breaks off, to take leave, and to let nobody wait.

Its private edges are bent in this module; each bend has a test.
"""

from __future__ import annotations

import contextlib
import re
import time
from copy import copy
from itertools import groupby
from typing import Any, Final, NamedTuple, cast

import hypercorn.protocol as hypercorn_protocol
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hypercorn.events import Closed, RawData, Updated
from hypercorn.protocol.events import Body, EndBody, EndData, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.typing import AppWrapper
from hypercorn.utils import build_and_validate_headers
from hyperframe.frame import GoAwayFrame

from edgegw.gateway.hypercorn_config import HypercornConfig
from edgegw.gateway.incoming import WIRE

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_WINDOW: Final = 512 * 1024
_WINDOWS: Final = 4 * 1024 * 1024
"""Bytes that a client may send ahead on a stream, and on all of a connection."""


class _Answered:
    """Stands for a stream that is answered already: what the client still sends is dropped."""

    idle = True

    async def handle(self, event: object) -> None:
        pass


class _Streams(dict[int, Any]):
    def __missing__(self, number: int) -> _Answered:
        return _Answered()


class Ends:
    """Which streams have come to the end of their answer.

    Hypercorn leaves a stream open whose application stopped before: its client would wait.
    """

    def __init__(self) -> None:
        self._ended: set[int] = set()

    def note(self, event: StreamEvent) -> None:
        """Something is sent on a stream."""
        if isinstance(event, (EndBody, EndData)):
            self._ended.add(event.stream_id)

    def is_cut(self, event: StreamClosed) -> bool:
        """Whether the stream is left in the middle of its answer; asked once."""
        if event.stream_id not in self._ended:
            return True
        self._ended.discard(event.stream_id)
        return False


class _Asked(NamedTuple):
    """What a request asks for, as bytes of HTTP/1 would say it."""

    method: str
    target: bytes
    is_bodiless: bool


def _asked(request: RequestReceived) -> _Asked | None:
    """None where the request is malformed in a way that h2 lets pass.

    Source: RFC 9113, section 8.1.1 and 8.3.1.
    """
    told = dict(request.headers or ())
    method, is_bodiless = told[b":method"], request.stream_ended is not None
    length = told.get(b"content-length", b"").strip()
    if not _TOKEN.fullmatch(method) or (is_bodiless and length.strip(b"0")):
        return None
    target = told.get(b":path") or told.get(b":authority", b"")  # CONNECT has no path
    return _Asked(method.decode("ascii"), target, is_bodiless)


class _OnStream:
    """The application on one stream.

    It tells the connection what it takes of the request; answers that are there at once go out in
    one piece.
    """

    def __init__(
        self, app: AppWrapper, connection: _H2Protocol, number: int, asked: _Asked
    ) -> None:
        self._app = app
        self._connection = connection
        self._number = number
        self._asked = asked

    async def __call__(self, scope: Any, receive: Any, send: Any, *rest: Any) -> None:
        connection, number, asked = self._connection, self._number, self._asked
        scope["method"] = asked.method
        wire = {"headers": scope["headers"], "target": asked.target, "bodiless": asked.is_bodiless}
        scope["extensions"][WIRE] = wire
        held: Any = None

        async def receiving() -> Any:
            message = await receive()
            if message.get("body"):
                await connection.taken(number, len(message["body"]))
            return message

        async def sending(message: Any) -> None:
            nonlocal held
            if held is None and message.get("edgegw.whole"):
                held = message
                return
            if held is not None:
                start, held = held, None
                if await connection.respond(number, start, message.get("body", b"")):
                    return
                await send(start)
            await send(message)

        await self._app(scope, receiving, sending, *rest)


class _H2Protocol(H2Protocol):
    """Hypercorn's, which ends the connection when a body goes on behind an early answer.

    An old connection takes leave: GOAWAY, the answers under way, the end. Hypercorn's own way
    drops those answers.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        config = self.config
        self._limits = cast("HypercornConfig", config).limits
        self._plain_app: AppWrapper = cast("Any", self).app
        self._untaken: dict[int, int] = {}
        self.config = copy(config)
        self.config.max_app_queue_size = 0  # the windows of the streams bound it
        # Without hypercorn's ENABLE_CONNECT_PROTOCOL: browsers would open WebSockets by it
        # (RFC 8441), which neither CloudFront nor a load balancer knows.
        self.connection.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
                SettingCodes.MAX_CONCURRENT_STREAMS: config.h2_max_concurrent_streams,
                SettingCodes.MAX_HEADER_LIST_SIZE: config.h2_max_header_list_size,
            },
        )
        self.streams = _Streams()
        self._ends = Ends()
        self._made = time.monotonic()
        self._has_left = self._refused = False

    async def initiate(self, *args: Any, **kwargs: Any) -> None:
        await super().initiate(*args, **kwargs)
        self.connection.increment_flow_control_window(_WINDOWS - 65_535)
        await self._flush()

    async def _create_stream(self, request: RequestReceived) -> None:
        asked = _asked(request)
        if self._has_left or asked is None:
            # What came before the GOAWAY was read, the client asks again elsewhere.
            code = ErrorCodes.REFUSED_STREAM if self._has_left else ErrorCodes.PROTOCOL_ERROR
            self.connection.reset_stream(request.stream_id, code)
            self._refused = True
            return
        self.app = cast("Any", _OnStream(self._plain_app, self, request.stream_id, asked))
        # Hypercorn reads method and path as text, and takes every CONNECT for a WebSocket.
        told = [line for line in request.headers or () if line[0] not in (b":method", b":path")]
        request.headers = cast("Any", [(b":method", b"GET"), (b":path", b"/"), *told])
        await super()._create_stream(request)
        limits = self._limits
        is_old = limits.age is not None and time.monotonic() - self._made >= limits.age
        if is_old or self.keep_alive_requests == limits.http2_requests:
            self._has_left = True
            goaway = GoAwayFrame(stream_id=0, last_stream_id=request.stream_id)
            await self.send(RawData(goaway.serialize()))

    async def _handle_events(self, events: list[Event]) -> None:
        for (kind, number), found in groupby(events, key=_kind_and_stream):
            if kind is DataReceived:
                await self._received(number, cast("list[DataReceived]", list(found)))
            else:
                await super()._handle_events(list(found))
        await self._flush()
        if self._refused and not self.streams:  # hypercorn took it for a request under way
            self._refused = False
            await self.send(Updated(idle=True))

    async def _received(self, number: int, events: list[DataReceived]) -> None:
        """Keeps data for its request; the client may send as much again once it is taken.

        Hypercorn waits here, and everything else on the connection with it.
        """
        counted = sum(each.flow_controlled_length or 0 for each in events)
        stream = self.streams[number]
        if isinstance(stream, _Answered):
            self._acknowledge(number, counted)
            return
        data = b"".join(each.data or b"" for each in events)
        self._acknowledge(number, counted - len(data))  # what was padded
        self._untaken[number] = self._untaken.get(number, 0) + len(data)
        await stream.handle(Body(number, data))

    async def taken(self, number: int, count: int) -> None:
        """The application has taken so many bytes of a request."""
        if number in self._untaken:
            self._untaken[number] -= count
            self._acknowledge(number, count)
            await self._flush()

    async def respond(self, number: int, start: Any, body: bytes) -> bool:
        """Sends a whole answer in one piece; False where the client has no room for it."""
        stream, connection = self.streams.get(number), self.connection
        if not isinstance(stream, HTTPStream):
            return False
        try:
            room = connection.local_flow_control_window(number)
            if len(body) > min(room, connection.max_outbound_frame_size):
                return False
            status = (b":status", b"%d" % start["status"])
            headers = [status, *build_and_validate_headers(start["headers"])]
            connection.send_headers(number, headers, end_stream=not body)
            if body:
                connection.send_data(number, body, end_stream=True)
        except ProtocolError:  # the client has reset it
            return False
        stream.state = ASGIHTTPState.CLOSED
        self.stream_buffers.pop(number, None)
        self.priority.remove_stream(number)
        self._ends.note(EndBody(number))
        await self._flush()
        await self.stream_send(StreamClosed(number))
        return True

    def _acknowledge(self, number: int, count: int) -> None:
        with contextlib.suppress(ProtocolError):
            self.connection.acknowledge_received_data(count, number)

    async def _close_stream(self, stream_id: int) -> None:
        self._acknowledge(stream_id, self._untaken.pop(stream_id, 0))
        await super()._close_stream(stream_id)

    async def stream_send(self, event: StreamEvent) -> None:
        self._ends.note(event)
        await super().stream_send(event)
        if isinstance(event, StreamClosed):
            if self._ends.is_cut(event):
                with contextlib.suppress(ProtocolError):  # the client reset it before
                    self.connection.reset_stream(event.stream_id, ErrorCodes.INTERNAL_ERROR)
                await self._flush()
            await self._end_where_left()

    async def _send_data(self, stream_id: int) -> None:
        await super()._send_data(stream_id)
        await self._end_where_left()

    async def _end_where_left(self) -> None:
        """Closes a connection that took leave, once all that it owes is sent."""
        if not self._has_left or self.streams or self.closed:
            return
        if not any(each.buffer or each.complete for each in self.stream_buffers.values()):
            await self.send(Closed())


def _kind_and_stream(event: Event) -> tuple[type[Event], int]:
    return type(event), getattr(event, "stream_id", 0)


def bend_http2() -> None:
    """Has hypercorn speak HTTP/2 as above, where it serves a front door."""
    cast("Any", hypercorn_protocol).H2Protocol = _protocol


def _protocol(app: Any, config: Any, *rest: Any) -> H2Protocol:
    """An application may serve something else with hypercorn in the same process."""
    kind = _H2Protocol if isinstance(config, HypercornConfig) else H2Protocol
    return kind(app, config, *rest)
