"""What Lambda costs beside invocations, and what HTTP APIs do: US East (N. Virginia), in USD.

A function URL costs nothing: its requests are the function's invocations, which `pricing.py` has.
What it streams beyond some megabytes costs, and so do requests at an HTTP API and pollers that an
event source mapping keeps. Prices are those of `pricing.PRICES_OF`.
"""

from __future__ import annotations

import math
from typing import Final

from edgegw.awslambda.pricing import Charge, PriceTiers, charge
from edgegw.values import value

GB: Final = 2**30
API_REQUEST: Final[PriceTiers] = ((300e6, 1.00 / 1e6), (math.inf, 0.90 / 1e6))
"""Of a request at an HTTP API; the price above 300 million is from memory.

Source: AWS pricing pages, "Amazon API Gateway pricing", HTTP APIs.
"""
STREAMED_GB: Final = 0.008
"""Of a GB that functions stream beyond `STREAMED_AT_NO_COST` of each request.

Source: AWS pricing pages, "AWS Lambda Pricing", HTTP response stream.
"""
FREE_STREAMED_GB: Final = 100
"""GB beyond those that cost nothing, per month.

Source: AWS pricing pages, "AWS Lambda Pricing", free tier.
"""
POLLER_HOUR: Final = 0.185
"""Of an hour of an event poller that a mapping in provisioned mode keeps; each is one unit here.

Source: AWS pricing pages, "AWS Lambda Pricing", provisioned mode for event source mappings.
"""


@value
class CallerUsage:
    """What function URLs and HTTP APIs did in a month beside invoking.

    `metered` are requests at HTTP APIs as they are charged, `streamed` bytes beyond what each
    request has at no cost.
    """

    metered: float = 0.0
    streamed: float = 0.0


def caller_charges(usage: CallerUsage, *, has_free_tier: bool = True) -> list[Charge]:
    """The charges of a month; free requests of an account's first year are not reckoned."""
    charges: list[Charge] = []
    if usage.metered:
        item = "HTTP API requests"
        charges.append(charge("API Gateway", item, usage.metered, "requests", API_REQUEST, per=1e6))
    if usage.streamed:
        item, tiers = "Streamed beyond 6 MB a request", ((math.inf, STREAMED_GB),)
        free = FREE_STREAMED_GB if has_free_tier else 0
        charges.append(charge("Lambda", item, usage.streamed / GB, "GB", tiers, free=free))
    return charges


def poller_charges(mapping: str, pollers: int, hours: float) -> Charge:
    """Of the pollers that the mapping of the source `mapping` keeps at least."""
    item = f"Event pollers of {mapping}"
    return charge("Lambda", item, pollers * hours, "poller hours", ((math.inf, POLLER_HOUR),))
