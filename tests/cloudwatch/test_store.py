"""Metrics in memory: minutes, then hours, and no more than there is room for."""

from __future__ import annotations

import pytest

from edgegw.cloudwatch.statistics import repeated
from edgegw.cloudwatch.store import FINE, KEPT, MINUTE, MetricKey, MetricStore, Series

HOUR = 3600
BEGIN = 1_700_000_000 // HOUR * HOUR


def counts(series: Series, end: float) -> list[tuple[int, int]]:
    return [(begin, one.count) for begin, one in series.between(0, end)]


def test_values_of_a_minute_are_one_period() -> None:
    series = Series("Count")
    for second in (0, 1, 59, 60):
        series.add(BEGIN + second, repeated(1, 1))
    assert counts(series, BEGIN + HOUR) == [(BEGIN, 3), (BEGIN + MINUTE, 1)]


def test_what_is_old_is_summed_up_by_the_hour_and_then_forgotten() -> None:
    series, end = Series("Count"), BEGIN + KEPT + 2 * HOUR
    for at in range(BEGIN, end, MINUTE):
        series.add(at, repeated(1, 1))
    kept = counts(series, end)
    hours = [begin for begin, count in kept if count == 60]
    assert all(begin % HOUR == 0 for begin in hours)
    assert sum(count for _, count in kept) <= (KEPT + HOUR) // MINUTE
    assert [count for begin, count in kept if begin >= end - FINE + HOUR] == [1] * (
        (FINE - HOUR) // MINUTE
    )
    assert series.size < KEPT // HOUR + 2 * FINE // MINUTE
    assert series.whole.count == (end - BEGIN) // MINUTE


@pytest.mark.parametrize(
    ("start", "end", "count"), [(0, 60, 1), (0, 61, 2), (60, 120, 1), (1, 60, 0)]
)
def test_the_start_is_in_it_and_the_end_is_not(start: int, end: int, count: int) -> None:
    series = Series("Count")
    series.add(BEGIN, repeated(1, 1))
    series.add(BEGIN + 60, repeated(1, 1))
    assert len(list(series.between(BEGIN + start, BEGIN + end))) == count


def test_only_so_many_series_are_kept() -> None:
    store = MetricStore(most=2)
    for name in ("a", "b", "c", "a"):
        store.add(MetricKey("N", name, ()), "Count", BEGIN, repeated(1, 1))
    assert sorted(key.name for key, _ in store) == ["a", "b"]
    assert store.left_out == 1
