"""The CloudFront-* headers about the viewer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.cloudfront.viewer_headers import viewer_header, viewer_tls
from edgegw.http.message import Client, Headers, NegotiatedTls, Request
from edgegw.http.target import RequestTarget


@pytest.mark.parametrize(
    ("tls", "value"),
    [
        (NegotiatedTls("TLSv1.3", "SUITE", "full"), "TLSv1.3:SUITE:fullHandshake"),
        (NegotiatedTls("TLSv1.3", "SUITE", "resumed"), "TLSv1.3:SUITE:sessionResumed"),
        (NegotiatedTls("TLSv1.2", "OTHER", "reused"), "TLSv1.2:OTHER:connectionReused"),
    ],
)
def test_viewer_tls_says_how_tls_was_agreed_on(tls: NegotiatedTls, value: str) -> None:
    """CloudFront Developer Guide, "Add CloudFront request headers"."""
    assert viewer_tls(tls) == value


REQUEST = Request(
    "GET",
    RequestTarget(b"/a"),
    Headers([(b"Host", b"www.test"), (b"X-Two", b"1"), (b"User-Agent", b"curl/8")]),
    scheme="https",
    http_version="2",
    client=Client("1.2.3.4", 567),
    tls=NegotiatedTls("TLSv1.3", "SUITE", "full"),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CloudFront-Forwarded-Proto", "https"),
        ("CloudFront-Viewer-Http-Version", "2.0"),
        ("CloudFront-Viewer-TLS", "TLSv1.3:SUITE:fullHandshake"),
        ("CloudFront-Viewer-Address", "1.2.3.4:567"),
        ("CloudFront-Viewer-Header-Count", "3"),
        ("CloudFront-Viewer-Header-Order", "Host:X-Two:User-Agent"),
        ("CloudFront-Error-Uri", "/failed"),
        ("CloudFront-Error-Args", "a=b"),
        ("CloudFront-Is-Desktop-Viewer", "true"),
        ("CloudFront-Is-Mobile-Viewer", "false"),
        ("CloudFront-Viewer-Country", "US"),
        ("CloudFront-Viewer-Country-Name", "United States"),
        ("CloudFront-Viewer-Country-Region", "WA"),
        ("CloudFront-Viewer-Country-Region-Name", "Washington"),
        ("CloudFront-Viewer-City", "Seattle"),
        ("CloudFront-Viewer-Postal-Code", "98101"),
        ("CloudFront-Viewer-Time-Zone", "America/Los_Angeles"),
        ("CloudFront-Viewer-Latitude", "47.60620"),
        ("CloudFront-Viewer-Longitude", "-122.33210"),
        ("CloudFront-Viewer-Metro-Code", "819"),
        ("CloudFront-Viewer-ASN", "16509"),
        ("CloudFront-Viewer-Nothing", None),
    ],
)
def test_value_of_each_header(name: str, value: str | None) -> None:
    """CloudFront Developer Guide, "Add CloudFront request headers"."""
    assert viewer_header(name, REQUEST, RequestTarget(b"/failed", b"a=b")) == value


def test_viewer_without_tls_and_without_a_failed_page() -> None:
    names = ("CloudFront-Viewer-TLS", "CloudFront-Error-Uri", "CloudFront-Error-Args")
    plain = replace(REQUEST, tls=None)
    assert [viewer_header(name, plain) for name in names] == [None, None, None]


@pytest.mark.parametrize(("length", "expected"), [(7680, 7680), (7681, 7680)])
def test_order_of_headers_is_cut(length: int, expected: int) -> None:
    """CloudFront Developer Guide, "Add CloudFront request headers": up to 7,680 characters."""
    request = replace(REQUEST, headers=Headers([(b"x" * length, b"1")]))
    order = viewer_header("CloudFront-Viewer-Header-Order", request)
    assert order is not None
    assert len(order) == expected
