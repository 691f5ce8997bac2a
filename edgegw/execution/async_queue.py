"""The queue of asynchronous invocations: durable on disk, a few events of it in memory.

    accept ──▶ on disk ──▶ 202          lane of a function            on disk
                  │                ┌────────────────────────────┐
                  └── due ────────▶│ ready ──▶ running ──▶ step │──▶ put off until … (waits again)
                                   └────────────────────────────┘──▶ settled: gone, its messages in
                                                                     `deliveries` in the same step

Every event is on disk from before its 202 until its end is on disk; what is in memory is a copy of
what is due now. So a gateway may be killed at any moment: an event that ran just then stands on
disk as before the try, and is tried again. That is "at least once", as on AWS. Nothing is counted
before it is on disk either, so `approximateInvokeCount` never says more than happened.

A function has a lane of its own, so that a slow one does not hold up others. A lane reads ahead a
few events that are due and no more: a million that wait cost disk. `held` are the numbers of those
that it has in memory; they stand at the front of the index, and each look steps over them. A lane
knows when its next event is due (`next_due`), or that it must look (`LOOK_NOW`): whatever puts an
event on disk lowers it. If it is ever too early, a look finds nothing; it is never too late. What a
look read may be old by the time it arrives, so it remembers what has `finished` since it began;
and an event that ends twice is written once.

An outcome that cannot be written (a full disk) is kept and tried again, and its event stays held
meanwhile: it must not run a second time because of that.

Of two gateways with one state folder one has the queue, by a lock that ends with its process; the
other one takes no events, and takes over when the first has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias

from edgegw.awslambda.async_invocation import (
    AsyncEvent,
    Ended,
    EventSettings,
    TryAgain,
    after_try,
    before_try,
    check_event_size,
    failed_try_line,
    given_up_line,
)
from edgegw.awslambda.destinations import DestinationMessage, destination_messages, parse_target
from edgegw.awslambda.lineage import LOOP_STOPPED, next_turn
from edgegw.awslambda.metrics import WorkerMetric
from edgegw.awslambda.model import FunctionRef, Invocation, InvokeRefusal, Outcome
from edgegw.awslambda.names import Account
from edgegw.awslambda.service_errors import ServiceError
from edgegw.background import Background
from edgegw.errors import StateProblem
from edgegw.execution import event_store
from edgegw.execution.clock import ScaledClock
from edgegw.execution.event_lane import LOOK_NOW, READ_AHEAD, FunctionLane
from edgegw.execution.event_store import FunctionEvent, StoredEvent
from edgegw.execution.request_ids import RequestIds
from edgegw.execution.state_file import StateFile
from edgegw.execution.state_lock import StateLock
from edgegw.values import value

logger = logging.getLogger(__name__)

MOST_RUNNING: Final = 20
"""Events of one function that run at once, where its concurrency allows so many."""
_LONGEST_SLEEP: Final = 60.0
"""Seconds between two looks at the clock: a machine that slept has another time."""
_TROUBLE_WAIT: Final = 1.0
"""Seconds until what could not be written is tried again."""
_GRACE: Final = 5.0
"""Seconds that events get which run when the gateway stops."""

Count: TypeAlias = Callable[[WorkerMetric, FunctionRef, float], None]
"""Gets what is counted by the name of Lambda's metric; ages are in milliseconds."""


@value(kw_only=True)
class QueueSurroundings:
    """What the queue has around it: who runs events, what holds for them, who is told figures."""

    invoke: Callable[[Invocation], Awaitable[Outcome]]
    settings: Callable[[FunctionRef], EventSettings]
    account: Callable[[], Account]
    concurrency: Callable[[str], int]
    count: Count


class AsyncQueue:
    """The queue in `file`. `start` takes up what a former gateway left; `close` leaves the rest."""

    def __init__(
        self, file: StateFile, clock: ScaledClock, around: QueueSurroundings, lock: StateLock
    ) -> None:
        self._file = file
        self._clock = clock
        self._around = around
        self._lanes: dict[str, FunctionLane] = {}
        self._ids = RequestIds()
        self._wake = asyncio.Event()
        self._running = Background()
        self._dispatcher = Background()
        self._lock = lock
        self._is_closing = False
        self.on_messages: Callable[[], None] = lambda: None

    # Life

    async def start(self) -> None:
        """Begins with what waits on disk; where another gateway has the queue, once that ended."""
        self._dispatcher.start(self._dispatch())

    async def close(self) -> None:
        """Ends; what runs gets a moment, and what does not end then runs again another time."""
        self._is_closing = True
        await self._dispatcher.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._running.settled()
        await self._running.cancel()

    # In

    async def accept(self, invocation: Invocation) -> str:
        """The request id of an event that is on disk from now on.

        The caller has judged the payload. Raises ServiceError for an event that is too large or
        cannot be kept: nothing of it is kept then.
        """
        check_event_size(len(invocation.payload))
        if not self._lock.acquire():
            text = (
                f"another gateway has the event queue {self._file.path}: "
                "give this one a folder of its own with gateway.state"
            )
            raise ServiceError("ServiceException", text)
        event = self.event_of(invocation, self._clock.now())
        insert = partial(event_store.insert_event, event=event, due=event.accepted)
        try:
            number = await self._file.run(insert)
        except StateProblem as problem:
            raise ServiceError("ServiceException", str(problem)) from problem
        except asyncio.CancelledError:  # the caller has left, and the event may be on disk
            self._running.start(self._look_behind(self._lane(event.function.name)))
            raise
        self._around.count("AsyncEventsReceived", event.function, 1)
        self._take(StoredEvent(number, event))
        return event.request_id

    async def _look_behind(self, lane: FunctionLane) -> None:
        """Has a lane look once all that is being written now is on disk."""
        await self._file.run(_nothing)
        lane.expect(LOOK_NOW)
        self._wake.set()

    def event_of(self, invocation: Invocation, now: float) -> AsyncEvent:
        """The event that asks for `invocation`: with an id, and its turn in the chain."""
        request_id = invocation.request_id or self._ids.request_id()
        trace_id = invocation.trace_id or self._ids.trace_id(request_id, now)
        turn = next_turn(trace_id, self._around.account().arn(invocation.function.name))
        return AsyncEvent(
            request_id=request_id,
            function=invocation.function,
            payload=invocation.payload,
            trace_id=turn.trace_id,
            accepted=now,
            turn=turn.number,
        )

    def _take(self, stored: StoredEvent) -> None:
        """A new event goes straight to its lane where nothing waits before it."""
        lane = self._lane(stored.event.function.name)
        if lane.next_due is None and len(lane.ready) < READ_AHEAD and not self._is_closing:
            lane.ready.append(stored)
            self._fill(lane)
        else:
            lane.expect(stored.event.accepted)
            self._wake.set()

    def _lane(self, name: str) -> FunctionLane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = FunctionLane(name)
        return lane

    # Out

    async def _dispatch(self) -> None:
        await self._lock.acquired()
        await self._persist(self._find_lanes)
        while True:
            self._wake.clear()
            await self._persist(self._look)
            dues = [lane.next_due for lane in self._lanes.values() if lane.is_low]
            latest = self._clock.now() + _LONGEST_SLEEP
            until = min((due for due in dues if due is not None), default=latest)
            await self._clock.sleep_until(min(until, latest), self._wake)

    async def _persist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Does `step` until the disk lets it."""
        is_said = False
        while True:
            try:
                return await step()
            except StateProblem as problem:
                if not is_said:
                    logger.error("asynchronous invocations wait: %s", problem)  # noqa: TRY400 - a sentence
                is_said = True
                await asyncio.sleep(_TROUBLE_WAIT)

    async def _find_lanes(self) -> None:
        for name in await self._file.run(event_store.functions_waiting):
            self._lane(name).expect(LOOK_NOW)

    async def _look(self) -> None:
        """Reads what is due into the lanes that have room, and lets them run it."""
        now = self._clock.now()
        lanes = [lane for lane in self._lanes.values() if lane.is_to_look(now)]
        if not lanes:
            return
        for lane in lanes:
            lane.next_due = None  # whatever comes meanwhile lowers it again
            lane.finished.clear()
        looks = [(lane.name, READ_AHEAD - len(lane.ready), lane.held) for lane in lanes]
        try:
            answers = await self._file.run(partial(_read, looks=looks, now=now))
        except BaseException:
            for lane in lanes:
                lane.expect(LOOK_NOW)
            raise
        for lane, (events, due) in zip(lanes, answers, strict=True):
            known = lane.held | lane.finished
            lane.ready.extend(stored for stored in events if stored.id not in known)
            if due is not None:
                lane.expect(due)
            self._fill(lane)

    def _fill(self, lane: FunctionLane) -> None:
        """Runs what stands ready, as far as the function's concurrency allows it."""
        room = min(MOST_RUNNING, max(1, self._around.concurrency(lane.name)))
        while lane.ready and len(lane.running) < room:
            stored = lane.ready.popleft()
            lane.running[stored.id] = stored.event
            self._running.start(self._handle(lane, stored))

    async def _handle(self, lane: FunctionLane, stored: StoredEvent) -> None:
        try:
            step = await self._step(stored.event)
            await self._persist(partial(self._write, lane, stored.id, step))
        except BaseException:
            lane.expect(LOOK_NOW)  # nothing of it is on disk: it waits there as before
            raise
        finally:
            del lane.running[stored.id]
            lane.finished.add(stored.id)
            if not self._is_closing:
                self._fill(lane)
                if lane.is_to_look(self._clock.now()):
                    self._wake.set()

    async def _step(self, event: AsyncEvent) -> TryAgain | Ended:
        """Tries an event, if it may be tried, and says what that means."""
        settings = self._around.settings(event.function)
        age = self._clock.age(event.accepted)
        ended = before_try(event, settings, age)
        if ended is not None:
            return ended
        if event.invokes == 0 and event.throttles == 0:
            self._around.count("AsyncEventAge", event.function, age * 1000)
        outcome = await self._outcome(event)
        settings = self._around.settings(event.function)
        return after_try(event, outcome, settings, self._clock.age(event.accepted))

    async def _outcome(self, event: AsyncEvent) -> Outcome:
        invocation = Invocation(
            event.function, event.payload, event.trace_id, request_id=event.request_id
        )
        try:
            return await self._around.invoke(invocation)
        except Exception as error:
            logger.exception("a fault of edgegw itself, please report it")
            return InvokeRefusal("ServiceException", str(error))

    async def _write(self, lane: FunctionLane, number: int, step: TryAgain | Ended) -> None:
        now = self._clock.now()
        if isinstance(step, TryAgain):
            due = now + self._clock.real(step.wait)
            await self._file.run(
                partial(event_store.put_off, number=number, event=step.event, due=due)
            )
            lane.expect(due)
            self._wake.set()
            if not step.event.throttles:
                logger.warning("%s", failed_try_line(step))
            return
        messages = self._messages(step, now)
        await self._file.run(
            partial(event_store.settle, number=number, ended=step, messages=messages, now=now)
        )
        self._tell(step, messages)

    def _messages(self, ended: Ended, now: float) -> list[DestinationMessage | FunctionEvent]:
        """What an event's end sends; to functions, as events that wait from then on."""
        settings = self._around.settings(ended.event.function)
        messages = destination_messages(ended, settings, self._around.account(), now)
        return [self._as_event(message, ended.event, now) or message for message in messages]

    def _as_event(
        self, message: DestinationMessage, source: AsyncEvent, now: float
    ) -> FunctionEvent | None:
        target = parse_target(message.target)
        if target is None or target.kind != "function" or not target.local_name:
            return None
        try:
            check_event_size(len(message.body))
        except ServiceError:
            return None  # as a message it fails, and is shown
        invocation = Invocation(target.function, message.body, source.trace_id)
        return FunctionEvent(self.event_of(invocation, now), now)

    def _tell(self, ended: Ended, messages: list[DestinationMessage | FunctionEvent]) -> None:
        """What follows from an end that is on disk."""
        for message in messages:
            if isinstance(message, FunctionEvent):
                self._lane(message.event.function.name).expect(message.due)
                self._around.count("AsyncEventsReceived", message.event.function, 1)
                self._wake.set()
            else:
                self.on_messages()
        event = ended.event
        if ended.condition != "Success":
            logger.warning("%s", given_up_line(ended))
            self._around.count("AsyncEventsDropped", event.function, 1)
        if event.last is not None and event.last.error == LOOP_STOPPED:
            self._around.count("RecursiveInvocationsDropped", event.function, 1)

    # For people

    def running(self) -> set[int]:
        """The numbers of the events that run at this moment."""
        return {number for lane in self._lanes.values() for number in lane.running}

    async def look_again(self) -> None:
        """Somebody else put events on disk: every lane looks."""
        await self._find_lanes()
        self._wake.set()


def _read(
    db: sqlite3.Connection, looks: list[tuple[str, int, set[int]]], now: float
) -> list[tuple[list[StoredEvent], float | None]]:
    """Of each lane what is due, and when what comes behind it is."""
    answers: list[tuple[list[StoredEvent], float | None]] = []
    for function, most, held in looks:
        events = event_store.due_events(db, function, now, most, held)
        rest = held | {stored.id for stored in events}
        answers.append((events, event_store.next_due(db, function, rest)))
    return answers


def _nothing(_db: sqlite3.Connection) -> None:
    """A work that only waits for its turn."""
