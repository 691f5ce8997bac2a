"""The CORS section of a response headers policy: who is let in, and what is said."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.cors import CorsPolicy, compile_cors, cors_lines, origin_fault
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget

MATCHES: dict[str, tuple[list[str], list[str]]] = {
    "http://*.example.org": (
        ["http://www.example.org", "http://test.example.org", "http://a.b.example.org"],
        ["https://www.example.org", "http://www.example.org:80", "http://example.org"],
    ),
    "*.example.org": (
        ["test.test.example.org", "https://test.example.org:123", ".example.org"],
        ["https://example.org", "https://test.example.com", "https://evil.test/.example.org"],
    ),
    "example.org": (
        ["http://example.org", "https://example.org", "https://EXAMPLE.org"],
        ["https://www.example.org", "https://example.org.evil.test", "https://example.org:123"],
    ),
    "http://example.org": (
        ["http://example.org"],
        ["http://example.org:123", "https://example.org"],
    ),
    "http://example.org:*": (
        ["http://example.org:123", "http://example.org"],
        ["http://example.org:a", "https://example.org"],
    ),
    "http://example.org:1*3": (
        ["http://example.org:123", "http://example.org:1893", "http://example.org:13"],
        ["http://example.org:14", "http://example.org", "http://example.org:1a3"],
    ),
    "*.example.org:1*": (
        ["test.example.org:123", "https://test.example.org:1"],
        ["test.example.org:23", "https://test.example.org"],
    ),
    "*": (["https://any.test:1"], []),
}


def ask(cors: CorsPolicy, origin: str | None, method: str = "GET", **more: str) -> dict[str, str]:
    """What is said to a request, by the names behind `Access-Control-`, in order."""
    lines = [(name.replace("_", "-").encode(), text.encode()) for name, text in more.items()]
    if origin is not None:
        lines.append((b"Origin", origin.encode()))
    request = Request(method, RequestTarget(b"/"), Headers(lines))
    said = cors_lines(cors, request).lines
    return {name.decode().removeprefix("Access-Control-"): text.decode() for name, text in said}


@pytest.mark.parametrize(
    ("entry", "origin", "is_let_in"),
    [
        pytest.param(entry, origin, is_let_in, id=f"{entry} {origin}")
        for entry, rows in MATCHES.items()
        for is_let_in, origins in ((True, rows[0]), (False, rows[1]))
        for origin in origins
    ],
)
def test_an_entry_lets_in_the_origins_that_fit(entry: str, origin: str, is_let_in: bool) -> None:
    assert origin_fault(entry) is None
    said = ask(compile_cors((entry,)), origin)
    allowed = "*" if entry == "*" else origin
    assert said == ({"Allow-Origin": allowed} if is_let_in else {})


@pytest.mark.parametrize(
    "entry", ["example.*", "test.*.example.org", "*test.example.org", "exa*mple.org", "", "a b"]
)
def test_a_wildcard_elsewhere_is_no_entry(entry: str) -> None:
    assert origin_fault(entry) is not None


FULL = compile_cors(
    ("https://app.test",),
    headers=("X-A", "X-B"),
    methods=("ALL",),
    exposed=("X-C",),
    max_age=600,
    allows_credentials=True,
)


def test_without_an_origin_nothing_is_said() -> None:
    assert ask(FULL, None) == {}
    assert ask(compile_cors(("*",)), None) == {}


def test_a_simple_request_hears_of_origin_credentials_and_exposed_headers() -> None:
    assert ask(FULL, "https://app.test") == {
        "Allow-Origin": "https://app.test",
        "Allow-Credentials": "true",
        "Expose-Headers": "X-C",
    }


def test_a_preflight_hears_of_headers_methods_and_max_age_as_well() -> None:
    said = ask(FULL, "https://app.test", "OPTIONS", Access_Control_Request_Method="PUT")
    assert said == {
        "Allow-Origin": "https://app.test",
        "Allow-Credentials": "true",
        "Allow-Headers": "X-A, X-B",
        "Allow-Methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
        "Max-Age": "600",
        "Expose-Headers": "X-C",
    }


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_what_asks_for_no_method_is_no_preflight(method: str) -> None:
    assert "Allow-Methods" not in ask(FULL, "https://app.test", method)


@pytest.mark.parametrize(
    ("listed", "asked", "allowed"),
    [
        (("*",), "X-Any", "*"),
        (("*", "Authorization"), "X-Any", "*, Authorization"),
        (("x-amz-*",), "x-amz-date, x-amz-, x-other", "x-amz-date"),
        (("X-A", "x-*-amz"), "x-test-amz,x--amz,x-amz", "X-A, x-test-amz, x--amz"),
        (("x-amz-*",), "x-other", None),
        (("x-amz-*",), "x-amz-a b\tc", None),
    ],
)
def test_header_wildcards_stand_for_what_is_asked(
    listed: tuple[str, ...], asked: str, allowed: str | None
) -> None:
    cors = compile_cors(("*",), headers=listed)
    said = ask(
        cors,
        "https://app.test",
        "OPTIONS",
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers=asked,
    )
    assert said.get("Allow-Headers") == allowed
