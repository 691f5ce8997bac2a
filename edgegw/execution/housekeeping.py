"""What is done to environments beside their invocations, from time to time and at the end.

Busy ones are looked at, idle ones shut down, on timers that are set only while there is something
to do: a gateway at rest wakes up for nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from edgegw.execution.environment_maker import EnvironmentMaker
from edgegw.execution.snapshots import Snapshots

_LOOK: Final = 0.05
"""Seconds between two looks at the memory of busy environments."""
_STORAGE_LOOKS: Final = 5
"""Every so many of them also at their temporary folders."""
_RECYCLE: Final = 30.0


class Housekeeping:
    """Watches the limits of environments, recycles them, and ends all of them at last."""

    def __init__(self, snapshots: Snapshots, maker: EnvironmentMaker) -> None:
        self._snapshots = snapshots
        self._maker = maker
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
        for pool in self._snapshots.all_pools:
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
        pools = self._snapshots.all_pools
        for pool in pools:
            pool.recycle(now)
        if any(pool.environments for pool in pools):
            self.recycle_later()

    async def settled(self) -> None:
        """Waits for what goes on behind answers: extensions, abandoned invocations."""
        for pool in self._snapshots.all_pools:
            await pool.settled()

    async def close(self) -> None:
        """Ends every child; nothing is left running, no folder is left behind."""
        for timer in (self.looking, self._recycling):
            if timer is not None:
                timer.cancel()
        await asyncio.gather(*(pool.close() for pool in self._snapshots.all_pools))
        self._snapshots.clear()
        await self._maker.close()
        for _ in range(3):  # connections just accepted are made, and closed ones say goodbye
            await asyncio.sleep(0)
