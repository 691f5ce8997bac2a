"""Whether one more invocation may run: account limit, reserved and provisioned concurrency, rate.

Counted as AWS counts: invocations in flight, whatever number of processes serves them.
Source: Lambda Developer Guide, "Understanding Lambda function scaling".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

RATE_PER_CONCURRENCY: Final = 10
"""Requests per second that each unit of concurrency allows.

Source: Lambda Developer Guide, "Understanding Lambda function scaling", requests per second.
"""


class ConcurrencyLimits(NamedTuple):
    """What holds for the version to be run.

    `provisioned` is that of this version, `provisioned_total` that of all versions of the
    function; `unreserved` is what the account leaves to on-demand invocations of functions
    without reservation.
    """

    reserved: int | None
    unreserved: int
    provisioned: int = 0
    provisioned_total: int = 0


def throttle_reason(
    limits: ConcurrencyLimits, version: int, on_demand: int, unreserved: int
) -> str | None:
    """AWS's `Reason` for refusing one more invocation, None when it may run.

    The numbers are invocations that run now: `version` this version's; `on_demand` this function's
    beyond what is provisioned; `unreserved` those of all functions without reservation beyond what
    is provisioned. Provisioned environments are used first; what exceeds them spills over to
    on-demand ones.
    """
    if version < limits.provisioned:
        return None
    if limits.reserved is not None:
        if on_demand >= limits.reserved - limits.provisioned_total:
            return "ReservedFunctionConcurrentInvocationLimitExceeded"
    elif unreserved >= limits.unreserved:
        return "ConcurrentInvocationLimitExceeded"
    return None


@dataclass(slots=True)
class RequestRate:
    """Requests per second under a concurrency limit: ten times the limit.

    What is not used is saved up for a second at most (that AWS counts so is uncertain).
    """

    limit: int
    most: float = field(init=False)
    left: float = field(init=False)
    since: float = 0.0

    def __post_init__(self) -> None:
        self.most = self.left = float(RATE_PER_CONCURRENCY * self.limit)

    def takes(self, now: float) -> bool:
        """Whether one more request passes at `now` (seconds, any monotonic clock)."""
        left = self.left + (now - self.since) * self.most
        if left > self.most:
            left = self.most
        self.since = now
        if left < 1:
            self.left = left
            return False
        self.left = left - 1
        return True
