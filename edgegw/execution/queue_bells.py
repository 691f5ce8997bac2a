"""Who waits for a queue, and is to look again when something happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class QueueBells:
    """A bell for everyone who waits, by queue."""

    def __init__(self) -> None:
        self._bells: dict[str, set[asyncio.Event]] = {}
        self.is_closed = False

    @contextmanager
    def listen(self, queue: str) -> Generator[asyncio.Event]:
        """A bell that rings when something happens to `queue`; its owner clears it."""
        bell = asyncio.Event()
        self._bells.setdefault(queue, set()).add(bell)
        try:
            yield bell
        finally:
            bells = self._bells[queue]
            bells.discard(bell)
            if not bells:
                del self._bells[queue]

    def ring(self, queue: str) -> None:
        """Something happened to `queue`."""
        for bell in self._bells.get(queue, ()):
            bell.set()

    def ring_all(self) -> None:
        for queue in self._bells:
            self.ring(queue)

    def close(self) -> None:
        """Nobody is to wait any more."""
        self.is_closed = True
        self.ring_all()
