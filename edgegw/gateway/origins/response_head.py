"""The head of a response as an origin sent it over HTTP/1.1.

As strict as the grammar of RFC 9112: lines end with CRLF, names are tokens, values hold no control
bytes, nothing is folded. What another reader might take for something else is no answer at all,
so that nobody behind this gateway can be made to see two answers where it saw one.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from edgegw.http.grammar import BLANKS, TCHAR
from edgegw.http.message import Header, Headers
from edgegw.http.target import quoted

ResponseFraming: TypeAlias = int | Literal["chunked", "close"]
"""Bytes of the body, or chunks, or whatever comes until the connection closes."""


class InvalidAnswerError(Exception):
    """What came is no answer."""


class ResponseHead:
    """Status, reason and headers, and what they say about the body and the connection."""

    __slots__ = ("framing", "headers", "keeps_alive", "reason", "status")

    def __init__(
        self,
        status: int,
        reason: bytes,
        headers: Headers,
        framing: ResponseFraming,
        *,
        keeps_alive: bool,
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.framing: ResponseFraming = framing
        self.keeps_alive = keeps_alive


_TEXT: Final = r"[^\x00-\x08\x0a-\x1f\x7f]*"
_STATUS: Final = re.compile(rf"HTTP/1\.([01]) ([1-9][0-9]{{2}})(?: ({_TEXT}))?\r\n".encode())
_LINE: Final = re.compile(rf"(?<=\n)([{TCHAR}]+):[ \t]*({_TEXT})\r\n".encode())
_DIGITS: Final = re.compile(rb"[0-9]{1,18}")
_READ: Final = frozenset({10, 14, 17})
"""Lengths of the names that are looked at: connection, content-length, transfer-encoding."""


def parse_head(data: bytes) -> ResponseHead:
    """The head in `data`, its empty line included. Raises InvalidAnswerError."""
    status_line = _STATUS.match(data)
    if status_line is None:
        raise InvalidAnswerError(f"the status line {quoted(data[:60])}")
    version, status, reason = status_line.groups()
    lines = parse_lines(data, status_line.end(), len(data) - 2)
    framing, keeps_alive = _meaning(lines, is_old=version == b"0")
    headers = Headers(lines)
    return ResponseHead(int(status), reason or b"", headers, framing, keeps_alive=keeps_alive)


def parse_lines(data: bytes, start: int, end: int) -> list[Header]:
    """The header lines between `start` and `end`; both stand behind a line end."""
    lines: list[Header] = _LINE.findall(data, start, end)
    if len(lines) != data.count(b"\n", start, end):
        raise InvalidAnswerError(f"a line in the headers {quoted(data[start : start + 200])}")
    if data.find(b" \r\n", start) >= 0 or data.find(b"\t\r\n", start) >= 0:
        lines = [(name, value.rstrip(BLANKS)) for name, value in lines]
    return lines


def _meaning(lines: list[Header], *, is_old: bool) -> tuple[ResponseFraming, bool]:
    """The framing, and whether the connection lives on behind the body."""
    length: int | None = None
    is_chunked, closes = False, is_old
    for name, value in lines:
        if len(name) not in _READ:
            continue
        lower = name.lower()
        if lower == b"content-length":
            if length is not None or _DIGITS.fullmatch(value) is None:
                raise InvalidAnswerError(f"the Content-Length {quoted(value[:40])}")
            length = int(value)
        elif lower == b"transfer-encoding":
            if is_chunked or value.lower() != b"chunked":
                # Whoever gets the body decoded from chunks alone could not read it (CloudFront
                # Developer Guide, "Transfer-Encoding": only chunked is supported).
                raise InvalidAnswerError(f"the Transfer-Encoding {quoted(value[:40])}")
            is_chunked = True
        elif lower == b"connection":
            closes = _closes(value, closes=closes)
    if is_chunked:
        if length is not None:
            raise InvalidAnswerError("Content-Length beside Transfer-Encoding")
        return "chunked", not closes and not is_old
    return "close" if length is None else length, not closes


def _closes(value: bytes, *, closes: bool) -> bool:
    tokens = {token.strip() for token in value.lower().split(b",")}
    if b"close" in tokens:
        return True
    return closes and b"keep-alive" not in tokens
