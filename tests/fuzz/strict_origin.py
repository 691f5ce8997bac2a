"""An origin that takes nothing but well framed HTTP/1.1, and writes down all that it got.

Its answers have a number, in a header and in the body: who gets which can be told by that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.fuzz.listening import listening

_LINE: Final = re.compile(rb"([!-~]+) ([^\r\n\0]+) HTTP/1\.1")
_FIELD: Final = re.compile(rb"([\x21-\x39\x3b-\x7e]+): ?([^\r\n\0]*)")


@dataclass
class ReceivedRequest:
    """A request as it arrived, to its last byte."""

    method: bytes
    target: bytes
    body: bytes


class MalformedError(Exception):
    """What arrived is not well framed."""


@dataclass
class StrictOrigin:
    """What arrived: complete requests by number, and what was wrong."""

    port: int = 0
    received: dict[int, ReceivedRequest] = field(default_factory=dict[int, ReceivedRequest])
    flaws: list[str] = field(default_factory=list[str])
    _number: int = 0

    def forget(self) -> None:
        """Another input begins."""
        self.received.clear()
        self.flaws.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while (request := await _read_request(reader)) is not None:
                self._number += 1
                self.received[self._number] = request
                writer.write(answer(self._number, request.method))
                await writer.drain()
        except MalformedError as error:
            self.flaws.append(str(error))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the front door broke off a request that it could not read to its end
        finally:
            writer.close()


def answer(number: int, method: bytes) -> bytes:
    """An answer that says its number, framed this way or that."""
    content = b"answer %d" % number
    numbered = b"X-Answer: %d\r\n" % number
    if method == b"HEAD":
        return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (numbered, len(content))
    match number % 4:
        case 0:
            chunks = b"3\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (
                content[:3],
                len(content) - 3,
                content[3:],
            )
            return b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n%b" % (numbered, chunks)
        case 1:
            early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
        case _:
            early = b""
    head = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (numbered, len(content))
    return early + head + content


async def _read_request(reader: asyncio.StreamReader) -> ReceivedRequest | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head[:-4].split(b"\r\n")
    match = _LINE.fullmatch(first)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if match is None or None in fields:
        raise MalformedError(f"the origin got a head that is not well formed: {head!r}")
    pairs = [(known[1].lower(), known[2]) for known in fields if known]
    if not any(name == b"host" for name, _ in pairs):
        raise MalformedError(f"the origin got no Host: {head!r}")
    body = await _read_body(reader, pairs, head)
    return ReceivedRequest(match[1], match[2], body)


async def _read_body(
    reader: asyncio.StreamReader, pairs: list[tuple[bytes, bytes]], head: bytes
) -> bytes:
    framing = [line for line in pairs if line[0] in (b"content-length", b"transfer-encoding")]
    if not framing:
        return b""
    if len(framing) > 1:
        raise MalformedError(f"the origin got two framings: {head!r}")
    name, value = framing[0]
    if name == b"content-length":
        if re.fullmatch(rb"[0-9]{1,19}", value) is None:
            raise MalformedError(f"the origin got a length that is none: {head!r}")
        return await reader.readexactly(int(value))
    if value != b"chunked":
        raise MalformedError(f"the origin got an unknown coding: {head!r}")
    return await _read_chunks(reader)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        if re.fullmatch(rb"[0-9a-fA-F]{1,8}\r\n", line) is None:
            raise MalformedError(f"the origin got a chunk size that is none: {line!r}")
        size = int(line, 16)
        chunk = await reader.readexactly(size + 2)
        if chunk[-2:] != b"\r\n":
            raise MalformedError(f"the origin got a chunk of another length: {chunk[-40:]!r}")
        if not size:
            return body
        body += chunk[:-2]


@asynccontextmanager
async def strict_origin() -> AsyncIterator[StrictOrigin]:
    """Runs one on a free port."""
    origin = StrictOrigin()
    async with listening(origin.serve) as origin.port:
        yield origin
