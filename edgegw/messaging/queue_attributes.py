"""A queue's settings as AWS writes them: attributes, all of them text.

Source: SQS API Reference, CreateQueue, SetQueueAttributes and GetQueueAttributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast

from edgegw.messaging.queue import QueueCounts, QueueSettings, Redrive
from edgegw.messaging.queue_errors import (
    QueueError,
    bad_attribute,
    bad_parameter,
    bad_value,
    unknown_attribute,
)
from edgegw.messaging.quotas import (
    FIFO_SUFFIX,
    MAX_NAME,
    MAX_RECEIVE_COUNTS,
    RANGES,
    is_queue_name,
)
from edgegw.values import value

_FIELDS: Final = {
    "VisibilityTimeout": "visibility_timeout",
    "DelaySeconds": "delay",
    "MessageRetentionPeriod": "retention",
    "ReceiveMessageWaitTimeSeconds": "receive_wait_time",
    "MaximumMessageSize": "max_message_size",
}
_KEPT: Final = frozenset(
    {"Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "RedriveAllowPolicy"}
)
_FIFO_ONLY: Final = frozenset(
    {"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}
)
_READ_ONLY: Final = frozenset(
    {
        "QueueArn",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
    }
)
_SETTABLE: Final = frozenset({*_FIELDS, *_KEPT, "RedrivePolicy", "SqsManagedSseEnabled"})
ATTRIBUTE_NAMES: Final = frozenset({"All", "FifoQueue"}) | _SETTABLE | _FIFO_ONLY | _READ_ONLY
"""What GetQueueAttributes takes as a name.

Source: SQS API Reference, GetQueueAttributes.
"""
_CHOICES: Final = {
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
FindQueue: TypeAlias = Callable[[str], QueueSettings | None]
"""A queue by its ARN."""


def new_queue(name: str, attributes: Mapping[str, str], find: FindQueue) -> QueueSettings:
    """The queue that CreateQueue makes of a name and attributes. Raises QueueError."""
    is_fifo = _is_true(attributes.get("FifoQueue", "false"), "FifoQueue")
    _check_name(name, is_fifo=is_fifo)
    if "FifoQueue" in attributes and not is_fifo:
        raise unknown_attribute("FifoQueue")
    rest = {key: text for key, text in attributes.items() if key != "FifoQueue"}
    return changed_queue(QueueSettings(name=name), rest, find)


def _check_name(name: str, *, is_fifo: bool) -> None:
    if is_fifo and not (name.endswith(FIFO_SUFFIX) and is_queue_name(name)):
        raise bad_parameter(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
            f"underscores, must end with .fifo suffix and be 1 to {MAX_NAME} in length."
        )
    if not is_fifo and (name.endswith(FIFO_SUFFIX) or not is_queue_name(name)):
        raise bad_parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. "
            f"1 to {MAX_NAME} in length"
        )


def changed_queue(
    queue: QueueSettings, attributes: Mapping[str, str], find: FindQueue
) -> QueueSettings:
    """`queue` with these attributes; an empty text puts one back. Raises QueueError."""
    changes: dict[str, Any] = {}
    extra = dict(queue.extra)
    for name, text in attributes.items():
        _check_attribute(queue, name, text)
        if name in _FIELDS:
            changes[_FIELDS[name]] = _number(name, text)
        elif name == "RedrivePolicy":
            changes["redrive"] = read_redrive(text, queue, find) if text else None
        elif name == "ContentBasedDeduplication":
            changes["content_based_deduplication"] = _is_true(text, name)
        else:
            _keep(extra, name, text)
    if "DeduplicationScope" in attributes:
        changes["deduplicates_per_group"] = attributes["DeduplicationScope"] == "messageGroup"
    return replace(queue, extra=extra, **changes)


def _keep(extra: dict[str, str], name: str, text: str) -> None:
    if text:
        extra[name] = text
    else:
        extra.pop(name, None)
    if name == "KmsMasterKeyId" and text:
        extra["SqsManagedSseEnabled"] = "false"


def _check_attribute(queue: QueueSettings, name: str, text: str) -> None:
    if name == "FifoQueue":
        if not queue.is_fifo:
            raise unknown_attribute(name)
        raise bad_attribute(name, "Modifying queue type is not supported.")
    if name in _FIFO_ONLY and not queue.is_fifo:
        if name == "ContentBasedDeduplication":
            raise unknown_attribute(name)
        only = f"You can specify the {name} only when FifoQueue is set to true."
        raise QueueError("InvalidAttributeName", only)
    if name not in _SETTABLE | _FIFO_ONLY:
        raise unknown_attribute(name)
    if name in _CHOICES and text not in _CHOICES[name]:
        raise bad_attribute(name)


def _number(name: str, text: str) -> int:
    least, most = RANGES[name]
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
        raise bad_attribute(name)
    return int(text)


def _is_true(text: str, name: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise bad_attribute(name)
    return text.lower() == "true"


def read_redrive(text: str, queue: QueueSettings, find: FindQueue) -> Redrive:
    """What a RedrivePolicy says. Raises QueueError."""
    try:
        policy: object = json.loads(text)
    except (ValueError, RecursionError):
        policy = None
    if not isinstance(policy, dict):
        raise bad_value(text, "RedrivePolicy", "Redrive policy is not a valid JSON map.")
    given = cast("dict[str, object]", policy)
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in given:
            reason = f"Redrive policy does not contain mandatory attribute: {name}."
            raise bad_value(text, "RedrivePolicy", reason)
    count = _receive_count(text, given["maxReceiveCount"])
    return Redrive(_dead_letter_queue(text, given["deadLetterTargetArn"], queue, find), count)


def _receive_count(policy: str, given: object) -> int:
    least, most = MAX_RECEIVE_COUNTS
    digits = str(given) if isinstance(given, (int, str)) and not isinstance(given, bool) else ""
    if re.fullmatch(r"\d{1,9}", digits, re.ASCII) and least <= int(digits) <= most:
        return int(digits)
    reason = (
        f"Invalid value for maxReceiveCount: {given}, valid values are from {least} to {most} "
        "both inclusive."
    )
    raise bad_value(policy, "RedrivePolicy", reason)


def _dead_letter_queue(policy: str, arn: object, queue: QueueSettings, find: FindQueue) -> str:
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        reason = "Invalid value for deadLetterTargetArn."
        raise bad_value(policy, "RedrivePolicy", reason)
    target = find(arn)
    if target is None:
        raise bad_value(policy, "RedrivePolicy", "Dead letter target does not exist.")
    if target.is_fifo != queue.is_fifo:
        reason = "Dead-letter queue must be same type of queue as the source."
        raise bad_value(policy, "RedrivePolicy", reason)
    return target.name


@value
class QueueLife:
    """When a queue was made and changed last, in seconds since 1970; its tags."""

    created: float
    modified: float
    tags: Mapping[str, str]


def encode_attributes(
    queue: QueueSettings, life: QueueLife, counts: QueueCounts, arn_of: Callable[[str], str]
) -> dict[str, str]:
    """All attributes of a queue; `arn_of` makes an ARN of a queue's name."""
    attributes = {
        "QueueArn": arn_of(queue.name),
        "ApproximateNumberOfMessages": str(counts.visible),
        "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
        "CreatedTimestamp": str(int(life.created)),
        "LastModifiedTimestamp": str(int(life.modified)),
        "SqsManagedSseEnabled": "true",
        **set_attributes(queue, arn_of),
    }
    if queue.is_fifo:
        attributes["FifoQueue"] = "true"
    return attributes


def set_attributes(queue: QueueSettings, arn_of: Callable[[str], str]) -> dict[str, str]:
    """Those that say how the queue works, as they could be set."""
    attributes = {name: str(getattr(queue, field)) for name, field in _FIELDS.items()}
    if queue.redrive is not None:
        policy = {
            "deadLetterTargetArn": arn_of(queue.redrive.to),
            "maxReceiveCount": queue.redrive.max_receive_count,
        }
        attributes["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
    if queue.is_fifo:
        scope = _CHOICES["DeduplicationScope"][queue.deduplicates_per_group]
        content_based = str(queue.content_based_deduplication).lower()
        attributes["ContentBasedDeduplication"] = content_based
        attributes["DeduplicationScope"] = scope
        attributes["FifoThroughputLimit"] = "perQueue"
    return {**attributes, **queue.extra}


def check_same(known: Mapping[str, str], asked: Mapping[str, str]) -> None:
    """Raises QueueError where CreateQueue asks for other attributes than an existing queue has."""
    for name, text in asked.items():
        if name != "FifoQueue" and not _equal(name, known.get(name), text):
            raise QueueError(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for attribute "
                f"{name}",
            )


def _equal(name: str, known: str | None, asked: str) -> bool:
    if name != "RedrivePolicy" or not known or not asked:
        return (known or "") == asked
    try:
        first, second = json.loads(known), json.loads(asked)
        return {key: str(setting) for key, setting in first.items()} == {
            key: str(setting) for key, setting in second.items()
        }
    except (ValueError, AttributeError):
        return False
