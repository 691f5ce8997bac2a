"""What CloudFront costs for viewers in the United States, Mexico and Canada, in USD.

Prices are those of `awslambda.pricing.PRICES_OF`: pay as you go, without flat-rate plans and
savings. A GB is 2**30 bytes. Transfer between CloudFront and origins in AWS is free.
"""

from __future__ import annotations

import math
from typing import Final

from edgegw.awslambda.pricing import Charge, PriceTiers, charge
from edgegw.values import value

GB: Final = 2**30
_TB: Final = 1024.0

HTTP_REQUEST: Final = 0.0075 / 1e4
"""Of one request over HTTP.

Source: AWS pricing pages, "Amazon CloudFront Pricing", request pricing.
"""
HTTPS_REQUEST: Final = 0.0100 / 1e4
"""Of one request over HTTPS.

Source: AWS pricing pages, "Amazon CloudFront Pricing", request pricing.
"""
FREE_REQUESTS: Final = 10_000_000
"""Requests that cost nothing, per month; counted against those over HTTPS first.

Source: AWS pricing pages, "Amazon CloudFront Pricing", always free tier.
"""
FREE_GB: Final = 1024
"""GB to viewers that cost nothing, per month: one TB.

Source: AWS pricing pages, "Amazon CloudFront Pricing", always free tier.
"""
TO_VIEWERS: Final[PriceTiers] = (
    (10 * _TB, 0.085),
    (50 * _TB, 0.080),
    (150 * _TB, 0.060),
    (500 * _TB, 0.040),
    (1024 * _TB, 0.030),
    (5 * 1024 * _TB, 0.025),
    (math.inf, 0.020),
)
"""Of a GB to viewers.

Source: AWS pricing pages, "Amazon CloudFront Pricing", data transfer out to internet.
"""
TO_ORIGINS: Final = 0.020
"""Of a GB of bodies that viewers send on to origins.

Source: AWS pricing pages, "Amazon CloudFront Pricing", data transfer out to origin.
"""

FUNCTION_RUN: Final = 0.10 / 1e6
"""Of one invocation of a CloudFront Function; reads of key value stores are not reckoned.

Source: AWS pricing pages, "Amazon CloudFront Pricing", CloudFront Functions.
"""
FREE_FUNCTION_RUNS: Final = 2_000_000
"""Invocations of CloudFront Functions that cost nothing, per month.

Source: AWS pricing pages, "Amazon CloudFront Pricing", always free tier.
"""


@value(kw_only=True)
class DistributionUsage:
    """What distributions did in a month; bytes include heads as if all were HTTP/1.1."""

    http_requests: float = 0.0
    https_requests: float = 0.0
    sent_bytes: float = 0.0
    origin_bytes: float = 0.0
    function_runs: float = 0.0


def distribution_charges(usage: DistributionUsage, *, has_free_tier: bool = True) -> list[Charge]:
    """The charges of a month; without the free tier list prices."""
    free = FREE_REQUESTS if has_free_tier else 0
    left = max(0.0, free - usage.https_requests)
    free_gb = FREE_GB if has_free_tier else 0
    charges: list[Charge] = []
    if usage.https_requests:
        charges.append(_requests("HTTPS requests", usage.https_requests, HTTPS_REQUEST, free))
    if usage.http_requests:
        charges.append(_requests("HTTP requests", usage.http_requests, HTTP_REQUEST, left))
    if usage.sent_bytes:
        sent = usage.sent_bytes / GB
        item = "Transfer to viewers"
        charges.append(charge("CloudFront", item, sent, "GB", TO_VIEWERS, free=free_gb))
    if usage.origin_bytes:
        to_origins = ((math.inf, TO_ORIGINS),)
        received = usage.origin_bytes / GB
        charges.append(charge("CloudFront", "Transfer to origins", received, "GB", to_origins))
    if usage.function_runs:
        free_runs = FREE_FUNCTION_RUNS if has_free_tier else 0
        charges.append(_function_runs(usage.function_runs, free_runs))
    return charges


def _function_runs(count: float, free: float) -> Charge:
    tiers = ((math.inf, FUNCTION_RUN),)
    item = "CloudFront Functions"
    return charge("CloudFront", item, count, "invocations", tiers, free=free, per=1e6)


def _requests(item: str, count: float, price: float, free: float) -> Charge:
    tiers = ((math.inf, price),)
    return charge("CloudFront", item, count, "requests", tiers, free=free, per=1e4)
