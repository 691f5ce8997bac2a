"""What hangs on a head and on a stored answer says the same as working it out anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgegw.awslambda.model import FunctionRef
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.cache.decision import Hit, decide
from edgegw.cloudfront.cache.entry import BytesBody, FoundEntry
from edgegw.cloudfront.flow import DistributionStep, Fetch, LookUp, ViewerRequest, cache_side, start
from edgegw.cloudfront.model import Association, Distribution
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.viewer_place import DEFAULT_PLACE
from edgegw.config.model import DistributionDoor
from edgegw.config.resolve import load_dict
from edgegw.http.message import Body, Client, Header, Headers, Request
from edgegw.http.target import RequestTarget
from tests.cloudfront.cache.messages import NOW, answered
from tests.cloudfront.cache.messages import entry as stored_entry

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")
LINES = ((b"Host", b"www.example.com"), (b"Accept-Encoding", b"gzip"), (b"Cookie", b"a=1; b=2"))


def distribution(**more: Any) -> Distribution:
    config = {
        "cache_policies": {"by-a": {"cookies": {"behavior": "whitelist", "items": ["a"]}}},
        "distributions": {
            "site": {
                "listen": 8080,
                "aliases": ["www.example.com"],
                "default_root_object": "index.html",
                "origins": {"web": {"url": "http://127.0.0.1:9"}},
                "default_behavior": {"origin": "web", "cache_policy": "by-a"},
                "behaviors": [{"path_pattern": "/plain/*", "origin": "web"}],
                **more,
            }
        },
    }
    (door,) = load_dict(config).doors
    assert isinstance(door, DistributionDoor)
    return door.distribution


def request(headers: Headers, method: str = "GET", target: bytes = b"/a?b=1") -> Request:
    return Request(method, RequestTarget.parse(target), headers)


def shown(step: DistributionStep) -> object:
    """What a request comes to, without what is its own object each time."""
    if isinstance(step, LookUp):
        return step.context.behavior.path_pattern, step.request.target, step.key, step.keys
    if isinstance(step, Fetch):
        return step.context.behavior.path_pattern, step.context.received.target, step.sent
    if isinstance(step, ViewerRequest):
        return step.context.behavior.path_pattern, step.sent, step.invocation
    return type(step), step.response.status if isinstance(step, DistributionAnswer) else None


VARIANTS = [
    pytest.param({}, {}, id="the same again"),
    pytest.param({"method": "HEAD"}, {}, id="HEAD"),
    pytest.param({"method": "DELETE"}, {}, id="a method that is not allowed"),
    pytest.param({"scheme": "https"}, {}, id="https"),
    pytest.param({"http_version": "1.0"}, {}, id="HTTP/1.0"),
    pytest.param({"upgrade": b"websocket"}, {}, id="an upgrade"),
    pytest.param({"body": Body.of(b"x")}, {}, id="a GET with a body"),
    pytest.param({"target": RequestTarget.parse(b"/a?b=2")}, {}, id="another query"),
    pytest.param({"target": RequestTarget.parse(b"/plain/a")}, {}, id="another behavior"),
    pytest.param({"target": RequestTarget.parse(b"/")}, {}, id="the default root object"),
    pytest.param({"target": RequestTarget.parse(b"http://other/a?b=1")}, {}, id="another name"),
    pytest.param({}, {"viewer": replace(DEFAULT_PLACE, ip="203.0.113.7")}, id="a viewer's place"),
    pytest.param({"client": Client("192.0.2.1", 1)}, {}, id="another client"),
]


DISABLED = {"origin": "web", "cache_policy": "CachingDisabled"}
SITES = {
    "to the cache": distribution(),
    "past the cache": distribution(
        default_behavior={**DISABLED, "origin_request_policy": "AllViewer"},
        behaviors=[{"path_pattern": "/plain/*", **DISABLED}],
    ),
}


def with_viewer_request(site: Distribution) -> Distribution:
    association = Association(FunctionRef("hook", at_edge=True), include_body=False)
    behavior = replace(site.default_behavior, associations={"viewer-request": association})
    return replace(site, default_behavior=behavior, behaviors=())


SITES["to viewer-request"] = with_viewer_request(SITES["to the cache"])


@pytest.mark.parametrize(("change", "facts"), VARIANTS)
@pytest.mark.parametrize("checks_host", [True, False])
@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
def test_a_request_behind_another_with_the_same_head_goes_its_own_way(
    site: Distribution, change: dict[str, Any], facts: dict[str, Any], checks_host: bool
) -> None:
    headers, changed = Headers(LINES), replace(FACTS, **facts)
    for _ in range(2):
        start(site, request(headers), FACTS, checks_host=checks_host)
    for _ in range(2):
        known = replace(request(headers), **change)
        anew = replace(request(Headers(LINES)), **change)
        expected = shown(start(site, anew, changed, checks_host=checks_host))
        assert shown(start(site, known, changed, checks_host=checks_host)) == expected


def test_a_host_that_came_unchecked_is_refused_where_it_is_checked() -> None:
    site, headers = distribution(), Headers([(b"Host", b"evil.example.net")])
    assert isinstance(start(site, request(headers), FACTS), LookUp)
    refused = start(site, request(headers), FACTS, checks_host=True)
    assert isinstance(refused, DistributionAnswer)
    assert refused.response.status == 403


@pytest.mark.parametrize(
    "more",
    [
        {"geo_restriction": {"type": "blacklist", "locations": ["DE"]}},
        {"default_behavior": {"origin": "web", "viewer_protocol_policy": "https-only"}},
    ],
    ids=["geo restriction", "https only"],
)
def test_another_configuration_decides_anew(more: dict[str, Any]) -> None:
    headers = Headers(LINES)
    start(distribution(), request(headers), FACTS)
    facts = replace(FACTS, viewer=replace(DEFAULT_PLACE, country="DE"))
    answer = start(distribution(**more), request(headers), facts)
    assert isinstance(answer, DistributionAnswer)
    assert answer.response.status == 403


def test_viewer_request_runs_for_each_request() -> None:
    site = SITES["to viewer-request"]
    headers = Headers(LINES)
    for _ in range(3):
        assert isinstance(start(site, request(headers), FACTS), ViewerRequest)


# Hits


STORED = [
    pytest.param((), id="plain"),
    pytest.param(((b"Via", b"1.1 origin"),), id="Via of the origin"),
    pytest.param(((b"Vary", b"Accept-Encoding, Accept-Language"),), id="Vary"),
    pytest.param(((b"Set-Cookie", b"a=1"), (b"X-Cache", b"Hit from x")), id="what goes"),
    pytest.param(((b"Content-Length", b"10"), (b"ETag", b'"1"')), id="a length"),
]


@pytest.mark.parametrize("lines", STORED)
@pytest.mark.parametrize("age", [0.0, 0.5, 7.0, 99.0])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("condition", [None, b"range", b"if-none-match"])
def test_the_short_way_of_a_hit_says_what_the_long_one_says(
    lines: tuple[Header, ...], age: float, method: str, condition: bytes | None
) -> None:
    site = distribution()
    asked = Headers(LINES if condition is None else (*LINES, (condition, b"bytes=0-1")))
    step = start(site, request(asked, method), FACTS)
    assert isinstance(step, LookUp)
    reply = answered()
    entry = stored_entry(
        replace(reply, headers=Headers((*lines, *reply.headers.raw))), step.request
    )
    stored = FoundEntry(entry, BytesBody.of(b"0123456789"))
    settings = site.default_behavior.cache
    assert settings is not None
    decision = decide(step.request, entry, settings, NOW + age)
    assert isinstance(decision, Hit)
    long = cache_side.from_store(step.context, stored, decision.answer)
    short = cache_side.looked_up(step, stored, NOW + age, is_awaited=False)
    assert isinstance(long, DistributionAnswer)
    assert isinstance(short, DistributionAnswer)
    assert short.response == long.response
    assert short.verdict == long.verdict
