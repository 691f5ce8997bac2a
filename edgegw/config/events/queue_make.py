"""Queues of the configuration as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgegw.config.events.queue_keys import Queue

if TYPE_CHECKING:
    from edgegw.messaging.queue import QueueSettings, RemoteQueue


def resolved_queues(queues: Mapping[str, Queue]) -> dict[str, QueueSettings | RemoteQueue]:
    """All queues by name."""
    return {name: _resolved(name, queue) for name, queue in queues.items()}


def _resolved(name: str, queue: Queue) -> QueueSettings | RemoteQueue:
    from edgegw.messaging.queue import QueueSettings, Redrive, RemoteQueue

    if queue.queue_url is not None:
        return RemoteQueue(name, queue.queue_url, queue.endpoint_url)
    redrive = queue.redrive
    return QueueSettings(
        name=name,
        visibility_timeout=queue.visibility_timeout,
        delay=queue.delay,
        retention=queue.retention,
        receive_wait_time=queue.receive_wait_time,
        max_message_size=queue.max_message_size,
        content_based_deduplication=queue.content_based_deduplication,
        deduplicates_per_group=queue.deduplication_scope == "messageGroup",
        redrive=None if redrive is None else Redrive(redrive.to, redrive.max_receive_count),
    )
