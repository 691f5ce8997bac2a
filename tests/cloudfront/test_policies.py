"""What reaches the origin, by cache policy and origin request policy."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import GET_HEAD, GET_HEAD_OPTIONS
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.model import (
    CachePolicy,
    CustomOrigin,
    OriginRequestPolicy,
    Selection,
    SelectionBehavior,
)
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.viewer_headers import device_headers
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget

FACTS = DistributionFacts("id==", "0" * 32, b"date")
ORIGIN = CustomOrigin("origin.test", 443, "https")


def sent(
    cache: str | CachePolicy,
    more: str | OriginRequestPolicy | None,
    headers: dict[str, str],
    target: bytes = b"/",
    method: str = "GET",
    origin: CustomOrigin = ORIGIN,
    version: str = "1.1",
    cached_methods: frozenset[str] = GET_HEAD,
) -> Request:
    policy = cache if isinstance(cache, CachePolicy) else find_policy(CACHE_POLICIES, cache)
    assert policy is not None
    if isinstance(more, str):
        more = find_policy(ORIGIN_REQUEST_POLICIES, more)
        assert more is not None
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request(
        method,
        RequestTarget.parse(target),
        Headers(lines),
        http_version=version,
        client=Client("1.2.3.4", 567),
    )
    return origin_request(compile_forwarding(policy, more, cached_methods), request, origin, FACTS)


def names(request: Request) -> set[str]:
    return {name.decode().lower() for name, _ in request.headers}


VIEWER = {
    "Host": "www.example.test",
    "User-Agent": "curl/8",
    "Accept": "*/*",
    "Accept-Language": "de",
    "Referer": "r",
    "Cookie": "b=2; a=1; $v=0; junk",
    "X-Own": "1",
    "Authorization": "Basic x",
    "X-Forwarded-Proto": "https",
    "X-Real-IP": "9",
    "X-Edge-Thing": "1",
    "Connection": "keep-alive",
    "Upgrade": "h2c",
    "TE": "trailers",
    "If-None-Match": '"e"',
    "Cache-Control": "no-cache",
}
ALWAYS = {"host", "user-agent", "via", "x-forwarded-for", "if-none-match", "cache-control"}


def test_without_origin_request_policy_only_the_default_headers_are_sent() -> None:
    request = sent("CachingDisabled", None, VIEWER, b"/a?b=1")
    assert names(request) == ALWAYS
    assert request.headers.get(b"host") == b"origin.test"
    assert request.headers.get(b"user-agent") == b"Amazon CloudFront"
    assert request.headers.get(b"via") == b"1.1 " + b"0" * 32 + b".cloudfront.net (CloudFront)"
    assert request.headers.get(b"x-forwarded-for") == b"1.2.3.4"
    assert request.target == RequestTarget(b"/a", None)


def test_all_viewer_forwards_what_is_not_removed_always() -> None:
    request = sent("CachingDisabled", "AllViewer", VIEWER, b"/a?b=1&&c")
    assert names(request) == ALWAYS | {
        "accept",
        "accept-language",
        "referer",
        "cookie",
        "x-own",
        "authorization",
    }
    assert request.headers.get(b"host") == b"www.example.test"
    assert request.headers.get(b"user-agent") == b"curl/8"
    assert request.headers.get(b"cookie") == b"a=1; b=2"
    assert request.target.raw == b"/a?b=1&&c"


def test_all_viewer_except_host_header_adds_cloudfront_headers() -> None:
    request = sent("CachingDisabled", "AllViewerExceptHostHeader", VIEWER)
    assert request.headers.get(b"host") == b"origin.test"
    assert request.headers.get(b"cloudfront-viewer-country") == b"US"
    assert request.headers.get(b"cloudfront-viewer-address") == b"1.2.3.4:567"
    assert request.headers.get(b"cloudfront-is-desktop-viewer") == b"true"


def test_cloudfront_headers_of_the_viewer_are_not_passed_on() -> None:
    request = sent("CachingDisabled", "AllViewer", {"CloudFront-Viewer-Country": "XX"})
    assert "cloudfront-viewer-country" not in names(request)


@pytest.mark.parametrize(
    ("method", "cached", "is_kept"),
    [
        ("GET", GET_HEAD, False),
        ("HEAD", GET_HEAD, False),
        ("OPTIONS", GET_HEAD, True),
        ("OPTIONS", GET_HEAD_OPTIONS, False),
        ("POST", GET_HEAD_OPTIONS, True),
        ("PUT", GET_HEAD_OPTIONS, True),
        ("PATCH", GET_HEAD_OPTIONS, True),
        ("DELETE", GET_HEAD_OPTIONS, True),
    ],
)
def test_authorization_is_kept_with_methods_that_are_not_cached(
    method: str, cached: frozenset[str], *, is_kept: bool
) -> None:
    """CloudFront Developer Guide, "Request and response behavior for custom origins"."""
    sent_on = names(sent("CachingDisabled", None, VIEWER, method=method, cached_methods=cached))
    assert ("authorization" in sent_on) is is_kept


SENT_ON = [
    "Cache-Control",
    "Content-Length",
    "Content-MD5",
    "Content-Type",
    "Date",
    "From",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Range",
    "Request-Range",
    "Transfer-Encoding",
    "Warning",
]
REMOVED = [
    "Connection",
    "Expect",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Upgrade",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-Edge-Location",
    "X-Amz-Cf-Id",
    "CloudFront-Viewer-Country",
]
ASKED_FOR = ["Accept", "Accept-Charset", "Accept-Language", "Referer", "User-Agent", "X-Own"]


@pytest.mark.parametrize("name", [*SENT_ON, *REMOVED, *ASKED_FOR])
def test_the_table_of_headers(name: str) -> None:
    """CloudFront Developer Guide, "Request and response behavior for custom origins".

    The table "HTTP request headers and CloudFront behavior": sent on whatever the policies say,
    removed whatever they say, or sent on where they say so.
    """
    without, everything = (
        sent("CachingDisabled", more, {name: "mine"}).headers.get(name.lower().encode()) == b"mine"
        for more in (None, "AllViewer")
    )
    assert (without, everything) == (name in SENT_ON, name not in REMOVED)


def test_header_order_and_spelling_are_kept() -> None:
    headers = {"x-Zeta": "1", "Cookie": "a=1", "X-ALPHA": "2", "Host": "h"}
    request = sent("CachingDisabled", "AllViewer", headers)
    assert [name for name, _ in request.headers][:4] == [b"x-Zeta", b"Cookie", b"X-ALPHA", b"Host"]


def test_via_and_forwarded_for_of_the_viewer_come_first() -> None:
    request = sent(
        "CachingDisabled", None, {"Via": "1.0 p", "X-Forwarded-For": "9.9.9.9"}, version="2"
    )
    assert request.headers.get(b"x-forwarded-for") == b"9.9.9.9, 1.2.3.4"
    assert str(request.headers.get(b"via")).startswith("b'1.0 p, 2.0 ")


def test_origin_custom_headers_replace_the_viewers() -> None:
    origin = CustomOrigin("o", 80, "http", custom_headers=((b"X-Own", b"edge"),))
    assert "x-own" not in names(sent("CachingDisabled", "AllViewer", VIEWER, origin=origin))


@pytest.mark.parametrize(
    ("accepted", "gzip", "brotli", "expected"),
    [
        ("gzip, deflate, br", True, True, "br,gzip"),
        ("gzip", True, True, "gzip"),
        ("br;q=1.0, gzip;q=0", True, True, "br"),
        ("br;q=0.001, GZIP ; q=0.5", True, True, "br,gzip"),
        ("br ;\tq=0.000, gzip;Q=0.", True, True, "identity"),
        ("br;level=4;q=0, gzip;level=4", True, True, "gzip"),
        ("br;q=none, gzip;x=0", True, True, "br,gzip"),
        ("deflate", True, True, "identity"),
        ("*", True, True, "identity"),
        ("x-gzip, brotli", True, True, "identity"),
        ("", True, True, "identity"),
        ("gzip, br", True, False, "gzip"),
        ("br", True, False, "identity"),
        (None, True, True, None),
        ("gzip", False, False, None),
    ],
)
def test_accept_encoding_is_normalised(
    accepted: str | None, *, gzip: bool, brotli: bool, expected: str | None
) -> None:
    policy = CachePolicy("p", "p", gzip=gzip, brotli=brotli)
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    found = sent(policy, None, headers).headers.get(b"accept-encoding")
    assert found == (None if expected is None else expected.encode())


KINDS: list[tuple[SelectionBehavior, tuple[str, ...]]] = [
    ("none", ()),
    ("all", ()),
    ("whitelist", ("a", "b")),
    ("allExcept", ("a", "b")),
]


@pytest.mark.parametrize("cache", KINDS, ids=[kind for kind, _ in KINDS])
@pytest.mark.parametrize("more", KINDS, ids=[kind for kind, _ in KINDS])
def test_query_strings_and_cookies_of_both_policies_together(
    cache: tuple[SelectionBehavior, tuple[str, ...]],
    more: tuple[SelectionBehavior, tuple[str, ...]],
) -> None:
    """The table of cache policy by origin request policy, for names a, b, c, d."""
    key = Selection(cache[0], cache[1])
    second = Selection(more[0], ("b", "c") if more[1] else ())
    expected = {
        ("none", "none"): "",
        ("none", "all"): "abcd",
        ("none", "whitelist"): "bc",
        ("none", "allExcept"): "ad",
        ("all", "none"): "abcd",
        ("all", "all"): "abcd",
        ("all", "whitelist"): "abcd",
        ("all", "allExcept"): "abcd",
        ("whitelist", "none"): "ab",
        ("whitelist", "all"): "abcd",
        ("whitelist", "whitelist"): "abc",
        ("whitelist", "allExcept"): "abd",
        ("allExcept", "none"): "cd",
        ("allExcept", "all"): "abcd",
        ("allExcept", "whitelist"): "bcd",
        ("allExcept", "allExcept"): "d",
    }[cache[0], more[0]]
    request = sent(
        CachePolicy("p", "p", query_strings=key, cookies=key),
        OriginRequestPolicy("o", "o", query_strings=second, cookies=second),
        {"Cookie": "d=4; c=3; b=2; a=1"},
        b"/?d=4&c=3&b=2&a=1",
    )
    query = "&".join(f"{name}={'abcd'.index(name) + 1}" for name in reversed(expected))
    cookie = "; ".join(f"{name}={'abcd'.index(name) + 1}" for name in expected)
    assert request.target.query == (query.encode() or None)
    assert request.headers.get(b"cookie") == (cookie.encode() or None)


def test_policies_are_found_by_name_prefix_and_id() -> None:
    for wanted in ("AllViewer", "Managed-AllViewer", "216adef6-5c7f-47e4-b989-5492eafa07d3"):
        found = find_policy(ORIGIN_REQUEST_POLICIES, wanted)
        assert found is not None
        assert found.name == "AllViewer"


@pytest.mark.parametrize(
    ("agent", "kinds"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/1", {"desktop"}),
        ("Mozilla/5.0 (iPhone; CPU) Mobile/1", {"ios", "mobile"}),
        ("Mozilla/5.0 (iPad; CPU)", {"ios", "tablet", "mobile"}),
        ("Mozilla/5.0 (Linux; Android 14) Mobile", {"android", "mobile"}),
        ("Mozilla/5.0 (Linux; Android 14)", {"android", "tablet", "mobile"}),
        ("SmartTV", {"smarttv"}),
    ],
)
def test_devices_are_guessed(agent: str, kinds: set[str]) -> None:
    assert device_headers(agent) == {f"cloudfront-is-{kind}-viewer" for kind in kinds}
