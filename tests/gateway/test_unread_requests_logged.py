"""What could not be read to its end has its line in a distribution's access log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edgegw.cloudfront.access_log import STANDARD_FIELDS

LINE = b"GET /a HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
POST = b"POST /a HTTP/1.1\r\n" + HOST


def config(url: str, log: Path) -> dict[str, Any]:
    behavior = {
        "origin": "app",
        "cache_policy": "CachingDisabled",
        "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
    }
    site = {
        "listen": 0,
        "origins": {"app": {"url": url}},
        "default_behavior": behavior,
        "access_log": str(log),
    }
    return {"distributions": {"site": site}}


async def logged(log: Path, count: int) -> list[dict[str, str]]:
    """The lines of the log once there are so many, by field."""
    async with asyncio.timeout(30):
        while not log.exists() or len(log.read_text().splitlines()) < count + 2:
            await asyncio.sleep(0.02)
    rows = [line.split("\t") for line in log.read_text().splitlines()[2:]]
    return [dict(zip(STANDARD_FIELDS, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("sent", "method", "stem"),
    [
        pytest.param(LINE + b"Host: a\r\n b\r\n\r\n", "-", "-", id="a folded header"),
        pytest.param(LINE + b"\r\n", "-", "-", id="no Host"),
        pytest.param(LINE + HOST + HOST + b"\r\n", "-", "-", id="two Hosts"),
        pytest.param(b"nonsense\r\n\r\n", "-", "-", id="no HTTP"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\nZ\r\n", "POST", "/a", id="broken chunks"
        ),
    ],
)
async def test_a_400_of_the_connection(
    serving: Any, echo_origin: Any, tmp_path: Path, sent: bytes, method: str, stem: str
) -> None:
    log = tmp_path / "a.log"
    async with echo_origin() as origin, serving(config(origin.url, log)) as front:
        answer = await front.raw("site", sent)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nServer: CloudFront\r\n")
        (row,) = await logged(log, 1)
    names = ("cs-method", "cs-uri-stem", "sc-status", "x-edge-detailed-result-type")
    assert [row[name] for name in names] == [method, stem, "400", "InvalidRequest"]
    assert row["x-edge-result-type"] == row["x-edge-response-result-type"] == "Error"
    assert f"X-Amz-Cf-Id: {row['x-edge-request-id']}".encode() in answer
    assert row["cs(Host)"].endswith(".cloudfront.net")
    assert (row["c-ip"], row["cs-protocol"]) == ("127.0.0.1", "http")
    assert row["cs-protocol-version"] == ("-" if method == "-" else "HTTP/1.1")
    assert int(row["c-port"]) > 0
    assert int(row["sc-bytes"]) > 900
    assert row["sc-content-type"] == "text/html"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(LINE + HOST + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 494, id="a head"),
        pytest.param(b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, id="a URL"),
    ],
)
async def test_what_is_too_large_leaves_none(
    serving: Any, echo_origin: Any, tmp_path: Path, sent: bytes, status: int
) -> None:
    log = tmp_path / "a.log"
    async with echo_origin() as origin, serving(config(origin.url, log)) as front:
        answer = await front.raw("site", sent, until_close=False)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        close = HOST + b"Connection: close\r\n\r\n"
        await front.raw("site", LINE + close)
        (row,) = await logged(log, 1)
    assert row["sc-status"] == "200"
