"""Header blocks of HTTP/2 ↔ what `http.message` calls a head.

What may stand in one (RFC 9113, sections 8.2 and 8.3) is checked here and nowhere else, in one
pass. Two kinds of malformed: a line that could break out of a head written as HTTP/1, or means
something else there (its sender is not to be trusted any longer: the connection ends), and a
request that is merely wrong (its stream ends).

A client sends the same lines with most of its requests, only the path differs: blocks without it
are remembered, and what others derive from the lines hangs on their `Headers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgegw.http.grammar import BLANKS, BREAKING, NOT_IN_TARGET, TEXT_TOKEN, TOKEN
from edgegw.http.grpc import is_grpc
from edgegw.http.message import EMPTY, Header, Headers, Request, Response
from edgegw.http.target import quoted

_CONNECTION_FIELDS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Headers that HTTP/2 does without (RFC 9113, section 8.2.2)."""

_ODD_VALUE: Final = re.compile(rb"[\0\r\n]|\A[ \t]|[ \t]\Z")
_ODD_VALUES: Final = re.compile(rb"[\0\r]|\A[ \t]|[ \t]\n|\n[ \t]|[ \t]\Z")
"""The same in values of which each stands on a line."""
_STATUS: Final = re.compile(rb"[1-9][0-9][0-9]")
_ASKING: Final = frozenset({b":method", b":scheme", b":authority", b":path", b":protocol"})
_OWN: Final = frozenset({b"host", b"content-length"})
_LONGEST_LENGTH: Final = 18
_NO_CONTENT: Final = 204
_MOST: Final = 512
_LARGEST: Final = 4096


class MalformedHeadError(Exception):
    """A header block says what none may say; `is_fatal` to its whole connection."""

    def __init__(self, text: str, *, is_fatal: bool = False) -> None:
        super().__init__(text)
        self.is_fatal = is_fatal


@dataclass(slots=True)
class RequestHead:
    """What the header block of a request says, but for its path; one object for all alike.

    `headers` begin with the Host. `length` is the promised number of body bytes. One that
    `may_wait` sends its body only once it has an answer: nobody must wait for its first byte.
    """

    method: str
    authority: bytes
    headers: Headers
    length: int | None
    may_wait: bool
    expects_continue: bool


class RequestHeads:
    """Reads the header blocks of requests, and remembers the latest of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[Header, ...], RequestHead] = {}

    def read(self, lines: list[Header]) -> tuple[RequestHead, bytes]:
        """The head, and what it asks for (CONNECT: which host). Raises MalformedHeadError."""
        for at in range(min(4, len(lines))):
            if lines[at][0] == b":path":
                path = lines[at][1]
                rest = (*lines[:at], *lines[at + 1 :])
                head = self._known.get(rest)
                if head is not None and _is_target(path):
                    return head, path
                break
        else:
            rest = ()
        head, path = _request(lines)
        if rest and _is_usual(rest):
            self._remember(rest, head)
        return head, path

    def _remember(self, rest: tuple[Header, ...], head: RequestHead) -> None:
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[rest] = head


def _is_usual(rest: tuple[Header, ...]) -> bool:
    """Whether method, scheme and authority stand at the top, where the path stood between them."""
    return {line[0] for line in rest[:3]} == {b":method", b":scheme", b":authority"} and sum(
        [len(name) + len(value) for name, value in rest]
    ) <= _LARGEST


def _split(
    lines: Iterable[Header], pseudo_names: frozenset[bytes]
) -> tuple[dict[bytes, bytes], list[Header]]:
    """Pseudo headers and the others. Raises MalformedHeadError."""
    pseudo: dict[bytes, bytes] = {}
    fields: list[Header] = []
    for name, value in lines:
        if _ODD_VALUE.search(value):
            raise MalformedHeadError(f"the value of {quoted(name)} is none", is_fatal=True)
        if name[:1] == b":":
            if fields or name in pseudo or name not in pseudo_names:
                raise MalformedHeadError(f"{quoted(name)} may not stand there", is_fatal=True)
            pseudo[name] = value
        elif not TOKEN.fullmatch(name) or name in _CONNECTION_FIELDS or name != name.lower():
            raise MalformedHeadError(f"{quoted(name)} is no header of HTTP/2", is_fatal=True)
        elif name == b"te" and value.lower() != b"trailers":
            raise MalformedHeadError("TE asks for more than trailers", is_fatal=True)
        else:
            fields.append((name, value))
    return pseudo, fields


def _is_target(path: bytes) -> bool:
    """Whether `:path` is one (RFC 9113, section 8.3.1), or a whole URL, as HTTP/1 allows."""
    begins = path[:1] == b"/" or path == b"*" or b"://" in path
    return begins and not NOT_IN_TARGET.search(path)


def _request(lines: list[Header]) -> tuple[RequestHead, bytes]:
    pseudo, fields = _split(lines, _ASKING)
    method = pseudo.get(b":method", b"")
    needed, optional = {b":method", b":scheme", b":path"}, {b":authority"}
    if method == b"CONNECT" and b":protocol" in pseudo:  # RFC 8441: offered by nobody here
        optional = {b":authority", b":protocol"}
    elif method == b"CONNECT":
        needed = {b":method"}
    if not needed <= pseudo.keys() <= needed | optional:
        raise MalformedHeadError("pseudo headers are missing, or too many", is_fatal=True)
    path = pseudo.get(b":path")
    if path == b"":
        raise MalformedHeadError("the path is empty", is_fatal=True)
    if path is None:
        path = pseudo.get(b":authority", b"")
    host, rest = _host(pseudo, fields)
    is_target = _is_target(path) if b":path" in pseudo else not NOT_IN_TARGET.search(path)
    if not TOKEN.fullmatch(method) or not is_target:
        raise MalformedHeadError("method or path is none")
    headers = Headers([(b"host", host), *_joined_cookies(rest)])
    return RequestHead(
        method=method.decode("ascii"),
        authority=host,
        headers=headers,
        length=content_length(headers),
        may_wait=_may_wait(headers),
        expects_continue=(headers.get(b"expect") or b"").lower() == b"100-continue",
    ), path


def _host(pseudo: dict[bytes, bytes], fields: list[Header]) -> tuple[bytes, list[Header]]:
    """The one host that the request names, and the lines without it."""
    hosts = {value for name, value in fields if name == b"host"}
    if b":authority" in pseudo:
        hosts.add(pseudo[b":authority"])
    rest = [line for line in fields if line[0] != b"host"]
    if len(hosts) != 1 or len(fields) - len(rest) > 1 or b"" in hosts:
        raise MalformedHeadError("the request names no host, or two", is_fatal=True)
    return hosts.pop(), rest


def _joined_cookies(fields: list[Header]) -> list[Header]:
    """The lines with the crumbs of a cookie put together (RFC 9113, section 8.2.3)."""
    crumbs = [value for name, value in fields if name == b"cookie"]
    if len(crumbs) < 2:
        return fields
    at = next(at for at, line in enumerate(fields) if line[0] == b"cookie")
    rest = [line for line in fields if line[0] != b"cookie"]
    return [*rest[:at], (b"cookie", b"; ".join(crumbs)), *rest[at:]]


def _may_wait(headers: Headers) -> bool:
    return is_grpc(headers) or b"expect" in headers


def content_length(headers: Headers) -> int | None:
    """The promised number of bytes. Raises MalformedHeadError where it is none, or two."""
    values = set(headers.get_all(b"content-length"))
    if not values:
        return None
    length = _number(values.pop())
    if values or length is None:
        raise MalformedHeadError("Content-Length is no number")
    return length


def _number(value: bytes) -> int | None:
    return int(value) if value.isdigit() and len(value) <= _LONGEST_LENGTH else None


def read_response(lines: list[Header]) -> tuple[int, Headers]:
    """Status (100 to 999) and headers of a response. Raises MalformedHeadError."""
    pseudo, fields = _split(lines, frozenset({b":status"}))
    status = pseudo.get(b":status", b"")
    if not _STATUS.fullmatch(status):
        raise MalformedHeadError(f"{quoted(status)} is no status")
    return int(status), Headers(fields)


def read_trailers(lines: list[Header]) -> tuple[Header, ...]:
    """The lines behind a body. Raises MalformedHeadError."""
    return tuple(_split(lines, frozenset())[1])


# What leaves

_sent_names: dict[bytes, bytes] = {}


def _sent_name(name: bytes) -> bytes:
    """`name` as it leaves; empty where it must not."""
    lower = name.lower()
    if not TOKEN.fullmatch(lower) or lower in _CONNECTION_FIELDS:
        lower = b""
    if len(_sent_names) >= _MOST:
        _sent_names.clear()
    _sent_names[name] = lower
    return lower


def sent_lines(headers: Headers) -> list[Header]:
    """`headers` in lower case, without those of a connection.

    CR, LF and NUL become blanks, and none stand around a value: either would be malformed.
    """
    known = _sent_names
    lines: list[Header] = []
    for name, value in headers.raw:
        lower = known.get(name)
        if lower is None:
            lower = _sent_name(name)
        if lower:
            lines.append((lower, value))
    values = b"\n".join([value for _, value in lines])
    if _ODD_VALUES.search(values) or (lines and values.count(b"\n") >= len(lines)):
        lines = [(name, BREAKING.sub(b" ", value).strip(BLANKS)) for name, value in lines]
    return lines


def sent_request(scheme: str, authority: bytes, request: Request) -> list[Header]:
    """The header block of `request`: its length is that of the body that is there.

    Raises MalformedHeadError where it can have none.
    """
    method, path, body = request.method, request.target.raw, request.body
    odd = NOT_IN_TARGET if request.lenient is None else _ODD_VALUE
    is_path = path[:1] == b"/" and not odd.search(path)
    if not TEXT_TOKEN.fullmatch(method) or not (is_path or path == b"*"):
        raise MalformedHeadError(f"cannot be sent {method[:40]!r} {quoted(path[:80])}")
    lines = sent_lines(request.headers)
    is_declared = any(name == b"content-length" for name, _ in lines)
    lines = [line for line in lines if line[0] not in _OWN and not _asks_too_much(line)]
    if body.length is not None and (is_declared or body is not EMPTY):
        lines.append((b"content-length", b"%d" % body.length))
    return [
        (b":method", method.encode("ascii")),
        (b":scheme", scheme.encode("ascii")),
        (b":authority", BREAKING.sub(b" ", authority).strip(BLANKS)),
        (b":path", path),
        *lines,
    ]


def _asks_too_much(line: Header) -> bool:
    """Whether it is a TE that HTTP/2 has no use for."""
    return line[0] == b"te" and line[1].lower() != b"trailers"


def sent_response(response: Response) -> tuple[list[Header], int | None]:
    """The header block of `response`, and the length that it promises.

    A length that is none is left out, as is any where there never is a body.
    """
    lines = sent_lines(response.headers)
    lengths = [value for name, value in lines if name == b"content-length"]
    length: int | None = None
    if lengths:
        if len(lengths) == 1 and response.status != _NO_CONTENT:
            length = _number(lengths[0])
        if length is None:
            lines = [line for line in lines if line[0] != b"content-length"]
    lines.insert(0, (b":status", b"%d" % response.status))
    return lines, length
