"""The clock of what runs beside requests, and how fast its time passes.

With a scale of 60 a minute of AWS takes a second here: waits are divided, ages multiplied. The
clock itself stays that of the machine, so what is kept on disk means the same after a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

_LOOK: Final = 0.02
"""Seconds between two looks at a clock that somebody else moves."""


class ScaledClock:
    """`now` answers seconds since 1970; `scale` is how many seconds of AWS pass in one of them."""

    def __init__(self, now: Callable[[], float] = time.time, scale: float = 1.0) -> None:
        self.now = now
        self.scale = scale
        self.is_moved = now is not time.time
        """Whether somebody else moves it, as a test does."""

    def real(self, seconds: float) -> float:
        """How long a wait of so many seconds on AWS takes by `now`."""
        return seconds / self.scale

    def age(self, since: float) -> float:
        """The seconds of AWS that have passed since the instant `since` of `now`."""
        return max(0.0, (self.now() - since) * self.scale)

    async def sleep_until(self, instant: float, wake: asyncio.Event | None = None) -> None:
        """Waits until `now` shows `instant`, or somebody sets `wake`."""
        while (left := instant - self.now()) > 0 and not (wake is not None and wake.is_set()):
            limit = min(left, _LOOK) if self.is_moved else left
            if wake is None:
                await asyncio.sleep(limit)
                continue
            try:
                async with asyncio.timeout(limit):
                    await wake.wait()
            except TimeoutError:
                continue

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        """Waits so many seconds of AWS, or until somebody sets `wake`."""
        await self.sleep_until(self.now() + self.real(seconds), wake)
