"""Every word that X-Cache can have here, over sockets, and the words of the log beside it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import read_head

ALL = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
LATER = "(a minute later)"


def generated(event: Any, context: Any) -> Any:
    return {"status": "200", "body": "made"}


def refusing(event: Any, context: Any) -> Any:
    return {"status": "403", "body": "no"}


def raising(event: Any, context: Any) -> Any:
    raise ValueError("a fault")


def wrong(event: Any, context: Any) -> Any:
    return {"status": "9999"}


FUNCTIONS = {
    "generated": generated,
    "refusing": refusing,
    "raising": raising,
    "wrong": wrong,
    "throttled": generated,
}


def behavior(pattern: str, **keys: Any) -> dict[str, Any]:
    return {"path_pattern": pattern, "origin": "app", "cache_policy": "own", **keys}


def config(origin: str, log: Path) -> dict[str, Any]:
    functions = {
        name: {"runtime": "python3.12", "code": ".", "handler": "hooks.pass_request"}
        for name in FUNCTIONS
    }
    functions["throttled"]["reserved_concurrency"] = 0  # type: ignore[assignment]
    return {
        "functions": functions,
        "cache_policies": {"own": {"min_ttl": 0, "default_ttl": 100, "max_ttl": 1000}},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": origin}, "gone": {"url": "http://127.0.0.1:1"}},
                "access_log": {"file": str(log), "format": "json"},
                "custom_error_responses": [
                    {"error_code": 405, "response_page_path": "/page", "response_code": 200}
                ],
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "own",
                    "allowed_methods": ALL,
                },
                "behaviors": [
                    behavior("/gone", origin="gone"),
                    behavior("/read-only"),
                    behavior("/secure", viewer_protocol_policy="redirect-to-https"),
                    behavior("/ws", origin_request_policy="AllViewer"),
                    behavior("/uncached", cache_policy="CachingDisabled"),
                    behavior("/origin-made", lambda_functions={"origin-request": "generated"}),
                    *[
                        behavior(f"/{name}", lambda_functions={"viewer-request": name})
                        for name in FUNCTIONS
                    ],
                ],
            }
        },
    }


def answer_to(head: bytes) -> bytes:
    """What the origin says of each path."""
    path = head.split()[1]
    if path == b"/ws":
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
    if b"if-none-match" in head.lower():
        return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
    status, line = {
        b"/missing": (b"404 Not Found", b"X: 1"),
        b"/mended": (b"405 Method Not Allowed", b"X: 1"),
        b"/kept-mended": (b"405 Method Not Allowed", b"Cache-Control: max-age=9"),
        b"/failing": (b"503 Service Unavailable", b"X: 1"),
        b"/limited": (b"429 Too Many Requests", b"X: 1"),
        b"/moved": (b"301 Moved Permanently", b"Location: /page"),
        b"/asked-about": (b"200 OK", b'ETag: "1"\r\nCache-Control: max-age=0'),
        b"/not-kept": (b"200 OK", b"Cache-Control: no-store"),
        b"/meanwhile": (b"200 OK", b"Cache-Control: max-age=9, stale-while-revalidate=99"),
    }.get(path, (b"200 OK", b"X: 1"))
    body = b"" if head.startswith(b"HEAD") else b"one"
    return b"HTTP/1.1 %b\r\n%b\r\nContent-Length: 3\r\n\r\n%b" % (status, line, body)


class Row(NamedTuple):
    """Requests one behind the other; status and word of the last, and the log's detail of it."""

    requests: list[str]
    status: int
    word: str
    detail: str = ""


ROWS = {
    "fresh object": Row(["GET /page", "GET /page"], 200, "Hit"),
    "head of one": Row(["GET /page", "HEAD /page"], 200, "Hit"),
    "viewer has it": Row(["GET /asked-about", "GET /asked-about If-None-Match"], 304, "RefreshHit"),
    "redirect of the origin, stored": Row(["GET /moved", "GET /moved"], 301, "Hit"),
    "part of one": Row(["GET /page", "GET /page Range: bytes=0-0"], 206, "Hit"),
    "several parts of one": Row(["GET /page", "GET /page Range: bytes=0-0,2-2"], 206, "Hit"),
    "stale while revalidating": Row(["GET /meanwhile", LATER, "GET /meanwhile"], 200, "Hit"),
    "confirmed by the origin": Row(["GET /asked-about", "GET /asked-about"], 200, "RefreshHit"),
    "first request": Row(["GET /page"], 200, "Miss"),
    "not kept": Row(["GET /not-kept", "GET /not-kept"], 200, "Miss"),
    "caching disabled": Row(["GET /uncached", "GET /uncached"], 200, "Miss"),
    "redirect of the origin": Row(["GET /moved"], 301, "Miss"),
    "POST": Row(["GET /page", "POST /page"], 200, "Miss"),
    "gRPC": Row(["POST /page Content-Type: application/grpc"], 200, "Miss"),
    "WebSocket": Row(["GET /ws Upgrade: websocket"], 101, "Miss"),
    "made at origin-request": Row(["GET /origin-made"], 200, "Miss", "MissGeneratedResponse"),
    "made at origin-request, stored": Row(["GET /origin-made", "GET /origin-made"], 200, "Hit"),
    "error of the origin": Row(["GET /missing"], 404, "Error"),
    "error of the origin, stored": Row(["GET /missing", "GET /missing"], 404, "Error"),
    "5xx of the origin": Row(["GET /failing"], 503, "Error"),
    "error that is not stored": Row(["GET /limited", "GET /limited"], 429, "Error"),
    "error that a page makes a 200": Row(["GET /mended"], 200, "Error"),
    "error that a page makes a 200, stored": Row(["GET /kept-mended"] * 2, 200, "Error"),
    "origin that is not there": Row(["GET /gone"], 502, "Error", "OriginConnectError"),
    "the same, stored": Row(["GET /gone", "GET /gone"], 502, "Error", "Error"),
    "method that is not allowed": Row(["DELETE /read-only"], 403, "Error", "InvalidRequestMethod"),
    "range that is not there": Row(["GET /page", "GET /page Range: bytes=9-"], 416, "Error"),
    "HTTP to HTTPS": Row(["GET /secure"], 301, "Redirect"),
    "made at viewer-request": Row(["GET /generated"], 200, "LambdaGeneratedResponse"),
    "refused at viewer-request": Row(["GET /refusing"], 403, "LambdaGeneratedResponse"),
    "function that raises": Row(["GET /raising"], 503, "LambdaExecutionError"),
    "function whose result is none": Row(["GET /wrong"], 502, "LambdaValidationError"),
    "function that is throttled": Row(["GET /throttled"], 503, "LambdaLimitExceeded"),
}


def as_sent(request: str) -> bytes:
    method, path, *more = request.split(" ", 2)
    extra = more[0] if more else ""
    if extra.startswith("Upgrade"):
        extra += "\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA=="
    elif extra == "If-None-Match":
        extra = 'If-None-Match: "1"'
    connection = "" if "Upgrade" in extra else "Connection: close\r\n"
    lines = f"{method} {path} HTTP/1.1\r\nHost: site\r\n{connection}{extra}"
    return f"{lines.rstrip()}\r\n\r\n".encode()


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_the_word_for_an_answer(
    row: Row, serving: Any, raw_origin: Any, tmp_path: Path
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            writer.write(answer_to(head))
            await writer.drain()

    now, log, answer = 1_000_000_000.0, tmp_path / "access.log", b""
    async with raw_origin(script) as origin:
        given = config(origin.url, log)
        async with serving(given, functions=FUNCTIONS, clock=lambda: now) as front:
            for request in row.requests:
                if request == LATER:
                    now += 60
                    continue
                is_upgraded = "Upgrade" in request
                answer = await front.raw("site", as_sent(request), until_close=not is_upgraded)
    head = answer.partition(b"\r\n\r\n")[0]
    assert int(head.split()[1]) == row.status
    assert b"\r\nX-Cache: %b from cloudfront\r\n" % row.word.encode() in head
    logged = json.loads(log.read_text().splitlines()[-1])
    words = [logged[f"x-edge-{kind}-type"] for kind in ("result", "response-result")]
    assert words == [row.word] * 2
    assert logged["x-edge-detailed-result-type"] == (row.detail or row.word)
