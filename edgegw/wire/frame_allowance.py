"""How many frames a peer may send that ask for nothing, or next to nothing.

A frame costs whoever reads it some microseconds, however little it carries: a megabyte of frames
of one byte keeps everybody else waiting. So there are two budgets. Frames of no use (a PING, an
empty DATA, one of an unknown kind) cost one of `ALLOWANCE` each. Parts of a body are weighed by
the bytes that they carry, padding aside: those below `_LIGHT` bytes use up what heavier ones
bring back. Time fills both, and so does what is done for the peer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

ALLOWANCE: Final = 2_000
"""Frames of no use that a peer may send at once."""
_PER_SECOND: Final = 100
EARNED: Final = 4
"""Frames that a peer may send for a frame of ours: it opens two windows, perhaps twice."""

_LIGHT: Final = 8
"""Bytes that a part of a body should carry; a message of gRPC that says something has more."""
CRUMBS: Final = 160_000
"""Bytes by which parts may fall short of that: some 22,000 parts of a single byte at once."""
_CRUMBS_PER_SECOND: Final = 40_000


class FrameAllowance:
    """The budgets of one connection; what they answer is whether it may go on."""

    __slots__ = ("_clock", "_crumbs", "_crumbs_at", "_filled_at", "_frames")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._filled_at = self._crumbs_at = clock()
        self._frames = ALLOWANCE
        self._crumbs = CRUMBS

    def earn(self, frames: int) -> None:
        """Something was done for the peer, which may answer with so many frames."""
        self._frames = min(ALLOWANCE, self._frames + frames)

    def spend(self) -> bool:
        """A frame of no use has come."""
        self._frames -= 1
        if self._frames >= 0:
            return True
        now = self._clock()
        self._frames = min(ALLOWANCE, int((now - self._filled_at) * _PER_SECOND))
        self._filled_at = now
        return self._frames > 0

    def weigh(self, content: int) -> bool:
        """A part of a body has come that carries so many bytes."""
        if content <= 0:
            return self.spend()
        if content >= _LIGHT and self._crumbs == CRUMBS:
            return True
        self._crumbs = min(CRUMBS, self._crumbs + content - _LIGHT)
        if self._crumbs >= 0:
            return True
        now = self._clock()
        self._crumbs = min(CRUMBS, int((now - self._crumbs_at) * _CRUMBS_PER_SECOND))
        self._crumbs_at = now
        return self._crumbs > 0
