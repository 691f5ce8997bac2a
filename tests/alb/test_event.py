"""The event and the answer of a Lambda target, rule by rule."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.alb.event import (
    BalancerRefusal,
    decode_response,
    encode_event,
    encode_health_check,
)
from edgegw.alb.model import LambdaTargetGroup
from edgegw.awslambda.model import FunctionRef
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import RequestTarget

SINGLE = LambdaTargetGroup("tg", "arn:tg", FunctionRef("fn"))
MULTI = LambdaTargetGroup("tg", "arn:tg", FunctionRef("fn"), multi_value_headers=True)
DATE = b"Sat, 21 Nov 2026 00:00:00 GMT"


def request(
    target: bytes = b"/", headers: list[tuple[bytes, bytes]] | None = None, **more: Any
) -> Request:
    return Request("GET", RequestTarget.parse(target), Headers(headers or []), **more)


def event(sent: Request, body: bytes = b"", group: LambdaTargetGroup = SINGLE) -> dict[str, Any]:
    payload = encode_event(sent, body, group)
    assert isinstance(payload, bytes)
    return json.loads(payload)


def test_keys_stand_in_the_recorded_order() -> None:
    assert list(event(request())) == [
        "requestContext",
        "httpMethod",
        "path",
        "queryStringParameters",
        "headers",
        "body",
        "isBase64Encoded",
    ]
    assert list(event(request(), group=MULTI))[3:5] == [
        "multiValueQueryStringParameters",
        "multiValueHeaders",
    ]


def test_the_last_value_wins_without_multi_value_headers() -> None:
    found = event(request(b"/?k=1&k=2", [(b"X-A", b"1"), (b"x-a", b"2")]))
    assert found["queryStringParameters"] == {"k": "2"}
    assert found["headers"] == {"x-a": "2"}


def test_values_keep_their_order_with_multi_value_headers() -> None:
    sent = request(b"/?k=1&k=2", [(b"Cookie", b"a=1; b=2"), (b"Cookie", b"c=3")])
    found = event(sent, group=MULTI)
    assert found["multiValueQueryStringParameters"] == {"k": ["1", "2"]}
    assert found["multiValueHeaders"] == {"cookie": ["a=1; b=2", "c=3"]}


def test_names_and_keys_are_sorted_by_byte() -> None:
    found = event(request(b"/?b=1&a=1&B=1", [(b"z", b"1"), (b"A", b"1")]))
    assert list(found["queryStringParameters"]) == ["B", "a", "b"]
    assert list(found["headers"]) == ["a", "z"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(b"a=%5B%20", {"a": "%5B%20"}, id="never decoded"),
        pytest.param(b"a=1+2", {"a": "1+2"}, id="plus stays"),
        pytest.param(b"a=", {"a": ""}, id="empty value"),
        pytest.param(b"a", {"a": ""}, id="no equals sign"),
        pytest.param(b"", {}, id="empty query"),
        pytest.param(b"&&a=1", {"a": "1"}, id="empty pieces dropped"),
        pytest.param(b"=x", {}, id="empty key dropped"),
        pytest.param(b"a=1;b=2", {"a": "1;b=2"}, id="semicolon is data"),
        pytest.param(b"a=?b", {"a": "?b"}, id="second question mark is data"),
        pytest.param(b"a==", {"a": "="}, id="second equals sign is data"),
        pytest.param(b"a=1#f", {"a": "1"}, id="fragment cut"),
    ],
)
def test_query(query: bytes, expected: dict[str, str]) -> None:
    assert event(request(b"/?" + query))["queryStringParameters"] == expected


def test_path_is_not_decoded() -> None:
    assert event(request(b"/foo%25%2Fbar/"))["path"] == "/foo%25%2Fbar/"


@pytest.mark.parametrize(
    ("headers", "is_base64"),
    [
        pytest.param([(b"Content-Type", b"text/plain")], False, id="text"),
        pytest.param([(b"Content-Type", b"TEXT/CSS; charset=x")], False, id="any text, any case"),
        pytest.param([(b"Content-Type", b"application/json; charset=utf-8")], False, id="json"),
        pytest.param([(b"Content-Type", b"application/javascript")], False, id="javascript"),
        pytest.param([(b"Content-Type", b"application/xml")], False, id="xml"),
        pytest.param([(b"Content-Type", b"application/problem+json")], True, id="json suffix"),
        pytest.param([(b"Content-Type", b"image/svg+xml")], True, id="xml suffix"),
        pytest.param([(b"Content-Type", b"multipart/form-data")], True, id="form"),
        pytest.param([], True, id="no content type"),
        pytest.param(
            [(b"Content-Type", b"text/plain"), (b"Content-Encoding", b"gzip")], True, id="encoded"
        ),
    ],
)
def test_base64_rule(headers: list[tuple[bytes, bytes]], *, is_base64: bool) -> None:
    found = event(request(headers=headers), b"hello")
    assert found["isBase64Encoded"] is is_base64
    assert found["body"] == (base64.b64encode(b"hello").decode() if is_base64 else "hello")


def test_empty_body_is_flagged_false_over_http1_and_by_rule_over_http2() -> None:
    assert event(request())["isBase64Encoded"] is False
    assert event(request(http_version="2"))["isBase64Encoded"] is True


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (request(headers=[(b"x", b"\xff")]), b""),
        (request(headers=[(b"content-type", b"text/plain")]), b"\xff"),
        (request(b"/\xff"), b""),
    ],
    ids=["header", "text body", "path"],
)
def test_bytes_that_are_no_utf8_are_refused(sent: Request, body: bytes) -> None:
    found = encode_event(sent, body, SINGLE)
    assert isinstance(found, BalancerRefusal)
    assert (found.status, found.reason) == (400, "LambdaBadRequest")


def test_health_check_event_has_one_header() -> None:
    assert json.loads(encode_health_check(SINGLE, "/health")) == {
        "requestContext": {"elb": {"targetGroupArn": "arn:tg"}},
        "httpMethod": "GET",
        "path": "/health",
        "queryStringParameters": {},
        "headers": {"user-agent": "ELB-HealthChecker/2.0"},
        "body": "",
        "isBase64Encoded": False,
    }


def answer(value: Any, group: LambdaTargetGroup = SINGLE) -> Response | BalancerRefusal:
    return decode_response(json.dumps(value).encode(), group, date=DATE)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("text", id="bare string"),
        pytest.param(None, id="null"),
        pytest.param([], id="array"),
        pytest.param({}, id="statusCode missing"),
        pytest.param({"statusCode": "200"}, id="statusCode as string"),
        pytest.param({"statusCode": True}, id="statusCode as boolean"),
        pytest.param({"statusCode": 199}, id="statusCode too small"),
        pytest.param({"statusCode": 600}, id="statusCode too large"),
        pytest.param({"statusCode": 200, "statusDescription": None}, id="description null"),
        pytest.param({"statusCode": 200, "headers": None}, id="headers null"),
        pytest.param({"statusCode": 200, "multiValueHeaders": None}, id="multiValueHeaders null"),
        pytest.param({"statusCode": 200, "headers": {"a": 12}}, id="header as number"),
        pytest.param({"statusCode": 200, "headers": {"a": True}}, id="header as boolean"),
        pytest.param({"statusCode": 200, "headers": {"a": None}}, id="header as null"),
        pytest.param({"statusCode": 200, "headers": {"a b": "c"}}, id="header name with a blank"),
        pytest.param({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, id="header with CRLF"),
        pytest.param({"statusCode": 200, "body": None}, id="body null"),
        pytest.param({"statusCode": 200, "body": {"a": 1}}, id="body an object"),
        pytest.param({"statusCode": 200, "isBase64Encoded": "true"}, id="flag as string"),
        pytest.param(
            {"statusCode": 200, "isBase64Encoded": True, "body": "%%"}, id="invalid base64"
        ),
    ],
)
def test_malformed_answers_give_502(value: Any) -> None:
    found = answer(value)
    assert isinstance(found, BalancerRefusal)
    assert (found.status, found.reason) == (502, "LambdaInvalidResponse")
    assert found.detail


def test_multi_value_headers_must_be_lists_of_strings() -> None:
    assert isinstance(
        answer({"statusCode": 200, "multiValueHeaders": {"a": "b"}}, MULTI), BalancerRefusal
    )
    assert isinstance(
        answer({"statusCode": 200, "multiValueHeaders": {"a": [1]}}, MULTI), BalancerRefusal
    )


def test_status_code_alone_is_enough() -> None:
    found = answer({"statusCode": 200})
    assert isinstance(found, Response)
    assert (found.status, found.reason, found.body.content) == (200, b"OK", b"")
    assert found.headers.get(b"content-type") == b"application/octet-stream"
    assert found.headers.get(b"server") == b"awselb/2.0"
    assert found.headers.get(b"date") == DATE


def test_description_becomes_the_reason_phrase() -> None:
    found = answer({"statusCode": 418, "statusDescription": "200 I am a teapot"})
    assert isinstance(found, Response)
    assert (found.status, found.reason) == (418, b"I am a teapot")


def test_own_server_and_date_are_kept_and_content_length_is_computed() -> None:
    headers = {"Server": "mine", "Date": "d", "Content-Length": "999", "Connection": "close"}
    found = answer({"statusCode": 200, "headers": headers, "body": "ü"})
    assert isinstance(found, Response)
    assert found.headers.get_all(b"server") == [b"mine"]
    assert found.headers.get_all(b"date") == [b"d"]
    assert found.headers.get_all(b"content-length") == [b"2"]
    assert found.headers.get_all(b"connection") == [b"keep-alive"]


def test_header_spelling_and_tricks_with_case_pass() -> None:
    headers = {"set-cookie": "a=1", "Set-cookie": "b=2"}
    found = answer({"statusCode": 200, "headers": headers})
    assert isinstance(found, Response)
    assert (b"set-cookie", b"a=1") in found.headers.raw
    assert (b"Set-cookie", b"b=2") in found.headers.raw


def test_repeated_headers_become_lines() -> None:
    found = answer({"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a", "b"]}}, MULTI)
    assert isinstance(found, Response)
    assert found.headers.get_all(b"set-cookie") == [b"a", b"b"]


def test_the_other_kind_of_headers_is_lost() -> None:
    value = {"statusCode": 200, "multiValueHeaders": {"Content-Type": ["text/html"]}}
    found = answer(value)
    assert isinstance(found, Response)
    assert found.headers.get(b"content-type") == b"application/octet-stream"


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_body(status: int) -> None:
    found = answer({"statusCode": status, "body": "dropped"})
    assert isinstance(found, Response)
    assert found.body.content == b""


@pytest.mark.parametrize(("size", "is_refused"), [(1024 * 1024, False), (1024 * 1024 + 1, True)])
def test_answers_above_one_megabyte_give_502(size: int, is_refused: bool) -> None:
    """ELB User Guide for ALB, "Use Lambda functions as targets", limits: 1 MB of JSON."""
    start, end = b'{"statusCode":200,"body":"', b'"}'
    payload = start + b"x" * (size - len(start) - len(end)) + end
    found = decode_response(payload, SINGLE, date=DATE)
    assert isinstance(found, BalancerRefusal) is is_refused
    if isinstance(found, BalancerRefusal):
        assert (found.status, found.reason) == (502, "LambdaResponseTooLarge")


@given(st.binary(max_size=200))
def test_any_body_survives_an_echoing_function(body: bytes) -> None:
    sent = event(request(), body)
    found = answer(
        {"statusCode": 200, "body": sent["body"], "isBase64Encoded": sent["isBase64Encoded"]}
    )
    assert isinstance(found, Response)
    assert found.body.content == body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ANSWER_KEYS = st.sampled_from(
    ["statusCode", "statusDescription", "headers", "multiValueHeaders", "body", "isBase64Encoded"]
)


@given(JSON | st.dictionaries(ANSWER_KEYS, JSON), st.sampled_from([SINGLE, MULTI]))
def test_any_answer_is_judged_and_never_raises(value: Any, group: LambdaTargetGroup) -> None:
    found = answer(value, group)
    assert isinstance(found, (Response, BalancerRefusal))
    if isinstance(found, BalancerRefusal):
        assert found.status == 502
