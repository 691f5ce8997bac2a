"""The short way of a usual miss says the same as the long one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.awslambda.model import FunctionRef
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.flow import DistributionStep, Fetch, LookUp, Settle, Store, cache_side, start
from edgegw.cloudfront.model import Association, Distribution
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.triggers import ViewerTrigger
from edgegw.http.message import Body, Header, Headers, Request, Response
from tests.cloudfront.cache.messages import DATE, NOW
from tests.cloudfront.test_known_ways import FACTS, LINES, distribution, request

Reply = Response | OriginFailure

DATED: Header = (b"Date", DATE.encode())
FRESH: Header = (b"Cache-Control", b"max-age=60")


def reply(*lines: Header, status: int = 200, body: Body | None = None) -> Response:
    return Response(status, b"Said", Headers(lines), body or Body.of(b"0123456789"))


REPLIES: dict[str, Reply] = {
    "fresh": reply(DATED, FRESH, (b"ETag", b'"a"')),
    "silent about its TTL": reply(DATED),
    "without a Date": reply(FRESH),
    "its Date belongs to the connection": reply(DATED, FRESH, (b"Connection", b"date")),
    "Expires": reply(DATED, (b"Expires", b"Sun, 09 Sep 2001 01:47:40 GMT")),
    "no-store": reply(DATED, (b"Cache-Control", b"no-store")),
    "Set-Cookie": reply(DATED, FRESH, (b"Set-Cookie", b"a=1")),
    "what no-cache names": reply(DATED, (b"Cache-Control", b'max-age=9, no-cache="X-A"')),
    "Vary": reply(DATED, FRESH, (b"Vary", b"Accept-Encoding, Accept-Language")),
    "Vary: *": reply(DATED, FRESH, (b"Vary", b"*")),
    "Via": reply(DATED, FRESH, (b"Via", b"1.1 origin"), (b"X-Cache", b"Hit")),
    "chunked": reply(DATED, FRESH, (b"Transfer-Encoding", b"chunked")),
    "of no length": reply(DATED, FRESH, body=Body(content=b"x")),
    "too long to be kept": reply(DATED, FRESH, body=Body(length=50_000_000_001)),
    "empty": reply(DATED, FRESH, body=Body.of(b"")),
    "206": reply(DATED, FRESH, (b"Content-Range", b"bytes 0-1/10"), status=206),
    "204": reply(DATED, FRESH, status=204),
    "301": reply(DATED, FRESH, status=301),
    "404": reply(DATED, FRESH, status=404),
    "500": reply(DATED, status=500),
    "no answer": OriginFailure("refused", "refused"),
}
REQUESTS = {
    "GET": request(Headers(LINES)),
    "HEAD": request(Headers(LINES), "HEAD"),
    "a range": request(Headers((*LINES, (b"Range", b"bytes=0-1")))),
    "a condition": request(Headers((*LINES, (b"If-None-Match", b'"a"')))),
    "Authorization": request(Headers((*LINES, (b"Authorization", b"Basic x")))),
    "its own default root": request(Headers(LINES), target=b"/"),
    "an endless chain": request(Headers((*LINES, *[(b"Via", b"1.1 x (CloudFront)")] * 99))),
}


def with_function(site: Distribution, trigger: str) -> Distribution:
    association = Association(FunctionRef("hook", at_edge=True), include_body=False)
    behavior = replace(site.default_behavior, associations={trigger: association})
    return replace(site, default_behavior=behavior, behaviors=())


def with_edge_function(site: Distribution, trigger: ViewerTrigger) -> Distribution:
    behavior = replace(site.default_behavior, edge_functions={trigger: "headers"})
    return replace(site, default_behavior=behavior, behaviors=())


BEHAVIOR = {"origin": "web", "cache_policy": "by-a"}
SITES = {
    "by cookie": distribution(),
    "cookies forwarded": distribution(
        default_behavior={**BEHAVIOR, "origin_request_policy": "AllViewer"}
    ),
    "optimized": distribution(
        default_behavior={"origin": "web", "cache_policy": "CachingOptimized"}
    ),
    "a headers policy": distribution(
        default_behavior={**BEHAVIOR, "response_headers_policy": "SecurityHeadersPolicy"}
    ),
    "compressing": distribution(default_behavior={**BEHAVIOR, "compress": True}),
    "error pages": distribution(
        custom_error_responses=[
            {"error_code": 404, "response_page_path": "/404.html", "response_code": 200}
        ]
    ),
    "origin-request": with_function(distribution(), "origin-request"),
    "viewer-response": with_function(distribution(), "viewer-response"),
    "origin-response": with_function(distribution(), "origin-response"),
    "an edge function at viewer-response": with_edge_function(distribution(), "viewer-response"),
}


def told(site: Distribution, viewer: Request, answer: Reply, *, is_void: bool) -> list[object]:
    """What each step says, from a look-up that brings nothing to what follows the store."""
    step: DistributionStep = start(site, viewer, FACTS)
    said: list[object] = []
    for _ in range(6):
        match step:
            case LookUp():
                step = step.next(None, NOW, is_awaited=False)
            case Fetch():
                asked = step.context.asked
                assert asked is not None
                kept = asked.decision, asked.key, asked.place, asked.request, asked.stale
                said += [kept, step.sent, step.origin]
                step = step.next(answer)
            case Settle():
                step = step.next(NOW, is_void=is_void)
            case Store():
                assert step.context.asked is None
                said += [step.entry, step.body, step.forgets]
                step = step.next(step.body)
            case DistributionAnswer():
                said += [step.response, step.verdict, step.cause, step.context.asked is None]
                return said
            case _:
                return [*said, type(step)]
    return said


def no_short_way(*_: object) -> None:
    """More has to be looked at."""


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
@pytest.mark.parametrize("viewer", REQUESTS.values(), ids=REQUESTS)
def test_the_short_way_of_a_miss_says_what_the_long_one_says(
    site: Distribution, viewer: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [(answer, is_void) for answer in REPLIES.values() for is_void in (False, True)]
    short = [told(site, viewer, answer, is_void=is_void) for answer, is_void in cases]
    monkeypatch.setattr(cache_side, "plain_miss", no_short_way)
    monkeypatch.setattr(cache_side, "plain_store", no_short_way)
    for (answer, is_void), said in zip(cases, short, strict=True):
        assert said == told(site, viewer, answer, is_void=is_void), answer


def test_the_usual_miss_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise AssertionError("the long way")

    monkeypatch.setattr(cache_side, "decide", nothing)
    monkeypatch.setattr(cache_side, "after", nothing)
    said = told(SITES["optimized"], REQUESTS["GET"], REPLIES["fresh"], is_void=False)
    assert isinstance(said[-4], Response)


@pytest.mark.parametrize(
    ("site", "viewer", "answer", "is_plain"),
    [
        ("optimized", "GET", "fresh", True),
        ("optimized", "Authorization", "fresh", False),
        ("by cookie", "GET", "fresh", False),
        ("cookies forwarded", "GET", "Set-Cookie", False),
        ("origin-response", "GET", "fresh", False),
    ],
)
def test_only_what_can_be_no_trap_goes_unwatched(
    site: str, viewer: str, answer: str, is_plain: bool
) -> None:
    step: DistributionStep = start(SITES[site], REQUESTS[viewer], FACTS)
    assert isinstance(step, LookUp)
    fetch = step.next(None, NOW, is_awaited=False)
    asked = fetch.context.asked
    assert asked is not None
    said = REPLIES[answer]
    settled = Settle(fetch.context, asked, said, said.status, fetch.context.origin)
    store = settled.next(NOW, is_void=False)
    assert isinstance(store, Store)
    assert store.is_plain == is_plain
