"""The body of a request while it comes in: what a protocol puts in, a flow takes out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from edgegw.http.message import Body, Header, Headers
from edgegw.wire.front import ViewerGoneError
from edgegw.wire.parts import add_part

_SILENT = "the client sent nothing for the idle timeout"


def _nobody(_count: int) -> None:
    """Nobody asks any more what was taken."""


class RequestBody:
    """An asynchronous iterator over the parts of a body, read once.

    The protocol is told what was taken (`on_taken`, bytes), so that it lets the client send as
    much again, and once when the first part is waited for (`on_wanted`: 100 Continue). `idle` are
    the seconds that the client may send nothing while a part is waited for; once the answer has
    begun (`is_answered`) it may take its time.
    """

    __slots__ = (
        "_idle",
        "_on_taken",
        "_on_wanted",
        "_parts",
        "_waiter",
        "broken",
        "buffered",
        "is_answered",
        "is_complete",
        "is_forgotten",
        "is_taken",
        "received",
        "trailers",
    )

    def __init__(
        self,
        on_taken: Callable[[int], object],
        on_wanted: Callable[[], object] | None = None,
        idle: float | None = None,
    ) -> None:
        self._on_taken = on_taken
        self._on_wanted = on_wanted
        self._idle = idle
        self._parts: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self.broken: ViewerGoneError | None = None
        self.buffered = 0
        self.received = 0
        self.trailers: tuple[Header, ...] = ()
        self.is_complete = self.is_forgotten = self.is_answered = False
        self.is_taken = True
        """Whether nothing of it was thrown away."""

    # What the protocol does

    def put(self, data: bytes) -> None:
        """More of the body has come."""
        self.received += len(data)
        if self.is_forgotten:
            self.is_taken = False
            self._on_taken(len(data))
            return
        add_part(self._parts, data)
        self.buffered += len(data)
        self._wake()

    def end(self, trailers: tuple[Header, ...] = ()) -> None:
        """The body is complete."""
        self.trailers = trailers
        self.is_complete = True
        self._let_go()
        self._wake()

    def break_off(self, error: ViewerGoneError) -> None:
        """The body has no end; whoever reads it learns why. What came before is read no more."""
        if not self.is_complete:
            self.broken = self.broken or error
            self._let_go()
            self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def forget(self) -> None:
        """The request is over: what nobody took is not kept, what still comes is thrown away."""
        self.is_forgotten = True
        self._on_wanted = None
        if self.buffered:
            self.is_taken = False
            count, self.buffered = self.buffered, 0
            self._parts.clear()
            self._on_taken(count)
        self._let_go()

    def _let_go(self) -> None:
        """Keeps no connection alive in a record of the request, once nothing more can come."""
        if self.is_forgotten and (self.is_complete or self.broken is not None):
            self._on_taken = _nobody

    # What a flow does

    def body(self, length: int | None = None) -> Body:
        """The body of a request that promises `length` bytes, or does not say how many."""
        return Body(None, self, length, None, lambda: Headers(self.trailers))

    def __aiter__(self) -> RequestBody:
        return self

    async def __anext__(self) -> bytes:
        """The next part. Raises ViewerGoneError when the body never comes to its end."""
        while True:
            if self.broken is not None:
                # A fresh one: what was raised knows all who waited, and records keep this body.
                error = ViewerGoneError(self.broken.detail, self.broken.why)
                error.received = self.received
                raise error
            if self._parts:
                part = self._parts.popleft()
                self.buffered -= len(part)
                self._on_taken(len(part))
                return part
            if self.is_forgotten and not (self.is_complete and self.is_taken):
                raise ViewerGoneError("the request is over; what nobody read of it is gone")
            if self.is_complete:
                raise StopAsyncIteration
            await self._wait()

    async def _wait(self) -> None:
        if self._on_wanted is not None:
            wanted, self._on_wanted = self._on_wanted, None
            wanted()
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer: asyncio.TimerHandle | None = None
        if self._idle is not None and not self.is_answered:
            timer = loop.call_later(self._idle, self._ring)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _ring(self) -> None:
        if not self.is_answered:
            self.break_off(ViewerGoneError(_SILENT, "idle"))
