"""What a load balancer costs in US East (N. Virginia), in USD: by the hour and by LCU.

An LCU (load balancer capacity unit) is the greatest of four dimensions of an hour, each measured by
what one unit covers. AWS takes each hour for itself; here the dimensions are averages.
Prices are those of `awslambda.pricing.PRICES_OF`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

from edgegw.awslambda.pricing import Charge, amount_text, charge, price_text
from edgegw.values import value

PER_HOUR: Final = 0.0225
"""Of a load balancer, for each hour that it is there.

Source: AWS pricing pages, "Elastic Load Balancing pricing", Application Load Balancer.
"""
PER_LCU_HOUR: Final = 0.008
"""Of an LCU for an hour.

Source: AWS pricing pages, "Elastic Load Balancing pricing", Application Load Balancer.
"""
NEW_CONNECTIONS: Final = 25.0
"""New connections a second that an LCU covers.

Source: AWS pricing pages, "Elastic Load Balancing pricing", LCU details.
"""
ACTIVE_CONNECTIONS: Final = 3000.0
"""Active connections a minute that an LCU covers.

Source: AWS pricing pages, "Elastic Load Balancing pricing", LCU details.
"""
GB_PER_HOUR: Final = 1.0
"""GB an hour that an LCU covers where targets are addresses.

Source: AWS pricing pages, "Elastic Load Balancing pricing", LCU details.
"""
LAMBDA_GB_PER_HOUR: Final = 0.4
"""GB an hour that an LCU covers where targets are functions.

Source: AWS pricing pages, "Elastic Load Balancing pricing", LCU details.
"""
RULE_EVALUATIONS: Final = 1000.0
"""Rule evaluations a second that an LCU covers.

Source: AWS pricing pages, "Elastic Load Balancing pricing", LCU details.
"""
FREE_RULES: Final = 10
"""Rules of a request that are not counted.

Source: AWS pricing pages, "Elastic Load Balancing pricing", LCU details.
"""
_GB: Final = 2**30

CapacityDimension = Literal["new connections", "active connections", "processed bytes", "rules"]


@value(kw_only=True)
class BalancerUsage:
    """What a load balancer did in `hours`.

    `active_connections` is how many there are at a time, on average; bytes both ways, with heads.
    `rule_evaluations` counts those beyond the free ones of each request.
    """

    name: str
    hours: float
    new_connections: float = 0.0
    active_connections: float = 0.0
    ip_bytes: float = 0.0
    lambda_bytes: float = 0.0
    rule_evaluations: float = 0.0


def counted_rules(evaluated: int) -> int:
    """Of the rules that a request met, those that count."""
    return max(0, evaluated - FREE_RULES)


def capacity_units(usage: BalancerUsage) -> Mapping[CapacityDimension, float]:
    """The LCU that each dimension alone would make, on average; the greatest one is charged."""
    seconds = usage.hours * 3600
    if not seconds:
        return dict.fromkeys(_DIMENSIONS, 0.0)
    per_hour = usage.ip_bytes / _GB / GB_PER_HOUR + usage.lambda_bytes / _GB / LAMBDA_GB_PER_HOUR
    return {
        "new connections": usage.new_connections / seconds / NEW_CONNECTIONS,
        "active connections": usage.active_connections / ACTIVE_CONNECTIONS,
        "processed bytes": per_hour / usage.hours,
        "rules": usage.rule_evaluations / seconds / RULE_EVALUATIONS,
    }


_DIMENSIONS: Final[tuple[CapacityDimension, ...]] = (
    "new connections",
    "active connections",
    "processed bytes",
    "rules",
)


def balancer_charges(usage: BalancerUsage) -> list[Charge]:
    """The charges for the hours that a load balancer was there."""
    units = capacity_units(usage)
    dimension = max(_DIMENSIONS, key=lambda name: units[name])
    hours = ((math.inf, PER_HOUR),)
    lcu_hours = units[dimension] * usage.hours
    service = "Load balancer"
    formula = (
        f"max of {', '.join(f'{amount_text(units[name])} ({name})' for name in _DIMENSIONS)} LCU "
        f"x {amount_text(usage.hours)} hours x {price_text(PER_LCU_HOUR)} per LCU-hour"
    )
    return [
        charge(service, f"Hours of {usage.name}", usage.hours, "hours", hours),
        Charge(
            *(service, f"Capacity units of {usage.name}", lcu_hours, "LCU-hours"),
            lcu_hours * PER_LCU_HOUR,
            formula,
        ),
    ]


def request_charges(name: str, sent_and_received: int, *, is_lambda: bool, rules: int) -> Charge:
    """What one request adds where its load balancer's hour is full: its greatest dimension.

    The connection is left out: most requests come on one that stands.
    """
    covered = LAMBDA_GB_PER_HOUR if is_lambda else GB_PER_HOUR
    by_bytes = sent_and_received / _GB / covered
    by_rules = counted_rules(rules) / 3600 / RULE_EVALUATIONS
    lcu_hours = max(by_bytes, by_rules)
    formula = (
        f"max of {amount_text(by_bytes)} (processed bytes), {amount_text(by_rules)} (rules) "
        f"LCU-hours x {price_text(PER_LCU_HOUR)}"
    )
    item = f"Capacity units of {name}"
    amount = lcu_hours * PER_LCU_HOUR
    return Charge("Load balancer", item, lcu_hours, "LCU-hours", amount, formula)
