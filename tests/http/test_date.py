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
        b"SUN, 06 nov 1994 08:49:37 gmt",
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
        b"Wed, 31 Feb 1994 08:49:37 GMT",
        b"Sat, 01 Jan 0000 08:49:37 GMT",
        b"Sun, 06 Nov 1994 09:49:37 +0100",
        b"Sun, 06 Nov 1994 08:49:37 UTC",
        b"Sun, 06 Nov 1994 08:49:37 AEST",
        b"Sun, 06 Nov 94 08:49:37 GMT",
        b"Sun 06 Nov 1994 08:49:37 GMT",
        b"Sun, 06  Nov  1994 08:49:37 GMT",
        b"Sun, 06-Nov-1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08.49.37 GMT",
        b"Sun, 06 Nov 1994 8:49:37 GMT",
        b"06 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:38 GMT",
        b"\xff",
    ],
)
def test_what_is_no_date_is_none(text: bytes) -> None:
    assert parse_http_date(text) is None


@given(st.integers(0, 253402300799))
def test_a_date_is_read_as_it_was_written(seconds: int) -> None:
    assert parse_http_date(http_date(seconds)) == seconds


def test_years_of_two_digits_are_of_this_century_below_69() -> None:
    assert parse_http_date(b"Thursday, 18-Aug-50 02:01:18 GMT") == 2544400878
    assert parse_http_date(b"Monday, 18-Aug-69 02:01:18 GMT") == -11743122


@given(st.binary(max_size=40))
def test_nothing_breaks_the_reader(text: bytes) -> None:
    parse_http_date(text)
