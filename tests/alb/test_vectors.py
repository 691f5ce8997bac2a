"""Events are reproduced from the HTTP request that they describe: ours, and recorded ones."""

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
from tests.recordings import fields, load, own, recorded, vectors

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
    rule = Rule(None, (), (Forward(((group, 1),)),))
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


@pytest.mark.parametrize("file", vectors("alb/requests", REQUESTS))
def test_request_event_is_reproduced(file: Path) -> None:
    vector = load(file)
    request, body, group, listener = described(vector)
    headers = vector.get("headers") or vector["multiValueHeaders"]
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
    assert comparable(made) == comparable(vector)
    if not file.stem.startswith(("docs-elb-guide", "rust-", "issue-")):  # not re-sorted by hand
        assert list(made) == list(vector)


@pytest.mark.parametrize("file", vectors("alb/requests", EDITED))
def test_what_was_edited_in_a_recording_makes_no_difference(file: Path) -> None:
    """People put texts in the place of bodies: without a body the rest is reproduced."""
    vector = load(file)
    vector["body"], vector["isBase64Encoded"] = "", False
    request, body, group, _ = described(vector)
    payload = encode_event(replace(request, http_version="1.1"), body, group)
    assert isinstance(payload, bytes)
    made = json.loads(payload)
    headers = vector["multiValueHeaders" if "multiValueHeaders" in vector else "headers"]
    for key in ADDED:
        headers.pop(key, None)
    assert made == vector


@pytest.mark.parametrize("file", vectors("alb/health_checks", HEALTH_CHECKS))
def test_health_check_event_is_reproduced(file: Path) -> None:
    vector = load(file)
    arn = vector["requestContext"]["elb"]["targetGroupArn"]
    group = LambdaTargetGroup("tg", arn, FunctionRef("fn"))
    assert json.loads(encode_health_check(group, vector["path"])) == vector


@pytest.mark.parametrize("file", vectors("alb/responses", RESPONSES))
@pytest.mark.parametrize("multi", [False, True], ids=["single", "multi"])
def test_documented_answer_is_accepted(file: Path, *, multi: bool) -> None:
    answer = load(file)
    group = LambdaTargetGroup("tg", "arn", FunctionRef("fn"), multi)
    found = decode_response(json.dumps(answer).encode(), group, date=b"d")
    assert isinstance(found, Response), found
    assert found.status == answer["statusCode"]


DATA = frozenset(
    {
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
    }
)
FIELDS = {
    "alb/requests": {
        ".requestContext.elb.targetGroupArn: str",
        ".httpMethod: str",
        ".path: str",
        ".queryStringParameters.*: str",
        ".multiValueQueryStringParameters.*[]: str",
        ".headers.*: str",
        ".multiValueHeaders.*[]: str",
        ".body: str",
        ".isBase64Encoded: bool",
    },
    "alb/health_checks": {
        ".requestContext.elb.targetGroupArn: str",
        ".httpMethod: str",
        ".path: str",
        ".headers.*: str",
        ".body: str",
        ".isBase64Encoded: bool",
    },
    "alb/responses": {
        ".statusCode: int",
        ".statusDescription: str",
        ".isBase64Encoded: bool",
        ".headers.*: str",
        ".multiValueHeaders.*[]: str",
        ".body: str",
    },
}
"""What a load balancer sends and takes (ELB User Guide for ALB, Lambda targets)."""


@pytest.mark.parametrize("kind", FIELDS)
def test_our_vectors_have_every_field(kind: str) -> None:
    names = {
        "alb/requests": [*REQUESTS, *EDITED],
        "alb/health_checks": HEALTH_CHECKS,
        "alb/responses": RESPONSES,
    }
    ours = {field for file in own(kind) for field in fields(load(file), DATA)}
    theirs = {field for file in recorded(kind, names[kind]) for field in fields(load(file), DATA)}
    assert ours == FIELDS[kind]
    assert theirs <= ours
