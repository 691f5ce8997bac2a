"""Events are reproduced from the HTTP request that they describe: ours, and recorded ones.

A recording is masked (`IP`, `lambda-url-id`) or edited by hand. What is compared is what the
request decides: names, query, cookies, body, route; not the identity of who signed.
"""

from __future__ import annotations

import base64
import json
from calendar import timegm
from pathlib import Path
from time import strptime
from typing import Any

import pytest

from edgegw.awslambda.http_events.context import HttpContext, HttpFacts
from edgegw.awslambda.http_events.event import encode_event
from edgegw.awslambda.http_events.event_v1 import encode_event_v1
from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.awslambda.http_events.routes import find_route
from edgegw.awslambda.http_events.signature import Signer
from edgegw.awslambda.model import FunctionRef
from edgegw.http.message import Body, Client, Header, Headers, NegotiatedTls, Request
from edgegw.http.target import RequestTarget
from tests.awslambda.http_events.fronts import route
from tests.recordings import load, own, vectors

MADE_ANEW = ("x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto")
OF_TLS = ("x-amzn-tls-cipher-suite", "x-amzn-tls-version")
NULLS = ("pathParameters", "stageVariables", "authentication")
"""What AWS's page shows as null and recordings do not have."""

URLS = [
    "go-function-url-get-recorded",
    "go-function-url-get-slash-recorded",
    "go-function-url-base64-recorded",
    "go-function-url-cookies-text-recorded",
]


def the_request(event: dict[str, Any]) -> Request:
    """The request that an event of payload 2.0 describes."""
    http = event["requestContext"]["http"]
    query = event["rawQueryString"]
    given = {
        name: text for name, text in event["headers"].items() if name not in (*MADE_ANEW, *OF_TLS)
    }
    lines: list[Header] = []
    for name, text in given.items():
        repeats = text.split(",") if name in ("header2", "x-two") else [text]
        lines += [(name.encode(), each.encode()) for each in repeats]
    if event.get("cookies") and "cookie" not in given:
        lines.append((b"cookie", "; ".join(event["cookies"]).encode()))
    headers = event["headers"]
    tls = None
    if "x-amzn-tls-version" in headers:
        tls = NegotiatedTls(
            headers["x-amzn-tls-version"], headers["x-amzn-tls-cipher-suite"], "full"
        )
    return Request(
        http["method"],
        RequestTarget.parse((event["rawPath"] + (f"?{query}" if query else "")).encode()),
        Headers(lines),
        scheme=headers.get("x-forwarded-proto", "https"),
        client=Client(http["sourceIp"], 5000),
        tls=tls,
    )


def the_body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event["isBase64Encoded"] else body.encode()


def the_facts(event: dict[str, Any]) -> HttpFacts:
    context = event["requestContext"]
    epoch = context.get("timeEpoch") or context["requestTimeEpoch"]
    root = event["headers"].get("x-amzn-trace-id", "Root=1-0-0")
    return HttpFacts(
        request_id=context["requestId"],
        date=b"",
        now=epoch / 1000,
        entropy=root.rpartition("-")[2],
        port=int(event["headers"].get("x-forwarded-port", "443")),
    )


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """An event less what no request decides: nulls of the page, the signer, a trace of another time."""
    shown = json.loads(json.dumps(event))
    for key in NULLS:
        for part in (shown, shown["requestContext"]):
            if part.get(key, "") is None:
                del part[key]
    shown["requestContext"].pop("authorizer", None)
    shown["requestContext"].pop("accountId", None)
    shown["headers"].pop("x-amzn-trace-id", None)
    return shown


@pytest.mark.parametrize("file", vectors("apigw/function_url", URLS))
def test_events_of_function_urls_are_reproduced(file: Path) -> None:
    event = load(file)
    domain = event["requestContext"]["domainName"]
    asked = the_request(event)
    is_signed = "authorizer" in event["requestContext"]
    made = json.loads(
        encode_event(
            HttpContext(
                front=FunctionUrl(function=FunctionRef("app"), domain=domain),
                request=asked,
                facts=the_facts(event),
                signer=Signer("KEY") if is_signed else None,
            ),
            the_body(event),
        )
    )
    expected, shown = comparable(event), comparable(made)
    assert shown == expected
    assert ("authorizer" in made["requestContext"]) is is_signed


@pytest.mark.parametrize("file", own("apigw/function_url"), ids=lambda file: file.stem)
def test_our_events_of_function_urls_have_all_keys_in_order(file: Path) -> None:
    event = load(file)
    front = FunctionUrl(function=FunctionRef("app"), domain=event["requestContext"]["domainName"])
    context = HttpContext(front=front, request=the_request(event), facts=the_facts(event))
    assert encode_event(context, the_body(event)).decode() == json.dumps(
        event, ensure_ascii=False, separators=(",", ":")
    )


def the_api(event: dict[str, Any], **given: Any) -> HttpApi:
    context = event["requestContext"]
    key = event.get("routeKey") or f"ANY {event['resource']}"
    return HttpApi(
        name="api",
        domain=context["domainName"],
        routes=(route(key, **given),),
        stages={context["stage"]: event.get("stageVariables") or {}},
    )


@pytest.mark.parametrize("file", own("apigw/payload_2"), ids=lambda file: file.stem)
def test_events_of_payload_2_are_reproduced(file: Path) -> None:
    event = load(file)
    api, asked = the_api(event), the_request(event)
    match = find_route(api, asked.method, asked.target.path)
    context = HttpContext(front=api, request=asked, facts=the_facts(event), match=match)
    made = encode_event(context, the_body(event)).decode()
    assert made == json.dumps(event, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("file", own("apigw/payload_1"), ids=lambda file: file.stem)
def test_events_of_payload_1_are_reproduced(file: Path) -> None:
    event = load(file)
    lines = [
        (name.encode(), text.encode())
        for name, texts in event["multiValueHeaders"].items()
        if name not in MADE_ANEW
        for text in texts
    ]
    pairs = event["multiValueQueryStringParameters"] or {}
    query = "&".join(f"{name}={text}" for name, texts in pairs.items() for text in texts)
    asked = Request(
        event["httpMethod"],
        RequestTarget.parse(f"{event['path']}?{query}".encode()),
        Headers(lines),
        Body.of(the_body(event)),
        scheme="https",
        client=Client(event["requestContext"]["identity"]["sourceIp"], 5000),
    )
    api = the_api(event, payload="1.0")
    match = find_route(api, asked.method, asked.target.path)
    context = HttpContext(front=api, request=asked, facts=the_facts(event), match=match)
    assert json.loads(encode_event_v1(context, the_body(event))) == event


PAYLOAD_2 = [
    "docs-v2-payload",
    "rust-v2",
    "powertools-v2-get",
    "go-v2-request",
    "rust-v2-sam-local",
]
PAYLOAD_1 = ["docs-v1-payload-on-http-api"]


@pytest.mark.parametrize("file", vectors("apigw/payload_2", PAYLOAD_2))
def test_payload_2_has_no_key_that_recordings_lack(file: Path) -> None:
    event, ours = load(file), load(own("apigw/payload_2")[0])
    names = {*event, *event["requestContext"], *event["requestContext"]["http"]}
    made = {*ours, *ours["requestContext"], *ours["requestContext"]["http"]}
    optional = {"cookies", "pathParameters", "body", "stageVariables", "queryStringParameters"}
    assert made - names <= optional
    assert names - made <= optional | {"authorizer", "authentication"}


@pytest.mark.parametrize("file", vectors("apigw/payload_1", PAYLOAD_1))
def test_payload_1_has_the_keys_of_awss_page(file: Path) -> None:
    event, ours = load(file), load(own("apigw/payload_1")[0])
    assert ours.keys() == event.keys()
    assert ours["requestContext"].keys() == event["requestContext"].keys()
    identity = event["requestContext"]["identity"].keys() - {"clientCert"}
    assert ours["requestContext"]["identity"].keys() - identity <= {"cognitoAmr"}


@pytest.mark.parametrize("file", vectors("apigw/function_url"))
def test_the_time_is_the_epochs(file: Path) -> None:
    context = load(file)["requestContext"]
    parsed = timegm(strptime(context["time"], "%d/%b/%Y:%H:%M:%S +0000"))
    assert parsed == context["timeEpoch"] // 1000
