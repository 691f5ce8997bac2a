"""The cache between real sockets: framing of what is stored, and large bodies in little memory."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import read_head

TAKES_ORIGINS_WORD = "UseOriginCacheControlHeaders"


def config(origin: str, policy: str = "CachingOptimized", **cache: str) -> dict[str, Any]:
    return {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": origin}},
                "default_behavior": {"origin": "app", "cache_policy": policy},
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


LARGE = 256 * 1024 * 1024
PART = bytes(1024 * 1024)


async def send_large(writer: asyncio.StreamWriter, *, is_chunked: bool, says: bytes) -> None:
    framed = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % LARGE
    writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: %b\r\n%b\r\n\r\n" % (says, framed))
    for _ in range(LARGE // len(PART)):
        writer.write(b"%x\r\n%b\r\n" % (len(PART), PART) if is_chunked else PART)
        await writer.drain()
    if is_chunked:
        writer.write(b"0\r\n\r\n")


def forget_peak() -> None:
    """The peak of this process begins anew, where the system can do that: it is Linux's."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024  # bytes on macOS
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+)", status.read_text())
    return int(kilobytes) / 1024


ROOM, LITTLE_ROOM = {"disk": "1GB"}, {"disk": "8MB"}


@pytest.mark.parametrize(
    ("cache", "is_chunked", "says", "verdicts"),
    [
        pytest.param(ROOM, False, b"max-age=60", ["Miss", "Hit"], id="stored"),
        pytest.param(ROOM, True, b"max-age=60", ["Miss", "Hit"], id="stored-chunked"),
        pytest.param(ROOM, False, b"no-store", ["Miss"], id="not-to-be-stored"),
        pytest.param(LITTLE_ROOM, False, b"max-age=60", ["Miss"], id="larger-than-the-room"),
        pytest.param(LITTLE_ROOM, True, b"max-age=60", ["Miss"], id="outgrows-the-room"),
    ],
)
async def test_a_large_body_takes_no_memory_stored_or_not(
    cache: dict[str, str],
    is_chunked: bool,
    says: bytes,
    verdicts: list[str],
    serving: Any,
    raw_origin: Any,
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_head(reader):
            await send_large(writer, is_chunked=is_chunked, says=says)

    words: list[str] = []
    async with (
        raw_origin(script) as origin,
        serving(config(origin.url, TAKES_ORIGINS_WORD, **cache)) as front,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        forget_peak()
        before = peak_mb()
        for _ in verdicts:
            received = 0
            async with client.stream("GET", front.urls["site"]) as answer:
                async for chunk in answer.aiter_raw():
                    received += len(chunk)
            assert received == LARGE
            words.append(answer.headers["x-cache"].split()[0])
        grown = peak_mb() - before
    assert words == verdicts
    assert grown < 32


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


async def test_blanks_around_a_header_are_no_part_of_the_key(serving: Any, raw_origin: Any) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_head(reader):
            writer.write(MEASURED)
            await writer.drain()

    async with raw_origin(script) as origin:
        given = config(origin.url, "own")
        given["cache_policies"] = {"own": {"headers": {"behavior": "whitelist", "items": ["X-A"]}}}
        async with serving(given) as front:
            verdicts: list[bytes] = []
            for line in (b"X-A: v", b"x-a:v", b"X-A: \t v \t", b"X-A: V"):
                sent = b"GET / HTTP/1.1\r\nHost: site\r\nConnection: close\r\n%b\r\n\r\n" % line
                answer = await front.raw("site", sent)
                verdicts.append(answer.partition(b"X-Cache: ")[2].split()[0])
    assert verdicts == [b"Miss", b"Hit", b"Hit", b"Miss"]
