"""Bodies of origins on their way into the cache, and on to the viewers meanwhile.

A body that is at hand is kept at once. One that comes in is pumped by a task of its own, from which
the viewer that brought it reads like everybody else (`stored_bodies`); what has come in whole is
kept when the pump ends, and with it the flight. The pump goes on while anybody reads, and ends with
the last reader.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable
from functools import partial

from edgegw.background import Background
from edgegw.cloudfront.cache.entry import BytesBody, FoundEntry, StoredResponse
from edgegw.cloudfront.cache.storable import is_whole
from edgegw.cloudfront.flow import Store
from edgegw.gateway.cache_store import CacheStore
from edgegw.gateway.cache_writing import CacheWriting
from edgegw.gateway.flights import Flight, Flights
from edgegw.gateway.stored_bodies import FileBody, GrowingBody
from edgegw.http.message import Body, CutOffError

logger = logging.getLogger(__name__)


class CacheIntake:
    """Takes in what is to be stored; `writing` puts it where it is kept."""

    def __init__(
        self, store: CacheStore, flights: Flights, writing: CacheWriting, background: Background
    ) -> None:
        """`store` has the files of what comes in, `background` owns the pumps."""
        self.writing = writing
        self._store = store
        self._flights = flights
        self._background = background

    def take_in(self, step: Store, flight: Flight) -> Body:
        """The body for the viewer of what is stored, at hand or as it comes in."""
        body = step.body
        if step.forgets:
            self.writing.forget(step.forgets)
        if flight.is_void or not self.writing.fits(body.length):
            self._flights.end(step.asked)
            return body
        if body.chunks is None:
            self._put_whole(step.entry, body, flight)
            return body
        growing = GrowingBody(self._store.new_file, step.entry.length)
        reading = growing.whole()
        flight.release = reading.release
        task = self._background.start(self._pump(body.chunks, growing, flight))
        flight.pump = task
        task.add_done_callback(partial(self._landed, step.entry, body, growing, flight))
        growing.when_abandoned(partial(self._given_up, flight, task))
        flight.tell(FoundEntry(step.entry, growing))
        return reading

    async def _pump(
        self, chunks: AsyncIterable[bytes], growing: GrowingBody, flight: Flight
    ) -> str | None:
        """Takes in what the origin sends. Why that is not all; None where it is."""
        try:
            async for chunk in chunks:
                if not chunk:
                    continue
                growing.write(chunk)
                if not self.writing.fits(growing.received):
                    self._flights.void_one(flight)
                    await growing.room_again()
        except CutOffError as error:
            return str(error)
        except OSError as error:
            logger.warning("a body does not fit into the cache's folder: %s", error)
            return str(error)
        else:
            return None
        finally:
            if isinstance(chunks, AsyncGenerator):  # it may stand behind a part that was not taken
                await chunks.aclose()

    def _given_up(self, flight: Flight, pump: asyncio.Task[str | None]) -> None:
        """The last reader has left: from now on nobody joins, and the origin is broken off."""
        self._flights.end(flight.asked)
        pump.cancel()

    def _put_whole(self, entry: StoredResponse, body: Body, flight: Flight) -> None:
        content = body.content or b""
        size = len(content)
        if entry.length != size:
            if not is_whole(entry, size, ended_well=True):
                self._flights.end(flight.asked)
                return
            entry = entry.of_length(size)
        kept = BytesBody(content, body)
        if flight.waiting:
            flight.tell(FoundEntry(entry, kept))
        self.writing.put(flight, entry, kept)

    def _landed(
        self,
        entry: StoredResponse,
        body: Body,
        growing: GrowingBody,
        flight: Flight,
        pump: asyncio.Task[str | None],
    ) -> None:
        """The pump has ended: only what came in whole is kept."""
        why = _why_cut(pump)
        if body.release is not None:
            body.release()
        is_kept = why is None and is_whole(entry, growing.received, ended_well=True)
        if is_kept and not flight.is_void:
            entry, content = entry.of_length(growing.received), growing.content()
            if content is None and growing.file is not None:
                self.writing.put(flight, entry, FileBody(growing.file, growing.received))
            else:
                self.writing.put(flight, entry, BytesBody.of(content or b""))
        else:
            if growing.file is not None:
                growing.file.unlink(missing_ok=True)
            self._flights.end(flight.asked)
        if why is None:
            growing.finish()
        else:
            growing.cut(why)


def _why_cut(pump: asyncio.Task[str | None]) -> str | None:
    """Why a body is not whole; None where it is."""
    if pump.cancelled():
        return "nobody wants it any more"
    error = pump.exception()
    return pump.result() if error is None else str(error)
