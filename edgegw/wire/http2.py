"""A client's connection that speaks HTTP/2: many requests at a time, each answered when it can be.

`http2_streams` has what both sides share, `http2_heads` what a header block may say; here is what
makes it a front door's:

- An answer that the front door has at once is written within the call that brought the request.
- A request of which nobody knows whether it has a body (no length, and its head does not end it)
  is looked at again when its next frame comes: an empty body is none. One that may wait for its
  answer first (gRPC, `Expect`) is begun at once.
- A request that breaks off before that is begun all the same, with a body that says so: its front
  door answers it, or notes that its client left.
- An answer may be complete before its request is: the rest of the body is thrown away as it comes.
- A malformed request ends its stream, or, where its lines could break out of a head of HTTP/1,
  its connection. Streams beyond the limit, and those behind a GOAWAY, are refused: a client may
  ask again.
- A connection that takes leave (its age, its number of requests, the end of the gateway) says up
  to which request it answers, answers those, and closes.

Time: one timer per connection waits for the next request. It is not moved, but looks again when
it rings; a second one runs only while a header block lacks its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from edgegw.http.message import EMPTY, Client, Header, Headers, Request, Response, Tls, has_body
from edgegw.http.target import Target
from edgegw.wire.answering import answer
from edgegw.wire.front import Delivery, Front, ViewerGoneError
from edgegw.wire.http1 import Connection
from edgegw.wire.http2_engine import Goodbye
from edgegw.wire.http2_frames import ErrorCode
from edgegw.wire.http2_heads import (
    MalformedHeadError,
    RequestHead,
    RequestHeads,
    read_trailers,
    sent_lines,
    sent_response,
)
from edgegw.wire.http2_streams import Http2Connection, Http2Stream
from edgegw.wire.request_body import RequestBody

_WINDOW: Final = 256 * 1024
"""Bytes of a request that a client may send before anybody takes them."""
_CONTINUE: Final[list[Header]] = [(b":status", b"100")]
_FINAL: Final = 200
_LARGEST: Final = 999
_SILENT: Final = "the client sent nothing for the idle timeout"

logger = logging.getLogger(__name__)

_heads: Final = RequestHeads()


class Http2(Http2Connection["StreamOutlet"]):
    """One connection behind TLS; `tls` tells of the handshake for each request.

    It is one of `connections` for as long as it is open.
    """

    def __init__(
        self,
        front: Front,
        connections: set[Connection],
        client: Client,
        tls: Callable[[], Tls | None],
    ) -> None:
        self.front = front
        self.client = client
        self.tls = tls
        self.limits = limits = front.limits()
        super().__init__("client", window=_WINDOW, streams=limits.streams)
        self._connections = connections
        self._begun = self._unanswered = self._answers_to = 0
        self._made = self._rests_since = self.loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._head_timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)
        self._rest()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.reader.is_in_head:
            self._time_head()
        elif self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._connections.discard(self)
        for timer in (self._timer, self._head_timer):
            if timer is not None:
                timer.cancel()

    # What a listener calls

    def shutdown(self) -> None:
        """Answers what has begun, then closes."""
        if not self.is_leaving:
            self.say_goodbye(self._answers_to)
        self._close_if_left()

    def abort(self) -> None:
        """Ends at once."""
        streams = list(self.streams.values())
        self.end("the gateway has ended")
        for stream in streams:
            stream.abandon()
        if self._transport is not None:
            self._transport.abort()

    # Requests

    def stream_begun(self, number: int, lines: list[Header], *, ends: bool) -> None:
        if self.is_leaving or len(self.streams) >= self.limits.streams:
            self.put_reset(number, ErrorCode.REFUSED_STREAM)
            return
        try:
            head, path = _heads.read(lines)
            if ends and head.length:
                raise MalformedHeadError("the promised body is missing")
        except MalformedHeadError as error:
            if error.is_fatal:
                raise
            self.put_reset(number, ErrorCode.PROTOCOL_ERROR)
            return
        self._answers_to = number
        stream = StreamOutlet(self, number, head, path)
        self.add(stream)
        self._unanswered += 1
        self._count_request(number)
        stream.begin(ends=ends)

    def _count_request(self, number: int) -> None:
        """Takes leave with the last request that the limits allow."""
        self._begun += 1
        limits = self.limits
        if self._begun == limits.requests or (
            limits.age is not None and self.loop.time() - self._made >= limits.age
        ):
            self.say_goodbye(number)

    def goodbye_received(self, goodbye: Goodbye) -> None:
        """The client asks nothing more; what it asked is answered."""
        self.is_leaving = True
        self._close_if_left()

    # Ends

    def answered(self) -> None:
        """One request less is under way."""
        self._unanswered -= 1
        if not self._unanswered:
            if self.is_leaving:
                self.loop.call_soon(self._close_if_left)  # behind what is still being sent
            else:
                self._rest()

    def _close_if_left(self) -> None:
        if self.is_leaving and not self._unanswered and not self.is_over:
            self.close()

    # Time

    def _rest(self) -> None:
        """Nothing is under way: the client has so long to ask again."""
        self._rests_since = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.limits.keep_alive, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._unanswered or self.is_over:
            return
        due = self._rests_since + self.limits.keep_alive
        if due <= self.loop.time():
            self.say_goodbye(self._answers_to)
            self.close()
        else:
            self._timer = self.loop.call_at(due, self._look)

    def _time_head(self) -> None:
        if self._head_timer is None and self.limits.head is not None and not self.is_over:
            self._head_timer = self.loop.call_later(
                self.limits.head,
                partial(self.fail, "a head that has no end", ErrorCode.ENHANCE_YOUR_CALM),
            )


class StreamOutlet(Http2Stream):
    """One request, and where its answer goes out (`answering.Outlet`)."""

    __slots__ = (
        "_body",
        "_head",
        "_is_counted",
        "_is_held",
        "_is_started",
        "_left",
        "_look_ahead",
        "_path",
        "pump",
        "splice",
        "task",
    )

    connection: Http2

    def __init__(self, connection: Http2, number: int, head: RequestHead, path: bytes) -> None:
        super().__init__(connection, number)
        self.patience = connection.limits.idle
        self.pump: asyncio.Task[object] | None = None
        self.task: asyncio.Task[None] | None = None
        self.splice: Callable[[Response], Awaitable[tuple[int, int]]] | None = None
        self._head = head
        self._path = path
        self._body: RequestBody | None = None
        self._left: int | None = None
        self._is_counted = True
        self._is_held = self._is_started = False
        self.has_head = True
        self.left = head.length
        self._look_ahead: asyncio.TimerHandle | None = None

    # The request

    def begin(self, *, ends: bool) -> None:
        """Asks the front door, unless nobody knows yet what."""
        head = self._head
        if ends or head.length == 0:
            self._ask()
            return
        connection = self.connection
        wanted = self._continue if head.expects_continue else None
        idle = connection.limits.idle
        self._body = RequestBody(partial(connection.taken, self), wanted, idle)
        if head.length is None and not head.may_wait:
            self._is_held = True
            if idle is not None:
                self._look_ahead = connection.loop.call_later(idle, self._stay_silent)
            return
        self._ask()

    def _ask(self) -> None:
        connection, head, body = self.connection, self._head, self._body
        front = connection.front
        request = Request(
            head.method,
            Target.parse(self._path),
            head.headers,
            EMPTY if body is None else body.body(head.length),
            "https",
            "2",
            connection.client,
            b"",
            connection.tls(),
        )
        accepted = front.accept(request)
        if type(accepted) is Response and accepted.body.content is not None:
            self._answer_at_once(accepted)
            return
        self.task = connection.loop.create_task(answer(front, accepted, request, self, body))

    def _answer_at_once(self, response: Response) -> None:
        delivery, body = Delivery(), self._body
        if self.is_gone:
            delivery.is_gone = True
        else:
            if response.body.content and has_body(self._head.method, response.status):
                delivery.note(response.body.content)
            self.whole(response)
        if body is not None:
            delivery.received = body.received
            body.forget()
        if response.body.release is not None:
            response.body.release()
        self.connection.front.done(response, delivery)

    def _unhold(self) -> None:
        """What the request is has become clear."""
        self._is_held = False
        if self._look_ahead is not None:
            self._look_ahead.cancel()
            self._look_ahead = None
        self._ask()

    def _stay_silent(self) -> None:
        self._look_ahead = None
        if self._body is not None and self._is_held:
            self._body.break_off(ViewerGoneError(_SILENT, "idle"))
            self._unhold()

    def _continue(self) -> None:
        if not self.is_gone and not self.is_sent and not self._is_started:
            self.send_head(_CONTINUE)

    def body_received(self, data: bytes) -> None:
        body = self._body
        if body is None:
            self.connection.taken(self, len(data))
            return
        body.put(data)
        if self._is_held:
            self._unhold()

    def trailers_received(self, lines: list[Header]) -> None:
        if self._body is not None:
            self._body.end(read_trailers(lines))

    def all_received(self) -> None:
        body = self._body
        if body is None:
            return
        if not body.is_complete:
            body.end()
        if self._is_held:
            if not body.trailers:
                self._body = None
            self._unhold()

    def broke_off(self, text: str, *, is_refused: bool) -> None:
        body = self._body
        if body is not None:
            body.break_off(ViewerGoneError())
            if self._is_held:
                self._unhold()
        if self.pump is not None:
            self.pump.cancel()

    def lost_patience(self) -> None:
        self.is_gone = True
        if self.pump is not None:
            self.pump.cancel()
        self.reset(ErrorCode.CANCEL)

    def ended(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self.connection.answered()

    def abandon(self) -> None:
        """The gateway ends: nobody waits for the answer."""
        if self.task is not None:
            self.task.cancel()

    # The answer

    def whole(self, response: Response) -> None:
        lines, length = self._open(response)
        content = response.body.content or b""
        if not has_body(self._head.method, response.status):
            self.send_head(lines, ends=True)
        elif length is not None and length != len(content):
            self.send_head(lines)
            self._left = length
            self.write(content)
            self.end(None)
        elif content:
            self.send_head(lines)
            self.finish(content)
        else:
            self.send_head(lines, ends=True)

    def start(self, response: Response) -> None:
        lines, self._left = self._open(response)
        self.send_head(lines)

    def _open(self, response: Response) -> tuple[list[Header], int | None]:
        """The header block, and how many bytes of body it promises."""
        self._is_started = True
        if not _FINAL <= response.status <= _LARGEST:
            logger.error("a response with status %d cannot be sent over HTTP/2", response.status)
            self.cut()
        return sent_response(response)

    def write(self, chunk: bytes) -> Awaitable[None] | None:
        if self._left is not None:
            chunk = chunk[: self._left]
            self._left -= len(chunk)
        return self.send(chunk)

    def end(self, trailers: Headers | None) -> None:
        if self._left:
            self.cut()  # less came than was promised
        else:
            self.finish(trailers=None if trailers is None else sent_lines(trailers))

    def cut(self) -> None:
        self.reset(ErrorCode.INTERNAL_ERROR)
