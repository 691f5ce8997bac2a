"""An origin's headers on their way to the viewer: which go on, what they become, their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.answers import DistributionFacts, generated, stamped
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.managed import CACHE_POLICIES
from edgegw.cloudfront.model import CachePolicy, OriginRequestPolicy, Selection
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.response_headers import framed_anew, in_order, response_headers
from edgegw.http.message import EMPTY, Body, Header, Headers, Response

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")
OURS = b"1.1 " + b"0" * 32 + b".cloudfront.net (CloudFront)"
NOTHING = Selection()
DEVICES = Selection("whitelist", ("CloudFront-Is-Mobile-Viewer",))
LISTED = Selection("whitelist", ("X-Tenant", "Accept-Language"))
ALL_COOKIES = Selection("all")


def to_viewer(
    *lines: Header,
    key: Selection = NOTHING,
    more: Selection = NOTHING,
    cookies: Selection = NOTHING,
    is_bucket: bool = False,
) -> list[Header]:
    """What the viewer gets of the origin's `lines`, by the policies that are given."""
    policy = CachePolicy("p", "i", headers=key, cookies=cookies)
    forwarding = compile_forwarding(policy, OriginRequestPolicy("o", "i", headers=more))
    headers = response_headers(Headers(lines), FACTS, forwarding.to_viewer, is_bucket=is_bucket)
    return list(stamped(Response(200, b"OK", headers), Verdict.MISS, FACTS).headers)


def values(lines: list[Header], name: bytes) -> list[bytes]:
    return Headers(lines).get_all(name)


# Order


def names(lines: list[Header]) -> str:
    return " ".join(name.decode() for name, _ in lines)


def test_headers_stand_in_the_observed_order() -> None:
    lines = to_viewer(
        (b"Server", b"s"),
        (b"vary", b"accept-encoding"),
        (b"Date", b"d"),
        (b"content-length", b"2"),
        (b"ETag", b'"e"'),
        (b"Connection", b"keep-alive"),
        (b"Content-Type", b"text/html"),
    )
    assert names(lines) == (
        "Content-Type content-length Connection Server Date ETag vary "
        "X-Cache Via X-Amz-Cf-Pop X-Amz-Cf-Id"
    )


def test_a_date_that_is_missing_is_added_before_vary() -> None:
    assert names(to_viewer((b"Vary", b"Cookie"), (b"A", b"1"))[:4]) == "Connection A Date Vary"
    assert names(to_viewer((b"A", b"1"))[:3]) == "Connection A Date"


def test_alt_svc_stands_before_the_request_id() -> None:
    policy = compile_forwarding(CACHE_POLICIES[0], None)
    facts = FACTS.announcing(b'h3=":443"')
    headers = response_headers(Headers(), facts, policy.to_viewer)
    stamp = stamped(Response(200, b"OK", headers), Verdict.MISS, facts).headers.raw[-5:]
    assert names(list(stamp)) == "X-Cache Via X-Amz-Cf-Pop Alt-Svc X-Amz-Cf-Id"


def test_generated_responses_have_the_order_of_pages() -> None:
    own = Headers([(b"Location", b"/x"), (b"content-type", b"text/plain"), (b"A", b"1")])
    made = generated(302, b"Found", own, b"body", FACTS)
    answer = stamped(made, Verdict.LAMBDA_GENERATED_RESPONSE, FACTS, without_origin=True)
    assert names(list(answer.headers)) == (
        "Server Date content-type Content-Length Connection Location A "
        "X-Cache Via X-Amz-Cf-Pop X-Amz-Cf-Id"
    )


def test_what_a_function_made_of_headers_is_put_in_order_again() -> None:
    headers = Headers([(b"Vary", b"a"), (b"Via", b"v"), (b"B", b"1"), (b"Content-Type", b"t")])
    assert names(list(in_order(headers))) == "Content-Type B Vary Via"


SOME_NAMES = st.sampled_from([b"Vary", b"A", b"B", b"Content-Type", b"Connection", b"Via"])
SOME_LINES = st.lists(st.tuples(SOME_NAMES, st.sampled_from([b"1", b"2"])), max_size=4)


@given(SOME_LINES, SOME_LINES, st.sampled_from([b"Via", b"A"]))
def test_lines_behind_those_that_were_shown_come_to_the_same_order(
    shown: list[Header], added: list[Header], last: bytes
) -> None:
    """The order of headers that only became longer is known from those before."""
    passed = Headers(in_order(Headers([(b"X", b"1"), *shown])).raw)
    longer = passed.added((last, b"v")).added(*added)
    assert in_order(longer).raw == in_order(Headers(longer.raw)).raw


# Via, and what another CloudFront left


@pytest.mark.parametrize(
    ("origins", "expected"),
    [
        ([], OURS),
        ([b"1.1 vegur"], b"1.1 vegur, " + OURS),
        ([b"1.0 a, 1.1 b"], b"1.0 a, 1.1 b, " + OURS),
        ([b"1.0 a", b"1.1 b"], b"1.0 a, 1.1 b, " + OURS),
        ([b""], OURS),
    ],
)
def test_the_via_of_this_edge_stands_behind_the_origins_own(
    origins: list[bytes], expected: bytes
) -> None:
    assert values(to_viewer(*[(b"via", each) for each in origins]), b"via") == [expected]


def test_marks_of_an_inner_cloudfront_are_replaced_but_for_its_pop() -> None:
    lines = to_viewer(
        (b"X-Cache", b"Hit from cloudfront"),
        (b"x-cache", b"HIT"),
        (b"X-Amz-Cf-Id", b"inner"),
        (b"X-Amz-Cf-Pop", b"SEA19-C1"),
    )
    assert values(lines, b"x-cache") == [b"Miss from cloudfront"]
    assert values(lines, b"x-amz-cf-id") == [FACTS.request_id.encode()]
    assert values(lines, b"x-amz-cf-pop") == [b"SEA19-C1", b"FRA56-P1"]


def test_a_function_that_was_let_off_with_taking_via_away_breaks_nothing() -> None:
    """`strict: false` lets changes of read-only headers through."""
    answer = stamped(Response(200, b"OK", Headers([(b"A", b"1")])), Verdict.MISS, FACTS)
    assert names(list(answer.headers)) == "A X-Cache Via X-Amz-Cf-Pop X-Amz-Cf-Id"


# What does not go on

GONE = [b"Trailer", b"Upgrade", b"Transfer-Encoding", b"Keep-Alive", b"Proxy-Authenticate"]


@pytest.mark.parametrize("name", GONE)
def test_headers_of_the_connection_end_here(name: bytes) -> None:
    assert values(to_viewer((name, b"x")), name.lower()) == []


def test_what_connection_names_ends_here_too() -> None:
    lines = to_viewer((b"X-Hop", b"1"), (b"Connection", b"X-Hop, close"), (b"X-Kept", b"1"))
    assert values(lines, b"x-hop") == []
    assert values(lines, b"x-kept") == [b"1"]
    assert values(lines, b"connection") == [b"keep-alive"]


@pytest.mark.parametrize("is_bucket", [True, False])
def test_ids_of_amazon_s3_are_removed_for_buckets_alone(is_bucket: bool) -> None:
    """CloudFront Developer Guide, "Request and response behavior for Amazon S3 origins"."""
    lines = to_viewer((b"x-amz-id-2", b"i"), (b"x-amz-request-id", b"r"), is_bucket=is_bucket)
    expected = [] if is_bucket else [b"i"]
    assert values(lines, b"x-amz-id-2") == expected
    assert len(values(lines, b"x-amz-request-id")) == len(expected)


def test_set_cookie_goes_on_where_cookies_are_forwarded() -> None:
    cookie = (b"Set-Cookie", b"a=1")
    assert values(to_viewer(cookie, cookie), b"set-cookie") == []
    assert values(to_viewer(cookie, cookie, cookies=ALL_COOKIES), b"set-cookie") == [b"a=1"] * 2


# Vary


@pytest.mark.parametrize(
    ("given", "policies", "expected"),
    [
        pytest.param([b"Accept-Encoding"], {}, [b"Accept-Encoding"], id="always"),
        pytest.param([b"cookie,ACCEPT-ENCODING"], {}, [b"cookie,ACCEPT-ENCODING"], id="as it came"),
        pytest.param([b"*"], {}, [b"*"], id="everything"),
        pytest.param([b"Origin"], {}, [], id="nothing is left"),
        pytest.param([b"X-Tenant, Cookie, Origin"], {}, [b"Cookie"], id="others are cut out"),
        pytest.param(
            [b"Origin,  x-tenant,Cookie"], {"key": LISTED}, [b"x-tenant, Cookie"], id="cache policy"
        ),
        pytest.param(
            [b"accept-language"], {"more": LISTED}, [b"accept-language"], id="origin request policy"
        ),
        pytest.param(
            [b"X-Any, Origin"],
            {"more": Selection("allViewer")},
            [b"X-Any, Origin"],
            id="all viewer",
        ),
        pytest.param(
            [b"X-Any, Host"],
            {"more": Selection("allExcept", ("Host",))},
            [b"X-Any"],
            id="all but Host",
        ),
        pytest.param([b"User-Agent"], {}, [], id="User-Agent alone"),
        pytest.param([b"User-Agent"], {"key": DEVICES}, [b"User-Agent"], id="with a device header"),
        pytest.param([b"User-Agent"], {"more": DEVICES}, [b"User-Agent"], id="in the other policy"),
        pytest.param([b"Cookie", b"Origin"], {}, [b"Cookie"], id="line by line"),
        pytest.param([b""], {}, [], id="empty"),
    ],
)
def test_vary_keeps_what_is_forwarded(
    given: list[bytes], policies: dict[str, Selection], expected: list[bytes]
) -> None:
    """CloudFront Developer Guide, headers that CloudFront removes or replaces."""
    key, more = policies.get("key", NOTHING), policies.get("more", NOTHING)
    lines = to_viewer(*[(b"Vary", each) for each in given], key=key, more=more)
    assert values(lines, b"vary") == expected


# Framing


@pytest.mark.parametrize("status", [200, 204, 304, 404])
def test_no_204_has_a_length(status: int) -> None:
    headers = Headers([(b"Content-Length", b"2"), (b"Via", b"v")])
    answer = stamped(Response(status, b"", headers, Body.of(b"ok")), Verdict.MISS, FACTS)
    assert (b"content-length" in answer.headers) is (status != 204)


@pytest.mark.parametrize(
    ("before", "after", "method", "length"),
    [
        (204, 200, "GET", b"0"),
        (304, 200, "GET", b"0"),
        (304, 200, "HEAD", b"9"),
        (304, 304, "GET", b"9"),
        (200, 304, "GET", b"9"),
        (404, 200, "GET", b"9"),
    ],
)
def test_what_was_without_body_gets_the_length_of_the_body_it_has(
    before: int, after: int, method: str, length: bytes
) -> None:
    response = Response(after, b"", Headers([(b"Content-Length", b"9"), (b"Via", b"v")]), EMPTY)
    framed = framed_anew(response, method, before)
    assert framed.headers.get_all(b"content-length") == [length]
    assert framed.headers.raw[-1] == (b"Via", b"v")
