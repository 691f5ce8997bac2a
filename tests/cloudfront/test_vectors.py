"""Recorded and documented Lambda@Edge events are reproduced from the requests they describe."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from edgegw.cloudfront.behaviors import compile_path_pattern
from edgegw.cloudfront.managed import CACHE_POLICIES
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution, Origin
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.trigger_event import (
    Generated,
    Sent,
    ShownBody,
    decode_origin,
    decode_request_result,
    decode_response_result,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.trigger_rules import Breach
from edgegw.http.message import Body, Client, Headers, Request, Response
from edgegw.http.target import Target

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


def load(vectors: Path, name: str) -> dict[str, Any]:
    return json.loads((vectors / "cloudfront" / f"{name}.json").read_text())


def lines(headers: dict[str, list[dict[str, str]]]) -> Headers:
    return Headers(
        (entry["key"].encode(), entry["value"].encode())
        for entries in headers.values()
        for entry in entries
    )


def origin_of(request: dict[str, Any]) -> Origin | None:
    if "origin" not in request:
        return None
    return decode_origin(request["origin"], CustomOrigin("", 0, "http"))


def described(cf: dict[str, Any]) -> tuple[Distribution, Request]:
    config, request = cf["config"], cf["request"]
    behavior = Behavior(
        "*",
        compile_path_pattern("*"),
        CustomOrigin("o", 80, "http"),
        compile_forwarding(CACHE_POLICIES[0], None),
    )
    distribution = Distribution(
        "d", config["distributionId"], config["distributionDomainName"], (), (), behavior
    )
    query = request["querystring"].encode()
    body = base64.b64decode(request.get("body", {}).get("data", ""))
    return distribution, Request(
        request["method"],
        Target(request["uri"].encode(), query or None),
        lines(request["headers"]),
        Body.of(body),
        client=Client(request["clientIp"], 1),
    )


def encode(cf: dict[str, Any]) -> tuple[dict[str, Any], Sent]:
    distribution, request = described(cf)
    trigger, request_id = cf["config"]["eventType"], cf["config"]["requestId"]
    origin = origin_of(cf["request"])
    if "response" in cf:
        shown = cf["response"]
        response = Response(
            int(shown["status"]), shown["statusDescription"].encode(), lines(shown["headers"])
        )
        payload, sent = encode_response_event(
            distribution, trigger, request_id, request, response, origin=origin
        )
    else:
        body = None
        if "body" in cf["request"]:
            body = ShownBody(request.body.content or b"", cf["request"]["body"]["inputTruncated"])
        payload, sent = encode_request_event(
            distribution, trigger, request_id, request, origin=origin, body=body
        )
    return json.loads(payload), sent


@pytest.mark.parametrize("name", EVENTS)
def test_event_is_reproduced(vectors: Path, name: str) -> None:
    recorded = load(vectors, name)
    made, _ = encode(recorded["Records"][0]["cf"])
    assert made == recorded


@pytest.mark.parametrize("name", EVENTS)
def test_returned_part_of_an_event_is_accepted(vectors: Path, name: str) -> None:
    cf = load(vectors, name)["Records"][0]["cf"]
    _, sent = encode(cf)
    if "response" in cf:
        found = decode_response_result(json.dumps(cf["response"]).encode(), sent)
        assert isinstance(found, Response), found
        assert found == sent.response
    else:
        found = decode_request_result(json.dumps(cf["request"]).encode(), sent)
        assert not isinstance(found, (Breach, Generated)), found
        assert found == (sent.request, sent.origin)


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("event", ["docs-viewer-request", "docs-origin-request-custom"])
def test_documented_generated_response_is_accepted(vectors: Path, name: str, event: str) -> None:
    _, sent = encode(load(vectors, event)["Records"][0]["cf"])
    result = load(vectors, name)
    found = decode_request_result(json.dumps(result).encode(), sent)
    assert isinstance(found, Generated), found
    assert found.status == int(result["status"])
    assert found.content == result.get("body", "").encode()


@pytest.mark.parametrize("name", RESPONSES)
def test_documented_origin_response_is_accepted(vectors: Path, name: str) -> None:
    _, sent = encode(load(vectors, "docs-origin-response")["Records"][0]["cf"])
    result = load(vectors, name)
    found = decode_response_result(json.dumps(result).encode(), sent)
    assert isinstance(found, Response), found
    assert found.status == result["status"]


def test_custom_origin_with_headers_round_trips(vectors: Path) -> None:
    for name in (
        "mangum-origin-request-custom-headers-body-text",
        "mangum-origin-request-body-base64",
    ):
        cf = load(vectors, name)["Records"][0]["cf"]
        made, _ = encode(cf)
        assert made["Records"][0]["cf"]["request"]["origin"] == cf["request"]["origin"]


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


@pytest.mark.parametrize("name", OLD_SHAPE)
def test_templates_of_an_older_shape_are_a_part_of_ours(vectors: Path, name: str) -> None:
    """Templates leave out most of `config` and some fields; what they show, we show alike."""
    shown = load(vectors, name)["Records"][0]["cf"]
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
    made, _ = encode(cf)
    ours = made["Records"][0]["cf"]
    for part, fields in shown.items():
        for field, value in fields.items():
            assert ours[part][field] == value, f"{part}.{field}"
