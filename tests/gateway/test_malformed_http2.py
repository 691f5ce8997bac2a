"""Requests over HTTP/2 that no library would send: what each gets at both kinds of front door.

Load balancers take every HTTP/2 request for compliant; what RFC 9113 calls malformed ends its
stream or its connection. `bytes` are the method and target that the target sees.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

from tests.gateway.test_malformed import Witness, assert_framed_once
from tests.tls_clients import trusting_anyone

Line = tuple[bytes, bytes]
GET: dict[bytes, bytes] = {b":method": b"GET", b":scheme": b"https"}
GET |= {b":authority": b"h", b":path": b"/x"}


def asks(*more: Line, **pseudo: bytes) -> list[Line]:
    """The lines of a GET with other pseudo headers, and more lines behind them."""
    return [
        *{**GET, **{f":{name}".encode(): value for name, value in pseudo.items()}}.items(),
        *more,
    ]


RESET, CLOSED = "reset", "closed"
ROWS: dict[str, tuple[list[Line], str, str, bytes | None]] = {
    "a plain request": (asks(), "200", "200", b"GET /x"),
    "no authority": ([line for line in asks() if line[0] != b":authority"], CLOSED, CLOSED, None),
    "another host": (asks((b"host", b"evil")), CLOSED, CLOSED, None),
    "a name in capitals": (asks((b"X-Up", b"1")), CLOSED, CLOSED, None),
    "a Connection header": (asks((b"connection", b"close")), CLOSED, CLOSED, None),
    "chunked": (asks((b"transfer-encoding", b"chunked")), CLOSED, CLOSED, None),
    "an empty path": (asks(path=b""), CLOSED, CLOSED, None),
    "a path without slash": (asks(path=b"x"), RESET, RESET, None),
    "a path with its host": (asks(path=b"https://h/x"), "200", "200", None),
    "dots above the root": (asks(path=b"/../x"), "200", "400", None),
    "a path in UTF-8": (asks(path=b"/\xc3\xa9"), "200", "200", b"GET /\xc3\xa9"),
    "a path that is no UTF-8": (asks(path=b"/\xe9"), "200", "200", b"GET /\xe9"),
    "an empty query": (asks(path=b"/x?"), "200", "200", b"GET /x?"),
    "NUL in the path": (asks(path=b"/a\x00b"), CLOSED, CLOSED, None),
    "a line in the path": (asks(path=b"/ HTTP/1.1\r\nEvil: 1"), CLOSED, CLOSED, None),
    "a method in small letters": (asks(method=b"get"), "403", "200", b"get /x"),
    "a method of its own": (asks(method=b"FROB"), "403", "200", b"FROB /x"),
    "a request as its method": (asks(method=b"GET /evil HTTP/1.1"), RESET, RESET, None),
    "a method that is none": (asks(method=b"G@T"), RESET, RESET, None),
    "a method in no ASCII": (asks(method=b"G\xc3T"), RESET, RESET, None),
    "TRACE": (asks(method=b"TRACE"), "403", "405", None),
    "CONNECT": ([(b":method", b"CONNECT"), (b":authority", b"h:1")], "403", "405", None),
    "a WebSocket by CONNECT": (
        [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *asks()[1:]], "403", "405", None,
    ),
    "two methods": (asks((b":method", b"GET")), CLOSED, CLOSED, None),
    "a length without a body": (asks((b"content-length", b"5")), RESET, RESET, None),
    "length zero": (asks((b"content-length", b"0")), "200", "200", b"GET /x"),
    "a line in a value": (asks((b"x", b"a\r\nevil: 1")), CLOSED, CLOSED, None),
    "NUL in a value": (asks((b"x", b"a\x00b")), CLOSED, CLOSED, None),
    "a blank in a name": (asks((b"a b", b"1")), CLOSED, CLOSED, None),
    "an empty name": (asks((b"", b"1")), CLOSED, CLOSED, None),
    "blanks around a value": (asks((b"x", b"  a ")), CLOSED, CLOSED, None),
    "a header of 17 K": (asks((b"x", b"y" * 17_000)), "200", "400", None),
}  # fmt: skip


async def answer(address: tuple[str, int], headers: list[Line]) -> str:
    """The status, or how stream or connection end."""
    context = trusting_anyone("h2")
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname="h")
    raw = h2.config.H2Configuration(
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
    )
    state = h2.connection.H2Connection(raw)
    state.initiate_connection()
    state.send_headers(1, headers, end_stream=True)
    writer.write(state.data_to_send())
    status = ""
    try:
        async with asyncio.timeout(30):
            while data := await reader.read(65536):
                for event in state.receive_data(data):
                    match event:
                        case h2.events.ResponseReceived():
                            status = dict(event.headers)[b":status"].decode()
                        case h2.events.StreamReset():
                            return RESET
                        case h2.events.StreamEnded():
                            return status
                        case h2.events.ConnectionTerminated():
                            return CLOSED
                        case _:
                            pass
            return "-"
    finally:
        writer.close()


def config(url: str) -> dict[str, Any]:
    listener = {"listen": 0, "protocol": "HTTPS", "default_actions": [{"forward": "app"}]}
    methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    behavior = {
        "origin": "app",
        "cache_policy": "CachingDisabled",
        "origin_request_policy": "AllViewer",
        "allowed_methods": methods,
    }
    return {
        "distributions": {
            "site": {
                "listen": {"port": 0, "tls": True},
                "origins": {"app": {"url": url}},
                "default_behavior": behavior,
            }
        },
        "target_groups": {
            "app": {"targets": [url.removeprefix("http://")], "health_check": {"enabled": False}}
        },
        "load_balancers": {"web": {"listeners": [listener]}},
    }


@pytest.mark.parametrize("name", ROWS)
async def test_malformed(name: str, serving: Any, raw_origin: Any, caplog: Any) -> None:
    sent, of_site, of_web, arrives = ROWS[name]
    witness = Witness()
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        with caplog.at_level(logging.ERROR):
            for door, expected in (("site", of_site), ("web", of_web)):
                witness.requests.clear()
                assert await answer(front.address(door), sent) == expected, door
                assert len(witness.requests) == (expected == "200"), door
                for head, body in witness.requests:
                    assert_framed_once(head)
                    assert b"evil" not in (head + body).lower()
                    if arrives is not None:
                        assert head.startswith(arrives + b" HTTP/1.1\r\n")
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
