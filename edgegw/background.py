"""What goes on beside everything else: each task has an owner, so that none is lost or forgotten.

The event loop itself keeps only a weak reference to a task, and nobody hears of its error. So no
file keeps tasks of its own: an owner has a `Background`, what is waited for at once goes through
`together` or a TaskGroup.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Generator, Iterable
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Background:
    """The background tasks of one owner. What one raises is a fault of ours: it is logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __bool__(self) -> bool:
        """Whether something is going on."""
        return bool(self._tasks)

    @property
    def count(self) -> int:
        """How many things are going on."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Runs `work` beside everything else. What may go wrong is a result, not an exception."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    @contextlib.contextmanager
    def with_current(self) -> Generator[None]:
        """The task that runs now, which somebody else started and looks after, is one of these."""
        task = asyncio.current_task()
        assert task is not None  # else there is nothing that could be canceled
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            text = "a fault of edgegw itself in the background, please report it"
            logger.error(text, exc_info=error)

    async def settled(self, patience: float | None = None) -> None:
        """Waits for what goes on now and what comes of it, no longer than `patience` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._tasks:
                    await asyncio.wait(list(self._tasks))

    def interrupt(self) -> None:
        """Cancels everything, and does not wait until it has ended."""
        for task in list(self._tasks):
            task.cancel()

    async def cancel(self, patience: float | None = None) -> None:
        """Cancels everything, with what is started meanwhile, and waits until it has ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._tasks:
                    self.interrupt()
                    await asyncio.wait(list(self._tasks))


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
