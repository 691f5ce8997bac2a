"""Request smuggling and malformed HTTP, byte by byte, at both kinds of front door.

Each row says what the client gets from a distribution and from a load balancer in each desync
mode (`-`: nothing, the connection is closed). Whatever it is: never two answers to one request,
never a second request at the target, and what is sent on is framed once.
"""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

from tests.conftest import read_body, read_head

MODES = ("monitor", "defensive", "strictest")
EVIL = b"GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: h.test\r\n"
GET = b"GET /x HTTP/1.1\r\nHost: h.test\r\n"
END = b"Connection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

# id: bytes, distribution, monitor, defensive, strictest
ROWS: dict[str, tuple[bytes, str, str, str, str]] = {
    "a proper request": (GET + END, "200", "200", "200", "200"),
    "a proper body": (POST + b"Content-Length: 3\r\n" + END + b"abc", "200", "200", "200", "200"),
    "proper chunks": (POST + CHUNKED + END + b"3\r\nabc\r\n0\r\n\r\n", "200", "200", "200", "200"),
    # framing
    "CL and TE": (
        POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + EVIL,
        "400", "200", "200", "400",
    ),
    "TE and CL": (
        POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + EVIL,
        "400", "200", "200", "400",
    ),
    "two lengths that differ": (
        POST + b"Content-Length: 0\r\nContent-Length: 35\r\n\r\n" + EVIL,
        "400", "400", "400", "400",
    ),
    "one length twice": (
        POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + EVIL,
        "400", "200", "200", "400",
    ),
    "lengths in a list": (
        POST + b"Content-Length: 3, 3\r\n\r\nabc" + EVIL,
        "400", "400", "400", "400",
    ),
    "a length with a sign": (POST + b"Content-Length: +3\r\n\r\nabc", "400", "400", "400", "400"),
    "a length in hex": (POST + b"Content-Length: 0x3\r\n\r\nabc", "400", "400", "400", "400"),
    "a length beyond 64 bits": (
        POST + b"Content-Length: 18446744073709551616\r\n\r\nabc",
        "400", "400", "400", "400",
    ),
    "a blank before the colon of a length": (
        POST + b"Content-Length : 3\r\n\r\nabc" + EVIL,
        "400", "200", "200", "400",
    ),
    "an underscore in a length": (
        POST + b"Content_Length: 3\r\n" + END,
        "200", "200", "200", "400",
    ),
    "chunked twice": (POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n", "400", "400", "400", "400"),
    "chunked twice in a list": (
        POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "400", "400", "400", "400",
    ),
    "an unknown coding": (
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + EVIL,
        "400", "501", "400", "400",
    ),
    "chunked is not the last coding": (
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + EVIL,
        "400", "400", "400", "400",
    ),
    "a vertical tab before chunked": (
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + EVIL,
        "400", "400", "400", "400",
    ),
    "chunks in HTTP/1.0": (
        b"POST /x HTTP/1.0\r\nHost: h.test\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + EVIL,
        "200", "200", "200", "400",
    ),
    "a body with GET": (GET + b"Content-Length: 3\r\n" + END + b"abc", "403", "200", "200", "400"),
    "chunks with GET": (GET + CHUNKED + END + b"0\r\n\r\n", "403", "200", "200", "400"),
    "length zero with GET": (GET + b"Content-Length: 0\r\n" + END, "200", "200", "200", "400"),
    "a chunk size that is no number": (POST + CHUNKED + b"\r\nzz\r\nabc\r\n0\r\n\r\n", "400", "400", "400", "400"),
    "a negative chunk size": (POST + CHUNKED + b"\r\n-1\r\nabc\r\n0\r\n\r\n", "400", "400", "400", "400"),
    "a chunk longer than its size": (
        POST + CHUNKED + b"\r\n3\r\nabcdef\r\n0\r\n\r\n" + EVIL,
        "400", "400", "400", "400",
    ),
    # header lines
    "a folded line": (GET + b"A: b\r\n c\r\n" + END, "400", "200", "200", "400"),
    "a folded coding": (
        POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + EVIL,
        "400", "400", "400", "400",
    ),
    "a line without colon": (GET + b"abc\r\n" + END, "400", "200", "200", "400"),
    "an empty name": (GET + b": c\r\n" + END, "400", "200", "200", "400"),
    "a blank in a name": (GET + b"A B: c\r\n" + END, "400", "200", "200", "400"),
    "NUL in a value": (GET + b"A: b\x00c\r\n" + END, "400", "200", "400", "400"),
    "a control byte in a value": (GET + b"A: b\x01c\r\n" + END, "400", "200", "200", "400"),
    "CR in a value": (GET + b"A: b\rc\r\n" + END, "400", "200", "400", "400"),
    "bare LF": (GET.replace(b"\r\n", b"\n") + b"\n", "400", "200", "200", "400"),
    "one bare LF": (GET + b"A: b\n" + END, "400", "200", "200", "400"),
    "a header of 17 K": (GET + b"A: " + b"x" * 17_000 + b"\r\n" + END, "200", "400", "400", "400"),
    "no Host": (b"GET /x HTTP/1.1\r\n" + END, "400", "400", "400", "400"),
    "two Hosts": (GET + b"Host: evil\r\n" + END, "400", "200", "200", "200"),
    # request lines
    "a request line of 17 K": (
        b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: h.test\r\n" + END,
        "414", "414", "414", "414",
    ),
    "an absolute-form target": (
        b"GET http://h.test/x HTTP/1.1\r\nHost: other\r\n" + END,
        "200", "200", "200", "200",
    ),
    "dots within the root": (
        b"GET /a/../x HTTP/1.1\r\nHost: h.test\r\n" + END,
        "200", "200", "200", "200",
    ),
    "dots above the root": (
        b"GET /../x HTTP/1.1\r\nHost: h.test\r\n" + END,
        "200", "400", "400", "400",
    ),
    "a blank in the target": (b"GET /a b HTTP/1.1\r\nHost: h\r\n" + END, "400", "200", "200", "400"),
    "a tab in the target": (b"GET /a\tb HTTP/1.1\r\nHost: h\r\n" + END, "400", "200", "200", "400"),
    "a control byte in the target": (
        b"GET /a\x01b HTTP/1.1\r\nHost: h\r\n" + END,
        "400", "200", "200", "400",
    ),
    "DEL in the query": (b"GET /a?\x7f HTTP/1.1\r\nHost: h\r\n" + END, "400", "200", "200", "400"),
    "NUL in the target": (b"GET /a\x00b HTTP/1.1\r\nHost: h\r\n" + END, "400", "200", "400", "400"),
    "CR in the target": (b"GET /a\rb HTTP/1.1\r\nHost: h\r\n" + END, "400", "200", "400", "400"),
    "bytes beyond ASCII": (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n" + END, "200", "200", "200", "200"),
    "user information": (
        b"GET http://u:p@h.test/x HTTP/1.1\r\nHost: other\r\n" + END,
        "200", "200", "200", "200",
    ),
    "no target": (b"GET HTTP/1.1\r\nHost: h\r\n" + END, "400", "400", "400", "400"),
    "nonsense": (b"NONSENSE\r\n\r\n", "400", "400", "400", "400"),
    "a method of its own": (b"FROB /x HTTP/1.1\r\nHost: h\r\n" + END, "400", "200", "200", "200"),
    "a method that is none": (b"G@T /x HTTP/1.1\r\nHost: h\r\n" + END, "400", "200", "400", "400"),
    "HTTP/1.2": (b"GET /x HTTP/1.2\r\nHost: h\r\n" + END, "400", "200", "200", "400"),
    "HTTP/1.10": (b"GET /x HTTP/1.10\r\nHost: h\r\n" + END, "400", "200", "400", "400"),
    "HTTP/x": (b"GET /x HTTP/x\r\nHost: h\r\n" + END, "400", "200", "400", "400"),
    "HTTP/2.0 in plain": (b"GET /x HTTP/2.0\r\nHost: h\r\n" + END, "400", "505", "400", "400"),
    "HTTP/3.7": (b"GET /x HTTP/3.7\r\nHost: h\r\n" + END, "400", "505", "400", "400"),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", "505", "400", "400"),
    "HTTP/0.9 in full": (b"GET /x HTTP/0.9\r\nHost: h\r\n\r\n", "400", "0.9", "0.9", "0.9 400"),
    "HTTP/0.9": (b"GET /x\r\n\r\n", "400", "0.9", "0.9", "0.9 400"),
    "TRACE": (b"TRACE /x HTTP/1.1\r\nHost: h\r\n" + END, "403", "405", "405", "405"),
    "CONNECT": (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n" + END, "403", "405", "405", "405"),
    "TLS on a plain port": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", "400", "400", "400", "400"),
}  # fmt: skip


def config(url: str) -> dict:
    target = url.removeprefix("http://")
    return {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": url}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewer",
                    "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                },
            }
        },
        "target_groups": {
            mode: {"targets": [target], "health_check": {"enabled": False}} for mode in MODES
        },
        "load_balancers": {
            mode: {
                "attributes": {"routing.http.desync_mitigation_mode": mode},
                "listeners": [{"listen": 0, "default_actions": [{"forward": mode}]}],
            }
            for mode in MODES
        },
    }


class Witness:
    """What arrived at the target: whole requests, and whether bytes came behind one."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []

    async def script(self, reader, writer) -> None:
        while head := await read_head(reader):
            body = await read_body(head, reader)
            self.requests.append((head, body))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()


async def answer(address: tuple[str, int], sent: bytes) -> bytes:
    """All that comes back; the sending side stays open, as a smuggler's would."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(sent)
        async with asyncio.timeout(30):
            return await reader.read(-1)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def judged(received: bytes) -> str:
    if received == b"ok":
        return "0.9"
    if received.startswith(b"<html>\r\n<head><title>400 "):
        return "0.9 400"
    return received[9:12].decode() if received.startswith(b"HTTP/1.1 ") else "-"


@pytest.mark.parametrize("name", ROWS)
async def test_malformed(name: str, serving, raw_origin, caplog) -> None:
    sent, *expected = ROWS[name]
    witness = Witness()
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        with caplog.at_level(logging.ERROR):
            for door, status in zip(("site", *MODES), expected, strict=True):
                witness.requests.clear()
                received = await answer(front.address(door), sent)
                assert judged(received) == status, (door, received)
                assert received.count(b"HTTP/1.1 ") <= 1, door
                assert len(witness.requests) <= 1, door
                for head, body in witness.requests:
                    assert_framed_once(head)
                    assert b"evil" not in head + body or name == "two Hosts"
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def assert_framed_once(head: bytes) -> None:
    """The head that was sent on can be read in one way only."""
    lines = head.lower().split(b"\r\n")
    framing = [line for line in lines if re.match(rb"(content-length|transfer-encoding):", line)]
    assert len(framing) <= 1, head
    assert b"\n" not in b"".join(lines)
    assert not [line for line in lines[1:-2] if not re.match(rb"[!-9;-~]+: ", line)], head


async def test_a_smuggled_request_is_the_body_that_it_was_declared_to_be(
    serving, raw_origin
) -> None:
    sent = POST + b"Content-Length: %d\r\n" % len(EVIL) + END + EVIL
    witness = Witness()
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        for door in ("site", *MODES):
            witness.requests.clear()
            assert judged(await answer(front.address(door), sent)) == "200"
            assert [body for _, body in witness.requests] == [EVIL]


async def test_pipelined_requests_are_answered_one_by_one(serving, raw_origin) -> None:
    witness = Witness()
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        for door in ("site", *MODES):
            witness.requests.clear()
            received = await answer(front.address(door), GET + b"\r\n" + GET + b"\r\n" + GET + END)
            assert received.count(b"HTTP/1.1 200 OK") == 3
            assert len(witness.requests) == 3


async def test_an_ambiguous_request_closes_the_connection_to_the_target(
    serving, raw_origin
) -> None:
    witness = Witness()
    ambiguous = POST + b"Content-Length: 3\r\n" + CHUNKED + b"\r\n0\r\n\r\n"
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        assert judged(await answer(front.address("defensive"), ambiguous)) == "200"
        assert judged(await answer(front.address("defensive"), GET + END)) == "200"
        assert b"\r\nConnection: close\r\n" in witness.requests[0][0]
        assert origin.connections == 2


async def test_a_function_never_sees_what_was_refused(serving) -> None:
    given = config("http://127.0.0.1:1")
    given["functions"] = {
        "target": {"runtime": "python3.11", "code": ".", "handler": "hooks.target", "timeout": 10}
    }
    given["target_groups"]["defensive"] = {"target_type": "lambda", "function": "target"}
    async with serving(given) as front:
        address = front.address("defensive")
        for name, (sent, *_, defensive, _) in ROWS.items():
            received = await answer(address, sent)
            if name.startswith("HTTP/0.9"):
                assert received
                assert not received.startswith(b"HTTP/")
            elif defensive == "-":
                assert judged(received) == "400", name
            else:
                assert judged(received) == defensive, (name, received)
            assert received.count(b"HTTP/1.1 2") <= 1


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        (b"/a b", b"/a b"),
        (b"/a\tb?c d", b"/a\tb?c d"),
        (b"/a\x01\x7fb", b"/a\x01\x7fb"),
        (b"/a\x00b", b"/a%00b"),
        (b"/a\rb", b"/a%0Db"),
    ],
)
async def test_a_target_gets_an_odd_uri_as_it_came(
    serving, raw_origin, sent: bytes, seen: bytes
) -> None:
    """But for what would end the line: that is percent-encoded, in the one mode that serves it."""
    witness = Witness()
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        line = b"GET " + sent + b" HTTP/1.1\r\nHost: h\r\n" + END
        assert judged(await answer(front.address("monitor"), line)) == "200"
    [(head, _)] = witness.requests
    assert head.split(b"\r\n")[0] == b"GET " + seen + b" HTTP/1.1"


async def test_of_an_absolute_target_the_host_counts_without_its_user(serving, raw_origin) -> None:
    witness = Witness()
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        line = b"GET http://u:p@h.test/x?y HTTP/1.1\r\nHost: other\r\n" + END
        assert judged(await answer(front.address("defensive"), line)) == "200"
    [(head, _)] = witness.requests
    assert head.startswith(b"GET /x?y HTTP/1.1\r\n")
    assert re.search(rb"\r\nhost: h\.test(:[0-9]+)?\r\n", head.lower())


async def test_whoever_claims_a_newer_version_is_spoken_to_in_one_that_is_there(
    serving, raw_origin
) -> None:
    witness = Witness()
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        line = b"GET /x HTTP/1.7\r\nHost: h\r\n\r\n"
        received = await answer(front.address("defensive"), line)
        [exchange] = front.gateway.exchanges
    assert received.startswith(b"HTTP/1.1 200 ")
    assert exchange.request.http_version == "1.1"
    assert exchange.request.lenient.version == b"HTTP/1.7"
