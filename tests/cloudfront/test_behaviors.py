from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.cloudfront.behaviors import (
    ALL_METHODS,
    GET_HEAD,
    GET_HEAD_OPTIONS,
    DistributionRefusal,
    RedirectToHttps,
    admit,
    choose_behavior,
    compile_path_pattern,
    refuse_size,
)
from edgegw.cloudfront.managed import CACHE_POLICIES
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution, ViewerProtocolPolicy
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.http.message import Body, Headers, Request
from edgegw.http.target import RequestTarget

FORWARDING = compile_forwarding(CACHE_POLICIES[1], None)
ORIGIN = CustomOrigin("o", 80, "http")


def behavior(
    pattern: str = "*",
    policy: ViewerProtocolPolicy = "allow-all",
    methods: frozenset[str] = GET_HEAD,
) -> Behavior:
    return Behavior(pattern, compile_path_pattern(pattern), ORIGIN, FORWARDING, policy, methods)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (b"/api/x", "/api/*"),
        (b"/api", "*"),
        (b"/x/y.jpg", "*.jpg"),
        (b"/img/1", "img/?"),
        (b"/img/12", "*"),
        (b"/API/x", "*"),
        (b"/a/../api/x", "/api/*"),
        (b"//api//x", "/api/*"),
        (b"/api/x.jpg", "/api/*"),
        (b"/../api/x", "*"),
    ],
)
def test_first_pattern_wins_and_the_default_is_last(path: bytes, pattern: str) -> None:
    found = Distribution(
        "d",
        "E",
        "d.cloudfront.net",
        (),
        tuple(map(behavior, ("/api/*", "*.jpg", "img/?"))),
        behavior(),
    )
    assert choose_behavior(found, path).path_pattern == pattern


def request(method: str = "GET", scheme: str = "http", **more: object) -> Request:
    return replace(Request(method, RequestTarget(b"/"), scheme=scheme), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "sent", "expected"),
    [
        ("allow-all", request(), None),
        ("redirect-to-https", request(), 301),
        ("redirect-to-https", request("HEAD"), 301),
        ("redirect-to-https", request("POST"), 307),
        ("redirect-to-https", request("POST", http_version="1.0"), 403),
        ("redirect-to-https", request(scheme="https"), None),
        ("https-only", request(), 403),
        ("https-only", request(scheme="https"), None),
        ("allow-all", request("TRACE"), 403),
        ("allow-all", request(body=Body.of(b"x")), 403),
        ("allow-all", request("POST", body=Body.of(b"x")), None),
    ],
)
def test_what_a_behavior_admits(
    policy: ViewerProtocolPolicy, sent: Request, expected: int | None
) -> None:
    found = admit(behavior(policy=policy, methods=ALL_METHODS), sent)
    match found:
        case None:
            assert expected is None
        case RedirectToHttps() | DistributionRefusal():
            assert found.status == expected


def test_methods_outside_the_allowed_set_are_refused_with_awss_sentence() -> None:
    found = admit(behavior(), request("POST"))
    assert isinstance(found, DistributionRefusal)
    assert found.text.endswith("supports only cachable requests.")


def of_size(size: int) -> Request:
    """A request whose line and headers have `size` bytes on the wire, the empty line not counted."""
    rest = size - len("GET / HTTP/1.1\r\n") - len("x: \r\n")
    return request(headers=Headers([(b"x", b"v" * rest)]))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request(target=RequestTarget(b"/" + b"x" * 8191)), None, id="longest URL"),
        pytest.param(request(target=RequestTarget(b"/" + b"x" * 8192)), 414, id="URL too long"),
        pytest.param(
            request(target=RequestTarget(b"/" + b"x" * 4096, b"y" * 4095)), 414, id="with query"
        ),
        pytest.param(of_size(32_768), None, id="largest head"),
        pytest.param(of_size(32_769), 494, id="head too large"),
    ],
)
def test_sizes(sent: Request, status: int | None) -> None:
    """CloudFront Developer Guide, "Quotas": 8,192 bytes of URL, 32,768 of a request."""
    refusal = refuse_size(sent)
    assert (refusal and refusal.status) == status


def test_sets_of_methods() -> None:
    """CloudFront Developer Guide, "Allowed HTTP methods"."""
    assert {"GET", "HEAD"} == GET_HEAD
    assert {"GET", "HEAD", "OPTIONS"} == GET_HEAD_OPTIONS
    assert {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"} == ALL_METHODS
