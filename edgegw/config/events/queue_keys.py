"""Which keys and types a queue of the configuration has."""

from typing import Annotated, Literal

from pydantic import Field

from edgegw.config.fields import Model, between
from edgegw.messaging.quotas import MAX_MESSAGE, MAX_RECEIVE_COUNTS, RANGES


class Redrive(Model):
    """Where messages go that were received too often."""

    to: str
    max_receive_count: Annotated[int, between(MAX_RECEIVE_COUNTS)] = 10


class Queue(Model):
    """An embedded queue; with `queue_url` one of a real service."""

    fifo: bool | None = None
    visibility_timeout: Annotated[int, between(RANGES["VisibilityTimeout"])] = 30
    delay: Annotated[int, between(RANGES["DelaySeconds"])] = 0
    retention: Annotated[int, between(RANGES["MessageRetentionPeriod"])] = 345_600
    receive_wait_time: Annotated[int, between(RANGES["ReceiveMessageWaitTimeSeconds"])] = 0
    max_message_size: Annotated[int, between(RANGES["MaximumMessageSize"])] = MAX_MESSAGE
    content_based_deduplication: bool = False
    deduplication_scope: Literal["queue", "messageGroup"] = "queue"
    redrive: Redrive | None = None
    queue_url: Annotated[str | None, Field(pattern=r"^https?://[^/\s]+/\S+$")] = None
    endpoint_url: Annotated[str | None, Field(pattern=r"^https?://\S+$")] = None
