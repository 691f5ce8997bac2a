"""What is done to environments from time to time: busy ones are looked at, idle ones shut down.

Both run on timers that are set only while there is something to do, so that a gateway at rest
wakes up for nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from edgegw.execution.pool import Pool

_LOOK: Final = 0.05
"""Seconds between two looks at the memory of busy environments."""
_STORAGE_LOOKS: Final = 5
"""Every so many of them also at their temporary folders."""
_RECYCLE: Final = 30.0


class Upkeep:
    """Watches the limits of environments and recycles them; `pools` answers all there are."""

    def __init__(self, pools: Callable[[], Iterable[Pool]]) -> None:
        self._pools = pools
        self.looking: asyncio.TimerHandle | None = None
        """The timer of the next look; None while nothing is in flight."""
        self._looks = 0
        self._recycling: asyncio.TimerHandle | None = None

    def look_soon(self) -> None:
        """Looks at the limits of busy environments from now on, until nothing is in flight."""
        self.looking = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def _look(self) -> None:
        self.looking = None
        self._looks += 1
        storage = self._looks % _STORAGE_LOOKS == 0
        is_busy = False
        for pool in self._pools():
            if pool.in_flight or pool.busy or pool.loading:
                is_busy = True
                for environment in (*pool.environments, *pool.loading):
                    environment.check_limits(storage=storage)
        if is_busy:
            self.look_soon()

    def recycle_later(self) -> None:
        """Shuts down what is idle for long, from now on until nothing is left."""
        if self._recycling is None:
            loop = asyncio.get_running_loop()
            self._recycling = loop.call_later(_RECYCLE, self._recycle)

    def _recycle(self) -> None:
        self._recycling = None
        now = time.monotonic()
        pools = list(self._pools())
        for pool in pools:
            pool.recycle(now)
        if any(pool.environments for pool in pools):
            self.recycle_later()

    def stop(self) -> None:
        """Does nothing any more."""
        for timer in (self.looking, self._recycling):
            if timer is not None:
                timer.cancel()
