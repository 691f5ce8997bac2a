"""When Python looks for garbage in cycles: hardly ever while requests come, else as they pause.

A request makes hundreds of objects, none of them in cycles unless something failed. What lasts for
a while, the latest exchanges and stored answers, is looked at each time all the same: 10 ms and
more for the youngest, 160 for the middle generation with 60,000 stored answers, in which nobody is
served. So while there is work, what lives is frozen every moment: Python does not look at it again,
and that takes no time. What would be garbage in cycles among it stays for now. Three things end
that, each by a look at everything:

    a pause          behind enough work, nothing was done for `QUIET` seconds
    memory           it has grown by `GROWTH`, or by a quarter, since the last look, what the cache
                     of distributions is known to take aside
    time             `LONGEST` seconds of work since the last look

A look that finds much (`MUCH` objects) says that there are cycles after all, in what fails again
and again, or in what was injected: from then on, for `CAUTION` seconds, Python's own rhythm is
back. So what waits is never more than the growth between two looks, and that once.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from typing import Final

BUSY_TICK: Final = 0.1
IDLE_TICK: Final = 1.0
"""Seconds between two moments in which it is seen what was done."""

_BUSY: Final = 0.05
"""The share of a processor from which on there is work."""

QUIET: Final = 3.0
ENOUGH: Final = 1.0
"""Seconds of processor time behind which a look is worth it."""

LONGEST: Final = 300.0
CAUTION: Final = 300.0
MUCH: Final = 10_000
GROWTH: Final = 64 * 1024 * 1024


def peak_memory() -> int | None:
    """The most bytes of memory that this process ever had; None where nobody says."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Collecting:
    """Decides when to look; `tick` is to be called again after the seconds that it answers.

    `accounted` are the bytes of memory that are known to be in use, and grow as they should.
    """

    def __init__(
        self,
        accounted: Callable[[], int] = int,
        memory: Callable[[], int | None] = peak_memory,
        now: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        self._accounted, self._peak, self._now, self._used = accounted, memory, now, used
        self._ticked = self._worked = self._looked = now()
        self._used_by_tick = self._used_by_look = used()
        self._limit = _limit(self._memory())
        self._cautious_until = 0.0

    def start(self) -> None:
        """From now on, in the event loop that runs; not where nobody says how much memory it is."""
        if self._peak() is not None:
            asyncio.get_running_loop().call_later(self.tick(), self.start)

    def tick(self) -> float:
        """Sees what was done, does what is due; answers when to come again, in seconds."""
        now, used = self._now(), self._used()
        is_busy = used - self._used_by_tick > _BUSY * (now - self._ticked)
        self._ticked, self._used_by_tick = now, used
        if is_busy:
            self._worked = now
        if now < self._cautious_until:
            return IDLE_TICK
        if self._is_due(now, used):
            self._look()
        elif is_busy:
            gc.freeze()
        return BUSY_TICK if is_busy else IDLE_TICK

    def _is_due(self, now: float, used: float) -> bool:
        if self._memory() > self._limit:
            return True
        if used - self._used_by_look < ENOUGH:
            return False
        return now - self._worked >= QUIET or now - self._looked >= LONGEST

    def _memory(self) -> int:
        """Bytes of memory that nobody can account for."""
        return max(0, (self._peak() or 0) - self._accounted())

    def _look(self) -> None:
        """Looks for cycles in everything; what is left is frozen."""
        gc.unfreeze()
        garbage = gc.collect()
        gc.freeze()
        self._looked = self._ticked = self._now()
        self._used_by_look = self._used_by_tick = self._used()
        self._limit = _limit(self._memory())
        if garbage > MUCH:
            self._cautious_until = self._looked + CAUTION


def _limit(memory: int) -> int:
    """The bytes of memory from which on there is a look, where there were so many at the last."""
    return memory + max(GROWTH, memory // 4)
