"""What a viewer keeps and sends: host, path, Secure, expiry."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.testing.simulation.cookie_jar import CookieJar, cookie_header

NOW = 1_767_225_600.0  # Thu, 01 Jan 2026 00:00:00 GMT
SENT = [
    # Set-Cookie at www.example.test/shop/cart, then host, path and seconds later; what is sent
    ("plain", "a=1", "www.example.test", "/shop/x", 0, "a=1"),
    ("default path is the folder", "a=1", "www.example.test", "/", 0, ""),
    ("path", "a=1; Path=/", "www.example.test", "/", 0, "a=1"),
    ("a path is no prefix of letters", "a=1; Path=/sho", "www.example.test", "/shop", 0, ""),
    ("a path that is no path", "a=1; Path=shop", "www.example.test", "/shop/x", 0, "a=1"),
    ("host only", "a=1; Path=/", "example.test", "/", 0, ""),
    ("domain", "a=1; Path=/; Domain=.example.test", "example.test", "/", 0, "a=1"),
    ("foreign domain", "a=1; Path=/; Domain=other.test", "www.example.test", "/", 0, ""),
    ("max-age", "a=1; Path=/; Max-Age=10", "www.example.test", "/", 9, "a=1"),
    ("max-age over", "a=1; Path=/; Max-Age=10", "www.example.test", "/", 10, ""),
    ("max-age before expires", "a=1; Path=/; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "www.example.test", "/", 5, "a=1"),
    ("expires", "a=1; Path=/; Expires=Thu, 01 Jan 2026 00:01:00 GMT", "www.example.test", "/", 59, "a=1"),
    ("expires over", "a=1; Path=/; Expires=Thu, 01 Jan 2026 00:01:00 GMT", "www.example.test", "/", 61, ""),
    ("expires in an old form", "a=1; Path=/; Expires=Thu, 01-Jan-1970 00:00:01 GMT", "www.example.test", "/", 0, ""),
    ("expires that is no date", "a=1; Path=/; Expires=soon", "www.example.test", "/", 0, "a=1"),
    ("no name", "=1; Path=/", "www.example.test", "/", 0, ""),
    ("no mark", "a; Path=/", "www.example.test", "/", 0, ""),
    ("a value with marks", "a=b=c; Path=/", "www.example.test", "/", 0, "a=b=c"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "host", "path", "later", "sent"),
    [row[1:] for row in SENT],
    ids=[row[0] for row in SENT],
)
def test_a_cookie_goes_where_it_belongs(
    line: str, host: str, path: str, later: float, sent: str
) -> None:
    jar = CookieJar()
    jar.take([line.encode()], "www.example.test", "/shop/cart", NOW)
    cookies = jar.cookies(host, path, NOW + later, is_secure=True)
    assert cookie_header(cookies).decode() == sent


def test_secure_cookies_stay_off_plain_http() -> None:
    jar = CookieJar()
    jar.take([b"a=1; Path=/; Secure"], "h", "/", NOW)
    assert jar.cookies("h", "/", NOW, is_secure=False) == []
    assert len(jar.cookies("h", "/", NOW, is_secure=True)) == 1


def test_a_later_cookie_takes_the_place_of_an_earlier_one_of_its_path() -> None:
    jar = CookieJar()
    jar.take([b"a=1; Path=/", b"a=2; Path=/", b"a=3; Path=/x"], "h", "/", NOW)
    assert cookie_header(jar.cookies("h", "/x/y", NOW, is_secure=True)) == b"a=3; a=2"


def test_a_cookie_of_the_past_deletes_and_one_that_ran_out_is_missed() -> None:
    jar = CookieJar()
    jar.take([b"a=1; Path=/", b"b=1; Path=/; Max-Age=5"], "h", "/", NOW)
    jar.take([b"a=; Path=/; Max-Age=0"], "h", "/", NOW)
    assert (jar.has("a", NOW), jar.has_lost("a", NOW)) == (False, False)
    assert (jar.has("b", NOW + 6), jar.has_lost("b", NOW + 6)) == (False, True)


@given(st.lists(st.binary(max_size=60), max_size=60), st.text("/ab", max_size=6))
@settings(max_examples=100)
def test_no_line_breaks_a_jar(lines: list[bytes], path: str) -> None:
    jar = CookieJar()
    jar.take(lines, "h", f"/{path}", NOW)
    cookie_header(jar.cookies("h", f"/{path}", NOW, is_secure=True))
    assert len(jar) <= 50
