"""Ranges: what is asked for, what goes out, and what is never a 416."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.cache.ranges import (
    Span,
    content_range,
    holds_if_range,
    multipart,
    requested_spans,
    single_range,
)
from tests.cloudfront.cache.messages import DATE, lines


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-3", ((0, 3),)),
        ("bytes=0-0", ((0, 0),)),
        ("bytes=4-", ((4, 9),)),
        ("bytes=-3", ((7, 9),)),
        ("bytes=-30", ((0, 9),)),
        ("bytes=5-99", ((5, 9),)),
        ("bytes=9-9", ((9, 9),)),
        ("BYTES=0-1", ((0, 1),)),
        ("bytes=0-1, 4-5", ((0, 1), (4, 5))),
        ("bytes=0-1,2-3", ((0, 1), (2, 3))),
        ("bytes=0-0,-1", ((0, 0), (9, 9))),
        ("bytes=0-1,20-30", ((0, 1),)),
        # not ascending, overlapping, any part not well formed: all of it
        ("bytes=4-5,0-1", "everything"),
        ("bytes=0-4,4-5", "everything"),
        ("bytes=0-,5-6", "everything"),
        ("bytes=0-5,-5", "everything"),
        ("bytes=5-2", "everything"),
        ("bytes=0-1,5-2", "everything"),
        ("bytes=0-1,x", "everything"),
        ("bytes=0-1,", "everything"),
        ("bytes=", "everything"),
        ("bytes=-", "everything"),
        ("bytes=a-b", "everything"),
        ("bytes=+1-2", "everything"),
        ("items=0-1", "everything"),
        ("0-1", "everything"),
        ("bytes=" + "9" * 30 + "-", "everything"),
        # well formed and not there
        ("bytes=10-", "nothing"),
        ("bytes=10-20", "nothing"),
        ("bytes=-0", "nothing"),
        ("bytes=10-11,20-30", "nothing"),
    ],
)
def test_what_is_asked_of_ten_bytes(header: str, spans: object) -> None:
    asked = requested_spans(header.encode(), 10)
    assert (asked if isinstance(asked, str) else tuple((s.first, s.last) for s in asked)) == spans


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=0-0"])
def test_an_empty_body_has_no_part(header: str) -> None:
    assert requested_spans(header.encode(), 0) == "nothing"


@given(st.text(alphabet="bytes=0123456789-, x", max_size=20), st.integers(0, 40))
def test_spans_lie_within_the_body_in_order(header: str, length: int) -> None:
    asked = requested_spans(b"bytes=" + header.encode(), length)
    single_range(header.encode())
    if isinstance(asked, str):
        return
    ends = [end for span in asked for end in (span.first, span.last + 1)]
    assert ends == sorted(ends)
    assert ends[0] >= 0
    assert ends[-1] <= length
    assert all(span.length > 0 for span in asked)


@given(st.lists(st.integers(0, 99), min_size=2, max_size=8, unique=True).map(sorted))
def test_parts_that_ascend_are_all_given(ends: list[int]) -> None:
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    header = "bytes=" + ",".join(f"{first}-{last - 1}" for first, last in pairs)
    asked = requested_spans(header.encode(), 100)
    assert asked == tuple(Span(first, last - 1) for first, last in pairs)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bytes 0-9/20", (Span(0, 9), 20)),
        ("bytes 0-9/*", (Span(0, 9), None)),
        ("bytes 9-0/20", None),
        ("bytes 0-20/20", None),
        ("bytes */20", None),
        ("items 0-9/20", None),
    ],
)
def test_content_range_is_read(line: str, expected: object) -> None:
    assert content_range(lines(content_range=line)) == expected


def test_without_content_range_there_is_none() -> None:
    assert content_range(lines()) is None


@pytest.mark.parametrize(
    ("condition", "etag", "modified", "holds"),
    [
        (None, '"a"', None, True),
        ('"a"', '"a"', None, True),
        ('"b"', '"a"', None, False),
        ('W/"a"', 'W/"a"', None, False),
        ('"a"', 'W/"a"', None, False),
        ('"a"', None, None, False),
        (DATE, '"a"', DATE, True),
        ("Sun, 09 Sep 2001 01:46:41 GMT", '"a"', DATE, False),
        ("Sun, 09 Sep 2001 01:46:39 GMT", '"a"', DATE, False),
        (DATE, '"a"', None, False),
        ("yesterday", '"a"', DATE, False),
    ],
)
def test_if_range_compares_strongly(
    condition: str | None, etag: str | None, modified: str | None, holds: bool
) -> None:
    raw = [text.encode() if text is not None else None for text in (condition, etag, modified)]
    assert holds_if_range(*raw) is holds


def test_several_parts_are_one_body() -> None:
    body = b"0123456789"
    shown = multipart((Span(0, 1), Span(8, 9)), 10, b"text/plain", b"B")
    sent = b"".join(
        piece if isinstance(piece, bytes) else body[piece.first : piece.last + 1]
        for piece in shown.pieces
    )
    assert shown.content_type == b"multipart/byteranges; boundary=B"
    assert sent == (
        b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
        b"\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
        b"\r\n--B--\r\n"
    )
    assert shown.length == len(sent)
