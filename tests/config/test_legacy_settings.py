"""`forwarded_values` and the TTLs beside it: what they become, and what AWS refuses of them."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.model import Behavior
from edgegw.config.document import read_document
from edgegw.config.resolve import load_dict, load_document
from edgegw.errors import ConfigError, Finding
from tests.conftest import FUNCTIONS

HEAD = """\
distributions:
  site:
    listen: 0
    origins:
      app: {url: http://origin.test}
      assets: {s3: .}
    origin_groups:
      both: {members: [app, assets], failover_status_codes: [500]}
    default_behavior:
"""
"""The behavior's keys follow, from line 10 on."""


def findings(behavior: str, more: str = "") -> list[Finding]:
    lines = "".join(f"      {line}\n" for line in behavior.splitlines())
    document = read_document(f"{HEAD}{lines}{more}", "edgegw.yaml", {})
    try:
        return list(load_document(document, FUNCTIONS).warnings)
    except ConfigError as error:
        return list(error.findings)


def loaded(**behavior: Any) -> Behavior:
    config = {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {"origin": "app", **behavior},
            }
        }
    }
    return load_dict(config).distributions[0].distribution.default_behavior


@pytest.mark.parametrize(
    ("given", "ttls"),
    [
        ({}, (0, 86400, 31536000)),
        ({"min_ttl": 1, "default_ttl": 2, "max_ttl": 3}, (1, 2, 3)),
        ({"min_ttl": 100000}, (100000, 100000, 31536000)),
        ({"default_ttl": 40000000}, (0, 40000000, 40000000)),
    ],
)
def test_ttls_that_are_left_out_are_completed(
    given: dict[str, int], ttls: tuple[int, int, int]
) -> None:
    cache = loaded(forwarded_values={}, **given).cache
    assert cache is not None
    assert (cache.min_ttl, cache.default_ttl, cache.max_ttl) == ttls


@pytest.mark.parametrize(
    "given",
    [
        {"forwarded_values": {"headers": ["*"]}},
        {"forwarded_values": {}, "default_ttl": 0, "max_ttl": 0},
    ],
    ids=["all headers", "no time"],
)
def test_settings_that_keep_nothing(given: dict[str, Any]) -> None:
    assert loaded(**given).cache is None


def test_cookies_that_are_forwarded_count_for_the_cache() -> None:
    for forward, counts in (("none", False), ("all", True), ("whitelist", True)):
        cookies = {"forward": forward, **({"whitelisted_names": ["a"]} if counts else {})}
        cache = loaded(forwarded_values={"cookies": cookies}).cache
        assert cache is not None
        assert cache.forwards_cookies is (forward != "none")


REFUSED = [
    (
        "origin: app\ncache_policy: CachingDisabled\nforwarded_values: {}",
        (11, 7),
        "either a cache_policy or forwarded_values",
    ),
    (
        "origin: app\nforwarded_values: {}\norigin_request_policy: AllViewer",
        (12, 7),
        "an origin_request_policy needs a cache_policy",
    ),
    ("origin: app\nmin_ttl: 1", (11, 7), "min_ttl stands here beside forwarded_values"),
    ("origin: app\ndefault_ttl: 1", (11, 7), "default_ttl stands here beside"),
    ("origin: app\nmax_ttl: 1", (11, 7), "max_ttl stands here beside forwarded_values"),
    (
        "origin: app\nmin_ttl: 9\nmax_ttl: 5\nforwarded_values: {}",
        (11, 16),
        "InvalidTTLOrder, MinTTL: MinTTL, DefaultTTL and MaxTTL ascend, not 9, 86400, 5",
    ),
    (
        "origin: app\nmin_ttl: 1\nforwarded_values: {headers: ['*']}",
        (11, 16),
        "MinTTL is 0 where all headers are forwarded",
    ),
    (
        "origin: app\nforwarded_values:\n  headers: [X-A, '*']",
        (12, 24),
        "* forwards all headers and stands alone",
    ),
    (
        "origin: app\nforwarded_values: {headers: [X-A, Cookie]}",
        (11, 41),
        "Cookie cannot be in a cache key",
    ),
    (
        "origin: app\nforwarded_values: {headers: [X-Edge-A]}",
        (11, 36),
        "X-Edge-A cannot be in a cache key",
    ),
    (
        "origin: app\nforwarded_values: {headers: ['a b']}",
        (11, 36),
        "'a b' is no header name",
    ),
    (
        "origin: assets\nforwarded_values: {headers: [Host]}",
        (11, 36),
        "InvalidHeadersForS3Origin, Headers: Host cannot be forwarded to a bucket",
    ),
    (
        "origin: both\nforwarded_values: {headers: [Authorization]}",
        (11, 36),
        "Authorization cannot be forwarded to a bucket",
    ),
    (
        "origin: app\nforwarded_values: {query_string_cache_keys: [a]}",
        (11, 51),
        "QueryStringCacheKeys needs QueryString",
    ),
    (
        "origin: app\nforwarded_values: {cookies: {forward: whitelist}}",
        (11, 35),
        "Cookies: whitelist needs a name",
    ),
    (
        f"origin: app\nforwarded_values: {{headers: [{', '.join(f'X-{n}' for n in range(11))}]}}",
        (11, 35),
        "TooManyHeadersInForwardedValues, Headers: at most 10 can be named, not 11",
    ),
]


@pytest.mark.parametrize(("behavior", "place", "text"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_aws_refuses_with_its_place(behavior: str, place: tuple[int, int], text: str) -> None:
    (finding,) = findings(behavior)
    assert (finding.severity, finding.code) == ("error", "cloudfront.forwarded-values")
    assert text in finding.text
    assert (finding.line, finding.column) == place


@pytest.mark.parametrize(
    "behavior",
    [
        "origin: app\nforwarded_values: {}",
        "origin: app\nresponse_headers_policy: SimpleCORS\nforwarded_values: {}",
        "origin: assets\nforwarded_values: {headers: [Origin]}",
        "origin: app\nforwarded_values: {headers: ['*']}",
        "origin: app\nforwarded_values: {cookies: {forward: whitelist, whitelisted_names: ['a*?']}}",
    ],
)
def test_what_aws_takes(behavior: str) -> None:
    assert findings(behavior) == []


def test_cookie_names_that_have_no_effect() -> None:
    behavior = "origin: app\nforwarded_values: {cookies: {forward: all, whitelisted_names: [a]}}"
    (finding,) = findings(behavior)
    assert finding.severity == "warning"
    assert "no effect with forward: all; write whitelist" in finding.text


@pytest.mark.parametrize(
    ("behavior", "more", "line"),
    [
        ("origin: app\nforwarded_values: {headers: [X-*]}", "", 11),
        (
            "origin: app\nforwarded_values: {query_string: true, query_string_cache_keys: [utm_*]}",
            "",
            11,
        ),
        *(
            (
                "origin: app",
                f"{kind}:\n  own:\n    {key}: {{behavior: whitelist, items: [a, 'x{mark}']}}\n",
                13,
            )
            for kind in ("cache_policies", "origin_request_policies")
            for key in ("headers", "cookies", "query_strings")
            for mark in "*?"
        ),
    ],
)
def test_wildcards_where_aws_takes_them_literally(behavior: str, more: str, line: int) -> None:
    (finding,) = findings(behavior, more)
    assert (finding.severity, finding.code) == ("warning", "cloudfront.literal-wildcard")
    assert "literally: there are no wildcards here" in finding.text
    assert finding.line == line
