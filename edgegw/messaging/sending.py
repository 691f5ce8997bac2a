"""What may be sent to a queue, and what is the same message again.

Source: SQS API Reference, SendMessage and SendMessageBatch; SQS Developer Guide, "Message quotas".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from edgegw.messaging.message_attributes import attributes_size, check_attributes
from edgegw.messaging.queue import QueueSettings, SendMessage
from edgegw.messaging.queue_errors import QueueError, bad_parameter, bad_value, missing_parameter
from edgegw.messaging.quotas import MAX_MESSAGE

DEDUPLICATION_INTERVAL: Final = 300
"""Seconds in which a FIFO queue takes a message of the same deduplication id for the same.

Source: SQS Developer Guide, "Exactly-once processing".
"""
MAX_DELAY: Final = 900
"""Seconds that a message may be delayed.

Source: SQS API Reference, SendMessage, DelaySeconds.
"""
_INVALID: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TOKEN: Final = re.compile(r"[a-zA-Z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_CHARACTERS: Final = (
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
    "#xE000 to #xFFFD | #x10000 to #x10FFFF"
)


def message_size(message: SendMessage) -> int:
    """Bytes that count against the limit: body, and names, types and contents of attributes.

    Source: SQS API Reference, MessageAttributeValue.
    """
    return len(message.body.encode("utf-8", "surrogatepass")) + attributes_size(message.attributes)


def check_message(message: SendMessage, queue: QueueSettings, *, in_batch: bool = False) -> None:
    """Raises QueueError where `queue` does not take `message`."""
    if not message.body:
        raise missing_parameter("MessageBody")
    check_contents(message.body)
    check_attributes(message.attributes)
    _check_size(message, queue, in_batch=in_batch)
    _check_token("MessageGroupId", message.group_id)
    _check_token("MessageDeduplicationId", message.deduplication_id)
    if queue.is_fifo:
        _check_for_fifo(message, queue)
    else:
        _check_for_standard(message)


def check_contents(text: str) -> None:
    """Raises QueueError where a character may be in no message."""
    if _INVALID.search(text):
        raise QueueError("InvalidMessageContents", _CHARACTERS)


def _check_size(message: SendMessage, queue: QueueSettings, *, in_batch: bool) -> None:
    if message_size(message) <= queue.max_message_size:
        return
    fault = "cannot be validated" if in_batch else "are invalid"
    raise bad_parameter(
        f"One or more parameters {fault}. Reason: Message must be shorter than "
        f"{queue.max_message_size} bytes."
    )


def _check_token(parameter: str, token: str | None) -> None:
    if token is not None and not _TOKEN.fullmatch(token):
        reason = (
            f"{parameter} can only include alphanumeric and punctuation characters. "
            "1 to 128 in length."
        )
        raise bad_value(token, parameter, reason)


def _check_for_fifo(message: SendMessage, queue: QueueSettings) -> None:
    if message.group_id is None:
        raise missing_parameter("MessageGroupId")
    if message.deduplication_id is None and not queue.content_based_deduplication:
        raise bad_parameter(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    if message.delay:
        reason = "The request include parameter that is not valid for this queue type."
        raise bad_value(message.delay, "DelaySeconds", reason)


def _check_for_standard(message: SendMessage) -> None:
    if message.deduplication_id is not None:
        reason = "The request includes a parameter that is not valid for this queue type."
        raise bad_value(message.deduplication_id, "MessageDeduplicationId", reason)
    if message.delay is not None and not 0 <= message.delay <= MAX_DELAY:
        reason = f"DelaySeconds must be >= 0 and <= {MAX_DELAY}."
        raise bad_value(message.delay, "DelaySeconds", reason)


def check_batch(messages: Sequence[SendMessage], queue: QueueSettings) -> None:
    """Raises QueueError where `queue` takes no message of a batch because of one or of all.

    What is wrong with one message is that message's own failure, apart from what a FIFO queue
    needs to know of every one.
    """
    size = sum(map(message_size, messages))
    if size > MAX_MESSAGE:
        raise QueueError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MAX_MESSAGE} bytes. "
            f"You have sent {size} bytes.",
        )
    if not queue.is_fifo:
        return
    for message in messages:
        if message.group_id is None:
            raise bad_parameter("The request must contain the parameter MessageGroupId.")
        if message.deduplication_id is None and not queue.content_based_deduplication:
            _check_for_fifo(message, queue)


def delay_of(message: SendMessage, queue: QueueSettings) -> int:
    """Seconds until it can be received first. A FIFO queue knows its own delay only.

    Source: SQS API Reference, SendMessage, DelaySeconds.
    """
    return queue.delay if queue.is_fifo or message.delay is None else message.delay


def deduplication_id(message: SendMessage, queue: QueueSettings) -> str | None:
    """By what a FIFO queue knows the same message again: the sender's id, else SHA-256.

    Source: SQS Developer Guide, "Exactly-once processing".
    """
    if not queue.is_fifo or message.deduplication_id is not None:
        return message.deduplication_id
    return hashlib.sha256(message.body.encode()).hexdigest()


def deduplication_scope(message: SendMessage, queue: QueueSettings) -> str:
    """Within what the id counts: the whole queue, or the message's group."""
    return message.group_id or "" if queue.deduplicates_per_group else ""
