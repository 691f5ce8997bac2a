"""Long bodies in Redis: parts of a hash, written and read one by one, so never whole in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from edgegw.cloudfront.cache.ranges import Span
from edgegw.http.message import Body, CutOffError

PART_SIZE: Final = 256 * 1024
"""Bytes of all parts of a body but the last."""


class PartedBody:
    """A body that is read from Redis; `read` answers a part by its number, None if it is gone."""

    def __init__(self, length: int, read: Callable[[int], Awaitable[bytes | None]]) -> None:
        self.length = length
        self._read = read

    def whole(self) -> Body:
        return self.part(Span(0, self.length - 1))

    def part(self, span: Span) -> Body:
        return Body.streaming(self._chunks(span), span.length)

    async def _chunks(self, span: Span) -> AsyncIterator[bytes]:
        at, end = span.first, span.last + 1
        while at < end:
            number, offset = divmod(at, PART_SIZE)
            part = await self._read(number)
            piece = (part or b"")[offset : offset + end - at]
            if not piece:
                raise CutOffError("the shared cache lost a body while it was read")
            at += len(piece)
            yield piece


def parts_of(path: Path) -> list[tuple[int, int]]:
    """Number and offset of each part of a file. Raises OSError."""
    size = path.stat().st_size
    return [(number, number * PART_SIZE) for number in range(-(-size // PART_SIZE))]


def read_part(path: Path, offset: int) -> bytes:
    """One part of a file; it is in the page cache, so this takes no time. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.pread(descriptor, PART_SIZE, offset)
    finally:
        os.close(descriptor)
