"""The MD5s with which senders and receivers check that a message arrived as it was sent.

Source: SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from edgegw.messaging.queue import MessageAttribute

_STRING: Final = b"\x01"
_BINARY: Final = b"\x02"


def md5_of_body(body: str) -> str:
    """Of the text in UTF-8."""
    return _md5(body.encode())


def md5_of_attributes(attributes: Mapping[str, MessageAttribute]) -> str | None:
    """Of names, types and contents in the order of the names; None where there are none."""
    if not attributes:
        return None
    parts = [_encoded(name, attributes[name]) for name in sorted(attributes)]
    return _md5(b"".join(parts))


def _encoded(name: str, attribute: MessageAttribute) -> bytes:
    content = attribute.content
    kind, raw = (_STRING, content.encode()) if isinstance(content, str) else (_BINARY, content)
    return _counted(name.encode()) + _counted(attribute.data_type.encode()) + kind + _counted(raw)


def _counted(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()
