"""One request that came over HTTP/2, and where its answer goes out.

A stream is both at once, since either side may end first:

- The request ends first: the usual case. Nothing is left to read, the answer takes its time.
- The answer ends first (a refusal of a large upload): what still comes of the request is thrown
  away, so that its sender does not wait for a window that nobody opens any more.
- The client resets the stream, or its connection breaks: the body breaks off for whoever reads it,
  what streams the answer (`pump`) is cancelled, what waits for a window goes on and sees `is_gone`.

`_is_held`: HTTP/2 does not say in a head whether there is a body, only whether the head ends the
stream. Many clients end it with an empty DATA frame instead, and an origin must not be told of
chunks that never come. So the front door is asked when the next frame of the stream has come, or
when none comes in time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from edgegw.http.message import EMPTY, Header, Headers, Request, Response, has_body
from edgegw.http.target import RequestTarget
from edgegw.wire.answering import answer
from edgegw.wire.front import Delivery, ViewerGoneError
from edgegw.wire.http2_frames import Http2Code
from edgegw.wire.http2_heads import RequestHead, read_trailers, sent_lines, sent_response
from edgegw.wire.http2_streams import Http2Stream
from edgegw.wire.request_body import RequestBody

if TYPE_CHECKING:
    from edgegw.wire.http2 import Http2

logger = logging.getLogger(__name__)

_CONTINUE: Final[list[Header]] = [(b":status", b"100")]
_FINAL: Final = 200
_LARGEST: Final = 999
_SILENT: Final = "the client sent nothing for the idle timeout"


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
            RequestTarget.parse(self._path),
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
        self.reset(Http2Code.CANCEL)

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
        self.reset(Http2Code.INTERNAL_ERROR)
