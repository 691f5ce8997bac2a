"""The poller of one shard: one task reads, one for each lane invokes.

    reader: read ─▶ filter ─▶ lane of the partition key ─▶ (full? wait for room) ─▶ read …
    lane:   next work ─▶ invoke, or tell the destination ─▶ note ─▶ checkpoint on disk ─▶ next …

Whatever ends it, a batch is done only once its checkpoint is on disk; so killed at any moment,
what was under way comes again, and nothing is left out. Discarded records reach their destination
before the checkpoint moves past them: while the destination cannot be reached, the lane waits.
One that will never take it (a name that is none) is passed by, and the log has what was for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from edgegw.awslambda.event_source import RecordFilter
from edgegw.awslambda.model import FunctionError, Invocation, Outcome, Returned
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.awslambda.stream_checkpoint import ShardCheckpoint, ShardProgress, encode_checkpoint
from edgegw.awslambda.stream_events import (
    FailureContext,
    ShardOrigin,
    failure_record,
    failure_target,
    filter_view,
    stream_event,
)
from edgegw.awslambda.stream_lane import GiveUp, Lane, LaneWork, Pause, SendBatch, is_dropped
from edgegw.awslambda.stream_source import StreamRecord, StreamRules
from edgegw.errors import StateProblem
from edgegw.execution.clock import ScaledClock
from edgegw.execution.deliveries import DeliveryFailure
from edgegw.execution.event_sources import CountEvents, Invoker, uncounted
from edgegw.execution.event_sources.checkpoints import Checkpoints
from edgegw.execution.event_sources.stream_client import (
    ReadPage,
    ShardCursor,
    ShardStart,
    StreamClient,
    StreamProblem,
)
from edgegw.execution.request_ids import new_request_id
from edgegw.values import value

logger = logging.getLogger(__name__)

_RETRY: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds until a stream or a destination that cannot be asked is asked again."""
_AHEAD: Final = 2
"""Batches of each lane that are read ahead."""
NO_RECORDS: Final = "No records processed"
_Answer = TypeVar("_Answer")
Deliver = Callable[[str, bytes], Awaitable[None]]
"""Sends a body to a target. Raises DeliveryFailure."""


@value(kw_only=True)
class PollerContext:
    """What pollers of streams have around them. `function_arn` answers the ARN of a mapping's."""

    invoke: Invoker
    deliver: Deliver
    clock: ScaledClock
    checkpoints: Checkpoints
    function_arn: Callable[[EventSourceMapping], str]
    note_age: Callable[[str, float], None] = lambda _function, _age: None
    """Told the deployed name of a function and how old (seconds) the last record of a batch was."""
    count: CountEvents = uncounted
    note_undelivered: Callable[[str], None] = lambda _function: None
    """Told the deployed name of a function for each record that its destination does not take."""


class ShardPoller:
    """Reads one shard for one mapping, from `checkpoint` on, until it is over."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        origin: ShardOrigin,
        client: StreamClient,
        rules: StreamRules,
        context: PollerContext,
    ) -> None:
        self._mapping = mapping
        self._origin = origin
        self._client = client
        self._rules = rules
        self._context = context
        self._clock = context.clock
        self._filter = RecordFilter(mapping.filters)
        self._progress = ShardProgress(ShardCheckpoint(), rules.parallelization_factor)
        self._lanes: list[Lane] = []
        self._wakes: list[asyncio.Event] = []
        self._room = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._cursor: ShardCursor | None = None
        self._is_draining = False
        self.last_result = NO_RECORDS
        self.iterator_age = 0.0
        """Seconds between the arrival of the last record of a batch and its end."""

    async def run(self, checkpoint: ShardCheckpoint, start: ShardStart) -> bool:
        """Works until the shard is over and done (True), or until `drain` (False)."""
        factor = self._rules.parallelization_factor
        self._progress = ShardProgress(checkpoint, factor)
        windows = self._progress.windows
        self._lanes = [Lane(self._rules, windows.get(index)) for index in range(factor)]
        self._wakes = [asyncio.Event() for _ in range(factor)]
        async with asyncio.TaskGroup() as group:
            self._reading = group.create_task(self._read_all(start))
            for index in range(factor):
                group.create_task(self._work(index))
        if self._is_draining:
            return False
        await self._save(is_finished=True)
        return True

    def drain(self) -> None:
        """Reads no more; `run` ends with the invocations that run."""
        self._is_draining = True
        if self._reading is not None:
            self._reading.cancel()
        for wake in self._wakes:
            wake.set()

    # Reading

    async def _read_all(self, start: ShardStart) -> None:
        try:
            cursor = await self._stubbornly(lambda: self._client.open(self._origin.shard, start))
            self._cursor = cursor
            try:
                while not await self._read_some(cursor):
                    pass
            finally:
                cursor.close()
        except asyncio.CancelledError:
            if not self._is_draining:
                raise

    async def _read_some(self, cursor: ShardCursor) -> bool:
        """Reads a page into the lanes; whether the shard is over."""
        limit = self._rules.batch_size * _AHEAD * len(self._lanes)
        while sum(lane.buffered for lane in self._lanes) >= limit:
            self._room.clear()
            await self._room.wait()
        began = self._clock.now()
        page = await self._stubbornly(lambda: cursor.read(min(limit, 10_000)))
        is_ahead = self._distribute(page)
        if is_ahead:
            await self._save()
        if page.is_at_end:
            self._note_caught_up(began, is_over=page.is_over)
        if page.is_at_end and not page.is_over:
            await cursor.wait(self._next_end())
        elif not page.records:  # a gap, which is read in small steps
            await cursor.wait(began)
        return page.is_over

    def _distribute(self, page: ReadPage) -> bool:
        """Gives records to their lanes; whether some were left out, which moves the checkpoint."""
        now, is_ahead, filtered = self._clock.now(), False, 0
        for record in page.records:
            is_wanted = not self._filter or self._filter.passes(
                filter_view(self._origin.type, record)
            )
            filtered += not is_wanted
            lane = self._progress.take(record, is_wanted=is_wanted)
            if lane is None:
                is_ahead = True
                continue
            self._lanes[lane].add(record, now)
            self._wakes[lane].set()
        if page.records:
            self._context.count("PolledEventCount", len(page.records))
        if filtered:
            self._context.count("FilteredOutEventCount", filtered)
        return is_ahead

    def _note_caught_up(self, began: float, *, is_over: bool) -> None:
        for lane, wake in zip(self._lanes, self._wakes, strict=True):
            lane.caught_up_at = began
            lane.is_closing = is_over
            if is_over or lane.window is not None:
                wake.set()

    def _next_end(self) -> float | None:
        """When the next window ends, to look at the shard once more after that."""
        now = self._clock.now()
        ends = [end for lane in self._lanes if (end := lane.ends_at(now)) is not None]
        return min(ends, default=None)

    async def _stubbornly(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What `ask` answers, asked again more and more rarely while the stream has a problem."""
        failures = 0
        while True:
            try:
                return await ask()
            except (StreamProblem, StateProblem) as problem:
                text = f"PROBLEM: {problem}"
                if self.last_result != text:
                    self._warn("%s", problem)
                self.last_result = text
            await asyncio.sleep(_RETRY[min(failures, len(_RETRY) - 1)])
            failures += 1

    # Working

    async def _work(self, index: int) -> None:
        lane, wake = self._lanes[index], self._wakes[index]
        while not self._is_draining:
            wake.clear()
            work = lane.next_work(self._clock.now())
            if not isinstance(work, Pause):
                await self._do(index, work)
            elif lane.is_closing and lane.is_idle:
                return
            elif work.until is None:
                await wake.wait()
            else:
                await self._clock.sleep_until(work.until, wake)

    async def _do(self, index: int, work: LaneWork) -> None:
        """Does a lane's work; what is done by that is on disk at the end."""
        lane = self._lanes[index]
        if isinstance(work, SendBatch):
            outcome = await self._invoke(work)
            number = lane.note_outcome(work, outcome, self._clock.now())
            self._count_failed(work.batch.records, number)
        else:
            assert isinstance(work, GiveUp)
            if not await self._give_up(work):
                return
            number = lane.note_given_up(work)
        if number is not None:
            self._progress.note_done(index, number)
        self._note_window(index)
        self._room.set()
        await self._save()
        self._wakes[index].set()

    def _count_failed(self, records: Sequence[StreamRecord], done: int | None) -> None:
        """Counts the records of a batch that are not done by it: those behind `done`."""
        failed = sum(1 for record in records if done is None or record.number > done)
        if failed:
            self._context.count("FailedInvokeEventCount", failed)

    def _note_window(self, index: int) -> None:
        windows, window = self._progress.windows, self._lanes[index].window
        before = windows.pop(index, None)
        if window is None:
            return
        windows[index] = window
        if (before is None or before.end != window.end) and self._cursor is not None:
            self._cursor.wake()  # it has to look at the shard after another end

    async def _invoke(self, work: SendBatch) -> Outcome:
        event = stream_event(work, self._origin)
        if work.batch.records:
            self._context.count("InvokedEventCount", len(work.batch.records))
        outcome = await self._context.invoke(Invocation(self._mapping.function, event))
        if work.batch.records:
            self.iterator_age = self._clock.age(work.batch.records[-1].arrived_at)
            self._context.note_age(self._mapping.function.deployed_name, self.iterator_age)
        if isinstance(outcome, Returned):
            self.last_result = "OK"
            return outcome
        if isinstance(outcome, FunctionError):
            text = f"{outcome.error_type}: {outcome.message}"
        else:
            text = f"{type(outcome).__name__}: {outcome.message}"
        self.last_result = f"PROBLEM: {text}"
        self._warn("a batch of %d failed: %s", len(work.batch.records), text)
        return outcome

    async def _give_up(self, work: GiveUp) -> bool:
        """Tells the destination, as long as that takes; False: drained before."""
        records, target = work.batch.records, self._mapping.stream.on_failure
        first, last = (records[0], records[-1]) if records else (None, None)
        place = f"{first and first.sequence_number} to {last and last.sequence_number}"
        self._warn("%d records are given up (%s): %s", len(records), work.condition, place)
        if not target or not records:
            self._count_dropped(work)
            return True
        request_id, now = new_request_id(), self._clock.now()
        arn = self._context.function_arn(self._mapping)
        context = FailureContext(request_id, arn, now, target.startswith(("s3:", "arn:aws:s3:")))
        body = failure_record(work, self._origin, context)
        place = failure_target(target, self._mapping.uuid, self._origin, context)
        failures = 0
        while not self._is_draining:
            try:
                await self._context.deliver(place, body)
                self._context.count("OnFailureDestinationDeliveredEventCount", len(records))
                return True
            except DeliveryFailure as failure:
                self._context.note_undelivered(self._mapping.function.deployed_name)
                self._warn("the destination %s takes no record: %s", target, failure)
                if failure.is_final:
                    self._warn("what was for the destination is lost: %s", body.decode())
                    self._count_dropped(work)
                    return True
            await self._clock.sleep(_RETRY[min(failures, len(_RETRY) - 1)])
            failures += 1
        return False

    def _count_dropped(self, work: GiveUp) -> None:
        if work.batch.records and is_dropped(work, self._rules):
            self._context.count("DroppedEventCount", len(work.batch.records))

    async def _save(self, *, is_finished: bool = False) -> None:
        state = encode_checkpoint(self._progress.checkpoint(is_finished=is_finished))
        try:
            await self._context.checkpoints.save(self._mapping.uuid, self._origin.shard, state)
        except StateProblem as problem:
            self._warn("how far it is cannot be kept, records will come again: %s", problem)

    def _warn(self, text: str, *details: object) -> None:
        place = (self._mapping.source, self._origin.shard, self._mapping.function)
        logger.warning(f"%s, %s -> %s: {text}", *place, *details)
