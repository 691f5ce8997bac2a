"""The statistics of a metric over a period: what CloudWatch keeps of many values.

Values themselves are not kept. Percentiles come from a sketch: how many values fell between two
powers of 1.02, so that a percentile is off by one percent at most, whatever was measured.

Source: Amazon CloudWatch User Guide, "CloudWatch statistics definitions".
"""

from __future__ import annotations

import math
import re
from typing import Final

_STEP: Final = math.log(1.02)
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
STATISTICS: Final = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
"""The statistics that have names; the others are percentiles such as `p99.9`."""


class Statistics:
    """How many values, their sum, the least and the greatest; with `sketch` percentiles too."""

    __slots__ = ("count", "greatest", "least", "sketch", "total")

    def __init__(self, *, sketched: bool = False) -> None:
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.greatest = -math.inf
        self.sketch: dict[int, int] | None = {} if sketched else None

    def add(self, value: float, count: int = 1) -> None:
        """`value` came `count` times."""
        self.count += count
        self.total += value * count
        if value < self.least:
            self.least = value
        if value > self.greatest:
            self.greatest = value
        if self.sketch is not None:
            place = math.ceil(math.log(value) / _STEP) if value > 0 else -(10**9)
            self.sketch[place] = self.sketch.get(place, 0) + count

    def merge(self, other: Statistics) -> None:
        """Takes in what `other` has seen."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)
        if other.sketch is not None:
            sketch = {} if self.sketch is None else self.sketch
            for place, count in other.sketch.items():
                sketch[place] = sketch.get(place, 0) + count
            self.sketch = sketch

    def value(self, name: str) -> float | None:
        """The statistic `name`; None where it cannot be said."""
        if not self.count:
            return None
        match name:
            case "SampleCount":
                return float(self.count)
            case "Average":
                return self.total / self.count
            case "Sum":
                return self.total
            case "Minimum":
                return self.least
            case "Maximum":
                return self.greatest
            case _:
                return self._percentile(name)

    def _percentile(self, name: str) -> float | None:
        match = _PERCENTILE.fullmatch(name)
        if match is None:
            return None
        if self.sketch is None:
            return self.least if self.least == self.greatest else None
        wanted, seen = self.count * float(match[1]) / 100, 0
        for place in sorted(self.sketch):
            seen += self.sketch[place]
            if seen >= wanted:
                middle = math.exp((place - 0.5) * _STEP) if place > -(10**9) else 0.0
                return min(max(middle, self.least), self.greatest)
        return self.greatest


def is_statistic(name: str) -> bool:
    """Whether `name` is a statistic that can be asked for."""
    return name in STATISTICS or _PERCENTILE.fullmatch(name) is not None


def repeated(value: float, count: int) -> Statistics:
    """The statistics of the same `value`, `count` times."""
    statistics = Statistics()
    if count:
        statistics.add(value, count)
    return statistics
