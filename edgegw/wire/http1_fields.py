"""What header lines say of the way of their request: its length, who it is for, what it expects."""

from __future__ import annotations

from typing import Final

from edgegw.http.lenient_head import LenientHead
from edgegw.http.message import Header, Headers
from edgegw.wire.remembered_heads import Fields

FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
"""Headers that say where a body ends (RFC 9112 section 6)."""


def fields_of(lines: list[Header], keeps_alive: bool) -> Fields:  # noqa: FBT001 - httptools' answer
    """What header lines say of the way of their request."""
    fields = Fields(Headers(lines), keeps_alive, hosts=0)
    for name, value in lines:
        lower = name.lower()
        if lower == b"host":
            fields.hosts += 1
        elif lower == b"transfer-encoding":
            fields.has_body, fields.length = True, None
        elif lower == b"content-length":
            if not fields.has_body and value.isdigit():
                fields.length = int(value)
            fields.has_body = True
        elif lower == b"upgrade":
            fields.upgrade = value.lower()
        elif lower == b"expect" and value.lower() == b"100-continue":
            fields.expects_continue = True
    return fields


def is_plain(fields: Fields) -> bool:
    """Whether the next request with these lines can be answered without looking at them again."""
    return not (fields.has_body or fields.upgrade or fields.expects_continue) and fields.hosts == 1


def lines_of(head: LenientHead) -> tuple[list[Header], list[Header]]:
    """The lines of a lenient head that can be written down again, and those that frame its body."""
    lines = [line for line in head.fit_to_send() if line[0].lower() not in FRAMING]
    framing: list[Header] = []
    if head.framing == "chunked":
        framing = [(b"Transfer-Encoding", b"chunked")]
    elif head.framing:
        framing = [(b"Content-Length", b"%d" % head.framing)]
    return lines + framing, framing
