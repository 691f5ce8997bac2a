"""The Runtime API and the Extensions API on a socket of their own, one per environment.

The variable AWS_LAMBDA_RUNTIME_API has room for a host and a port only, so the port is what tells
environments apart. What a request means is decided by `awslambda.runtime_api`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import httptools

from edgegw.awslambda.lifecycle import (
    MAX_RESPONSE,
    Failure,
    platform_error,
    response_too_large,
    shutdown_time,
)
from edgegw.awslambda.runtime_api import (
    Answered,
    Effect,
    Event,
    ExtensionFailed,
    ExtensionRegistered,
    Incoming,
    InitDone,
    InitFailed,
    Reply,
    RuntimeApi,
    Settled,
    StreamBegun,
    Subscribed,
)
from edgegw.execution.channel import (
    Answer,
    EnvironmentLostError,
    PendingInvocation,
    Recipient,
    Sink,
)
from edgegw.execution.frames import FramesChannel
from edgegw.execution.telemetry import Telemetry

logger = logging.getLogger(__name__)

_REASONS: Final = {
    200: b"OK",
    202: b"Accepted",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    413: b"Request Entity Too Large",
}


class RuntimeApiServer:
    """Listens on loopback for the runtime and the extensions of one environment.

    It is a `Channel` for runtimes that speak HTTP. `on_extension` hears of extensions as they
    register.
    """

    def __init__(
        self, api: RuntimeApi, now_ms: Callable[[], int], on_extension: Callable[[str, str], None]
    ) -> None:
        self.api = api
        self.recipient: Recipient | None = None
        self.is_lost = False
        self.address = ""
        self.telemetry = Telemetry()
        self._now_ms = now_ms
        self._on_extension = on_extension
        self._loop = asyncio.get_running_loop()
        self._listener: socket.socket | None = None
        self._accepting: set[asyncio.Future[Any]] = set()
        self._connections: set[_Connection] = set()
        self._tickets: dict[int, _Connection] = {}
        self._last_ticket = 0
        self._ready: asyncio.Future[Failure | None] = self._loop.create_future()
        self._sink: Sink | None = None
        self._streamed: bytearray | None = None
        self._shutting_down = False
        self._watching: list[asyncio.Future[int | None]] = []
        self.current = ""

    def listen(self) -> None:
        """Takes a free port; `address` is what AWS_LAMBDA_RUNTIME_API says."""
        # asyncio's own servers lose a connection that was accepted just before they are closed:
        # its socket stays open.
        self._listener = listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.0)
        self._await_connections(listener)
        host, port = listener.getsockname()[:2]
        self.address = f"{host}:{port}"

    def _await_connections(self, listener: socket.socket) -> None:
        if self._listener is listener:
            self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # the client has left already
        except OSError as error:  # no descriptors are left: to ask again at once would not help
            logger.warning("a runtime cannot connect: %s", error)
            self._loop.remove_reader(listener)
            self._loop.call_later(1.0, self._await_connections, listener)
            return
        accepted.settimeout(0.0)
        making = self._loop.connect_accepted_socket(lambda: _Connection(self), accepted)
        task = asyncio.ensure_future(making)
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    # Requests

    def new_ticket(self, connection: _Connection) -> int:
        self._last_ticket += 1
        self._tickets[self._last_ticket] = connection
        return self._last_ticket

    def received(self, request: Incoming) -> None:
        self.perform(self.api.receive(request, str(uuid.uuid4())))

    def opened(self, path: str, headers: dict[str, str]) -> bool:
        """Whether the body that follows is a streamed answer."""
        effects = self.api.begin_stream(path, headers)
        if effects is None:
            return False
        self.perform(effects)
        return True

    def streamed(self, chunk: bytes) -> None:
        """A piece of a streamed answer."""
        if self._sink is not None:
            self._sink.write(chunk)
        elif self._streamed is not None and len(self._streamed) <= MAX_RESPONSE:
            self._streamed += chunk

    def perform(self, effects: list[Effect]) -> None:
        """Sends replies, and tells whoever waits for what happened.

        What the environment is told comes last: it may answer with the next invocation at once.
        """
        answer: Answer | None = None
        is_settled = False
        for effect in effects:
            match effect:
                case Answered():
                    answer = self._answer(effect)
                case ExtensionFailed():
                    _resolve(self._ready, effect.failure)
                    answer = Answer(b"", effect.failure)
                case Settled():
                    is_settled = True
                case _:
                    self._perform(effect)
        if self.recipient is None:
            return
        if answer is not None:
            self.recipient.answered(answer)
        elif is_settled:
            self.recipient.settled()

    def _perform(
        self, effect: Reply | InitDone | InitFailed | StreamBegun | ExtensionRegistered | Subscribed
    ) -> None:
        match effect:
            case Reply():
                connection = self._tickets.pop(effect.ticket, None)
                if connection is not None:
                    connection.reply(effect)
            case InitDone():
                _resolve(self._ready, None)
            case InitFailed():
                _resolve(self._ready, effect.failure)
            case StreamBegun():
                self._begin_stream(effect.content_type)
            case ExtensionRegistered():
                self._on_extension(effect.name, ", ".join(effect.events))
            case Subscribed():
                self.telemetry.subscribe(effect.subscription)

    def _begin_stream(self, content_type: str) -> None:
        if self._sink is not None:
            self._sink.begin(content_type)
        else:
            self._streamed = bytearray()

    def _answer(self, effect: Answered) -> Answer:
        payload, failure = effect.payload, effect.failure
        if self._streamed is not None and failure is None:
            payload = bytes(self._streamed)
            failure = response_too_large() if len(payload) > MAX_RESPONSE else None
        return Answer(payload, failure)

    # Channel

    def init(self) -> asyncio.Future[Failure | None]:
        return self._ready

    def invoke(self, pending: PendingInvocation) -> None:
        self.announce(pending, pending.invocation.payload)
        self._sink = pending.sink

    def announce(self, pending: PendingInvocation, payload: bytes) -> None:
        """Tells whoever waits for the next event, the runtime (with `payload`) among them."""
        self._sink, self._streamed = None, None
        deadline = self._now_ms() + int(pending.left * 1000)
        self.current = pending.request_id
        event = Event(
            pending.request_id,
            str(uuid.uuid4()),
            pending.arn,
            deadline,
            pending.trace_id,
            pending.invocation.client_context,
        )
        self.perform(self.api.invoke(event, payload))

    @property
    def is_settled(self) -> bool:
        return self.api.is_settled

    def shutdown_time(self) -> float:
        return shutdown_time(internal=self.api.has_internal, external=self.api.has_external)

    def shut_down(self, reason: str, seconds: float) -> None:
        self._shutting_down = True
        self.perform(self.api.shut_down(reason, self._now_ms() + int(seconds * 1000)))

    def fail(self, kind: str, text: str) -> None:
        """An extension is beyond help: init, or the invocation under way, fails with it."""
        request_id = self.current
        failure = platform_error(kind, request_id, text)
        self.perform([ExtensionFailed(failure)])

    def watch(self, ended: Awaitable[int | None], name: str) -> None:
        """Fails when the extension `name` ends before it was told to."""
        task = asyncio.ensure_future(ended)
        self._watching.append(task)
        task.add_done_callback(lambda _: self._extension_ended(task, name))

    def _extension_ended(self, task: asyncio.Future[int | None], name: str) -> None:
        if self.is_lost or self._shutting_down or task.cancelled():
            return
        status = task.result()
        cause = f"exit code {status or 0}" if (status or 0) >= 0 else f"signal {-(status or 0)}"
        logger.warning("the extension %s ended: %s", name, cause)
        self.fail("Extension.Crash", cause)

    def lose(self) -> None:
        """The process is gone."""
        if self.is_lost:
            return
        self.is_lost = True
        if not self._ready.done():
            self._ready.set_exception(EnvironmentLostError())
            self._ready.exception()  # nobody has to ask
        elif self.recipient is not None:
            self.recipient.lost()

    def close(self) -> None:
        self.lose()
        self.telemetry.close()
        for each in self._watching:
            each.cancel()
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            connection.abort()

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        for ticket in [each for each, owner in self._tickets.items() if owner is connection]:
            del self._tickets[ticket]

    def remember(self, connection: _Connection) -> None:
        self._connections.add(connection)


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


class _Connection(asyncio.Protocol):
    """One connection of a runtime or an extension: HTTP/1.1, kept alive, one request at a time."""

    def __init__(self, server: RuntimeApiServer) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._trailers: dict[str, str] = {}
        self._body = bytearray()
        self._in_body = False
        self._too_large = False
        self._streams = False
        self._complete = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._server.is_lost:  # accepted while the environment was ended
            self._transport.abort()
        else:
            self._server.remember(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            logger.debug("a runtime sent a malformed request: %s", error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._complete and self._in_body:
            self._deliver(is_truncated=True)
        self._server.forget(self)

    # httptools

    def on_message_begin(self) -> None:
        self._begin()
        self._complete = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        into = self._trailers if self._in_body else self._headers
        into[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        self._in_body = True
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._streams = self._server.opened(self._path, self._headers)

    def on_body(self, body: bytes) -> None:
        if self._streams:
            self._server.streamed(body)
        elif len(self._body) + len(body) > MAX_RESPONSE:
            self._too_large = True
        else:
            self._body += body

    def on_message_complete(self) -> None:
        self._complete = True
        self._deliver(is_truncated=False)

    @property
    def _path(self) -> str:
        return self._url.decode("latin-1")

    def _deliver(self, *, is_truncated: bool) -> None:
        self._server.received(
            Incoming(
                self._server.new_ticket(self),
                self._parser.get_method().decode("latin-1"),
                self._path,
                self._headers,
                bytes(self._body),
                self._trailers,
                self._too_large,
                is_truncated,
            )
        )

    def reply(self, reply: Reply) -> None:
        """Head and body in one write: two would meet Nagle and a delayed acknowledgement."""
        lines = [b"HTTP/1.1 %d %s" % (reply.status, _REASONS.get(reply.status, b"Error"))]
        for name, value in reply.headers:
            lines.append(f"{name}: {value}".encode("utf-8", "replace"))
        lines.append(b"Content-Length: %d" % len(reply.body))
        if self._transport is not None:
            self._transport.write(b"\r\n".join([*lines, b"", reply.body]))
            if not self._parser.should_keep_alive():
                self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class ExtendedChannel:
    """A bundled runtime on frames, beside extensions on HTTP.

    To the extensions' state machine the runtime is one that always asks in time. It hears what the
    runtime says and passes it on; of what the server says only extensions are left.
    """

    def __init__(self, frames: FramesChannel, server: RuntimeApiServer) -> None:
        self.recipient: Recipient | None = None
        self._frames = frames
        self._server = server
        frames.recipient = self
        server.recipient = _Extensions(self)

    @property
    def is_lost(self) -> bool:
        return self._frames.is_lost

    async def init(self) -> Failure | None:
        failure = await self._frames.init()
        if failure is not None:
            return failure
        self._ask()
        return await self._server.init()

    def invoke(self, pending: PendingInvocation) -> None:
        self._server.announce(pending, b"")
        self._frames.invoke(pending)

    # Recipient

    def answered(self, answer: Answer) -> None:
        path = f"/2018-06-01/runtime/invocation/{self._server.current}/response"
        request = Incoming(0, "POST", path, {})
        self._server.perform(self._server.api.receive(request, ""))
        self._ask()
        if self.recipient is not None:
            self.recipient.answered(answer)

    def settled(self) -> None:
        """Frames never say so: it is the extensions that are waited for."""

    def lost(self) -> None:
        self._server.lose()
        if self.recipient is not None:
            self.recipient.lost()

    def _ask(self) -> None:
        request = Incoming(0, "GET", "/2018-06-01/runtime/invocation/next", {})
        self._server.perform(self._server.api.receive(request, ""))

    @property
    def is_settled(self) -> bool:
        return self._server.is_settled

    def shutdown_time(self) -> float:
        return self._server.shutdown_time()

    def shut_down(self, reason: str, seconds: float) -> None:
        self._server.shut_down(reason, seconds)

    def close(self) -> None:
        self._frames.close()
        self._server.close()


class _Extensions:
    """Hears the server beside a runtime that does not answer there."""

    def __init__(self, channel: ExtendedChannel) -> None:
        self._channel = channel

    def answered(self, answer: Answer) -> None:
        recipient, failure = self._channel.recipient, answer.failure
        if recipient is not None and failure is not None:
            recipient.answered(answer)

    def settled(self) -> None:
        if self._channel.recipient is not None:
            self._channel.recipient.settled()

    def lost(self) -> None:
        """The runtime itself is who tells."""
