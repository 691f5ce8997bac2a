"""The poller of an SQS queue.

    one loop: receive ─▶ filter ─▶ gather ─▶ start a batch ─▶ receive …
                                                 │ as many beside each other as `Growth` says
                                                 ▼
                                       invoke ─▶ settle ─▶ delete what succeeded

The loop holds what it has received and not yet started: the batch that is being gathered, and
messages that did not fit into the one before. When it ends they are given back at once, so that
nobody waits for their visibility timeout; whatever fails is left to that timeout, as on AWS. If the
queue cannot be asked, what was gathered is kept, and the loop tries again more and more rarely.

A FIFO queue keeps order by itself, because it hands out nothing of a group that has a message in
flight; the one thing left to do is in `Pieces`. It is why nothing of a FIFO queue is held over.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar

from edgegw.awslambda.event_source import Batch, BatchRule, RecordFilter, with_parsed
from edgegw.awslambda.model import Invocation, Throttled
from edgegw.awslambda.payload import encode_payload
from edgegw.awslambda.source_mapping import EventSourceMapping, too_short
from edgegw.awslambda.sqs_source import (
    MOST_RECEIVED,
    InFlight,
    Pieces,
    Settlement,
    growth_of,
    pause_after,
    settle,
    sqs_record,
    trace_header,
)
from edgegw.background import Background
from edgegw.execution.clock import ScaledClock
from edgegw.execution.event_sources import CountEvents, Invoker, uncounted
from edgegw.execution.event_sources.queue_client import QueueClient, QueueProblem

logger = logging.getLogger(__name__)

_FULL: Final = 0.2
"""Seconds until the loop looks whether more may run at once, when nothing ends before."""
_RETRY: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds until a queue that cannot be asked is asked again."""

_Item = TypeVar("_Item")


class SqsPoller:
    """Reads one queue for one mapping."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        queue: QueueClient,
        invoke: Invoker,
        clock: ScaledClock,
        function_timeout: float = 0.0,
        count: CountEvents = uncounted,
    ) -> None:
        self._function_timeout = function_timeout
        self._mapping = mapping
        self._queue = queue
        self._invoke = invoke
        self._clock = clock
        self._count = count
        self._filter = RecordFilter(mapping.filters)
        self._rule = BatchRule(mapping.batch_size, mapping.batch_window)
        self._growth = growth_of(mapping)
        self._batch = Batch[InFlight](self._rule)
        self._held: deque[tuple[InFlight, bytes]] = deque()
        self._batches = Background()
        self._ended = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._busy_since = 0.0
        self._is_throttled = False
        self._throttles = 0
        self._failures = 0
        self.last_result = "No records processed"

    # Life

    def start(self) -> None:
        """Begins to read."""
        if self._loop is None:
            self._loop = asyncio.ensure_future(self._poll())
            self._loop.add_done_callback(self._note_fault)

    def _note_fault(self, loop: asyncio.Task[None]) -> None:
        if not loop.cancelled() and (error := loop.exception()) is not None:
            self.last_result = f"PROBLEM: it reads no more: {error!r}"
            logger.error("a fault of edgegw itself, please report it", exc_info=error)

    async def drain(self) -> None:
        """Reads no more, gives back what did not run, and waits for the batches that run."""
        await self._stop_reading()
        await self._batches.settled()

    async def close(self) -> None:
        """Ends at once."""
        await self._stop_reading()
        await self._batches.cancel()
        await self._queue.close()

    async def _stop_reading(self) -> None:
        if self._loop is None:
            return
        self._loop.cancel()
        await asyncio.wait([self._loop])
        self._loop = None
        waiting = [*self._batch.items, *(message for message, _ in self._held)]
        self._batch = Batch[InFlight](self._rule)
        self._held.clear()
        await self._give_back(waiting)

    # Reading

    async def _poll(self) -> None:
        await self._compare_timeouts()
        while True:
            await self._pause()
            await self._until_more_may_run()
            try:
                await self._read()
                self._note_reachable()
            except QueueProblem as problem:
                await self._note_unreachable(problem)

    async def _compare_timeouts(self) -> None:
        """Tells of a queue that hides messages for less long than the function may take."""
        try:
            hidden = await self._queue.visibility_timeout()
        except QueueProblem:
            return  # the first receive says so
        text = too_short(hidden, self._function_timeout)
        if text:
            mapping = self._mapping
            logger.warning(
                "%s -> %s: %s; messages come twice", mapping.source, mapping.function, text
            )

    async def _read(self) -> None:
        """Gathers the next batch, and starts it."""
        if self._mapping.kind == "sqs-fifo":
            messages = await self._receive(self._rule.size, math.inf)
            if messages:
                pieces = Pieces(messages, self._mapping.arn, self._rule)
                self._start(self._run_pieces(pieces))
            return
        self._take_held()
        while (wait := self._batch.waits(self._now())) != 0:
            most = min(MOST_RECEIVED, self._batch.missing)
            for message in await self._receive(most, math.inf if wait is None else wait):
                self._gather(message, encode_payload(sqs_record(message, self._mapping.arn)))
            if self._held:
                break  # the next one does not fit
        batch, self._batch = self._batch, Batch[InFlight](self._rule)
        self._start(self._run_alone(batch))

    def _take_held(self) -> None:
        while self._held and self._batch.takes(self._held[0][1]):
            self._batch.add(*self._held.popleft(), self._now())

    def _gather(self, message: InFlight, record: bytes) -> None:
        if self._held or not self._batch.takes(record):
            self._held.append((message, record))
        else:
            self._batch.add(message, record, self._now())

    async def _receive(self, most: int, wait: float) -> list[InFlight]:
        """What has come and passes the filters; what does not pass is deleted."""
        messages = await self._queue.receive(most, self._clock.real(wait))
        if not messages:
            return []
        self._count("PolledEventCount", len(messages))
        if not self._batches:
            self._busy_since = self._now()
        if not self._filter:
            return list(messages)
        passing, dropped = list[InFlight](), list[InFlight]()
        for message in messages:
            (passing if self._passes(message) else dropped).append(message)
        if dropped:
            self._count("FilteredOutEventCount", len(dropped))
            await self._queue.delete(dropped)
            logger.debug("%s: the filters drop %d messages", self._mapping.source, len(dropped))
        return passing

    def _passes(self, message: InFlight) -> bool:
        record = sqs_record(message, self._mapping.arn)
        return self._filter.passes(with_parsed(record, "body"))

    # Running

    async def _run_alone(self, batch: Batch[InFlight]) -> None:
        await self._run(batch)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a batch beside everything else."""
        self._batches.start(work).add_done_callback(lambda _: self._ended.set())

    async def _run_pieces(self, pieces: Pieces) -> None:
        try:
            while (batch := pieces.next()) is not None:
                pieces.fail((await self._run(batch)).kept)
        except asyncio.CancelledError:
            await self._give_back(pieces.left)
            raise

    async def _run(self, batch: Batch[InFlight]) -> Settlement:
        """Invokes the function with a batch, and deletes what succeeded."""
        mapping = self._mapping
        invocation = Invocation(mapping.function, batch.event, trace_header(batch.items))
        self._count("InvokedEventCount", len(batch))
        outcome = await self._invoke(invocation)
        settlement = settle(batch.items, outcome, reports_failures=mapping.reports_failures)
        if settlement.kept:
            self._count("FailedInvokeEventCount", len(settlement.kept))
        if isinstance(outcome, Throttled):
            self._is_throttled = True
        else:
            self._throttles = 0
        self._note(settlement, len(batch))
        await self._carry_out(settlement)
        return settlement

    async def _carry_out(self, settlement: Settlement) -> None:
        try:
            for some in _tens(settlement.deleted):
                await self._queue.delete(some)
                self._count("DeletedEventCount", len(some))
            for some in _tens(settlement.kept):
                await self._queue.fail(some)
        except QueueProblem as problem:
            text = "%s -> %s: messages come again though the function has handled them: %s"
            logger.warning(text, self._mapping.source, self._mapping.function, problem)

    def _note(self, settlement: Settlement, size: int) -> None:
        mapping = self._mapping
        if not settlement.failure:
            self.last_result = "OK"
            return
        self.last_result = f"PROBLEM: {settlement.failure}"
        text = "%s -> %s: of a batch of %d, %d messages failed and come again: %s"
        kept = len(settlement.kept)
        logger.warning(text, mapping.source, mapping.function, size, kept, settlement.failure)

    async def _give_back(self, messages: Sequence[InFlight]) -> None:
        try:
            for some in _tens(messages):
                await self._queue.release(some)
        except QueueProblem as problem:
            logger.debug("%s: %s", self._mapping.source, problem)  # their timeout does it later

    # How fast

    async def _until_more_may_run(self) -> None:
        while self._batches.count >= self._limit():
            self._ended.clear()
            await self._clock.sleep(_FULL, self._ended)

    def _limit(self) -> int:
        return self._growth.limit(self._now() - self._busy_since) if self._batches else 1

    async def _pause(self) -> None:
        if self._is_throttled:
            self._is_throttled = False
            self._throttles += 1
            await self._clock.sleep(pause_after(self._throttles))

    def _now(self) -> float:
        """Seconds as AWS counts them: a clock that runs faster counts more of them."""
        return self._clock.now() * self._clock.scale

    # A queue that cannot be asked

    async def _note_unreachable(self, problem: QueueProblem) -> None:
        text = f"PROBLEM: {problem}"
        if self.last_result != text:
            logger.warning("%s -> %s: %s", self._mapping.source, self._mapping.function, problem)
        self.last_result = text
        wait = _RETRY[min(self._failures, len(_RETRY) - 1)]
        self._failures += 1
        await asyncio.sleep(wait)

    def _note_reachable(self) -> None:
        if self._failures:
            logger.info("%s can be read again", self._mapping.source)
        self._failures = 0


def _tens(messages: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(messages), MOST_RECEIVED):
        yield messages[start : start + MOST_RECEIVED]
