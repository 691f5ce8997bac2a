"""Answers of the CloudFront API as XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

NAMESPACE: Final = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
"""The namespace of requests and answers.

Source: CloudFront API Reference, "Making API requests".
"""

Content: TypeAlias = "str | int | bool | Sequence[tuple[str, Content]]"
"""What stands in an element: text, a number, a truth value, or elements by name, in order."""

_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
"""A carriage return that is not escaped is read as a line feed."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def encode_document(name: str, content: Content) -> bytes:
    """A document whose root is `name`. What XML has no character for becomes U+FFFD."""
    parts = ['<?xml version="1.0"?>\n', f'<{name} xmlns="{NAMESPACE}">']
    _write(content, parts)
    parts.append(f"</{name}>")
    return "".join(parts).encode()


def _write(content: Content, parts: list[str]) -> None:
    match content:
        case bool():
            parts.append("true" if content else "false")
        case int():
            parts.append(str(content))
        case str():
            parts.append(_text(content))
        case _:
            for name, child in content:
                parts.append(f"<{name}>")
                _write(child, parts)
                parts.append(f"</{name}>")


def _text(text: str) -> str:
    return _NO_CHARACTER.sub("\ufffd", text).translate(_ESCAPED)


def counted(element: str, items: Sequence[Content]) -> list[tuple[str, Content]]:
    """A list in CloudFront's form: `Quantity`, and `Items` unless there are none.

    Source: CloudFront API Reference, data types with `Quantity`.
    """
    return [("Quantity", len(items)), *items_of(element, items)]


def items_of(element: str, items: Sequence[Content]) -> list[tuple[str, Content]]:
    """`Items`, unless there are none."""
    return [("Items", [(element, item) for item in items])] if items else []


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds, of seconds since 1970."""
    moment = _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
