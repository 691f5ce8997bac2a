"""What AWS refuses of policies, aliases, origins, targets and redirects: `check --deploy`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgegw.config.document import read_document
from edgegw.config.resolve import load_document
from edgegw.errors import ConfigError
from tests.conftest import FUNCTIONS, PYTHON


def site(**keys: Any) -> dict[str, Any]:
    whole = {
        "listen": 0,
        "origins": {"app": {"url": "http://127.0.0.1:3000"}},
        "default_behavior": {"origin": "app"},
        **keys,
    }
    return {"distributions": {"site": whole}}


def cached(**keys: Any) -> dict[str, Any]:
    return {**site(), "cache_policies": {"own": keys}}


def asked(**keys: Any) -> dict[str, Any]:
    return {**site(), "origin_request_policies": {"own": keys}}


def answered(**keys: Any) -> dict[str, Any]:
    return {**site(), "response_headers_policies": {"own": keys}}


def custom(*headers: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"header": name, "value": text, "override": True} for name, text in headers]


def headers(*names: str, behavior: str = "whitelist") -> dict[str, Any]:
    return {"headers": {"behavior": behavior, "items": list(names)}}


def balanced(redirect: dict[str, Any] | None = None, **group: Any) -> dict[str, Any]:
    action: dict[str, Any] = {"forward": "apps"}
    if redirect is not None:
        action = {"redirect": {"status_code": "HTTP_301", "host": "b.example", **redirect}}
    return {
        "target_groups": {"apps": {"targets": ["127.0.0.1:3000"], **group}},
        "load_balancers": {"web": {"listeners": [{"listen": 0, "default_actions": [action]}]}},
    }


def function(runtime: str) -> dict[str, Any]:
    whole = {"runtime": runtime, "code": str(FUNCTIONS), "handler": "hooks.target"}
    return {"functions": {"f": whole}}


def findings(given: dict[str, Any]) -> list[str]:
    document = read_document(json.dumps(given), "c.yaml", {})
    try:
        found = load_document(document, FUNCTIONS, deploy=True).warnings
    except ConfigError as error:
        found = error.findings
    kept = [each for each in found if each.code != "config.no-effect-yet"]
    return [f"{each.severity} {each.code} {each.text}" for each in kept]


DISABLED = {"min_ttl": 0, "default_ttl": 0, "max_ttl": 0}

REFUSED_KEY = "error cloudfront.cache-policy AWS refuses this policy: "

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "cookie in a key": (
        cached(**headers("Cookie")),
        REFUSED_KEY + "InvalidArgument, Headers: Cookie cannot be in a cache key",
    ),
    "eleven headers in a key": (
        cached(**headers(*(f"X-{n}" for n in range(11)))),
        REFUSED_KEY + "TooManyHeadersInCachePolicy, Headers: a cache policy names at most 10",
    ),
    "disabled with headers": (
        cached(**DISABLED, **headers("X-A")),
        REFUSED_KEY + "InvalidArgument, HeaderBehavior: The parameter HeaderBehavior is invalid",
    ),
    "disabled with cookies": (
        cached(**DISABLED, cookies={"behavior": "all"}),
        REFUSED_KEY + "InvalidArgument, CookieBehavior: ",
    ),
    "disabled with queries": (
        cached(**DISABLED, query_strings={"behavior": "all"}),
        REFUSED_KEY + "InvalidArgument, QueryStringBehavior: ",
    ),
    "disabled with gzip": (
        cached(**DISABLED, gzip=True),
        REFUSED_KEY + "InvalidArgument, EnableAcceptEncodingGzip: ",
    ),
    "authorization to the origin": (
        asked(**headers("Authorization")),
        "error cloudfront.policy-headers Authorization cannot be in an origin request policy: name",
    ),
    "accept-encoding to the origin": (
        asked(**headers("accept-encoding")),
        "error cloudfront.policy-headers accept-encoding cannot be in an origin request policy",
    ),
    "connection to the origin": (
        asked(**headers("Connection")),
        "error cloudfront.policy-headers Connection cannot be forwarded by a policy",
    ),
    "x-edge to the origin": (
        asked(**headers("X-Edge-A")),
        "error cloudfront.policy-headers X-Edge-A cannot be forwarded",
    ),
    "a viewer's header among CloudFront's": (
        asked(**headers("X-A", behavior="allViewerAndWhitelistCloudFront")),
        "error cloudfront.policy-headers X-A is no header of CloudFront's",
    ),
    "eleven cookies to the origin": (
        asked(cookies={"behavior": "whitelist", "items": [f"c{n}" for n in range(11)]}),
        "error cloudfront.policy an origin request policy names at most 10, not 11",
    ),
    "1,025 characters": (
        asked(query_strings={"behavior": "whitelist", "items": ["q" * 1025]}),
        "error cloudfront.policy the names have at most 1024 characters in all, not 1025",
    ),
    "1,025 characters of two kinds together": (
        asked(
            cookies={"behavior": "whitelist", "items": ["c" * 500]},
            query_strings={"behavior": "whitelist", "items": ["q" * 525]},
        ),
        "error cloudfront.policy the names have at most 1024 characters in all, not 1025",
    ),
    "a list without names": (
        asked(cookies={"behavior": "allExcept"}),
        "error cloudfront.policy allExcept needs a name",
    ),
    "a custom header with its own section": (
        answered(custom_headers=custom(("X-Frame-Options", "DENY"))),
        "error cloudfront.response-headers-policy X-Frame-Options has a section of its own",
    ),
    "a custom header nobody adds": (
        answered(custom_headers=custom(("Via", "x"))),
        "error cloudfront.response-headers-policy Via is CloudFront's own",
    ),
    "a long custom header": (
        answered(custom_headers=custom(("X-A", "x" * 1784))),
        "error cloudfront.response-headers-policy the value of X-A has at most 1783 characters, not 1784",
    ),
    "eleven custom headers": (
        answered(custom_headers=custom(*[(f"X-{n}", "") for n in range(11)])),
        "error cloudfront.response-headers-policy a policy has at most 10 custom headers",
    ),
    "a header that stays": (
        answered(remove_headers=["Content-Length"]),
        "error cloudfront.response-headers-policy Content-Length is a header that no policy can remove",
    ),
    "a wildcard within": (
        site(aliases=["a.*.example.com"]),
        "error cloudfront.alias ",
    ),
    "an alias without a dot": (site(aliases=["intranet"]), "error cloudfront.alias 'intranet' is"),
    "an address": (site(aliases=["192.0.2.1"]), "error cloudfront.alias '192.0.2.1' is an address"),
    "CloudFront's own name": (
        site(aliases=["d1.cloudfront.net"]),
        "error cloudfront.alias 'd1.cloudfront.net' is a name of CloudFront's own",
    ),
    "101 aliases": (
        site(aliases=[f"a{n}.example.com" for n in range(101)]),
        "error cloudfront.alias a distribution has at most 100 aliases, not 101",
    ),
    "a name twice": (
        {
            "distributions": {
                **site(aliases=["a.example.com"])["distributions"],
                "other": site(aliases=["A.example.com"])["distributions"]["site"],
            }
        },
        "error cloudfront.alias 'A.example.com' is an alias of site already",
    ),
    "port 81": (
        site(origins={"app": {"url": "http://127.0.0.1:81"}}),
        "error cloudfront.origin-port an origin's port is 80, 443 or from 1024 to 65535, not 81",
    ),
    "a query with its mark": (
        balanced({"query": "?a=1"}),
        "error alb.redirect the query of a redirect has no ? in front",
    ),
    "multi_value_headers": (
        balanced(multi_value_headers=True),
        "error alb.target-group multi_value_headers belongs to target_type lambda, not to ip",
    ),
    "a public target": (
        balanced(targets=["8.8.8.8:80"]),
        "error alb.target AWS registers no public address such as 8.8.8.8",
    ),
    "an ended Node.js": (
        function("nodejs20.x"),
        "warning lambda.ended-runtime the support of nodejs20.x has ended",
    ),
    "an ended Python": (
        function("python3.10"),
        "warning lambda.ended-runtime the support of python3.10 has ended",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_aws_refuses(name: str) -> None:
    given, expected = REFUSED[name]
    found = findings(given)
    assert any(each.startswith(expected) for each in found), found


@pytest.mark.parametrize(
    "given",
    [
        cached(**headers("Authorization", "X-A")),
        cached(**DISABLED),
        asked(**headers("CloudFront-Viewer-Address", "User-Agent", "X-A")),
        asked(**headers("CloudFront-Viewer-Country", behavior="allViewerAndWhitelistCloudFront")),
        asked(**headers("Host", behavior="allExcept")),
        answered(
            custom_headers=custom(("X-A", "x" * 1783)), remove_headers=["Server", "X-Powered-By"]
        ),
        site(aliases=["*.example.com", "example.com", "a_b.example.com", "xn--bcher-kva.example"]),
        site(origins={"app": {"url": "http://127.0.0.1:1024"}}),
        site(origins={"app": {"url": "https://example.com"}}),
        balanced({"query": "a=1"}),
        balanced(targets=["10.1.2.3:80", "100.64.0.1:80", "172.31.0.1:80", "192.168.0.1:80"]),
        function(PYTHON),
        function("nodejs22.x"),
    ],
    ids=lambda given: json.dumps(given)[-60:],
)
def test_what_it_takes(given: dict[str, Any]) -> None:
    codes = ("policy", "alias", "origin-port", "alb.redirect", "alb.target", "ended-runtime")
    assert [each for each in findings(given) if any(code in each for code in codes)] == []
