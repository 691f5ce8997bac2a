"""What goes on beside everything else: each task has an owner, so that none is lost or forgotten.

The event loop itself keeps only a weak reference to a task, and nobody hears of its error. So no
file keeps tasks of its own: an owner has a `Background`, what is waited for at once goes through
`together` or a TaskGroup.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Background:
    """The background tasks of one owner. What one raises is a fault of ours: it is logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        """Whether something is going on."""
        return bool(self._tasks)

    @property
    def count(self) -> int:
        """How many things are going on."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs `work` beside everything else."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a background task failed", exc_info=error)

    async def settled(self) -> None:
        """Waits for what goes on now, and for what comes of it."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def cancel(self) -> None:
        """Ends everything, and waits until it has ended."""
        for task in list(self._tasks):
            task.cancel()
        await self.settled()


async def together(works: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """The results of `works`, done side by side. Raises the first error of one.

    Then, and when the caller is canceled, all have ended before it raises.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
