"""Requests on their way to an origin on behalf of the cache, and who waits for what they bring.

    begin ─▶ on its way ─▶ land: the head of an answer that is kept ─▶ end: its body is whole
                       └─▶ end: nothing that others may have

A flight that others may share stands under its key until it ends; who comes later joins, and gets
the body from its first byte. One that has been invalidated stands there no more: what it brings
goes to who asked for it, and is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from edgegw.cloudfront.cache.entry import FoundEntry, StoredPlace
from edgegw.cloudfront.cache.key import lookups
from edgegw.cloudfront.request_context import AskedOrigin
from edgegw.gateway.cache_store import ClearingMark
from edgegw.http.message import Request


class Flight:
    """One request to an origin. `is_void`: it has been invalidated, or outgrew all room.

    `is_abandoned`: it ended without any answer. `pump`: what goes on for it, and ends it. `mark`:
    what had been cleared of a shared store when it began. `request_id` is the X-Amz-Cf-Id that its
    origin sees.
    """

    # Every miss makes one, and most leave most of it as it is.
    is_void = False
    is_abandoned = False
    brought: FoundEntry | None = None
    pump: object = None
    release: Callable[[], object] | None = None
    mark: ClearingMark | None = None
    waiting: Sequence[asyncio.Future[FoundEntry | None]] = ()

    def __init__(self, asked: AskedOrigin, key: bytes, request_id: str) -> None:
        self.asked = asked
        self.key = key
        self.request_id = request_id

    def has_sent(self, request: Request) -> bool:
        """Whether `request` is this one come back, to a distribution that is its own origin.

        It would wait for itself.
        """
        return request.headers.get(b"x-amz-cf-id") == self.request_id.encode()

    def wait(self) -> asyncio.Future[FoundEntry | None]:
        """What it brings, once its head is there."""
        waiting: asyncio.Future[FoundEntry | None] = asyncio.get_running_loop().create_future()
        if self.brought is not None:
            waiting.set_result(self.brought)
        else:
            self.waiting = (*self.waiting, waiting)
        return waiting

    def tell(self, brought: FoundEntry | None) -> None:
        """Who waits goes on."""
        self.brought = brought
        everybody, self.waiting = self.waiting, ()
        for waiting in everybody:
            if not waiting.done():
                waiting.set_result(brought)


class Flights:
    """All flights of one gateway."""

    def __init__(self) -> None:
        self.under_way: dict[AskedOrigin, Flight] = {}
        self._shared: dict[bytes, Flight] = {}
        self.ended = 0
        """How many have ended, so that whoever had to wait sees that one did meanwhile."""

    def of(self, asked: AskedOrigin) -> Flight | None:
        return self.under_way.get(asked)

    def awaited(self, keys: tuple[bytes, ...]) -> Flight | None:
        """The flight that brings what is under one of `keys`."""
        for key in keys:
            flight = self._shared.get(key)
            if flight is not None:
                return flight
        return None

    def begin(self, asked: AskedOrigin, request_id: str = "", key: bytes = b"") -> Flight:
        """`key` is the last one that `asked` was looked up by, where that is known."""
        key = key or lookups(asked.key, asked.request)[-1]
        flight = self.under_way[asked] = Flight(asked, key, request_id)
        if asked.decision.collapses:
            self._shared.setdefault(key, flight)
        return flight

    def end(self, asked: AskedOrigin) -> None:
        """It brings nothing more; who still waits gets nothing."""
        flight = self.under_way.pop(asked, None)
        if flight is None:
            return
        self.ended += 1
        if self._shared.get(flight.key) is flight:
            del self._shared[flight.key]
        if flight.waiting and flight.brought is None:
            flight.tell(None)

    def void(self, goes: Callable[[StoredPlace], bool]) -> None:
        """Flights to places that go are neither shared with who comes later, nor kept."""
        for flight in list(self.under_way.values()):
            if goes(flight.asked.place):
                self.void_one(flight)

    def void_one(self, flight: Flight) -> None:
        """This flight is neither shared with who comes later, nor kept."""
        flight.is_void = True
        if self._shared.get(flight.key) is flight:
            del self._shared[flight.key]
