"""Embedded queues: SQS on one machine, in one file of the state folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgegw.messaging.queue import (
        QueueCounts,
        QueueSettings,
        ReceivedMessage,
        SendMessage,
        SentMessage,
    )
    from edgegw.messaging.queue_errors import QueueError


class EmbeddedQueues:
    """All embedded queues of a gateway. `name` is a queue's name, its URL or its ARN.

    Every operation has reached the disk when it returns. Raises QueueError where SQS would refuse,
    StateProblem where the disk does.
    """

    def names(self) -> list[str]:
        """Of all queues, in order."""
        raise NotImplementedError

    def settings(self, name: str) -> QueueSettings:
        """The queue. Raises QueueError."""
        raise NotImplementedError

    def arn(self, name: str) -> str:
        """The queue's ARN. Raises QueueError."""
        raise NotImplementedError

    async def send(self, name: str, message: SendMessage) -> SentMessage:
        """Accepts a message."""
        raise NotImplementedError

    async def send_batch(
        self, name: str, messages: Sequence[SendMessage]
    ) -> list[SentMessage | QueueError]:
        """Accepts messages in this order; for each what `send` returns or raises."""
        raise NotImplementedError

    async def receive(
        self, name: str, limit: int = 10, *, visibility: float | None = None, wait: float = 0
    ) -> list[ReceivedMessage]:
        """Up to `limit` messages; waits so many seconds for the first one.

        It comes back at once when one is sent, becomes visible or is delayed no longer: a poller
        needs no other bell. Without `visibility` the queue's own timeout holds.
        """
        raise NotImplementedError

    async def delete(self, name: str, handles: Sequence[str]) -> list[QueueError | None]:
        """Deletes what was received; for each handle None, or why not."""
        raise NotImplementedError

    async def change_visibility(
        self, name: str, seconds: Mapping[str, float]
    ) -> list[QueueError | None]:
        """Hides messages by handle for so many seconds from now; 0 gives them back at once."""
        raise NotImplementedError

    async def counts(self, name: str) -> QueueCounts:
        """How many messages there are."""
        raise NotImplementedError

    async def purge(self, name: str) -> None:
        """Deletes all messages."""
        raise NotImplementedError
