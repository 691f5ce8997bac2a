"""Parts of a stored answer: what a Range header asks for, and the 206 or 416 that follows.

CloudFront is strict where HTTP is not: ranges stand in ascending order and do not overlap, and
each is well formed; else the whole answer goes out with 200, never a 416. A range that begins
behind the end is well formed but cannot be satisfied: it is left out, and where it was the only
one the answer is 416.

    bytes=0-99           one part
    bytes=0-0,-1         two parts: multipart/byteranges
    bytes=9-0, bytes=5-6,0-1, items=0-1        all of it, 200
    bytes=1000-          416 of 1000 bytes

An answer that came chunked is never cut: it goes out whole. `If-Range` compares strongly.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from edgegw.http.date import parse_http_date
from edgegw.http.message import Header, Headers
from edgegw.values import value


@value
class Span:
    """Bytes of a body from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def of(self, total: int | None) -> bytes:
        """The value of Content-Range."""
        return b"bytes %d-%d/%b" % (self.first, self.last, b"*" if total is None else b"%d" % total)


AskedSpans: TypeAlias = tuple[Span, ...] | Literal["everything", "nothing"]
"""What a Range asks of a body: parts of it, all of it (200), or none that is there (416)."""

_SPEC: Final = re.compile(rb"[ \t]*(\d*)-(\d*)[ \t]*")
_UNIT: Final = re.compile(rb"[ \t]*bytes[ \t]*=(.*)", re.IGNORECASE | re.DOTALL)
_MOST_DIGITS: Final = 18


_NOT_PLAIN: Final = frozenset({b"range", b"if-none-match", b"if-modified-since"})


def asks_plainly(headers: Headers) -> bool:
    """Whether a request has neither a range nor a condition; remembered, as most have none."""
    return headers.derived(_is_plain, _is_plain)


def _is_plain(headers: Headers) -> bool:
    return not any(name.lower() in _NOT_PLAIN for name, _ in headers.raw)


def single_range(asked: bytes) -> bytes | None:
    """The one range that a Range header asks for, as it is kept: `0-99`, `5-`, `-500`.

    None for several, and for what CloudFront does not take for a range.
    """
    specs = _specs(asked)
    if specs is None or len(specs) != 1:
        return None
    first, last = specs[0]
    return b"%b-%b" % (first.lstrip(b"0") or first[:1], last.lstrip(b"0") or last[:1])


def requested_spans(asked: bytes, length: int) -> AskedSpans:
    """What a Range header asks of a body of `length` bytes.

    Source: CloudFront Developer Guide, "How CloudFront processes partial requests for an object
    (range GETs)".
    """
    specs = _specs(asked)
    if specs is None:
        return "everything"
    spans: list[Span] = []
    for first, last in specs:
        if first:
            span = Span(int(first), min(int(last), length - 1) if last else length - 1)
        else:
            span = Span(max(0, length - int(last)), length - 1)
            if not int(last):
                continue
        if span.first >= length:
            continue
        if spans and span.first <= spans[-1].last:
            return "everything"
        spans.append(span)
    return tuple(spans) or "nothing"


def _specs(asked: bytes) -> list[tuple[bytes, bytes]] | None:
    """First and last position of each range, as digits; None where any part is not well formed.

    Those that name both ends must ascend here already; where they end is not known yet.
    """
    unit = _UNIT.fullmatch(asked)
    if unit is None:
        return None
    specs: list[tuple[bytes, bytes]] = []
    before = -1
    for part in unit[1].split(b","):
        spec = _SPEC.fullmatch(part)
        if spec is None or max(len(spec[1]), len(spec[2])) > _MOST_DIGITS:
            return None
        first, last = spec[1], spec[2]
        if not (first or last) or (first and last and int(first) > int(last)):
            return None
        if first:
            if int(first) <= before:
                return None
            before = int(last) if last else int(first)
        specs.append((first, last))
    return specs


_CONTENT_RANGE: Final = re.compile(rb"[ \t]*bytes[ \t]+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)[ \t]*")


def content_range(headers: Headers) -> tuple[Span, int | None] | None:
    """Which bytes a 206 has, and of how many; None where it does not say so well."""
    line = headers.get(b"content-range")
    match = _CONTENT_RANGE.fullmatch(line) if line is not None else None
    if match is None:
        return None
    span = Span(int(match[1]), int(match[2]))
    total = None if match[3] == b"*" else int(match[3])
    if span.first > span.last or (total is not None and span.last >= total):
        return None
    return span, total


def holds_if_range(condition: bytes | None, etag: bytes | None, modified: bytes | None) -> bool:
    """Whether a part may be sent: there is no If-Range, or it names just this version.

    Tags compare strongly, so a weak one never fits; a date must be the very one.
    As RFC 9110 section 13.1.5 has it; how CloudFront compares is uncertain.
    """
    if condition is None:
        return True
    condition = condition.strip()
    if condition[:1] == b'"' or condition[:2] == b"W/":
        return condition[:1] == b'"' and condition == etag
    moment = parse_http_date(condition)
    return moment is not None and modified is not None and moment == parse_http_date(modified)


@value
class MultipartPieces:
    """A body of several parts: what is written between them, and the parts themselves."""

    content_type: bytes
    pieces: tuple[bytes | Span, ...]

    @property
    def length(self) -> int:
        return sum(piece.length if isinstance(piece, Span) else len(piece) for piece in self.pieces)


def multipart(
    spans: tuple[Span, ...], total: int, content_type: bytes | None, boundary: bytes
) -> MultipartPieces:
    """`spans` of a body of `total` bytes as multipart/byteranges (RFC 9110 section 14.6)."""
    pieces: list[bytes | Span] = []
    typed = b"Content-Type: %b\r\n" % content_type if content_type is not None else b""
    for at, span in enumerate(spans):
        start = b"--" if at == 0 else b"\r\n--"
        pieces.append(
            b"%b%b\r\n%bContent-Range: %b\r\n\r\n" % (start, boundary, typed, span.of(total))
        )
        pieces.append(span)
    pieces.append(b"\r\n--%b--\r\n" % boundary)
    return MultipartPieces(b"multipart/byteranges; boundary=" + boundary, tuple(pieces))


def part_headers(headers: Headers, *lines: Header) -> Headers:
    """The headers of a whole answer with the `lines` of a part in the place of its own."""
    names = (b"content-length", b"content-range", *[name.lower() for name, _ in lines])
    return headers.without(*names).added(*lines)
