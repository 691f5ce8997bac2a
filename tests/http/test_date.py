"""Dates of HTTP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.http.date import http_date, parse_http_date


@pytest.mark.parametrize(
    "text",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"Sun, 06 Nov 1994 09:49:37 +0100",
    ],
)
def test_every_form_of_a_date_is_read(text: bytes) -> None:
    assert parse_http_date(text) == 784111777


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"0",
        b"-1",
        b"never",
        b"Sun, 06 Nov 1994 28:49:37 GMT",
        b"Sun, 06 Foo 1994 08:49:37 GMT",
        b"Sun, 99 Nov",
        b"\xff",
    ],
)
def test_what_is_no_date_is_none(text: bytes) -> None:
    assert parse_http_date(text) is None


@given(st.integers(0, 253402300799))
def test_a_date_is_read_as_it_was_written(seconds: int) -> None:
    assert parse_http_date(http_date(seconds)) == seconds


@given(st.binary(max_size=40))
def test_nothing_breaks_the_reader(text: bytes) -> None:
    parse_http_date(text)
