"""What goes on beside the invocations: owned in one place, so that nothing is lost or forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


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
