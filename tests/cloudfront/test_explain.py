"""What `edgegw explain` says of a distribution."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.explain import DistributionExplanation, explain
from edgegw.config.resolve import load_dict
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget
from tests.conftest import FUNCTIONS, PYTHON

FACTS = DistributionFacts("id", "f" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")


def explained(
    path: str, *lines: tuple[str, str], scheme: str = "https", **keys: Any
) -> DistributionExplanation:
    """What is said of a GET for `path` at a site with two origins."""
    site = {
        "listen": 0,
        "aliases": ["www.example.com"],
        "default_root_object": "index.html",
        "origins": {
            "app": {"url": "http://127.0.0.1:3000"},
            "api": {"url": "http://127.0.0.1:4000", "path": "/v1"},
        },
        "origin_groups": {"both": {"members": ["app", "api"], "failover_status_codes": [404, 500]}},
        "default_behavior": {
            "origin": "app",
            "lambda_functions": {"origin-request": "hook", "viewer-response": "hook"},
        },
        "behaviors": [
            {"path_pattern": "/API/*", "origin": "api"},
            {"path_pattern": "/api", "origin": "api"},
            {
                "path_pattern": "/api/*",
                "origin": "api",
                "cache_policy": "CachingDisabled",
                "origin_request_policy": "AllViewerExceptHostHeader",
            },
            {"path_pattern": "/both/*", "origin": "both", "viewer_protocol_policy": "https-only"},
        ],
        **keys,
    }
    hook = {"runtime": PYTHON, "code": str(FUNCTIONS), "handler": "hooks.unchanged"}
    config = load_dict({"functions": {"hook": hook}, "distributions": {"site": site}})
    given = [(name.encode(), text.encode()) for name, text in lines]
    headers = Headers([(b"Host", b"www.example.com"), *given])
    target = RequestTarget.parse(path.encode())
    request = Request("GET", target, headers, scheme=scheme, client=Client("192.0.2.7", 1))
    return explain(config.distributions[0].distribution, request, FACTS)


@pytest.mark.parametrize(
    ("path", "tried"),
    [
        (
            "/api/x",
            [
                ("/API/*", False, "the path is /api/x, and case counts"),
                (
                    "/api",
                    False,
                    "the path is /api/x, and a pattern without * fits the whole path only",
                ),
                ("/api/*", True, "the path is /api/x"),
            ],
        ),
        (
            "/x/../api//y?z",
            [
                ("/API/*", False, "the path is /api/y, and case counts"),
                (
                    "/api",
                    False,
                    "the path is /api/y, and a pattern without * fits the whole path only",
                ),
                ("/api/*", True, "the path is /api/y"),
            ],
        ),
        (
            "/both",
            [
                ("/API/*", False, "the path is /both"),
                ("/api", False, "the path is /both"),
                ("/api/*", False, "the path is /both"),
                ("/both/*", False, "the path is /both, and the pattern needs a slash behind it"),
                ("*", True, "the default behavior takes the rest"),
            ],
        ),
    ],
)
def test_every_behavior_that_was_tried_says_why(
    path: str, tried: list[tuple[str, bool, str]]
) -> None:
    explanation = explained(path)
    assert [tuple(verdict) for verdict in explanation.behaviors] == tried
    assert explanation.behavior == tried[-1][0]


def test_what_reaches_the_origin_and_what_the_policies_keep_from_it() -> None:
    explanation = explained("/x?a=1&b=2", ("Cookie", "sid=1; tid=2"), ("X-Mine", "1"))
    assert explanation.policies == (("cache_policy", "CachingOptimized"),)
    assert explanation.sent.target.raw == b"/x"
    assert explanation.sent.headers.get(b"host") == b"127.0.0.1"
    assert explanation.lost.headers == ("X-Mine",)
    assert explanation.lost.cookies == ("sid", "tid")
    assert explanation.lost.query_strings == ("a", "b")
    assert (
        "no cookie is forwarded, so Set-Cookie is removed from every response" in explanation.notes
    )


def test_policies_that_let_all_through_lose_nothing() -> None:
    explanation = explained("/api/x?a=1", ("Cookie", "sid=1"), ("X-Mine", "1"))
    assert explanation.policies == (
        ("cache_policy", "CachingDisabled"),
        ("origin_request_policy", "AllViewerExceptHostHeader"),
    )
    assert explanation.origin == "http://127.0.0.1:4000/v1"
    assert explanation.sent.target.raw == b"/api/x?a=1"
    assert explanation.to_dict()["dropped"] == {"headers": [], "cookies": [], "query_strings": []}


def test_functions_stand_in_the_order_in_which_they_run() -> None:
    assert explained("/x").functions == (("origin-request", "hook"), ("viewer-response", "hook"))
    assert explained("/api/x").functions == ()


@pytest.mark.parametrize(
    ("path", "scheme", "host", "refusal"),
    [
        ("/both/x", "http", "www.example.com", "403: behavior /both/* is https-only"),
        ("/both/x", "https", "www.example.com", None),
        ("/" + "x" * 9000, "https", "www.example.com", "414: the URL has 9001 bytes"),
    ],
    ids=["https-only", "fine", "too long"],
)
def test_what_cloudfront_answers_itself(
    path: str, scheme: str, host: str, refusal: str | None
) -> None:
    found = explained(path, scheme=scheme).refusal
    assert found is None if refusal is None else str(found).startswith(refusal)


def test_a_redirect_to_https_is_said() -> None:
    default = {"origin": "app", "viewer_protocol_policy": "redirect-to-https"}
    explanation = explained("/x", scheme="http", default_behavior=default)
    assert explanation.refusal == "301: redirected to https, as viewer_protocol_policy says"


def test_the_root_object_and_the_second_origin_are_noted() -> None:
    assert explained("/").sent.target.raw == b"/index.html"
    assert "the default root object: / is /index.html" in explained("/").notes
    assert any(
        note.startswith("origin group: on 404, 500, or without an answer, GET, HEAD go to http://")
        for note in explained("/both/x").notes
    )


def test_legacy_settings_stand_in_the_place_of_policies() -> None:
    behavior = {
        "origin": "app",
        "forwarded_values": {
            "query_string": True,
            "query_string_cache_keys": ["v"],
            "headers": ["Accept-Language"],
            "cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]},
        },
    }
    lines = [("Accept-Language", "de"), ("Accept", "*/*"), ("X-Own", "1"), ("Cookie", "ab=1; b=2")]
    said = explained("/a?v=1&w=2", *lines, default_behavior=behavior)
    assert said.policies == (
        (
            "forwarded_values",
            "query strings: all, v in the key; headers: Accept-Language; cookies: a*",
        ),
    )
    assert said.sent.target.raw == b"/a?v=1&w=2"
    assert said.sent.headers.get(b"x-own") == b"1"
    assert said.sent.headers.get(b"cookie") == b"ab=1"
    assert said.lost.headers == ("Accept",)
    assert said.lost.cookies == ("b",)


def test_legacy_settings_that_forward_nothing_by_name() -> None:
    said = explained("/", default_behavior={"origin": "app", "forwarded_values": {}})
    assert said.to_dict()["policies"] == {
        "forwarded_values": "query strings: none; headers: none in the key; cookies: none"
    }
