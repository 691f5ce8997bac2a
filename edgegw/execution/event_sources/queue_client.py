"""A queue as a poller uses it: an embedded one, or one of any SQS-compatible endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgegw.awslambda.sqs_source import InFlight
from edgegw.errors import EdgegwError


class QueueProblem(EdgegwError):  # noqa: N818 - named for what it is
    """The queue cannot be used at the moment, or not at all: one sentence that says why."""


class QueueClient(Protocol):
    """A queue that is read. Everything raises QueueProblem."""

    async def receive(self, most: int, wait: float) -> Sequence[InFlight]:
        """Up to `most` messages (1 to 10), which are in flight then.

        It waits up to `wait` seconds of this machine for the first one, and may end earlier with
        nothing. Where the queue tells when it has something, infinity waits until then.
        """
        ...

    async def delete(self, messages: Sequence[InFlight]) -> None:
        """Deletes up to ten messages."""
        ...

    async def fail(self, messages: Sequence[InFlight]) -> None:
        """Messages come again when their visibility timeout is over: AWS does nothing here."""
        ...

    async def release(self, messages: Sequence[InFlight]) -> None:
        """Makes up to ten messages visible again at once."""
        ...

    async def visibility_timeout(self) -> float:
        """Seconds that a message is in flight."""
        ...

    async def close(self) -> None:
        """Gives back what it holds; a queue goes on without it."""
        ...
