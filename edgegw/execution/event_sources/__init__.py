"""What reads queues and streams for event source mappings and invokes functions with it.

A poller serves one mapping. It decides nothing itself: when a batch is sent, what passes and what
becomes of what failed stand in `awslambda` (`event_source`, `sqs_source`, `stream_source`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from edgegw.awslambda.metrics import WorkerMetric
from edgegw.awslambda.model import Invocation, Outcome

Invoker: TypeAlias = Callable[[Invocation], Awaitable[Outcome]]
CountEvents: TypeAlias = Callable[[WorkerMetric, int], None]
"""Told how many events of the mapping a metric of Lambda's counts; never with 0."""


def uncounted(_metric: WorkerMetric, _events: int) -> None:
    """For pollers whose events nobody counts."""


class SourcePoller(Protocol):
    """Reads one source for one mapping."""

    @property
    def last_result(self) -> str:
        """How the last attempt ended, as `LastProcessingResult` says it."""
        ...

    def start(self) -> None:
        """Begins to read."""
        ...

    async def drain(self) -> None:
        """Reads no more; returns when the batches that run have ended. It may be started again."""
        ...

    async def close(self) -> None:
        """Ends at once, with the batches that run. What was read and did not run goes back."""
        ...
