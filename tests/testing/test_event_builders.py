"""Events that tests are written with have the shape of events that the gateway sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edgegw.testing
from edgegw import types
from edgegw.cloudfront.triggers import TRIGGERS
from edgegw.errors import UsageError
from edgegw.gateway.edge_preview import edge_event_at
from edgegw.gateway.example_distribution import example_config, example_distribution
from edgegw.gateway.preview import event_at
from edgegw.testing import (
    alb_request,
    apigw_v1_request,
    apigw_v2_request,
    cloudfront_function_request,
    cloudfront_function_response,
    function_url_request,
    header_lines,
    origin_request,
    origin_response,
    viewer_request,
    viewer_response,
)
from edgegw.testing.described import described_request, described_response
from tests.testing.shapes import misfits

VECTORS = Path(__file__).parents[1] / "vectors"
ANSWER = {"status": 404, "response_headers": {"Set-Cookie": ["a=1; Secure", "b=2"]}}
ASKED = {
    "querystring": {"a": ["1", "2"], "b": "x y"},
    "headers": {"X-A": ["1", "2"], "Cookie": "c=1; d=2"},
}

BUILT: list[tuple[str, Any, Any]] = [
    ("viewer-request", viewer_request("/x", **ASKED), types.LambdaEdgeRequestEvent),
    ("with a body", viewer_request(body="hello"), types.LambdaEdgeRequestEvent),
    ("origin-request", origin_request("/x", **ASKED), types.LambdaEdgeRequestEvent),
    ("of a bucket", origin_request(origin={"s3": {}}), types.LambdaEdgeRequestEvent),
    ("origin-response", origin_response(**ANSWER), types.LambdaEdgeResponseEvent),
    ("viewer-response", viewer_response(**ANSWER), types.LambdaEdgeResponseEvent),
    (
        "cloudfront-function-request",
        cloudfront_function_request("/x", **ASKED),
        types.CloudFrontFunctionRequestEvent,
    ),
    (
        "cloudfront-function-response",
        cloudfront_function_response(**ANSWER),
        types.CloudFrontFunctionResponseEvent,
    ),
    ("alb", alb_request("/x", query="a=1", body="hi"), types.LoadBalancerEvent),
    ("alb, multi", alb_request(query="a=1&a=2", multi_value=True), types.LoadBalancerEvent),
    ("function-url", function_url_request("/x", query="a=1", body="hi"), types.Payload2Event),
    ("function-url, signed", function_url_request(signed=True), types.Payload2Event),
    (
        "apigw-v2",
        apigw_v2_request("/items/3", route="GET /items/{id}", stage_variables={"a": "b"}),
        types.Payload2Event,
    ),
    ("apigw-v1", apigw_v1_request("/items/3", route="ANY /items/{id}"), types.Payload1Event),
    ("apigw-v1, stage", apigw_v1_request(query="a=1", stage="v1"), types.Payload1Event),
]


@pytest.mark.parametrize(
    ("event", "shape"), [row[1:] for row in BUILT], ids=[row[0] for row in BUILT]
)
def test_what_is_built_has_the_shape_of_its_type(event: Any, shape: Any) -> None:
    assert misfits(event, shape) == []


def recorded() -> list[Any]:
    shapes = {
        "alb/requests": types.LoadBalancerEvent,
        "apigw/function_url": types.Payload2Event,
        "apigw/payload_2": types.Payload2Event,
        "apigw/payload_1": types.Payload1Event,
    }
    edge = {"request": types.LambdaEdgeRequestEvent, "response": types.LambdaEdgeResponseEvent}
    rows = [
        (file, shape)
        for folder, shape in shapes.items()
        for file in sorted((VECTORS / folder).glob("*.json"))
    ] + [
        (file, edge[file.name.split("-")[1].removesuffix(".json")])
        for file in sorted((VECTORS / "cloudfront" / "events").glob("*.json"))
    ]
    return [pytest.param(*row, id=f"{row[0].parent.name}/{row[0].name}") for row in rows]


@pytest.mark.parametrize(("file", "shape"), recorded())
def test_recorded_events_have_the_shape_of_their_type(file: Path, shape: Any) -> None:
    vector = json.loads(file.read_text())
    event = vector.get("event", vector)
    assert misfits(event, shape) == []


@pytest.mark.parametrize(
    "shape",
    [
        types.LambdaEdgeRequestEvent,
        types.CloudFrontFunctionRequestEvent,
        types.LoadBalancerEvent,
        types.Payload2Event,
    ],
)
def test_the_shapes_refuse_what_is_none(shape: Any) -> None:
    assert misfits({"Records": [{"cf": {"config": {}}}], "more": 1}, shape)


def fields(shown: Any, path: str = "") -> set[str]:
    """The paths of all fields, those of headers aside."""
    if isinstance(shown, dict) and not path.endswith(("headers", "querystring", "cookies")):
        return {below for name in shown for below in fields(shown[name], f"{path}.{name}")}
    if isinstance(shown, list) and len(shown) == 1 and isinstance(shown[0], dict):
        return fields(shown[0], f"{path}[]")
    return {path}


BUILDERS: dict[str, Callable[..., Any]] = {
    "viewer-request": viewer_request,
    "origin-request": origin_request,
    "origin-response": origin_response,
    "viewer-response": viewer_response,
}


@pytest.mark.parametrize("trigger", TRIGGERS)
async def test_builders_have_every_field_that_the_gateway_sends(trigger: Any) -> None:
    request = described_request(None, "/", "", None, usual={"Host": "www.example.com"})
    reply = described_response(200, None, None)
    config, distribution = example_config(), example_distribution()
    payload = await event_at(config, distribution, trigger, request, reply)
    assert fields(BUILDERS[trigger]()) == fields(json.loads(payload))
    if trigger.startswith("viewer"):
        kind = trigger.removeprefix("viewer-")
        text = await edge_event_at(config, distribution, trigger, request, reply)
        builder = {
            "request": cloudfront_function_request,
            "response": cloudfront_function_response,
        }[kind]
        assert fields(builder()) == fields(json.loads(text))


def test_every_field_can_be_given() -> None:
    event = origin_request(
        "/x",
        method="PUT",
        querystring="a=1",
        headers={"X-A": "1", "Host": "mine.test"},
        client_ip="2001:db8::1",
        origin={"custom": {"domainName": "api.test", "readTimeout": 7}},
        body=b"\x00\x01",
        body_truncated=True,
        distribution_id="E1",
        distribution_domain_name="d1.cloudfront.net",
        request_id="id",
    )
    (record,) = event["Records"]
    assert record["cf"]["config"] == {
        "distributionDomainName": "d1.cloudfront.net",
        "distributionId": "E1",
        "eventType": "origin-request",
        "requestId": "id",
    }
    request = record["cf"]["request"]
    assert (request["method"], request["uri"], request["querystring"]) == ("PUT", "/x", "a=1")
    assert request["clientIp"] == "2001:db8::1"
    assert request["headers"]["x-a"] == [{"key": "X-A", "value": "1"}]
    assert request["headers"]["host"] == [{"key": "Host", "value": "mine.test"}]
    assert request["headers"]["x-forwarded-for"][0]["value"] == "2001:db8::1"
    assert request["origin"]["custom"]["domainName"] == "api.test"
    assert request["origin"]["custom"]["readTimeout"] == 7
    assert request["origin"]["custom"]["port"] == 443
    assert request["body"] == {
        "inputTruncated": True,
        "action": "read-only",
        "encoding": "base64",
        "data": "AAE=",
    }


def test_query_and_bodies_are_encoded_as_aws_does() -> None:
    assert viewer_request(querystring={"a": ["1", "2"], "b": "x y"})["Records"][0]["cf"]["request"][
        "querystring"
    ] == ("a=1&a=2&b=x+y")
    posted = alb_request(body="{}", headers={"Content-Type": "application/json"})
    assert (posted["httpMethod"], posted["body"], posted["isBase64Encoded"]) == (
        "POST",
        "{}",
        False,
    )
    event = apigw_v2_request("/items/3", route="GET /items/{id}")
    assert event["pathParameters"] == {"id": "3"}
    assert header_lines({"X-A": "1"}) == {"x-a": [{"key": "X-A", "value": "1"}]}


def test_ids_and_times_are_the_same_again() -> None:
    for _, event, _ in BUILT:
        assert json.loads(json.dumps(event)) == event
    assert function_url_request() == function_url_request()
    assert apigw_v1_request() == apigw_v1_request()
    assert viewer_request() == viewer_request()


MISTAKES = [
    (lambda: origin_request(origin={"custm": {}}), "origin is {'custom': {…}} or {'s3': {…}}"),
    (
        lambda: origin_request(origin={"custom": {"domain": "x"}}),
        "an origin has no field 'domain'; did you mean 'domainName'?",
    ),
    (lambda: apigw_v2_request("/a", route="GET /b"), "the request does not reach the route"),
    (lambda: apigw_v1_request(route="nonsense"), "--route"),
]


@pytest.mark.parametrize(("build", "text"), MISTAKES)
def test_what_cannot_be_built_says_why(build: Callable[[], Any], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        build()
    assert text in str(caught.value)


def test_every_public_name_is_there() -> None:
    for name in edgegw.testing.__all__:
        assert getattr(edgegw.testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = edgegw.testing.nothing
