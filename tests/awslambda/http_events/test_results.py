"""What functions return → what clients get, at function URLs and HTTP APIs."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from edgegw.awslambda.http_events.steps import BrokenStream, IntegrationTimeout, StreamedReply
from edgegw.awslambda.model import FunctionError, InvokeRefusal, Report, Throttled
from edgegw.http.message import Body
from tests.awslambda.http_events.fronts import (
    answer,
    http_api,
    invoking,
    lines,
    request,
    route,
    url,
)

V1 = http_api(route("$default", payload="1.0"))
V2 = http_api()
URL = url()

INFERRED = [
    # what the function returns, the body that the client gets
    ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
    ({}, "{}"),
    (["hello", 3, True], '["hello",3,true]'),
    (12.5, "12.5"),
    (True, "true"),
    ("hello", "hello"),
    ("", ""),
    (None, "null"),
]


@pytest.mark.parametrize(("result", "body"), INFERRED)
@pytest.mark.parametrize("front", [URL, V2], ids=["url", "api"])
def test_a_result_without_status_is_the_body(front: Any, result: object, body: str) -> None:
    response = answer(front, result).response
    assert response.status == 200
    assert lines(response, "content-type") == [("Content-Type", "application/json")]
    assert (response.body.content or b"").decode() == body
    assert lines(response, "content-length") == [("Content-Length", str(len(body.encode())))]


EXPLICIT = [
    # the result beside its status, the body
    ({"body": "text"}, b"text"),
    ({}, b""),
    ({"body": None}, b""),
    ({"body": {"a": 1}}, b'{"a":1}'),
    ({"body": 5}, b"5"),
    ({"body": base64.b64encode(b"\xff\0").decode(), "isBase64Encoded": True}, b"\xff\0"),
    ({"body": "aGk=", "isBase64Encoded": False}, b"aGk="),
    ({"body": "aGk=", "isBase64Encoded": None}, b"aGk="),
    ({"headers": None, "cookies": None, "multiValueHeaders": None}, b""),
]


@pytest.mark.parametrize(("result", "body"), EXPLICIT)
@pytest.mark.parametrize("front", [URL, V2, V1], ids=["url", "v2", "v1"])
def test_a_result_with_status_says_its_body(
    front: Any, result: dict[str, Any], body: bytes
) -> None:
    response = answer(front, {"statusCode": 201, **result}).response
    assert (response.status, response.reason) == (201, b"Created")
    assert response.body.content == body


@pytest.mark.parametrize(
    ("front", "kind"),
    [(URL, "application/json"), (V2, "text/plain;charset=UTF-8"), (V1, "text/plain;charset=UTF-8")],
    ids=["url", "v2", "v1"],
)
def test_the_default_content_type(front: Any, kind: str) -> None:
    assert lines(answer(front, {"statusCode": 200}).response, "content-type") == [
        ("Content-Type", kind)
    ]
    named = answer(front, {"statusCode": 200, "headers": {"content-type": "text/css"}}).response
    assert lines(named, "content-type") == [("content-type", "text/css")]


def test_cookies_become_a_line_each_and_headers_stay() -> None:
    result = {
        "statusCode": "200",
        "headers": {"X-A": "1", "X-B": 2, "X-C": True, "X-D": None},
        "cookies": ["a=b; Path=/", "c=d"],
        "multiValueHeaders": {"X-E": ["1"]},
    }
    for front in (URL, V2):
        response = answer(front, result).response
        assert lines(response, "x-a", "x-b", "x-c", "x-d", "x-e", "set-cookie") == [
            ("X-A", "1"),
            ("X-B", "2"),
            ("X-C", "true"),
            ("Set-Cookie", "a=b; Path=/"),
            ("Set-Cookie", "c=d"),
        ]


def test_payload_1_sends_multi_values_first_and_the_same_line_once() -> None:
    result = {
        "statusCode": 200,
        "headers": {"a": "s", "b": "m"},
        "multiValueHeaders": {"a": ["m", "n"], "b": ["m"]},
        "cookies": ["ignored=1"],
    }
    response = answer(V1, result).response
    assert lines(response, "a", "b", "set-cookie") == [
        ("a", "m"),
        ("a", "n"),
        ("b", "m"),
        ("a", "s"),
    ]


BAD = [
    # a result that no client can get, and what is said of it
    ({"statusCode": 99}, "between 200 and 599"),
    ({"statusCode": 101}, "between 200 and 599"),
    ({"statusCode": 600}, "between 200 and 599"),
    ({"statusCode": None}, "must be a number"),
    ({"statusCode": True}, "must be a number"),
    ({"statusCode": "OK"}, "must be a number"),
    ({"statusCode": 200.5}, "must be a number"),
    ({"statusCode": 200, "headers": []}, "headers must be an object"),
    ({"statusCode": 200, "headers": {"a": ["x"]}}, "headers.a must be a string"),
    ({"statusCode": 200, "headers": {"a b": "x"}}, "no valid header name"),
    ({"statusCode": 200, "headers": {"a": "x\r\ny: z"}}, "control characters"),
    ({"statusCode": 200, "isBase64Encoded": "yes"}, "isBase64Encoded"),
    ({"statusCode": 200, "body": "%%", "isBase64Encoded": True}, "no valid base64"),
    (b"<html>", "no JSON"),
    (b"", "empty"),
    (b'{"statusCode":200}' + b"\0" * 8 + b"body", "streamed"),
]


@pytest.mark.parametrize(("result", "said"), BAD)
@pytest.mark.parametrize("front", [URL, V2, V1], ids=["url", "v2", "v1"])
def test_a_bad_result_is_refused_and_the_developer_is_told(
    front: Any, result: Any, said: str
) -> None:
    refused = answer(front, result)
    assert refused.refusal is not None
    assert refused.verdict == "InvalidResponse"
    assert said in refused.refusal.detail
    assert refused.response.status == (502 if front is URL else 500)


def test_cookies_are_judged_where_they_count() -> None:
    for cookies in ("a=b", [1]):
        refused = answer(URL, {"statusCode": 200, "cookies": cookies})
        assert refused.verdict == "InvalidResponse"


@pytest.mark.parametrize("result", [{"a": 1}, "text", [1], None, 5])
def test_payload_1_infers_nothing(result: object) -> None:
    assert answer(V1, result).verdict == "InvalidResponse"


def test_a_function_url_remaps_headers_that_may_not_pass() -> None:
    headers = {
        "Connection": "close",
        "Date": "d",
        "WWW-Authenticate": "Basic",
        "Content-Length": "9",
    }
    response = answer(URL, {"statusCode": 401, "headers": headers, "body": "no"}).response
    assert lines(response) == [
        ("Date", "the date"),
        ("Content-Length", "2"),
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", "the-id"),
        (
            "X-Amzn-Trace-Id",
            "Root=1-6b08c71a-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"
            ";Lineage=1:68417ee6:0",
        ),
        ("Content-Type", "application/json"),
        ("x-amzn-Remapped-Connection", "close"),
        ("x-amzn-Remapped-Date", "d"),
        ("x-amzn-Remapped-WWW-Authenticate", "Basic"),
    ]


def test_an_http_api_drops_them() -> None:
    headers = {
        "Connection": "close",
        "Date": "d",
        "WWW-Authenticate": "Basic",
        "Content-Length": "9",
    }
    response = answer(V2, {"statusCode": 401, "headers": headers, "body": "no"}).response
    assert lines(response) == [
        ("Date", "the date"),
        ("Content-Length", "2"),
        ("Connection", "keep-alive"),
        ("Apigw-Requestid", "the-id"),
        ("Content-Type", "text/plain;charset=UTF-8"),
        ("WWW-Authenticate", "Basic"),
    ]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(status: int) -> None:
    response = answer(URL, {"statusCode": status, "body": "x"}).response
    assert response.body.is_empty
    assert lines(response, "content-length") == []


REPORT = Report()
FAILURES = [
    # outcome, at a function URL, at an HTTP API
    (
        FunctionError("Error", "no", b"{}", REPORT),
        (502, b"Internal Server Error", "text/plain"),
        (500, b'{"message":"Internal Server Error"}', "application/json"),
    ),
    (
        Throttled("ReservedFunctionConcurrentInvocationLimitExceeded"),
        (
            429,
            b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User",'
            b'"message":"Rate Exceeded."}',
            "application/json",
        ),
        (503, b'{"message":"Service Unavailable"}', "application/json"),
    ),
    (
        InvokeRefusal("AccessDeniedException", "no"),
        (
            403,
            b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
            b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}',
            "application/json",
        ),
        (500, b'{"message":"Internal Server Error"}', "application/json"),
    ),
    (
        InvokeRefusal("ResourceNotFoundException", "gone"),
        (
            403,
            b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
            b'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}',
            "application/json",
        ),
        (500, b'{"message":"Internal Server Error"}', "application/json"),
    ),
    (
        InvokeRefusal("RequestTooLargeException", "large"),
        (413, b'{"Message":"Request Entity Too Large"}', "application/json"),
        (413, b'{"message":"Request Entity Too Large"}', "application/json"),
    ),
    (
        BrokenStream("odd"),
        (502, b"Internal Server Error", "text/plain"),
        (500, b'{"message":"Internal Server Error"}', "application/json"),
    ),
]


@pytest.mark.parametrize(("outcome", "at_url", "at_api"), FAILURES)
def test_failures_have_awss_pages(outcome: Any, at_url: Any, at_api: Any) -> None:
    for front, (status, body, kind) in ((URL, at_url), (V2, at_api), (V1, at_api)):
        response = invoking(front, request()).next(outcome).response
        assert (response.status, response.body.content) == (status, body)
        assert lines(response, "content-type") == [("Content-Type", kind)]


def test_an_http_api_gives_up_on_a_slow_function() -> None:
    step = invoking(http_api(route("$default", timeout=2.5)), request())
    assert step.timeout == 2.5
    refused = step.next(IntegrationTimeout())
    assert (refused.response.status, refused.verdict) == (503, "Timeout")
    assert refused.refusal is not None
    assert "2.5 s" in refused.refusal.detail


# Streams


def streamed(prelude: bytes | None, content_type: str = "text/plain") -> Any:
    step = invoking(url(invoke_mode="RESPONSE_STREAM"), request())
    assert step.is_streamed
    return step.next(StreamedReply(content_type, prelude, Body.streaming(None), lambda: None))  # type: ignore[arg-type]


def test_a_stream_without_metadata_is_a_200_of_its_type() -> None:
    response = streamed(None).response
    assert response.status == 200
    assert lines(response, "content-type", "content-length") == [("Content-Type", "text/plain")]


@pytest.mark.parametrize("kind", ["", "a\r\nb: c"])
def test_a_stream_of_no_type_is_bytes(kind: str) -> None:
    assert lines(streamed(None, kind).response, "content-type") == [
        ("Content-Type", "application/octet-stream")
    ]


def test_metadata_of_a_stream_are_status_headers_and_cookies() -> None:
    prelude = b'{"statusCode":404,"headers":{"Content-Type":"text/html"},"cookies":["a=b"]}'
    response = streamed(prelude).response
    assert (response.status, response.reason) == (404, b"Not Found")
    assert lines(response, "content-type", "set-cookie") == [
        ("Content-Type", "text/html"),
        ("Set-Cookie", "a=b"),
    ]
    assert streamed(b"{}").response.status == 200


@pytest.mark.parametrize("prelude", [b"[]", b"no json", b'{"statusCode":1}', b'{"headers":[]}'])
def test_bad_metadata_are_a_502(prelude: bytes) -> None:
    refused = streamed(prelude)
    assert (refused.response.status, refused.verdict) == (502, "InvalidResponse")


def test_a_function_that_returns_where_the_url_streams_is_warned_of() -> None:
    result = answer(url(invoke_mode="RESPONSE_STREAM"), {"statusCode": 200, "body": "x"})
    assert result.response.body.content == b'{"statusCode": 200, "body": "x"}'
    assert result.warning is not None
    assert "did not stream" in result.warning
