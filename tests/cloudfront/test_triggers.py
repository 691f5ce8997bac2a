"""Which triggers run when, and what each of them sees."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from edgegw.awslambda.model import FunctionError, FunctionRef, Report, Returned, Throttled
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import ALL_METHODS, compile_path_pattern
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.flow import DistributionStep, Fetch, IncludeBody, start
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.model import (
    Association,
    Behavior,
    CachePolicy,
    CustomOrigin,
    Distribution,
    ErrorPage,
    Fallback,
    OriginRequestPolicy,
    Selection,
)
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.strictness import Strictness
from edgegw.cloudfront.triggers import TRIGGERS
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")
FIRST = CustomOrigin("first.test", 80, "http", custom_headers=((b"X-From", b"edge"),))
SECOND = CustomOrigin("second.test", 80, "http")
PAGES = CustomOrigin("pages.test", 80, "http")
VREQ, OREQ, ORES, VRES = TRIGGERS

Hook = Callable[[dict[str, Any]], Any]


def behavior(pattern: str, origin: CustomOrigin, **more: Any) -> Behavior:
    policy = find_policy(CACHE_POLICIES, "CachingDisabled")
    every = find_policy(ORIGIN_REQUEST_POLICIES, "AllViewer")
    assert policy is not None
    return Behavior(
        pattern,
        compile_path_pattern(pattern),
        origin,
        more.pop("forwarding", None) or compile_forwarding(policy, every),
        allowed_methods=more.pop("allowed_methods", ALL_METHODS),
        associations={
            trigger: Association(FunctionRef("f", at_edge=True), more.get("include_body", False))
            for trigger in TRIGGERS
        },
        **{name: value for name, value in more.items() if name != "include_body"},
    )


def distribution(**more: Any) -> Distribution:
    strictness = more.pop("strictness", Strictness())
    pages = {404: ErrorPage("/errors/404.html", 200), 502: ErrorPage("/errors/502.html", 503)}
    with_pages = more.pop("with_pages", False)
    return Distribution(
        "site",
        "EID",
        "d1.cloudfront.net",
        (),
        (behavior("/errors/*", PAGES),),
        behavior("*", FIRST, **more),
        strictness=strictness,
        error_pages=pages if with_pages else {},
    )


class Play:
    """A request told to its end: `ran` are triggers and origins in order, `events` by trigger."""

    def __init__(
        self,
        distribution: Distribution,
        request: Request,
        origins: Mapping[str, Response | OriginFailure] | None = None,
        hooks: Mapping[str, Any] | None = None,
    ) -> None:
        self.ran: list[str] = []
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.sent: list[Request] = []
        step: DistributionStep = start(distribution, request, FACTS)
        while not isinstance(step, DistributionAnswer):
            if isinstance(step, IncludeBody):
                content = step.request.body.content or b""
                step = step.next(content, truncated=False, body=Body.of(content))
            elif isinstance(step, Fetch):
                domain = step.origin.domain_name
                self.ran.append(domain)
                self.sent.append(step.sent)
                step = step.next((origins or {}).get(domain, OK))
            else:
                trigger = step.sent.trigger
                cf = json.loads(step.invocation.payload)["Records"][0]["cf"]
                self.ran.append(trigger)
                self.events.setdefault(trigger, []).append(copy.deepcopy(cf))
                hook = (hooks or {}).get(trigger)
                part = cf.get("response") or cf["request"]
                result = hook(part) if callable(hook) else hook or part
                if not isinstance(result, (FunctionError, Throttled)):
                    result = Returned(json.dumps(result).encode(), Report())
                step = step.next(result)
        self.finish = step
        self.response = step.response


def answer(status: int, content: bytes = b"hi") -> Response:
    return Response(status, b"", Headers([(b"Content-Length", b"2")]), Body.of(content))


OK = answer(200)
GET = Request("GET", RequestTarget(b"/a", b"b=1"), Headers([(b"Host", b"www.test")]))
POST = replace(GET, method="POST", body=Body.of(b"hi"))
HEAD = replace(GET, method="HEAD")
OPTIONS = replace(GET, method="OPTIONS")
RAISED = FunctionError("Error", "on purpose", b"{}", Report())
REFUSED = OriginFailure("refused", "")
TIMED_OUT = OriginFailure("timeout", "")

PLAYS: list[tuple[str, dict[str, Any], Request, dict[str, Any], dict[str, Any], list[str], int]] = [
    # what happens, distribution, request, origins, hooks → what ran, status
    ("miss", {}, GET, {}, {}, [VREQ, OREQ, "first.test", ORES, VRES], 200),
    ("uncacheable method", {}, POST, {}, {}, [VREQ, OREQ, "first.test", ORES, VRES], 200),
    ("generated at viewer-request", {}, GET, {}, {VREQ: {"status": "200"}}, [VREQ], 200),
    ("generated error at viewer-request", {}, GET, {}, {VREQ: {"status": "404"}}, [VREQ], 404),
    ("generated at origin-request", {}, GET, {}, {OREQ: {"status": 200}}, [VREQ, OREQ, VRES], 200),
    ("generated error", {}, GET, {}, {OREQ: {"status": 404}}, [VREQ, OREQ], 404),
    (
        "generated error, the other choice",
        {"strictness": Strictness(viewer_response_after_generated_error="run")},
        GET,
        {},
        {OREQ: {"status": 404}},
        [VREQ, OREQ, VRES],
        404,
    ),
    (
        "origin answers 404",
        {},
        GET,
        {"first.test": answer(404)},
        {},
        [VREQ, OREQ, "first.test", ORES],
        404,
    ),
    (
        "origin answers 302",
        {},
        GET,
        {"first.test": answer(302)},
        {},
        [VREQ, OREQ, "first.test", ORES, VRES],
        302,
    ),
    (
        "origin error mended",
        {},
        GET,
        {"first.test": answer(404)},
        {ORES: lambda response: {**response, "status": 200}},
        [VREQ, OREQ, "first.test", ORES],
        200,
    ),
    (
        "origin error mended, the other choice",
        {"strictness": Strictness(viewer_response_after_mended_error="run")},
        GET,
        {"first.test": answer(404)},
        {ORES: lambda response: {**response, "status": 200}},
        [VREQ, OREQ, "first.test", ORES, VRES],
        200,
    ),
    ("origin is down", {}, GET, {"first.test": REFUSED}, {}, [VREQ, OREQ, "first.test"], 502),
    ("origin is slow", {}, GET, {"first.test": TIMED_OUT}, {}, [VREQ, OREQ, "first.test"], 504),
    ("viewer-request fails", {}, GET, {}, {VREQ: RAISED}, [VREQ], 503),
    ("origin-request fails", {}, GET, {}, {OREQ: RAISED}, [VREQ, OREQ], 503),
    (
        "origin-response fails",
        {},
        GET,
        {},
        {ORES: RAISED},
        [VREQ, OREQ, "first.test", ORES],
        503,
    ),
    (
        "redirect to https",
        {"viewer_protocol_policy": "redirect-to-https"},
        GET,
        {},
        {},
        [],
        301,
    ),
    ("method refused", {"allowed_methods": frozenset({"GET", "HEAD"})}, POST, {}, {}, [], 403),
    ("GET with a body", {}, replace(GET, body=Body.of(b"x")), {}, {}, [], 403),
    (
        "custom error page",
        {"with_pages": True},
        GET,
        {"first.test": answer(404)},
        {},
        [VREQ, OREQ, "first.test", ORES, OREQ, "pages.test", ORES],
        200,
    ),
    (
        "custom error page for an origin that is down",
        {"with_pages": True},
        GET,
        {"first.test": REFUSED},
        {},
        [VREQ, OREQ, "first.test", OREQ, "pages.test", ORES],
        503,
    ),
    (
        "custom error page that fails itself",
        {"with_pages": True},
        GET,
        {"first.test": answer(404), "pages.test": answer(500)},
        {},
        [VREQ, OREQ, "first.test", ORES, OREQ, "pages.test", ORES],
        500,
    ),
    (
        "custom error page that is not there",
        {"with_pages": True},
        GET,
        {"first.test": answer(404), "pages.test": answer(404)},
        {},
        [VREQ, OREQ, "first.test", ORES, OREQ, "pages.test", ORES],
        404,
    ),
    (
        "custom error page for a generated error",
        {"with_pages": True},
        GET,
        {},
        {OREQ: lambda request: request if request["uri"] != "/a" else {"status": 404}},
        [VREQ, OREQ, OREQ, "pages.test", ORES],
        200,
    ),
    (
        "no custom error page for viewer-request",
        {"with_pages": True},
        GET,
        {},
        {VREQ: {"status": "404"}},
        [VREQ],
        404,
    ),
    (
        "custom error page for a bad result",
        {"with_pages": True},
        GET,
        {},
        {OREQ: lambda request: request if request["uri"] != "/a" else {"status": 99}},
        [VREQ, OREQ, OREQ, "pages.test", ORES],
        503,
    ),
    (
        "custom error page for a bad result, the other choice",
        {"with_pages": True, "strictness": Strictness(error_page_after_function_fault="skip")},
        GET,
        {},
        {OREQ: {"status": 99}},
        [VREQ, OREQ],
        502,
    ),
    (
        "no custom error page for a bad result of viewer-request",
        {"with_pages": True},
        GET,
        {},
        {VREQ: {"status": 99}},
        [VREQ],
        502,
    ),
]


@pytest.mark.parametrize(
    ("more", "request_", "origins", "hooks", "ran", "status"),
    [play[1:] for play in PLAYS],
    ids=[play[0] for play in PLAYS],
)
def test_which_triggers_run(
    more: dict[str, Any],
    request_: Request,
    origins: dict[str, Any],
    hooks: dict[str, Any],
    ran: list[str],
    status: int,
) -> None:
    play = Play(distribution(**more), request_, origins, hooks)
    assert play.ran == ran
    assert play.response.status == status


def test_custom_error_page_has_body_of_the_page_and_the_verdict_of_the_error() -> None:
    play = Play(
        distribution(with_pages=True),
        GET,
        {"first.test": answer(404), "pages.test": answer(200, b"so sorry")},
    )
    assert play.response.body.content == b"so sorry"
    assert play.response.reason == b"OK"
    assert play.response.headers.get(b"x-cache") == b"Error from cloudfront"
    assert play.sent[-1].target.raw == b"/errors/404.html"
    assert play.sent[-1].method == "GET"


def test_custom_error_page_for_head_is_fetched_with_head() -> None:
    play = Play(distribution(with_pages=True), HEAD, {"first.test": answer(404)})
    assert [sent.method for sent in play.sent] == ["HEAD", "HEAD"]


def test_request_body_does_not_go_to_the_error_page() -> None:
    lines = [
        (b"Content-Length", b"2"),
        (b"Content-Type", b"text/plain"),
        (b"Content-Encoding", b"identity"),
        (b"Transfer-Encoding", b"chunked"),
        (b"X-Own", b"1"),
    ]
    posted = replace(POST, headers=POST.headers.added(*lines))
    first, page = Play(distribution(with_pages=True), posted, {"first.test": answer(404)}).sent
    names = {name.lower() for name, _ in lines}
    assert {name.lower() for name, _ in first.headers} >= names
    assert {name.lower() for name, _ in page.headers} & names == {b"x-own"}
    assert (page.method, page.body.content) == ("GET", b"")


def test_error_page_of_a_fault_keeps_the_fault() -> None:
    play = Play(distribution(with_pages=True), GET, {"first.test": REFUSED})
    assert play.finish.cause is REFUSED


def test_page_sees_what_failed_where_its_policy_names_it() -> None:
    names = ("CloudFront-Error-Uri", "CloudFront-Error-Args")
    more = OriginRequestPolicy("p", "p", headers=Selection("whitelist", names))
    policy = find_policy(CACHE_POLICIES, "CachingDisabled")
    assert policy is not None
    pages = replace(behavior("/errors/*", PAGES), forwarding=compile_forwarding(policy, more))
    site = replace(distribution(with_pages=True), behaviors=(pages,))
    play = Play(site, GET, {"first.test": answer(404)})
    headers = play.events[OREQ][1]["request"]["headers"]
    assert headers["cloudfront-error-uri"][0]["value"] == "/a"
    assert headers["cloudfront-error-args"][0]["value"] == "b=1"
    assert "cloudfront-error-uri" not in play.events[OREQ][0]["request"]["headers"]


# Origin groups

GROUP = {"fallback": Fallback(SECOND, frozenset({500, 503, 504}))}
BOTH = [VREQ, OREQ, "first.test", OREQ, "second.test", ORES, VRES]
ONLY = [VREQ, OREQ, "first.test", ORES]
FAILOVERS: list[tuple[str, Request, Any, list[str], int]] = [
    ("listed code", GET, answer(500), BOTH, 200),
    ("listed code, HEAD", HEAD, answer(500), BOTH, 200),
    ("connection refused with 503", GET, REFUSED, BOTH, 200),
    ("name unknown with 503", GET, OriginFailure("dns", ""), BOTH, 200),
    ("time-out with 504", GET, TIMED_OUT, BOTH, 200),
    ("broken answer without 502", GET, OriginFailure("closed", ""), ONLY[:3], 502),
    ("code that is not listed", GET, answer(404), ONLY, 404),
    ("POST", POST, answer(500), ONLY, 500),
    ("OPTIONS that is not cached", OPTIONS, answer(500), ONLY, 500),
    ("no failure", GET, answer(200), [*ONLY, VRES], 200),
]


@pytest.mark.parametrize(
    ("request_", "reply", "ran", "status"),
    [each[1:] for each in FAILOVERS],
    ids=[each[0] for each in FAILOVERS],
)
def test_failover(request_: Request, reply: Any, ran: list[str], status: int) -> None:
    play = Play(distribution(**GROUP), request_, {"first.test": reply})
    assert (play.ran, play.response.status) == (ran, status)


def test_options_fails_over_where_it_is_cached() -> None:
    group = {"fallback": Fallback(SECOND, frozenset({500}), frozenset({"GET", "OPTIONS"}))}
    play = Play(distribution(**group), OPTIONS, {"first.test": answer(500)})
    assert "second.test" in play.ran


def test_answer_of_the_second_origin_is_final() -> None:
    replies = {"first.test": answer(500), "second.test": answer(503)}
    play = Play(distribution(**GROUP), GET, replies)
    assert play.ran == BOTH[:-1]
    assert play.response.status == 503


def test_second_attempt_begins_anew() -> None:
    """The event shows the second origin; what the function changed at first is forgotten."""

    def edit(request: dict[str, Any]) -> dict[str, Any]:
        request["headers"]["x-edit"] = [{"value": "1"}]
        request["uri"] += "x"
        return request

    play = Play(distribution(**GROUP), GET, {"first.test": answer(500)}, {OREQ: edit})
    first, second = (cf["request"] for cf in play.events[OREQ])
    assert first["origin"]["custom"]["domainName"] == "first.test"
    assert second["origin"]["custom"]["domainName"] == "second.test"
    assert second["uri"] == "/a"
    assert "x-edit" not in second["headers"]
    assert second["origin"]["custom"]["customHeaders"] == {}


def test_origin_set_by_a_function_counts_for_its_attempt_only() -> None:
    def retarget(request: dict[str, Any]) -> dict[str, Any]:
        if request["origin"]["custom"]["domainName"] == "first.test":
            request["origin"]["custom"]["domainName"] = "other.test"
        return request

    play = Play(distribution(**GROUP), GET, {"other.test": answer(500)}, {OREQ: retarget})
    assert [name for name in play.ran if name.endswith(".test")] == ["other.test", "second.test"]


def test_generated_error_does_not_fail_over_unless_chosen() -> None:
    hooks = {OREQ: {"status": 500}}
    assert Play(distribution(**GROUP), GET, {}, hooks).ran == [VREQ, OREQ]
    other = distribution(**GROUP, strictness=Strictness(failover_after_generated_error="yes"))
    assert Play(other, GET, {}, hooks).ran == [VREQ, OREQ, OREQ]


# What the triggers see

VIEWER = Request(
    "POST",
    RequestTarget(b"/a%20b", b"c=%2F"),
    Headers(
        [
            (b"Host", b"www.test"),
            (b"User-Agent", b"Browser/1.0"),
            (b"Cookie", b"a=1"),
            (b"Cookie", b"b=2"),
            (b"Accept", b"text/html, */*"),
            (b"X-Forwarded-For", b"10.0.0.1"),
            (b"X-Forwarded-Proto", b"http"),
            (b"X-Forwarded-Host", b"outer.test"),
            (b"CloudFront-Is-Mobile-Viewer", b"maybe"),
            (b"X-Amz-Cf-Id", b"theirs"),
            (b"X-Edge-Thing", b"1"),
            (b"Connection", b"keep-alive"),
            (b"Via", b"1.0 proxy"),
            (b"X-Own", b"1"),
        ]
    ),
    Body.of(b"hi"),
)
NOTHING = compile_forwarding(CachePolicy("none", "none"), None)


def seen(trigger: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    play = Play(distribution(**(more or {})), VIEWER)
    return play.events[trigger][0]


def shown(headers: dict[str, Any], name: str) -> list[str] | None:
    return [entry["value"] for entry in headers[name]] if name in headers else None


@pytest.mark.parametrize(
    ("trigger", "fields"),
    [
        (VREQ, {"clientIp", "headers", "method", "querystring", "uri"}),
        (OREQ, {"clientIp", "headers", "method", "querystring", "uri", "origin"}),
        (ORES, {"clientIp", "headers", "method", "querystring", "uri", "origin"}),
        (VRES, {"clientIp", "headers", "method", "querystring", "uri"}),
    ],
)
def test_fields_of_the_request(trigger: str, fields: set[str]) -> None:
    assert set(seen(trigger)["request"]) == fields
    with_body = seen(trigger, {"include_body": True})["request"]
    assert ("body" in with_body) == (trigger in (VREQ, OREQ))


@pytest.mark.parametrize("trigger", [ORES, VRES])
def test_fields_of_the_response(trigger: str) -> None:
    assert set(seen(trigger)["response"]) == {"headers", "status", "statusDescription"}


HIDDEN = ["x-forwarded-proto", "x-amz-cf-id", "x-edge-thing", "connection", "x-cache"]


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_disallowed_headers_are_hidden(trigger: str, name: str) -> None:
    cf = seen(trigger)
    assert name not in cf["request"]["headers"]
    assert name not in cf.get("response", {}).get("headers", {})


AS_SENT = {
    "host": ["www.test"],
    "user-agent": ["Browser/1.0"],
    "cookie": ["a=1", "b=2"],
    "accept": ["text/html, */*"],
    "x-forwarded-for": ["10.0.0.1"],
    "x-forwarded-host": ["outer.test"],
    "cloudfront-is-mobile-viewer": ["maybe"],
    "via": ["1.0 proxy"],
    "x-own": ["1"],
}


@pytest.mark.parametrize("trigger", [VREQ, VRES])
@pytest.mark.parametrize("name", AS_SENT)
def test_viewer_triggers_see_the_viewers_headers(trigger: str, name: str) -> None:
    assert shown(seen(trigger)["request"]["headers"], name) == AS_SENT[name]


MINIMAL = {
    "host": ["first.test"],
    "user-agent": ["Amazon CloudFront"],
    "x-forwarded-for": ["10.0.0.1, 127.0.0.1"],
    "cookie": None,
    "accept": None,
    "x-forwarded-host": None,
    "cloudfront-is-mobile-viewer": None,
    "x-own": None,
    "x-from": None,
}


@pytest.mark.parametrize("trigger", [OREQ, ORES])
@pytest.mark.parametrize("name", MINIMAL)
def test_origin_triggers_see_what_the_policies_forward(trigger: str, name: str) -> None:
    headers = seen(trigger, {"forwarding": NOTHING})["request"]["headers"]
    assert shown(headers, name) == MINIMAL[name]


@pytest.mark.parametrize("trigger", [OREQ, ORES])
def test_via_of_the_origin_request_ends_with_ours(trigger: str) -> None:
    (value,) = shown(seen(trigger)["request"]["headers"], "via") or [""]
    assert value == f"1.0 proxy, 1.1 {'0' * 32}.cloudfront.net (CloudFront)"


def test_cloudfront_headers_that_a_policy_names_overwrite_the_viewers() -> None:
    names = ("CloudFront-Is-Mobile-Viewer", "CloudFront-Forwarded-Proto")
    policy = CachePolicy("mine", "mine", headers=Selection("whitelist", names))
    more = {"forwarding": compile_forwarding(policy, None)}
    headers = seen(OREQ, more)["request"]["headers"]
    assert shown(headers, "cloudfront-is-mobile-viewer") == ["false"]
    assert shown(headers, "cloudfront-forwarded-proto") == ["http"]


def test_custom_headers_of_the_origin_stand_in_the_origin_only() -> None:
    request = seen(OREQ)["request"]
    assert "x-from" not in request["headers"]
    assert request["origin"]["custom"]["customHeaders"] == {
        "x-from": [{"key": "X-From", "value": "edge"}]
    }


def test_target_stays_encoded_and_without_the_origin_path() -> None:
    for trigger in TRIGGERS:
        request = seen(trigger)["request"]
        assert (request["uri"], request["querystring"]) == ("/a%20b", "c=%2F")


def test_headers_added_at_viewer_request_go_on_as_the_policies_say() -> None:
    def add(request: dict[str, Any]) -> dict[str, Any]:
        request["headers"]["x-added"] = [{"value": "1"}]
        return request

    hooks = {VREQ: add}
    assert (
        "x-added" in Play(distribution(), VIEWER, {}, hooks).events[OREQ][0]["request"]["headers"]
    )
    none = distribution(forwarding=NOTHING)
    assert "x-added" not in Play(none, VIEWER, {}, hooks).events[OREQ][0]["request"]["headers"]


def test_headers_added_at_origin_request_reach_the_origin_whatever_the_policies() -> None:
    def add(request: dict[str, Any]) -> dict[str, Any]:
        request["headers"]["x-added"] = [{"value": "1"}]
        return request

    play = Play(distribution(forwarding=NOTHING), VIEWER, {}, {OREQ: add})
    assert play.sent[0].headers.get(b"x-added") == b"1"
    assert play.events[ORES][0]["request"]["headers"]["x-added"][0]["value"] == "1"


def test_viewer_response_sees_the_edits_of_viewer_request_unless_chosen_otherwise() -> None:
    def edit(request: dict[str, Any]) -> dict[str, Any]:
        return {**request, "uri": "/edited"}

    hooks = {VREQ: edit}
    assert Play(distribution(), GET, {}, hooks).events[VRES][0]["request"]["uri"] == "/edited"
    other = distribution(strictness=Strictness(viewer_response_request="original"))
    assert Play(other, GET, {}, hooks).events[VRES][0]["request"]["uri"] == "/a"


def test_default_root_object_is_seen_from_origin_request_on_unless_chosen_otherwise() -> None:
    root = replace(GET, target=RequestTarget(b"/"))
    site = replace(distribution(), default_root_object="index.html")
    uris = [
        each["request"]["uri"] for events in Play(site, root).events.values() for each in events
    ]
    assert uris == ["/", "/index.html", "/index.html", "/"]
    other = replace(site, strictness=Strictness(default_root_object="viewer-request"))
    assert Play(other, root).events[VREQ][0]["request"]["uri"] == "/index.html"


def test_body_of_a_request_without_one_is_empty_unless_chosen_otherwise() -> None:
    event = Play(distribution(include_body=True), GET).events[VREQ][0]
    assert event["request"]["body"] == {
        "inputTruncated": False,
        "action": "read-only",
        "encoding": "base64",
        "data": "",
    }
    other = distribution(
        include_body=True, strictness=Strictness(include_body_without_body="absent")
    )
    assert "body" not in Play(other, GET).events[VREQ][0]["request"]
    assert "body" in Play(other, POST).events[VREQ][0]["request"]


def test_request_id_is_the_same_at_all_triggers() -> None:
    play = Play(distribution(), GET)
    ids = {cf["config"]["requestId"] for events in play.events.values() for cf in events}
    assert ids == {FACTS.request_id}


def test_body_replaced_at_viewer_request_is_what_origin_request_sees() -> None:
    def replace_body(request: dict[str, Any]) -> dict[str, Any]:
        body = {"action": "replace", "encoding": "text", "data": "new"}
        return {**request, "body": {**request["body"], **body}}

    play = Play(distribution(include_body=True), VIEWER, {}, {VREQ: replace_body})
    assert play.events[OREQ][0]["request"]["body"]["data"] == "bmV3"
    assert play.sent[0].body.content == b"new"
    assert play.sent[0].headers.get(b"content-length") == b"3"


def test_host_that_a_function_took_away_is_the_origins() -> None:
    def edit(request: dict[str, Any]) -> dict[str, Any]:
        del request["headers"]["host"]
        return request

    play = Play(distribution(), VIEWER, {}, {OREQ: edit})
    assert play.sent[0].headers.get_all(b"host") == [b"first.test"]


@pytest.mark.parametrize("value", [None, "9999", "1"])
def test_content_length_is_the_bodys_whatever_origin_response_says(value: str | None) -> None:
    def edit(response: dict[str, Any]) -> dict[str, Any]:
        response["headers"].pop("content-length")
        if value is not None:
            response["headers"]["content-length"] = [{"key": "Content-Length", "value": value}]
        return response

    play = Play(distribution(), GET, {}, {ORES: edit})
    assert play.response.headers.get_all(b"content-length") == [b"2"]


def test_new_body_at_origin_response_has_its_own_length() -> None:
    for body, length in (("", b"0"), ("longer", b"6")):
        play = Play(distribution(), GET, {}, {ORES: lambda part, body=body: {**part, "body": body}})
        assert play.response.headers.get_all(b"content-length") == [length]
        assert play.response.body.content == body.encode()


def test_country_that_the_viewer_sent_may_be_changed_at_viewer_request() -> None:
    name = "cloudfront-viewer-country"

    def edit(request: dict[str, Any]) -> dict[str, Any]:
        request["headers"][name] = [{"value": "DE"}]
        return request

    sent = replace(GET, headers=GET.headers.added((b"CloudFront-Viewer-Country", b"US")))
    assert Play(distribution(), sent, {}, {VREQ: edit}).response.status == 200
    assert Play(distribution(), GET, {}, {VREQ: edit}).response.status == 502


def test_a_custom_error_page_is_fetched_without_conditions_and_ranges() -> None:
    """They are the viewer's for what failed: the page must come whole."""
    own = [
        (b"If-None-Match", b'"e"'),
        (b"If-Match", b'"e"'),
        (b"If-Modified-Since", b"d"),
        (b"If-Unmodified-Since", b"d"),
        (b"If-Range", b'"e"'),
        (b"Range", b"bytes=0-1"),
        (b"X-Kept", b"1"),
    ]
    request = replace(GET, headers=Headers([*GET.headers, *own]))
    play = Play(distribution(with_pages=True), request, {"first.test": answer(404)})
    first, page = play.sent
    assert all(name.lower() in first.headers for name, _ in own)
    assert [name for name, _ in own if name.lower() in page.headers] == [b"X-Kept"]


def test_a_custom_error_page_without_a_body_has_no_length() -> None:
    """An origin that answers 304 unasked: the page's status has a body, which is empty."""
    not_modified = Response(304, b"", Headers([(b"Content-Length", b"9")]))
    origins = {"first.test": answer(404), "pages.test": not_modified}
    response = Play(distribution(with_pages=True), GET, origins).response
    assert response.status == 200
    assert response.headers.get_all(b"content-length") == [b"0"]
