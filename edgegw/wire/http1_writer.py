"""Responses → bytes of HTTP/1: the only place that frames one.

How a body ends is told once, by what is there: its length where that is known, else chunks, else
the end of the connection (HTTP/1.0). Whatever wrote a head, CR, LF and NUL never leave in it:
within a value they become blanks (RFC 9110, section 5.5), a name with them is left out.

Of headers that were added to others (`Headers.base`), such as those of a stored answer with its
Age, the others are written down once: what is left are the lines behind them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgegw.http.grammar import BREAKING
from edgegw.http.message import Headers, Response, has_body

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_LENGTHS: Final = frozenset(map(len, (b"connection", b"content-length", b"transfer-encoding")))


@dataclass(slots=True)
class WrittenHead:
    """A head on the wire, and what it promises.

    `length` is how many bytes of body follow: 0 where none may, None where it is not told.
    """

    data: bytes
    length: int | None
    is_chunked: bool
    keep_alive: bool


def head(response: Response, *, method: str, version: str, keep_alive: bool) -> WrittenHead:
    """The head with the framing and the Connection header that fit its client."""
    status = response.status
    known = _known(response) if keep_alive and has_body(method, status) else None
    if known is not None:
        return WrittenHead(known[0], known[1], is_chunked=False, keep_alive=True)
    lines, length, connection_at, closes = _lines(response.headers)
    lines[0] = b"HTTP/1.1 %d %b" % (status, response.reason)
    keep_alive = keep_alive and not closes
    is_chunked = False
    if not has_body(method, status):
        length = 0
    elif length is None:
        is_chunked = version > "1.0"
        keep_alive = keep_alive and is_chunked
        if is_chunked and connection_at:
            lines.insert(connection_at, b"Transfer-Encoding: chunked")
            connection_at += 1
        elif is_chunked:
            lines.append(b"Transfer-Encoding: chunked")
    connection = b"Connection: keep-alive" if keep_alive else b"Connection: close"
    if connection_at:
        lines[connection_at] = connection
    else:
        lines.append(connection)
    return WrittenHead(_joined(lines), length, is_chunked, keep_alive)


@dataclass(slots=True)
class KnownLines:
    """What is written of headers with a Content-Length: `last` begins with the Connection."""

    first: bytes
    last: bytes
    length: int


def _known_lines(headers: Headers) -> KnownLines | None:
    """None where the head has to be written anew each time."""
    lines, length, connection_at, closes = _lines(headers)
    if length is None or not connection_at or closes:
        return None
    first, last = lines[1:connection_at], lines[connection_at + 1 :]
    if any(map(BREAKING.search, (*first, *last))):
        return None
    last.insert(0, b"Connection: keep-alive")
    return KnownLines(_each_behind(first), _each_behind(last), length)


def _each_behind(lines: Iterable[bytes]) -> bytes:
    return b"".join([b"\r\n" + line for line in lines])


def _known(response: Response) -> tuple[bytes, int] | None:
    """The head and the length of the body where most of it is known.

    None where nothing is, or where the lines behind matter for framing.
    """
    headers = response.headers
    if headers.base is None:
        return None
    known = headers.base.derived(_known_lines, _known_lines)
    if known is None:
        return None
    lines = [b"%d %b" % (response.status, response.reason)]
    for line in headers.raw[-headers.more :]:
        if len(line[0]) in _LENGTHS:
            return None
        lines.append(b": ".join(line))
    added = b"\r\n".join(lines)
    if len(added) - len(added.translate(None, b"\r\n\0")) != 2 * headers.more:
        return None
    start = lines[0]
    rest = added[len(start) :]
    return b"HTTP/1.1 %b%b%b%b\r\n\r\n" % (start, known.first, known.last, rest), known.length


def _lines(headers: Headers) -> tuple[list[bytes], int | None, int, bool]:
    """What is written of headers, behind a place for the status line.

    Beside it the length that they tell, the place of Connection (0 for none), and whether that
    asks for the end.
    """
    lines, length, connection_at, closes = [b""], None, 0, False
    for line in headers.raw:
        if len(line[0]) not in _LENGTHS:  # all names but a few are told apart by their length
            lines.append(b": ".join(line))
            continue
        name, value = line
        lower = name.lower()
        if lower == b"connection":
            closes = closes or b"close" in value.lower()
            if not connection_at:
                connection_at = len(lines)
                lines.append(b"")
        elif lower == b"content-length":
            if length is None and value.isdigit():
                length = int(value)
                lines.append(b"%b: %b" % line)
        elif lower != b"transfer-encoding":
            lines.append(b"%b: %b" % line)
    return lines, length, connection_at, closes


def whole(
    response: Response, *, method: str, version: str = "1.1", keep_alive: bool
) -> tuple[bytes, bool]:
    """A response with its content at hand on the wire, and whether the connection stays open."""
    written = head(response, method=method, version=version, keep_alive=keep_alive)
    content = response.body.content or b""
    if written.is_chunked:
        return b"%b%b%b" % (written.data, chunk(content), LAST_CHUNK), written.keep_alive
    length = written.length
    if length is None:
        return written.data + content, written.keep_alive
    is_cut = len(content) < length
    return written.data + content[:length], written.keep_alive and not is_cut


def switching(response: Response, protocol: bytes) -> bytes:
    """The head of a 101: from here on both sides speak `protocol`."""
    lines = [b"HTTP/1.1 %d %b" % (response.status, response.reason)]
    lines += [b"%b: %b" % line for line in response.headers.raw]
    return _joined([*lines, b"Connection: Upgrade", b"Upgrade: " + protocol])


def page(response: Response) -> bytes:
    """A complete response as it stands, for a connection that ends behind it."""
    lines = [b"HTTP/1.1 %d %b" % (response.status, response.reason)]
    lines += [b"%b: %b" % line for line in response.headers.raw]
    return _joined(lines) + (response.body.content or b"")


def chunk(data: bytes) -> bytes:
    """A part of a chunked body; nothing for no data, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def _joined(lines: list[bytes]) -> bytes:
    data = b"\r\n".join(lines)
    if len(data) - len(data.translate(None, b"\r\n\0")) != 2 * (len(lines) - 1):
        data = b"\r\n".join(_mended(lines))
    return data + b"\r\n\r\n"


def _mended(lines: list[bytes]) -> Iterable[bytes]:
    """`lines` without what would break out of them."""
    for line in lines:
        name = line.partition(b":")[0]
        if line is lines[0] or not BREAKING.search(name):
            yield BREAKING.sub(b" ", line)
