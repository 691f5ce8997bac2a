"""What a distribution costs: requests and transfer, with the free tier."""

from __future__ import annotations

import math

import pytest

from edgegw.cloudfront import pricing
from edgegw.cloudfront.pricing import DistributionUsage, distribution_charges

GB = 2**30


def test_the_table() -> None:
    assert (pricing.HTTP_REQUEST, pricing.HTTPS_REQUEST) == (0.0075 / 1e4, 0.01 / 1e4)
    assert (pricing.FREE_REQUESTS, pricing.FREE_GB) == (10_000_000, 1024)
    assert pricing.TO_ORIGINS == 0.02
    sizes = [end / 1024 for end, _ in pricing.TO_VIEWERS]
    assert sizes == [10, 50, 150, 500, 1024, 5120, math.inf]
    assert [price for _, price in pricing.TO_VIEWERS] == [
        0.085,
        0.08,
        0.06,
        0.04,
        0.03,
        0.025,
        0.02,
    ]


@pytest.mark.parametrize(
    ("usage", "amounts"),
    [
        pytest.param(DistributionUsage(), {}, id="nothing"),
        pytest.param(
            DistributionUsage(https_requests=10_000_000, sent_bytes=1024 * GB),
            {"HTTPS requests": 0.0, "Transfer to viewers": 0.0},
            id="all of the free tier",
        ),
        pytest.param(
            DistributionUsage(https_requests=9_000_000, http_requests=3_000_000),
            {"HTTPS requests": 0.0, "HTTP requests": 2_000_000 * 0.0075 / 1e4},
            id="what is left of it goes to HTTP",
        ),
        pytest.param(
            DistributionUsage(sent_bytes=(1024 + 11 * 1024) * GB),
            {"Transfer to viewers": 10 * 1024 * 0.085 + 1024 * 0.08},
            id="the second tier",
        ),
        pytest.param(
            DistributionUsage(origin_bytes=50 * GB), {"Transfer to origins": 1.0}, id="uploads"
        ),
    ],
)
def test_a_month(usage: DistributionUsage, amounts: dict[str, float]) -> None:
    charges = distribution_charges(usage)
    assert {each.item: each.amount for each in charges} == pytest.approx(amounts)


def test_list_prices_have_no_free_tier() -> None:
    usage = DistributionUsage(https_requests=1, sent_bytes=GB)
    charges = distribution_charges(usage, has_free_tier=False)
    assert sum(each.amount for each in charges) == pytest.approx(0.01 / 1e4 + 0.085)
