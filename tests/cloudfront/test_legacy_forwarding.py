"""What reaches the origin with legacy cache settings (`ForwardedValues`)."""

from __future__ import annotations

import pickle

import pytest

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.cache.legacy import ForwardedValues
from edgegw.cloudfront.legacy_forwarding import legacy_forwarding
from edgegw.cloudfront.model import CustomOrigin
from edgegw.cloudfront.origin_request import origin_request
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget

FACTS = DistributionFacts("id==", "0" * 32, b"date")
ORIGIN = CustomOrigin("origin.test", 443, "https")
TTLS = (0, 86400, 31536000)
GET_HEAD = frozenset({"GET", "HEAD"})
VIEWER = {
    "Host": "www.example.test",
    "User-Agent": "curl/8",
    "Accept": "*/*",
    "Accept-Charset": "utf-8",
    "Accept-Encoding": "gzip, br",
    "Accept-Language": "de",
    "Referer": "r",
    "Cookie": "session-b=2; session-a=1; s1=3; s12=4; $v=0",
    "X-Own": "1",
    "Sec-Fetch-Mode": "cors",
    "Authorization": "Basic x",
    "X-HTTP-Method-Override": "PUT",
    "X-Forwarded-For": "9.9.9.9",
    "X-Forwarded-Proto": "https",
    "X-Real-IP": "9",
    "X-Edge-Thing": "1",
    "Connection": "keep-alive",
    "Upgrade": "h2c",
    "TE": "trailers",
    "Content-MD5": "x",
    "If-None-Match": '"e"',
    "Cache-Control": "no-cache",
    "CloudFront-Viewer-Country": "XX",
}
ALWAYS = {
    "accept-encoding",
    "cache-control",
    "content-md5",
    "host",
    "if-none-match",
    "user-agent",
    "via",
    "x-forwarded-for",
}
UNLISTED = {"x-own", "sec-fetch-mode"}
"""Headers of the viewer that no table of CloudFront's names."""


def sent(
    forwarded: ForwardedValues,
    target: bytes = b"/",
    method: str = "GET",
    cached_methods: frozenset[str] = GET_HEAD,
) -> Request:
    headers = Headers([(name.encode(), text.encode()) for name, text in VIEWER.items()])
    client = Client("1.2.3.4", 567)
    request = Request(method, RequestTarget.parse(target), headers, client=client)
    forwarding = legacy_forwarding(forwarded, TTLS, cached_methods)
    return origin_request(forwarding, request, ORIGIN, FACTS)


def names(request: Request) -> set[str]:
    return {name.decode().lower() for name, _ in request.headers}


def test_unlisted_headers_go_through_and_the_rest_has_cloudfronts_own_treatment() -> None:
    request = sent(ForwardedValues())
    assert names(request) == ALWAYS | UNLISTED
    assert request.headers.get(b"host") == b"origin.test"
    assert request.headers.get(b"user-agent") == b"Amazon CloudFront"
    assert request.headers.get(b"accept-encoding") == b"gzip"
    assert request.headers.get(b"x-forwarded-for") == b"9.9.9.9, 1.2.3.4"


@pytest.mark.parametrize(
    ("listed", "value"),
    [
        ("Accept", b"*/*"),
        ("Accept-Charset", b"utf-8"),
        ("Accept-Encoding", b"gzip, br"),
        ("Accept-Language", b"de"),
        ("Authorization", b"Basic x"),
        ("Host", b"www.example.test"),
        ("Referer", b"r"),
        ("User-Agent", b"curl/8"),
        ("X-HTTP-Method-Override", b"PUT"),
        ("CloudFront-Viewer-Country", b"US"),
    ],
)
def test_a_listed_header_reaches_the_origin_as_it_came(listed: str, value: bytes) -> None:
    request = sent(ForwardedValues(headers=(listed,)))
    assert names(request) == ALWAYS | UNLISTED | {listed.lower()}
    assert request.headers.get(listed.lower().encode()) == value


def test_all_headers_are_all_but_those_that_never_go_on() -> None:
    request = sent(ForwardedValues(headers=("*",)))
    assert names(request) == ALWAYS | UNLISTED | {
        "accept",
        "accept-charset",
        "accept-language",
        "authorization",
        "referer",
        "x-http-method-override",
    }
    assert request.headers.get(b"host") == b"www.example.test"
    assert request.headers.get(b"user-agent") == b"curl/8"
    assert request.headers.get(b"accept-encoding") == b"gzip, br"


@pytest.mark.parametrize(
    ("forwarded", "cookie"),
    [
        (ForwardedValues(), None),
        (ForwardedValues(cookies="all"), b"s1=3; s12=4; session-a=1; session-b=2"),
        (
            ForwardedValues(cookies="whitelist", cookie_names=("session-*",)),
            b"session-a=1; session-b=2",
        ),
        (ForwardedValues(cookies="whitelist", cookie_names=("s?",)), b"s1=3"),
        (ForwardedValues(cookies="whitelist", cookie_names=("S1", "s12")), b"s12=4"),
    ],
)
def test_cookies_by_name_with_wildcards(forwarded: ForwardedValues, cookie: bytes | None) -> None:
    assert sent(forwarded).headers.get(b"cookie") == cookie


@pytest.mark.parametrize(
    ("forwarded", "query"),
    [
        (ForwardedValues(), None),
        (ForwardedValues(query_string=True), b"b=2&a=1&&a"),
        (ForwardedValues(query_string=True, query_string_cache_keys=("a",)), b"b=2&a=1&&a"),
    ],
)
def test_the_query_string_goes_on_as_a_whole_or_not_at_all(
    forwarded: ForwardedValues, query: bytes | None
) -> None:
    assert sent(forwarded, b"/?b=2&a=1&&a").target.query == query


@pytest.mark.parametrize(
    ("method", "cached", "is_kept"),
    [
        ("GET", GET_HEAD, False),
        ("HEAD", GET_HEAD, False),
        ("OPTIONS", GET_HEAD, True),
        ("OPTIONS", GET_HEAD | {"OPTIONS"}, False),
        ("POST", GET_HEAD | {"OPTIONS"}, True),
        ("PUT", GET_HEAD, True),
        ("PATCH", GET_HEAD, True),
        ("DELETE", GET_HEAD, True),
    ],
)
def test_authorization_goes_on_with_methods_that_are_not_cached(
    method: str, cached: frozenset[str], is_kept: bool
) -> None:
    request = sent(ForwardedValues(), method=method, cached_methods=cached)
    assert ("authorization" in names(request)) is is_kept


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        ((), b"X-Own, Accept-Encoding, Cookie"),
        (("Accept-Language",), b"X-Own, Accept-Language, Accept-Encoding, Cookie"),
        (("CloudFront-Is-Mobile-Viewer",), b"X-Own, Accept-Encoding, User-Agent, Cookie"),
    ],
)
def test_vary_keeps_what_reaches_the_origin(listed: tuple[str, ...], kept: bytes) -> None:
    vary = b"X-Own, Accept-Language, Accept-Encoding, User-Agent, Cookie"
    forwarding = legacy_forwarding(ForwardedValues(headers=listed), TTLS)
    assert forwarding.to_viewer(Headers([(b"Vary", vary)])).headers.get(b"vary") == kept


def test_it_is_the_same_again_after_pickling() -> None:
    forwarding = legacy_forwarding(
        ForwardedValues(cookies="whitelist", cookie_names=("a*",)), (1, 2, 3)
    )
    again = pickle.loads(pickle.dumps(forwarding))
    assert again == forwarding
    assert again != legacy_forwarding(ForwardedValues(cookies="all"), (1, 2, 3))
    assert again != legacy_forwarding(
        ForwardedValues(cookies="whitelist", cookie_names=("a*",)), (1, 2, 4)
    )
    assert again.keeps_cookie("ab")
    assert not again.keeps_cookie("ba")
