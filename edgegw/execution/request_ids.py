"""Ids of invocations. They are no secrets and cost no system call; none comes twice."""

from __future__ import annotations

import itertools
import random
from typing import Final

_RANDOM_48: Final = 1 << 48


class RequestIds:
    """Makes request ids and trace headers.

    What tells two ids apart is a counter with a random beginning, and what tells two makers apart
    is random: only a third of an id is made anew for each.
    """

    __slots__ = ("_count", "_middle", "_root", "_root_second")

    def __init__(self) -> None:
        self._count = itertools.count(random.getrandbits(47))
        version, variant = random.getrandbits(12), 0x8000 | random.getrandbits(14)
        self._middle = f"-{random.getrandbits(16):04x}-4{version:03x}-{variant:04x}-"
        self._root_second = -1
        self._root = ""

    def request_id(self) -> str:
        """A UUID of version 4."""
        return f"{random.getrandbits(32):08x}{self._middle}{next(self._count) % _RANDOM_48:012x}"

    def trace_id(self, now: float) -> str:
        """A trace header for an invocation that came without: Lambda makes one, not sampled.

        `now` are seconds since the epoch.
        """
        second = int(now)
        if second != self._root_second:
            self._root_second = second
            self._root = f"Root=1-{second:08x}-{random.getrandbits(48):012x}"
        own = next(self._count) % _RANDOM_48
        return f"{self._root}{own:012x};Parent={random.getrandbits(64):016x};Sampled=0"


new_request_id: Final = RequestIds().request_id
