import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.http.message import Body, Headers, named_by_connection
from edgegw.http.target import RequestTarget, normalized_path, query_pairs, to_text
from edgegw.http.wildcard import compile_wildcard

LINES = ((b"Host", b"a"), (b"X-A", b"1"), (b"x-a", b"2"))


def test_headers_keep_order_repeats_and_spelling() -> None:
    headers = Headers(LINES)
    assert list(headers) == list(LINES)
    assert headers.get(b"x-a") == b"1"
    assert headers.get_all(b"x-a") == [b"1", b"2"]
    assert b"host" in headers
    assert b"via" not in headers


def test_changed_headers_are_new_values() -> None:
    headers = Headers(LINES)
    assert headers.without(b"x-a").raw == (LINES[0],)
    assert headers.replaced(b"X-A", b"3").raw == (LINES[0], (b"X-A", b"3"))
    assert headers.replaced(b"Via", b"v").raw == (*LINES, (b"Via", b"v"))
    assert headers.raw == LINES


def test_size_counts_the_bytes_on_the_wire() -> None:
    assert Headers(LINES).size() == len(b"Host: a\r\nX-A: 1\r\nx-a: 2\r\n")


def test_connection_names_are_found() -> None:
    headers = Headers([(b"Connection", b"close, X-Mine"), (b"connection", b"TE")])
    assert named_by_connection(headers) == {b"close", b"x-mine", b"te"}


def test_an_empty_body_is_one_value() -> None:
    assert Body.of(b"").is_empty
    assert not Body.of(b"x").is_empty
    assert not Body(length=None).is_empty


@pytest.mark.parametrize(
    ("raw", "path", "query", "authority"),
    [
        (b"/", b"/", None, None),
        (b"/x?", b"/x", b"", None),
        (b"/x?a=1?b", b"/x", b"a=1?b", None),
        (b"http://h:1/p?q", b"/p", b"q", b"h:1"),
        (b"http://h", b"/", None, b"h"),
        (b"http://h?q=/x", b"/", b"q=/x", b"h"),
        (b"*", b"*", None, None),
        (b"//a/../%2F%zz", b"//a/../%2F%zz", None, None),
    ],
)
def test_target_splits(
    raw: bytes, path: bytes, query: bytes | None, authority: bytes | None
) -> None:
    assert RequestTarget.parse(raw) == RequestTarget(path, query, authority)


@given(st.binary().map(lambda raw: b"/" + raw))
def test_origin_form_round_trips(raw: bytes) -> None:
    assert RequestTarget.parse(raw).raw == raw


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/a/b", b"/a/b"),
        (b"/a/./b", b"/a/b"),
        (b"/a/../b", b"/b"),
        (b"/a/..", b"/"),
        (b"/a/.", b"/a/"),
        (b"/..", None),
        (b"/a/../..", None),
        (b"/.hidden/..x", b"/.hidden/..x"),
        (b"//a", b"//a"),
    ],
)
def test_dot_segments_are_removed_for_matching(path: bytes, expected: bytes | None) -> None:
    assert normalized_path(path) == expected


def test_query_pieces_split_at_the_first_equals_sign() -> None:
    assert query_pairs(b"a=1&&b&c=d=e") == [(b"a", b"1"), (b"b", b""), (b"c", b"d=e")]


def test_text_that_is_no_utf8_is_read_as_latin1() -> None:
    assert to_text("ü".encode()) == "ü"
    assert to_text(b"\xfc") == "ü"


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("/a/*", b"/a/", True),
        ("/a/*", b"/a", False),
        ("*.jpg", b"/deep/x.jpg", True),
        ("/a?c", b"/abc", True),
        ("/a?c", b"/ac", False),
        ("/a.c", b"/abc", False),
        ("/*/x/*", b"/1/x/2/3", True),
        ("/A", b"/a", False),
    ],
)
def test_wildcards_match_the_whole_value(pattern: str, value: bytes, *, fits: bool) -> None:
    assert bool(compile_wildcard(pattern).fullmatch(value)) is fits
