"""Request targets as they stand on a request line."""

from __future__ import annotations

import pytest

from edgegw.http.target import RequestTarget


@pytest.mark.parametrize(
    ("raw", "path", "query", "authority"),
    [
        (b"/a?b", b"/a", b"b", None),
        (b"/a?", b"/a", b"", None),
        (b"/a@b", b"/a@b", None, None),
        (b"*", b"*", None, None),
        (b"http://h/a?b", b"/a", b"b", b"h"),
        (b"http://h", b"/", None, b"h"),
        (b"http://h?b", b"/", b"b", b"h"),
        (b"HTTPS://h:81/a", b"/a", None, b"h:81"),
        (b"http://u:p@h:81/a", b"/a", None, b"h:81"),
        (b"http://u@h/a@b", b"/a@b", None, b"h"),
        (b"http://u@v@h/", b"/", None, b"h"),
        (b"http://u@h?a@b", b"/", b"a@b", b"h"),
        (b"http://u:p@[::1]:81/", b"/", None, b"[::1]:81"),
        (b"http://@/a", b"/a", None, b""),
    ],
)
def test_an_absolute_target_names_its_host_without_user_information(
    raw: bytes, path: bytes, query: bytes | None, authority: bytes | None
) -> None:
    """RFC 9112 section 3.2.2; user information is no part of a host (RFC 9110 section 4.2.4)."""
    assert RequestTarget.parse(raw) == RequestTarget(path, query, authority)
