"""The cache key: what it has of a request, and what it lacks."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.cache.key import (
    KeyParts,
    KeyRecipe,
    compile_key,
    head_key,
    lookups,
    part_key,
)
from edgegw.cloudfront.cache.key_gaps import KeyGap, key_gaps
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.model import CachePolicy, CustomOrigin, Selection
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget
from tests.cloudfront.cache.messages import asked

NONE = Selection()


def recipe(
    *,
    headers: str = "",
    cookies: Selection = NONE,
    query: Selection = NONE,
    gzip: bool = False,
    brotli: bool = False,
    distribution: str = "E1",
) -> KeyRecipe:
    named = Selection("whitelist", tuple(headers.split())) if headers else Selection()
    policy = CachePolicy("own", "own", 0, 1, 2, named, cookies, query, gzip, brotli)
    return compile_key(distribution, "*", policy)


def only(*names: str) -> Selection:
    return Selection("whitelist", names)


def all_but(*names: str) -> Selection:
    return Selection("allExcept", names)


ALL = Selection("all")
NOTHING = recipe()
SAME, OTHER = True, False

PAIRS = [
    # path: raw, and case counts
    ("path", NOTHING, asked("/a"), asked("/b"), OTHER),
    ("case of the path", NOTHING, asked("/a"), asked("/A"), OTHER),
    ("encoding of the path", NOTHING, asked("/a"), asked("/%61"), OTHER),
    ("dots of the path", NOTHING, asked("/a"), asked("/./a"), OTHER),
    # method
    ("HEAD", NOTHING, asked("/a"), asked("/a", "HEAD"), SAME),
    ("OPTIONS", NOTHING, asked("/a"), asked("/a", "OPTIONS"), OTHER),
    # what is never there
    ("scheme", NOTHING, asked(), replace(asked(), scheme="https"), SAME),
    ("Range", NOTHING, asked(), asked(range="bytes=0-1"), SAME),
    ("conditions", NOTHING, asked(), asked(if_none_match='"a"'), SAME),
    ("Cache-Control of the viewer", NOTHING, asked(), asked(cache_control="no-cache"), SAME),
    ("Host", NOTHING, asked(host="a.test"), asked(host="b.test"), SAME),
    ("cookies", NOTHING, asked(cookie="a=1"), asked(cookie="a=2"), SAME),
    ("query", NOTHING, asked("/a?x=1"), asked("/a?x=2"), SAME),
    ("a query or none", NOTHING, asked("/a?x=1"), asked("/a"), SAME),
    ("Accept-Encoding", NOTHING, asked(accept_encoding="br"), asked(), SAME),
    # headers
    ("header", recipe(headers="X-A"), asked(x_a="1"), asked(x_a="2"), OTHER),
    ("header of another name", recipe(headers="X-A"), asked(x_b="1"), asked(x_b="2"), SAME),
    ("header's value in case", recipe(headers="X-A"), asked(x_a="a"), asked(x_a="A"), OTHER),
    ("blanks in a header", recipe(headers="X-A"), asked(x_a="a, b"), asked(x_a="a,b"), OTHER),
    (
        "a header in several lines",
        recipe(headers="X-A"),
        asked(x_a="a, b"),
        Request("GET", RequestTarget(b"/a"), Headers([(b"X-A", b"a"), (b"x-a", b"b")])),
        SAME,
    ),
    ("absent header", recipe(headers="X-A"), asked(), asked(x_a="1"), OTHER),
    ("absent or empty header", recipe(headers="X-A"), asked(), asked(x_a=""), OTHER),
    ("a star is no wildcard", recipe(headers="X-*"), asked(x_a="1"), asked(x_a="2"), SAME),
    ("Host in the key", recipe(headers="Host"), asked(host="a"), asked(host="b"), OTHER),
    (
        "scheme in the key",
        recipe(headers="CloudFront-Forwarded-Proto"),
        asked(),
        replace(asked(), scheme="https"),
        OTHER,
    ),
    (
        "a viewer's CloudFront-*",
        recipe(headers="CloudFront-Viewer-Country"),
        asked(),
        asked(cloudfront_viewer_country="XX"),
        SAME,
    ),
    (
        "device in the key",
        recipe(headers="CloudFront-Is-Mobile-Viewer"),
        asked(user_agent="iPhone Mobi"),
        asked(user_agent="curl"),
        OTHER,
    ),
    (
        "two phones",
        recipe(headers="CloudFront-Is-Mobile-Viewer"),
        asked(user_agent="iPhone Mobi"),
        asked(user_agent="iPhone Mobi 2"),
        SAME,
    ),
    # cookies
    ("listed cookie", recipe(cookies=only("a")), asked(cookie="a=1"), asked(cookie="a=2"), OTHER),
    (
        "other cookie",
        recipe(cookies=only("a")),
        asked(cookie="a=1; b=1"),
        asked(cookie="a=1; b=2"),
        SAME,
    ),
    (
        "cookie's name in case",
        recipe(cookies=only("a")),
        asked(cookie="A=1"),
        asked(cookie="A=2"),
        SAME,
    ),
    (
        "cookies in any order",
        recipe(cookies=ALL),
        asked(cookie="a=1; b=2"),
        asked(cookie="b=2; a=1"),
        SAME,
    ),
    (
        "all but one cookie",
        recipe(cookies=all_but("b")),
        asked(cookie="a=1; b=1"),
        asked(cookie="a=1; b=2"),
        SAME,
    ),
    (
        "all but one cookie, another",
        recipe(cookies=all_but("b")),
        asked(cookie="a=1"),
        asked(cookie="a=2"),
        OTHER,
    ),
    (
        "cookies in several lines",
        recipe(cookies=ALL),
        asked(cookie="a=1; b=2"),
        Request("GET", RequestTarget(b"/a"), Headers([(b"Cookie", b"b=2"), (b"cookie", b"a=1")])),
        SAME,
    ),
    (
        "what is no pair, and $ names",
        recipe(cookies=ALL),
        asked(cookie="a=1; flag; $Version=1"),
        asked(cookie="a=1"),
        SAME,
    ),
    (
        "cookie's value in case",
        recipe(cookies=ALL),
        asked(cookie="a=x"),
        asked(cookie="a=X"),
        OTHER,
    ),
    ("no cookie", recipe(cookies=ALL), asked(), asked(cookie="a=1"), OTHER),
    # query: never sorted, only & separates
    ("order of the query", recipe(query=ALL), asked("/?a=1&b=2"), asked("/?b=2&a=1"), OTHER),
    (
        "order of the listed",
        recipe(query=only("a", "b")),
        asked("/?a=1&b=2"),
        asked("/?b=2&a=1"),
        OTHER,
    ),
    ("other parameters", recipe(query=only("a")), asked("/?a=1&b=2"), asked("/?b=3&a=1"), SAME),
    ("parameter's name in case", recipe(query=only("a")), asked("/?A=1"), asked("/?A=2"), SAME),
    ("duplicates", recipe(query=only("a")), asked("/?a=1&a=2"), asked("/?a=1"), OTHER),
    ("empty values", recipe(query=only("a")), asked("/?a="), asked("/"), OTHER),
    ("semicolons are data", recipe(query=only("a")), asked("/?a=1;b=1"), asked("/?a=1;b=2"), OTHER),
    (
        "all but one parameter",
        recipe(query=all_but("b")),
        asked("/?a=1&b=1"),
        asked("/?a=1&b=2"),
        SAME,
    ),
    ("empty pieces", recipe(query=only("a")), asked("/?&&a=1&"), asked("/?a=1"), SAME),
    ("a name that is encoded", recipe(query=only("a")), asked("/?%61=1"), asked("/"), SAME),
    ("a value that is encoded", recipe(query=only("a")), asked("/?a=%41"), asked("/?a=A"), OTHER),
    ("all, with an empty piece", recipe(query=ALL), asked("/?a=1&"), asked("/?a=1"), OTHER),
    ("nothing listed is there", recipe(query=only("a")), asked("/?b=1"), asked("/"), SAME),
    # Accept-Encoding
    (
        "both, in any order",
        recipe(gzip=True, brotli=True),
        asked(accept_encoding="gzip, br"),
        asked(accept_encoding="br;q=0.5,deflate,gzip"),
        SAME,
    ),
    (
        "both or one",
        recipe(gzip=True, brotli=True),
        asked(accept_encoding="gzip, br"),
        asked(accept_encoding="gzip"),
        OTHER,
    ),
    (
        "one or the other",
        recipe(gzip=True, brotli=True),
        asked(accept_encoding="br"),
        asked(accept_encoding="gzip"),
        OTHER,
    ),
    (
        "neither or no header",
        recipe(gzip=True, brotli=True),
        asked(accept_encoding="deflate"),
        asked(),
        SAME,
    ),
    ("q=0", recipe(gzip=True), asked(accept_encoding="gzip;q=0"), asked(), SAME),
    (
        "one flag has no eye for the other",
        recipe(gzip=True),
        asked(accept_encoding="gzip, br"),
        asked(accept_encoding="gzip"),
        SAME,
    ),
    (
        "HTTP/1.0 has no part in it",
        recipe(gzip=True),
        replace(asked(accept_encoding="gzip"), http_version="1.0"),
        asked(),
        SAME,
    ),
    (
        "Accept-Encoding like any header",
        recipe(headers="Accept-Encoding"),
        asked(accept_encoding="gzip, br"),
        asked(accept_encoding="br, gzip"),
        OTHER,
    ),
]


@pytest.mark.parametrize(
    ("rule", "one", "other", "is_same"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS]
)
def test_what_tells_keys_apart(
    rule: KeyRecipe, one: Request, other: Request, is_same: bool
) -> None:
    assert (rule.key(one) == rule.key(other)) is is_same


def test_distributions_share_nothing() -> None:
    assert recipe(distribution="E1").key(asked()) != recipe(distribution="E2").key(asked())


def test_behaviors_of_one_distribution_share_what_has_one_key() -> None:
    policy = find_policy(CACHE_POLICIES, "CachingOptimized")
    assert isinstance(policy, CachePolicy)
    assert compile_key("E1", "/a/*", policy).key(asked()) == compile_key("E1", "*", policy).key(
        asked()
    )


def test_headers_remember_their_part_for_each_recipe() -> None:
    request = asked(x_a="1", x_b="2")
    one, other = recipe(headers="X-A"), recipe(headers="X-B")
    assert one.key(request) != other.key(request)
    assert one.key(request) == one.key(asked(x_a="1", x_b="2"))


def test_error_pages_have_what_failed_in_the_key_if_asked_to() -> None:
    rule = recipe(headers="CloudFront-Error-Uri")
    assert rule.key(asked("/e"), RequestTarget(b"/a")) != rule.key(
        asked("/e"), RequestTarget(b"/b")
    )
    assert recipe().key(asked("/e"), RequestTarget(b"/a")) == recipe().key(asked("/e"))


TEXT = st.text(alphabet="ab=:;& c?-1", max_size=6)


@given(
    one=st.tuples(TEXT, TEXT, TEXT, st.one_of(st.none(), TEXT)),
    other=st.tuples(TEXT, TEXT, TEXT, st.one_of(st.none(), TEXT)),
)
def test_only_what_is_the_same_in_parts_is_the_same_in_bytes(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    rule = recipe(headers="X-A X-B", cookies=ALL, query=ALL)

    def request(path: str, query: str, cookie: str, header: str | None) -> Request:
        more = {} if header is None else {"x_a": header}
        return asked(f"/{path.replace('?', '')}?{query}", cookie=cookie, **more)

    first, second = request(*one), request(*other)
    assert (rule.key(first) == rule.key(second)) is (rule.parts(first) == rule.parts(second))


def test_parts_are_for_people() -> None:
    rule = recipe(
        headers="X-A X-B CloudFront-Forwarded-Proto",
        cookies=only("b", "a"),
        query=only("q"),
        gzip=True,
        brotli=True,
    )
    request = asked(
        "/p?z=1&q=2", "HEAD", x_a="1", cookie="c=3; b=2; a=1", accept_encoding="gzip,br"
    )
    assert rule.parts(request) == KeyParts(
        "E1",
        "GET",
        b"/p",
        b"q=2",
        (("x-a", b"1"), ("x-b", None), ("cloudfront-forwarded-proto", b"http")),
        ((b"a", b"1"), (b"b", b"2")),
        b"br,gzip",
    )


def test_place_has_the_query_of_the_key() -> None:
    assert recipe(query=only("q")).place(asked("/p?z=1&q=2")).url == b"/p?q=2"
    assert recipe().place(asked("/p?z=1&q=2")).url == b"/p"


@pytest.mark.parametrize("policy", CACHE_POLICIES, ids=lambda policy: policy.name)
def test_a_pickled_recipe_makes_the_same_keys(policy: CachePolicy) -> None:
    """A configuration is remembered from one start to the next."""
    rule = compile_key("E1", "*", policy)
    again = pickle.loads(pickle.dumps(rule))
    request = asked("/p?m=1&z=2", host="h", origin="o", cookie="a=1", accept_encoding="br")
    assert again == rule
    assert again.key(request) == rule.key(request)


def test_recipes_of_other_policies_differ() -> None:
    assert recipe(headers="X-A") != recipe(headers="X-B")
    assert recipe(cookies=only("a")) != recipe(cookies=only("b"))
    assert recipe(cookies=only("a")) == recipe(cookies=only("a"))


# Where to look


def test_a_get_looks_for_the_whole() -> None:
    assert lookups(b"Gk", asked()) == (b"Gk",)
    assert lookups(b"Gk", asked(if_none_match='"a"')) == (b"Gk",)


def test_a_head_looks_for_the_head_too() -> None:
    assert lookups(b"Gk", asked(method="HEAD")) == (b"Gk", head_key(b"Gk"))


@pytest.mark.parametrize(
    ("header", "kept_as"), [("bytes=0-99", b"0-99"), ("bytes=-5", b"-5"), ("Bytes = 007-", b"7-")]
)
def test_a_range_looks_for_that_range_too(header: str, kept_as: bytes) -> None:
    assert lookups(b"Gk", asked(range=header)) == (b"Gk", part_key(b"Gk", kept_as))


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=9-0", "items=0-1", "bytes="])
def test_what_is_no_single_range_looks_for_the_whole(header: str) -> None:
    assert lookups(b"Gk", asked(range=header)) == (b"Gk",)


def test_ranges_do_not_meet_other_keys() -> None:
    keys = {b"Gk", head_key(b"Gk"), part_key(b"Gk", b"0-9"), part_key(b"Gk", b"0-99"), b"Ok"}
    assert len(keys) == 5


# What the key lacks


def gaps(cache_policy: str, origin_policy: str | None, request: Request) -> dict[str, bool]:
    cache = find_policy(CACHE_POLICIES, cache_policy)
    more = find_policy(ORIGIN_REQUEST_POLICIES, origin_policy) if origin_policy else None
    assert isinstance(cache, CachePolicy)
    sent = origin_request(
        compile_forwarding(cache, more),  # type: ignore[arg-type]
        request,
        CustomOrigin("origin.test", 80, "http"),
        DistributionFacts("id", "0" * 32, b""),
    )
    return {
        str(gap): gap.reaches_origin
        for gap in key_gaps(compile_key("E1", "*", cache), request, sent)
    }


VIEWER = asked(
    "/?v=1", host="www.test", cookie="bucket=a", user_agent="curl", accept_encoding="br", x_a="1"
)


def test_what_the_key_lacks_stays_behind_with_a_cache_policy_alone() -> None:
    assert gaps("CachingOptimized", None, VIEWER) == {
        "header host": False,
        "header user-agent": False,
        "header x-a": False,
        "cookie bucket": False,
        "query string v": False,
    }


def test_what_an_origin_request_policy_adds_reaches_the_origin_without_being_in_the_key() -> None:
    assert gaps("CachingOptimized", "AllViewer", VIEWER) == {
        "header host": True,
        "header user-agent": True,
        "header x-a": True,
        "cookie bucket": True,
        "query string v": True,
    }


def test_what_is_in_the_key_is_no_gap() -> None:
    left = gaps("UseOriginCacheControlHeaders-QueryStrings", None, VIEWER)
    assert left == {"header user-agent": False, "header x-a": False}


def test_without_an_origin_request_nothing_reaches_it() -> None:
    assert key_gaps(NOTHING, asked(x_a="1")) == [KeyGap("header", "x-a", reaches_origin=False)]


def test_what_comes_twice_is_one_gap() -> None:
    twice = Request(
        "GET", RequestTarget(b"/", b"a=1&a=2"), Headers([(b"X-A", b"1"), (b"x-a", b"2")])
    )
    assert [str(gap) for gap in key_gaps(NOTHING, twice)] == ["header x-a", "query string a"]
