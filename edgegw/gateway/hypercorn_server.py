"""hypercorn for all front doors, under `--server hypercorn`; its settings for HTTP/2 and HTTP/3.

Its private edges are bent in this module alone; each bend has a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from contextvars import ContextVar
from copy import copy
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final, cast

import h11
import hypercorn.protocol as hypercorn_protocol
import hypercorn.protocol.h11 as hypercorn_h11
from h2.errors import ErrorCodes
from h2.events import RequestReceived
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio import run as hypercorn_run
from hypercorn.config import Config, Sockets
from hypercorn.events import Closed, RawData
from hypercorn.protocol.events import EndBody, EndData, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.typing import ASGIFramework
from hyperframe.frame import GoAwayFrame

from edgegw.gateway.asgi import FrontDoorApp, Limits
from edgegw.gateway.incoming import Message, Receive, Scope, Send
from edgegw.http.message import CutOffError

_LIMIT: Final = 256 * 1024
_reason: ContextVar[bytes | None] = ContextVar("reason", default=None)


def _response(**kwargs: Any) -> h11.Response:
    """h11's Response with the reason phrase of the message under way; hypercorn sends none."""
    reason = _reason.get()
    if reason is None:
        try:
            reason = HTTPStatus(kwargs["status_code"]).phrase.encode()
        except ValueError:
            reason = b""
    return h11.Response(reason=reason, **kwargs)


def name_reasons() -> None:
    """Lets hypercorn's HTTP/1.1 send reason phrases."""
    names = {name: getattr(h11, name) for name in h11.__all__}
    cast("Any", hypercorn_h11).h11 = SimpleNamespace(**{**names, "Response": _response})


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


class _H2Protocol(H2Protocol):
    """Hypercorn's, which ends the connection when a body goes on behind an early answer.

    An old connection takes leave: GOAWAY, the answers under way, the end. Hypercorn's own way
    drops those answers.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        config = self.config
        is_ours = isinstance(config, HypercornConfig)  # an application may run its own beside us
        self._limits = config.limits if is_ours else Limits()
        if is_ours:
            # Without hypercorn's ENABLE_CONNECT_PROTOCOL: browsers would open WebSockets by it
            # (RFC 8441), which neither CloudFront nor a load balancer knows.
            self.connection.local_settings = Settings(
                client=False,
                initial_values={
                    SettingCodes.MAX_CONCURRENT_STREAMS: config.h2_max_concurrent_streams,
                    SettingCodes.MAX_HEADER_LIST_SIZE: config.h2_max_header_list_size,
                },
            )
        self.streams = _Streams()
        self._ends = Ends()
        self._made = time.monotonic()
        self._has_left = False

    async def _create_stream(self, request: RequestReceived) -> None:
        if self._has_left:  # sent before the GOAWAY was read: the client asks again elsewhere
            self.connection.reset_stream(request.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        await super()._create_stream(request)
        limits = self._limits
        is_old = limits.age is not None and time.monotonic() - self._made >= limits.age
        if is_old or self.keep_alive_requests == limits.http2_requests:
            self._has_left = True
            goaway = GoAwayFrame(stream_id=0, last_stream_id=request.stream_id)
            await self.send(RawData(goaway.serialize()))

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


def bend_http2() -> None:
    """Lets HTTP/2 connections bear early answers, and take leave."""
    cast("Any", hypercorn_protocol).H2Protocol = _H2Protocol


class HypercornServer:
    """One front door on hypercorn."""

    def __init__(self, app: FrontDoorApp, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        name_reasons()
        bend_http2()
        self._app = app
        self._sock = sock
        self._config = HypercornConfig(tls).held_to(app.limits())
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accepts connections from here on."""
        secure = self._config.ssl_enabled
        sockets = Sockets([self._sock], [], []) if secure else Sockets([], [self._sock], [])
        serving = cast("Any", hypercorn_run).worker_serve(
            ASGIWrapper(cast("ASGIFramework", self._with_reason)),
            self._config,
            sockets=sockets,
            shutdown_trigger=self._stopping.wait,
        )
        self._sock.setblocking(False)  # noqa: FBT003
        self._task = asyncio.ensure_future(serving)
        await asyncio.sleep(0)

    async def _with_reason(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # the gateway starts and stops by itself
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _reason.set(message.get("reason"))
                message = {**message, "headers": hypercorn_headers(message["headers"])}
            await send(message)

        with contextlib.suppress(CutOffError):  # the stream is left where it is
            await self._app(scope, receive, sending)

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        if self._task is None:
            return
        self._config.graceful_timeout = grace
        self._stopping.set()
        try:
            # hypercorn forgets its own limit while a connection is busy (Python 3.12 and newer).
            await asyncio.wait_for(self._task, grace + 1)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if not self._task.cancelled():
                raise


def hypercorn_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Framing and connection are the server's own; HTTP/2 forbids them."""
    return [line for line in headers if line[0].lower() not in (b"connection", b"keep-alive")]


class HypercornConfig(Config):
    """The settings that make hypercorn fit for front doors."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls
        self.h11_max_incomplete_size = _LIMIT
        self.h2_max_header_list_size = _LIMIT
        self.h2_max_concurrent_streams = 128  # as at a load balancer
        self.keep_alive_max_requests = 10**9
        self.limits = Limits()
        self.keep_alive_timeout = self.limits.keep_alive
        self.include_server_header = False
        self.include_date_header = False
        self.accesslog = None
        self.errorlog = logging.getLogger("edgegw.hypercorn")
        self.errorlog.setLevel(logging.WARNING)

    def held_to(self, limits: Limits) -> HypercornConfig:
        """The settings for connections that begin under `limits`."""
        found = copy(self)
        found.limits = limits
        found.keep_alive_timeout = limits.keep_alive if limits.idle is None else limits.idle
        return found

    @property
    def ssl_enabled(self) -> bool:
        return self._tls is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self._tls
