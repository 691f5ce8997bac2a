"""What a stream of bytes asks for, read a second time: by RFC 9112 alone, and by none of our code.

Reading stops where two readers might disagree about where a request ends. Up to there the requests
are certain: their number, order, method, target and body. Of what follows only this is: it is at
most one request, and a front door that takes it takes no other behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

Ending = Literal["end", "last", "unfinished", "odd", "switched"]
"""Why reading stopped: no more bytes, the client asked to close, bytes are missing, two readers
might disagree, or another protocol may follow."""

_LINE: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ( *)([\x21-\x7e\x80-\xff]+) ( *)HTTP/1\.([01])"
)
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(;[!#$%&'*+.^_`|~0-9A-Za-z-]+(=[0-9A-Za-z]+)?)*\r\n")
_PLAIN_TARGET: Final = re.compile(rb"/[a-z0-9]{0,40}(\?[a-z0-9=&]{0,40})?")
_PLAIN_NAME: Final = re.compile(rb"X-[A-Za-z0-9]+|Host|Accept|Content-Length|Transfer-Encoding")
_METHODS: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"POST", b"PATCH", b"DELETE"})
_BODY: Final = frozenset({b"PUT", b"POST", b"PATCH", b"DELETE"})
HOST: Final = b"localhost"
"""A name of this machine, which every front door takes."""


@dataclass
class WantedRequest:
    """A request that certainly was sent. `is_plain`: any front door has to serve it.

    With `persists` it certainly leaves the connection open.
    """

    method: bytes
    target: bytes
    body: bytes
    is_plain: bool
    persists: bool


@dataclass
class Reading:
    """All requests that are certain, why reading stopped, and the bytes behind them."""

    requests: list[WantedRequest] = field(default_factory=list)
    ending: Ending = "end"
    rest: bytes = b""


class _StopError(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending: Ending = ending


def read_stream(data: bytes) -> Reading:
    """The requests in all that a client sends over one connection."""
    reading, at = Reading(), 0
    while at < len(data):
        try:
            wanted, at, ending = _read_one(data, at)
        except _StopError as stop:
            reading.ending, reading.rest = stop.ending, data[at:]
            break
        reading.requests.append(wanted)
        if ending is not None:
            reading.ending, reading.rest = ending, data[at:]
            break
    return reading


def _read_one(data: bytes, at: int) -> tuple[WantedRequest, int, Ending | None]:
    start = at
    while data[at : at + 1] in (b"\r", b"\n"):  # RFC 9112 section 2.2: empty lines may come before
        at += 1
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        raise _StopError("unfinished")
    first, *lines = data[at:end].split(b"\r\n")
    match = _LINE.fullmatch(first)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if match is None or match[1] in (b"PRI", b"CONNECT") or None in fields:
        raise _StopError("odd")
    pairs = [(known[1].lower(), known[2].rstrip(b" \t")) for known in fields if known]
    method, target, is_old = match[1], match[3], match[5] == b"0"
    framing = _framing(pairs, is_old=is_old)
    body, end, is_simple = _body(data, end + 4, framing)
    tokens = _tokens(pairs)
    if not any(name == b"upgrade" for name, _ in pairs):
        tokens -= {b"upgrade"}
    is_plain = (
        at == start
        and not is_old
        and is_simple
        and not any(name == b"connection" and value.lower() != b"close" for name, value in pairs)
        and len([name for name, _ in pairs if name == b"transfer-encoding"]) < 2
        and b"," not in dict(pairs).get(b"transfer-encoding", b"")
        and not match[2] + match[4]
        and method in _METHODS
        and (framing is None or method in _BODY)
        and _PLAIN_TARGET.fullmatch(target) is not None
        and [value for name, value in pairs if name == b"host"] == [HOST]
        and all(_PLAIN_NAME.fullmatch(line.partition(b":")[0]) for line in lines)
        and all(len(line) < 1000 for line in lines)
    )
    persists = not is_old and not tokens
    wanted = WantedRequest(method, target, body, is_plain, persists)
    return wanted, end, _ending(tokens)


def _ending(tokens: set[bytes]) -> Ending | None:
    """What the tokens of Connection say of what follows."""
    if b"close" in tokens:
        return "last"
    return "switched" if b"upgrade" in tokens else None


def _tokens(pairs: list[tuple[bytes, bytes]]) -> set[bytes]:
    given = b",".join(value for name, value in pairs if name == b"connection")
    return {token.strip(b" \t").lower() for token in given.split(b",")} - {b""}


def _framing(pairs: list[tuple[bytes, bytes]], *, is_old: bool) -> int | Literal["chunked"] | None:
    lengths = [value for name, value in pairs if name == b"content-length"]
    codings = [value for name, value in pairs if name == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and codings):
        raise _StopError("odd")
    if lengths:
        if re.fullmatch(rb"[0-9]{1,15}", lengths[0]) is None:
            raise _StopError("odd")
        return int(lengths[0])
    if codings:
        items = [item.strip(b" \t").lower() for item in b",".join(codings).split(b",")]
        if items[-1] != b"chunked" or items.count(b"chunked") > 1 or is_old:
            raise _StopError("odd")
        return "chunked"
    return None


def _body(
    data: bytes, at: int, framing: int | Literal["chunked"] | None
) -> tuple[bytes, int, bool]:
    """The body, where it ends, and whether there is nothing unusual about it."""
    if framing != "chunked":
        end = at + (framing or 0)
        if end > len(data):
            raise _StopError("unfinished")
        return data[at:end], end, True
    body, is_simple = b"", True
    while True:
        size = _SIZE.match(data, at)
        if size is None:
            raise _StopError("unfinished" if data.find(b"\r\n", at) < 0 else "odd")
        at, length = size.end(), int(size[1], 16)
        is_simple = is_simple and size[2] is None
        if not length:
            return _behind_trailers(data, at, body, is_simple=is_simple)
        if at + length + 2 > len(data):
            raise _StopError("unfinished")
        if data[at + length : at + length + 2] != b"\r\n":
            raise _StopError("odd")
        body += data[at : at + length]
        at += length + 2


def _behind_trailers(
    data: bytes, at: int, body: bytes, *, is_simple: bool
) -> tuple[bytes, int, bool]:
    if data[at : at + 2] == b"\r\n":
        return body, at + 2, is_simple
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        raise _StopError("unfinished")
    if any(_FIELD.fullmatch(line) is None for line in data[at:end].split(b"\r\n")):
        raise _StopError("odd")
    return body, end + 4, False
