"""Metrics in memory, and no more of them than that: minutes for three hours, then hours.

Each metric of a namespace is a series for each set of its dimensions. A series keeps the statistics
of each minute that has any, those older than three hours summed up by the hour, and those of the
last fifteen days; and totals since the beginning, which is what Prometheus reads. As dimensions may
be anything (a function's embedded metrics say them), only so many series are kept: what comes for
one more is counted as left out, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from edgegw.cloudwatch.statistics import Statistics

Dimensions: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values, in the order of the names."""

MINUTE: Final = 60
_HOUR: Final = 3600
FINE: Final = 3 * _HOUR
"""Seconds for which minutes are kept as they were."""
KEPT: Final = 15 * 24 * _HOUR
"""Seconds after which a period is forgotten; CloudWatch keeps minutes as long."""
MOST_SERIES: Final = 2000


class MetricKey(NamedTuple):
    """What tells a series from others."""

    namespace: str
    name: str
    dimensions: Dimensions


class Series:
    """One metric with one set of dimensions: statistics by the beginning of their period."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.whole = Statistics()
        self._periods: dict[int, Statistics] = {}
        self._next_look = 0

    def add(self, at: float, statistics: Statistics) -> None:
        """Takes in what was seen in the minute of `at`, seconds since 1970."""
        minute = int(at) // MINUTE * MINUTE
        self.whole.merge(statistics)
        self._merge(minute, statistics)
        if minute >= self._next_look:
            self._next_look = minute + _HOUR
            self._make_room(minute)

    def _merge(self, begin: int, statistics: Statistics) -> None:
        period = self._periods.get(begin)
        if period is None:
            period = self._periods[begin] = Statistics()
        period.merge(statistics)

    def _make_room(self, now: int) -> None:
        """What is older than the fine part becomes hours; the oldest hours go."""
        for begin in sorted(self._periods):
            if begin >= now - FINE:
                break
            hour = begin // _HOUR * _HOUR
            if begin < now - KEPT:
                del self._periods[begin]
            elif begin != hour or hour + _HOUR <= now - FINE:
                old = self._periods.pop(begin)
                self._merge(hour, old)

    def between(self, start: float, end: float) -> Iterator[tuple[int, Statistics]]:
        """Beginning and statistics of what is kept from `start` on and before `end`."""
        for begin in sorted(self._periods):
            if start <= begin < end:
                yield begin, self._periods[begin]

    @property
    def size(self) -> int:
        """How many periods are kept."""
        return len(self._periods)


class MetricStore:
    """All series by their keys."""

    def __init__(self, most: int = MOST_SERIES) -> None:
        self._most = most
        self._series: dict[MetricKey, Series] = {}
        self.left_out = 0
        """How often something came for a series for which there was no room."""

    def add(self, key: MetricKey, unit: str, at: float, statistics: Statistics) -> None:
        """Takes in what was seen of a metric in the minute of `at`."""
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= self._most:
                self.left_out += 1
                return
            series = self._series[key] = Series(unit)
        series.add(at, statistics)

    def get(self, key: MetricKey) -> Series | None:
        """The series of exactly these dimensions."""
        return self._series.get(key)

    def __iter__(self) -> Iterator[tuple[MetricKey, Series]]:
        return iter(list(self._series.items()))


def dimensions_of(given: Mapping[str, str]) -> Dimensions:
    """`given` in the order of the names."""
    return tuple(sorted(given.items()))
