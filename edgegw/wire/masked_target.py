r"""Bytes beyond ASCII in a request target, which llhttp refuses and everybody else lets pass.

So llhttp never sees them (`/caf\xc3\xa9`): a block that has any is fed line by line while it is a
head, its request line with a stand-in of one byte for each of them. What the parser takes for the
target then has the length and the place of the true one.
"""

from __future__ import annotations

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
