"""Performs what a distribution's flow asks of the cache: store, flights, and what goes on behind.

Everything here is done at once, within the call that brought the request, except for waiting for
another's flight, and for a store that several gateways share. The bodies of what is stored are
taken in by `cache_intake`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from edgegw.background import Background
from edgegw.cloudfront.cache.clearing import Clearing
from edgegw.cloudfront.cache.entry import FoundEntry
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
from edgegw.gateway.cache_intake import CacheIntake
from edgegw.gateway.cache_store import CachedEntry, CacheStore, PeekedStore, SharedStore
from edgegw.gateway.cache_writing import CacheWriting
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.flights import Flight, Flights
from edgegw.gateway.world import World
from edgegw.http.message import Body, CutOffError

if TYPE_CHECKING:
    from edgegw.gateway.handler_words import HandlerWords
    from edgegw.gateway.trap_watch import TrapWatch

logger = logging.getLogger(__name__)


RunBehind: TypeAlias = Callable[[DistributionStep, Exchange], Coroutine[object, object, Body]]


async def _nobody_runs(step: DistributionStep, exchange: Exchange) -> Body:
    raise AssertionError("a cache without a driver")


class Caching:
    """The cache of one gateway's distributions, as the driver uses it."""

    def __init__(
        self,
        store: CacheStore,
        world: World,
        shared: SharedStore | None = None,
        handlers: HandlerWords | None = None,
    ) -> None:
        """Where there is a `shared` store, the own one has the files of what comes in, no more."""
        self.run: RunBehind = _nobody_runs
        """Goes a way to its end: the driver's."""
        self.store = store
        self._handlers = handlers
        self._traps: TrapWatch | None = None
        self.flights = Flights()
        self._writing = CacheWriting(store, self.flights, shared)
        self._world = world
        self._background = Background()
        self._intake = CacheIntake(store, self.flights, self._writing, self._background)
        if shared is not None:
            shared.on_clearing = self._cleared_elsewhere

    @property
    def shared(self) -> SharedStore | None:
        """The store that other gateways have too."""
        return self._writing.shared

    @property
    def kept(self) -> PeekedStore:
        """The store that has the entries; a shared one blocks for a moment."""
        return self._writing.shared or self.store

    async def share(self, shared: SharedStore | None) -> None:
        """Goes on with another shared store, or with none."""
        await self._writing.close()
        self._writing = self._intake.writing = CacheWriting(self.store, self.flights, shared)
        if shared is not None:
            shared.on_clearing = self._cleared_elsewhere
            shared.start()

    def start(self) -> None:
        """A shared store that is not there says so now."""
        if self.shared is not None:
            self.shared.start()

    async def settled(self) -> None:
        """Waits until what has been brought is in the store."""
        await self._writing.settled()

    async def close(self) -> None:
        """Ends what goes on behind the backs of viewers, and forgets everything."""
        await self._background.cancel()
        await self._writing.close()
        self.store.close()

    @property
    def traps(self) -> TrapWatch:
        """What looks out for caching traps, from the first answer that is stored on."""
        if self._traps is None:
            from edgegw.gateway.trap_watch import TrapWatch

            self._traps = TrapWatch(self._handlers)
        return self._traps

    def code_changed(self) -> None:
        """Configuration or code is another: what functions did before proves nothing any more."""
        if self._traps is not None:
            self._traps.forget()

    @property
    def is_used(self) -> bool:
        """Whether there is anything to clear."""
        if self.shared is not None or self.flights.under_way:
            return True
        return next(self.store.entries(), None) is not None

    def clear(self, clearing: Clearing) -> int:
        """Removes entries, and lets no flight to such places bring them back; how many went.

        With a shared store it goes for all its gateways, and blocks meanwhile. Raises
        EnvironmentProblem where that is gone.
        """
        self.flights.void(clearing.takes_place)
        removed = self.store.clear(clearing.takes)
        return removed if self.shared is None else self.shared.clear(clearing)

    async def clear_in_thread(self, clearing: Clearing) -> int:
        """As `clear`, but the loop goes on while a shared store is looked through."""
        if self.shared is None:
            return self.clear(clearing)
        self.flights.void(clearing.takes_place)
        return await asyncio.to_thread(self.shared.clear, clearing)

    async def listed(self) -> list[CachedEntry]:
        """What is kept. Raises EnvironmentProblem where a shared store is gone."""
        if self.shared is None:
            return list(self.store.entries())
        shared = self.shared
        return await asyncio.to_thread(lambda: list(shared.entries()))

    def _cleared_elsewhere(self, clearing: Clearing) -> None:
        self.flights.void(clearing.takes_place)

    # Steps

    def perform(self, step: CacheStep, exchange: Exchange) -> DistributionStep | None:
        """What follows `step`; None where that has to be waited for."""
        match step:
            case LookUp():
                if self._writing.shared is not None:
                    return None
                return self._looked_up(step, self.store.get(step.keys), exchange)
            case Settle():
                flight = self.flights.of(step.asked)
                is_void = flight is not None and flight.is_void
                following = step.next(self._world.now(), is_void=is_void)
                if type(following) is Store:
                    return self._store(following, exchange, flight)
                return following
            case Store():
                return self._store(step, exchange, self.flights.of(step.asked))
            case Touch():
                return self._touched(step, exchange)
            case Forget():
                self.traps.saw(step, exchange)
                exchange.note(step, None, 0.0)
                self._writing.remove(self.flights.of(step.asked), step.keys)
                return step.following
            case Refetch():
                return self._behind(step, exchange)
            case Wait():
                return None
            case _:
                raise AssertionError(f"an unknown step {step}")

    def _looked_up(
        self, step: LookUp, stored: FoundEntry | None, exchange: Exchange, seconds: float = 0.0
    ) -> DistributionStep:
        flight = self.flights.awaited(step.keys) if self.flights.under_way else None
        is_awaited = flight is not None and not flight.has_sent(step.request)
        exchange.note(step, stored, seconds)
        following = step.next(stored, self._world.now(), is_awaited=is_awaited)
        context = following.context
        if stored is not None and context.asked is None:
            behavior = context.behavior
            if behavior.associations or behavior.edge_functions:
                self._hit(step, following, exchange)
        if context.asked is not None:
            self._begun(following, exchange, step.keys[-1])
        return following

    def _hit(self, step: LookUp | Wait, following: DistributionStep, exchange: Exchange) -> None:
        """`step` is answered out of the cache, unless another's answer is waited for."""
        traps = self.traps
        if not isinstance(following, Wait) and not traps.is_over(step.key, step.context):
            traps.saw(step, exchange)

    async def _look_up(
        self, shared: SharedStore, step: LookUp, exchange: Exchange
    ) -> DistributionStep:
        """Asks the shared store; again where a flight that may have brought it ended meanwhile."""
        started, ended = perf_counter(), self.flights.ended
        stored = await shared.get(step.keys)
        if stored is None and self.flights.ended != ended:
            stored = await shared.get(step.keys)
        return self._looked_up(step, stored, exchange, perf_counter() - started)

    def _begun(
        self, step: DistributionStep, exchange: Exchange, key: bytes = b""
    ) -> DistributionStep:
        """`step`, whose flight begins if it is one to the origin on behalf of the cache.

        `key` is the last one that it was looked up by.
        """
        asked = step.context.asked
        if asked is not None and asked not in self.flights.under_way:
            self._begin(asked, step.context.facts.request_id, key)
            exchange.asked += (asked,)
        return step

    def _begin(self, asked: AskedOrigin, request_id: str = "", key: bytes = b"") -> Flight:
        flight = self.flights.begin(asked, request_id, key)
        shared = self._writing.shared
        if shared is not None:
            flight.mark = shared.mark
        return flight

    async def wait(self, step: Wait | LookUp, exchange: Exchange) -> DistributionStep:
        """What follows once the shared store, or the flight that is waited for, has an answer."""
        if isinstance(step, LookUp):
            assert self.shared is not None  # else nothing would have to be waited for
            return await self._look_up(self.shared, step, exchange)
        flight = self.flights.awaited(step.keys)
        brought = None if flight is None else await flight.wait()
        if flight is not None and flight.is_abandoned:  # one of those who wait goes in its stead
            return LookUp(step.context, step.request, step.key, step.keys)
        exchange.note(step, brought, 0.0)
        following = step.next(brought, self._world.now())
        behavior = step.context.behavior
        if following.context.asked is None and (behavior.associations or behavior.edge_functions):
            self._hit(step, following, exchange)
        return self._begun(following, exchange)

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
        self._background.start(_drained(partial(self.run, step.behind, refetch)))
        return step.following

    def _touched(self, step: Touch, exchange: Exchange) -> DistributionStep:
        exchange.note(step, None, 0.0)
        flight = self.flights.of(step.asked)
        stale = step.asked.stale
        if flight is not None and not flight.is_void:
            flight.tell(step.stored if step.keeps else None)
        if step.keeps and stale is not None:
            self._writing.touch(flight, stale.entry, step.stored.entry)
        else:
            self._writing.remove(flight, (step.stored.entry.key,))
        return step.following

    def end(self, asked: tuple[AskedOrigin, ...]) -> None:
        """The request is answered: flights that bring nothing more are over."""
        under_way = self.flights.under_way
        for request in asked:
            flight = under_way.get(request)
            if flight is not None and flight.pump is None:
                self.flights.end(request)

    def abandon(self, asked: tuple[AskedOrigin, ...]) -> None:
        """The request is answered with nothing, as its viewer left or something broke."""
        for request in asked:
            flight = self.flights.of(request)
            if flight is None:
                continue
            flight.is_abandoned = flight.brought is None
            if flight.release is not None:
                flight.release()
        self.end(asked)

    def _store(self, step: Store, exchange: Exchange, flight: Flight | None) -> DistributionStep:
        if not step.is_plain:
            self.traps.saw(step, exchange)
        exchange.note(step, None, 0.0)
        return step.next(self._intake.take_in(step, flight or self._begin(step.asked)))


async def _drained(run: Callable[[], Coroutine[object, object, Body]]) -> None:
    """Reads an answer that nobody waits for to its end, so that it is kept.

    The way begins here and not before, as a gateway that ends may cancel this before it starts.
    """
    try:
        body = await run()
        if body.chunks is not None:
            with contextlib.suppress(CutOffError):
                async for _ in body.chunks:
                    pass
        if body.release is not None:
            body.release()
    except Exception:
        logger.exception("a fault of edgegw itself, please report it")
