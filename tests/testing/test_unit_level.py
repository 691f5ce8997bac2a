"""One call of a handler, and what AWS would say of its result."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.strictness import Strictness
from edgegw.errors import UsageError
from edgegw.testing import (
    alb_request,
    apigw_v1_request,
    cloudfront_function_request,
    function_url_request,
    invoke,
    validate,
    viewer_request,
    viewer_response,
)


def passing(event: Any, context: Any) -> Any:
    return event["Records"][0]["cf"]["request"]


def test_a_handler_gets_event_and_context() -> None:
    def handler(event: Any, context: Any) -> Any:
        left = context.get_remaining_time_in_millis()
        return [event, context.function_name, context.aws_request_id, 0 < left <= 3000]

    event = {"a": 1}
    result = invoke(handler, event, function_name="mine", request_id="id")
    assert result == [{"a": 1}, "mine", "id", True]


def test_event_and_result_travel_as_json() -> None:
    kept: list[Any] = []

    def handler(event: Any, context: Any) -> Any:
        kept.append(event)
        event["a"] = 2
        return {"tuple": (1, 2)}

    event = {"a": 1}
    assert invoke(handler, event) == {"tuple": [1, 2]}
    assert event == {"a": 1}
    with pytest.raises(UsageError, match="the event is no JSON"):
        invoke(handler, {"a": object()})
    with pytest.raises(UsageError, match="the result is no JSON"):
        invoke(lambda event, context: {1, 2}, {})


async def asynchronous(event: Any, context: Any) -> Any:
    return "awaited"


def test_an_asynchronous_handler_is_awaited() -> None:
    assert invoke(asynchronous, {}) == "awaited"


async def test_it_is_awaited_within_an_event_loop_too() -> None:
    assert invoke(asynchronous, {}) == "awaited"


def test_what_a_handler_raises_is_raised() -> None:
    def handler(event: Any, context: Any) -> Any:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        invoke(handler, {})


def test_a_cloudfront_function_gets_the_event_alone() -> None:
    def handler(event: Any) -> Any:
        return {**event["request"], "uri": "/b"}

    event = cloudfront_function_request("/a")
    result = invoke(handler, event)
    assert result["uri"] == "/b"
    assert validate("cloudfront-function-request", event, result)


def test_a_result_that_is_accepted() -> None:
    event = viewer_request("/a")
    verdict = validate("viewer-request", event, invoke(passing, event))
    assert verdict
    assert repr(verdict) == "viewer-request: accepted: the request goes on"
    answered = validate("viewer-request", event, {"status": "302"})
    assert answered.outcome == "accepted: the function answers 302 itself"


def test_a_result_that_is_refused_says_why() -> None:
    event = viewer_response()
    verdict = validate("viewer-response", event, {"status": "204", "headers": {}})
    assert not verdict
    assert [finding.code for finding in verdict.findings] == ["lambda-edge.viewer-response-status"]
    assert verdict.page is not None
    assert "LambdaValidationError" in repr(verdict)
    assert "leave 200, or change it at origin-response" in repr(verdict)


def test_strictness_may_be_that_of_a_configuration() -> None:
    event = viewer_request()
    result = {"status": 200, "extra": 1}
    assert validate("viewer-request", event, result)
    assert not validate(
        "viewer-request", event, result, strictness=Strictness(unknown_field="refuse")
    )


HTTP = [
    ("alb", alb_request(), {"statusCode": 200}, ""),
    ("alb", alb_request(), {"statusCode": "x"}, "refused: 502"),
    ("alb", alb_request(), "text", "refused: 502"),
    ("alb", alb_request(multi_value=True), {"statusCode": 200}, ""),
    ("function-url", function_url_request(), "text", ""),
    ("function-url", function_url_request(), {"statusCode": 99}, "refused: 502"),
    ("apigw-v1", apigw_v1_request(), "text", "refused: 500"),
    ("apigw-v1", apigw_v1_request(), {"statusCode": 201, "body": "x"}, ""),
]


@pytest.mark.parametrize(("kind", "event", "result", "refused"), HTTP)
def test_results_of_functions_that_answer_http(
    kind: Any, event: Any, result: Any, refused: str
) -> None:
    verdict = validate(kind, event, result)
    assert verdict.accepted is (not refused)
    assert verdict.outcome.startswith(refused or "accepted")


@pytest.mark.parametrize(
    ("kind", "event", "text"),
    [
        ("viewer-requst", {}, "no kind 'viewer-requst' of events; did you mean 'viewer-request'?"),
        ("viewer-request", {}, "the event is no event of Lambda@Edge: Records: an array"),
        ("viewer-request", viewer_response(), "the event is one of viewer-response, not of"),
        ("alb", function_url_request(), "the event is no event of a load balancer"),
    ],
)
def test_an_event_of_another_kind_is_refused(kind: Any, event: Any, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        validate(kind, event, {})
    assert text in str(caught.value)
