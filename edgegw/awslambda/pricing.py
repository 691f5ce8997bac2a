"""What Lambda costs in US East (N. Virginia), in USD, and how a charge shows its formula.

Prices are those of `PRICES_OF`; they are list prices without taxes and savings plans.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from edgegw.awslambda.logs import billed_ms
from edgegw.awslambda.model import Report
from edgegw.values import value

PRICES_OF: Final = "2026-05"
"""The month of all prices here, as they were last looked up.

Source: AWS pricing pages, US East (N. Virginia).
"""

PriceTiers: TypeAlias = tuple[tuple[float, float], ...]
"""Prices of one unit: each holds up to a quantity (the last one to infinity), per month."""

Architecture = Literal["x86_64", "arm64"]

PER_REQUEST: Final = 0.20 / 1e6
"""Of one request.

Source: AWS pricing pages, "AWS Lambda Pricing", requests.
"""
FREE_REQUESTS: Final = 1_000_000
"""Requests that cost nothing, per month.

Source: AWS pricing pages, "AWS Lambda Pricing", free tier.
"""
FREE_GB_SECONDS: Final = 400_000
"""GB-seconds on demand that cost nothing, per month.

Source: AWS pricing pages, "AWS Lambda Pricing", free tier.
"""
PER_GB_SECOND: Final[Mapping[Architecture, PriceTiers]] = {
    "x86_64": (
        (6e9, 0.0000166667),
        (15e9, 0.0000150000),
        (math.inf, 0.0000133334),
    ),
    "arm64": (
        (7.5e9, 0.0000133334),
        (18.75e9, 0.0000120001),
        (math.inf, 0.0000106667),
    ),
}
"""Of a GB-second on demand, by architecture.

Source: AWS pricing pages, "AWS Lambda Pricing", duration.
"""
PROVISIONED_GB_SECOND: Final[Mapping[Architecture, float]] = {
    "x86_64": 0.0000041667,
    "arm64": 0.0000033334,
}
"""Of a GB-second that is kept ready, whether it runs or not; counted in steps of five minutes.

Source: AWS pricing pages, "AWS Lambda Pricing", provisioned concurrency.
"""
PROVISIONED_DURATION: Final[Mapping[Architecture, float]] = {
    "x86_64": 0.0000097222,
    "arm64": 0.0000077778,
}
"""Of a GB-second in which provisioned concurrency runs; without free tier.

Source: AWS pricing pages, "AWS Lambda Pricing", provisioned concurrency.
"""
PROVISIONED_STEP: Final = 300
"""Seconds that provisioned concurrency is rounded up to.

Source: AWS pricing pages, "AWS Lambda Pricing", provisioned concurrency.
"""
FREE_STORAGE_MB: Final = 512
"""Megabytes of /tmp that cost nothing.

Source: AWS pricing pages, "AWS Lambda Pricing", ephemeral storage.
"""
STORAGE_GB_SECOND: Final = 0.0000000309
"""Of a GB-second of /tmp above that.

Source: AWS pricing pages, "AWS Lambda Pricing", ephemeral storage.
"""
EDGE_REQUEST: Final = 0.60 / 1e6
"""Of one request of Lambda@Edge, which has no free tier.

Source: AWS pricing pages, "AWS Lambda Pricing", Lambda@Edge.
"""
EDGE_GB_SECOND: Final = 0.00005001
"""Of a GB-second of Lambda@Edge, in steps of a millisecond.

Source: AWS pricing pages, "AWS Lambda Pricing", Lambda@Edge.
"""


@value
class Charge:
    """One line of a bill: `amount` in USD is what `formula` says of `quantity`."""

    service: str
    item: str
    quantity: float
    unit: str
    amount: float
    formula: str


@value(kw_only=True)
class FunctionUsage:
    """What one function (version, size) did in a month.

    `billed_ms` are milliseconds, each invocation rounded up; `provisioned` counts environments kept
    ready for `provisioned_seconds`. What ran in those is `in_provisioned`.
    """

    name: str
    memory_mb: int = 128
    requests: float = 0.0
    billed_ms: float = 0.0
    at_edge: bool = False
    in_provisioned: bool = False
    storage_mb: int = FREE_STORAGE_MB
    architecture: Architecture = "x86_64"

    @property
    def gb_seconds(self) -> float:
        return self.billed_ms / 1000 * self.memory_mb / 1024


@value
class ProvisionedUsage:
    """Environments that a function keeps ready, and for how many seconds of the month."""

    name: str
    count: int
    memory_mb: int
    seconds: float
    architecture: Architecture = "x86_64"

    @property
    def gb_seconds(self) -> float:
        steps = math.ceil(self.seconds / PROVISIONED_STEP) * PROVISIONED_STEP
        return self.count * self.memory_mb / 1024 * steps


def tiered(quantity: float, tiers: PriceTiers) -> float:
    """What `quantity` costs where a price holds up to a quantity, and the next one above it."""
    amount, begin = 0.0, 0.0
    for end, price in tiers:
        if quantity <= begin:
            break
        amount += (min(quantity, end) - begin) * price
        begin = end
    return amount


def charge(
    service: str,
    item: str,
    quantity: float,
    unit: str,
    tiers: PriceTiers,
    *,
    free: float = 0.0,
    per: float = 1.0,
) -> Charge:
    """The charge for `quantity` less what is `free`; the formula gives the price of `per` units."""
    billed = max(0.0, quantity - free)
    terms = amount_text(quantity) if not free else _less(quantity, free)
    parts = _tier_terms(billed, tiers, unit, per, terms)
    return Charge(service, item, quantity, unit, tiered(billed, tiers), parts)


def _less(quantity: float, free: float) -> str:
    return f"max(0, {amount_text(quantity)} - {amount_text(free)} free)"


def _tier_terms(billed: float, tiers: PriceTiers, unit: str, per: float, terms: str) -> str:
    each = f"{amount_text(per)} {unit}" if per != 1 else unit
    if billed <= tiers[0][0]:
        return f"{terms} {unit} x {price_text(tiers[0][1] * per)} per {each}"
    parts: list[str] = []
    begin = 0.0
    for end, price in tiers:
        if billed > begin:
            span = min(billed, end) - begin
            parts.append(f"{amount_text(span)} x {price_text(price * per)}")
        begin = end
    return f"{terms} {unit}: {' + '.join(parts)}, per {each}"


def amount_text(quantity: float) -> str:
    """A quantity for people: `1,234,567` or `0.25`."""
    if quantity == int(quantity):
        return f"{int(quantity):,}"
    return f"{quantity:,.2f}" if quantity >= 100 else f"{quantity:.6g}"


def price_text(price: float) -> str:
    """A price for people, without zeros that say nothing: `$0.2`, `$0.0000166667`."""
    return "$" + (f"{price:.12f}".rstrip("0").rstrip(".") or "0")


_NO_LIMIT: Final = math.inf


def lambda_charges(
    functions: Sequence[FunctionUsage], provisioned: Sequence[ProvisionedUsage] = ()
) -> list[Charge]:
    """The charges of a month for what functions did; the free tier counts once for all."""
    return [
        *_regional(functions),
        *_kept_ready(functions, provisioned),
        *_storage(functions),
        *_at_edge(functions),
    ]


def _regional(functions: Sequence[FunctionUsage]) -> list[Charge]:
    """Requests, and GB-seconds on demand: the free ones go to x86 first."""
    regional = [usage for usage in functions if not usage.at_edge]
    if not regional:
        return []
    requests = sum(usage.requests for usage in regional)
    tiers = ((_NO_LIMIT, PER_REQUEST),)
    charges = [
        charge("Lambda", "Requests", requests, "requests", tiers, free=FREE_REQUESTS, per=1e6)
    ]
    free = float(FREE_GB_SECONDS)
    for architecture, prices in PER_GB_SECOND.items():
        seconds = sum(
            usage.gb_seconds
            for usage in regional
            if usage.architecture == architecture and not usage.in_provisioned
        )
        if seconds:
            item = f"Duration, {architecture}"
            charges.append(charge("Lambda", item, seconds, "GB-seconds", prices, free=free))
            free = max(0.0, free - seconds)
    return charges


def _kept_ready(
    functions: Sequence[FunctionUsage], provisioned: Sequence[ProvisionedUsage]
) -> list[Charge]:
    charges: list[Charge] = []
    for architecture, price in PROVISIONED_GB_SECOND.items():
        kept = sum(use.gb_seconds for use in provisioned if use.architecture == architecture)
        ran = sum(
            usage.gb_seconds
            for usage in functions
            if usage.in_provisioned and usage.architecture == architecture
        )
        duration = ((_NO_LIMIT, PROVISIONED_DURATION[architecture]),)
        if kept:
            tiers = ((_NO_LIMIT, price),)
            item = f"Provisioned concurrency, {architecture}"
            charges.append(charge("Lambda", item, kept, "GB-seconds", tiers))
        if ran:
            item = f"Duration in provisioned concurrency, {architecture}"
            charges.append(charge("Lambda", item, ran, "GB-seconds", duration))
    return charges


def _storage(functions: Sequence[FunctionUsage]) -> list[Charge]:
    seconds = sum(
        usage.billed_ms / 1000 * max(0, usage.storage_mb - FREE_STORAGE_MB) / 1024
        for usage in functions
        if not usage.at_edge
    )
    if not seconds:
        return []
    tiers = ((_NO_LIMIT, STORAGE_GB_SECOND),)
    return [charge("Lambda", "Ephemeral storage above 512 MB", seconds, "GB-seconds", tiers)]


def _at_edge(functions: Sequence[FunctionUsage]) -> list[Charge]:
    edge = [usage for usage in functions if usage.at_edge]
    if not edge:
        return []
    requests = sum(usage.requests for usage in edge)
    seconds = sum(usage.gb_seconds for usage in edge)
    per_request, per_second = ((_NO_LIMIT, EDGE_REQUEST),), ((_NO_LIMIT, EDGE_GB_SECOND),)
    service = "Lambda@Edge"
    return [
        charge(service, "Requests", requests, "requests", per_request, per=1e6),
        charge(service, "Duration", seconds, "GB-seconds", per_second),
    ]


def invocation_charges(name: str, report: Report, *, at_edge: bool) -> list[Charge]:
    """What one invocation costs at list prices: no free tier, on demand."""
    seconds = billed_ms(report) / 1000 * report.memory_mb / 1024
    request, second = PER_REQUEST, PER_GB_SECOND["x86_64"][0][1]
    if at_edge:
        request, second = EDGE_REQUEST, EDGE_GB_SECOND
    service = "Lambda@Edge" if at_edge else "Lambda"
    return [
        charge(service, f"Request of {name}", 1, "requests", ((_NO_LIMIT, request),), per=1e6),
        charge(service, f"Duration of {name}", seconds, "GB-seconds", ((_NO_LIMIT, second),)),
    ]
