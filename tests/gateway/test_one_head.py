"""CR, LF and NUL never leave in a head, wherever they came from, over HTTP/1, HTTP/2 and HTTP/3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import AUTHORITY, PYTHON, read_head
from tests.gateway.test_tls import curl, http3

HOOK = """
def handler(event, context):
    if "Records" in event:
        lines = {"x-evil": [{"key": "X-Evil", "value": "a\\r\\nEvil: 1\\0"}]}
        return {"status": "302", "statusDescription": "a\\r\\nEvil: 1", "headers": lines}
    return {
        "statusCode": 200,
        "statusDescription": "200 a\\r\\nEvil: 1\\0",
        "headers": {"x-evil": "a\\r\\nEvil: 1\\0", "b\\r\\nEvil: 1": "1"},
        "body": "ok",
    }
"""
ORIGINS = [
    b"HTTP/1.1 200 a\rEvil: 1\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX-A: a\rEvil: 1\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX-A: a\nEvil: 1\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX-\rEvil: 1\r\nContent-Length: 2\r\n\r\nok",
]


def config(url: str, folder: Path, port: int) -> dict[str, Any]:
    (folder / "hook").mkdir(exist_ok=True)
    (folder / "hook" / "hook.py").write_text(HOOK)
    code = {"runtime": PYTHON, "code": str(folder / "hook"), "handler": "hook.handler"}
    behavior = {"origin": "app", "cache_policy": "CachingDisabled"}
    hooked = {
        **behavior,
        "path_pattern": "/function",
        "lambda_functions": {"viewer-request": "f"},
    }
    plain = {"redirect": {"path": "/x#{path}", "query": "#{query}", "status_code": "HTTP_301"}}
    fixed = {
        "redirect": {"path": "/a", "query": "#{path}", "host": "#{host}", "status_code": "HTTP_301"}
    }
    rules = [
        {
            "priority": 1,
            "conditions": [{"path_pattern": "/function"}],
            "actions": [{"forward": "f"}],
        },
        {"priority": 2, "conditions": [{"path_pattern": "/fixed"}], "actions": [fixed]},
        {"priority": 3, "conditions": [{"path_pattern": "/app"}], "actions": [{"forward": "app"}]},
    ]
    listener = {"listen": 0, "default_actions": [plain], "rules": rules}
    return {
        "functions": {"f": code},
        "distributions": {
            "site": {
                "listen": {"port": port, "tls": True},
                "http_version": "http2and3",
                "origins": {"app": {"url": url}},
                "behaviors": [hooked],
                "default_behavior": behavior,
            }
        },
        "target_groups": {
            "app": {"targets": [url.removeprefix("http://")], "health_check": {"enabled": False}},
            "f": {"target_type": "lambda", "function": "f"},
        },
        "load_balancers": {
            "web": {
                "attributes": {"routing.http.desync_mitigation_mode": "monitor"},
                "listeners": [listener],
            }
        },
    }


def assert_one_head(head: bytes) -> None:
    lines = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert lines[0].startswith(b"HTTP/")
    for line in lines:
        assert not line.lower().startswith(b"evil"), head
        assert not set(line) & set(b"\r\n\0"), head


@pytest.mark.parametrize("answer", ORIGINS)
async def test_nothing_breaks_out_of_a_head(
    serving: Any, raw_origin: Any, tmp_path: Path, free_port: Any, answer: bytes
) -> None:
    async def script(reader: Any, writer: Any) -> None:
        while await read_head(reader):
            writer.write(answer)

    port = free_port()
    async with raw_origin(script) as origin:
        async with serving(config(origin.url, tmp_path, port)) as front:
            for path in (
                b"/function",
                b"/fixed",
                b"/app",
                b"/a\rEvil: 1",
                b"/a\0b",
                b"/?\rEvil: 1",
            ):
                asked = b"GET %b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % path
                assert_one_head(await front.raw("web", asked))
            file = str(AUTHORITY)
            for version in ("--http1.1", "--http2"):
                for path in ("/function", "/app"):
                    url = f"https://localhost:{port}{path}"
                    told = await curl("--cacert", file, "-i", version, url)
                    assert_one_head(told.encode("latin-1"))
            async with http3(port, Path(file)) as client:
                for path in ("/function", "/app"):
                    headers, _ = await client.get(path)
                    assert headers[b":status"] in (b"302", b"502")
                    for name, value in headers.items():
                        assert not set(name + value) & set(b"\r\n\0")
                        assert not name.lower().startswith(b"evil")
