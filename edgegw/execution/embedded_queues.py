"""Embedded queues: SQS on one machine, in one file of the state folder.

What is decided stands in `messaging`, what is written in `queue_store`; here are the operations:
they find the queue, look at the clock, hand one transaction to the file, and ring for those who
wait. A receiver that waits sleeps until somebody rings or a hidden message can be seen again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from edgegw.awslambda.names import Account
from edgegw.execution import queue_store as store
from edgegw.execution.clock import ScaledClock
from edgegw.execution.queue_bells import QueueBells
from edgegw.execution.queue_registry import KnownQueue, QueueRegistry
from edgegw.execution.state_file import StateFile
from edgegw.messaging.queue import (
    QueueCounts,
    QueueSettings,
    ReceivedMessage,
    SendMessage,
    SentMessage,
)
from edgegw.messaging.queue_attributes import check_same, encode_attributes, set_attributes
from edgegw.messaging.queue_errors import QueueError
from edgegw.messaging.receipts import read_handle
from edgegw.messaging.receiving import check_visibility, may_change_visibility, may_delete
from edgegw.messaging.sending import DEDUPLICATION_INTERVAL, check_batch, check_message, delay_of

_Answer = TypeVar("_Answer")
PURGE_INTERVAL: Final = 60
"""Seconds after a purge in which there is no other.

Source: SQS API Reference, PurgeQueue.
"""
_SWEEP: Final = 60.0
"""Seconds (by the clock of AWS) between two looks for what is too old."""


class EmbeddedQueues:
    """All embedded queues of a gateway. `name` is a queue's name, its URL or its ARN.

    Every operation has reached the disk when it returns. Raises QueueError where SQS would refuse,
    StateProblem where the disk does.
    """

    def __init__(
        self, state: StateFile, clock: ScaledClock, account: Account, new_id: Callable[[], str]
    ) -> None:
        self._state = state
        self._clock = clock
        self._new_id = new_id
        self._bells = QueueBells()
        self._swept: dict[str, float] = {}
        self.registry = QueueRegistry(account)

    # Which queues there are

    def names(self) -> list[str]:
        """Of all queues, in order."""
        return self.registry.names()

    def settings(self, name: str) -> QueueSettings:
        """The queue. Raises QueueError."""
        return self.registry.known(name).settings

    def arn(self, name: str) -> str:
        """The queue's ARN. Raises QueueError."""
        return self.registry.arn(self.settings(name).name)

    async def take_up(self) -> None:
        """Learns which queues a former run has made."""
        self.registry.read(await self._state.run(_saved_queues))

    def configure(self, queues: Sequence[QueueSettings], account: Account) -> None:
        """The configuration has these queues from now on."""
        self.registry.configure(queues, account, self._clock.now())
        self._bells.ring_all()

    async def create(
        self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        """Makes a queue, unless there is the same one already. Raises QueueError."""
        present = self.registry.find(name) if name in self.names() else None
        if present is not None:
            check_same(set_attributes(present, self.registry.arn), attributes)
            return
        known = self.registry.create(name, attributes, tags, self._clock.now())
        await self._keep(known)

    async def set_attributes(self, name: str, attributes: Mapping[str, str]) -> None:
        """Changes attributes, written as AWS does. Raises QueueError."""
        await self._keep(self.registry.changed(name, attributes, self._clock.now()))

    async def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Gives a queue these tags in the place of its others."""
        known = self.registry.known(name)
        await self._keep(replace(known, life=replace(known.life, tags=dict(tags))))

    async def _keep(self, known: KnownQueue) -> None:
        if not known.is_configured:
            await self._state.run(partial(self.registry.save, known=known))
        self.registry.add(known)
        self._bells.ring(known.settings.name)

    async def remove(self, name: str) -> None:
        """Deletes a queue with its messages. Raises QueueError."""
        known = self.registry.known(name)
        queue = known.settings
        if known.is_configured:
            text = f"The queue {queue.name} stands in the configuration: delete it there"
            raise QueueError("UnsupportedOperation", text)
        await self._state.run(partial(store.forget, queue=queue))
        self.registry.remove(queue.name)
        self._bells.ring(queue.name)

    async def attributes(self, name: str) -> dict[str, str]:
        """All attributes, as AWS writes them. Raises QueueError."""
        known = self.registry.known(name)
        counts = await self.counts(name)
        return encode_attributes(known.settings, known.life, counts, self.registry.arn)

    # Messages

    async def send(self, name: str, message: SendMessage) -> SentMessage:
        """Accepts a message. Raises QueueError."""
        queue = self.settings(name)
        check_message(message, queue)
        return (await self._put(queue, [message]))[0]

    async def send_batch(
        self, name: str, messages: Sequence[SendMessage]
    ) -> list[SentMessage | QueueError]:
        """Accepts messages in this order; for each what `send` returns or raises."""
        queue = self.settings(name)
        check_batch(messages, queue)
        answers: list[SentMessage | QueueError | None] = []
        fit: list[SendMessage] = []
        for message in messages:
            try:
                check_message(message, queue, in_batch=True)
            except QueueError as error:
                answers.append(error)
            else:
                answers.append(None)
                fit.append(message)
        sent = iter(await self._put(queue, fit))
        return [next(sent) if answer is None else answer for answer in answers]

    async def _put(
        self, queue: QueueSettings, messages: Sequence[SendMessage]
    ) -> list[SentMessage]:
        at = self._instant(queue)
        arrivals = [
            store.Arrival(
                message, self._new_id(), at.now + self._clock.real(delay_of(message, queue))
            )
            for message in messages
        ]
        sent = await self._state.run(partial(store.put, queue=queue, arrivals=arrivals, at=at))
        self._bells.ring(queue.name)
        return sent

    async def receive(
        self, name: str, limit: int = 10, *, visibility: float | None = None, wait: float = 0
    ) -> list[ReceivedMessage]:
        """Up to `limit` messages; waits so many seconds for the first one.

        It comes back at once when one is sent, becomes visible or is delayed no longer: a poller
        needs no other bell. Without `visibility` the queue's own timeout holds. Raises QueueError.
        """
        name = self.settings(name).name
        if visibility is not None:
            check_visibility(visibility)
        deadline = self._clock.now() + self._clock.real(wait)
        with self._bells.listen(name) as bell:
            while True:
                bell.clear()
                taken = await self._take(name, limit, visibility)
                if taken.messages or self._clock.now() >= deadline:
                    return taken.messages
                again = deadline if taken.look_again is None else taken.look_again
                await self._clock.sleep_until(min(again, deadline), bell)
                if self._bells.is_closed:
                    return []

    async def _take(self, name: str, limit: int, visibility: float | None) -> store.Taken:
        queue = self.settings(name)
        dead_letter_queue = self.registry.dead_letter_queue(queue)
        if dead_letter_queue is None and queue.redrive is not None:
            queue = replace(queue, redrive=None)
        at = self._instant(queue)
        seconds = queue.visibility_timeout if visibility is None else visibility
        hidden_until = at.now + self._clock.real(seconds)
        taking = store.Taking(limit, hidden_until, self.registry.arn(name))
        work = partial(
            store.take, queue=queue, dead_letter_queue=dead_letter_queue, taking=taking, at=at
        )
        taken = await self._swept_first(queue, at, work)
        if taken.has_dead and dead_letter_queue is not None:
            self._bells.ring(dead_letter_queue.name)
        return taken

    async def delete(self, name: str, handles: Sequence[str]) -> list[QueueError | None]:
        """Deletes what was received; for each handle None, or why not. Raises QueueError."""
        queue, now = self.settings(name), self._clock.now()

        def delete_one(connection: sqlite3.Connection, handle: str) -> None:
            receipt = read_handle(queue.name, handle)
            message = store.find(connection, queue, receipt.number)
            if may_delete(message, receipt, handle, queue, now):
                store.delete(connection, receipt.number)

        return await self._one_by_one(queue, delete_one, handles)

    async def change_visibility(
        self, name: str, seconds: Sequence[tuple[str, float]]
    ) -> list[QueueError | None]:
        """Hides messages by handle for so many seconds from now; 0 gives them back at once.

        For each handle None, or why not. Raises QueueError.
        """
        queue, now = self.settings(name), self._clock.now()

        def hide_one(connection: sqlite3.Connection, entry: tuple[str, float]) -> None:
            handle, wanted = entry
            check_visibility(wanted)
            receipt = read_handle(queue.name, handle)
            message = store.find(connection, queue, receipt.number)
            if may_change_visibility(message, receipt, handle, queue, now) and message is not None:
                check_visibility(wanted, self._clock.age(message.received))
                store.hide(connection, receipt.number, now + self._clock.real(wanted))

        return await self._one_by_one(queue, hide_one, seconds)

    async def _one_by_one(
        self,
        queue: QueueSettings,
        work: Callable[[sqlite3.Connection, _Answer], None],
        entries: Sequence[_Answer],
    ) -> list[QueueError | None]:
        """Does `work` for each entry in one transaction, and rings."""

        def run(connection: sqlite3.Connection) -> list[QueueError | None]:
            errors: list[QueueError | None] = []
            for entry in entries:
                try:
                    work(connection, entry)
                    errors.append(None)
                except QueueError as error:
                    errors.append(error)
            return errors

        errors = await self._state.run(run)
        self._bells.ring(queue.name)
        return errors

    async def counts(self, name: str) -> QueueCounts:
        """How many messages there are. Raises QueueError."""
        queue = self.settings(name)
        work = partial(store.count, queue=queue, at=self._instant(queue))
        return await self._state.run(work)

    async def purge(self, name: str) -> None:
        """Deletes all messages. Raises QueueError: once a minute only."""
        known = self.registry.known(name)
        now = self._clock.now()
        if self._clock.age(known.purged) < PURGE_INTERVAL:
            raise QueueError(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {known.settings.name} is allowed every "
                f"{PURGE_INTERVAL} seconds.",
            )
        await self._state.run(partial(store.purge, queue=known.settings))
        known.purged = now

    def ring(self, name: str) -> None:
        """Has those look again who wait for the queue of this name."""
        self._bells.ring(name)

    async def close(self) -> None:
        """Lets those go who wait, and the file."""
        self._bells.close()
        with suppress(asyncio.CancelledError):
            await self._state.close()

    def _instant(self, queue: QueueSettings) -> store.Instant:
        now = self._clock.now()
        return store.Instant(
            now,
            now - self._clock.real(queue.retention),
            now + self._clock.real(DEDUPLICATION_INTERVAL),
        )

    async def _swept_first(
        self,
        queue: QueueSettings,
        at: store.Instant,
        work: Callable[[sqlite3.Connection], _Answer],
    ) -> _Answer:
        """`work`; once in a while what is too old is deleted before."""
        if self._clock.age(self._swept.get(queue.name, 0.0)) < _SWEEP:
            return await self._state.run(work)
        self._swept[queue.name] = at.now

        def swept(connection: sqlite3.Connection) -> _Answer:
            store.sweep(connection, queue, at)
            return work(connection)

        return await self._state.run(swept)


def _saved_queues(connection: sqlite3.Connection) -> list[tuple[str, str, str, float, float]]:
    sql = "SELECT name, attributes, tags, created, modified FROM queues"
    return connection.execute(sql).fetchall()
