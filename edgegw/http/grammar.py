"""The characters that HTTP lets through, and those it does not, once for the whole house.

Each pattern comes for bytes, as messages hold them, and where it is needed also for text, as JSON
and configurations hold it (`TEXT_…`). `TOKEN` has to fit as a whole; the others are searched for.
Whatever is narrower than HTTP itself is somebody's rule and stands with that rule.

Source: RFC 9110 sections 5.5, 5.6.2 and 5.6.3; RFC 9112 sections 2.2 and 3.2.
"""

from __future__ import annotations

import re
from typing import Final

TCHAR: Final = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
"""The characters of methods and field names (`tchar`), for the brackets of a pattern."""

TOKEN: Final = re.compile(rf"[{TCHAR}]+".encode())
TEXT_TOKEN: Final = re.compile(rf"[{TCHAR}]+")

BREAKING: Final = re.compile(rb"[\r\n\0]")
"""What ends a line for some reader: a head that holds it anywhere else is two heads to somebody."""

CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
"""Control characters, the tab among them."""

VALUE_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
TEXT_VALUE_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What a field value or reason phrase never holds: control characters other than the tab."""

NOT_IN_TARGET: Final = re.compile(rb"[\x00-\x20\x7f]")
TEXT_NOT_IN_TARGET: Final = re.compile(r"[\x00-\x20\x7f]")
"""What a request target never holds: control characters and blanks. Bytes above 127 pass."""


def is_target(text: str) -> bool:
    """Whether `text` can be the path of a request, with a query or without: `/…`, no blanks."""
    return text.startswith("/") and TEXT_NOT_IN_TARGET.search(text) is None


_LONGEST_LENGTH: Final = 18
"""Digits of a Content-Length that counts: more is more than any body, and than Python converts."""


def length_of(value: bytes | None) -> int | None:
    """The number of bytes that a Content-Length means; None where it means none."""
    is_length = value is not None and value.isdigit() and len(value) <= _LONGEST_LENGTH
    return int(value) if is_length and value is not None else None


BLANKS: Final = b" \t"
"""What may stand around values and list members and is no part of them."""
