"""Many viewers of one cold object, over sockets: one request to the origin, whoever leaves or breaks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.conftest import read_head
from tests.gateway.test_cache_sockets import config

FIRST, SECOND = b"first" * 100_000, b"second" * 100_000
FRAMES = {
    "length": b"Content-Length: %d\r\n\r\n" % len(FIRST + SECOND),
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n",
}


class HalfWay:
    """An origin whose first answer stops after one half until `may_go_on`; later ones do not."""

    def __init__(self, framing: str, *, breaks: bool = False) -> None:
        self.count = 0
        self.may_go_on = asyncio.Event()
        self.was_left = asyncio.Event()
        self._framing = framing
        self._breaks = breaks

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_head(reader):
            self.count += 1
            writer.write(b"HTTP/1.1 200 OK\r\n" + FRAMES[self._framing] + self._framed(FIRST))
            if self.count == 1:
                await self._half_way(reader)
                if self._breaks:
                    return
            writer.write(self._framed(SECOND))
            if self._framing == "chunked":
                writer.write(b"0\r\n\r\n")

    def _framed(self, part: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(part), part) if self._framing == "chunked" else part

    async def _half_way(self, reader: asyncio.StreamReader) -> None:
        going_on = asyncio.ensure_future(self.may_go_on.wait())
        leaving = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait({going_on, leaving}, return_when=asyncio.FIRST_COMPLETED)
        going_on.cancel()
        if leaving in done:
            self.was_left.set()
            raise ConnectionError
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving


class Viewer:
    """One connection that has asked, and got the first half of the answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.word: str = answer.headers["x-cache"].split()[0]
        self._parts = answer.aiter_raw()
        self.received = b""

    async def first_half(self) -> None:
        while len(self.received) < len(FIRST):
            self.received += await anext(self._parts)

    async def rest(self) -> bytes:
        async for part in self._parts:
            self.received += part
        return self.received


class Viewers:
    """Viewers of one URL, each on a connection of its own."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Viewer]:
        """Someone who has got the first half, and leaves with the block."""
        async with self._client.stream("GET", self._url) as answer:
            viewer = Viewer(answer)
            await viewer.first_half()
            yield viewer

    async def late(self) -> str:
        """What X-Cache says to one who comes when the others are done."""
        answer = await self._client.get(self._url)
        assert answer.content == FIRST + SECOND
        return answer.headers["x-cache"].split()[0]


@pytest.fixture
def viewers_of(serving: Any, raw_origin: Any):
    """`async with viewers_of(half_way) as viewers`: of what the origin `half_way` has."""

    @asynccontextmanager
    async def start(half_way: HalfWay) -> AsyncIterator[Viewers]:
        async with (
            raw_origin(half_way.script) as origin,
            serving(config(origin.url)) as front,
            httpx.AsyncClient(trust_env=False, timeout=30) as client,
        ):
            yield Viewers(client, front.urls["site"])

    return start


@pytest.mark.parametrize("framing", FRAMES)
async def test_64_viewers_are_one_request_and_one_that_leaves_disturbs_none(
    viewers_of: Any, framing: str
) -> None:
    half_way = HalfWay(framing)
    async with viewers_of(half_way) as viewers, AsyncExitStack() as staying:
        async with viewers.one() as first:
            joining = [staying.enter_async_context(viewers.one()) for _ in range(63)]
            others = await asyncio.gather(*joining)
        half_way.may_go_on.set()  # behind the first, who has left
        answers = await asyncio.gather(*[other.rest() for other in others])
        assert set(answers) == {FIRST + SECOND}
        assert (first.word, {other.word for other in others}) == ("Miss", {"Hit"})
        assert await viewers.late() == "Hit"
    assert half_way.count == 1


@pytest.mark.parametrize("framing", FRAMES)
async def test_an_origin_that_breaks_off_breaks_all_who_read_along_and_stores_nothing(
    viewers_of: Any, framing: str
) -> None:
    half_way = HalfWay(framing, breaks=True)
    async with viewers_of(half_way) as viewers:
        async with viewers.one() as first, viewers.one() as second:
            half_way.may_go_on.set()
            for viewer in (first, second):
                with pytest.raises(httpx.RemoteProtocolError):
                    await viewer.rest()
        assert await viewers.late() == "Miss"


@pytest.mark.parametrize("framing", FRAMES)
async def test_when_all_have_left_the_origin_is_left_and_nothing_is_stored(
    viewers_of: Any, framing: str
) -> None:
    half_way = HalfWay(framing)
    async with viewers_of(half_way) as viewers:
        async with viewers.one(), viewers.one():
            pass
        await half_way.was_left.wait()
        assert await viewers.late() == "Miss"
    assert half_way.count == 2
