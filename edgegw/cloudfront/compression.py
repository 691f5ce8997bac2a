"""Compression at the edge: whether CloudFront compresses an answer, and what that does to it.

Whoever runs the flow hands in how a body is compressed (`Encoders`): streams stay streams. The
answer is compressed as it comes from the origin, behind origin-response and before it is kept, so
that a cache holds what viewers of that Accept-Encoding get.

Source: CloudFront Developer Guide, "Serve compressed files".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.kept_values import normalized_accept_encoding
from edgegw.http.grammar import BLANKS, length_of
from edgegw.http.message import Body, Header, Headers, Request, Response, has_body

ContentCoding: TypeAlias = Literal["br", "gzip"]
Encoders: TypeAlias = Mapping[ContentCoding, Callable[[Body], Body]]
"""How a body is compressed, by the content codings that can be made here."""

SIZES: Final = (1_000, 10_000_000)
"""The least and the most bytes of a body that is compressed.

Source: CloudFront Developer Guide, "Serve compressed files", how CloudFront compresses objects.
"""
STATUSES: Final = frozenset({200, 403, 404})
"""The statuses whose bodies are compressed.

Source: CloudFront Developer Guide, "Serve compressed files", how CloudFront compresses objects.
"""
TYPES: Final = frozenset(
    {
        b"application/dash+xml",
        b"application/eot",
        b"application/font",
        b"application/font-sfnt",
        b"application/javascript",
        b"application/json",
        b"application/opentype",
        b"application/otf",
        b"application/pdf",
        b"application/pkcs7-mime",
        b"application/protobuf",
        b"application/rss+xml",
        b"application/truetype",
        b"application/ttf",
        b"application/vnd.apple.mpegurl",
        b"application/vnd.mapbox-vector-tile",
        b"application/vnd.ms-fontobject",
        b"application/wasm",
        b"application/xhtml+xml",
        b"application/xml",
        b"application/x-font-opentype",
        b"application/x-font-truetype",
        b"application/x-font-ttf",
        b"application/x-httpd-cgi",
        b"application/x-javascript",
        b"application/x-mpegurl",
        b"application/x-opentype",
        b"application/x-otf",
        b"application/x-perl",
        b"application/x-ttf",
        b"font/eot",
        b"font/opentype",
        b"font/otf",
        b"font/ttf",
        b"image/svg+xml",
        b"text/css",
        b"text/csv",
        b"text/html",
        b"text/javascript",
        b"text/js",
        b"text/plain",
        b"text/richtext",
        b"text/tab-separated-values",
        b"text/xml",
        b"text/x-component",
        b"text/x-java-source",
        b"text/x-script",
        b"vnd.apple.mpegurl",
    }
)
"""The content types that are compressed; parameters such as a charset do not count.

Source: CloudFront Developer Guide, "Serve compressed files", file types that CloudFront compresses.
"""


def compressed(
    response: Response,
    request: Request,
    origin_status: int,
    encoders: Encoders,
    *,
    gzip: bool,
    brotli: bool,
) -> Response:
    """`response` to the viewer's `request`, compressed where CloudFront would.

    `gzip` and `brotli` are the flags of the cache policy of a behavior that compresses. Where there
    is no encoder for brotli, a viewer that takes both gets gzip.
    """
    coding = coding_for(response, request, origin_status, encoders, gzip=gzip, brotli=brotli)
    return response if coding is None else in_coding(response, coding, encoders)


def coding_for(
    response: Response,
    request: Request,
    origin_status: int,
    encoders: Encoders,
    *,
    gzip: bool,
    brotli: bool,
) -> ContentCoding | None:
    """How `response` is compressed for the viewer's `request`; None for not at all."""
    if not is_compressible(response, request.method, origin_status):
        return None
    return chosen_coding(request, encoders, gzip=gzip, brotli=brotli)


def in_coding(response: Response, coding: ContentCoding, encoders: Encoders) -> Response:
    """`response` compressed as `coding` says."""
    return Response(
        response.status,
        response.reason,
        compressed_headers(response.headers, coding),
        encoders[coding](response.body),
        response.upgraded,
        response.exchange,
    )


def chosen_coding(
    request: Request, encoders: Encoders, *, gzip: bool, brotli: bool
) -> ContentCoding | None:
    """What the viewer of `request` gets: brotli where it takes both; None for neither."""
    if request.http_version < "1.1":
        return None
    given = b",".join(request.headers.get_all(b"accept-encoding"))
    accepted = normalized_accept_encoding(given, gzip=gzip, brotli=brotli).split(b",")
    if b"br" in accepted and "br" in encoders:
        return "br"
    return "gzip" if b"gzip" in accepted and "gzip" in encoders else None


def is_compressible(response: Response, method: str, origin_status: int) -> bool:
    """Whether the answer of an origin is one that CloudFront compresses.

    One whose length the origin does not tell, as a chunked one, never is.
    """
    headers = response.headers
    if origin_status not in STATUSES or not has_body(method, response.status):
        return False
    if b"content-encoding" in headers:
        return False
    length = length_of(headers.get(b"content-length"))
    least, most = SIZES
    if length is None or not least <= length <= most:
        return False
    kind = headers.get(b"content-type") or b""
    return kind.partition(b";")[0].strip(BLANKS).lower() in TYPES


def compressed_headers(headers: Headers, coding: ContentCoding) -> Headers:
    """The header lines of a body that is compressed now; Via stays the last one.

    Source: CloudFront Developer Guide, "Serve compressed files", ETag header conversion, and
    observed answers (length, ranges, Vary).
    """
    lines: list[Header] = []
    vary: list[Header] = []
    via: list[Header] = []
    for line in headers.raw:
        match line[0].lower():
            case b"content-length" | b"accept-ranges":
                pass
            case b"etag":
                lines += _weak(line)
            case b"vary":
                vary.append(line)
            case b"via":
                via.append(line)
            case _:
                lines.append(line)
    lines.append((b"Content-Encoding", coding.encode()))
    if not _varies_by_encoding(vary):
        vary.append((b"Vary", b"Accept-Encoding"))
    return Headers([*lines, *vary, *via])


def renewing_headers(headers: Headers, coding: ContentCoding) -> Headers:
    """What the headers of a 304 say anew of an answer that is stored compressed.

    The origin knows nothing of that: its ETag is strong, and its Vary names no Accept-Encoding.
    """
    renewing = compressed_headers(headers, coding)
    return renewing if b"vary" in headers else renewing.without(b"vary")


def _weak(line: Header) -> list[Header]:
    """An ETag line made weak; one that is no ETag goes."""
    name, tag = line
    if tag.startswith(b'"'):
        return [(name, b"W/" + tag)]
    return [line] if tag.startswith(b"W/") else []


def _varies_by_encoding(vary: list[Header]) -> bool:
    names = [name.strip(BLANKS).lower() for line in vary for name in line[1].split(b",")]
    return b"accept-encoding" in names or b"*" in names
