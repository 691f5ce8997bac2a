"""A client's connection that speaks HTTP/1: requests are read, answered in order, and waited for.

What the bytes say is `Http1Reader`'s, how an answer is framed `http1_writer`'s; here is the life
between. One request is under way at a time (`_outlet`); what a client sends ahead (a pipeline)
waits in `_queue`, and nothing more is read meanwhile. An answer that the front door has at once is
written within the very call that brought the request: no task, no future.

Races that shaped it:

- A client may err and still be sending: closing at once would reset the connection and take the
  answer from it, so the sending side is closed first (`close_gently`). Over TLS nothing is closed
  before the answer has left (`closing`).
- An answer may be complete before its request is: the rest of the body is thrown away as it comes,
  and only then the next head can follow. If that body breaks off, there is nobody to tell.
- A request may break off while it is answered: before the answer's head whoever reads the body is
  told and answers, behind it the connection is cut.
- A client that waits for 100 Continue and gets the final answer instead may send its body or not;
  nobody could tell its bytes from a request, so the connection closes.

Time: one timer per connection, which is never moved but looks again when it rings. How long a
client may keep the connection waiting, and for what, is `http1_patience`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, cast

from edgegw.http.limits import Trouble
from edgegw.http.message import EMPTY, Client, NegotiatedTls, Request, Response, has_body
from edgegw.http.target import RequestTarget
from edgegw.wire import http1_writer
from edgegw.wire.answering import answer
from edgegw.wire.closing import close_gently, unsent
from edgegw.wire.connection import Connection, new_client
from edgegw.wire.front import Delivery, Front, ViewerGoneError
from edgegw.wire.http1_events import End, Head, Part, Raw, ReaderEvent, Unreadable
from edgegw.wire.http1_outlet import Http1Outlet
from edgegw.wire.http1_patience import Patience
from edgegw.wire.http1_reader import Http1Reader
from edgegw.wire.request_body import RequestBody
from edgegw.wire.tunnel import Tunnel, TunnelEnd

_AHEAD: Final = 32
"""Requests in a pipeline from which on the client is not read: then nobody sees it leave."""
_HIGH_WATER: Final = 256 * 1024
_LOW_WATER: Final = 64 * 1024
"""Bytes of a request body kept unread above which the client is not read, and below which it is."""


def no_tls() -> NegotiatedTls | None:
    """What is told of TLS on a connection without."""
    return None


class Http1(asyncio.Protocol):
    """One connection. Behind TLS, which is on `raw`, its `client` is known.

    `tls` tells of it for each request.
    """

    def __init__(
        self,
        front: Front,
        connections: set[Connection],
        client: Client | None = None,
        tls: Callable[[], NegotiatedTls | None] = no_tls,
        raw: asyncio.Transport | None = None,
    ) -> None:
        self.front = front
        self.loop = asyncio.get_running_loop()
        self.tls = tls
        self.client = client or Client()
        self._raw = raw
        self._is_announced = client is not None
        self._scheme = "http" if client is None else "https"
        self._limits = limits = front.limits()
        self._connections = connections
        self._reader = Http1Reader(limits)
        self._queue: deque[tuple[Head, RequestBody | None] | Unreadable | None] = deque()
        self._body: RequestBody | None = None
        self._outlet: Http1Outlet | None = None
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._is_paused = self._is_stopping = self._is_ending = self.is_lost = False
        self._tunnel: Tunnel | None = None
        self._early: list[bytes] = []
        self._began = self.loop.time()
        self._patience = Patience(limits, self._began)
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        if not self._is_announced:
            self.client = new_client(transport.get_extra_info("peername") or ("", 0))
            self.front.connected(self.client, None)
        self._look_at(self._began + self._limits.keep_alive)

    def data_received(self, data: bytes) -> None:
        patience = self._patience
        events = self._reader.feed(data)
        if events or not self._reader.is_idle:  # blank lines keep no connection open
            patience.heard = self.loop.time()
        for event in events:
            if type(event) is Head:
                patience.head_since = None
                self._take(event)
            else:
                self._go_on(event)
        if self._reader.is_in_head:
            if patience.head_since is None:
                patience.head_since = patience.heard
                if self._limits.head is not None:
                    self._look_at(patience.heard + self._limits.head)
        else:
            patience.head_since = None

    def pause_writing(self) -> None:
        self._expect_reader()
        self._room = self.loop.create_future()

    def resume_writing(self) -> None:
        self._patience.full_since = None
        if self._is_ending:
            self._expect_reader()
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
        self._begin_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._connections.discard(self)
        self._reader.end()
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._body is not None:
            self._body.break_off(ViewerGoneError())
        outlet = self._outlet
        if outlet is not None:
            outlet.lost()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # What a listener calls

    def shutdown(self) -> None:
        self._is_stopping = True
        if self._tunnel is not None:
            self._tunnel.close()
        elif self._outlet is None:
            self._end(unread=False)
        else:
            self._outlet.keep_alive = False

    def abort(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self.transport.abort()

    # Requests

    def _go_on(self, event: ReaderEvent) -> None:
        """More of what has begun."""
        body = self._body
        if type(event) is Part:
            if body is not None:
                body.put(event.data)
                if body.buffered > _HIGH_WATER:
                    self._pause()
        elif type(event) is End:
            if body is not None:
                body.end(event.trailers)
        elif type(event) is Raw:
            self._early.append(event.data)  # for whoever takes over
            self._pause()
        elif isinstance(event, Unreadable):
            self._refuse(event.detail, event.why)

    def _take(self, head: Head) -> None:
        """The head of a request: it starts, or waits for those before it."""
        if self._is_ending:  # it came in one packet with the last one that is answered
            self._body = None
            return
        body: RequestBody | None = None
        fields = head.fields
        if fields.has_body and fields.length != 0:
            wanted = self._continue if fields.expects_continue and head.version == "1.1" else None
            body = RequestBody(self._taken, wanted, self._limits.idle)
        self._body = body
        if self._outlet is None and self._room is None and not self._queue:
            self._begin(head, body)
        else:
            self._queue.append((head, body))
            if len(self._queue) >= _AHEAD:
                self._pause()

    def _begin(self, head: Head, body: RequestBody | None) -> None:
        """Asks the front door, and writes what it answers at once."""
        fields, limits = head.fields, self._limits
        keep_alive = fields.keep_alive and not self._is_stopping
        if keep_alive and limits.age is not None:
            keep_alive = self.loop.time() - self._began < limits.age
        request = Request(
            head.method,
            RequestTarget.parse(head.target),
            fields.headers,
            EMPTY if body is None else body.body(fields.length),
            self._scheme,
            head.version,
            self.client,
            fields.upgrade if fields.upgrade == b"websocket" else b"",
            self.tls(),
            head.lenient,
        )
        accepted = self.front.accept(request)
        if type(accepted) is Response and accepted.body.content is not None:
            self._write(accepted, head, body, keep_alive=keep_alive)
            return
        outlet = self._outlet = Http1Outlet(self, head, body, keep_alive=keep_alive)
        if fields.upgrade:
            outlet.can_switch = True
        self._task = self.loop.create_task(answer(self.front, accepted, request, outlet, body))

    def _write(
        self, response: Response, head: Head, body: RequestBody | None, *, keep_alive: bool
    ) -> None:
        """An answer that was there at once: all of it in one piece."""
        if head.fields.expects_continue and body is not None and not body.is_complete:
            keep_alive = False
        data, keep_alive = http1_writer.whole(
            response, method=head.method, version=head.version, keep_alive=keep_alive
        )
        if head.is_simple:
            data = response.body.content or b""
        self.transport.write(data)
        content = response.body.content or b""
        delivery = Delivery.of(content if has_body(head.method, response.status) else b"")
        if body is not None:
            delivery.received = body.received
            body.forget()
        self.front.done(response, delivery)
        if not keep_alive:
            is_read = body is None or body.is_complete
            is_sending = not is_read or head.lenient is not None  # it does not know of the end
            self._end(unread=is_sending or response.status >= 400)
        else:
            patience = self._patience
            patience.rests_since = patience.heard
            if self._queue:
                self.loop.call_soon(self._begin_next)
            elif self._is_paused:
                self._resume()

    def ended(self, outlet: Http1Outlet) -> None:
        """An answer is complete, or there will be no more of it."""
        body = outlet.body
        is_read = body is None or body.is_complete
        self._outlet = None
        if outlet.is_cut or self.transport.is_closing():
            self._end(unread=False)
        elif outlet.keep_alive:
            self._patience.heard = self._patience.rests_since = self.loop.time()
            if self._queue:  # behind the end of this one's record
                self.loop.call_soon(self._begin_next)
            else:
                self._resume()
        else:
            is_sending = not is_read or outlet.is_lenient
            self._end(unread=is_sending or outlet.status >= 400)

    def _end(self, *, unread: bool) -> None:
        """The connection closes behind an answer: what the client still sends is thrown away."""
        self._is_ending = True
        self._reader.end()
        self._queue.clear()
        self._resume()
        close_gently(self.transport, self._raw, unread=unread)
        self._expect_reader()

    def _begin_next(self) -> None:
        if self._queue and self._outlet is None and self._room is None and not self._is_ending:
            waiting = self._queue.popleft()
            if isinstance(waiting, tuple):
                if not self._queue:
                    self._resume()
                elif self._queue[0] is None:
                    self._is_stopping = True
                self._begin(*waiting)
            elif waiting is not None:
                self._refuse(waiting.detail, waiting.why)

    def _refuse(self, detail: str, why: Trouble) -> None:
        """Answers with the front door's page and closes, behind the answers to what came before.

        A request whose body is what cannot be read is refused by its own answer, the last one.
        """
        transport, body, outlet = self.transport, self._body, self._outlet
        self._reader.end()
        if self._is_ending or transport.is_closing():  # nothing can stand behind the last answer
            return
        is_broken = body is not None and not body.is_complete
        if outlet is not None and is_broken and outlet.body is body:
            assert body is not None
            outlet.keep_alive = False
            body.break_off(ViewerGoneError(detail, why))
            if outlet.is_started:  # no page can stand behind the answer's head
                outlet.lost()
                self._end(unread=False)
        elif outlet is not None or self._queue:  # those before it are answered first
            if body is not None:
                body.break_off(ViewerGoneError(detail, why))
            self._queue.append(None if is_broken else Unreadable(detail, why))
        else:
            if not is_broken:  # else it is answered
                transport.write(http1_writer.page(self.front.page(why, detail, self.client)))
            self._end(unread=True)  # closing at once could take the answers before it away

    # Flow

    def _continue(self) -> None:
        outlet = self._outlet
        if outlet is not None and not outlet.is_started and not self.is_lost:
            outlet.has_continued = True
            self.transport.write(http1_writer.CONTINUE)

    def _taken(self, count: int) -> None:
        """So many bytes of a body were taken."""
        body = self._body
        is_low = body is None or body.buffered < _LOW_WATER
        if self._is_paused and is_low and len(self._queue) < _AHEAD:
            self._resume()

    def _pause(self) -> None:
        if not self._is_paused and not self.transport.is_closing():
            self._is_paused = True
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            if not self.is_lost and not self.transport.is_closing():
                self.transport.resume_reading()

    def room(self) -> Awaitable[None] | None:
        """What to wait for before more is written."""
        return self._room

    # Time

    def _look_at(self, when: float) -> None:
        if self._timer is None or self._timer.when() > when:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_at(when, self._look)

    def _look(self) -> None:
        """Ends a connection whose client keeps it waiting longer than the limits allow."""
        self._timer = None
        if self.is_lost or self._tunnel is not None:
            return
        patience = self._patience
        if patience.full_since is not None and self._bytes_unsent() < patience.unsent:
            self._expect_reader()
        match patience.overdue(self.loop.time(), is_answering=self._outlet is not None):
            case "reader":
                self.transport.abort()
            case "head":
                self._refuse("the client sent nothing for the idle timeout", "idle")
            case "request":
                self._end(unread=False)
            case deadline:
                self._look_at(deadline)

    def _expect_reader(self) -> None:
        """From now on the client has so long to take some of what is written."""
        if self.is_lost:
            return
        self._patience.full_since = now = self.loop.time()
        self._patience.unsent = self._bytes_unsent()
        if self._limits.idle is not None:
            self._look_at(now + self._limits.idle)

    def _bytes_unsent(self) -> int:
        return unsent(self.transport, self._raw)

    # Other protocols

    async def switch(self, response: Response, protocol: bytes) -> tuple[int, int]:
        """Answers 101 and joins the connection with the origin's until both have ended."""
        upgraded = response.upgraded
        assert upgraded is not None  # only such responses come here
        origin = cast("TunnelEnd", upgraded.connection)
        if self.transport.is_closing():
            origin.close()
            raise ViewerGoneError
        self.transport.write(http1_writer.switching(response, protocol))
        self._tunnel = Tunnel(
            self.transport,
            self,
            origin,
            idle=upgraded.idle,
            only_origin=upgraded.only_origin,
        )
        moved = await self._tunnel.run(from_viewer=b"".join(self._early), from_origin=origin.rest)
        return moved.to_origin, moved.to_viewer
