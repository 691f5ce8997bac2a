"""The mathematics of a split, against published tables, closed forms and sums."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.testing.simulation.statistics import (
    ChiSquaredTest,
    binomial_test,
    chi_squared_tail,
    chi_squared_test,
    upper_gamma,
    wilson,
)

CRITICAL = [
    # degrees, statistic at p = 0.05, at 0.01, at 0.001 (NIST Engineering Statistics Handbook, 1.3.6.7.4)
    (1, 3.841, 6.635, 10.828),
    (2, 5.991, 9.210, 13.816),
    (3, 7.815, 11.345, 16.266),
    (5, 11.070, 15.086, 20.515),
    (10, 18.307, 23.209, 29.588),
    (30, 43.773, 50.892, 59.703),
    (100, 124.342, 135.807, 149.449),
]


@pytest.mark.parametrize(("degrees", "at_05", "at_01", "at_001"), CRITICAL)
def test_the_tail_has_the_critical_values_of_the_tables(
    degrees: int, at_05: float, at_01: float, at_001: float
) -> None:
    for statistic, p in ((at_05, 0.05), (at_01, 0.01), (at_001, 0.001)):
        assert chi_squared_tail(statistic, degrees) == pytest.approx(p, rel=2e-3)


@given(st.floats(0.0, 700.0))
def test_two_degrees_of_freedom_are_an_exponential(statistic: float) -> None:
    assert chi_squared_tail(statistic, 2) == pytest.approx(math.exp(-statistic / 2), rel=1e-9)


@given(st.floats(0.0, 700.0))
def test_one_degree_of_freedom_is_the_square_of_a_normal(statistic: float) -> None:
    exact = math.erfc(math.sqrt(statistic / 2))
    assert chi_squared_tail(statistic, 1) == pytest.approx(exact, rel=1e-9, abs=1e-300)


@given(st.integers(1, 60), st.floats(0.01, 200.0))
def test_whole_numbers_are_a_sum_of_poisson(a: int, x: float) -> None:
    terms = [math.exp(k * math.log(x) - x - math.lgamma(k + 1)) for k in range(a)]
    assert upper_gamma(a, x) == pytest.approx(math.fsum(terms), rel=1e-9, abs=1e-12)


@given(st.floats(0.5, 300.0), st.floats(0.0, 900.0), st.floats(0.0, 50.0))
def test_the_tail_falls_and_stays_within_its_bounds(a: float, x: float, more: float) -> None:
    first, second = upper_gamma(a, x), upper_gamma(a, x + more)
    assert 0.0 <= second <= first + 1e-12 <= 1.0 + 1e-12


def test_ends_of_the_tail() -> None:
    assert chi_squared_tail(0.0, 3) == 1.0
    assert chi_squared_tail(math.inf, 3) == 0.0


WILSON = [
    # successes, total, low, high: Newcombe (1998), table I, method 3
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
    (29, 29, 0.8830, 1.0),
]


@pytest.mark.parametrize(("successes", "total", "low", "high"), WILSON)
def test_the_interval_is_the_published_one(
    successes: int, total: int, low: float, high: float
) -> None:
    interval = wilson(successes, total)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def test_without_a_sample_a_share_may_be_anything() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


@given(st.integers(1, 10**7), st.data())
def test_the_interval_holds_its_share_and_mirrors_the_others(
    total: int, data: st.DataObject
) -> None:
    successes = data.draw(st.integers(0, total))
    interval, mirrored = wilson(successes, total), wilson(total - successes, total)
    assert 0.0 <= interval.low <= successes / total <= interval.high <= 1.0
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-9)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=8))
@settings(max_examples=50)
def test_a_sample_as_intended_is_likely(counts: list[int]) -> None:
    test = chi_squared_test(counts, [float(count) for count in counts])
    if test is not None:
        assert test.statistic == pytest.approx(0.0, abs=1e-6)
        assert test.p == pytest.approx(1.0, abs=1e-3)


def test_the_worked_example() -> None:
    # 60 rolls of a die, of which each side should come 10 times
    test = chi_squared_test([5, 8, 9, 8, 10, 20], [1] * 6)
    assert test is not None
    assert (test.statistic, test.degrees) == (pytest.approx(13.4), 5)
    assert test.p == pytest.approx(0.01990, abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "weights"), [([], []), ([5], [1]), ([0, 0], [1, 1]), ([3, 0], [1, 0])]
)
def test_nothing_to_test(counts: list[int], weights: list[float]) -> None:
    assert chi_squared_test(counts, weights) is None


def test_what_was_never_intended_cannot_be_chance() -> None:
    test = chi_squared_test([10, 10, 1], [50, 50, 0])
    assert test is not None
    assert test.p == 0.0


EXACT = [
    # counts, weights, p: sums of the binomial distribution by hand
    ([3, 1], [999, 1], 1 - 0.999**4),
    ([0, 4], [1, 1], 2 / 16),
    ([1, 3], [1, 1], 10 / 16),
    ([2, 2], [1, 1], 1.0),
    ([0, 9], [1, 9], 1.0),
]


@pytest.mark.parametrize(("counts", "weights", "p"), EXACT)
def test_few_viewers_are_tested_exactly(counts: list[int], weights: list[float], p: float) -> None:
    for order in (1, -1):
        test = chi_squared_test(counts[::order], weights[::order])
        assert test is not None
        assert test.p == pytest.approx(p, rel=1e-9)


def test_rare_variants_are_tested_together() -> None:
    test = chi_squared_test([498, 500, 1, 1], [500, 498, 1, 1])
    assert test is not None
    assert test.degrees == 1
    assert chi_squared_test([1, 1, 1], [1, 1, 1]) == ChiSquaredTest(0.0, 1, 1.0)


@settings(max_examples=60)
@given(st.integers(1, 400), st.floats(0.002, 0.5), st.integers(0, 400))
def test_an_exact_p_is_a_sum_of_likelihoods(total: int, share: float, count: int) -> None:
    count = min(count, total)
    terms = [math.comb(total, i) * share**i * (1 - share) ** (total - i) for i in range(total + 1)]
    bound = terms[count] * (1 + 1e-7)
    expected = math.fsum(term for term in terms if term <= bound)
    assert binomial_test(count, share * total, total) == pytest.approx(expected, rel=1e-6)
