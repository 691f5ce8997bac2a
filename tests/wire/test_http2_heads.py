"""Heads of HTTP/2 and HTTP/3: what passes may be written down as HTTP/1.1.

The tables of malformed requests, over the wire, stand in `test_http2_malformed.py` and
`test_http3.py`.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.http.lenient_head import parse_leniently
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import RequestTarget
from edgegw.wire.http2_heads import (
    MalformedHeadError,
    RequestHeads,
    read_trailers,
    sent_request,
    sent_response,
)

GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"h"), (b":path", b"/x")]

names = st.one_of(
    st.sampled_from([b":method", b":path", b":scheme", b":authority", b"host", b"te", b"expect"]),
    st.sampled_from([b"content-length", b"connection", b"cookie", b"X-Up", b""]),
    st.binary(max_size=4),
)
values = st.one_of(
    st.sampled_from([b"GET", b"CONNECT", b"https", b"h", b"/x", b"5", b"trailers"]),
    st.binary(max_size=6),
)
lines = st.lists(st.tuples(names, values), max_size=4)


@given(lines, lines)
def test_what_passes_means_the_same_in_http1(
    before: list[tuple[bytes, bytes]], behind: list[tuple[bytes, bytes]]
) -> None:
    try:
        head, path = RequestHeads().read([*before, *GET, *behind])
    except MalformedHeadError:
        return
    first = b"%b %b HTTP/1.1" % (head.method.encode(), path)
    assert re.fullmatch(rb"[!-~]+ [^\0- \x7f]+ HTTP/1\.1", first)
    assert [name for name, _ in head.headers].count(b"host") == 1
    for name, value in head.headers:
        assert re.fullmatch(rb"[!-9;-@[-~]+", name)
        assert not re.search(rb"[\r\n\0]", value)
    assert b"transfer-encoding" not in head.headers
    lengths = head.headers.get_all(b"content-length")
    assert {int(length) for length in lengths} == ({head.length} if lengths else set())


@given(lines)
def test_trailers_bring_no_pseudo_headers(given_lines: list[tuple[bytes, bytes]]) -> None:
    try:
        trailers = read_trailers(given_lines)
    except MalformedHeadError:
        return
    assert not [name for name, _ in trailers if name.startswith(b":") or name.lower() != name]


def test_what_is_said_of_the_body_is_noted() -> None:
    more = [(b"content-length", b"7"), (b"expect", b"100-Continue")]
    head, _ = RequestHeads().read([*GET, *more])
    assert (head.length, head.expects_continue, head.may_wait) == (7, True, True)
    plain, _ = RequestHeads().read(GET)
    assert (plain.length, plain.expects_continue, plain.may_wait) == (None, False, False)


@pytest.mark.parametrize("line", [(b"", b"1"), (b":authority", b"")])
def test_what_is_empty_and_must_not_be_is_malformed(line: tuple[bytes, bytes]) -> None:
    lines = [kept for kept in GET if kept[0] != line[0]]
    with pytest.raises(MalformedHeadError):
        RequestHeads().read([*lines[:1], line, *lines[1:]])


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6))))
def test_what_leaves_is_lower_case_and_of_one_line(
    given_lines: list[tuple[bytes, bytes]],
) -> None:
    written, _ = sent_response(Response(200, headers=Headers(given_lines)))
    assert written[0] == (b":status", b"200")
    for name, value in written[1:]:
        assert re.fullmatch(rb"[!-9;-@[-~]+", name)
        assert name == name.lower()
        assert not re.search(rb"[\r\n\0]", value)


@pytest.mark.parametrize(("lengths", "promised"), [([], None), ([b"5"], 5), ([b"x"], None)])
def test_one_length_is_promised(lengths: list[bytes], promised: int | None) -> None:
    headers = Headers([(b"Content-Length", length) for length in lengths])
    written, length = sent_response(Response(200, headers=headers))
    assert length == promised
    expected = [] if promised is None else [b"%d" % promised]
    assert [value for name, value in written if name == b"content-length"] == expected


@pytest.mark.parametrize("path", [b"/a b", b"/a\tb", b"/a\x01\x7f"])
def test_an_odd_path_leaves_only_where_a_front_door_has_judged_it(path: bytes) -> None:
    request = Request("GET", RequestTarget(path))
    with pytest.raises(MalformedHeadError):
        sent_request("https", b"h", request)
    judged = replace(request, lenient=parse_leniently(b"GET %b HTTP/1.1\r\n\r\n" % path))
    assert (b":path", path) in sent_request("https", b"h", judged)
    broken = replace(judged, target=RequestTarget(b"/a\r\nb"))
    with pytest.raises(MalformedHeadError):
        sent_request("https", b"h", broken)
