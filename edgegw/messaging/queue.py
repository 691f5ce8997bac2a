"""The values of a queue: its settings, what is sent to it, what is received from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from edgegw.messaging.quotas import FIFO_SUFFIX, MAX_MESSAGE
from edgegw.values import value


@value
class Redrive:
    """Where a message goes that was received `max_receive_count` times. `to` is a queue's name."""

    to: str
    max_receive_count: int


@value(kw_only=True)
class QueueSettings:
    """An embedded queue. Durations are seconds, sizes bytes, with AWS's defaults.

    Source: SQS API Reference, SetQueueAttributes.
    """

    name: str
    visibility_timeout: int = 30
    delay: int = 0
    retention: int = 345_600
    receive_wait_time: int = 0
    max_message_size: int = MAX_MESSAGE
    content_based_deduplication: bool = False
    deduplicates_per_group: bool = False
    redrive: Redrive | None = None
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes that are kept and answered, and change nothing here, as AWS writes them."""

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(FIFO_SUFFIX)


@value
class RemoteQueue:
    """A queue of a real service: where it is, and the endpoint to ask (None: AWS itself)."""

    name: str
    queue_url: str
    endpoint_url: str | None = None


@value
class MessageAttribute:
    """`data_type` is String, Number or Binary, perhaps with a label behind a period."""

    data_type: str
    content: str | bytes


@value
class SendMessage:
    """A message on its way to a queue. Without `delay` (seconds) the queue's own holds."""

    body: str
    attributes: Mapping[str, MessageAttribute] = field(default_factory=dict[str, MessageAttribute])
    group_id: str | None = None
    deduplication_id: str | None = None
    delay: int | None = None
    trace_header: str | None = None


@value
class SentMessage:
    """What the sender learns: ids and digests. Only FIFO queues give a sequence number."""

    message_id: str
    md5_of_body: str
    md5_of_attributes: str | None = None
    md5_of_system_attributes: str | None = None
    sequence_number: str | None = None


@value
class ReceivedMessage:
    """A message that somebody has until its visibility timeout ends.

    `system_attributes` are all that AWS knows, by its names (`SentTimestamp`, `SenderId`,
    `ApproximateReceiveCount`, `MessageGroupId` …).
    """

    message_id: str
    receipt_handle: str
    body: str
    md5_of_body: str
    attributes: Mapping[str, MessageAttribute]
    system_attributes: Mapping[str, str]


@value
class QueueCounts:
    """How many messages can be received, are in flight, and are delayed."""

    visible: int
    in_flight: int
    delayed: int
