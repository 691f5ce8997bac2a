r"""Bytes beyond ASCII in a request target, which llhttp refuses and everybody else lets pass.

So llhttp never sees them (`/caf\xc3\xa9`): a block that has any is fed line by line while it is a
head, its request line with a stand-in of one byte for each of them. What the parser takes for the
target then has the length and the place of the true one. A body goes to the parser in pieces that
end where it may end, so that the request line behind it, in the same block, is one by itself:

    POST / HTTP/1.1 | Host: h | Content-Length: 2 | | \xff\xff | GET /caf\xc3\xa9 HTTP/1.1 | …

Where to cut is a guess that costs nothing when it is wrong: the parser says where a body ends.
"""

from __future__ import annotations

import re
from typing import Final

_MASK: Final = bytes(range(128)) + b"~" * 128


def masked(line: bytes) -> bytes:
    """`line` for a parser that takes ASCII alone."""
    return line.translate(_MASK)


def unmasked(url: bytes, line: bytes) -> bytes:
    """The bytes of the request line `line`, or a part of it, that were shown as `url`."""
    shown = masked(line)
    at = 0 if shown.startswith(url) else shown.index(b" " + url) + 1
    return line[at : at + len(url)]


def has_request_line(blocks: list[bytes]) -> bool:
    """Whether a request line ends in `blocks`; empty lines may stand in front of it."""
    return b"\n" in b"".join(blocks).lstrip(b"\r\n")


def ends_request_line(blocks: list[bytes], target: bytes) -> bool:
    """Whether the request line of the head under way ends in `blocks`, behind other requests.

    `target` is what the parser has of its target; no second header line has come yet.
    """
    line = rb" %b +HTTP/[0-9.]+\r\n[^\n]*\n?\Z" % re.escape(target)
    return target != b"" and re.search(line, b"".join(blocks)) is not None


_EMPTY_LINE: Final = b"\r\n\r\n"
_SEARCHED: Final = 32 * 1024
"""Bytes at the end of a block in which a chunked body's end is looked for: a head has no more."""


def body_stop(data: bytes, at: int, left: int | None) -> int:
    """How far to feed `data` from `at` on, within a body; `left` is what it lacks, None for chunks.

    A chunked body ends with an empty line, whose beginning may have come before.
    """
    if left is not None:
        return min(at + left, len(data))
    if at == 0:
        for rest in (b"\n\r\n", b"\r\n", b"\n"):
            if data.startswith(rest):
                return len(rest)
    end = data.find(_EMPTY_LINE, max(at - 2, len(data) - _SEARCHED, 0))
    return len(data) if end < 0 else end + len(_EMPTY_LINE)
