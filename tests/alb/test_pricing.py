"""What a load balancer costs: hours, and the greatest dimension of its capacity units."""

from __future__ import annotations

import pytest

from edgegw.alb import pricing
from edgegw.alb.pricing import BalancerUsage, balancer_charges, capacity_units, counted_rules

GB = 2**30


def test_the_table() -> None:
    assert (pricing.PER_HOUR, pricing.PER_LCU_HOUR) == (0.0225, 0.008)
    assert pricing.NEW_CONNECTIONS == 25
    assert pricing.ACTIVE_CONNECTIONS == 3000
    assert (pricing.GB_PER_HOUR, pricing.LAMBDA_GB_PER_HOUR) == (1.0, 0.4)
    assert pricing.RULE_EVALUATIONS == 1000
    assert pricing.FREE_RULES == 10


@pytest.mark.parametrize(
    ("usage", "dimension", "units"),
    [
        pytest.param({"new_connections": 25 * 3600.0}, "new connections", 1.0, id="connections"),
        pytest.param({"active_connections": 6000.0}, "active connections", 2.0, id="active ones"),
        pytest.param({"ip_bytes": 3.0 * GB}, "processed bytes", 3.0, id="bytes of addresses"),
        pytest.param({"lambda_bytes": 1.0 * GB}, "processed bytes", 2.5, id="bytes of functions"),
        pytest.param({"rule_evaluations": 3600e3}, "rules", 1.0, id="rules"),
    ],
)
def test_one_unit_of_each_dimension_for_an_hour(
    usage: dict[str, float], dimension: str, units: float
) -> None:
    measured = BalancerUsage(name="web", hours=1.0, **usage)
    by_dimension = capacity_units(measured)
    assert by_dimension[dimension] == pytest.approx(units)
    hours, capacity = balancer_charges(measured)
    assert hours.amount == pytest.approx(0.0225)
    assert capacity.amount == pytest.approx(units * 0.008)


def test_only_the_greatest_dimension_is_charged() -> None:
    usage = BalancerUsage(
        name="web", hours=730.0, new_connections=25 * 3600 * 730.0, ip_bytes=0.5 * 730 * GB
    )
    hours, capacity = balancer_charges(usage)
    assert hours.amount == pytest.approx(730 * 0.0225)
    assert capacity.quantity == pytest.approx(730.0)
    assert "1 (new connections)" in capacity.formula
    assert "0.5 (processed bytes)" in capacity.formula


def test_no_time_is_no_cost() -> None:
    assert [each.amount for each in balancer_charges(BalancerUsage(name="web", hours=0.0))] == [
        0,
        0,
    ]


@pytest.mark.parametrize(("met", "counted"), [(1, 0), (10, 0), (11, 1), (100, 90)])
def test_the_first_ten_rules_are_free(met: int, counted: int) -> None:
    assert counted_rules(met) == counted
