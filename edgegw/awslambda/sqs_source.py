"""SQS as an event source: the event, how many batches run at once, what becomes of messages.

A message that was received is in flight: nobody else sees it until its visibility timeout is over.
Lambda deletes it after a success; after a failure it does nothing, and the message becomes visible
by itself when the timeout is over. How often that may be is the queue's redrive policy. So every
message ends deleted, back in the queue, or in the dead letter queue, whatever happens in between:
a poller that dies has done nothing but wait.

A FIFO queue hands out no message of a group while another of the group is in flight. That keeps
the order, as long as a batch is one invocation. A batch of ten messages can be larger than an
invocation may be (`pieces`); its pieces run one after the other, and of a group that failed nothing
more runs (`Pieces.next`): it waits in flight like the message that failed.
Source: Lambda Developer Guide, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from edgegw.awslambda.event_source import Batch, BatchRule, read_batch_reply
from edgegw.awslambda.model import FunctionError, InvokeRefusal, Outcome, Returned, Throttled
from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.values import value

MOST_RECEIVED: Final = 10
"""Messages that one ReceiveMessage or DeleteMessageBatch may have.

Source: SQS API Reference, "ReceiveMessage", MaxNumberOfMessages.
"""
LONGEST_WAIT: Final = 20
"""Seconds that one ReceiveMessage waits at most.

Source: SQS API Reference, "ReceiveMessage", WaitTimeSeconds.
"""
GROUP: Final = "MessageGroupId"
TRACE_HEADER: Final = "AWSTraceHeader"

ATTRIBUTES: Final = (
    "ApproximateReceiveCount",
    TRACE_HEADER,
    "SentTimestamp",
    "SequenceNumber",
    GROUP,
    "SenderId",
    "MessageDeduplicationId",
    "ApproximateFirstReceiveTimestamp",
)
"""The attributes that a record has, those that its message has, in this order.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", example events.
"""


class TypedContent(Protocol):
    """A message attribute: its data type, and a text or bytes."""

    @property
    def data_type(self) -> str: ...
    @property
    def content(self) -> str | bytes: ...


class InFlight(Protocol):
    """A message as ReceiveMessage answers it. `attributes` are its sender's."""

    @property
    def message_id(self) -> str: ...
    @property
    def receipt_handle(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def md5_of_body(self) -> str: ...
    @property
    def attributes(self) -> Mapping[str, TypedContent]: ...
    @property
    def system_attributes(self) -> Mapping[str, str]: ...


def sqs_record(message: InFlight, arn: str) -> dict[str, Json]:
    """The element of `Records` that stands for `message` of the queue `arn`.

    Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", example events.
    """
    have = message.system_attributes
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {name: have[name] for name in ATTRIBUTES if name in have},
        "messageAttributes": {
            name: _attribute(attribute) for name, attribute in message.attributes.items()
        },
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }


def _attribute(attribute: TypedContent) -> Json:
    content = attribute.content
    if isinstance(content, bytes):
        text: dict[str, Json] = {"binaryValue": base64.b64encode(content).decode()}
    else:
        text = {"stringValue": content}
    lists: dict[str, Json] = {"stringListValues": [], "binaryListValues": []}
    return {**text, **lists, "dataType": attribute.data_type}


def trace_header(messages: Iterable[InFlight]) -> str:
    """The trace header of a batch: the first that a message brings (which one is uncertain)."""
    headers = (message.system_attributes.get(TRACE_HEADER, "") for message in messages)
    return next(filter(None, headers), "")


# What becomes of the messages of a batch


@value
class Settlement:
    """What is deleted, and what becomes visible again; `failure` says why, for the log."""

    deleted: tuple[InFlight, ...] = ()
    kept: tuple[InFlight, ...] = ()
    failure: str = ""


def settle(messages: Sequence[InFlight], outcome: Outcome, *, reports_failures: bool) -> Settlement:
    """What becomes of the `messages` of a batch after `outcome`.

    Source: Lambda Developer Guide, "Handling errors for an SQS event source in Lambda".
    """
    match outcome:
        case Returned() if not reports_failures:
            return Settlement(tuple(messages))
        case Returned():
            return _partial(messages, outcome.payload)
        case FunctionError():
            failure = f"{outcome.error_type}: {outcome.message}" if outcome.message else ""
            return Settlement((), tuple(messages), failure or outcome.error_type)
        case Throttled():
            return Settlement((), tuple(messages), f"throttled: {outcome.reason}")
        case InvokeRefusal():
            return Settlement((), tuple(messages), f"{outcome.code}: {outcome.message}")


def _partial(messages: Sequence[InFlight], result: bytes) -> Settlement:
    reply = read_batch_reply(result, [message.message_id for message in messages])
    failed = frozenset(reply.failed)
    deleted = tuple([message for message in messages if message.message_id not in failed])
    kept = tuple([message for message in messages if message.message_id in failed])
    return Settlement(deleted, kept, reply.problem or _reported(deleted, kept))


def _reported(deleted: Sequence[InFlight], kept: Sequence[InFlight]) -> str:
    if not kept:
        return ""
    text = f"the function reports {len(kept)} of {len(kept) + len(deleted)} messages as failed"
    group = _overtaken(deleted, kept)
    if group is not None:
        text += (
            f"; of the group {group!r} it does not report a later one, which is deleted: stop at "
            "the first failure and report everything after it"
        )
    return text


def _overtaken(deleted: Sequence[InFlight], kept: Sequence[InFlight]) -> str | None:
    """A group of which a message is deleted that came after one that failed; None without."""
    first: dict[str, int] = {}
    for message in kept:
        group = message.system_attributes.get(GROUP)
        if group is not None:
            first.setdefault(group, _number(message))
    for message in deleted:
        group = message.system_attributes.get(GROUP)
        if group in first and _number(message) > first[group]:
            return group
    return None


def _number(message: InFlight) -> int:
    number = message.system_attributes.get("SequenceNumber", "")
    return int(number) if number.isdigit() else 0


# Batches


class Pieces:
    """What was received at once from a FIFO queue, as invocations one after the other."""

    def __init__(self, messages: Iterable[InFlight], arn: str, rule: BatchRule) -> None:
        self._left = list(messages)
        self._arn = arn
        self._rule = rule
        self._failed: set[str] = set()

    def next(self) -> Batch[InFlight] | None:
        """The next invocation; None when there is none. Groups that failed are left out."""
        batch = Batch[InFlight](self._rule)
        self._left = [message for message in self._left if not self._is_blocked(message)]
        while self._left:
            record = encode_payload(sqs_record(self._left[0], self._arn))
            if not batch.takes(record):
                break
            batch.add(self._left.pop(0), record, 0.0)
        return batch if batch else None

    def fail(self, messages: Iterable[InFlight]) -> None:
        """The groups of `messages` are not to run further."""
        self._failed.update(message.system_attributes.get(GROUP, "") for message in messages)

    @property
    def left(self) -> list[InFlight]:
        """What has not run and may be given back: of groups of which nothing failed."""
        return [message for message in self._left if not self._is_blocked(message)]

    def _is_blocked(self, message: InFlight) -> bool:
        return message.system_attributes.get(GROUP, "") in self._failed


# How many at once

FIRST_POLLERS: Final = 5
"""Batches that run at once when a queue begins to have messages.

Source: Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
"""
MORE_PER_MINUTE: Final = 300
"""Batches more that run at once, for each minute in which there are messages.

Source: Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
"""
MOST_POLLERS: Final = 1_250
"""Batches of one mapping that run at once at most.

Source: Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
"""
BATCHES_PER_POLLER: Final = 10
"""Batches that one poller of the provisioned mode runs at once.

Source: Lambda Developer Guide, "Using provisioned mode with Amazon SQS event source mappings".
"""
MORE_PROVISIONED: Final = 1_000
"""Batches more per minute in provisioned mode.

Source: Lambda Developer Guide, "Using provisioned mode with Amazon SQS event source mappings".
"""


@value
class Growth:
    """How many batches of a mapping run at once: at first, more a minute, at most."""

    first: int = FIRST_POLLERS
    per_minute: int = MORE_PER_MINUTE
    most: int = MOST_POLLERS

    def limit(self, seconds: float) -> int:
        """How many run at once `seconds` after the queue began to have messages."""
        grown = self.first + int(self.per_minute * max(0.0, seconds) / 60)
        return min(self.most, grown)


def growth_of(mapping: EventSourceMapping) -> Growth:
    """How the concurrency of a mapping of a queue grows.

    Source: Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
    """
    if mapping.maximum_pollers:
        first, most = mapping.minimum_pollers, mapping.maximum_pollers
        return Growth(first * BATCHES_PER_POLLER, MORE_PROVISIONED, most * BATCHES_PER_POLLER)
    return Growth(most=min(MOST_POLLERS, mapping.maximum_concurrency or MOST_POLLERS))


LONGEST_PAUSE: Final = 60.0
"""Seconds that a mapping waits at most after throttles (that AWS waits so long is uncertain)."""


def pause_after(throttles: int) -> float:
    """Seconds without polling after so many throttled batches in a row: 1, 2, 4 … 60.

    Source: Lambda Developer Guide, "Backoff strategy for throttled functions"; seconds uncertain.
    """
    return min(LONGEST_PAUSE, 2.0 ** min(throttles - 1, 16)) if throttles else 0.0
