"""What the tests of the ways out share: requests to send, and origins written byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

from edgegw.gateway.origins.transport import Outgoing, Timeouts, Transport
from edgegw.http.message import EMPTY, Body, Header, Headers, Request, Response
from edgegw.http.target import RequestTarget
from tests.conftest import read_body, read_head

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOST: Header = (b"Host", b"h")


def outgoing(
    url: str,
    method: str = "GET",
    target: bytes = b"/",
    *,
    headers: list[Header] | None = None,
    body: Body = EMPTY,
    upgrade: bytes = b"",
    connect: float = 2.0,
    read: float = 2.0,
    write: float = 2.0,
    keep_alive: float = 5.0,
    lines: tuple[Header, ...] = (),
) -> Outgoing:
    """A request to `url`, which has a port."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    path, mark, query = target.partition(b"?")
    request = Request(
        method,
        RequestTarget(path, query if mark else None),
        Headers([HOST] if headers is None else headers),
        body,
        upgrade=upgrade,
    )
    at = (parts.scheme, parts.hostname, parts.port or 80)
    return Outgoing(at, request, Timeouts(connect, read, write, keep_alive), lines)


async def content_of(response: Response) -> bytes:
    """The whole body; gives back what the response holds."""
    body = response.body
    if body.content is not None:
        return body.content
    assert body.chunks is not None
    try:
        return b"".join([chunk async for chunk in body.chunks])
    finally:
        if body.release is not None:
            body.release()


async def fetch(transport: Transport, url: str, method: str = "GET", **more: object) -> bytes:
    """The content of the answer to one request."""
    return await content_of(await transport.send(outgoing(url, method, **more)))  # type: ignore[arg-type]


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


def answering(*answers: bytes) -> Script:
    """A script that sends one answer per request, then closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await read_head(reader)
            if not head:
                return
            await read_body(head, reader)
            writer.write(answer)
            await writer.drain()

    return script


def staying(*answers: bytes) -> Script:
    """A script that sends one answer per request, then waits for the client to close."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(*answers)(reader, writer)
        await reader.read(-1)

    return script


async def until(condition: Callable[[], bool]) -> None:
    """Waits until `condition` holds; fails after a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


class Chunks:
    """A request body that comes in parts; `sent` counts the bytes that were taken."""

    def __init__(self, *chunks: bytes, delay: float = 0) -> None:
        self.chunks = chunks
        self.delay = delay
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await asyncio.sleep(self.delay)
            self.sent += len(chunk)
            yield chunk

    def body(self, length: int | None = None) -> Body:
        return Body.streaming(self, length)
