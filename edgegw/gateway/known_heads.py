"""Heads of requests that were read before: the same bytes need not be read again.

A client sends the same headers with most of its requests, only the request line differs.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from edgegw.http.message import Header, Headers

_LINE: Final = re.compile(rb'(GET|HEAD) (/[!"$-~]*) HTTP/1\.1\r\n')
"""Request lines that need no parser: no strict one refuses any of them."""

_LONGEST: Final = 4096
_MOST: Final = 256


class KnownHead(NamedTuple):
    """The headers of a request without body, with one Host: as they came, and in lower case."""

    wire: list[Header]
    lower: list[Header]
    headers: Headers
    keep_alive: bool


class Sighted(NamedTuple):
    """A block of data that is one request: its method and target, its header lines as they stand.

    `head` is what they say, if that is known.
    """

    method: bytes
    url: bytes
    block: bytes
    head: KnownHead | None


class KnownHeads:
    """The latest blocks of header lines that a parser took, by their bytes."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownHead] = {}

    def sight(self, data: bytes) -> Sighted | None:
        """What is plain to see of a block of data that begins a request; None if not enough."""
        line = _LINE.match(data)
        if line is None:
            return None
        block = data[line.end() :]
        head = self._known.get(block)
        if head is None:
            size = len(block)
            if not 4 < size <= _LONGEST or block.find(b"\r\n\r\n") != size - 4:
                return None
        return Sighted(line[1], line[2], block, head)

    def learn(self, block: bytes, head: KnownHead) -> None:
        """A parser has taken `block` for the header lines of one request without body."""
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[block] = head
