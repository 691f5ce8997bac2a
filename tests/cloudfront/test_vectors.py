"""Lambda@Edge events are reproduced from the requests they describe: ours, and recorded ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgegw.cloudfront.behaviors import compile_path_pattern
from edgegw.cloudfront.event_reader import decode_event
from edgegw.cloudfront.managed import CACHE_POLICIES
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.trigger_event import (
    ShownBody,
    ShownEvent,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    ContinuedResponse,
    GeneratedResponse,
    decode_request_result,
    decode_response_result,
)
from tests.recordings import OWN, fields, load, own, recorded, vectors

EVENTS = [
    "blog-origin-response-s3-404-recorded",
    "blog-viewer-request-recorded",
    "derived-origin-request-s3-origin",
    "docs-origin-request-custom",
    "docs-origin-response",
    "docs-viewer-request",
    "docs-viewer-response",
    "docs2023-origin-request-custom",
    "docs2023-origin-response",
    "docs2023-viewer-request",
    "docs2023-viewer-response",
    "lambda-guide-java-sample",
    "serverless-express-viewer-request-body",
]
GENERATED = ["generated-redirect-302", "generated-static-200"]
RESPONSES = ["generated-origin-response-error-to-200", "generated-origin-response-error-to-302"]


def described(cf: dict[str, Any]) -> Distribution:
    config = cf["config"]
    behavior = Behavior(
        "*",
        compile_path_pattern("*"),
        CustomOrigin("o", 80, "http"),
        compile_forwarding(CACHE_POLICIES[0], None),
    )
    return Distribution(
        "d", config["distributionId"], config["distributionDomainName"], (), (), behavior
    )


def encode(event: dict[str, Any]) -> tuple[dict[str, Any], ShownEvent]:
    """The event made again from what it shows."""
    shown = decode_event(event)
    cf = event["Records"][0]["cf"]
    distribution, request_id = described(cf), cf["config"]["requestId"]
    if shown.response is not None:
        payload, sent = encode_response_event(
            distribution,
            shown.trigger,
            request_id,
            shown.request,
            shown.response,
            origin=shown.origin,
        )
    else:
        body = None
        if shown.body_fields is not None:
            content = shown.request.body.content or b""
            body = ShownBody(content, bool(shown.body_fields["inputTruncated"]))
        payload, sent = encode_request_event(
            distribution, shown.trigger, request_id, shown.request, origin=shown.origin, body=body
        )
    return json.loads(payload), sent


@pytest.mark.parametrize("file", vectors("cloudfront/events", EVENTS))
def test_event_is_reproduced(file: Path) -> None:
    vector = load(file)
    made, _ = encode(vector)
    assert made == vector


@pytest.mark.parametrize("file", vectors("cloudfront/events", EVENTS))
def test_returned_part_of_an_event_is_accepted(file: Path) -> None:
    event = load(file)
    cf = event["Records"][0]["cf"]
    _, sent = encode(event)
    assert sent == decode_event(event)
    if "response" in cf:
        found = decode_response_result(json.dumps(cf["response"]).encode(), sent)
        assert isinstance(found, ContinuedResponse), found
        assert found.response == sent.response
    else:
        found = decode_request_result(json.dumps(cf["request"]).encode(), sent)
        assert found == ContinuedRequest(sent.request, sent.origin)


@pytest.mark.parametrize("file", vectors("cloudfront/generated", GENERATED))
@pytest.mark.parametrize("event", ["viewer-request", "origin-request-custom"])
def test_documented_generated_response_is_accepted(file: Path, event: str) -> None:
    _, sent = encode(load(OWN / "cloudfront/events" / f"{event}.json"))
    result = load(file)
    found = decode_request_result(json.dumps(result).encode(), sent)
    assert isinstance(found, GeneratedResponse), found
    assert found.status == int(result["status"])
    assert found.content == result.get("body", "").encode()


@pytest.mark.parametrize("file", vectors("cloudfront/replaced", RESPONSES))
def test_documented_origin_response_is_accepted(file: Path) -> None:
    _, sent = encode(load(OWN / "cloudfront/events/origin-response-custom.json"))
    result = load(file)
    found = decode_response_result(json.dumps(result).encode(), sent)
    assert isinstance(found, ContinuedResponse), found
    assert found.response.status == result["status"]


WITH_ORIGIN = [
    "mangum-origin-request-custom-headers-body-text",
    "mangum-origin-request-body-base64",
]


@pytest.mark.parametrize("file", vectors("cloudfront/events", WITH_ORIGIN))
def test_origins_with_headers_round_trip(file: Path) -> None:
    event = load(file)
    cf = event["Records"][0]["cf"]
    made, _ = encode(event)
    assert made["Records"][0]["cf"]["request"].get("origin") == cf["request"].get("origin")


OLD_SHAPE = [
    "java-tests-cloudfront-event",
    "sam-generate-event-ab-test",
    "sam-generate-event-access-request-in-response",
    "sam-generate-event-http-redirect",
    "sam-generate-event-modify-querystring",
    "sam-generate-event-modify-response-header",
    "sam-generate-event-multiple-remote-calls",
    "sam-generate-event-normalize-querystring",
    "sam-generate-event-redirect-on-viewer-country",
    "sam-generate-event-redirect-unauthenticated-users",
    "sam-generate-event-response-generation",
    "sam-generate-event-serve-object-on-viewer-device",
    "sam-generate-event-simple-remote-call",
]


@pytest.mark.parametrize("file", vectors("cloudfront/parts", OLD_SHAPE))
def test_templates_of_an_older_shape_are_a_part_of_ours(file: Path) -> None:
    """Templates leave out most of `config` and some fields; what they show, we show alike."""
    shown = load(file)["Records"][0]["cf"]
    request = {
        "clientIp": "2001:cdba::3257:9652",
        "headers": {},
        "method": "GET",
        "querystring": "",
        "uri": "/",
        **shown.get("request", {}),
    }
    cf = {
        "config": {
            "distributionDomainName": "d.cloudfront.net",
            "distributionId": shown.get("config", {}).get("distributionId", "E"),
            "eventType": "viewer-response" if "response" in shown else "viewer-request",
            "requestId": "id==",
        },
        "request": request,
    }
    if "response" in shown:
        # Functions never see X-Cache today; the template is older than that rule.
        shown["response"].get("headers", {}).pop("x-cache", None)
        cf["response"] = shown["response"]
    made, _ = encode({"Records": [{"cf": cf}]})
    ours = made["Records"][0]["cf"]
    for part, values in shown.items():
        for field, value in values.items():
            assert ours[part][field] == value, f"{part}.{field}"


DATA = frozenset({"headers", "customHeaders"})
_CF = ".Records[].cf"
_ORIGIN = f"{_CF}.request.origin"
FIELDS = {
    *(
        f"{_CF}.config.{name}: str"
        for name in ("distributionDomainName", "distributionId", "eventType", "requestId")
    ),
    *(f"{_CF}.request.{name}: str" for name in ("clientIp", "method", "querystring", "uri")),
    *(f"{_CF}.request.body.{name}: str" for name in ("action", "data", "encoding")),
    f"{_CF}.request.body.inputTruncated: bool",
    *(f"{_CF}.{part}.headers.*[].key: str" for part in ("request", "response")),
    *(f"{_CF}.{part}.headers.*[].value: str" for part in ("request", "response")),
    *(f"{_CF}.response.{name}: str" for name in ("status", "statusDescription")),
    *(f"{_ORIGIN}.{kind}.domainName: str" for kind in ("custom", "s3")),
    *(f"{_ORIGIN}.{kind}.path: str" for kind in ("custom", "s3")),
    *(f"{_ORIGIN}.{kind}.customHeaders.*[].key: str" for kind in ("custom", "s3")),
    *(f"{_ORIGIN}.{kind}.customHeaders.*[].value: str" for kind in ("custom", "s3")),
    *(
        f"{_ORIGIN}.custom.{name}: int"
        for name in ("keepaliveTimeout", "port", "readTimeout", "responseCompletionTimeout")
    ),
    f"{_ORIGIN}.custom.protocol: str",
    f"{_ORIGIN}.custom.sslProtocols[]: str",
    *(f"{_ORIGIN}.s3.{name}: str" for name in ("authMethod", "region")),
}
"""What a function at the edge is shown (CloudFront Developer Guide, event structure)."""


def test_our_vectors_have_every_field_at_all_four_triggers() -> None:
    ours = {field for file in own("cloudfront/events") for field in fields(load(file), DATA)}
    names = [*EVENTS, *WITH_ORIGIN]
    theirs = {
        field for file in recorded("cloudfront/events", names) for field in fields(load(file), DATA)
    }
    assert ours == FIELDS
    assert theirs <= ours
    triggers = {
        load(file)["Records"][0]["cf"]["config"]["eventType"] for file in own("cloudfront/events")
    }
    assert triggers == {"viewer-request", "origin-request", "origin-response", "viewer-response"}
