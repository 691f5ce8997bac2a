"""Heads as HTTP/2 and HTTP/3 write them: a list of lower-case lines, pseudo headers first.

What is read here may be written down as HTTP/1.1 behind the front door: nothing passes that would
mean something else there (RFC 9113 sections 8.1.1 to 8.3.1, RFC 9114 sections 4.1.2 to 4.3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgegw.http.message import HOP_BY_HOP, Header, Headers, Response, named_by_connection

MAX_HEAD: Final = 256 * 1024
"""Bytes of all lines, each counted with 32 more, as RFC 9114 section 4.2.2 counts them."""

_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_METHOD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET: Final = re.compile(rb"[^\x00-\x20\x7f]+")
_AUTHORITY: Final = re.compile(rb"[^\x00-\x20\x7f-\xff/?#@\\]+")
_SCHEME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*")
_BAD_VALUE: Final = re.compile(rb"[\0\r\n]|^[ \t]|[ \t]$")
_BREAKING: Final = re.compile(rb"[\0\r\n]")
_PSEUDO: Final = {
    b":method": _METHOD,
    b":scheme": _SCHEME,
    b":authority": _AUTHORITY,
    b":path": _TARGET,
}
_FORBIDDEN: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)


class MalformedHeadError(Exception):
    """A head that is none; in words."""


class HugeHeadError(Exception):
    """A head of more than `MAX_HEAD`; in words."""


@dataclass(slots=True)
class RequestHead:
    """The head of a request. `length` is how many bytes of body it promises, None where none.

    `target` is what stood in `:path`; of CONNECT, which has none, the authority. The authority is
    a line `host` in front of the others.
    """

    method: str
    target: bytes
    headers: Headers
    length: int | None = None
    expects_continue: bool = False
    speaks_grpc: bool = False


def read_head(lines: Iterable[Header]) -> RequestHead:
    """The head in these lines. Raises MalformedHeadError, HugeHeadError."""
    pseudo, fields = _split(lines)
    method, path = pseudo.get(b":method"), pseudo.get(b":path")
    authority = pseudo.get(b":authority")
    if method is None:
        raise MalformedHeadError("no :method")
    is_connect = method == b"CONNECT"
    if is_connect and (authority is None or path is not None or b":scheme" in pseudo):
        raise MalformedHeadError("CONNECT takes an :authority alone")
    if not is_connect and (path is None or b":scheme" not in pseudo):
        raise MalformedHeadError("no :scheme or :path")
    hosts = [value for name, value in fields if name == b"host"]
    if authority is not None:
        if hosts and hosts != [authority]:
            raise MalformedHeadError("host is not :authority")
        fields = [(b"host", authority), *(line for line in fields if line[0] != b"host")]
    elif len(hosts) != 1 or not _AUTHORITY.fullmatch(hosts[0]):
        raise MalformedHeadError("no :authority")
    head = RequestHead(method.decode(), path or authority or b"", Headers(fields))
    _note_framing(head)
    return head


def _split(lines: Iterable[Header]) -> tuple[dict[bytes, bytes], list[Header]]:
    """Pseudo headers and the others, all of them well-formed."""
    pseudo: dict[bytes, bytes] = {}
    fields: list[Header] = []
    size = 0
    for name, value in lines:
        size += len(name) + len(value) + 32
        form = _PSEUDO.get(name)
        if form is None:
            fields.append(_field(name, value))
        elif fields or name in pseudo or not form.fullmatch(value):
            raise MalformedHeadError(f"{name.decode()} is misplaced or malformed")
        else:
            pseudo[name] = value
    if size > MAX_HEAD:
        raise HugeHeadError(f"a head of {size} bytes")
    return pseudo, fields


def _field(name: bytes, value: bytes) -> Header:
    if not _NAME.fullmatch(name) or _BAD_VALUE.search(value):
        raise MalformedHeadError(f"the header {name!r} is malformed")
    if name in _FORBIDDEN or (name == b"te" and value.lower() != b"trailers"):
        raise MalformedHeadError(f"{name.decode()} belongs to HTTP/1")
    return name, value


def _note_framing(head: RequestHead) -> None:
    for name, value in head.headers.raw:
        if name == b"content-length":
            if not value.isdigit() or head.length not in (None, int(value)):
                raise MalformedHeadError("content-length is no length")
            head.length = int(value)
        elif name == b"expect":
            head.expects_continue = value.lower() == b"100-continue"
        elif name == b"content-type":
            head.speaks_grpc = value.startswith(b"application/grpc")


def read_trailers(lines: Iterable[Header]) -> tuple[Header, ...]:
    """The lines behind a body. Raises MalformedHeadError, HugeHeadError."""
    pseudo, fields = _split(lines)
    if pseudo:
        raise MalformedHeadError("a pseudo header behind the body")
    return tuple(fields)


def written_head(response: Response) -> tuple[list[Header], int | None]:
    """The lines of a response, and the length that they promise."""
    headers = response.headers
    lines = [(b":status", b"%d" % response.status)]
    dropped = HOP_BY_HOP | named_by_connection(headers) if b"connection" in headers else HOP_BY_HOP
    length: int | None = None
    for name, value in written_lines(headers):
        if name == b"content-length":
            if length is not None or not value.isdigit():
                continue
            length = int(value)
        if name not in dropped:
            lines.append((name, value))
    return lines, length


def written_lines(headers: Headers) -> Iterable[Header]:
    """Lines in lower case; CR, LF and NUL become blanks, a name that is none is left out."""
    for name, value in headers.raw:
        lower = name.lower()
        if _NAME.fullmatch(lower):
            yield lower, _BREAKING.sub(b" ", value).strip(b" \t")
