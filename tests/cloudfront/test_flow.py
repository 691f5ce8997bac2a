"""A request through a distribution, told as a screenplay: steps expected, replies given."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.model import FunctionError, FunctionRef, Report, Returned, Throttled
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import ALL_METHODS, compile_path_pattern
from edgegw.cloudfront.error_causes import FailedOutcome, OriginFailure
from edgegw.cloudfront.flow import (
    DistributionStep,
    Fetch,
    IncludeBody,
    OriginRequest,
    OriginResponse,
    ViewerRequest,
    ViewerResponse,
    start,
)
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.model import Association, Behavior, CustomOrigin, Distribution, S3Origin
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.http.message import EMPTY, Body, Headers, Request, Response, Upgraded
from edgegw.http.target import RequestTarget

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")
ORIGIN = CustomOrigin("origin.test", 8443, "https", "/base", ((b"X-From", b"edge"),))


def distribution(
    *triggers: Trigger, include_body: bool = False, root: str = "", cookies: bool = True
) -> Distribution:
    policy = find_policy(CACHE_POLICIES, "CachingDisabled")
    more = find_policy(ORIGIN_REQUEST_POLICIES, "AllViewer" if cookies else "HostHeaderOnly")
    assert policy is not None
    behavior = Behavior(
        "*",
        compile_path_pattern("*"),
        ORIGIN,
        compile_forwarding(policy, more),
        allowed_methods=ALL_METHODS,
        associations={
            trigger: Association(
                FunctionRef(trigger, at_edge=True), include_body and trigger.endswith("request")
            )
            for trigger in triggers
        },
    )
    return Distribution("site", "EID", "d1.cloudfront.net", (), (), behavior, root)


REQUEST = Request(
    "GET",
    RequestTarget(b"/a", b"b=1"),
    Headers([(b"Host", b"www.test"), (b"X-Two", b"1"), (b"x-two", b"2")]),
)
REPLY = Response(
    200,
    b"Fine",
    Headers([(b"Content-Type", b"text/plain"), (b"Content-Length", b"2"), (b"Via", b"1.0 x")]),
    Body.of(b"hi"),
)


def event_of(step: DistributionStep) -> dict[str, Any]:
    assert isinstance(step, (ViewerRequest, OriginRequest, OriginResponse, ViewerResponse))
    return json.loads(step.invocation.payload)["Records"][0]["cf"]


def returned(value: Any) -> Returned:
    return Returned(json.dumps(value).encode(), Report())


def test_a_request_through_all_four_triggers() -> None:
    step: DistributionStep = start(distribution(*TRIGGERS), REQUEST, FACTS)
    assert isinstance(step, ViewerRequest)
    assert step.invocation.function == FunctionRef("viewer-request", at_edge=True)
    event = event_of(step)
    assert event["config"] == {
        "distributionDomainName": "d1.cloudfront.net",
        "distributionId": "EID",
        "eventType": "viewer-request",
        "requestId": FACTS.request_id,
    }
    request = event["request"]
    assert set(request) == {"clientIp", "headers", "method", "querystring", "uri"}
    assert request["headers"]["x-two"] == [
        {"key": "X-Two", "value": "1"},
        {"key": "x-two", "value": "2"},
    ]
    request["uri"] = "/changed"
    request["headers"]["x-hook"] = [{"value": "made"}]

    step = step.next(returned(request))
    assert isinstance(step, OriginRequest)
    request = event_of(step)["request"]
    assert request["uri"] == "/changed"
    assert request["origin"]["custom"]["domainName"] == "origin.test"
    assert request["origin"]["custom"]["path"] == "/base"
    assert request["headers"]["x-hook"] == [{"key": "X-Hook", "value": "made"}]
    assert "x-amz-cf-id" not in request["headers"]
    request["origin"]["custom"]["domainName"] = "other.test"
    request["origin"]["custom"]["port"] = 80
    request["headers"]["host"] = [{"key": "Host", "value": "other.test"}]

    step = step.next(returned(request))
    assert isinstance(step, Fetch)
    assert isinstance(step.origin, CustomOrigin)
    assert (step.origin.domain_name, step.origin.port) == ("other.test", 80)
    assert step.sent.target.raw == b"/base/changed?b=1"
    assert step.sent.headers.get(b"host") == b"other.test"
    assert step.sent.headers.get(b"x-from") == b"edge"
    assert step.sent.headers.get(b"x-amz-cf-id") == FACTS.request_id.encode()

    step = step.next(REPLY)
    assert isinstance(step, OriginResponse)
    event = event_of(step)
    assert event["request"]["origin"]["custom"]["domainName"] == "other.test"
    response = event["response"]
    assert (response["status"], response["statusDescription"]) == ("200", "Fine")
    assert "body" not in response
    response |= {
        "status": 404,
        "statusDescription": "Gone",
        "body": "Zm9v",
        "bodyEncoding": "base64",
    }

    step = step.next(returned(response))
    assert isinstance(step, ViewerResponse)
    event = event_of(step)
    assert event["request"]["uri"] == "/changed"
    assert "origin" not in event["request"]
    response = event["response"]
    assert response["status"] == "404"
    assert response["headers"]["content-length"] == [{"key": "Content-Length", "value": "3"}]
    response["headers"]["x-last"] = [{"key": "X-Last", "value": "1"}]

    step = step.next(returned(response))
    assert isinstance(step, DistributionAnswer)
    assert step.verdict == "Miss"
    assert (step.response.status, step.response.reason) == (404, b"Gone")
    assert step.response.body.content == b"foo"
    assert step.response.headers.get(b"x-last") == b"1"
    assert step.response.headers.get_all(b"via") == [
        b"1.0 x, 1.1 " + b"0" * 32 + b".cloudfront.net (CloudFront)"
    ]
    assert step.response.headers.get(b"x-cache") == b"Miss from cloudfront"


def test_without_functions_a_request_is_fetched_at_once() -> None:
    step = start(distribution(), REQUEST, FACTS)
    assert isinstance(step, Fetch)
    step = step.next(REPLY)
    assert isinstance(step, DistributionAnswer)
    assert step.response.body is REPLY.body


@pytest.mark.parametrize("trigger", ["viewer-request", "origin-request"])
def test_generated_responses_end_the_way(trigger: Trigger) -> None:
    step = start(distribution(trigger, "viewer-response"), REQUEST, FACTS)
    assert isinstance(step, (ViewerRequest, OriginRequest))
    generated = {"status": "302", "headers": {"location": [{"value": "/x"}]}, "body": "b"}
    step = step.next(returned(generated))
    if trigger == "viewer-request":
        assert isinstance(step, DistributionAnswer)
        assert step.verdict == "LambdaGeneratedResponse"
    else:
        assert isinstance(step, ViewerResponse)
        step = step.next(returned(event_of(step)["response"]))
        assert step.verdict == "Miss"
    assert step.response.headers.get(b"location") == b"/x"
    assert step.response.headers.get(b"server") == b"CloudFront"
    assert step.response.headers.get(b"content-length") == b"1"
    assert step.response.reason == b"Found"


@pytest.mark.parametrize("trigger", ["viewer-request", "origin-request"])
def test_include_body_shows_the_beginning_and_takes_a_replacement(trigger: Trigger) -> None:
    sent = replace(
        REQUEST,
        method="POST",
        body=Body(length=None),
        headers=REQUEST.headers.added((b"Transfer-Encoding", b"chunked")),
    )
    step = start(distribution(trigger, include_body=True), sent, FACTS)
    assert isinstance(step, IncludeBody)
    assert step.limit == (40960 if trigger == "viewer-request" else 1048576)
    whole = Body.of(b"whole body")
    step = step.next(b"whole", truncated=True, body=whole)
    assert isinstance(step, (ViewerRequest, OriginRequest))
    request = event_of(step)["request"]
    assert request["body"] == {
        "inputTruncated": True,
        "action": "read-only",
        "encoding": "base64",
        "data": base64.b64encode(b"whole").decode(),
    }
    unchanged = step.next(returned(request))
    assert isinstance(unchanged, Fetch)
    assert unchanged.request.body is whole

    request["body"] |= {"action": "replace", "encoding": "text", "data": "new"}
    replaced = step.next(returned(request))
    assert isinstance(replaced, Fetch)
    assert replaced.request.body.content == b"new"
    assert replaced.request.headers.get(b"content-length") == b"3"
    assert b"transfer-encoding" not in replaced.request.headers


def test_a_change_of_origin_may_lead_to_a_bucket() -> None:
    step = start(distribution("origin-request"), REQUEST, FACTS)
    assert isinstance(step, OriginRequest)
    request = event_of(step)["request"]
    request["origin"] = {
        "s3": {
            "domainName": "b.s3.amazonaws.com",
            "path": "",
            "authMethod": "none",
            "customHeaders": {},
        }
    }
    step = step.next(returned(request))
    assert isinstance(step, Fetch)
    assert isinstance(step.origin, S3Origin)


def test_default_root_object_is_seen_by_the_origin_only() -> None:
    step = start(
        distribution("viewer-response", root="index.html"),
        replace(REQUEST, target=RequestTarget(b"/")),
        FACTS,
    )
    assert isinstance(step, Fetch)
    assert step.request.target.path == b"/index.html"
    step = step.next(REPLY)
    assert event_of(step)["request"]["uri"] == "/"
    step = start(
        distribution("viewer-request", root="index.html"),
        replace(REQUEST, target=RequestTarget(b"/")),
        FACTS,
    )
    assert isinstance(step, ViewerRequest)
    request = event_of(step)["request"]
    assert request["uri"] == "/"
    step = step.next(returned(request))
    assert isinstance(step, Fetch)
    assert step.request.target.path == b"/index.html"


def test_viewer_response_does_not_run_for_an_origin_error() -> None:
    step = start(distribution("viewer-response"), REQUEST, FACTS)
    assert isinstance(step, Fetch)
    step = step.next(replace(REPLY, status=404))
    assert isinstance(step, DistributionAnswer)
    assert step.verdict == "Error"


@pytest.mark.parametrize(("size", "status"), [(32_768, 200), (32_769, 502)])
def test_headers_of_an_origin_above_32_k_give_502(size: int, status: int) -> None:
    """CloudFront Developer Guide, "Quotas": 32,768 bytes of an origin's response headers."""
    headers = Headers([(b"x", b"v" * (size - len("x: \r\n")))])
    step: DistributionStep = start(distribution(), REQUEST, FACTS)
    assert isinstance(step, Fetch)
    step = step.next(replace(REPLY, headers=headers))
    assert isinstance(step, DistributionAnswer)
    assert step.response.status == status


def test_a_websocket_without_bytes_of_the_origin_ends_after_ten_minutes() -> None:
    """CloudFront Developer Guide, "Quotas": idle timeout of WebSocket connections."""
    step: DistributionStep = start(distribution(), REQUEST, FACTS)
    assert isinstance(step, Fetch)
    step = step.next(Response(101, b"Switching Protocols", upgraded=Upgraded("the connection")))
    assert isinstance(step, DistributionAnswer)
    assert step.response.upgraded == Upgraded("the connection", idle=600.0, only_origin=True)


def test_set_cookie_is_removed_unless_cookies_are_forwarded() -> None:
    reply = replace(REPLY, headers=REPLY.headers.added((b"Set-Cookie", b"a=1")))
    for cookies, expected in ((True, [b"a=1"]), (False, [])):
        step = start(distribution(cookies=cookies), REQUEST, FACTS)
        assert isinstance(step, Fetch)
        step = step.next(reply)
        assert isinstance(step, DistributionAnswer)
        assert step.response.headers.get_all(b"set-cookie") == expected


@pytest.mark.parametrize(
    ("outcome", "status", "x_cache", "text"),
    [
        (Throttled(), 503, "LambdaLimitExceeded", b"was throttled."),
        (
            FunctionError("ValueError", "x", b"{}", Report()),
            503,
            "LambdaExecutionError",
            b"is invalid or doesn't have the required permissions.",
        ),
        (returned([]), 502, "LambdaValidationError", b"The JSON output must be an object type."),
        (
            Returned(b"{", Report()),
            502,
            "LambdaValidationError",
            b"The JSON output is not parsable.",
        ),
    ],
    ids=["throttled", "raised", "wrong type", "no JSON"],
)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_failures_of_a_function(
    trigger: Trigger, outcome: Any, status: int, x_cache: str, text: bytes
) -> None:
    step: DistributionStep = start(distribution(trigger), REQUEST, FACTS)
    if isinstance(step, Fetch):
        step = step.next(REPLY)
    assert isinstance(step, (ViewerRequest, OriginRequest, OriginResponse, ViewerResponse))
    finish = step.next(outcome)
    assert isinstance(finish, DistributionAnswer)
    assert (finish.response.status, finish.verdict) == (status, x_cache)
    assert text in (finish.response.body.content or b"")
    assert isinstance(finish.cause, FailedOutcome)
    assert finish.cause.trigger == trigger


@pytest.mark.parametrize(
    ("kind", "status"),
    [("refused", 502), ("dns", 502), ("closed", 502), ("invalid", 502), ("timeout", 504)],
)
def test_failures_of_the_origin(kind: Any, status: int) -> None:
    step = start(distribution(), REQUEST, FACTS)
    assert isinstance(step, Fetch)
    finish = step.next(OriginFailure(kind, "what happened"))
    assert isinstance(finish, DistributionAnswer)
    assert finish.response.status == status
    assert finish.response.headers.get(b"x-cache") == b"Error from cloudfront"


def test_returning_the_whole_event_is_explained() -> None:
    step = start(distribution("viewer-request"), REQUEST, FACTS)
    assert isinstance(step, ViewerRequest)
    finish = step.next(Returned(step.invocation.payload, Report()))
    assert isinstance(finish, DistributionAnswer)
    assert isinstance(finish.cause, FailedOutcome)
    assert "return event['Records'][0]['cf']['request']" in finish.cause.detail


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "status",
        "statusDescription",
        "headers",
        "body",
        "uri",
        "querystring",
        "method",
        "origin",
        "bodyEncoding",
    ]
)


@given(JSON | st.dictionaries(FIELDS, JSON), st.sampled_from(TRIGGERS))
def test_any_result_is_judged_and_never_raises(result: Any, trigger: Trigger) -> None:
    step: DistributionStep = start(distribution(trigger), REQUEST, FACTS)
    if isinstance(step, Fetch):
        step = step.next(REPLY)
    assert isinstance(step, (ViewerRequest, OriginRequest, OriginResponse, ViewerResponse))
    after = step.next(returned(result))
    if isinstance(after, DistributionAnswer) and after.cause is not None:
        assert after.response.status == 502


ORIGIN_FIELDS = st.sampled_from(
    [
        "domainName",
        "port",
        "protocol",
        "path",
        "readTimeout",
        "keepaliveTimeout",
        "sslProtocols",
        "responseCompletionTimeout",
        "customHeaders",
        "authMethod",
        "region",
    ]
)


@given(st.sampled_from(["custom", "s3"]), st.dictionaries(ORIGIN_FIELDS, JSON))
def test_any_origin_is_judged_and_never_raises(kind: str, fields: Mapping[str, Any]) -> None:
    step = start(distribution("origin-request"), REQUEST, FACTS)
    assert isinstance(step, OriginRequest)
    request = event_of(step)["request"]
    kept = request["origin"]["custom"] if kind == "custom" else {"domainName": "b.s3.test"}
    request["origin"] = {kind: {**kept, **fields}}
    assert isinstance(step.next(returned(request)), (DistributionAnswer, Fetch))


@given(
    st.dictionaries(FIELDS | st.sampled_from(["headers"]), JSON),
    st.sampled_from(TRIGGERS),
)
def test_any_change_of_the_sent_object_is_judged_and_never_raises(
    changes: Mapping[str, Any], trigger: Trigger
) -> None:
    step: DistributionStep = start(distribution(trigger), REQUEST, FACTS)
    if isinstance(step, Fetch):
        step = step.next(REPLY)
    part = "response" if trigger.endswith("response") else "request"
    result = {**event_of(step)[part], **changes}
    assert isinstance(step, (ViewerRequest, OriginRequest, OriginResponse, ViewerResponse))
    after = step.next(returned(result))
    assert isinstance(after, (DistributionAnswer, Fetch, ViewerResponse))


TOKEN = st.text("ABCxyz019-_", min_size=1, max_size=8).map(lambda text: b"X-" + text.encode())
VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), max_size=12)


@given(
    st.lists(
        st.tuples(
            TOKEN, VALUE.map(str.encode) | st.binary(max_size=6).map(bytes.hex).map(str.encode)
        )
    ),
    st.binary(max_size=30),
    st.binary(max_size=30),
)
def test_a_pass_through_function_changes_no_byte(
    lines: list[tuple[bytes, bytes]], path: bytes, query: bytes
) -> None:
    forbidden = bytes([*range(33), 127, 35])
    path = b"/" + path.translate(None, forbidden + b"?")
    query = query.translate(None, forbidden)
    sent = Request("GET", RequestTarget(path, query), Headers([(b"Host", b"h"), *lines]), EMPTY)
    plain = start(distribution(), sent, FACTS)
    hooked = start(distribution("viewer-request"), sent, FACTS)
    assert isinstance(hooked, ViewerRequest)
    hooked = hooked.next(returned(event_of(hooked)["request"]))
    assert isinstance(plain, Fetch)
    assert isinstance(hooked, Fetch)
    assert hooked.sent == plain.sent
