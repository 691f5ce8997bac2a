"""Compression at the edge: when CloudFront compresses, and what that does to the headers."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.compression import (
    TYPES,
    ContentCoding,
    Encoders,
    compressed,
    compressed_headers,
)
from edgegw.http.message import Body, Header, Headers, Request, Response
from edgegw.http.target import RequestTarget

CONTENT = b"a" * 1000
DONE = {"br": Body.of(b"brotli"), "gzip": Body.of(b"gzip")}
BOTH: Encoders = {"br": lambda _: DONE["br"], "gzip": lambda _: DONE["gzip"]}
GZIP_ALONE: Encoders = {"gzip": lambda _: DONE["gzip"]}

LISTED = [
    "application/dash+xml",
    "application/eot",
    "application/font",
    "application/font-sfnt",
    "application/javascript",
    "application/json",
    "application/opentype",
    "application/otf",
    "application/pdf",
    "application/pkcs7-mime",
    "application/protobuf",
    "application/rss+xml",
    "application/truetype",
    "application/ttf",
    "application/vnd.apple.mpegurl",
    "application/vnd.mapbox-vector-tile",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/xhtml+xml",
    "application/xml",
    "application/x-font-opentype",
    "application/x-font-truetype",
    "application/x-font-ttf",
    "application/x-httpd-cgi",
    "application/x-javascript",
    "application/x-mpegurl",
    "application/x-opentype",
    "application/x-otf",
    "application/x-perl",
    "application/x-ttf",
    "font/eot",
    "font/opentype",
    "font/otf",
    "font/ttf",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/js",
    "text/plain",
    "text/richtext",
    "text/tab-separated-values",
    "text/xml",
    "text/x-component",
    "text/x-java-source",
    "text/x-script",
    "vnd.apple.mpegurl",
]


def coding_of(
    *,
    accept: str | None = "gzip, br",
    version: str = "1.1",
    method: str = "GET",
    status: int = 200,
    origin_status: int | None = None,
    kind: str | None = "text/html",
    length: str | None = "1000",
    more: tuple[Header, ...] = (),
    gzip: bool = True,
    brotli: bool = True,
    encoders: Encoders = BOTH,
) -> ContentCoding | None:
    """What an answer is compressed with; everything else is as it is compressed."""
    lines = [(b"Content-Type", kind.encode())] if kind else []
    lines += [(b"Content-Length", length.encode())] if length is not None else []
    accepted = [(b"Accept-Encoding", accept.encode())] if accept is not None else []
    request = Request(method, RequestTarget(b"/"), Headers(accepted), http_version=version)
    response = Response(status, b"", Headers([*lines, *more]), Body.of(CONTENT))
    origin = status if origin_status is None else origin_status
    answer = compressed(response, request, origin, encoders, gzip=gzip, brotli=brotli)
    if answer is response:
        return None
    coding = answer.headers.get(b"content-encoding")
    assert coding is not None
    assert answer.body.content == {b"br": b"brotli", b"gzip": b"gzip"}[coding]
    return "br" if coding == b"br" else "gzip"


@pytest.mark.parametrize(
    ("accept", "gzip", "brotli", "coding"),
    [
        ("gzip, br", True, True, "br"),
        ("br", True, True, "br"),
        ("gzip", True, True, "gzip"),
        ("gzip, br", True, False, "gzip"),
        ("gzip, br", False, True, "br"),
        ("br", True, False, None),
        ("gzip, br", False, False, None),
        ("br;q=0, gzip", True, True, "gzip"),
        ("deflate", True, True, None),
        ("identity", True, True, None),
        (None, True, True, None),
    ],
)
def test_viewer_and_policy_choose_the_coding(
    accept: str | None, gzip: bool, brotli: bool, coding: str | None
) -> None:
    assert coding_of(accept=accept, gzip=gzip, brotli=brotli) == coding


def test_where_brotli_cannot_be_made_it_is_gzip() -> None:
    assert coding_of(encoders=GZIP_ALONE) == "gzip"
    assert coding_of(accept="br", encoders=GZIP_ALONE) is None


@pytest.mark.parametrize(
    ("version", "is_compressed"), [("1.0", False), ("1.1", True), ("2", True), ("3", True)]
)
def test_http_1_0_gets_everything_as_it_is(version: str, is_compressed: bool) -> None:
    assert (coding_of(version=version) is not None) is is_compressed


@pytest.mark.parametrize(
    ("status", "is_compressed"),
    [(200, True), (403, True), (404, True)]
    + [(status, False) for status in (201, 204, 206, 301, 304, 400, 401, 410, 500, 502, 503)],
)
def test_statuses(status: int, is_compressed: bool) -> None:
    assert (coding_of(status=status) is not None) is is_compressed


def test_it_is_the_origins_status_that_counts() -> None:
    assert coding_of(status=200, origin_status=500) is None
    assert coding_of(status=500, origin_status=200) == "br"


def test_a_head_has_no_body_to_compress() -> None:
    assert coding_of(method="HEAD") is None


@pytest.mark.parametrize(
    ("length", "is_compressed"),
    [
        (None, False),
        ("999", False),
        ("1000", True),
        ("10000000", True),
        ("10000001", False),
        ("-1", False),
        ("1e3", False),
    ],
)
def test_sizes_as_the_origin_tells_them(length: str | None, is_compressed: bool) -> None:
    assert (coding_of(length=length) is not None) is is_compressed


@pytest.mark.parametrize("coding", ["gzip", "br", "identity", "x"])
def test_what_has_a_content_encoding_is_left_alone(coding: str) -> None:
    assert coding_of(more=((b"Content-Encoding", coding.encode()),)) is None


@pytest.mark.parametrize("kind", LISTED)
def test_listed_types(kind: str) -> None:
    assert coding_of(kind=kind) == "br"


def test_no_other_type_is_listed() -> None:
    assert {kind.encode() for kind in LISTED} == TYPES
    assert len(LISTED) == len(TYPES) == 48


@pytest.mark.parametrize(
    ("kind", "is_compressed"),
    [
        ("text/html; charset=utf-8", True),
        ("Text/HTML ;charset=x", True),
        ("application/ld+json", False),
        ("application/manifest+json", False),
        ("image/x-icon", False),
        ("image/png", False),
        ("font/woff2", False),
        ("text/markdown", False),
        ("text/htmlx", False),
        (None, False),
    ],
)
def test_other_types(kind: str | None, is_compressed: bool) -> None:
    assert (coding_of(kind=kind) is not None) is is_compressed


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            [(b"Content-Length", b"5"), (b"Accept-Ranges", b"bytes"), (b"X-A", b"1")],
            [(b"X-A", b"1"), (b"Content-Encoding", b"br"), (b"Vary", b"Accept-Encoding")],
            id="length and ranges go, Vary comes",
        ),
        pytest.param(
            [(b"ETag", b'"x"')],
            [
                (b"ETag", b'W/"x"'),
                (b"Content-Encoding", b"br"),
                (b"Vary", b"Accept-Encoding"),
            ],
            id="a strong ETag becomes weak",
        ),
        pytest.param(
            [(b"ETag", b'W/"x"'), (b"Vary", b"accept-encoding, Cookie")],
            [
                (b"ETag", b'W/"x"'),
                (b"Content-Encoding", b"br"),
                (b"Vary", b"accept-encoding, Cookie"),
            ],
            id="a weak one stays, as does a Vary that says so",
        ),
        pytest.param(
            [(b"ETag", b"x"), (b"Vary", b"Cookie"), (b"Via", b"1.1 x")],
            [
                (b"Content-Encoding", b"br"),
                (b"Vary", b"Cookie"),
                (b"Vary", b"Accept-Encoding"),
                (b"Via", b"1.1 x"),
            ],
            id="what is no ETag goes; Via stays last",
        ),
    ],
)
def test_headers(lines: list[Header], expected: list[Header]) -> None:
    assert list(compressed_headers(Headers(lines), "br")) == expected
