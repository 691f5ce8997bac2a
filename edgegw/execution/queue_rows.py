"""Messages as rows of a table, and back."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from edgegw.messaging.digests import md5_of_body
from edgegw.messaging.message_attributes import TRACE_HEADER
from edgegw.messaging.queue import MessageAttribute, ReceivedMessage
from edgegw.messaging.receipts import Receipt, receipt_handle

SENDER: Final = "AIDACKCEVSQ6C2EXAMPLE"
"""The user id that all senders have: credentials are not checked."""
MESSAGE_COLUMNS: Final = (
    "number, receives, sent, first_received, message_id, group_id, deduplication_id, trace_header,"
    " source, attributes, body"
)


def attributes_text(attributes: Mapping[str, MessageAttribute]) -> str | None:
    """Attributes as JSON: by name the type and the content, bytes as base64 in a list."""
    if not attributes:
        return None
    return json.dumps(
        {
            name: [
                attribute.data_type,
                attribute.content
                if isinstance(attribute.content, str)
                else [_base64(attribute.content)],
            ]
            for name, attribute in attributes.items()
        }
    )


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def read_attributes(text: str | None) -> dict[str, MessageAttribute]:
    """What `attributes_text` wrote."""
    if text is None:
        return {}
    return {
        name: MessageAttribute(kind, content if isinstance(content, str) else b64decode(content[0]))
        for name, (kind, content) in json.loads(text).items()
    }


def received_message(row: tuple[Any, ...], queue: str, sequence: str | None) -> ReceivedMessage:
    """The message of a row with `MESSAGE_COLUMNS`, as it is received from `queue`."""
    number, receives, sent, first, message_id, group, dedup, trace, source, attributes, body = row
    system = {
        "SenderId": SENDER,
        "SentTimestamp": _milliseconds(sent),
        "ApproximateReceiveCount": str(receives),
        "ApproximateFirstReceiveTimestamp": _milliseconds(first),
        "MessageGroupId": group,
        "MessageDeduplicationId": dedup,
        "SequenceNumber": sequence,
        TRACE_HEADER: trace,
        "DeadLetterQueueSourceArn": source,
    }
    return ReceivedMessage(
        message_id,
        receipt_handle(queue, Receipt(number, receives)),
        body,
        md5_of_body(body),
        read_attributes(attributes),
        {name: text for name, text in system.items() if text is not None},
    )


def _milliseconds(instant: float) -> str:
    return str(int(instant * 1000))
