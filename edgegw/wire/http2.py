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
from collections.abc import Callable
from functools import partial
from typing import Final

from edgegw.http.message import Client, Header, NegotiatedTls
from edgegw.wire.connection import Connection
from edgegw.wire.front import Front
from edgegw.wire.http2_frames import Http2Code
from edgegw.wire.http2_heads import MalformedHeadError, RequestHeads
from edgegw.wire.http2_outlet import StreamOutlet
from edgegw.wire.http2_states import Goodbye
from edgegw.wire.http2_streams import Http2Connection

_WINDOW: Final = 256 * 1024
"""Bytes of a request that a client may send before anybody takes them."""

_heads: Final = RequestHeads()


class Http2(Http2Connection[StreamOutlet]):
    """One connection behind TLS; `tls` tells of the handshake for each request.

    It is one of `connections` for as long as it is open.
    """

    def __init__(
        self,
        front: Front,
        connections: set[Connection],
        client: Client,
        tls: Callable[[], NegotiatedTls | None],
        raw: asyncio.Transport | None = None,
    ) -> None:
        self.front = front
        self.client = client
        self.tls = tls
        self.limits = limits = front.limits()
        super().__init__(is_client=False, window=_WINDOW, streams=limits.streams)
        self.raw = raw
        self._connections = connections
        self._begun = self._unanswered = self._answers_to = 0
        self._began = self._rests_since = self.loop.time()
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
            self.put_reset(number, Http2Code.REFUSED_STREAM)
            self.reader.spend()
            return
        try:
            head, path = _heads.read(lines)
            if ends and head.length:
                raise MalformedHeadError("the promised body is missing")
        except MalformedHeadError as error:
            if error.is_fatal:
                raise
            self.put_reset(number, Http2Code.PROTOCOL_ERROR)
            self.reader.spend()
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
            limits.age is not None and self.loop.time() - self._began >= limits.age
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
                partial(self.fail, "a head that has no end", Http2Code.ENHANCE_YOUR_CALM),
            )
