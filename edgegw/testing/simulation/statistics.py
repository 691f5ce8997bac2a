"""What a sample says of shares: an interval for one, and a test of all.

The interval is Wilson's: unlike the usual one it stays within 0 and 1 and holds for small samples
and rare variants. The test is Pearson's chi-squared: how likely is a sample that is as far from the
intended weights, or farther, if the weights hold. Of variants that are expected less than five
times it would say too much: they are taken together, and two are tested exactly. Its tail is the
regularised upper incomplete gamma function Q(k/2, x/2), computed by the series of P below its bend,
and by the continued fraction of Q above it, where each converges quickly.

Source: NIST Digital Library of Mathematical Functions, 8.11(i), 8.9(ii); E. B. Wilson, "Probable
inference, the law of succession, and statistical inference" (1927).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from edgegw.values import value

Z_95: Final = 1.959963984540054
"""Standard deviations to either side within which 95 % of a normal distribution lies."""
ENOUGH: Final = 5.0
"""What must be expected of a variant for the chi-squared distribution to hold (Cochran's rule)."""
_PRECISION: Final = 1e-15
_MOST_TERMS: Final = 100_000
_SMALLEST: Final = 1e-300


@value
class ShareInterval:
    """Where a share lies with some confidence, from 0 to 1."""

    low: float
    high: float


def wilson(successes: int, total: int, z: float = Z_95) -> ShareInterval:
    """The interval of the share that so many of `total` point to; from 0 to 1 without a sample."""
    if not total:
        return ShareInterval(0.0, 1.0)
    share, square = successes / total, z * z
    scale = 1 + square / total
    centre = (share + square / (2 * total)) / scale
    spread = z / scale * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    low = 0.0 if successes == 0 else max(0.0, centre - spread)
    high = 1.0 if successes == total else min(1.0, centre + spread)
    return ShareInterval(low, high)


@value
class ChiSquaredTest:
    """How far a sample is from what was intended; `p` is how likely that is by chance alone."""

    statistic: float
    degrees: int
    p: float


def chi_squared_test(counts: Sequence[int], weights: Sequence[float]) -> ChiSquaredTest | None:
    """The test of `counts` against `weights` (of any sum); None where there is nothing to test.

    What has a weight of 0 and came all the same is impossible: `p` is 0.
    """
    total, whole = sum(counts), sum(weights)
    if not total or whole <= 0 or len(counts) < 2:
        return None
    expected = [total * weight / whole for weight in weights]
    pairs = list(zip(counts, expected, strict=True))
    if any(count and not mean for count, mean in pairs):
        return ChiSquaredTest(math.inf, len(counts) - 1, 0.0)
    groups = _with_rare_ones_together([(count, mean) for count, mean in pairs if mean])
    statistic = sum((count - mean) ** 2 / mean for count, mean in groups)
    degrees = len(groups) - 1
    if degrees < 1:
        return None
    rare, often = groups[0], groups[-1]
    if len(groups) == 2 and min(rare[1], often[1]) < ENOUGH:
        return ChiSquaredTest(statistic, 1, binomial_test(*min(rare, often, key=_mean), total))
    return ChiSquaredTest(statistic, degrees, chi_squared_tail(statistic, degrees))


def _with_rare_ones_together(pairs: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Counts and what was expected; those that are expected too seldom are one, but two stay."""
    if all(mean >= ENOUGH for _, mean in pairs):
        return pairs
    groups = sorted(pairs, key=_mean)
    while len(groups) > 2 and groups[0][1] < ENOUGH:
        rarest, next_one = groups[:2]
        both = rarest[0] + next_one[0], rarest[1] + next_one[1]
        groups = sorted([both, *groups[2:]], key=_mean)
    return groups


def _mean(group: tuple[int, float]) -> float:
    return group[1]


def binomial_test(count: int, mean: float, total: int) -> float:
    """How likely `total` draws bring a number that is as unlikely as `count`, or more so.

    `mean` is the number that is expected, above 0 and below `total`: with few of them this is
    exact, where the chi-squared distribution calls one rare viewer a miracle.
    """
    share = mean / total

    def likelihood(number: int) -> float:
        ways = math.lgamma(total + 1) - math.lgamma(number + 1) - math.lgamma(total - number + 1)
        rest = (total - number) * math.log1p(-share)
        return math.exp(ways + number * math.log(share) + rest)

    bound = likelihood(count) * (1 + 1e-7)
    p = 0.0
    for number in range(total + 1):
        term = likelihood(number)
        p += term if term <= bound else 0.0
        if number > mean and number >= count and term < p * _PRECISION:
            break
    return min(1.0, p)


def chi_squared_tail(statistic: float, degrees: int) -> float:
    """How likely a chi-squared variable of so many degrees of freedom is `statistic` or more."""
    if statistic <= 0:
        return 1.0
    if math.isinf(statistic):
        return 0.0
    return upper_gamma(degrees / 2, statistic / 2)


def upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x); `a` above 0, `x` not below it."""
    if x <= 0:
        return 1.0
    if x < a + 1:
        return max(0.0, 1.0 - _lower_series(a, x))
    return min(1.0, _upper_fraction(a, x))


def _front(a: float, x: float) -> float:
    """x^a e^-x / Γ(a), which both ways have in front of them."""
    return math.exp(a * math.log(x) - x - math.lgamma(a))


def _lower_series(a: float, x: float) -> float:
    """P(a, x) by its power series."""
    term = total = 1.0 / a
    for step in range(1, _MOST_TERMS):
        term *= x / (a + step)
        total += term
        if term < total * _PRECISION:
            break
    return total * _front(a, x)


def _upper_fraction(a: float, x: float) -> float:
    """Q(a, x) by its continued fraction, evaluated from the front (Lentz's method)."""
    b = x + 1 - a
    c, d = 1 / _SMALLEST, 1 / b
    fraction = d
    for step in range(1, _MOST_TERMS):
        numerator = -step * (step - a)
        b += 2
        d = 1 / (_away_from_zero(numerator * d + b))
        c = _away_from_zero(b + numerator / c)
        factor = c * d
        fraction *= factor
        if abs(factor - 1) < _PRECISION:
            break
    return fraction * _front(a, x)


def _away_from_zero(number: float) -> float:
    return _SMALLEST if abs(number) < _SMALLEST else number
