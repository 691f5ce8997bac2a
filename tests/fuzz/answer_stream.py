"""All that a front door sent over one connection, read as answers by RFC 9112."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

_STATUS: Final = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)")


class NoAnswerError(Exception):
    """The bytes are no answer."""


@dataclass
class Answer:
    """An answer to one request. It is broken off where its body has no end."""

    status: int
    headers: dict[bytes, list[bytes]]
    body: bytes = b""
    is_complete: bool = True

    def first(self, name: bytes) -> bytes | None:
        """The first value of `name`, in lower case."""
        return self.headers.get(name, [None])[0]

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends behind it."""
        return any(b"close" in value.lower() for value in self.headers.get(b"connection", []))

    def is_page_of(self, rest: bytes) -> bool:
        """Whether `rest` is the body of a page that ends the connection.

        What cannot be read as a request is answered with a body, whatever method it begins with.
        """
        return self.closes and self.headers.get(b"content-length") == [b"%d" % len(rest)]


def read_answers(
    data: bytes, methods: Sequence[bytes], *, is_closed: bool
) -> tuple[list[Answer], bytes]:
    """The answers to requests of `methods`, in order, and the bytes behind the last one.

    Methods beyond the given ones are taken for GET. Raises NoAnswerError.
    """
    answers, at = list[Answer](), 0
    while at < len(data):
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            break
        answer = _head(data[at:end])
        at = end + 4
        if answer.status < 200 and answer.status != 101:
            continue
        method = methods[len(answers)] if len(answers) < len(methods) else b"GET"
        at = _read_body(answer, data, at, method, is_closed=is_closed)
        answers.append(answer)
        if not answer.is_complete:
            break
    return answers, data[at:]


def _head(head: bytes) -> Answer:
    first, *lines = head.split(b"\r\n")
    match = _STATUS.fullmatch(first)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if match is None or None in fields:
        raise NoAnswerError(f"the viewer got a head that is not well formed: {head!r}")
    answer = Answer(int(match[1]), {})
    for known in fields:
        assert known is not None
        answer.headers.setdefault(known[1].lower(), []).append(known[2])
    return answer


def _read_body(answer: Answer, data: bytes, at: int, method: bytes, *, is_closed: bool) -> int:
    framing = _framing(answer)
    if method == b"HEAD" or answer.status in (101, 204, 304):
        return at
    if framing == "chunked":
        return _read_chunks(answer, data, at)
    end = len(data) if framing == "close" else at + framing
    answer.body = data[at:end]
    answer.is_complete = is_closed if framing == "close" else end <= len(data)
    return min(end, len(data))


def _framing(answer: Answer) -> int | Literal["chunked", "close"]:
    lengths = answer.headers.get(b"content-length", [])
    codings = answer.headers.get(b"transfer-encoding", [])
    if len(lengths) + len(codings) > 1:
        raise NoAnswerError(f"the viewer got two framings: {answer.headers}")
    if codings:
        if codings != [b"chunked"]:
            raise NoAnswerError(f"the viewer got an unknown coding: {answer.headers}")
        return "chunked"
    if not lengths:
        return "close"
    if not lengths[0].isdigit():
        raise NoAnswerError(f"the viewer got a length that is none: {answer.headers}")
    return int(lengths[0])


def _read_chunks(answer: Answer, data: bytes, at: int) -> int:
    while True:
        line = re.compile(rb"([0-9a-fA-F]{1,8})\r\n").match(data, at)
        if line is None:
            if b"\r\n" in data[at : at + 20]:
                raise NoAnswerError(f"the viewer got a chunk size that is none: {data[at:][:40]!r}")
            break
        size, at = int(line[1], 16), line.end()
        if len(data) < at + size + 2:
            answer.body += data[at : at + size]
            break
        if data[at + size : at + size + 2] != b"\r\n":
            raise NoAnswerError("the viewer got a chunk of another length than it says")
        answer.body += data[at : at + size]
        at += size + 2
        if not size:
            return at
    answer.is_complete = False
    return len(data)
