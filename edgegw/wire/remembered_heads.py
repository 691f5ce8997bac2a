"""Header lines that were read before: the same bytes need not be read again.

A client sends the same headers with most of its requests, only the request line differs. What a
parser took for the header lines of one plain request (no body, one Host, nothing expected) is
kept by its bytes; a block of data that is a plain request line and such lines, and nothing behind
them, is a request without any parsing. What others derive from the lines hangs on their `Headers`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edgegw.http.message import Headers

REQUEST_LINE: Final = re.compile(rb'(GET|HEAD) (/[!"$-~]*) HTTP/1\.1\r\n')
"""Request lines that need no parser: no strict one refuses any of them."""

LONGEST: Final = 4096
_MOST: Final = 256


@dataclass(slots=True)
class Fields:
    """The header lines of a request and what they say of its way; one object for all that match.

    `length` is the promised number of body bytes; None with `has_body` where it comes in chunks.
    `upgrade` is the protocol the client asks to switch to, in lower case.
    """

    headers: Headers
    keep_alive: bool
    has_body: bool = False
    length: int | None = None
    upgrade: bytes = b""
    expects_continue: bool = False
    hosts: int = 1


class RememberedHeads:
    """The latest blocks of header lines that a parser took, by their bytes."""

    def __init__(self) -> None:
        self._fields: dict[bytes, Fields] = {}

    def get(self, block: bytes) -> Fields | None:
        """What `block` says; None where no parser has seen it."""
        return self._fields.get(block)

    def learn(self, block: bytes, fields: Fields) -> None:
        """A parser has taken `block` for the header lines of one plain request."""
        while len(self._fields) >= _MOST:
            del self._fields[next(iter(self._fields))]
        self._fields[block] = fields


def is_one_block(block: bytes) -> bool:
    """Whether `block` may be worth learning: small, and an empty line at its end alone."""
    size = len(block)
    return 4 < size <= LONGEST and block.find(b"\r\n\r\n") == size - 4
