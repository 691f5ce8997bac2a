"""Statistics without the values: held against the values."""

from __future__ import annotations

import math
import statistics as exact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudwatch.statistics import STATISTICS, Statistics, is_statistic, repeated

VALUES = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=50)


def seen(values: list[float]) -> Statistics:
    statistics = Statistics(sketched=True)
    for value in values:
        statistics.add(value)
    return statistics


@given(VALUES)
def test_the_five_statistics_are_exact(values: list[float]) -> None:
    statistics = seen(values)
    expected = [len(values), exact.fmean(values), math.fsum(values), min(values), max(values)]
    assert [statistics.value(name) for name in STATISTICS] == pytest.approx(expected)


@given(VALUES, st.sampled_from(["p0", "p50", "p90", "p99.9", "p100"]))
def test_a_percentile_is_off_by_one_percent_at_most(values: list[float], name: str) -> None:
    rank = max(1, math.ceil(len(values) * float(name[1:]) / 100))
    assert seen(values).value(name) == pytest.approx(sorted(values)[rank - 1], rel=0.011)


@given(VALUES, VALUES)
def test_merged_statistics_are_those_of_all_values(one: list[float], two: list[float]) -> None:
    merged, both = seen(one), seen(one + two)
    merged.merge(seen(two))
    for name in (*STATISTICS, "p50", "p99"):
        assert merged.value(name) == pytest.approx(both.value(name))


def test_what_cannot_be_said_is_none() -> None:
    assert Statistics().value("Average") is None
    without_sketch = Statistics()
    without_sketch.add(1.0)
    without_sketch.add(2.0)
    assert without_sketch.value("p50") is None
    assert repeated(7.0, 3).value("p50") == 7.0
    assert seen([1.0]).value("median") is None


def test_zero_and_less_have_percentiles_too() -> None:
    assert seen([0.0, 0.0, 5.0]).value("p50") == 0.0


@pytest.mark.parametrize("name", [*STATISTICS, "p50", "p99.99", "p100"])
def test_statistics_that_can_be_asked_for(name: str) -> None:
    assert is_statistic(name)


@pytest.mark.parametrize("name", ["average", "p", "p101", "p-1", "pxx", ""])
def test_what_is_no_statistic(name: str) -> None:
    assert not is_statistic(name)
