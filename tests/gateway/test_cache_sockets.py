"""The cache between real sockets: framing of what is stored, and large bodies in little memory."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import httpx
import pytest

from tests.conftest import read_head


def config(origin: str, **cache: str) -> dict[str, Any]:
    return {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": origin}},
                "default_behavior": {"origin": "app", "cache_policy": "CachingOptimized"},
            }
        },
        "gateway": {"cache": cache},
    }


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\n\r\none two"
MEASURED = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\none two"


@pytest.mark.parametrize("answer", [CHUNKED, CLOSED, MEASURED], ids=["chunked", "closed", "length"])
async def test_what_is_stored_is_framed_anew(serving: Any, raw_origin: Any, answer: bytes) -> None:
    count = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while await read_head(reader):
            count += 1
            writer.write(answer)
            await writer.drain()
            if answer is CLOSED:
                return

    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = [await client.get(front.urls["site"]) for _ in range(3)]
    assert [each.text for each in answers] == ["one two"] * 3
    assert [each.headers["x-cache"].split()[0] for each in answers] == ["Miss", "Hit", "Hit"]
    assert count == 1


async def test_a_large_body_takes_no_memory_stored_or_not(serving: Any, raw_origin: Any) -> None:
    size, part = 256 * 1024 * 1024, bytes(1024 * 1024)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_head(reader):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // len(part)):
                writer.write(part)
                await writer.drain()

    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            verdicts: list[str] = []
            for _ in range(2):
                received = 0
                async with client.stream("GET", front.urls["site"]) as answer:
                    async for chunk in answer.aiter_raw():
                        received += len(chunk)
                assert received == size
                verdicts.append(answer.headers["x-cache"].split()[0])
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert verdicts == ["Miss", "Hit"]
    assert grown < 32 * 1024


async def test_what_was_compressed_is_chunked_fresh_and_stored(
    serving: Any, raw_origin: Any
) -> None:
    page = b"<p>hello</p>" * 500
    count = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while await read_head(reader):
            count += 1
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(page) + page)
            await writer.drain()

    async with raw_origin(script) as origin:
        given = config(origin.url)
        given["distributions"]["site"]["default_behavior"]["compress"] = True
        async with serving(given) as front, httpx.AsyncClient(trust_env=False) as client:
            lines = {"accept-encoding": "gzip"}
            answers = [await client.get(front.urls["site"], headers=lines) for _ in range(3)]
    assert [each.content for each in answers] == [page] * 3
    assert [each.headers["content-encoding"] for each in answers] == ["gzip"] * 3
    assert [each.headers["transfer-encoding"] for each in answers] == ["chunked"] * 3
    assert [each.headers["x-cache"].split()[0] for each in answers] == ["Miss", "Hit", "Hit"]
    assert count == 1
