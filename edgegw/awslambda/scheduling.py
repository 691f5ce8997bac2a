"""When another execution environment starts, and when an invocation is refused.

AWS starts an environment for every invocation that finds none free. A laptop has few cores: with
64 viewers and two fast hooks, four environments each answer three times as many requests as 64
do. So an invocation waits a moment first; but handlers that sleep must still run side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 0.005
"""Seconds that an invocation waits for a free environment before growth is considered."""

TOLERATED_WAIT = 0.03
"""Seconds of expected queueing that do not yet justify another process."""

ACCOUNT_CONCURRENCY = 1000
"""Concurrent invocations of a function without reserved concurrency (AWS: per Region)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The state of one function's environments while invocations wait.

    `mean_duration` is the smoothed duration of recent invocations and `since_completion` the time
    since one finished (or since the oldest waiter came, if later), both in seconds.
    """

    waiting: int
    environments: int
    starting: int
    limit: int
    since_completion: float
    mean_duration: float | None = None


def is_throttled(in_flight: int, limit: int) -> bool:
    """Whether one more invocation exceeds the concurrency `limit`.

    Source: Lambda Developer Guide, "Understanding Lambda function scaling".
    """
    return in_flight >= limit


def environments_to_start(demand: Demand) -> int:
    """How many environments to start now; asked once per `PATIENCE` while invocations wait.

    Nothing while the queue moves fast enough, nor while environments are still starting: they may
    suffice. Otherwise as many again as there are, and three times as many where nothing moves at
    all: a slow handler reaches any concurrency in a few rounds, a fast one stops after the first.
    """
    room = min(demand.waiting, demand.limit - demand.environments)
    if room <= 0 or demand.starting:
        return 0
    stalled = demand.since_completion >= PATIENCE
    if not stalled and demand.mean_duration is not None and demand.environments:
        expected = demand.waiting * demand.mean_duration / demand.environments
        if expected <= TOLERATED_WAIT:
            return 0
    return min(room, max(1, demand.environments) * (3 if stalled else 1))
