"""What attributes a message may have, and which of them a receiver gets.

Source: SQS Developer Guide, "Message attributes"; texts observed, where AWS is silent uncertain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from edgegw.messaging.queue import MessageAttribute
from edgegw.messaging.queue_errors import QueueError, bad_parameter

MAX_ATTRIBUTES: Final = 10
"""Attributes of one message.

Source: SQS Developer Guide, "Message quotas".
"""
MAX_ATTRIBUTE_NAME: Final = 256
"""Characters of an attribute's name, and of its type.

Source: SQS Developer Guide, "Message attribute components".
"""
TRACE_HEADER: Final = "AWSTraceHeader"
_TYPES: Final = ("String", "Number", "Binary")
_RESERVED: Final = ("aws.", "amazon.")
_NAME: Final = re.compile(r"[\w.-]+")
_INVALID: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def attributes_size(attributes: Mapping[str, MessageAttribute]) -> int:
    """Bytes of all names, types and contents."""
    return sum(
        len(name.encode("utf-8", "surrogatepass"))
        + len(attribute.data_type)
        + _length(attribute.content)
        for name, attribute in attributes.items()
    )


def _length(content: str | bytes) -> int:
    return len(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


def check_attributes(attributes: Mapping[str, MessageAttribute]) -> None:
    """Raises QueueError where a message may not have them."""
    if len(attributes) > MAX_ATTRIBUTES:
        raise bad_parameter(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{MAX_ATTRIBUTES}]."
        )
    for name, attribute in attributes.items():
        _check_name(name)
        _check_type(name, attribute.data_type)
        _check_content(name, attribute)


def _check_name(name: str) -> None:
    if len(name) > MAX_ATTRIBUTE_NAME:
        text = f"Message (user) attribute names must be shorter than {MAX_ATTRIBUTE_NAME} Bytes"
        raise bad_parameter(text)
    if not _NAME.fullmatch(name):
        raise bad_parameter(
            "Message (user) attributes name can only contain upper and lower score characters, "
            "digits, periods, hyphens and underscores. "
        )
    if name.lower().startswith(_RESERVED) or name.startswith(".") or name.endswith("."):
        raise bad_parameter(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These "
            "strings are reserved for internal use. Additionally, they cannot start or end with "
            "'.'."
        )


def _check_type(name: str, data_type: str) -> None:
    if not data_type:
        raise bad_parameter("Missing required parameter DataType")
    if data_type.partition(".")[0] not in _TYPES:
        raise bad_parameter(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the "
            "following supported type prefixes: Binary, Number, String."
        )
    if len(data_type) > MAX_ATTRIBUTE_NAME:
        text = f"Message (user) attribute types must be shorter than {MAX_ATTRIBUTE_NAME} Bytes"
        raise bad_parameter(text)


def _check_content(name: str, attribute: MessageAttribute) -> None:
    kind, content = attribute.data_type.partition(".")[0], attribute.content
    if not content:
        raise bad_parameter(
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        )
    if isinstance(content, str) and _INVALID.search(content):
        text = f"Message (user) attribute '{name}' contains characters outside the allowed set."
        raise QueueError("InvalidParameterValueException", text)
    if kind == "Number" and not _is_number(content):
        raise bad_parameter(
            f"Can't cast the value of message (user) attribute '{name}' to a number."
        )


def _is_number(content: str | bytes) -> bool:
    try:
        float(content)
    except ValueError:
        return False
    return True


def chosen_attributes(
    attributes: Mapping[str, MessageAttribute], names: Sequence[str]
) -> dict[str, MessageAttribute]:
    """Those that a receiver asks for: by name, by a beginning (`trace.*`), or `All` and `.*`.

    Source: SQS API Reference, ReceiveMessage, MessageAttributeNames.
    """
    if "All" in names or ".*" in names:
        return dict(attributes)
    beginnings = tuple(name.removesuffix(".*") for name in names if name.endswith(".*"))
    return {
        name: attribute
        for name, attribute in attributes.items()
        if name in names or (beginnings and name.startswith(beginnings))
    }
