"""Message move tasks: what lies in a dead letter queue goes back to where it came from.

A task moves what is visible, some at a time, each time in one transaction: a message is in one
queue or the other, whenever the gateway is killed. Tasks themselves are not kept on disk.

A moved message is a new one: it has another id, is sent at the time it is moved, and was received
never.

Source: SQS Developer Guide, "Dead-letter queue redrive"; SQS API Reference, StartMessageMoveTask.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from edgegw.background import Background
from edgegw.errors import StateProblem
from edgegw.execution.clock import ScaledClock
from edgegw.execution.queue_registry import QueueRegistry
from edgegw.execution.queue_store import visible_numbers
from edgegw.execution.state_file import StateFile
from edgegw.messaging.move_tasks import (
    MoveStatus,
    MoveTask,
    check_no_other,
    check_source,
    no_such_arn,
    no_such_task,
    read_task_handle,
)
from edgegw.messaging.queue import QueueSettings

_AT_ONCE: Final = 100
_MOST_REMEMBERED: Final = 10
_MOVE: Final = (
    "INSERT INTO messages (queue, lane, visible_at, receives, sent, received, message_id, group_id,"
    " deduplication_id, trace_header, attributes, body)"
    " SELECT ?, ?, ?, 0, ?, 0, ?, group_id, deduplication_id, trace_header, attributes, body"
    " FROM messages WHERE number = ?"
)


@dataclass
class _MoveUnderWay:
    """A task on its way."""

    task: MoveTask
    moved: int = 0
    status: MoveStatus = "RUNNING"
    failure: str = ""

    @property
    def seen(self) -> MoveTask:
        return self.task.at(self.moved, self.status, self.failure)


class _UnknownSourceError(Exception):
    """A message does not say where it came from, or that queue is gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class QueueMoves:
    """The move tasks of this run."""

    def __init__(
        self,
        state: StateFile,
        clock: ScaledClock,
        registry: QueueRegistry,
        ring: Callable[[str], None],
        new_id: Callable[[], str],
    ) -> None:
        self._state = state
        self._clock = clock
        self._registry = registry
        self._ring = ring
        self._new_id = new_id
        self._tasks: list[_MoveUnderWay] = []
        self._background = Background()

    async def start(self, source: str, destination: str | None, per_second: int | None) -> str:
        """Begins a task and answers its handle; both queues by ARN. Raises QueueError."""
        queue = self._registry.find(source) if source.startswith("arn:") else None
        check_source(source, queue, lambda name: bool(self._registry.sources(name)))
        assert queue is not None
        if destination is not None and self._registry.find(destination) is None:
            raise no_such_arn("DestinationArn")
        check_no_other(run.seen for run in self._tasks if run.task.source == source)
        waiting = await self._state.run(partial(visible_numbers, queue=queue, now=self._now()))
        task = MoveTask(self._new_id(), source, destination, per_second, self._now(), len(waiting))
        running = _MoveUnderWay(task)
        self._tasks.append(running)
        self._background.start(self._move_all(running, queue))
        return task.handle

    def cancel(self, handle: str) -> int:
        """Ends a running task; answers how many messages it has moved. Raises QueueError."""
        task_id, source = read_task_handle(handle)
        if self._registry.find(source) is None:
            raise no_such_arn("SourceArn")
        for run in self._tasks:
            if run.task.task_id == task_id and run.status == "RUNNING":
                run.status = "CANCELLED"
                return run.moved
        raise no_such_task()

    def newest_first(self, source: str) -> list[MoveTask]:
        """The tasks of a queue by ARN. Raises QueueError."""
        if self._registry.find(source) is None:
            raise no_such_arn("SourceArn")
        tasks = [run.seen for run in reversed(self._tasks) if run.task.source == source]
        return tasks[:_MOST_REMEMBERED]

    async def close(self) -> None:
        await self._background.cancel()

    def _now(self) -> float:
        return self._clock.now()

    async def _move_all(self, running: _MoveUnderWay, queue: QueueSettings) -> None:
        limit = running.task.per_second or _AT_ONCE
        while running.status == "RUNNING":
            try:
                moved = await self._move_some(running, queue, limit)
            except _UnknownSourceError as error:
                running.status, running.failure = "FAILED", error.reason
                return
            except StateProblem as problem:
                running.status, running.failure = "FAILED", str(problem)
                return
            running.moved += moved
            if moved < limit and running.status == "RUNNING":
                running.status = "COMPLETED"
            elif running.task.per_second:
                await self._clock.sleep(1)

    async def _move_some(self, running: _MoveUnderWay, queue: QueueSettings, limit: int) -> int:
        rang: set[str] = set()

        def move(connection: sqlite3.Connection) -> int:
            numbers = visible_numbers(connection, queue, self._now(), limit)
            for number in numbers:
                target = self._target(connection, running.task, number)
                rang.add(target.name)
                self._move_one(connection, number, target)
            return len(numbers)

        moved = await self._state.run(move)
        for name in (*rang, queue.name):
            self._ring(name)
        return moved

    def _target(self, connection: sqlite3.Connection, task: MoveTask, number: int) -> QueueSettings:
        sql = "SELECT source FROM messages WHERE number = ?"
        source = task.destination or connection.execute(sql, (number,)).fetchone()[0]
        if source is None:
            raise _UnknownSourceError("CouldNotDetermineMessageSource")
        queue = self._registry.find(source)
        if queue is None:
            raise _UnknownSourceError("AWS.SimpleQueueService.NonExistentQueue")
        return queue

    def _move_one(self, connection: sqlite3.Connection, number: int, target: QueueSettings) -> None:
        now = self._now()
        sql = "SELECT group_id FROM messages WHERE number = ?"
        group = connection.execute(sql, (number,)).fetchone()[0]
        lane = (group or "") if target.is_fifo else None
        connection.execute(_MOVE, (target.name, lane, now, now, self._new_id(), number))
        connection.execute("DELETE FROM messages WHERE number = ?", (number,))
