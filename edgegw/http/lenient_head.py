"""Request heads that a strict parser refuses, read as a careless peer may read them.

What a strict parser takes never comes here. The bytes are not repaired: names and values are as
they stand, so that they can be judged.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from edgegw.http.grammar import BLANKS, BREAKING

Oddity = Literal["bare-lf", "folded", "no-colon", "no-uri"]
RequestFraming = int | Literal["chunked"]


class LenientHead(NamedTuple):
    """A request line and header lines. `version` is empty for HTTP/0.9.

    `framing` is the length of the body, or `chunked`, or None where nobody could tell.
    """

    method: bytes
    uri: bytes
    version: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    oddities: tuple[Oddity, ...] = ()
    framing: RequestFraming | None = 0

    def fit_to_send(self) -> list[tuple[bytes, bytes]]:
        """The header lines that can be written down again: names without blanks and colons."""
        return [
            (name, value)
            for name, value in self.headers
            if _NAME.fullmatch(name) and not BREAKING.search(value)
        ]


_NAME: Final = re.compile(rb"[\x21-\x39\x3b-\x7e]+")
_LINE: Final = re.compile(rb"([^ \t]+)[ \t]+(.*?)[ \t]+([ \t]*HTTP/[^ \t]*[ \t]*)", re.DOTALL)
_MAX_LENGTH: Final = 2**64
_END: Final = re.compile(rb"\r?\n\r?\n")


_METHOD: Final = re.compile(rb"[!-~]+(\s|$)")


def is_hopeless(data: bytes) -> bool:
    """Whether `data` cannot become a request, however it goes on (TLS on a plain port)."""
    return not data.strip() or _METHOD.match(data) is None


_SIMPLE: Final = re.compile(rb"[A-Z]+ [^ \r\n]+\r?\n")


def simple_end(data: bytes) -> int | None:
    """Where a request of HTTP/0.9, which is a single line, ends; None if it is none."""
    match = _SIMPLE.match(data)
    return None if match is None or b" HTTP/" in match[0] else match.end()


def head_end(data: bytes) -> int | None:
    """Where the head in `data` ends, behind its empty line; None while it is not complete."""
    match = _END.search(data)
    return None if match is None else match.end()


def parse_leniently(head: bytes) -> LenientHead | None:
    """The head (its empty line included or not), or None where not even a method can be found."""
    lines = head.split(b"\n")
    oddities: list[Oddity] = []
    first = lines[0].removesuffix(b"\r")
    if any(line and not line.endswith(b"\r") for line in lines[:-1]):
        oddities.append("bare-lf")
    match = _LINE.fullmatch(first)
    if match is not None:
        method, uri, version = match[1], match[2], match[3].rstrip(BLANKS)
    else:
        method, _, uri = first.partition(b" ")
        version = b""
        if uri.lstrip(BLANKS).startswith(b"HTTP/"):
            uri, version = b"", uri.strip(BLANKS)
    if not method:
        return None
    if not uri:
        oddities.append("no-uri")
    headers = _headers(lines[1:], oddities)
    framing = _framing(version, headers)
    return LenientHead(method, uri, version, headers, tuple(dict.fromkeys(oddities)), framing)


def _headers(lines: list[bytes], oddities: list[Oddity]) -> tuple[tuple[bytes, bytes], ...]:
    headers: list[tuple[bytes, bytes]] = []
    for raw in lines:
        line = raw.removesuffix(b"\r")
        if not line:
            continue
        folded = line[:1] in (b" ", b"\t")
        if folded:
            oddities.append("folded")
        name, colon, value = line.partition(b":")
        if not colon and not folded:
            oddities.append("no-colon")
        headers.append((name, value.strip(BLANKS)))
    return tuple(headers)


def _framing(version: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> RequestFraming | None:
    """Transfer-Encoding comes before Content-Length (RFC 9112 section 6.3)."""
    given = [value for name, value in headers if name.lower() == b"transfer-encoding"]
    codings = b",".join(given)
    lengths = {value for name, value in headers if name.lower() == b"content-length"}
    if given and version > b"HTTP/1.0":
        items = [item.strip(BLANKS).lower() for item in codings.split(b",")]
        is_chunked = items[-1] == b"chunked" and items.count(b"chunked") == 1
        return "chunked" if is_chunked else None
    if given:  # HTTP/1.0 knows no transfer coding: nobody can tell
        return None
    if not lengths:
        return 0
    digits = {length or b"0" for length in lengths}
    if any(not length.isdigit() or len(length) > 20 for length in digits):
        return None
    numbers = {int(length) for length in digits}
    return numbers.pop() if len(numbers) == 1 and max(numbers) < _MAX_LENGTH else None
