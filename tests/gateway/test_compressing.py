"""Bodies as they are compressed: all of them come back, whatever parts they come in."""

from __future__ import annotations

import gzip
import importlib
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edgegw.cloudfront.compression import ContentCoding
from edgegw.gateway.compressing import encoders, has_brotli
from edgegw.http.message import Body, CutOffError

CONTENT = bytes(range(256)) * 1000


def uncompressed(content: bytes, coding: ContentCoding) -> bytes:
    if coding == "gzip":
        return gzip.decompress(content)
    brotli: Any = importlib.import_module("brotli")
    return brotli.decompress(content)


def codings() -> list[ContentCoding]:
    return list(encoders())


async def read(body: Body) -> bytes:
    assert body.chunks is not None
    return b"".join([chunk async for chunk in body.chunks])


async def parts(content: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


def test_brotli_comes_with_its_package() -> None:
    assert ("br" in encoders()) is has_brotli()
    assert "gzip" in encoders()


@pytest.mark.anyio
@pytest.mark.parametrize("coding", codings())
@pytest.mark.parametrize("size", [0, 1, 1000, 64 * 1024, len(CONTENT)])
async def test_a_body_comes_back_whole(coding: ContentCoding, size: int) -> None:
    content = CONTENT[:2000] if size == 1 else CONTENT
    body = Body.of(content) if size == 0 else Body.streaming(parts(content, size), len(content))
    done = encoders()[coding](body)
    assert done.length is None
    compressed = await read(done)
    assert len(compressed) < len(content)
    assert uncompressed(compressed, coding) == content


@pytest.mark.anyio
@pytest.mark.parametrize("coding", codings())
async def test_a_stream_stays_a_stream(coding: ContentCoding) -> None:
    read_ahead = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal read_ahead
        for at in range(100):
            read_ahead += 1
            yield (b"%d" % at) * 50_000

    chunks = encoders()[coding](Body.streaming(counted(), 100 * 100_000)).chunks
    assert chunks is not None
    async for _ in chunks:
        break
    assert read_ahead < 100


@pytest.mark.anyio
async def test_a_long_body_takes_little_memory() -> None:
    async def long() -> AsyncIterator[bytes]:
        for _ in range(150):
            yield CONTENT[: 64 * 1024]

    tracemalloc.start()
    chunks = encoders()["gzip"](Body.streaming(long(), 150 * 64 * 1024)).chunks
    assert chunks is not None
    async for _ in chunks:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


@pytest.mark.anyio
async def test_a_body_that_breaks_off_breaks_off() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT
        raise CutOffError("the origin left")

    with pytest.raises(CutOffError):
        await read(encoders()["gzip"](Body.streaming(broken(), 2 * len(CONTENT))))


@pytest.mark.anyio
async def test_a_reader_that_leaves_ends_the_stream_below() -> None:
    ended = False

    async def endless() -> AsyncIterator[bytes]:
        nonlocal ended
        try:
            while True:
                yield CONTENT
        finally:
            ended = True

    chunks: Any = encoders()["gzip"](Body.streaming(endless())).chunks
    await anext(chunks)
    await chunks.aclose()
    assert ended


def test_an_unread_body_still_gives_its_connection_back() -> None:
    released: list[bool] = []
    body = Body(chunks=parts(CONTENT, 1000), release=lambda: released.append(True))
    release = encoders()["gzip"](body).release
    assert release is not None
    release()
    assert released == [True]
