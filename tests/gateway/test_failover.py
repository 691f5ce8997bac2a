"""Origin groups and custom error pages over real sockets: each way in which an origin fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_port

Script = Any


def answering(head: bytes) -> Script:
    """An origin that answers everything with these bytes, and closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()

    return script


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


def status(code: int) -> Script:
    return answering(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % code)


SPARE = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nspare")
CODES = (400, 403, 404, 416, 429, 500, 502, 503, 504)


@contextlib.asynccontextmanager
async def group(
    serving: Any, raw_origin: Any, first: Script | str, code: int, log: Path, **more: Any
) -> AsyncGenerator[Any]:
    """A distribution whose group turns away from `first` (a script, or a URL) for `code`."""
    async with (
        raw_origin(first if callable(first) else silent) as origin,
        raw_origin(SPARE) as spare,
    ):
        url = origin.url if callable(first) else first
        site = {
            "listen": 0,
            "origins": {
                "first": {"url": url, "read_timeout": 1, "connection_attempts": 1},
                "spare": {"url": spare.url},
            },
            "origin_groups": {
                "both": {"members": ["first", "spare"], "failover_status_codes": [code]}
            },
            "default_behavior": {
                "origin": "both",
                "cache_policy": "CachingDisabled",
                "allowed_methods": [
                    *("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"),
                ],
            },
            "access_log": {
                "file": str(log),
                "format": "real-time",
                "fields": ["r-host", "sr-reason", "x-edge-detailed-result-type"],
            },
            **more,
        }
        async with serving({"distributions": {"site": site}}) as front:
            yield front


def ask(method: str = "GET", path: str = "/") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def refusing() -> str:
    """A URL at which nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


FAILURES: list[tuple[str, Script | str, int, int]] = [
    *[(f"answers {code}", status(code), code, code) for code in CODES],
    ("refuses the connection", "", 503, 502),
    ("has no such name", "http://no-such-name.invalid", 503, 502),
    ("answers nothing in time", silent, 504, 504),
    ("closes without an answer", answering(b""), 502, 502),
    ("answers what is no HTTP", answering(b"nonsense\r\n\r\n"), 502, 502),
    (
        "answers too many headers",
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"),
        502,
        502,
    ),
]


class TestOriginGroups:
    @pytest.mark.parametrize(
        ("first", "code"), [row[1:3] for row in FAILURES], ids=[row[0] for row in FAILURES]
    )
    async def test_a_listed_failure_leads_to_the_second_origin(
        self, serving: Any, raw_origin: Any, tmp_path: Path, first: Script | str, code: int
    ) -> None:
        log = tmp_path / "a.log"
        async with group(serving, raw_origin, first or refusing(), code, log) as front:
            answer = await front.raw("site", ask())
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"spare")
            async with asyncio.timeout(30):
                while not log.exists() or not log.read_text():
                    await asyncio.sleep(0.02)
        assert log.read_text() == f"Miss\t127.0.0.1\tFailover:{code}\n"

    @pytest.mark.parametrize(
        ("first", "code", "page"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
    )
    async def test_one_that_is_not_listed_does_not(
        self,
        serving: Any,
        raw_origin: Any,
        tmp_path: Path,
        first: Script | str,
        code: int,
        page: int,
    ) -> None:
        other = next(known for known in CODES if known != code)
        async with group(
            serving, raw_origin, first or refusing(), other, tmp_path / "a.log"
        ) as front:
            answer = await front.raw("site", ask())
        assert answer.startswith(b"HTTP/1.1 %d " % page)

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_other_methods_stay(
        self, serving: Any, raw_origin: Any, tmp_path: Path, method: str
    ) -> None:
        async with group(serving, raw_origin, status(500), 500, tmp_path / "a.log") as front:
            assert (await front.raw("site", ask(method))).startswith(b"HTTP/1.1 500 ")

    async def test_each_request_begins_at_the_first_one_again(
        self, serving: Any, raw_origin: Any, tmp_path: Path
    ) -> None:
        async with group(serving, raw_origin, status(500), 500, tmp_path / "a.log") as front:
            for _ in range(3):
                assert (await front.raw("site", ask())).endswith(b"spare")
            fetched = [
                type(step).__name__
                for exchange in front.gateway.exchanges
                for step, _, _ in exchange.steps
            ]
        assert fetched.count("Fetch") == 6

    async def test_a_page_stands_for_the_second_ones_error(
        self, serving: Any, raw_origin: Any, tmp_path: Path
    ) -> None:
        page = {"error_code": 404, "response_page_path": "/gone.html", "response_code": 200}
        (tmp_path / "public").mkdir()
        (tmp_path / "public" / "gone.html").write_text("gone")
        async with raw_origin(status(404)) as second:
            more = {
                "origins": {
                    "first": {"url": refusing(), "connection_attempts": 1},
                    "spare": {"url": second.url},
                    "pages": {"s3": str(tmp_path / "public")},
                },
                "behaviors": [
                    {
                        "path_pattern": "/gone.html",
                        "origin": "pages",
                        "cache_policy": "CachingDisabled",
                    }
                ],
                "custom_error_responses": [page],
            }
            log = tmp_path / "a.log"
            async with group(serving, raw_origin, silent, 503, log, **more) as front:
                answer = await front.raw("site", ask())
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nX-Cache: Error from cloudfront\r\n" in answer
        assert answer.endswith(b"gone")


async def test_an_origin_that_breaks_off_is_an_error_in_the_log(
    serving: Any, raw_origin: Any, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    half = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    async with group(serving, raw_origin, half, 503, log) as front:
        assert (await front.raw("site", ask())).endswith(b"half")
        async with asyncio.timeout(30):
            while not log.exists() or not log.read_text():
                await asyncio.sleep(0.02)
    assert log.read_text() == "OriginReadError\t127.0.0.1\t-\n"
