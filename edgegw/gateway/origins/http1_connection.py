"""One HTTP/1.1 connection to an origin: a request at a time, and what comes back.

`ask` sends a request and answers with a future: it is done once the head of the answer is there.
The response in it is whole where everything came with the head; else an `AnswerBody` reads on.
Either way the exchange ends with `release` (the connection rests in its pool, if it may be used
again) or `abandon` (it is closed).

    resting ──ask──▶ waits for a head ──▶ whole, or a body is read on ──release──▶ resting
       │                  │   └── 101: whoever takes the connection over            │
       └── bytes: closed  └── time is up, broken: the future fails, closed          └── or closed

**An answer may overtake its request.** An origin may answer (413, a redirect) while the body is
still on its way. Behind the head of an answer the upload matters to nobody: it goes on, its failure
is nobody's failure, but a connection whose request is not complete is never used again. Before the
head, what the upload raises is what the request failed with.

**More than was asked for.** Bytes on a resting connection, or behind a complete answer, belong to
no request. Given to the next one, they would be another viewer's answer: the connection is closed.

**Backpressure.** Above 256 KiB that nobody took, the socket is not read; below 64 KiB it is again.
A slow viewer so slows the origin, and costs no memory.

Time-outs cost one timer for many requests: what is waited for has a deadline, and a timer that
rings before it looks again. Only a deadline earlier than the timer sets another one. The origin's
time begins when it has the request: with an upload, at the upload's end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol, cast

from edgegw.gateway.origins.acknowledging import acknowledge, socket_of
from edgegw.gateway.origins.response_head import ResponseHead
from edgegw.gateway.origins.response_reader import ResponseReader
from edgegw.gateway.origins.silence import PATIENCE
from edgegw.gateway.origins.transport import Address, SendError, Timeouts, cut_off
from edgegw.http.message import EMPTY, Body, Response, Upgraded

_HIGH_WATER: Final = 256 * 1024
"""Buffered response bytes above which the origin's socket is not read."""

_LOW_WATER: Final = 64 * 1024


class Owner(Protocol):
    """Where connections rest between requests. `at` is where they lead.

    `on_silent` hears of an origin that has not answered for `PATIENCE` seconds, with its time-out.
    """

    at: Address
    on_silent: Callable[[Address, float], None] | None

    def put(self, connection: Http1Connection, keep_for: float) -> None:
        """Takes a connection that may be used again within `keep_for` seconds."""
        ...

    def forget(self, connection: Http1Connection) -> None:
        """A connection is gone."""
        ...


class Http1Connection(asyncio.Protocol):
    """A connection of `owner`.

    `transport`, `rest` (bytes that came behind a 101) and `close` are for whoever takes the
    connection over once it has switched protocols.
    """

    __slots__ = (
        "_answer",
        "_deadline",
        "_drained",
        "_is_paused",
        "_loop",
        "_more",
        "_owner",
        "_socket",
        "_timeouts",
        "_timer",
        "_upload",
        "_upload_failed",
        "idle_until",
        "is_closed",
        "reader",
        "rest",
        "transport",
        "was_used",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_closed = False
        self.was_used = False
        self.idle_until = 0.0
        self.rest = b""
        self.reader = ResponseReader()
        self._loop = loop
        self._owner = owner
        self._socket: socket.socket | None = None
        self._timeouts = Timeouts(0, 0, 0)
        self._answer: asyncio.Future[Response] | None = None
        self._more: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._upload: asyncio.Task[None] | None = None
        self._upload_failed = False
        self._is_paused = False
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._socket = socket_of(transport)

    def data_received(self, data: bytes) -> None:
        reader = self.reader
        if reader.state == "idle":  # bytes that nobody asked for
            self.close()
            return
        reader.feed(data)
        if reader.state != "done" and self._socket is not None:
            acknowledge(self._socket)
        if reader.buffered > _HIGH_WATER and not self._is_paused and self.transport is not None:
            self._is_paused = True
            self.transport.pause_reading()
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reader.end(is_clean=exc is None and not self.is_closed)
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._owner.forget(self)
        self._tell()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # One exchange

    def ask(
        self, method: str, data: bytes, timeouts: Timeouts, *, switch: bool = False
    ) -> asyncio.Future[Response]:
        """Sends `data`, a request or its head; answers with the response to come.

        The future fails with SendError, or with what a body that follows raised.
        """
        self.reader.expect(method, switch=switch)
        self._timeouts = timeouts
        self._upload_failed = False
        self._answer = answer = self._loop.create_future()
        if self.transport is not None:
            self.transport.write(data)
        self._watch()
        return answer

    def follow(self, upload: asyncio.Task[None]) -> None:
        """The body is sent by `upload`: the origin's time begins at its end."""
        self._upload = upload
        self._deadline = None
        upload.add_done_callback(self._uploaded)

    def _uploaded(self, upload: asyncio.Task[None]) -> None:
        """Behind the head of an answer the rest of the request matters to nobody any more."""
        failure = None if upload.cancelled() else upload.exception()
        if upload is not self._upload:
            return
        self._upload = None
        if failure is None:
            if self.reader.head is None:
                self._watch()
            return
        self._upload_failed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)

    def release(self) -> None:
        """The answer was taken: the connection may carry another request, if it can."""
        if (
            self.is_closed
            or self._upload is not None
            or self._upload_failed
            or not self.reader.is_reusable
        ):
            self.abandon()
            return
        self._deadline = None
        self.reader.idle()
        if self._is_paused:
            self._resume()
        self.was_used = True
        self._owner.put(self, self._timeouts.keep_alive)

    def abandon(self) -> None:
        """The exchange ends here, wherever it stands, and the connection with it."""
        self._answer = self._deadline = None
        if self._upload is not None:
            upload, self._upload = self._upload, None
            upload.cancel()
        self.close()

    def close(self) -> None:
        """Ends the connection now; whoever waits for an answer is told so."""
        if self.transport is not None and not self.is_closed:
            self.is_closed = True
            self.transport.abort()

    # The request's way out

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    async def drain(self) -> None:
        """Waits until the origin takes more. Raises SendError."""
        if self._drained is None:
            return
        try:
            async with asyncio.timeout(self._timeouts.write):
                await self._drained
        except TimeoutError:
            text = "did not answer in time: it does not read the request body"
            raise SendError("timeout", text) from None

    # The answer's way in

    def _tell(self) -> None:
        """Passes what is new to whoever waits for it."""
        answer, reader = self._answer, self.reader
        if answer is not None:
            if reader.head is not None:
                self._answer = self._deadline = None
                if not answer.done():
                    answer.set_result(self._response(reader.head))
            elif reader.failure is not None and not answer.done():
                answer.set_exception(reader.failure)
        elif self._more is not None and not self._more.done():
            self._more.set_result(None)
        if reader.state == "broken":
            self.close()
        elif reader.state == "switched":
            self.rest = reader.rest

    def _response(self, head: ResponseHead) -> Response:
        content = self.reader.whole
        if content is not None:
            body = Body(content, None, len(content)) if content else EMPTY
            return Response(head.status, head.reason, head.headers, body)
        if self.reader.state == "switched":
            if self.transport is not None:
                self.transport.pause_reading()
            upgraded = Upgraded(self)
            body = replace(EMPTY, release=self.abandon)  # the viewer may have left meanwhile
            return Response(head.status, head.reason, head.headers, body, upgraded)
        rest = AnswerBody(self)
        length = head.framing if isinstance(head.framing, int) else None
        body = Body(None, rest, length, rest.release)
        return Response(head.status, head.reason, head.headers, body)

    def take(self) -> bytes:
        """The next part of the body; the origin is read on when enough has been taken."""
        part = self.reader.take()
        if self._is_paused and self.reader.buffered < _LOW_WATER:
            self._resume()
        return part

    def _resume(self) -> None:
        self._is_paused = False
        if self.transport is not None and not self.is_closed:
            self.transport.resume_reading()

    async def more(self) -> None:
        """Waits for news of the body. Raises SendError when there is none in time."""
        self._more = self._loop.create_future()
        self._watch()
        try:
            await self._more
        finally:
            self._more = self._deadline = None

    # The origin's time

    def _watch(self) -> None:
        """It is the origin's turn from now on."""
        if self.is_closed:
            return
        read = self._timeouts.read
        self._deadline = deadline = self._loop.time() + read
        timer = self._timer
        if timer is not None and timer.when() > deadline:
            timer.cancel()
            timer = None
        if timer is None:
            self._timer = self._loop.call_at(min(deadline, deadline - read + PATIENCE), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        now, patient_until = self._loop.time(), self._deadline - self._timeouts.read + PATIENCE
        if now < self._deadline:
            if now >= patient_until:
                self._tell_silence()
                patient_until = self._deadline
            self._timer = self._loop.call_at(min(self._deadline, patient_until), self._ring)
            return
        for waiter in (self._answer, self._more):
            if waiter is not None and not waiter.done():
                waiter.set_exception(SendError("timeout", "did not answer in time"))

    def _tell_silence(self) -> None:
        """An answer of which nothing has come for a while: a page that hangs says nothing else."""
        if self._answer is not None and self._owner.on_silent is not None:
            self._owner.on_silent(self._owner.at, self._timeouts.read)


class AnswerBody:
    """The rest of a response body, as it comes; read once. Once it is over it holds nothing."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Http1Connection) -> None:
        self._connection: Http1Connection | None = connection

    def __aiter__(self) -> AnswerBody:
        return self

    async def __anext__(self) -> bytes:
        """The next part. Raises CutOffError when the answer has no end."""
        try:
            while (connection := self._connection) is not None:
                reader = connection.reader
                if reader.parts:
                    part = connection.take()
                    if reader.state == "done" and not reader.parts:
                        self.release()
                    return part
                if reader.state == "done":
                    break
                if reader.failure is not None:
                    raise reader.failure
                await connection.more()
        except SendError as error:
            self.release()
            raise cut_off(error) from error
        except BaseException:
            self.release()
            raise
        self.release()
        raise StopAsyncIteration

    def release(self) -> None:
        """Nobody reads on: the connection may be used again if the answer is complete."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()
