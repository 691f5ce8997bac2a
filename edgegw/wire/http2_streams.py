"""Who waits for whom on a connection of HTTP/2, on either side of it.

The engine knows the rules, and nothing of sockets or time. Here it is fed, what it gathered is
sent, and everything that waits is kept:

**Out.** A stream hands over a part of its body and gets an awaitable back while it must not make
the next one. Three things close the way: the stream's window, the connection's window, and the
transport when it has more than its high-water mark. So per stream at most one part waits (`out`),
behind the transport's mark nothing does, and whoever reads from an origin stops reading. When a
window opens or the transport runs dry, those that wait take turns, a frame each: a large answer
holds up no small one. What is never taken ends the stream after its `patience`.

**In.** Bytes are acknowledged when somebody took them, so a peer sends ahead no more than a
stream's window. The connection's window is all streams' windows together: an upload that nobody
takes, or an answer whose viewer is slow, holds up nothing else.

**One write.** While bytes are fed, answers only gather; they leave in one piece behind the last
frame. What a task says leaves at the end of the loop's turn.

**The end of a stream** comes when both sides have said all, when either resets it, or with its
connection. Then it leaves `streams`, what it still had to send is dropped, and whoever waited on
it goes on and sees `is_gone`. Nothing of it stays.

**The end of a connection.** A GOAWAY says up to which stream its sender takes care; what is below
is finished in both directions. What comes before an error counts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any, Final, TypeVar, cast

from edgegw.http.message import Header
from edgegw.wire.closing import close_behind
from edgegw.wire.http2_engine import Http2Engine
from edgegw.wire.http2_frames import FrameError, Http2Code
from edgegw.wire.http2_heads import MalformedHeadError
from edgegw.wire.http2_states import StreamState

_HIGH_WATER: Final = 128 * 1024
"""Bytes that may wait in a transport before its streams do."""
_GATHERED: Final = 64 * 1024
"""Bytes that are gathered before they are handed to the transport."""


class Http2Stream(StreamState):
    """One request and its answer: what this side sends on it.

    `patience` are the seconds that the peer may take nothing while something waits to be sent.
    `out` is what waits of the body; with `ends` nothing follows it but the `trailers`.
    """

    __slots__ = (
        "_moved_at",
        "_room",
        "_timer",
        "connection",
        "ends",
        "is_gone",
        "out",
        "patience",
        "trailers",
    )

    def __init__(self, connection: Http2Connection[Any], number: int) -> None:
        super().__init__(number)
        self.connection = connection
        self.patience: float | None = None
        self.out: deque[memoryview] = deque()
        self.trailers: list[Header] | None = None
        self.ends = self.is_gone = False
        self._room: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._moved_at = 0.0

    # What this side sends

    def send_head(self, lines: list[Header], *, ends: bool = False) -> None:
        """A header block: it waits for nothing."""
        if not self.is_gone:
            self.connection.send_head(self, lines, ends=ends)

    def send(self, data: bytes) -> Awaitable[None] | None:
        """A part of the body; what is answered is to be awaited before the next one."""
        if self.is_gone:
            return asyncio.sleep(0)  # whoever sends on and on lets others run, and be told
        if not data:
            return None
        connection = self.connection
        self.out.append(memoryview(data))
        connection.send_waiting(self)
        if not self.out and not connection.is_full:
            return None
        connection.let_wait(self)
        room = self._room = connection.loop.create_future()
        self._be_patient()
        return room

    def finish(self, data: bytes = b"", trailers: list[Header] | None = None) -> None:
        """The last part of the body; it goes out as the peer takes it."""
        if self.is_gone:
            return
        if data:
            self.out.append(memoryview(data))
        self.ends = True
        self.trailers = trailers or None
        self.connection.send_waiting(self)
        if not self.is_sent:
            self._be_patient()

    def reset(self, code: int) -> None:
        """There is no more of the stream, in either direction."""
        self.connection.reset(self, code)

    # What the connection asks of it

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be sent."""
        return bool(self.out) or (self.ends and not self.is_sent)

    def moved(self) -> None:
        """The peer takes what is sent."""
        if self._timer is not None:
            self._moved_at = self.connection.loop.time()

    def wake(self) -> None:
        """There is room again, or nobody to send to."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def let_go(self) -> None:
        """Nothing more happens on the stream: it holds nothing any longer."""
        self.is_gone = True
        self.out.clear()
        self.trailers = None
        self.wake()
        self.ended()

    # What happens to it

    def lost_patience(self) -> None:
        """The peer has taken nothing for too long."""
        raise NotImplementedError

    def abandon(self) -> None:
        """This side has no use for the stream any longer."""

    def ended(self) -> None:
        """This side has said all, or nothing more happens on the stream; may be called twice."""

    def _be_patient(self) -> None:
        if self.patience is not None and self._timer is None:
            loop = self.connection.loop
            self._moved_at = loop.time()
            self._timer = loop.call_later(self.patience, self._look)

    def _look(self) -> None:
        self._timer = None
        loop = self.connection.loop
        due = self._moved_at + (self.patience or 0.0)
        if due <= loop.time():
            self.lost_patience()
        else:
            self._timer = loop.call_at(due, self._look)


Stream = TypeVar("Stream", bound=Http2Stream)


class Http2Connection(Http2Engine[Stream], asyncio.Protocol):
    """One connection, whichever side this is. `streams` are those that have not ended.

    One that `is_leaving` begins no more of them; one that `is_full` has more to send than its
    transport wants; one that `is_over` neither sends nor takes anything. `raw` is what TLS is on,
    where it is known.
    """

    def __init__(self, *, is_client: bool, window: int, streams: int | None) -> None:
        self.loop = asyncio.get_running_loop()
        super().__init__(self.loop.time, is_client=is_client, window=window, streams=streams)
        self.is_full = self.is_over = self.is_leaving = False
        self._waiting: dict[int, Stream] = {}
        self._transport: asyncio.Transport | None = None
        self.raw: asyncio.Transport | None = None
        self._unflushed = 0
        self._is_feeding = self._is_scheduled = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_HIGH_WATER)
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.is_over:
            return
        self._is_feeding = True
        try:
            self.take(data)
            if self.opened:
                opened = self.opened.copy()
                self.opened.clear()
                self._take_turns(None if 0 in opened else opened)
        except FrameError as error:
            self.fail(str(error), error.code)
        except MalformedHeadError as error:
            self.fail(str(error), Http2Code.PROTOCOL_ERROR)
        finally:
            self._is_feeding = False
        if self.gathered:
            self.flush()

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        if not self.is_over:
            self._take_turns(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end("closed the connection")

    # What streams ask for

    def send_head(self, stream: Stream, lines: list[Header], *, ends: bool) -> None:
        self.put_head(stream.number, lines, ends=ends)
        self._touch()
        if ends:
            self._sent(stream)

    def send_waiting(self, stream: Stream) -> None:
        """Sends what waits on `stream`, as far as windows and transport allow."""
        while stream.is_waiting:
            if self.is_full or not self._send_frame(stream):
                self._waiting[stream.number] = stream
                return

    def let_wait(self, stream: Stream) -> None:
        """Wakes `stream` once there is room for more."""
        self._waiting[stream.number] = stream

    def taken(self, stream: Stream, count: int) -> None:
        """So many bytes of a body were taken."""
        if count and not self.is_over:
            self.acknowledge(stream, count)
            if self.gathered:
                self._touch()

    def reset(self, stream: Stream, code: int) -> None:
        """Ends `stream` in both directions, if it has not ended."""
        if self.streams.get(stream.number) is stream and not self.is_over:
            self.put_reset(stream.number, code)
            self._leave(stream)
            self._touch()

    # Sending

    def _take_turns(self, opened: set[int] | None) -> None:
        """Lets those that wait send a frame each, until all is sent or the way is closed.

        Only the windows of the streams `opened` have changed; None for any.
        """
        waiting = self._waiting
        turn = [number for number in waiting if opened is None or number in opened]
        while turn:
            again: list[int] = []
            for number in turn:
                if self.is_full:
                    return
                stream = waiting.get(number)
                if stream is None:
                    continue
                if stream.is_waiting and self._send_frame(stream):
                    waiting[number] = waiting.pop(number, stream)  # behind all others
                    again.append(number)
                if not stream.is_waiting and not self.is_full:
                    waiting.pop(number, None)
                    stream.wake()
            turn = again

    def _send_frame(self, stream: Stream) -> bool:
        """Sends one frame of what waits on `stream`; False where its windows are closed."""
        out, ends = stream.out, stream.ends
        if out:
            room = min(stream.send_window, self.send_window, self.frame_size)
            if room <= 0:
                return False
            data = out[0]
            if len(data) > room:
                data, out[0] = data[:room], data[room:]
            else:
                out.popleft()
            ends = ends and not out and stream.trailers is None
            self.put_data(stream, data, ends=ends)
            self._unflushed += len(data)
            stream.moved()
        elif stream.trailers is not None:
            self.put_head(stream.number, stream.trailers, ends=True)
        else:
            self.put_data(stream, b"", ends=True)
        if self._unflushed >= _GATHERED:
            self.flush()
        else:
            self._touch()
        if ends:
            self._sent(stream)
        return True

    def _sent(self, stream: Stream) -> None:
        stream.is_sent = True
        self._waiting.pop(stream.number, None)
        stream.wake()
        stream.ended()
        self.leave_if_done(stream)

    def _touch(self) -> None:
        """Something waits to be flushed."""
        if not self._is_feeding and not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hands to the transport what was gathered."""
        self._is_scheduled = False
        self._unflushed = 0
        gathered, self.gathered = self.gathered, []
        if gathered and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(gathered))

    # Ends

    def stream_left(self, stream: Stream) -> None:
        self._waiting.pop(stream.number, None)
        stream.let_go()

    def say_goodbye(self, last: int, code: int = Http2Code.NO_ERROR) -> None:
        """Takes care of the streams up to `last`, and of no other."""
        self.is_leaving = True
        self.put_goodbye(last, code)
        self._touch()

    def fail(self, text: str, code: int) -> None:
        """Ends the connection over what its peer sent."""
        self.say_goodbye(self.last, code)
        self.close(text)

    def close(self, text: str = "closed the connection") -> None:
        """Ends the connection behind what is sent already."""
        if self._transport is not None and not self.is_over:
            self.flush()
            close_behind(self._transport, self.raw)
        self.end(text)

    def end(self, text: str) -> None:
        """Nothing more comes or goes."""
        self.is_over = True
        for stream in list(self.streams.values()):
            self.drop(stream, text)
