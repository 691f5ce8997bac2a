"""When another execution environment starts.

AWS starts an environment for every invocation that finds none free. A laptop has few cores: with
64 viewers and two fast hooks, four environments each answer three times as many requests as 64
do. So an invocation waits a moment first, and more environments start only where they help: for
handlers that sleep or wait for the network, which must run side by side as on AWS, and for others
up to a handful.
"""

from __future__ import annotations

from edgegw.values import value

PATIENCE = 0.005
"""Seconds that an invocation waits for a free environment before growth is considered."""

BUSY_ENVIRONMENTS = 4
"""Environments that a handler gets which does nothing but compute; more only take turns."""

WAITING_HANDLER = 0.002
"""Seconds without computing, per invocation, from which a handler counts as one that waits."""

STANDSTILL = 0.05
"""Seconds without any completion after which what was learnt of a handler no longer counts."""


@value
class Demand:
    """The state of one function's environments while invocations wait.

    Times in seconds. `since_completion` is how long ago an invocation finished (or since the oldest
    waiter came, if that is later); `mean_duration` and `mean_waiting` are smoothed over recent
    invocations: how long they took, and how much of that the handler did not compute. None before
    the first one finished.
    """

    waiting: int
    environments: int
    starting: int
    limit: int
    since_completion: float
    mean_duration: float | None = None
    mean_waiting: float = 0.0


def environments_to_start(demand: Demand) -> int:
    """How many environments to start now; asked once per `PATIENCE` while invocations wait.

    Nothing while environments are still starting: they may suffice. Where nothing moves, three
    times as many as there are, so that a slow handler reaches any concurrency in a few rounds.
    """
    room = min(demand.waiting, demand.limit - demand.environments)
    if room <= 0 or demand.starting:
        return 0
    there, mean = max(1, demand.environments), demand.mean_duration
    if mean is None or demand.since_completion >= max(STANDSTILL, 3 * mean):
        return min(room, 3 * there)
    if demand.waiting * mean / there <= PATIENCE:
        return 0
    if demand.mean_waiting < WAITING_HANDLER:
        room = min(room, BUSY_ENVIRONMENTS - demand.environments)
    return max(0, min(room, there))
