"""HEAD, 204 and 304: which length and type headers survive, whoever made the answer.

Each row holds over HTTP/1.1, over HTTP/2 and in process, and the connection goes on behind it. The
same table stands in `docs/distributions.md` and `docs/load-balancers.md`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from tests.conftest import FUNCTIONS, PYTHON, read_head
from tests.tls_clients import trusting_anyone

TYPE = "text/plain"
ORIGINS = {
    "200": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\n",
    "204-length": b"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\n\r\n",
    "304-length": b"HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n",
}
"""What the origin answers, by the last segment of the path."""

BODIES = {"200": b"hello", "chunked": b"5\r\nhello\r\n0\r\n\r\n"}

Row = tuple[str, str, int, str | None, str | None, bytes]

ROWS: dict[str, Row] = {
    # origins of a distribution
    "HEAD": ("HEAD", "/plain/200", 200, TYPE, "5", b""),
    "HEAD of chunks": ("HEAD", "/plain/chunked", 200, TYPE, None, b""),
    "204": ("GET", "/plain/204", 204, TYPE, None, b""),
    "204 with a length": ("GET", "/plain/204-length", 204, TYPE, None, b""),
    "304": ("GET", "/plain/304", 304, TYPE, None, b""),
    "304 with a length": ("GET", "/plain/304-length", 304, TYPE, "5", b""),
    "HEAD of a 304": ("HEAD", "/plain/304-length", 304, TYPE, "5", b""),
    # generated responses
    **{
        f"{trigger}: {name}": (method, f"/{trigger}/{status}", status, TYPE, length, b"")
        for trigger in ("viewer-request", "origin-request")
        for name, method, status, length in (
            ("HEAD", "HEAD", 200, "5"),
            ("204", "GET", 204, None),
            ("HEAD of a 204", "HEAD", 204, None),
            ("304", "GET", 304, None),
        )
    },
    # origin-response: the new status stands behind the origin's in the path
    "origin-response: HEAD": ("HEAD", "/origin-response/to-200/200", 200, TYPE, "5", b""),
    "origin-response: HEAD, new body": ("HEAD", "/origin-response/body/200", 200, TYPE, "8", b""),
    "origin-response: GET, new body": (
        "GET", "/origin-response/body/200", 200, TYPE, "8", b"new body",
    ),
    "origin-response: 204 of 200": ("GET", "/origin-response/to-204/200", 204, TYPE, None, b""),
    "origin-response: 204 of chunks": (
        "GET", "/origin-response/to-204/chunked", 204, TYPE, None, b"",
    ),
    "origin-response: 304 of 200": ("GET", "/origin-response/to-304/200", 304, TYPE, "5", b""),
    "origin-response: 200 of 204": ("GET", "/origin-response/to-200/204", 200, TYPE, "0", b""),
    "origin-response: 200 of 304": (
        "GET", "/origin-response/to-200/304-length", 200, TYPE, "0", b"",
    ),
    "origin-response: body for 204": (
        "GET", "/origin-response/body/204", 200, TYPE, "8", b"new body",
    ),
    "origin-response: body for 304": (
        "GET", "/origin-response/body/304-length", 200, TYPE, "8", b"new body",
    ),
    # viewer-response, which adds a header
    "viewer-response: HEAD": ("HEAD", "/viewer-response/200", 200, TYPE, "5", b""),
    "viewer-response: 204": ("GET", "/viewer-response/204-length", 204, TYPE, None, b""),
    "viewer-response: 304": ("GET", "/viewer-response/304-length", 304, TYPE, "5", b""),
    # what has a body, for comparison
    "GET": ("GET", "/plain/200", 200, TYPE, "5", b"hello"),
    "GET of chunks": ("GET", "/plain/chunked", 200, TYPE, None, b"hello"),
}  # fmt: skip

BALANCED: dict[str, Row] = {
    "HEAD": ("HEAD", "/ip/200", 200, TYPE, "5", b""),
    "204 with a length": ("GET", "/ip/204-length", 204, TYPE, None, b""),
    "304": ("GET", "/ip/304", 304, TYPE, None, b""),
    "304 with a length": ("GET", "/ip/304-length", 304, TYPE, "5", b""),
    "Lambda: 304": ("GET", "/lambda/304", 304, TYPE, "5", b""),
    "Lambda: HEAD": ("HEAD", "/lambda/200", 200, TYPE, "5", b""),
    "Lambda: 204": ("GET", "/lambda/204", 204, TYPE, None, b""),
    "Lambda: HEAD of a 204": ("HEAD", "/lambda/204", 204, TYPE, None, b""),
}
"""The rows of a load balancer, with ip targets and with functions."""


def generates(event: Any, context: Any) -> Any:
    request = event["Records"][0]["cf"]["request"]
    status = request["uri"].rpartition("/")[2]
    made = {"status": status, "headers": {"content-type": [{"value": TYPE}]}}
    return made | {"body": "hello"} if status == "200" else made


def changes(event: Any, context: Any) -> Any:
    cf = event["Records"][0]["cf"]
    what, response = cf["request"]["uri"].split("/")[2], cf["response"]
    if what == "body":
        return response | {"status": "200", "body": "new body"}
    return response | {"status": what.removeprefix("to-")}


def adds(event: Any, context: Any) -> Any:
    response = event["Records"][0]["cf"]["response"]
    response["headers"]["x-added"] = [{"key": "X-Added", "value": "1"}]
    return response


def answers(event: Any, context: Any) -> Any:
    status = int(event["path"].rpartition("/")[2])
    return {"statusCode": status, "headers": {"Content-Type": TYPE}, "body": "hello"}


HOOKS = {
    "viewer-request": generates,
    "origin-request": generates,
    "origin-response": changes,
    "viewer-response": adds,
    "target": answers,
}


def config(url: str) -> dict[str, Any]:
    policies = {"cache_policy": "CachingDisabled", "origin_request_policy": "AllViewer"}
    listener = {
        "listen": 0,
        "protocol": "HTTPS",
        "default_actions": [{"forward": "ip"}],
        "rules": [
            {
                "priority": 1,
                "conditions": [{"path_pattern": ["/lambda/*"]}],
                "actions": [{"forward": "lambda"}],
            }
        ],
    }
    return {
        "functions": {
            name: {"runtime": PYTHON, "code": ".", "handler": "hooks.pass_request"}
            for name in HOOKS
        },
        "distributions": {
            "site": {
                "listen": {"port": 0, "tls": True},
                "origins": {"app": {"url": url}},
                "default_behavior": {"origin": "app", **policies},
                "behaviors": [
                    {
                        "path_pattern": f"/{trigger}/*",
                        "origin": "app",
                        "lambda_functions": {trigger: trigger},
                        **policies,
                    }
                    for trigger in HOOKS
                    if trigger != "target"
                ],
            }
        },
        "target_groups": {
            "ip": {
                "targets": [url.removeprefix("http://")],
                "health_check": {"enabled": False},
            },
            "lambda": {"target_type": "lambda", "function": "target"},
        },
        "load_balancers": {"web": {"listeners": [listener]}},
    }


async def script(reader: Any, writer: Any) -> None:
    while head := await read_head(reader):
        method, path, _ = head.split(b" ", 2)
        name = path.decode().rpartition("/")[2]
        writer.write(ORIGINS[name] + (b"" if method == b"HEAD" else BODIES.get(name, b"")))
        await writer.drain()


@contextlib.asynccontextmanager
async def clients(serving: Any, raw_origin: Any, door: str) -> AsyncIterator[dict[str, Any]]:
    """Clients of one front door, by the way they take."""
    context = trusting_anyone()
    async with raw_origin(script) as origin, serving(config(origin.url), functions=HOOKS) as front:
        async with (
            Gateway(load_dict(config(origin.url), FUNCTIONS), functions=HOOKS) as inside,
            httpx.AsyncClient(verify=context, base_url=front.urls[door]) as one,
            httpx.AsyncClient(
                verify=context, base_url=front.urls[door], http1=False, http2=True
            ) as two,
            inside.client(door) as within,
        ):
            yield {"HTTP/1.1": one, "HTTP/2": two, "in process": within}


async def assert_row(client: httpx.AsyncClient, way: str, name: str, row: Row) -> None:
    method, path, *expected = row
    answer = await client.request(method, path)
    found = [
        answer.status_code,
        answer.headers.get("content-type"),
        answer.headers.get("content-length"),
        answer.content,
    ]
    assert found == expected, (way, name)
    if way != "in process":
        assert answer.http_version == way
    if answer.status_code in (204, 304) or method == "HEAD":
        assert "transfer-encoding" not in answer.headers, (way, name)


@pytest.mark.parametrize(("door", "rows"), [("site", ROWS), ("web", BALANCED)])
async def test_length_and_type_of_answers_without_body(
    serving: Any, raw_origin: Any, door: str, rows: dict[str, Row]
) -> None:
    """Two rounds, so that every answer is followed by others on its connection."""
    async with clients(serving, raw_origin, door) as ways:
        for way, client in ways.items():
            for name, row in [*rows.items()] * 2:
                await assert_row(client, way, name, row)
