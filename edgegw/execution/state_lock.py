"""Who has what stands in a state folder: a lock on a file, which ends with the process that has it.

Two gateways may run with one state folder; what one of them alone may do is behind such a lock.
"""

from __future__ import annotations

import asyncio
import fcntl
from io import TextIOWrapper
from pathlib import Path
from typing import Final

_LOOK: Final = 0.5
"""Seconds between two looks whether the other process has ended."""


class StateLock:
    """A lock beside the file `path`. Of two gateways in one process the first one has it."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_suffix(".lock")
        self._file: TextIOWrapper | None = None

    def acquire(self) -> bool:
        """Whether the lock is this owner's from now on.

        In a folder that cannot be written there is nothing to lock: that shows when something is to
        be kept there.
        """
        if self._file is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a", encoding="ascii")
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    async def acquired(self) -> None:
        """Waits until the lock is this owner's."""
        while not self.acquire():  # noqa: ASYNC110 - another process ends this, no event does
            await asyncio.sleep(_LOOK)

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
