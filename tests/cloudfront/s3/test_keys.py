"""Paths, keys, and the names of files that keys can have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.s3.keys import MAX_KEY, file_names, object_key


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (b"/index.html", "index.html"),
        (b"/a/b.txt", "a/b.txt"),
        (b"/a%2Fb.txt", "a/b.txt"),
        (b"/my%20file", "my file"),
        (b"/my+file", "my file"),
        (b"/c%2B%2B", "c++"),
        (b"/%C3%BC", "ü"),
        ("/ü".encode(), "ü"),
        (b"/", ""),
        (b"//a", "/a"),
        (b"/100%", "100%"),
        (b"/%ff", None),
        (b"/" + b"a" * MAX_KEY, "a" * MAX_KEY),
        (b"/" + b"a" * (MAX_KEY + 1), None),
    ],
)
def test_the_key_of_a_path(path: bytes, key: str | None) -> None:
    assert object_key(path) == key


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("a", ("a",)),
        ("a/b.c", ("a", "b.c")),
        ("..a/.b", ("..a", ".b")),
        ("a:b", ("a:b",)),
        ("a\\b", ("a\\b",)),
        ("aux.js", ("aux.js",)),
        ("", None),
        ("/", None),
        ("/etc/passwd", None),
        ("a/", None),
        ("a//b", None),
        ("..", None),
        ("../a", None),
        ("a/../../b", None),
        ("a/./b", None),
        ("a\0", None),
    ],
)
def test_the_names_of_a_key(key: str, names: tuple[str, ...] | None) -> None:
    assert file_names(key, windows=False) == names


@pytest.mark.parametrize(
    "key",
    [
        "C:/x", "C:x", "a\\..\\b", "\\\\server\\share", "nul", "NUL.txt", "aux.js", "dir/com1",
        "lpt9.log", "con ", "a.", "a ", "a:stream", "a*", "a?", "a|b", "a<b", 'a"b', "a\x01b",
        "conin$", "COM¹",
    ],
)  # fmt: skip
def test_names_that_windows_reads_otherwise_are_none_there(key: str) -> None:
    assert file_names(key, windows=True) is None


@pytest.mark.parametrize("key", ["index.html", "a/b.c", ".well-known/x", "console", "company1"])
def test_ordinary_names_are_names_on_windows_too(key: str) -> None:
    assert file_names(key, windows=True) == tuple(key.split("/"))


@given(st.binary(max_size=40), st.booleans())
def test_no_name_climbs_or_ends_early(path: bytes, windows: bool) -> None:
    key = object_key(b"/" + path)
    names = file_names(key, windows=windows) if key is not None else None
    for name in names or ():
        assert name not in ("", ".", "..")
        assert "/" not in name
        assert "\0" not in name
        assert not windows or not set(name) & set('\\:<>"|?*')
