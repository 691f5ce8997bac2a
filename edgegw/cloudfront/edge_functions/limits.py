"""Numbers of CloudFront Functions.

Source: CloudFront Developer Guide, "Quotas", quotas on CloudFront Functions.
"""

from __future__ import annotations

from typing import Final

MAX_CODE: Final = 10 * 1024
"""Bytes of code.

Source: CloudFront Developer Guide, "Quotas", quotas on CloudFront Functions.
"""
MAX_MEMORY: Final = 2 * 1024 * 1024
"""Bytes that one run may take beyond what the runtime itself has.

Source: CloudFront Developer Guide, "Quotas", quotas on CloudFront Functions.
"""
MAX_LOG: Final = 10 * 1024
"""Bytes of log lines of one run; the rest is cut.

Source: CloudFront Developer Guide, "Edge function logs".
"""
MAX_STACK: Final = 1024 * 1024
"""Bytes of stack (uncertain: AWS names no number)."""

FULL: Final = 40_000
"""Units that are a compute utilization of 100.

A unit is about one word of code that is executed (`metering`). AWS gives the allowed time in no
unit at all, so this is our calibration: usual functions come to 10 to 30 here as they do there.
"""
BASE: Final = 10
"""Utilization of a function that does nothing."""

TENTATIVE: Final = 4
"""Milliseconds after which a run leaves the event loop, to be done again in a thread."""
LONGEST_RUN: Final = 100
"""Milliseconds that a run in a thread has for what no unit counts."""


def utilization(units: int) -> int:
    """Compute utilization, 0 to 100, of a run that took `units`.

    Source: CloudFront Developer Guide, "Understand the compute utilization"; the scale is ours.
    """
    return min(100, BASE + (100 - BASE) * units // FULL)
