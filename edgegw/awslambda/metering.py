"""As how much a request counts where requests are charged: asked of each of them, so kept small."""

from __future__ import annotations

import math
from typing import Final

API_STEP: Final = 512 * 1024
"""Bytes that a request at an HTTP API is metered by; a larger one counts as several.

That it is the larger one of request and answer that counts is uncertain.
Source: AWS pricing pages, "Amazon API Gateway pricing", HTTP APIs.
"""
STREAMED_AT_NO_COST: Final = 6 * 2**20
"""Bytes of each streamed answer that cost nothing.

Source: AWS pricing pages, "AWS Lambda Pricing", HTTP response stream.
"""


def metered_requests(received: int, sent: int) -> int:
    """As how many requests one at an HTTP API counts, with so many bytes of both bodies.

    Source: AWS pricing pages, "Amazon API Gateway pricing", HTTP APIs.
    """
    return max(1, math.ceil(max(received, sent) / API_STEP))


def streamed_beyond(sent: int) -> int:
    """Bytes of a streamed answer that cost.

    Source: AWS pricing pages, "AWS Lambda Pricing", HTTP response stream.
    """
    return max(0, sent - STREAMED_AT_NO_COST)
