"""Performs what a distribution's flow asks of the cache: store, flights, and what goes on behind.

Everything here is done at once, within the call that brought the request, except for waiting for
another's flight. A body that is stored while it comes in is pumped by a task of its own, from which
its viewer reads like everybody else (`stored_bodies`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine
from functools import partial
from typing import TypeAlias

from edgegw.cloudfront.cache.entry import BytesBody, FoundEntry, StoredPlace, StoredResponse
from edgegw.cloudfront.cache.storable import is_whole
from edgegw.cloudfront.flow import (
    CacheStep,
    DistributionStep,
    Forget,
    LookUp,
    Refetch,
    Settle,
    Store,
    Touch,
    Wait,
)
from edgegw.cloudfront.request_context import AskedOrigin
from edgegw.gateway.cache_store import CacheStore
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.flights import Flight, Flights
from edgegw.gateway.stored_bodies import FileBody, GrowingBody
from edgegw.gateway.world import World
from edgegw.http.message import Body, CutOffError

logger = logging.getLogger(__name__)


RunBehind: TypeAlias = Callable[[DistributionStep, Exchange], Coroutine[object, object, Body]]


async def _nobody_runs(step: DistributionStep, exchange: Exchange) -> Body:
    raise AssertionError("a cache without a driver")


class Caching:
    """The cache of one gateway's distributions, as the driver uses it."""

    def __init__(self, store: CacheStore, world: World) -> None:
        self.run: RunBehind = _nobody_runs
        """Goes a way to its end: the driver's."""
        self.store = store
        self.flights = Flights()
        self._world = world
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Ends what goes on behind the backs of viewers, and forgets everything."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.store.close()

    @property
    def is_used(self) -> bool:
        """Whether there is anything to clear."""
        return self.flights.are_any or next(self.store.entries(), None) is not None

    def clear(
        self, entries: Callable[[StoredResponse], bool], places: Callable[[StoredPlace], bool]
    ) -> int:
        """Removes entries, and lets no flight to such places bring them back; how many went."""
        self.flights.void(places)
        return self.store.clear(entries)

    # Steps

    def perform(self, step: CacheStep, exchange: Exchange) -> DistributionStep | None:
        """What follows `step`; None where that has to be waited for."""
        match step:
            case LookUp():
                return self._look_up(step, exchange)
            case Settle():
                flight = self.flights.of(step.asked)
                is_void = flight is not None and flight.is_void
                return step.next(self._world.now(), is_void=is_void)
            case Store():
                exchange.note(step, None, 0.0)
                return step.next(self._stored(step))
            case Touch():
                return self._touched(step, exchange)
            case Forget():
                exchange.note(step, None, 0.0)
                self.store.remove(step.keys)
                self.flights.end(step.asked)
                return step.following
            case Refetch():
                return self._behind(step, exchange)
            case Wait():
                return None
            case _:
                raise AssertionError(f"an unknown step {step}")

    def _look_up(self, step: LookUp, exchange: Exchange) -> DistributionStep:
        found = self.store.get(step.keys)
        is_awaited = self.flights.are_any and self.flights.awaited(step.keys) is not None
        exchange.note(step, found, 0.0)
        following = step.next(found, self._world.now(), is_awaited=is_awaited)
        return self._begun(following, exchange)

    def _begun(self, step: DistributionStep, exchange: Exchange) -> DistributionStep:
        """`step`, whose flight begins if it is one to the origin on behalf of the cache."""
        asked = step.context.asked
        if asked is not None and self.flights.of(asked) is None:
            self.flights.begin(asked)
            exchange.asked += (asked,)
        return step

    async def wait(self, step: Wait, exchange: Exchange) -> DistributionStep:
        """What follows once the flight that is waited for has an answer, or none."""
        flight = self.flights.awaited(step.keys)
        brought = None if flight is None else await flight.wait()
        if flight is not None and flight.is_abandoned:  # one of those who wait goes in its stead
            again = LookUp(step.context, step.request, step.key, step.keys)
            return self._look_up(again, exchange)
        exchange.note(step, brought, 0.0)
        return self._begun(step.next(brought, self._world.now()), exchange)

    def _behind(self, step: Refetch, exchange: Exchange) -> DistributionStep:
        """Goes the way behind the viewer's back; what follows for the viewer itself."""
        request = step.behind.context.viewer
        refetch = Exchange(
            self._world.request_id(),
            exchange.front_door,
            exchange.kind,
            request,
            self._world.now(),
        )
        exchange.note(step, None, 0.0)
        exchange.refetch = refetch
        self._begun(step.behind, refetch)
        self._start(_drained(self.run(step.behind, refetch)))
        return step.following

    def _touched(self, step: Touch, exchange: Exchange) -> DistributionStep:
        exchange.note(step, None, 0.0)
        flight = self.flights.of(step.asked)
        if step.keeps:
            self.store.touch(step.stored.entry)
        else:
            self.store.remove((step.stored.entry.key,))
        if flight is not None and not flight.is_void:
            flight.tell(step.stored if step.keeps else None)
        self.flights.end(step.asked)
        return step.following

    def end(self, asked: tuple[AskedOrigin, ...]) -> None:
        """The request is answered: flights that bring nothing more are over."""
        for each in asked:
            flight = self.flights.of(each)
            if flight is not None and flight.pump is None:
                self.flights.end(each)

    def abandon(self, asked: tuple[AskedOrigin, ...]) -> None:
        """The request is answered with nothing, as its viewer left or something broke."""
        for each in asked:
            flight = self.flights.of(each)
            if flight is None:
                continue
            flight.is_abandoned = flight.brought is None
            if flight.release is not None:
                flight.release()
        self.end(asked)

    # Bodies

    def _stored(self, step: Store) -> Body:
        """The body for the viewer of what is stored, at hand or as it comes in."""
        self.store.remove(step.forgets)
        flight = self.flights.of(step.asked) or self.flights.begin(step.asked)
        body = step.body
        if flight.is_void or not self.store.fits(body.length):
            self.flights.end(step.asked)
            return body
        if body.chunks is None:
            self._put_whole(step.entry, body, flight)
            return body
        growing = GrowingBody(self.store.new_file, step.entry.length)
        reading = growing.whole()
        flight.release = reading.release
        task = self._start(self._pump(body.chunks, growing, flight))
        flight.pump = task
        task.add_done_callback(partial(self._landed, step.entry, body, growing, flight))
        growing.when_abandoned(partial(self._given_up, flight, task))
        flight.tell(FoundEntry(step.entry, growing))
        return reading

    async def _pump(
        self, chunks: AsyncIterable[bytes], growing: GrowingBody, flight: Flight
    ) -> None:
        """Takes in what the origin sends. Raises CutOffError, OSError."""
        try:
            async for chunk in chunks:
                if not chunk:
                    continue
                growing.write(chunk)
                if not self.store.fits(growing.received):
                    self.flights.void_one(flight)
                    await growing.room_again()
        finally:
            if isinstance(chunks, AsyncGenerator):  # it may stand behind a part that was not taken
                await chunks.aclose()

    def _given_up(self, flight: Flight, pump: asyncio.Task[None]) -> None:
        """The last reader has left: from now on nobody joins, and the origin is broken off."""
        self.flights.end(flight.asked)
        pump.cancel()

    def _put_whole(self, entry: StoredResponse, body: Body, flight: Flight) -> None:
        content = body.content or b""
        if not is_whole(entry, len(content), ended_well=True):
            self.flights.end(flight.asked)
            return
        entry = entry.of_length(len(content))
        kept = BytesBody(content, body)
        self.store.put(entry, kept)
        flight.tell(FoundEntry(entry, kept))
        self.flights.end(flight.asked)

    def _landed(
        self,
        entry: StoredResponse,
        body: Body,
        growing: GrowingBody,
        flight: Flight,
        pump: asyncio.Task[None],
    ) -> None:
        """The pump has ended: only what came in whole is kept."""
        why = _why_cut(pump)
        if body.release is not None:
            body.release()
        is_kept = why is None and is_whole(entry, growing.received, ended_well=True)
        if is_kept and not flight.is_void:
            entry, content = entry.of_length(growing.received), growing.content()
            if content is None and growing.file is not None:
                self.store.put(entry, FileBody(growing.file, growing.received))
            else:
                self.store.put(entry, BytesBody.of(content or b""))
        elif growing.file is not None:
            growing.file.unlink(missing_ok=True)
        self.flights.end(flight.asked)
        if why is None:
            growing.finish()
        else:
            growing.cut(why)

    def _start(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _why_cut(pump: asyncio.Task[None]) -> str | None:
    """Why a body is not whole; None where it is."""
    if pump.cancelled():
        return "nobody wants it any more"
    error = pump.exception()
    if error is None:
        return None
    if isinstance(error, CutOffError):
        return str(error)
    if isinstance(error, OSError):
        logger.warning("a body does not fit into the cache's folder: %s", error)
    else:
        logger.error("a fault of edgegw itself, please report it", exc_info=error)
    return str(error)


async def _drained(answer: Coroutine[object, object, Body]) -> None:
    """Reads an answer that nobody waits for to its end, so that it is kept."""
    try:
        body = await answer
        if body.chunks is not None:
            with contextlib.suppress(CutOffError):
                async for _ in body.chunks:
                    pass
        if body.release is not None:
            body.release()
    except Exception:
        logger.exception("a fault of edgegw itself, please report it")
