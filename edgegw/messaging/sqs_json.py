"""The JSON of the SQS API: what is asked, and what is answered.

Source: SQS API Reference; key names are those of the service model.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Final, cast

from edgegw.awslambda.payload import Json
from edgegw.messaging.digests import md5_of_attributes
from edgegw.messaging.message_attributes import TRACE_HEADER, chosen_attributes
from edgegw.messaging.move_tasks import MoveTask
from edgegw.messaging.queue import MessageAttribute, ReceivedMessage, SendMessage, SentMessage
from edgegw.messaging.queue_errors import (
    bad_parameter,
    bad_value,
    missing_parameter,
    unknown_attribute,
)

MAX_MESSAGES: Final = 10
"""Messages of one ReceiveMessage.

Source: SQS API Reference, ReceiveMessage, MaxNumberOfMessages.
"""
MAX_WAIT: Final = 20
"""Seconds that one ReceiveMessage waits.

Source: SQS API Reference, ReceiveMessage, WaitTimeSeconds.
"""
SYSTEM_ATTRIBUTES: Final = frozenset(
    {
        "All",
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "SequenceNumber",
        "MessageDeduplicationId",
        "MessageGroupId",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
    }
)
"""What ReceiveMessage takes as a name of a message's system attribute.

Source: SQS API Reference, ReceiveMessage, MessageSystemAttributeNames.
"""
Asked = Mapping[str, object]


# Members of a request


def text_of(asked: Asked, name: str) -> str:
    """A text that must be there. Raises QueueError."""
    text = optional_text(asked, name)
    if text is None:
        raise missing_parameter(name)
    return text


def optional_text(asked: Asked, name: str) -> str | None:
    """A text, or None. Raises QueueError."""
    given = asked.get(name)
    if given is None or isinstance(given, str):
        return given
    raise bad_parameter(f"Value for parameter {name} is invalid. Reason: Must be a string.")


def whole_number(asked: Asked, name: str) -> int | None:
    """A whole number, or None. Raises QueueError."""
    given = asked.get(name)
    if given is None or (isinstance(given, int) and not isinstance(given, bool)):
        return given
    try:
        return int(cast("str", given))
    except (TypeError, ValueError):
        raise bad_value(given, name, "Must be an integer.") from None


def number_between(asked: Asked, name: str, limits: tuple[int, int], reason: str) -> int | None:
    """A whole number within limits, or None. Raises QueueError."""
    number = whole_number(asked, name)
    if number is not None and not limits[0] <= number <= limits[1]:
        raise bad_value(number, name, reason)
    return number


def texts_of(asked: Asked, name: str) -> list[str]:
    """A list of texts. Raises QueueError."""
    texts = _list(asked, name)
    if not all(isinstance(text, str) for text in texts):
        text = f"Value for parameter {name} is invalid. Reason: Must be a list of strings."
        raise bad_parameter(text)
    return cast("list[str]", texts)


def _list(asked: Asked, name: str) -> list[object]:
    given = asked.get(name)
    if given is not None and not isinstance(given, list):
        raise bad_parameter(f"Value for parameter {name} is invalid. Reason: Must be a list.")
    return cast("list[object]", given or [])


def map_of(asked: Asked, name: str) -> dict[str, str]:
    """A map of texts; numbers and switches are taken as they are written. Raises QueueError."""
    return {key: _as_text(text) for key, text in _object(asked.get(name), name).items()}


def _as_text(given: object) -> str:
    return str(given).lower() if isinstance(given, bool) else str(given)


def entries_of(asked: Asked, name: str = "Entries") -> list[dict[str, object]]:
    """The entries of a batch. Raises QueueError."""
    return [_object(entry, name) for entry in _list(asked, name)]


def _object(given: object, name: str) -> dict[str, object]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise bad_parameter(f"Value for parameter {name} is invalid. Reason: Must be a map.")
    return cast("dict[str, object]", given)


# Messages


def read_message(asked: Asked, trace_header: str | None = None) -> SendMessage:
    """The message of a SendMessage or of an entry. Raises QueueError.

    `trace_header` came with the HTTP request; a system attribute of the message goes before it.
    """
    system = _attributes(asked, "MessageSystemAttributes")
    for name in system:
        if name != TRACE_HEADER:
            text = f"Message system attribute name '{name}' is invalid."
            raise bad_parameter(text)
    trace = system.get(TRACE_HEADER)
    return SendMessage(
        text_of(asked, "MessageBody"),
        _attributes(asked, "MessageAttributes"),
        optional_text(asked, "MessageGroupId"),
        optional_text(asked, "MessageDeduplicationId"),
        whole_number(asked, "DelaySeconds"),
        trace_header if trace is None else str(trace.content),
    )


def _attributes(asked: Asked, name: str) -> dict[str, MessageAttribute]:
    given = _object(asked.get(name), name)
    return {key: _attribute(key, _object(attribute, name)) for key, attribute in given.items()}


def _attribute(name: str, given: Mapping[str, object]) -> MessageAttribute:
    data_type = optional_text(given, "DataType") or ""
    if not data_type.startswith("Binary"):
        return MessageAttribute(data_type, optional_text(given, "StringValue") or "")
    try:
        raw = b64decode(optional_text(given, "BinaryValue") or "", validate=True)
    except (ValueError, binascii.Error):
        text = f"Message (user) attribute '{name}' must contain a value in base64."
        raise bad_parameter(text) from None
    return MessageAttribute(data_type, raw)


def sent_json(sent: SentMessage) -> dict[str, Json]:
    """What SendMessage answers."""
    answer: dict[str, Json | None] = {
        "MessageId": sent.message_id,
        "MD5OfMessageBody": sent.md5_of_body,
        "MD5OfMessageAttributes": sent.md5_of_attributes,
        "MD5OfMessageSystemAttributes": sent.md5_of_system_attributes,
        "SequenceNumber": sent.sequence_number,
    }
    return {name: member for name, member in answer.items() if member is not None}


class Wanted:
    """Which attributes a receiver asks for. Raises QueueError where one cannot be."""

    def __init__(self, asked: Asked) -> None:
        system = texts_of(asked, "MessageSystemAttributeNames") + texts_of(asked, "AttributeNames")
        for name in system:
            if name not in SYSTEM_ATTRIBUTES:
                raise unknown_attribute(name)
        self._system = frozenset(system)
        self._own = texts_of(asked, "MessageAttributeNames")

    def message_json(self, message: ReceivedMessage) -> dict[str, Json]:
        """A message of ReceiveMessage's answer; its MD5 is that of the attributes answered."""
        answer: dict[str, Json] = {
            "MessageId": message.message_id,
            "ReceiptHandle": message.receipt_handle,
            "MD5OfBody": message.md5_of_body,
            "Body": message.body,
        }
        system = {
            name: text
            for name, text in message.system_attributes.items()
            if "All" in self._system or name in self._system
        }
        if system:
            answer["Attributes"] = system
        own = chosen_attributes(message.attributes, self._own)
        if own:
            answer["MessageAttributes"] = {name: attribute_json(own[name]) for name in own}
            answer["MD5OfMessageAttributes"] = md5_of_attributes(own)
        return answer


def attribute_json(attribute: MessageAttribute) -> dict[str, Json]:
    """A message attribute as the API writes it."""
    content = attribute.content
    if isinstance(content, str):
        return {"DataType": attribute.data_type, "StringValue": content}
    return {"DataType": attribute.data_type, "BinaryValue": b64encode(content).decode()}


# Errors and tasks


def task_json(task: MoveTask) -> dict[str, Json]:
    """A message move task; only a running one has a handle."""
    answer: dict[str, Json | None] = {
        "TaskHandle": task.handle if task.status == "RUNNING" else None,
        "Status": task.status,
        "SourceArn": task.source,
        "DestinationArn": task.destination,
        "MaxNumberOfMessagesPerSecond": task.per_second,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "FailureReason": task.failure or None,
        "StartedTimestamp": int(task.started * 1000),
    }
    return {name: member for name, member in answer.items() if member is not None}


def page_of(names: Sequence[str], asked: Asked) -> tuple[list[str], str | None]:
    """The queues of one ListQueues, and the token of the next page. Raises QueueError."""
    prefix = optional_text(asked, "QueueNamePrefix") or ""
    after = optional_text(asked, "NextToken")
    limit = number_between(asked, "MaxResults", (1, 1000), "Must be between 1 and 1000.")
    try:
        last = "" if after is None else b64decode(after, validate=True).decode()
    except (ValueError, binascii.Error):
        raise bad_parameter("Invalid or expired next token.") from None
    rest = [name for name in names if name.startswith(prefix) and name > last]
    page = rest[: limit or 1000]
    if limit is None or len(page) == len(rest):
        return page, None
    return page, b64encode(page[-1].encode()).decode()
