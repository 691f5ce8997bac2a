"""What carries messages from `deliveries` on disk to destinations and dead-letter queues.

A message stays on disk until its target has it, and is tried again after 1 s … 5 min, as events
are; after six hours it is given up and stands in `edgegw queue` until somebody redrives it. So it
arrives at least once. To a file it comes exactly once: lines are on disk before their messages
leave, and whoever starts after a kill looks whether the lines of the messages that are left stand
at the file's end already. (A function that is a destination gets its event in the same step in
which the other one ends, and never comes here.)

Lines for one file are written together, other targets get their messages side by side: `sending`
are those under way, `arrived` those of them that are still on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Final

from edgegw.awslambda.async_invocation import DEFAULT_AGE, back_off
from edgegw.awslambda.destinations import parse_target
from edgegw.awslambda.model import FunctionRef
from edgegw.background import Background
from edgegw.errors import StateProblem
from edgegw.execution import event_store
from edgegw.execution.async_queue import Count
from edgegw.execution.clock import ScaledClock
from edgegw.execution.deliveries import (
    Deliveries,
    DeliveryFailure,
    append_lines,
    file_line,
    lines_at_the_end,
)
from edgegw.execution.event_store import StoredDelivery
from edgegw.execution.state_file import StateFile
from edgegw.execution.state_lock import StateLock

logger = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 64
_LONGEST_SLEEP: Final = 60.0
_TROUBLE_WAIT: Final = 1.0


class Outbox:
    """Sends what stands in `deliveries`, once the lock says that this gateway is the one to."""

    def __init__(
        self,
        file: StateFile,
        clock: ScaledClock,
        deliveries: Deliveries,
        count: Count,
        lock: StateLock,
    ) -> None:
        self._file = file
        self._clock = clock
        self._deliveries = deliveries
        self._count = count
        self._lock = lock
        self._wake = asyncio.Event()
        self._task = Background()
        self._left_behind = 0
        self._sending: set[int] = set()
        self._arrived: set[int] = set()

    def wake(self) -> None:
        """There is a new message on disk."""
        self._wake.set()

    async def start(self) -> None:
        self._task.start(self._run())

    async def close(self) -> None:
        """Ends; what is not delivered stays on disk."""
        await self._task.cancel()

    async def _run(self) -> None:
        await self._lock.acquired()
        is_first = True
        while True:
            try:
                if is_first:
                    self._left_behind = await self._file.run(event_store.last_delivery)
                    is_first = False
                self._wake.clear()
                until = await self._send_due()
            except StateProblem as problem:
                logger.error("messages to destinations wait: %s", problem)  # noqa: TRY400
                await asyncio.sleep(_TROUBLE_WAIT)
                continue
            latest = self._clock.now() + _LONGEST_SLEEP
            await self._clock.sleep_until(min(until or latest, latest), self._wake)

    async def _send_due(self) -> float | None:
        """Sends what is due; when the next message is."""
        await self._note_arrived()
        now, held = self._clock.now(), {*self._sending}
        due = await self._file.run(
            partial(event_store.due_deliveries, now=now, most=_MOST_AT_ONCE - len(held), held=held)
        )
        files: dict[Path, list[StoredDelivery]] = defaultdict(list)
        for delivery in due:
            target = parse_target(delivery.message.target)
            if target is not None and target.kind == "file":
                files[Path(target.name)].append(delivery)
            else:
                self._sending.add(delivery.id)
                self._task.start(self._send(delivery))
        for path, lines in files.items():
            await self._write(path, lines)
        if len(self._sending) >= _MOST_AT_ONCE:
            return None
        return await self._file.run(partial(event_store.next_delivery, held={*self._sending}))

    async def _note_arrived(self) -> None:
        """Takes from disk what has arrived, again where that failed: nothing is sent twice."""
        numbers = list(self._arrived)
        if numbers:
            await self._file.run(partial(event_store.delivered, numbers=numbers))
            self._arrived.difference_update(numbers)
            self._sending.difference_update(numbers)

    async def _write(self, path: Path, deliveries: list[StoredDelivery]) -> None:
        lines = {
            delivery.id: file_line(delivery.message.body, delivery.message.attributes)
            for delivery in deliveries
        }
        try:
            written = await self._written_before(path, lines)
            rest = [line for number, line in lines.items() if number not in written]
            if rest:
                await asyncio.to_thread(append_lines, path, rest)
        except DeliveryFailure as failure:
            for delivery in deliveries:
                await self._put_off(delivery, failure)
            return
        self._arrived.update(lines)
        await self._note_arrived()

    async def _written_before(self, path: Path, lines: dict[int, bytes]) -> set[int]:
        """Messages of a former run whose lines stand in the file already."""
        old = {number: line for number, line in lines.items() if number <= self._left_behind}
        if not old:
            return set()
        standing = await asyncio.to_thread(lines_at_the_end, path, old.values())
        return {number for number, line in old.items() if line in standing}

    async def _send(self, delivery: StoredDelivery) -> None:
        message = delivery.message
        try:
            await self._deliveries.deliver(
                message.target, message.body, message.attributes, message.trace_id
            )
        except DeliveryFailure as failure:
            await self._try_later(delivery, failure)
        except Exception as error:
            logger.exception("a fault of edgegw itself, please report it")
            await self._try_later(delivery, DeliveryFailure(repr(error)))
        else:
            self._arrived.add(delivery.id)
        self._wake.set()

    async def _try_later(self, delivery: StoredDelivery, failure: DeliveryFailure) -> None:
        try:
            await self._put_off(delivery, failure)
        finally:
            self._sending.discard(delivery.id)

    async def _put_off(self, delivery: StoredDelivery, failure: DeliveryFailure) -> None:
        """The message waits, or is given up where it is too old or nothing would help."""
        is_over = failure.is_final or self._clock.age(delivery.created) >= DEFAULT_AGE
        due = None if is_over else self._clock.now() + self._clock.real(back_off(delivery.tries))
        if is_over or str(failure) != delivery.error:
            level = logging.ERROR if is_over else logging.WARNING
            logger.log(level, "%s", _failure_line(delivery, failure, is_over=is_over))
        figure = (
            "DeadLetterErrors" if delivery.message.is_dead_letter else "DestinationDeliveryFailures"
        )
        if is_over or delivery.tries == 0:
            self._count(figure, FunctionRef(delivery.function), 1)
        await self._file.run(
            partial(event_store.put_off_delivery, number=delivery.id, due=due, error=str(failure))
        )


def _failure_line(delivery: StoredDelivery, failure: DeliveryFailure, *, is_over: bool) -> str:
    """What a log says of a message that did not arrive; of the same reason it says it once."""
    what = "the dead letter" if delivery.message.is_dead_letter else "the record"
    end = "it is given up" if is_over else "it is tried again for six hours"
    target = delivery.message.target
    return (
        f"{delivery.function}: {what} of {delivery.request_id} did not reach {target}: {failure}; "
        f"{end}, see `edgegw queue`"
    )
