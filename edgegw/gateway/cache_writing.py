"""Writes what flights bring, and ends each of them once it is written.

In memory that is at once. A shared store takes a moment, in which the flight goes on: who asks
meanwhile joins it, and so never finds less than there was before.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable
from typing import Final

from edgegw.background import Background
from edgegw.cloudfront.cache.entry import BytesBody, FoundEntry, StoredResponse
from edgegw.gateway.cache_store import CacheStore, SharedStore
from edgegw.gateway.flights import Flight, Flights
from edgegw.gateway.stored_bodies import FileBody

logger = logging.getLogger(__name__)

_PATIENCE: Final = 2.0
"""Seconds that writes under way get when everything ends."""


class CacheWriting:
    """Writes to the shared store where there is one, else to the own."""

    def __init__(self, store: CacheStore, flights: Flights, shared: SharedStore | None) -> None:
        self.shared = shared
        self._store = store
        self._flights = flights
        self._background = Background()

    def fits(self, length: int | None) -> bool:
        """Whether a body of so many bytes may be kept at all."""
        if self.shared is not None and length is not None and length > self.shared.longest:
            return False
        return self._store.fits(length)

    def put(self, flight: Flight, entry: StoredResponse, body: BytesBody | FileBody) -> None:
        """Keeps what the flight brought."""
        shared = self.shared
        if shared is None:
            self._store.put(entry, body)
            self._flights.end(flight.asked)
            return
        flight.brought = FoundEntry(entry, body)
        self._ends(flight, _put(shared, flight, entry, body))

    def touch(self, flight: Flight | None, was: StoredResponse, entry: StoredResponse) -> None:
        """New terms for what is stored."""
        if self.shared is None:
            self._store.touch(entry)
            if flight is not None:
                self._flights.end(flight.asked)
        elif flight is not None and flight.mark is not None:
            self._ends(flight, self.shared.touch(was, entry, flight.mark))

    def remove(self, flight: Flight | None, keys: Iterable[bytes]) -> None:
        """Forgets what is under `keys`; the flight that says so brings nothing else."""
        if self.shared is not None:
            self._ends(flight, self.shared.remove(keys))
            return
        self._store.remove(keys)
        if flight is not None:
            self._flights.end(flight.asked)

    def forget(self, keys: Iterable[bytes]) -> None:
        """Forgets what is under `keys`, of which there may be none; its flight goes on."""
        if self.shared is None:
            self._store.remove(keys)
        elif keys:
            self._ends(None, self.shared.remove(keys))

    def _ends(self, flight: Flight | None, writing: Coroutine[object, object, None]) -> None:
        task = self._background.start(_watched(writing))
        if flight is not None:
            flight.pump = task
            task.add_done_callback(lambda _: self._flights.end(flight.asked))

    async def settled(self) -> None:
        """Waits until all that is known by now is written."""
        await self._background.settled()

    async def close(self) -> None:
        await self._background.settled(_PATIENCE)
        await self._background.cancel()
        if self.shared is not None:
            await self.shared.close()


async def _put(
    shared: SharedStore, flight: Flight, entry: StoredResponse, body: BytesBody | FileBody
) -> None:
    try:
        if flight.mark is not None:
            await shared.put(entry, body, flight.mark)
    finally:
        if isinstance(body, FileBody):
            body.path.unlink(missing_ok=True)


async def _watched(writing: Coroutine[object, object, None]) -> None:
    try:
        await writing
    except OSError as error:
        logger.warning("what is cached could not be written: %s", error)
