"""Requests on their way to an origin on behalf of the cache, and who waits for what they bring.

    begin ─▶ on its way ─▶ land: the head of an answer that is kept ─▶ end: its body is whole
                       └─▶ end: nothing that others may have

A flight that others may share stands under its key until it ends; who comes later joins, and gets
the body from its first byte. One that has been invalidated stands there no more: what it brings
goes to who asked for it, and is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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

    def __init__(self, asked: AskedOrigin, request_id: str = "") -> None:
        self.asked = asked
        self.request_id = request_id
        self.key = lookups(asked.key, asked.request)[-1]
        self.is_void = False
        self.is_abandoned = False
        self.brought: FoundEntry | None = None
        self.pump: object = None
        self.release: Callable[[], object] | None = None
        self.mark: ClearingMark | None = None
        self._waiting: list[asyncio.Future[FoundEntry | None]] = []

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
            self._waiting.append(waiting)
        return waiting

    def tell(self, brought: FoundEntry | None) -> None:
        """Who waits goes on."""
        self.brought = brought
        everybody, self._waiting = self._waiting, []
        for waiting in everybody:
            if not waiting.done():
                waiting.set_result(brought)


class Flights:
    """All flights of one gateway."""

    def __init__(self) -> None:
        self._all: dict[AskedOrigin, Flight] = {}
        self._shared: dict[bytes, Flight] = {}
        self.ended = 0
        """How many have ended, so that whoever had to wait sees that one did meanwhile."""

    @property
    def are_any(self) -> bool:
        return bool(self._all)

    def of(self, asked: AskedOrigin) -> Flight | None:
        return self._all.get(asked)

    def awaited(self, keys: tuple[bytes, ...]) -> Flight | None:
        """The flight that brings what is under one of `keys`."""
        for key in keys:
            flight = self._shared.get(key)
            if flight is not None:
                return flight
        return None

    def begin(self, asked: AskedOrigin, request_id: str = "") -> Flight:
        flight = self._all[asked] = Flight(asked, request_id)
        if asked.decision.collapses:
            self._shared.setdefault(flight.key, flight)
        return flight

    def end(self, asked: AskedOrigin) -> None:
        """It brings nothing more; who still waits gets nothing."""
        flight = self._all.pop(asked, None)
        if flight is None:
            return
        self.ended += 1
        self._unshare(flight)
        if flight.brought is None:
            flight.tell(None)

    def void(self, goes: Callable[[StoredPlace], bool]) -> None:
        """Flights to places that go are neither shared with who comes later, nor kept."""
        for flight in list(self._all.values()):
            if goes(flight.asked.place):
                self.void_one(flight)

    def void_one(self, flight: Flight) -> None:
        """This flight is neither shared with who comes later, nor kept."""
        flight.is_void = True
        self._unshare(flight)

    def _unshare(self, flight: Flight) -> None:
        if self._shared.get(flight.key) is flight:
            del self._shared[flight.key]
