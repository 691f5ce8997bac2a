"""Requests as events of payload format 2.0 and 1.0."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from edgegw.http.message import NegotiatedTls
from tests.awslambda.http_events.fronts import (
    API_DOMAIN,
    URL_DOMAIN,
    event,
    http_api,
    request,
    route,
    url,
)


def test_the_event_of_a_function_url_has_every_key_in_awss_order() -> None:
    found = event(
        url(),
        request(
            "/pa2%Fth/1?a=1&b=%20x&a=2",
            "POST",
            [
                ("Content-Type", "text/plain"),
                ("X-A", "1"),
                ("x-a", "2"),
                ("Cookie", "k=v; l=w"),
                ("User-Agent", "ua"),
            ],
            b"hello",
        ),
    )
    assert list(found) == [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "cookies",
        "headers",
        "queryStringParameters",
        "requestContext",
        "body",
        "isBase64Encoded",
    ]
    assert found["version"] == "2.0"
    assert found["routeKey"] == "$default"
    assert found["rawPath"] == "/pa2%Fth/1"
    assert found["rawQueryString"] == "a=1&b=%20x&a=2"
    assert found["queryStringParameters"] == {"a": "1,2", "b": " x"}
    assert found["cookies"] == ["k=v", "l=w"]
    assert found["headers"] == {
        "content-type": "text/plain",
        "cookie": "k=v; l=w",
        "host": "localhost",
        "user-agent": "ua",
        "x-a": "1,2",
        "x-amzn-trace-id": "Root=1-6b08c71a-0123456789abcdef01234567",
        "x-forwarded-for": "203.0.113.10",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    assert found["requestContext"] == {
        "accountId": "anonymous",
        "apiId": "abc",
        "domainName": URL_DOMAIN,
        "domainPrefix": "abc",
        "http": {
            "method": "POST",
            "path": "/pa2%Fth/1",
            "protocol": "HTTP/1.1",
            "sourceIp": "203.0.113.10",
            "userAgent": "ua",
        },
        "requestId": "the-id",
        "routeKey": "$default",
        "stage": "$default",
        "time": "26/Nov/2026:23:56:10 +0000",
        "timeEpoch": 1795737370308,
    }
    assert (found["body"], found["isBase64Encoded"]) == ("hello", False)


def test_what_is_not_there_is_left_out_of_payload_2() -> None:
    found = event(url(), request("/"))
    assert found.keys().isdisjoint(
        {"cookies", "queryStringParameters", "body", "pathParameters", "stageVariables"}
    )
    assert found["rawQueryString"] == ""


BODIES = [
    # content type, body, in base64
    ("text/plain", b"x", False),
    ("text/html; charset=utf-8", "ü".encode(), False),
    ("application/json", b"{}", False),
    ("Application/JSON; charset=utf-8", b"{}", False),
    ("application/xml", b"<a/>", False),
    ("application/javascript", b"1", False),
    ("application/problem+json", b"{}", False),
    ("image/svg+xml", b"<svg/>", False),
    (None, b"x", True),
    ("idk", b"x", True),
    ("application/octet-stream", b"\0", True),
    ("multipart/form-data; boundary=a", b"--a--", True),
    ("application/x-www-form-urlencoded", b"a=b", True),
    ("text/plain", b"\xff", True),
]


@pytest.mark.parametrize(("kind", "body", "is_base64"), BODIES)
@pytest.mark.parametrize("front", [url(), http_api()], ids=["url", "api"])
def test_bodies_are_text_or_base64_by_their_type(
    front: Any, kind: str | None, body: bytes, *, is_base64: bool
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    found = event(front, request("/", "POST", headers, body))
    assert found["isBase64Encoded"] is is_base64
    assert found["body"] == (base64.b64encode(body).decode() if is_base64 else body.decode())


def test_the_hops_before_are_kept_and_connection_headers_are_not() -> None:
    asked = request(
        "/",
        headers={
            "X-Forwarded-For": "198.51.100.1",
            "X-Amzn-Trace-Id": "Self=1-a;Root=1-b-c;Sampled=1",
            "Connection": "keep-alive, X-Hop",
            "X-Hop": "1",
            "TE": "trailers",
        },
        tls=NegotiatedTls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "full"),
    )
    headers = event(url(), asked)["headers"]
    assert headers == {
        "host": "localhost",
        "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
        "x-amzn-tls-version": "TLSv1.3",
        "x-amzn-trace-id": "Root=1-b-c",
        "x-forwarded-for": "198.51.100.1, 203.0.113.10",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def test_the_event_of_an_http_api_names_its_route() -> None:
    api = http_api(route("GET /items/{id}"), stages={"dev": {"table": "t1"}})
    found = event(api, request("/dev/items/a%20b", headers={"Cookie": "k=v"}))
    assert found["routeKey"] == "GET /items/{id}"
    assert found["rawPath"] == "/dev/items/a b"
    assert found["pathParameters"] == {"id": "a b"}
    assert found["stageVariables"] == {"table": "t1"}
    assert found["cookies"] == ["k=v"]
    assert "cookie" not in found["headers"]
    assert found["headers"]["content-length"] == "0"
    context = found["requestContext"]
    assert context["accountId"] == "123456789012"
    assert context["apiId"] == "api1234567"
    assert (context["routeKey"], context["stage"]) == ("GET /items/{id}", "dev")
    assert context["domainName"] == API_DOMAIN


@pytest.mark.parametrize(
    ("path", "shown", "proxy"),
    [
        ("/foo+bar", "/foo+bar", "foo+bar"),
        ("/a/b%20c.xml", "/a/b c.xml", "a/b c.xml"),
        ("/api/a%2Fb", "/api/a%2Fb", "api/a/b"),
        ("/foo%25bar", "/foo%25bar", "foo%bar"),
        ("/beta/foo/", "/beta/foo/", "beta/foo/"),
    ],
)
def test_paths_of_an_http_api_are_decoded(path: str, shown: str, proxy: str) -> None:
    found = event(http_api(route("ANY /{proxy+}")), request(path))
    assert (found["rawPath"], found["requestContext"]["http"]["path"]) == (shown, shown)
    assert found["pathParameters"] == {"proxy": proxy}


def test_the_event_of_payload_1_has_every_key() -> None:
    api = http_api(route("ANY /a/{rest+}", payload="1.0"), stages={"dev": {}})
    asked = request(
        "/dev/a/b/c?x=1&x=2&y=%2B", headers=[("X-A", "1"), ("X-A", "2"), ("User-Agent", "ua")]
    )
    found = event(api, asked)
    assert list(found) == [
        "version",
        "resource",
        "path",
        "httpMethod",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "requestContext",
        "pathParameters",
        "stageVariables",
        "body",
        "isBase64Encoded",
    ]
    assert (found["version"], found["resource"], found["path"]) == ("1.0", "/a/{rest+}", "/a/b/c")
    assert found["headers"]["x-a"] == "2"
    assert found["multiValueHeaders"]["x-a"] == ["1", "2"]
    assert found["queryStringParameters"] == {"x": "2", "y": "+"}
    assert found["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["+"]}
    assert found["pathParameters"] == {"rest": "b/c"}
    assert (found["stageVariables"], found["body"], found["isBase64Encoded"]) == (None, None, False)
    context = found["requestContext"]
    assert context["path"] == "/dev/a/b/c"
    assert context["resourcePath"] == "/a/{rest+}"
    assert context["identity"]["sourceIp"] == "203.0.113.10"
    assert context["identity"]["userArn"] is None
    assert context["authorizer"] == {"claims": None, "scopes": None}
    assert context["requestTimeEpoch"] == 1795737370308


def test_payload_1_without_a_query_has_nulls() -> None:
    found = event(http_api(route("$default", payload="1.0")), request("/"))
    assert found["resource"] == "$default"
    for key in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters"):
        assert found[key] is None
