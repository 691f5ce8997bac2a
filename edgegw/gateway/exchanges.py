"""The latest exchanges, kept for whoever looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count as counting
from typing import Final
from weakref import WeakSet

from edgegw.gateway.exchange import Exchange


class Exchanges:
    """The latest exchanges, bounded in number and bytes; found by id while they last.

    Each that comes lets one go: were many let go at once, the collector of cycles would look
    through all that lasts meanwhile.
    """

    def __init__(self, count: int = 500, size: int = 32 * 1024 * 1024) -> None:
        self._count = count
        self._size = size
        self._kept: deque[Exchange] = deque()
        self._weights: deque[int] = deque()
        self._total = 0
        self.number = next(_numbers)
        """Tells which of several began first."""
        LIVING.add(self)

    @property
    def latest(self) -> Exchange | None:
        """The newest one."""
        return self._kept[-1] if self._kept else None

    def add(self, exchange: Exchange) -> None:
        """Keeps a finished exchange; the oldest ones make room."""
        kept, weights, weight = self._kept, self._weights, exchange.weight
        kept.append(exchange)
        weights.append(weight)
        self._total += weight
        while len(kept) > self._count or (self._total > self._size and len(kept) > 1):
            kept.popleft()
            self._total -= weights.popleft()

    def get(self, exchange_id: str) -> Exchange | None:
        """The exchange of this id, if it is still kept."""
        for exchange in reversed(self._kept):
            if exchange.id == exchange_id:
                return exchange
        return None

    def __iter__(self) -> Iterator[Exchange]:
        """From the oldest to the newest."""
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)


LIVING: Final[WeakSet[Exchanges]] = WeakSet()
"""Those of all gateways in this process, for reports of tests that failed."""
_numbers: Final = counting()
