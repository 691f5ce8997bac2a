"""What origins are sent and what viewers get, from one socket to the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import FUNCTIONS, PYTHON, read_body, read_head
from tests.gateway.origins.sending import OK, staying

DOORS = ["site", "hooked", "through", "web"]


def config(origin: str) -> dict[str, Any]:
    """Front doors of every kind before one origin; `hooked` has hooks that read bodies."""

    def site(source: dict[str, Any], **functions: Any) -> dict[str, Any]:
        behavior = {
            "origin": "app",
            "cache_policy": "CachingDisabled",
            "origin_request_policy": "AllViewer",
            "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
            "lambda_functions": functions,
        }
        return {"listen": 0, "origins": {"app": source}, "default_behavior": behavior}

    reads = {"function": "pass_request", "include_body": True}
    return {
        "functions": {
            "pass_request": {
                "runtime": PYTHON,
                "code": str(FUNCTIONS),
                "handler": "hooks.pass_request",
            }
        },
        "distributions": {
            "site": site({"url": origin}),
            "hooked": site({"url": origin}, **{"viewer-request": reads, "origin-request": reads}),
            "through": site({"load_balancer": "web"}),
        },
        "target_groups": {
            "app": {
                "targets": [origin.removeprefix("http://")],
                "health_check": {"enabled": False},
            }
        },
        "load_balancers": {
            "web": {"listeners": [{"listen": 0, "default_actions": [{"forward": "app"}]}]}
        },
    }


async def ask(front: Any, door: str, request: bytes) -> bytes:
    """The bytes of the answer to the bytes of a request."""
    reader, writer = await asyncio.open_connection(*front.address(door))
    writer.write(request)
    try:
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            return head + await read_body(head, reader)
    finally:
        writer.close()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        pytest.param(b"Transfer-Encoding: chunked", b"0\r\n\r\n", id="no chunk"),
        pytest.param(b"Transfer-Encoding: chunked", b"2\r\nhi\r\n0\r\n\r\n", id="one chunk"),
        pytest.param(b"Content-Length: 0", b"", id="no byte"),
        pytest.param(b"Content-Length: 2", b"hi", id="two bytes"),
    ],
)
async def test_a_request_is_framed_by_the_body_that_is_there(
    serving: Any, raw_origin: Any, door: str, framing: bytes, body: bytes
) -> None:
    """And the next one on the same connection is not swallowed by it."""
    requests = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            async with asyncio.timeout(30):
                requests.append((head.split(b" ", 2)[1], await read_body(head, reader)))
            writer.write(OK)

    content = b"hi" if b"hi" in body else b""
    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        posted = b"POST /post HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n%b" % (framing, body)
        assert (await ask(front, door, posted)).endswith(b"ok")
        assert (await ask(front, door, b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")).endswith(b"ok")
        assert requests == [(b"/post", content), (b"/next", b"")]
        assert origin.connections == 1


@pytest.mark.parametrize("door", ["site", "through", "web"])
async def test_a_viewer_gets_one_answer_where_the_origin_gives_two(
    serving: Any, raw_origin: Any, door: str
) -> None:
    async with (
        raw_origin(staying(OK + OK.replace(b"ok", b"no"))) as origin,
        serving(config(origin.url)) as front,
    ):
        for count in (1, 2, 3):
            answer = await ask(front, door, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"\r\n\r\nok")
            assert origin.connections == count


@pytest.mark.parametrize("door", ["site", "through", "web"])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
    ],
)
async def test_what_is_no_answer_gives_502(
    serving: Any, raw_origin: Any, door: str, answer: bytes
) -> None:
    async with raw_origin(staying(answer)) as origin, serving(config(origin.url)) as front:
        page = await ask(front, door, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert page.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


@pytest.mark.parametrize(
    "line", [b"GET *", b"POST *", b"GET x", b"GET ftp://a/y", b"GET http:///y", b"GET https://"]
)
async def test_a_target_that_names_nothing_is_a_bad_request_at_a_distribution(
    serving: Any, raw_origin: Any, line: bytes
) -> None:
    async with raw_origin(staying(OK)) as origin, serving(config(origin.url)) as front:
        page = await ask(front, "site", b"%b HTTP/1.1\r\nHost: a\r\n\r\n" % line)
        assert page.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"Bad request." in page
        assert origin.connections == 0


@pytest.mark.parametrize("line", [b"GET http://a/y", b"GET HTTPS://a:1", b"OPTIONS *"])
async def test_a_target_that_is_no_path_may_name_something(
    serving: Any, raw_origin: Any, line: bytes
) -> None:
    async with raw_origin(staying(OK)) as origin, serving(config(origin.url)) as front:
        page = await ask(front, "site", b"%b HTTP/1.1\r\nHost: a\r\n\r\n" % line)
        assert page.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("door", ["site", "through", "web"])
@pytest.mark.parametrize("line", [b"GET *", b"GET x", b"G\xc9T /", b"CONNECT h:443"])
async def test_a_request_that_cannot_be_sent_on_is_answered(
    serving: Any, raw_origin: Any, door: str, line: bytes
) -> None:
    async with raw_origin(staying(OK)) as origin, serving(config(origin.url)) as front:
        page = await ask(front, door, b"%b HTTP/1.1\r\nHost: a\r\n\r\n" % line)
        assert page.startswith((b"HTTP/1.1 4", b"HTTP/1.1 502 "))
        assert origin.connections == 0
        assert (await ask(front, door, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")).endswith(b"ok")
