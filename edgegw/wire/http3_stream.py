"""One request over HTTP/3, and where its answer goes out.

    head ─▶ (first of a body, or the end) ─▶ asked ─▶ answered ─▶ all of it sent ─▶ dropped
    each of them ─ client leaves, breaks a rule, keeps us waiting ─▶ answered (by a reset)

The two directions of a stream end by themselves. A client may go on sending behind its answer: it
is asked to stop, without blame. It may also stop listening while it sends: then nobody needs the
request either. An upload that was complete when its client left is read to its end all the same,
for whoever passes it on could not tell half of it from the whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from edgegw.http.message import EMPTY, CutOffError, Header, Headers, Request, Response, has_body
from edgegw.http.target import RequestTarget
from edgegw.wire import http3_frames as frames
from edgegw.wire.answering import answer
from edgegw.wire.front import Delivery, ViewerGoneError
from edgegw.wire.http2_heads import (
    RequestHead,
    RequestHeads,
    read_trailers,
    sent_lines,
    sent_response,
)
from edgegw.wire.http3_frames import Http3Code, RequestError
from edgegw.wire.request_body import RequestBody

if TYPE_CHECKING:
    from edgegw.wire.http3 import Http3Connection

logger = logging.getLogger(__name__)

_FINAL: Final = range(200, 1000)
"""Statuses that an answer may have; those below are no answers yet."""
_SILENT: Final = "the client sent nothing for the idle timeout"
_HIGH_WATER: Final = 128 * 1024
_LOW_WATER: Final = 64 * 1024
"""Unsent bytes of an answer above which nothing more of it is read, and below which it is."""

_heads: Final = RequestHeads()


class Http3Stream:
    """One request, and where its answer goes out (`answering.Outlet`)."""

    def __init__(self, connection: Http3Connection, stream_id: int) -> None:
        self._connection = connection
        self._id = stream_id
        self._frames = frames.RequestFrames(connection.allowance)
        self._head: RequestHead | None = None
        self._path = b""
        self._trailers: tuple[Header, ...] = ()
        self._received = 0
        self._body: RequestBody | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun = self._moved = connection.loop.time()
        self._is_asked = self._is_read = self._is_answered = self._is_sent = False
        self._left: int | None = None
        """Bytes that the head of the answer promises and that are still to come."""
        self._queued = 0
        """Bytes that QUIC has for this stream, and how many of them are on their way."""
        self._sent = 0
        self._room: asyncio.Future[None] | None = None
        self.is_gone = False
        self.pump: asyncio.Task[object] | None = None
        self.splice: Callable[[Response], Awaitable[tuple[int, int]]] | None = None

    # What the client sends

    @property
    def buffered(self) -> int:
        """Bytes of the body that nobody has taken yet."""
        return self._body.buffered if self._body is not None else 0

    @property
    def is_coming(self) -> bool:
        """Whether there is more of the body to come."""
        return self._body is not None and not (self._is_read or self._body.is_complete)

    def receive(self, data: bytes, *, ended: bool) -> None:
        """More of the request. Raises Http3Error, MalformedHeadError."""
        if self._is_read:
            return
        self._is_read = ended
        parts = self._read(data)
        if ended:
            self._frames.end()
        head = self._head
        if head is None:
            return
        self._check_length(head, parts, ended=ended)
        if not self._is_asked:
            is_bodiless = head.length == 0 or (ended and not (self._received or self._trailers))
            self._body = None if is_bodiless else self._body or self._new_body(head)
        if self._body is not None:
            self._fill(self._body, parts, ended=ended)
        if not self._is_asked and (parts or ended or head.may_wait or head.length is not None):
            self._ask(head)

    def _read(self, data: bytes) -> list[bytes]:
        """Parts of the body; lines of head and trailers are noted."""
        parts: list[bytes] = []
        blocks = self._connection.blocks
        for kind, payload in self._frames.feed(data):
            if kind == frames.DATA:
                parts.append(payload)
            elif self._head is None:
                self._head, self._path = _heads.read(blocks.read(self._id, payload))
            else:
                self._trailers = read_trailers(blocks.read(self._id, payload))
        return parts

    def _check_length(self, head: RequestHead, parts: list[bytes], *, ended: bool) -> None:
        self._received += sum(map(len, parts))
        length = head.length
        if length is None:
            return
        if self._received > length or (ended and self._received < length):
            raise RequestError(Http3Code.MESSAGE_ERROR, "the body is not of content-length")

    def _new_body(self, head: RequestHead) -> RequestBody:
        connection = self._connection
        wanted = self._continue if head.expects_continue else None
        return RequestBody(connection.taken, wanted, connection.limits.idle)

    def _fill(self, body: RequestBody, parts: list[bytes], *, ended: bool) -> None:
        for part in parts:
            self._connection.held += len(part)
            body.put(part)
        if ended:
            body.end(self._trailers)

    def break_off(self, error: ViewerGoneError | None = None) -> None:
        """The client sends no more of the request, which is not complete.

        Whoever reads it learns why; where nobody does yet, the front door is asked all the same.
        """
        self._is_read = self._is_read or error is None
        if self._head is None:
            self._reset(Http3Code.REQUEST_INCOMPLETE)
            return
        if self._body is not None:
            self._body.break_off(error or ViewerGoneError())
        if not self._is_asked:
            self._ask(self._head)

    def refuse(self, fault: RequestError) -> None:
        """The request is broken, or its client is too slow or too fast."""
        logger.info("a request over HTTP/3 is refused: %s", fault)
        if fault.why == "malformed" or self._is_asked:
            self._is_asked = True
            self._reset(fault.code, str(fault))
            return
        self._is_asked = True
        connection = self._connection
        self.whole(connection.front.page(fault.why, str(fault), connection.client))

    def look(self, now: float) -> None:
        """Ends the request where its client keeps us waiting."""
        limits = self._connection.limits
        if not self._is_asked:
            if limits.head is None or now - self._begun < limits.head:
                return
            if self._head is None:
                self.refuse(RequestError(Http3Code.REQUEST_INCOMPLETE, _SILENT, "idle"))
            else:
                self.break_off(ViewerGoneError(_SILENT, "idle"))
        elif limits.idle is not None and self._is_stuck(now - limits.idle):
            self._reset(Http3Code.REQUEST_CANCELLED)

    def _is_stuck(self, since: float) -> bool:
        """Whether the client takes nothing of the answer."""
        return self._sent < self._queued and self._moved <= since

    # What is answered

    def _ask(self, head: RequestHead) -> None:
        """Asks the front door, and sends what it answers at once."""
        self._is_asked = True
        connection = self._connection
        request = Request(
            head.method,
            RequestTarget.parse(self._path),
            head.headers,
            EMPTY if self._body is None else self._body.body(head.length),
            "https",
            "3",
            connection.client,
            b"",
            connection.tls(),
        )
        front = connection.front
        try:
            accepted = front.accept(request)
        except Exception:
            logger.exception("a fault of edgegw itself, please report it")
            self.cut()
            return
        if isinstance(accepted, Response) and accepted.body.content is not None:
            self._answer_at_once(accepted, head.method)
            return
        self._task = connection.server.tasks.start(
            answer(front, accepted, request, self, self._body)
        )
        self._task.add_done_callback(self._done)

    def _answer_at_once(self, response: Response, method: str) -> None:
        delivery, body = Delivery(), self._body
        delivery.is_gone = self.is_gone
        if response.body.content and has_body(method, response.status) and not self.is_gone:
            delivery.note(response.body.content)
        try:
            self.whole(response)
        except CutOffError as error:
            delivery.cut = str(error)
            self.cut()
        if body is not None:
            delivery.received = body.received
            body.forget()
        if response.body.release is not None:
            response.body.release()
        self._connection.front.done(response, delivery)

    def _done(self, _task: asyncio.Task[None]) -> None:
        self._task = None
        self._settle()

    def _continue(self) -> None:
        if not self._queued:
            self._send(self._connection.blocks.written(self._id, [(b":status", b"100")]))

    def _opened(self, response: Response) -> bytes:
        """The head on the wire. Raises CutOffError where HTTP/3 has none for it."""
        if response.status not in _FINAL:
            raise CutOffError(f"HTTP/3 cannot carry the status {response.status}")
        lines, length = sent_response(response)
        method = self._head.method if self._head is not None else "GET"
        self._left = length if has_body(method, response.status) else 0
        return self._connection.blocks.written(self._id, lines)

    def whole(self, response: Response) -> None:
        data = self._opened(response)
        content = (response.body.content or b"")[: self._left]
        if len(content) < (self._left or 0):
            self.cut()
            return
        if content:
            data += frames.frame(frames.DATA, content)
        self._send(data, end=True)
        self._finish()

    def start(self, response: Response) -> None:
        self._send(self._opened(response))

    def write(self, chunk: bytes) -> Awaitable[None] | None:
        if self._left is not None:
            chunk = chunk[: self._left]
            self._left -= len(chunk)
        if chunk:
            self._send(frames.frame(frames.DATA, chunk))
        if self.is_gone or self._queued - self._sent <= _HIGH_WATER:
            return None
        self._room = self._connection.loop.create_future()
        return self._room

    def end(self, trailers: Headers | None) -> None:
        if self._left:  # the client must not take it for complete
            self.cut()
            return
        lines = sent_lines(trailers) if trailers is not None else []
        data = self._connection.blocks.written(self._id, lines) if lines else b""
        self._send(data, end=True)
        self._finish()

    def cut(self) -> None:
        self._reset(Http3Code.INTERNAL_ERROR)

    def _send(self, data: bytes, *, end: bool = False) -> None:
        if self._is_answered or self.is_gone:
            return
        if self._sent == self._queued:
            self._moved = self._connection.loop.time()
        self._queued += len(data)
        self._connection.send(self._id, data, end=end)

    def note_sent(self, offset: int, *, is_last: bool) -> None:
        """The answer is on its way up to `offset`."""
        self._sent = max(self._sent, offset)
        self._moved = self._connection.loop.time()
        if self._queued - self._sent <= _LOW_WATER:
            self._wake()
        if is_last:
            self._is_sent = True
            self._settle()

    def note_all_sent(self) -> None:
        """All of the answer that there is may be on its way; more is not known."""
        self.note_sent(self._queued, is_last=self._is_answered)

    def _wake(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # The end

    def _reset(self, code: Http3Code, detail: str = "") -> None:
        """There will be no more of the answer, nor is more of the request taken."""
        if not self._is_answered and self._connection.is_open:
            self._connection.quic.reset_stream(self._id, code)
            self._connection.flush()
        self._let_go(code, detail)

    def lose(self) -> None:
        """The client takes no more of the answer."""
        self.is_gone = True
        if self._head is not None and not self._is_asked:
            self._ask(self._head)
        self._let_go(Http3Code.NO_ERROR)

    def _let_go(self, code: Http3Code, detail: str = "") -> None:
        self.is_gone = self._is_sent = True
        if self._body is not None and not self._body.is_complete:
            self._body.break_off(ViewerGoneError(detail) if detail else ViewerGoneError())
            self._body.forget()
        self._wake()
        if self.pump is not None:
            self.pump.cancel()
        self._finish(code)

    def _finish(self, code: Http3Code = Http3Code.NO_ERROR) -> None:
        """The answer is complete, or there will be no more of it: nothing more is read."""
        self._is_answered = True
        if not self._is_read and self._connection.is_open:
            self._connection.quic.stop_stream(self._id, code)
            self._connection.flush()
        self._is_read = True
        self._settle()

    def _settle(self) -> None:
        if self._is_answered and self._is_sent and self._task is None:
            self._connection.drop(self._id)
