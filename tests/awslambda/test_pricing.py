"""Lambda's prices, held against AWS's table, and what a month makes of them."""

from __future__ import annotations

import math

import pytest

from edgegw.awslambda import pricing
from edgegw.awslambda.model import Report
from edgegw.awslambda.pricing import FunctionUsage, ProvisionedUsage, lambda_charges, tiered


def amounts(
    *functions: FunctionUsage, provisioned: tuple[ProvisionedUsage, ...] = ()
) -> dict[str, float]:
    return {
        f"{charge.service}: {charge.item}": pytest.approx(charge.amount)
        for charge in lambda_charges(functions, provisioned)
    }


def test_the_table() -> None:
    assert pricing.PRICES_OF == "2026-05"
    assert pricing.PER_REQUEST == 0.20 / 1e6
    assert pricing.FREE_REQUESTS == 1_000_000
    assert pricing.FREE_GB_SECONDS == 400_000
    assert {
        "x86_64": ((6e9, 0.0000166667), (15e9, 0.0000150000), (math.inf, 0.0000133334)),
        "arm64": ((7.5e9, 0.0000133334), (18.75e9, 0.0000120001), (math.inf, 0.0000106667)),
    } == pricing.PER_GB_SECOND
    assert pricing.PROVISIONED_GB_SECOND == {"x86_64": 0.0000041667, "arm64": 0.0000033334}
    assert pricing.PROVISIONED_DURATION == {"x86_64": 0.0000097222, "arm64": 0.0000077778}
    assert pricing.PROVISIONED_STEP == 5 * 60
    assert pricing.STORAGE_GB_SECOND == 0.0000000309
    assert pricing.FREE_STORAGE_MB == 512
    assert pricing.EDGE_REQUEST == 0.60 / 1e6
    assert pricing.EDGE_GB_SECOND == 0.00005001


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        pytest.param(0, 0.0, id="nothing"),
        pytest.param(10, 20.0, id="the first price"),
        pytest.param(100, 200.0, id="to its very end"),
        pytest.param(101, 201.0, id="one at the second price"),
        pytest.param(350, 200.0 + 200.0 + 25.0, id="the last price has no end"),
    ],
)
def test_tiers(quantity: float, amount: float) -> None:
    assert tiered(quantity, ((100, 2.0), (300, 1.0), (math.inf, 0.5))) == amount


@pytest.mark.parametrize(
    ("usage", "requests", "duration"),
    [
        pytest.param(
            FunctionUsage(name="f", memory_mb=1024, requests=1_000_000, billed_ms=400_000_000),
            *(0.0, 0.0),
            id="all of the free tier",
        ),
        pytest.param(
            FunctionUsage(name="f", memory_mb=1024, requests=3_000_000, billed_ms=3_000_000 * 120),
            *(0.40, 0.0),
            id="requests beyond it",
        ),
        pytest.param(
            FunctionUsage(name="f", memory_mb=1536, requests=3_000_000, billed_ms=3_000_000 * 120),
            *(0.40, (540_000 - 400_000) * 0.0000166667),
            id="the example of the price page",
        ),
    ],
)
def test_a_month(usage: FunctionUsage, requests: float, duration: float) -> None:
    assert amounts(usage) == {
        "Lambda: Requests": requests,
        "Lambda: Duration, x86_64": duration,
    }


def test_the_free_tier_counts_once_for_all_functions() -> None:
    half = FunctionUsage(name="a", memory_mb=1024, requests=600_000, billed_ms=300_000_000)
    arm = FunctionUsage(
        name="b", memory_mb=1024, requests=600_000, billed_ms=300_000_000, architecture="arm64"
    )
    assert amounts(half, arm) == {
        "Lambda: Requests": 0.04,
        "Lambda: Duration, x86_64": 0.0,
        "Lambda: Duration, arm64": 200_000 * 0.0000133334,
    }


def test_provisioned_concurrency_has_no_free_tier_and_comes_in_steps_of_five_minutes() -> None:
    ran = FunctionUsage(
        name="f", memory_mb=1024, requests=10, billed_ms=10_000, in_provisioned=True
    )
    kept = ProvisionedUsage("f:live", 2, 1024, 301.0)
    assert amounts(ran, provisioned=(kept,)) == {
        "Lambda: Requests": 0.0,
        "Lambda: Provisioned concurrency, x86_64": 2 * 600 * 0.0000041667,
        "Lambda: Duration in provisioned concurrency, x86_64": 10 * 0.0000097222,
    }


def test_lambda_at_edge_has_no_free_tier() -> None:
    edge = FunctionUsage(name="f", memory_mb=128, requests=1e6, billed_ms=5e6, at_edge=True)
    assert amounts(edge) == {
        "Lambda@Edge: Requests": 0.60,
        "Lambda@Edge: Duration": 625 * 0.00005001,
    }


def test_storage_above_512_mb() -> None:
    usage = FunctionUsage(name="f", requests=1, billed_ms=1e6, storage_mb=10_240)
    extra = amounts(usage)["Lambda: Ephemeral storage above 512 MB"]
    assert extra == 1000 * (10_240 - 512) / 1024 * 0.0000000309


@pytest.mark.parametrize(
    ("usage", "formula"),
    [
        (
            FunctionUsage(name="f", requests=3_000_000),
            "max(0, 3,000,000 - 1,000,000 free) requests x $0.2 per 1,000,000 requests",
        ),
        (
            FunctionUsage(name="f", memory_mb=1024, billed_ms=16e12),
            "max(0, 16,000,000,000 - 400,000 free) GB-seconds: 6,000,000,000 x $0.0000166667 + "
            "9,000,000,000 x $0.000015 + 999,600,000 x $0.0000133334, per GB-seconds",
        ),
    ],
)
def test_every_charge_says_its_formula(usage: FunctionUsage, formula: str) -> None:
    assert formula in [charge.formula for charge in lambda_charges([usage])]


def test_one_invocation_at_list_prices_with_its_init() -> None:
    report = Report("r", 0.0101, 0.25, memory_mb=512)
    request, duration = pricing.invocation_charges("f", report, at_edge=False)
    assert request.amount == pytest.approx(0.0000002)
    assert duration.quantity == pytest.approx(0.261 * 0.5)
    assert duration.amount == pytest.approx(0.261 * 0.5 * 0.0000166667)
