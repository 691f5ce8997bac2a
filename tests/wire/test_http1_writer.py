"""How responses are framed in HTTP/1, and what never leaves in a head."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.http.message import Body, Header, Headers, Response
from edgegw.wire import http1_writer

FIXED = (b"Content-Length", b"2")


def whole(
    *lines: Header,
    status: int = 200,
    reason: bytes = b"OK",
    body: bytes = b"ok",
    method: str = "GET",
    version: str = "1.1",
    keep_alive: bool = True,
) -> tuple[bytes, bool]:
    response = Response(status, reason, Headers(lines), Body.of(body))
    return http1_writer.whole(response, method=method, version=version, keep_alive=keep_alive)


def test_a_length_frames_the_body() -> None:
    data, keeps = whole(FIXED)
    assert data == (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")
    assert keeps


@pytest.mark.parametrize(
    ("case", "ending", "keeps"),
    [
        # what is asked for → how the bytes end, and whether the connection stays
        ({"lines": ()}, b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
        ({"lines": (), "version": "1.0"}, b"Connection: close\r\n\r\nok", False),
        ({"lines": (FIXED,), "method": "HEAD"}, b"Content-Length: 2\r\nConnection: keep-alive\r\n\r\n", True),
        ({"lines": (), "status": 204}, b"HTTP/1.1 204 OK\r\nConnection: keep-alive\r\n\r\n", True),
        ({"lines": (), "status": 304}, b"HTTP/1.1 304 OK\r\nConnection: keep-alive\r\n\r\n", True),
        ({"lines": ((b"Content-Length", b"1"),)}, b"\r\n\r\no", True),
        ({"lines": ((b"Content-Length", b"9"),)}, b"\r\n\r\nok", False),
        ({"lines": ((b"Content-Length", b"x"),)}, b"2\r\nok\r\n0\r\n\r\n", True),
        ({"lines": (FIXED, (b"Content-Length", b"7"))}, b"Content-Length: 2\r\nConnection: keep-alive\r\n\r\nok", True),
        ({"lines": (FIXED, (b"transfer-encoding", b"chunked"))}, b"Content-Length: 2\r\nConnection: keep-alive\r\n\r\nok", True),
        ({"lines": (FIXED, (b"Connection", b"close"))}, b"Connection: close\r\n\r\nok", False),
        ({"lines": ((b"connection", b"x"), FIXED)}, b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok", True),
        ({"lines": (FIXED,), "keep_alive": False}, b"Connection: close\r\n\r\nok", False),
    ],
)  # fmt: skip
def test_framing(case: dict, ending: bytes, keeps: bool) -> None:
    data, stays = whole(*case.pop("lines"), **case)
    assert data.endswith(ending), data
    assert stays is keeps
    assert data.lower().count(b"\r\nconnection: ") == 1


@given(
    st.binary(max_size=20),
    st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=20)), max_size=4),
)
def test_nothing_breaks_out_of_a_head(reason: bytes, lines: list[Header]) -> None:
    data, _ = whole(*lines, FIXED, reason=reason)
    head, _, body = data.partition(b"\r\n\r\n")
    assert body == b"ok" or b"Content-Length: 2" not in head
    assert b"\0" not in head
    for line in head.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line


NAMES = (
    b"A",
    b"Connection",
    b"content-length",
    b"Transfer-Encoding",
    b"X\r\nY",
    b"Vary",
)
LINES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([b"2", b"1", b"close", b"a\0b", b"x"])),
    max_size=4,
)


@given(
    LINES,
    LINES,
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from(["1.0", "1.1"]),
    st.sampled_from([200, 204, 304]),
    st.sampled_from([b"OK", b"", b"a\r\nb"]),
    st.booleans(),
)
def test_lines_added_to_known_ones_are_written_like_all_of_them_anew(
    known: list[Header],
    added: list[Header],
    method: str,
    version: str,
    status: int,
    reason: bytes,
    keep_alive: bool,
) -> None:
    base = Headers([(b"Content-Length", b"2"), *known])
    longer, anew = base.added(*added), Headers([*base.raw, *added])
    for _ in range(2):
        first, second = (
            http1_writer.whole(
                Response(status, reason, headers, Body.of(b"ok")),
                method=method,
                version=version,
                keep_alive=keep_alive,
            )
            for headers in (longer, anew)
        )
        assert first == second


def test_breaking_bytes_of_a_value_become_blanks() -> None:
    data, _ = whole((b"Location", b"/a\r\nSet-Cookie: evil=1"), (b"X\r\nY", b"1"), FIXED)
    assert b"\r\nLocation: /a  Set-Cookie: evil=1\r\n" in data
    assert b"Y" not in data


def test_no_chunk_is_made_of_nothing() -> None:
    assert http1_writer.chunk(b"") == b""
    assert http1_writer.chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
