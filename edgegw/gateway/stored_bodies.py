"""Bodies of stored answers: in a file, or still coming in.

What comes in is pumped by its flight, not by the viewer that asked first: `GrowingBody` takes it,
and whoever wants it reads along from any place, at a speed of its own.

    pump ─▶ write ─▶ memory, and above SPILL a file ─▶ read by any number of readers
                └─▶ finish: readers come to their end     cut: they break off

Nothing waits for slow readers: what is not read yet is in the file. So memory stays small whatever
the size, and the pump needs no backpressure. A body that outgrows all room, such as a stream of
events without an end, is not kept any longer: from then on the pump waits for its readers
(`room_again`), and the file begins anew whenever they have read all of it. When the last reader
leaves before the end, the pump is told (`when_abandoned`), and the flight ends.

Files are read and written where the loop runs: they are in the page cache, a part takes no time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from edgegw.cloudfront.cache.ranges import Span
from edgegw.http.message import Body, CutOffError

SPILL: Final = 256 * 1024
"""Bytes above which a body stands in a file."""
_PART: Final = 64 * 1024


def _nothing() -> None:
    """Nobody is told."""


class FileBody:
    """A body in a file of the cache; one that is read may be removed, its readers go on."""

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self.length = length

    def whole(self) -> Body:
        return self.part(Span(0, self.length - 1))

    def part(self, span: Span) -> Body:
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            return Body.streaming(_broken(f"the cache lost {self.path}: {error}"), span.length)
        reader = _FileReader(descriptor, span)
        return Body(None, reader.chunks(), span.length, reader.close)


async def _broken(text: str) -> AsyncIterator[bytes]:
    raise CutOffError(text)
    yield b""


class _FileReader:
    def __init__(self, descriptor: int, span: Span) -> None:
        self._descriptor = descriptor
        self._span = span

    async def chunks(self) -> AsyncIterator[bytes]:
        at, end = self._span.first, self._span.last + 1
        while at < end and self._descriptor >= 0:
            part = os.pread(self._descriptor, min(_PART, end - at), at)
            if not part:
                raise CutOffError("a file of the cache is shorter than it was")
            at += len(part)
            yield part
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class GrowingBody:
    """A body that comes in. `length` is what was announced, None where nothing was."""

    def __init__(self, path: Callable[[], Path], length: int | None) -> None:
        self.length = length
        self.received = 0
        self.file: Path | None = None
        self._path = path
        self._abandoned: Callable[[], object] = _nothing
        self._memory = bytearray()
        self._descriptor = -1
        self._is_done = False
        self._cut: str | None = None
        self._base = 0
        self._readers: dict[_GrowingReader, int] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def when_abandoned(self, abandoned: Callable[[], object]) -> None:
        """Calls `abandoned` when the last reader leaves before the end."""
        self._abandoned = abandoned

    # What comes in

    def write(self, chunk: bytes) -> None:
        """Takes a part. Raises OSError when the disk does not."""
        if self._descriptor < 0 and self.received + len(chunk) > SPILL:
            self._spill()
        if self._descriptor < 0:
            self._memory += chunk
        else:
            rest = memoryview(chunk)
            at = self.received - self._base
            while rest:
                count = os.pwrite(self._descriptor, rest, at)
                at, rest = at + count, rest[count:]
        self.received += len(chunk)
        self._wake()

    def _spill(self) -> None:
        self.file = self._path()
        self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if self._memory:
            os.pwrite(self._descriptor, self._memory, 0)
        self._memory = bytearray()

    async def room_again(self) -> None:
        """Waits until all has been read, and gives the room back: it can be read on, not again."""
        while any(at < self.received for at in self._readers.values()):
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            self._base = self.received

    def finish(self) -> None:
        """It is whole."""
        self.length = self.received
        self._end()

    def cut(self, why: str) -> None:
        """It broke off; readers do as well, once they are there."""
        self._cut = why
        self._end()

    def _end(self) -> None:
        self._is_done = True
        self._wake()
        self._close_if_unused()

    def content(self) -> bytes | None:
        """All of it, where it stayed in memory."""
        return None if self.file is not None else bytes(self._memory)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # Who reads

    def whole(self) -> Body:
        return self._read(0, None, self.length)

    def part(self, span: Span) -> Body:
        return self._read(span.first, span.last + 1, span.length)

    def _read(self, first: int, end: int | None, length: int | None) -> Body:
        if self._is_done and self._cut is None and self._descriptor < 0 and self.file is None:
            return Body.of(bytes(self._memory[first:end]))
        reader = _GrowingReader(self)
        self._readers[reader] = first
        return Body(None, reader.chunks(first, end), length, reader.close)

    def has_read(self, reader: _GrowingReader, at: int) -> None:
        """A reader has got everything in front of `at`."""
        self._readers[reader] = at
        if at == self.received:
            self._wake()

    def leave(self, reader: _GrowingReader) -> None:
        """A reader has read what it wanted, or left."""
        self._readers.pop(reader, None)
        self._wake()
        if not self._readers and not self._is_done:
            self._abandoned()
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._is_done and not self._readers and self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    async def more(self, at: int) -> bytes:
        """The next bytes from `at` on; nothing at the end. Raises CutOffError."""
        while at >= self.received:
            if self._cut is not None:
                raise CutOffError(self._cut)
            if self._is_done:
                return b""
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        if self._descriptor >= 0:
            return os.pread(self._descriptor, min(_PART, self.received - at), at - self._base)
        return bytes(self._memory[at : at + _PART])


class _GrowingReader:
    def __init__(self, body: GrowingBody) -> None:
        self._body = body
        self._has_left = False

    async def chunks(self, first: int, end: int | None) -> AsyncIterator[bytes]:
        at = first
        try:
            while end is None or at < end:
                part = await self._body.more(at)
                if not part:
                    break
                if end is not None:
                    part = part[: end - at]
                yield part
                at += len(part)
                self._body.has_read(self, at)
        finally:
            self.close()

    def close(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._body.leave(self)
