"""A client's connection that speaks HTTP/3: its streams, and how long it may stay.

Races that shaped it:

- Packets overtake each other, so requests may begin in any order, and data may come for one that
  is over: `_next` and `_skipped` tell it from one that begins.
- A stream lives until its answer is on its way in full and nobody works on it any more. Those that
  a client gives up count among those that may be open until what they began has ended: opening and
  giving up in turn gets it no more than its share.
- QUIC throws away what it has not sent when a connection is closed, and what got lost cannot be
  sent again. So before it leaves, the client has to answer a PING behind which nothing was sent.
- A client need not say anything while it waits, but QUIC ends connections on which nothing is
  said: while a request is under way, a PING makes the client say something every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from aioquic.quic import events

from edgegw.http.message import Client, NegotiatedTls
from edgegw.wire import http3_frames as frames
from edgegw.wire.connection import new_client
from edgegw.wire.frame_allowance import EARNED, FrameAllowance
from edgegw.wire.front import Handshake
from edgegw.wire.http2_heads import MalformedHeadError
from edgegw.wire.http3_frames import Http3Code, Http3Error, RequestError
from edgegw.wire.http3_stream import Http3Stream

if TYPE_CHECKING:
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.quic.connection import QuicConnection

    from edgegw.wire.http3 import Http3Server
    from edgegw.wire.sent_frames import SentFrames

logger = logging.getLogger(__name__)

MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes of request bodies that one connection may have here with nobody taking them."""
_BEAT: Final = 15.0
"""Seconds between two looks at a busy connection; each sends a PING, so that it stays open."""
_AWAKE, _LEAVING = range(2)
"""What a PING is for."""
_ARRIVING: Final = 2.0
"""Seconds that an answer on its way may take, with what gets lost of it."""


class Http3Connection:
    """One client, its streams, and how long it may stay."""

    def __init__(
        self,
        server: Http3Server,
        end: QuicConnectionProtocol,
        quic: QuicConnection,
        sent: SentFrames,
    ) -> None:
        self.server = server
        self.front = server.front
        self.limits = server.front.limits()
        self.loop = asyncio.get_running_loop()
        self.quic = quic
        self.blocks = frames.HeaderBlocks()
        self.allowance = FrameAllowance(self.loop.time)
        self.client = Client("", 0)
        self.held = 0
        self.is_open = self.is_leaving = self._is_lost = False
        self._end = end
        self._sent = sent
        self.streams: dict[int, Http3Stream] = {}
        sent.streams = self.streams
        self._ways = frames.ClientStreams(self.blocks, self.allowance)
        self._next = 0
        """The first id that no request had yet; of those below it `_skipped` had none either."""
        self._skipped: set[int] = set()
        self._requests = 0
        self._control = 0
        self._tls = NegotiatedTls("TLSv1.3", "", "full")
        self._since = self.loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._is_flushing = False
        self._settled = asyncio.Event()
        self._settled.set()
        self._settled_at = self._since
        self._pong: asyncio.Future[None] | None = None

    def seen_at(self, address: Sequence[Any]) -> None:
        """Its datagrams come from there; where it moves to later is not told."""
        if not self.client.connection:
            self.client = new_client((address[0], address[1]))

    # What QUIC says

    def on_event(self, event: events.QuicEvent) -> None:
        """Something has come. Raises Http3Error where the connection cannot go on."""
        match event:
            case events.StreamDataReceived():
                self._on_data(event.stream_id, event.data, ended=event.end_stream)
            case events.StreamReset():
                self._on_reset(event.stream_id)
            case events.StopSendingReceived():
                if event.stream_id in self.streams:
                    self.streams[event.stream_id].lose()
                elif event.stream_id == self._control:
                    detail = "the control stream is not wanted"
                    raise Http3Error(Http3Code.CLOSED_CRITICAL_STREAM, detail)
            case events.HandshakeCompleted():
                self._begin(is_resumed=event.session_resumed)
            case events.PingAcknowledged():
                if event.uid == _LEAVING:
                    self._pinged()
            case events.ConnectionTerminated():
                self._lost(event.reason_phrase)
            case _:
                pass

    def _begin(self, *, is_resumed: bool) -> None:
        schedule = self.quic.tls.key_schedule
        cipher = f"TLS_{schedule.cipher_suite.name}" if schedule is not None else ""
        self._tls = NegotiatedTls("TLSv1.3", cipher, "resumed" if is_resumed else "full")
        latency = self.loop.time() - self._since
        self.front.connected(self.client, Handshake(self._tls, latency))
        self.is_open = True
        self._control = self.quic.get_next_available_stream_id(is_unidirectional=True)
        self.quic.send_stream_data(self._control, frames.opening())
        if self.server.is_stopping:
            self.close(Http3Code.NO_ERROR, "the server stops")
        else:
            self._look_in(self.limits.keep_alive)

    def tls(self) -> NegotiatedTls:
        """How TLS was agreed on, for the next request."""
        tls, self._tls = self._tls, self._tls._replace(negotiation="reused")
        return tls

    def _lost(self, reason: str) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self.server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if not self.is_open:
            failure = Handshake(None, self.loop.time() - self._since, ssl.SSLError(reason))
            self.front.connected(self.client, failure)
        self.is_open, self.is_leaving = False, True
        self._pinged()
        for stream in list(self.streams.values()):
            stream.lose()

    def _on_data(self, stream_id: int, data: bytes, *, ended: bool) -> None:
        if stream_id % 4:  # not of a request
            self._ways.receive(stream_id, data, ended=ended)
            return
        stream = self.streams.get(stream_id) or self._new_stream(stream_id, ended=ended)
        if stream is None:
            return
        try:
            stream.receive(data, ended=ended)
        except RequestError as fault:
            stream.refuse(fault)
        except MalformedHeadError as error:
            stream.refuse(RequestError(Http3Code.MESSAGE_ERROR, str(error)))
        if self.held > MOST_HELD:
            self._relieve()

    def _new_stream(self, stream_id: int, *, ended: bool) -> Http3Stream | None:
        if not self._is_new(stream_id):
            return None
        limits = self.limits
        if self.is_leaving or len(self.streams) >= limits.streams:
            self.quic.reset_stream(stream_id, Http3Code.REQUEST_REJECTED)
            if not ended:
                self.quic.stop_stream(stream_id, Http3Code.REQUEST_REJECTED)
            return None
        self._requests += 1
        if not self.streams:
            self._settled.clear()
            self._look_in(self._beat())
        stream = self.streams[stream_id] = Http3Stream(self, stream_id)
        if self._requests == limits.requests or self._is_old():
            self.go_away()
        return stream

    def _is_new(self, stream_id: int) -> bool:
        """Whether a request begins, and is not over already; they may begin in any order."""
        if stream_id >= self._next:
            self._skipped.update(range(self._next, stream_id, 4))
            self._next = stream_id + 4
            return True
        if stream_id in self._skipped:
            self._skipped.discard(stream_id)
            return True
        return False

    def _on_reset(self, stream_id: int) -> None:
        if stream_id % 4:
            self._ways.end(stream_id)
        elif stream_id in self.streams:
            self.streams[stream_id].break_off()
        elif self._is_new(stream_id):
            self.quic.reset_stream(stream_id, Http3Code.REQUEST_INCOMPLETE)

    # What streams say

    def taken(self, count: int) -> None:
        """So many bytes of a request body were taken."""
        self.held -= count

    def send(self, stream_id: int, data: bytes, *, end: bool) -> None:
        self.allowance.earn(EARNED)
        self.quic.send_stream_data(stream_id, data, end)
        self.flush()

    def flush(self) -> None:
        """What was said goes out at the end of this round of the loop."""
        if not self._is_flushing:
            self._is_flushing = True
            self.loop.call_soon(self._transmit)

    def _transmit(self) -> None:
        self._is_flushing = False
        self._end.transmit()
        if not self._sent.count:  # a log that tells nothing must not keep anybody waiting
            for stream in list(self.streams.values()):
                stream.note_all_sent()

    def drop(self, stream_id: int) -> None:
        """A stream is over."""
        if self.streams.pop(stream_id, None) is not None and not self.streams:
            self._settled.set()
            self._settled_at = self.loop.time()
            if self.is_open and self.is_leaving and not self.server.is_stopping:
                self.server.tasks.start(self.leave())
            elif self.is_open:
                self._look_in(self.limits.keep_alive)

    def _relieve(self) -> None:
        """Ends the upload of which most is held."""
        uploads = [stream for stream in self.streams.values() if stream.is_coming]
        largest = max(uploads, key=lambda stream: stream.buffered, default=None)
        if largest is not None:
            detail = f"{self.held} bytes of uploads that nobody takes"
            logger.warning("an upload over HTTP/3 is ended: %s", detail)
            largest.refuse(RequestError(Http3Code.EXCESSIVE_LOAD, detail))

    # Time

    def _beat(self) -> float:
        limits = self.limits
        return min([_BEAT, *(some / 2 for some in (limits.head, limits.idle) if some)])

    def _is_old(self) -> bool:
        age = self.limits.age
        return age is not None and self.loop.time() - self._since >= age

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Ends what keeps us waiting, and a connection at rest."""
        if not self.streams:
            self.close(Http3Code.NO_ERROR, "nothing was asked for a while")
            return
        now = self.loop.time()
        for stream in list(self.streams.values()):
            stream.look(now)
        if self._is_old():
            self.go_away()
        if self.streams:
            self.quic.send_ping(_AWAKE)
            self._look_in(self._beat())
        self.flush()

    # The end

    def go_away(self) -> None:
        """Tells the client that no further request is taken."""
        if self.is_open and not self.is_leaving:
            self.is_leaving = True
            last = frames.frame(frames.GOAWAY, frames.integer(self._next))
            self.send(self._control, last, end=False)

    async def leave(self) -> None:
        """Takes no more requests, and closes when all answers have arrived."""
        self.go_away()
        await self._settled.wait()
        sent = -1 if self.loop.time() - self._settled_at < _ARRIVING else self._sent.count
        while self.is_open and sent != self._sent.count:  # what gets lost is sent again first
            sent = self._sent.count
            await self._round_trip()
        self.close(Http3Code.NO_ERROR, "nothing more is taken")

    async def _round_trip(self) -> None:
        """Returns when the client has answered, or is gone."""
        if self._pong is None:
            self._pong = self.loop.create_future()
            self.quic.send_ping(_LEAVING)
            self.flush()
        await asyncio.wait([self._pong])

    def _pinged(self) -> None:
        pong, self._pong = self._pong, None
        if pong is not None:
            pong.set_result(None)

    def close(self, code: Http3Code, detail: str) -> None:
        """Ends at once."""
        try:
            self._end.transmit()
            self._end.close(code, detail)
        except Exception:
            logger.warning("a connection over HTTP/3 cannot be closed", exc_info=True)
        self._lost(detail)
