"""Response headers policies: what they take away and add, and where it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.cloudfront.answers import DistributionFacts, error_page, stamped
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.cors import compile_cors
from edgegw.cloudfront.managed import find_policy
from edgegw.cloudfront.managed_response_headers import RESPONSE_HEADERS_POLICIES
from edgegw.cloudfront.response_headers_policy import (
    PolicyHeader,
    ResponseHeadersPolicy,
    with_policy,
)
from edgegw.cloudfront.response_headers_rules import (
    custom_fault,
    removal_fault,
    sampling_fault,
    strict_transport_security,
    xss_protection,
)
from edgegw.cloudfront.server_timing import UpstreamTiming, is_sampled, with_server_timing
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import RequestTarget

DATE = b"Sat, 21 Nov 2026 00:00:00 GMT"
FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, DATE)
NONE = ResponseHeadersPolicy("own", "id")
SECURE = (
    "X-XSS-Protection: 1; mode=block",
    "X-Frame-Options: SAMEORIGIN",
    "Referrer-Policy: strict-origin-when-cross-origin",
    "X-Content-Type-Options: nosniff",
)
STRICT = "Strict-Transport-Security: max-age=31536000"


def managed(name: str) -> ResponseHeadersPolicy:
    policy = find_policy(RESPONSE_HEADERS_POLICIES, name)
    assert policy is not None
    return policy


def lines_of(*lines: str) -> Headers:
    pairs = [line.split(": ", 1) for line in lines]
    return Headers([(name.encode(), text.encode()) for name, text in pairs])


def answered(
    policy: ResponseHeadersPolicy,
    *origin: str,
    request: tuple[str, ...] = (),
    method: str = "GET",
    scheme: str = "https",
) -> list[str]:
    """The header lines of an answer of the origin less Via, which is its last one."""
    viewer = Request(method, RequestTarget(b"/"), lines_of(*request), scheme=scheme)
    response = Response(200, b"OK", lines_of(*origin, "Via: 1.1 x"))
    headers = with_policy(policy, response, viewer, DATE).headers
    assert headers.raw[-1][0] == b"Via"
    return [f"{name.decode()}: {text.decode()}" for name, text in headers.raw[:-1]]


def custom(name: str, text: str, *, override: bool = False) -> ResponseHeadersPolicy:
    header = PolicyHeader(name.encode(), text.encode(), override)
    return replace(NONE, custom=(header,))


# Managed policies


@pytest.mark.parametrize(
    ("policy_id", "name"),
    [
        ("60669652-455b-4ae9-85a4-c4c02393f86c", "SimpleCORS"),
        ("5cc3b908-e619-4b99-88e5-2cf7f45965bd", "CORS-With-Preflight"),
        ("67f7725c-6f97-4210-82d7-5512b31e9d03", "SecurityHeadersPolicy"),
        ("e61eb60c-9c35-4d20-a928-2b84e02af89c", "CORS-and-SecurityHeadersPolicy"),
        ("eaab4381-ed33-4a86-88ca-d9558dc6cd63", "CORS-with-preflight-and-SecurityHeadersPolicy"),
    ],
)
def test_managed_policies_are_known_by_id_and_name(policy_id: str, name: str) -> None:
    assert managed(policy_id) is managed(name) is managed(f"Managed-{name}")


def test_the_security_set() -> None:
    assert answered(managed("SecurityHeadersPolicy"), "Server: nginx") == [
        "Server: nginx",
        *SECURE,
        STRICT,
    ]


def test_only_nosniff_of_the_security_set_overrides() -> None:
    own = (
        "X-XSS-Protection: 0",
        "X-Frame-Options: DENY",
        "Referrer-Policy: origin",
        "Strict-Transport-Security: max-age=1",
    )
    lines = answered(managed("SecurityHeadersPolicy"), *own, "X-Content-Type-Options: other")
    assert lines == [*own, "X-Content-Type-Options: nosniff"]


def test_strict_transport_security_is_not_sent_over_http() -> None:
    assert answered(managed("SecurityHeadersPolicy"), scheme="http") == [*SECURE]


@pytest.mark.parametrize(
    ("name", "preflight"),
    [("SimpleCORS", False), ("CORS-With-Preflight", True)],
)
def test_managed_cors(name: str, preflight: bool) -> None:
    asked = ("Origin: https://app.test", "Access-Control-Request-Method: PUT")
    more = ["Access-Control-Allow-Methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"]
    exposed = ["Access-Control-Expose-Headers: *"]
    origin = "Access-Control-Allow-Origin: *"
    simple = answered(managed(name), request=asked[:1])
    assert simple == [origin, *(exposed if preflight else [])]
    options = answered(managed(name), request=asked, method="OPTIONS")
    assert options == [origin, *([*more, *exposed] if preflight else [])]


# Override, by section


@pytest.mark.parametrize(
    ("override", "origin", "lines"),
    [
        pytest.param(True, ["X-A: own"], ["X-B: 1", "X-A: policy"], id="replaced"),
        pytest.param(False, ["X-A: own"], ["X-A: own", "X-B: 1"], id="kept"),
        pytest.param(True, [], ["X-B: 1", "X-A: policy"], id="added, override"),
        pytest.param(False, [], ["X-B: 1", "X-A: policy"], id="added"),
        pytest.param(True, ["x-a: 1", "X-A: 2"], ["X-B: 1", "X-A: policy"], id="both replaced"),
    ],
)
def test_a_custom_header_replaces_by_its_own_flag(
    override: bool, origin: list[str], lines: list[str]
) -> None:
    policy = custom("X-A", "policy", override=override)
    assert answered(policy, *origin, "X-B: 1") == lines


def test_the_value_of_a_custom_header_may_be_empty() -> None:
    assert answered(custom("X-A", "")) == ["X-A: "]


CORS = compile_cors(("https://app.test",), exposed=("X-C",))
APP = ("Origin: https://app.test",)


def test_cors_without_override_leaves_an_origin_the_word_that_says_anything() -> None:
    policy = replace(NONE, cors=CORS)
    own = "Access-Control-Max-Age: 1"
    assert answered(policy, own, request=APP) == [own]
    assert answered(policy, request=APP) == [
        "Access-Control-Allow-Origin: https://app.test",
        "Access-Control-Expose-Headers: X-C",
        "Vary: Origin",
    ]


def test_cors_with_override_replaces_header_by_header() -> None:
    policy = replace(NONE, cors=replace(CORS, origin_override=True))
    own = ("Access-Control-Max-Age: 1", "Access-Control-Allow-Origin: https://other.test")
    assert answered(policy, *own, request=APP) == [
        "Access-Control-Max-Age: 1",
        "Access-Control-Allow-Origin: https://app.test",
        "Access-Control-Expose-Headers: X-C",
        "Vary: Origin",
    ]


@pytest.mark.parametrize(
    ("origins", "request_lines", "own", "vary"),
    [
        pytest.param(("*",), (), (), ["Vary: Origin"], id="no Origin"),
        pytest.param(("*",), APP, (), [], id="any origin"),
        pytest.param(("https://app.test",), APP, (), ["Vary: Origin"], id="one origin"),
        pytest.param(
            ("*",),
            (),
            ("Vary: Accept-Encoding, Origin",),
            ["Vary: Accept-Encoding, Origin"],
            id="said already",
        ),
    ],
)
def test_cors_says_what_the_answer_varies_by(
    origins: tuple[str, ...], request_lines: tuple[str, ...], own: tuple[str, ...], vary: list[str]
) -> None:
    policy = replace(NONE, cors=compile_cors(origins))
    lines = answered(policy, *own, request=request_lines)
    assert [line for line in lines if line.startswith("Vary")] == vary


def test_a_custom_vary_is_lost_beside_cors() -> None:
    assert answered(custom("Vary", "X-A")) == ["Vary: X-A"]
    policy = replace(custom("Vary", "X-A"), cors=compile_cors(("*",)))
    assert answered(policy, request=APP) == ["Access-Control-Allow-Origin: *"]


# Removal


def test_a_removed_name_goes_and_may_come_again() -> None:
    policy = replace(custom("X-A", "policy"), removed=frozenset({b"x-a", b"x-b"}))
    assert answered(policy, "X-A: own", "X-B: own", "X-C: own") == ["X-C: own", "X-A: policy"]


def test_server_and_date_are_cloudfronts_own_then() -> None:
    policy = replace(NONE, removed=frozenset({b"server", b"date"}))
    lines = answered(policy, "Date: then", "Server: nginx", "X-A: own")
    assert lines == ["X-A: own", f"Date: {DATE.decode()}", "Server: CloudFront"]


# Order


def test_in_a_stamped_answer_the_policy_stands_before_x_cache() -> None:
    page = error_page(403, "Bad request.", FACTS)
    request = Request("GET", RequestTarget(b"/"), scheme="https")
    headers = with_policy(managed("SecurityHeadersPolicy"), page, request, DATE).headers
    assert [name for name, _ in headers] == [
        b"Server",
        b"Date",
        b"Content-Type",
        b"Content-Length",
        b"Connection",
        b"X-XSS-Protection",
        b"X-Frame-Options",
        b"Referrer-Policy",
        b"X-Content-Type-Options",
        b"Strict-Transport-Security",
        b"X-Cache",
        b"Via",
        b"X-Amz-Cf-Pop",
        b"X-Amz-Cf-Id",
    ]


# What the headers say, and what AWS refuses


@pytest.mark.parametrize(
    ("protects", "blocks", "report", "text"),
    [
        (False, True, "https://r.test", "0"),
        (True, False, None, "1"),
        (True, True, None, "1; mode=block"),
        (True, False, "https://r.test", "1; report=https://r.test"),
    ],
)
def test_xss_protection(protects: bool, blocks: bool, report: str | None, text: str) -> None:
    assert xss_protection(protects=protects, blocks=blocks, report_uri=report) == text


@pytest.mark.parametrize(
    ("subdomains", "preloads", "text"),
    [
        (False, False, "max-age=60"),
        (True, False, "max-age=60; includeSubDomains"),
        (False, True, "max-age=60; preload"),
        (True, True, "max-age=60; includeSubDomains; preload"),
    ],
)
def test_strict_transport_security(subdomains: bool, preloads: bool, text: str) -> None:
    assert strict_transport_security(60, subdomains=subdomains, preloads=preloads) == text


UNREMOVABLE = [
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Expect",
    "Host",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "Warning",
    "X-Accel-Buffering",
    "X-Accel-Charset",
    "X-Accel-Limit-Rate",
    "X-Accel-Redirect",
    "X-Amz-Cf-Id",
    "X-Amz-Cf-Pop",
    "X-Amzn-Auth",
    "X-Amzn-Cf-Billing",
    "X-Amzn-Cf-Id",
    "X-Amzn-Cf-Xff",
    "X-Amzn-ErrorType",
    "X-Amzn-Fle-Profile",
    "X-Amzn-Header-Count",
    "X-Amzn-Header-Order",
    "X-Amzn-Lambda-Integration-Tag",
    "X-Amzn-RequestId",
    "X-Cache",
    "X-Edge-Location",
    "X-Forwarded-Proto",
    "X-Real-Ip",
]


@pytest.mark.parametrize("name", UNREMOVABLE)
def test_some_headers_cannot_be_removed(name: str) -> None:
    assert removal_fault(name) is not None
    assert custom_fault(name, "1") is not None


@pytest.mark.parametrize("name", ["Server", "Date", "Set-Cookie", "X-Powered-By", "ETag"])
def test_others_can(name: str) -> None:
    assert removal_fault(name) is None


@pytest.mark.parametrize(
    ("name", "text", "is_refused"),
    [
        ("Strict-Transport-Security", "1", True),
        ("access-control-allow-origin", "*", True),
        ("Server-Timing", "a", True),
        ("Cache-Control", "no-store", False),
        ("X-A", "a" * 1783, False),
        ("X-A", "a" * 1784, True),
    ],
)
def test_custom_headers(name: str, text: str, is_refused: bool) -> None:
    assert (custom_fault(name, text) is not None) is is_refused


@pytest.mark.parametrize(
    ("rate", "is_refused"),
    [(0, False), (100, False), (12.3456, False), (12.34567, True), (100.1, True), (-1, True)],
)
def test_sampling_rates(rate: float, is_refused: bool) -> None:
    assert (sampling_fault(rate) is not None) is is_refused


# Server-Timing


@pytest.mark.parametrize(
    ("rate", "draw", "pragma", "is_sent"),
    [
        (0, 0.0, "", False),
        (100, 0.9999, "", True),
        (50, 0.49, "", True),
        (50, 0.5, "", False),
        (0, 0.5, "Server-Timing", True),
        (0, 0.5, "no-cache, server-timing", True),
        (0, 0.5, "no-cache", False),
    ],
)
def test_a_sample_of_answers_tells_its_timing(
    rate: float, draw: float, pragma: str, is_sent: bool
) -> None:
    headers = lines_of(f"Pragma: {pragma}") if pragma else Headers()
    assert is_sampled(rate, draw, Request("GET", RequestTarget(b"/"), headers)) is is_sent


PLACE = f'cdn-pop;desc="FRA56-P1",cdn-rid;desc="{FACTS.request_id}"'
UPSTREAM = (
    'cdn-upstream-layer;desc="EDGE",cdn-upstream-dns;dur=0,cdn-upstream-connect;dur=0,'
    "cdn-upstream-fbl;dur=12,"
)


@pytest.mark.parametrize(
    ("verdict", "upstream", "text"),
    [
        (
            Verdict.MISS,
            0.012,
            f"app;dur=1,{UPSTREAM}cdn-cache-miss,{PLACE},cdn-downstream-fbl;dur=20",
        ),
        (
            Verdict.HIT,
            None,
            f'cdn-cache-hit,{PLACE},cdn-hit-layer;desc="EDGE",cdn-downstream-fbl;dur=20',
        ),
        (
            Verdict.REFRESH_HIT,
            0.012,
            f"{UPSTREAM}cdn-cache-refresh,{PLACE},cdn-downstream-fbl;dur=20",
        ),
        (Verdict.ERROR, None, f"app;dur=1,cdn-cache-miss,{PLACE},cdn-downstream-fbl;dur=20"),
    ],
)
def test_the_metrics_of_server_timing(verdict: Verdict, upstream: float | None, text: str) -> None:
    own = lines_of("Server-Timing: app;dur=1", "Vary: Cookie", "Via: 1.1 x")
    response = stamped(Response(200, b"OK", own), verdict, FACTS)
    timing = None if upstream is None else UpstreamTiming(upstream)
    headers = with_server_timing(response, verdict, FACTS.request_id, 0.0204, timing).headers
    assert headers.raw[:2] == ((b"Server-Timing", text.encode()), (b"Vary", b"Cookie"))
