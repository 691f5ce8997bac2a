"""Recorded events are reproduced from the HTTP request that they describe."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgegw.alb.event import decode_response, encode_event, encode_health_check
from edgegw.alb.flow import BalancerFacts, ReadBody, start
from edgegw.alb.model import Forward, LambdaTargetGroup, Listener, LoadBalancer, Rule
from edgegw.awslambda.model import FunctionRef
from edgegw.http.message import Body, Client, Headers, Request, Response
from edgegw.http.target import RequestTarget

ADDED = ("x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto")

# Recorded, or from AWS's pages, and a picture of the real service.
REQUESTS = [
    "bref-multi-query-encoded-keys",
    "bref-multi-query-numeric-keys",
    "bref-multi-query-raw-brackets",
    "bref-single-query-encoded-keys",
    "bref-single-query-mixed-encoding",
    "bref-single-query-raw-brackets",
    "docs-elb-guide-request",
    "docs-lambda-guide-request",
    "go-request-multi",
    "go-request-single",
    "issue-get-http11-placeholders",
    "lambda-api-multi-https",
    "lambda-api-single-https",
    "powertools-multi-no-query",
    "powertools-multi-repeated-query",
    "rust-single-docs",
    "serverless-express-multi-post-json",
    # Hand-made by AWS's own teams, but shaped like the service's.
    "dotnet-path-escaped-percent",
    "dotnet-path-escaped-percent-slash",
    "dotnet-path-escaped-slash",
    "dotnet-query-escaped-reserved",
    "rust-single-encoded-query",
    "sam-generate-event-alb-request",
]
EDITED = {
    "issue-get-with-body-no-content-type": "its body is a placeholder that is no base64",
    "powertools-single-docs-example": "`Test` without content type would be base64",
    "powertools-single-trailing-slash": "`Test` without content type would be base64",
    "java-single-get": "a body without content type would be base64",
}
HEALTH_CHECKS = [
    "docs-elb-guide-health-check",
    "dotnet-health-check",
    "rust-health-check-docs",
    "rust-health-check-recorded",
]
RESPONSES = [
    "docs-elb-guide-response",
    "docs-lambda-guide-response",
    "go-response-both-header-kinds",
    "java-response-both-header-kinds",
]


def load(vectors: Path, name: str) -> dict[str, Any]:
    return json.loads((vectors / "alb" / f"{name}.json").read_text())


def described(event: dict[str, Any]) -> tuple[Request, bytes, LambdaTargetGroup, Listener]:
    """The HTTP request, body and listener that an event describes."""
    multi = "multiValueHeaders" in event
    group = LambdaTargetGroup(
        "tg", event["requestContext"]["elb"]["targetGroupArn"], FunctionRef("fn"), multi
    )
    headers = event["multiValueHeaders" if multi else "headers"]
    query = event["multiValueQueryStringParameters" if multi else "queryStringParameters"] or {}
    lines = [
        (name.encode(), value.encode())
        for name, values in headers.items()
        for value in (values if multi else [values])
        if name not in ADDED
    ]
    pairs = [
        f"{key}={value}"
        for key, values in query.items()
        for value in (values if multi else [values])
    ]
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    first = {name: values[0] if multi else values for name, values in headers.items()}
    scheme = first.get("x-forwarded-proto", "http")
    port = int(first.get("x-forwarded-port", 80))
    # Only an HTTP/1.1 browser or curl over plain HTTP shows up in recordings of plain HTTP.
    version = "2" if scheme == "https" and "connection" not in first else "1.1"
    target = RequestTarget(event["path"].encode(), "&".join(pairs).encode() if pairs else None)
    client = Client(first.get("x-forwarded-for", "127.0.0.1").split(", ")[-1], 1)
    request = Request(
        event["httpMethod"], target, Headers(lines), Body.of(body), scheme, version, client
    )
    rule = Rule(None, (), Forward(((group, 1),)))
    balancer = LoadBalancer("lb", "arn", "lb.test")
    return request, body, group, Listener(balancer, port, scheme.upper(), (), rule)


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """`event` less what AWS chooses at random: the trace id."""
    shown = json.loads(json.dumps(event))
    for key in ("headers", "multiValueHeaders"):
        shown.get(key, {}).pop("x-amzn-trace-id", None)
    for key in ("queryStringParameters", "multiValueQueryStringParameters"):
        if key in shown:
            shown[key] = dict(shown[key])
    return shown


@pytest.mark.parametrize("name", REQUESTS)
def test_request_event_is_reproduced(vectors: Path, name: str) -> None:
    recorded = load(vectors, name)
    request, body, group, listener = described(recorded)
    headers = recorded.get("headers") or recorded["multiValueHeaders"]
    if "host" in headers and "x-forwarded-for" in headers:
        step = start(listener, request, BalancerFacts(b"", 0, "0" * 24, 0))
        assert isinstance(step, ReadBody)
        request = step.request
        earlier = headers["x-forwarded-for"]
        earlier = earlier[0] if isinstance(earlier, list) else earlier
        if ", " in earlier:  # another proxy stood in front
            request = replace(
                request, headers=request.headers.replaced(b"X-Forwarded-For", earlier.encode())
            )
    payload = encode_event(request, body, group)
    assert isinstance(payload, bytes)
    made = json.loads(payload)
    assert comparable(made) == comparable(recorded)
    if not name.startswith(("docs-elb-guide", "rust-", "issue-")):  # not re-sorted by hand
        assert list(made) == list(recorded)


@pytest.mark.parametrize("name", EDITED)
def test_edited_recording_differs_only_where_it_was_edited(vectors: Path, name: str) -> None:
    recorded = load(vectors, name)
    recorded["body"], recorded["isBase64Encoded"] = "", False
    request, body, group, _ = described(recorded)
    payload = encode_event(replace(request, http_version="1.1"), body, group)
    assert isinstance(payload, bytes)
    made = json.loads(payload)
    for key in ADDED:
        recorded["headers"].pop(key, None)
    assert made == recorded


@pytest.mark.parametrize("name", HEALTH_CHECKS)
def test_health_check_event_is_reproduced(vectors: Path, name: str) -> None:
    recorded = load(vectors, name)
    arn = recorded["requestContext"]["elb"]["targetGroupArn"]
    group = LambdaTargetGroup("tg", arn, FunctionRef("fn"))
    assert json.loads(encode_health_check(group, recorded["path"])) == recorded


@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("multi", [False, True], ids=["single", "multi"])
def test_documented_answer_is_accepted(vectors: Path, name: str, *, multi: bool) -> None:
    answer = load(vectors, name)
    group = LambdaTargetGroup("tg", "arn", FunctionRef("fn"), multi)
    found = decode_response(json.dumps(answer).encode(), group, date=b"d")
    assert isinstance(found, Response), found
    assert found.status == answer["statusCode"]
