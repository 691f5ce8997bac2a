"""What the bytes of an origin say in answer to one request, by RFC 9112 and none of our code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Meaning = Literal["whole", "broken", "none", "unsure"]
"""A complete answer; one whose body has no end; no head at all; or nobody can say."""

_STATUS: Final = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")


@dataclass
class SentAnswer:
    """What an origin has said; `end` is where its answer ends in the bytes, if it does.

    `number` is what it says in X-Number.
    """

    meaning: Meaning
    status: int = 0
    body: bytes = b""
    end: int = 0
    number: bytes | None = None


def read_answer(data: bytes, *, is_head: bool, is_closed: bool) -> SentAnswer:
    """The first final answer in `data`, behind which the origin properly closes or does not."""
    at = 0
    while True:
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            return SentAnswer("none")
        first, *lines = data[at:end].split(b"\r\n")
        match = _STATUS.fullmatch(first)
        fields = [_FIELD.fullmatch(line) for line in lines]
        if match is None or None in fields:
            return SentAnswer("unsure")
        status, at = int(match[1]), end + 4
        if status == 101:
            return SentAnswer("unsure")
        if status >= 200:
            pairs = [(known[1].lower(), known[2].strip(b" \t")) for known in fields if known]
            sent = _read_body(data, at, status, pairs, is_head=is_head, is_closed=is_closed)
            sent.number = dict(reversed(pairs)).get(b"x-number")
            return sent


def _read_body(
    data: bytes,
    at: int,
    status: int,
    pairs: list[tuple[bytes, bytes]],
    *,
    is_head: bool,
    is_closed: bool,
) -> SentAnswer:
    framing = [line for line in pairs if line[0] in (b"content-length", b"transfer-encoding")]
    if len(framing) > 1 or status > 599:
        return SentAnswer("unsure")
    if framing and not _is_sound(*framing[0]):
        return SentAnswer("unsure")
    if is_head or status in (204, 304):
        return SentAnswer("whole", status, b"", at)
    if not framing:
        meaning: Meaning = "whole" if is_closed else "broken"
        return SentAnswer(meaning, status, data[at:], len(data))
    if framing[0][0] == b"transfer-encoding":
        return _read_chunks(data, at, status)
    length = int(framing[0][1])
    body = data[at : at + length]
    if len(body) < length:
        return SentAnswer("broken", status, body)
    return SentAnswer("whole", status, body, at + length)


def _is_sound(name: bytes, value: bytes) -> bool:
    if name == b"content-length":
        return re.fullmatch(rb"[0-9]{1,18}", value) is not None
    return value.lower() == b"chunked"


def _read_chunks(data: bytes, at: int, status: int) -> SentAnswer:
    body = b""
    while (line := _SIZE.match(data, at)) is not None:
        size, at = int(line[1], 16), line.end()
        if not size:
            return _read_trailers(data, at, status, body)
        chunk = data[at : at + size]
        body += chunk
        if len(chunk) < size or data[at + size : at + size + 2] != b"\r\n":
            return SentAnswer("broken", status, body)
        at += size + 2
    sized = data[at:].partition(b"\r\n")[0]
    is_odd = re.fullmatch(rb"[0-9A-Fa-f]{1,15}[ \t]*(;.*)?", sized, re.DOTALL) is not None
    return SentAnswer("unsure" if is_odd else "broken", status, body)


def _read_trailers(data: bytes, at: int, status: int, body: bytes) -> SentAnswer:
    if data[at : at + 2] == b"\r\n":
        return SentAnswer("whole", status, body, at + 2)
    end = data.find(b"\r\n\r\n", at)
    lines = data[at:end].split(b"\r\n") if end >= 0 else []
    if lines and all(_FIELD.fullmatch(line) for line in lines):
        return SentAnswer("whole", status, body, end + 4)
    return SentAnswer("broken" if end < 0 else "unsure", status, body)
