"""Streams of requests as viewers may send them: right ones, odd ones, and bytes changed anywhere."""

from __future__ import annotations

import random
from typing import Final

from tests.fuzz.mutation import cut, mutated
from tests.fuzz.request_oracle import HOST

_EVIL: Final = b"GET /evil HTTP/1.1\r\nHost: localhost\r\n\r\n"
_HOST: Final = b"Host: " + HOST
_METHODS: Final = [b"GET", b"GET", b"GET", b"POST", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS"]
_ODD_METHODS: Final = [b"TRACE", b"CONNECT", b"FROB", b"get", b"G@T", b"PRI", b"", b"GET GET"]
_ODD_TARGETS: Final = [
    b"*", b"/a b", b"/a/../b", b"/../b", b"http://localhost/x", b"http://other/x", b"//x//", b"/%00",
    b"/%", b"/a?b?c#d", b"/\xc3\xa4", b"", b"x", b"/" + b"x" * 9_000, b"/a\tb", b"/?\x7f", b"h:80",
]  # fmt: skip
_ODD_LINES: Final = [
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: 5, 5", b"Content-Length: +5",
    b"Content-Length: 0x5", b"Content-Length: ", b"Content-Length: 18446744073709551621",
    b"Content-Length : 5", b"Content_Length: 5", b"Content-Length\t: 5", b" Content-Length: 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding:\r\n chunked", b"Transfer_Encoding: chunked", b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-\xc4\xb1Encoding: chunked",
    b"Connection: close", b"Connection: keep-alive", b"Connection: Content-Length",
    b"Connection: Transfer-Encoding, Host", b"Connection: Upgrade\r\nUpgrade: websocket",
    b"Upgrade: h2c", b"Expect: 100-continue", b"Expect: 200-maybe", b"Trailer: X-A", b"TE: trailers",
    b"Host: evil", b"Host:", b"X-A: b\r\n c", b"X-A: b\n", b"X-A: b\rX-B: c", b"X-A: \x01", b"X-A: \0",
    b": b", b"X A: b", b"X-A", b"X-A: " + b"y" * 11_000, b"Cookie: a=b; c", b"X-Forwarded-For: 1, 2",
    b"X-Amzn-Trace-Id: Root=1", b"Range: bytes=0-1", b"If-None-Match: \"a\"", b"Via: 1.1 x",
]  # fmt: skip


def _head(dice: random.Random, number: int, lines: list[bytes]) -> bytes:
    method = dice.choice(_METHODS if dice.random() < 0.93 else _ODD_METHODS)
    target = b"/r%d" % number if dice.random() < 0.9 else dice.choice(_ODD_TARGETS)
    version = (
        b"HTTP/1.1"
        if dice.random() < 0.95
        else dice.choice(
            [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"", b"http/1.1", b" HTTP/1.1"]
        )
    )
    first = b" ".join([method, target, version]) if version else method + b" " + target
    lines = [*lines, b"X-Number: %d" % number]
    if dice.random() < 0.97:
        lines.insert(dice.randrange(len(lines) + 1), _HOST)
    if dice.random() < 0.25:
        lines.insert(dice.randrange(len(lines) + 1), dice.choice(_ODD_LINES))
    end = b"\r\n" if dice.random() < 0.98 else b"\n"
    return end.join([first, *lines, b"", b""])


def _chunked(dice: random.Random, content: bytes) -> bytes:
    pieces = cut(content, dice)
    extension = dice.choice([b""] * 8 + [b";a=b", b" ", b";", b';a="\n"'])
    sizes = [b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces]
    trailers = dice.choice([b""] * 8 + [b"X-T: 1\r\n", b"Content-Length: 4\r\n", b"X\r\n"])
    return b"".join(sizes) + b"0\r\n" + trailers + b"\r\n"


def _request(dice: random.Random, number: int) -> bytes:
    content = dice.choice([b"", b"abc", _EVIL, b"0\r\n\r\n" + _EVIL, b"x" * 5_000])
    match dice.randrange(8):
        case 0 | 1:
            return _head(dice, number, [b"Content-Length: %d" % len(content)]) + content
        case 2:
            head = _head(dice, number, [b"Transfer-Encoding: chunked"])
            return head + _chunked(dice, content)
        case 3 if dice.random() < 0.3:
            lines = [b"Content-Length: %d" % dice.randrange(60), b"Transfer-Encoding: chunked"]
            dice.shuffle(lines)
            return _head(dice, number, lines) + _chunked(dice, content)
        case 4 if dice.random() < 0.3:
            length = max(0, len(content) + dice.choice([-2, -1, 1, 2, 40]))
            return _head(dice, number, [b"Content-Length: %d" % length]) + content
        case _:
            return _head(dice, number, [])


def stream(dice: random.Random) -> bytes:
    """Up to five requests; most streams end with one that closes the connection."""
    count = dice.choice([1, 1, 2, 3, 4])
    data = b"".join(_request(dice, number) for number in range(count))
    if dice.random() < 0.3:
        data = mutated(data, dice)
    if dice.random() < 0.9:
        data += b"GET /rend HTTP/1.1\r\n%b\r\nConnection: close\r\n\r\n" % _HOST
    return data
