"""What CloudFront Functions are shown, and what CloudFront makes of what they return."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import compile_path_pattern
from edgegw.cloudfront.edge_functions.entries import EDGE_READ_ONLY
from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent, encode_request, encode_response
from edgegw.cloudfront.edge_functions.model import EdgeReport, EdgeReturned
from edgegw.cloudfront.edge_functions.origin_change import chosen_origin
from edgegw.cloudfront.edge_functions.results import decode_edge_request, decode_edge_response
from edgegw.cloudfront.edge_functions.rules import EDGE_FUNCTION_RULES
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution, S3Origin
from edgegw.cloudfront.policies import compile_forwarding as forwarding
from edgegw.cloudfront.strictness import Strictness
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    ContinuedResponse,
    GeneratedResponse,
    InvalidResult,
)
from edgegw.cloudfront.validator import Validator
from edgegw.http.message import Body, Client, Headers, Request, Response
from edgegw.http.target import RequestTarget

APP = CustomOrigin("app.example", 443, "https", "/base", ((b"X-From", b"edge"),), name="site/app")
BUCKET = S3Origin("files.s3.eu-west-1.amazonaws.com", is_signed=True, name="site/files")
CACHING = find_policy(CACHE_POLICIES, "CachingDisabled")
GEO = find_policy(ORIGIN_REQUEST_POLICIES, "AllViewerAndCloudFrontHeaders-2022-06")
assert CACHING is not None
FORWARDING = forwarding(CACHING, None)
BEHAVIOR = Behavior("*", compile_path_pattern("*"), APP, FORWARDING)
SITE = Distribution(
    *("site", "E1", "d111.cloudfront.net", (), (), BEHAVIOR),
    origins={"app": APP, "files": BUCKET},
)
FACTS = DistributionFacts("id==", "0" * 32, b"now")


def request(target: str = "/a", *lines: tuple[bytes, bytes], method: str = "GET") -> Request:
    headers = Headers([(b"Host", b"WWW.Example.com:443"), *lines])
    return Request(
        method, RequestTarget.parse(target.encode()), headers, client=Client("192.0.2.7", 1)
    )


def shown(asked: Request, site: Distribution = SITE) -> tuple[dict[str, Any], ShownEdgeEvent]:
    sent = encode_request(site, site.default_behavior.forwarding, FACTS, asked)
    return json.loads(sent.text), sent


def answered(response: Response, asked: Request | None = None) -> tuple[Any, ShownEdgeEvent]:
    sent = encode_response(SITE, FACTS, asked or request(), response)
    return json.loads(sent.text), sent


def returned(result: object) -> EdgeReturned:
    return EdgeReturned(json.loads(json.dumps(result)), EdgeReport())


# The event


def test_event_of_viewer_request() -> None:
    event, _ = shown(request("/a?x=1&y&x=%20", (b"Accept", b"a, b"), (b"Cookie", b"A=1; b=2; A=3")))
    assert event == {
        "version": "1.0",
        "context": {
            "distributionDomainName": "d111.cloudfront.net",
            "distributionId": "E1",
            "eventType": "viewer-request",
            "requestId": "id==",
        },
        "viewer": {"ip": "192.0.2.7"},
        "request": {
            "method": "GET",
            "uri": "/a",
            "querystring": {
                "x": {"value": "1", "multiValue": [{"value": "1"}, {"value": "%20"}]},
                "y": {"value": ""},
            },
            "headers": {"host": {"value": "www.example.com"}, "accept": {"value": "a, b"}},
            "cookies": {
                "A": {"value": "1", "multiValue": [{"value": "1"}, {"value": "3"}]},
                "b": {"value": "2"},
            },
        },
    }


def test_event_of_viewer_response() -> None:
    lines = [
        (b"Vary", b"a"),
        (b"vary", b"b"),
        (b"Set-Cookie", b"ID=1; Secure; Path=/"),
        (b"Set-Cookie", b"x=2"),
    ]
    event, _ = answered(Response(200, b"OK", Headers(lines)))
    assert event["context"]["eventType"] == "viewer-response"
    assert event["request"]["uri"] == "/a"
    assert event["response"] == {
        "statusCode": 200,
        "statusDescription": "OK",
        "headers": {"vary": {"value": "a", "multiValue": [{"value": "a"}, {"value": "b"}]}},
        "cookies": {"ID": {"value": "1", "attributes": "Secure; Path=/"}, "x": {"value": "2"}},
    }


def test_a_path_with_quotes_and_bytes_beyond_ascii() -> None:
    event, _ = shown(request('/"\\é'))
    assert event["request"]["uri"] == '/"\\é'


def test_no_query_and_an_empty_one() -> None:
    assert shown(request("/a"))[0]["request"]["querystring"] == {}
    assert shown(request("/a?"))[0]["request"]["querystring"] == {}


def test_headers_of_cloudfront_are_hidden_unless_a_policy_names_them() -> None:
    line = (b"X-Amz-Cf-Id", b"forged")
    assert "x-amz-cf-id" not in shown(request("/", line))[0]["request"]["headers"]
    assert GEO is not None
    assert CACHING is not None
    behavior = Behavior("*", compile_path_pattern("*"), APP, forwarding(CACHING, GEO))
    site = Distribution("site", "E1", "d111.cloudfront.net", (), (), behavior)
    headers = shown(request("/"), site)[0]["request"]["headers"]
    assert "cloudfront-viewer-country" in headers


# Requests


def continued(result: object, asked: Request | None = None) -> Request:
    _, sent = shown(asked or request())
    answer = decode_edge_request(returned(result), sent)
    assert isinstance(answer, ContinuedRequest), answer
    return answer.request


def edited(asked: Request, **changes: Any) -> Request:
    """`asked` as a function leaves it that sets `changes`."""
    event, _ = shown(asked)
    return continued({**event["request"], **changes}, asked)


def test_what_was_left_alone_keeps_its_bytes() -> None:
    asked = request("/a?b&c=%20", (b"ACCEPT", b"\xff"), (b"Cookie", b"a=1;b=2"))
    request_ = edited(asked)
    assert request_.headers is asked.headers
    assert request_.target is asked.target


@pytest.mark.parametrize(
    ("querystring", "query"),
    [
        ("z=1&a=2", b"z=1&a=2"),
        ("?z=1", b"z=1"),
        ("", None),
        ({}, None),
        (None, None),
        ({"b": {"value": "2"}, "a": {"value": ""}}, b"b=2&a"),
        ({"x": {"value": "9", "multiValue": [{"value": "1"}, {"value": "2"}]}}, b"x=9&x=2"),
        ({"x": {"value": "9", "multiValue": [{"value": "5"}, {"value": "6"}]}}, b"x=5&x=6"),
        ({"x": {"value": "9"}}, b"x=9"),
    ],
)
def test_query(querystring: Any, query: bytes | None) -> None:
    assert edited(request("/a?x=1&x=2"), querystring=querystring).target.query == query


def test_headers_are_added_changed_and_deleted() -> None:
    asked = request("/", (b"Accept", b"a"), (b"X-Old", b"o"), (b"X-Kept", b"k"))
    event, _ = shown(asked)
    headers = event["request"]["headers"]
    del headers["x-old"]
    headers["accept"] = {"value": "b"}
    headers["x-new-header"] = {"value": "é", "multiValue": []}
    assert continued(event["request"], asked).headers.raw == (
        *((b"Host", b"WWW.Example.com:443"), (b"X-Kept", b"k")),
        *((b"Accept", b"b"), (b"X-New-Header", "é".encode())),
    )


def test_cookies_become_one_line() -> None:
    asked = request("/", (b"Cookie", b"a=1; b=2"))
    cookies = {"b": {"value": "3"}, "c": {"value": "4"}}
    assert edited(asked, cookies=cookies).headers.get_all(b"cookie") == [b"b=3; c=4"]
    assert edited(asked, cookies={}).headers.get(b"cookie") is None


def test_a_hidden_header_stays_when_others_change() -> None:
    asked = request("/", (b"X-Amz-Cf-Id", b"1"), (b"X-A", b"1"))
    event, _ = shown(asked)
    del event["request"]["headers"]["x-a"]
    assert continued(event["request"], asked).headers.get(b"x-amz-cf-id") == b"1"


# Responses


def test_a_generated_response() -> None:
    _, sent = shown(request())
    result = {
        "statusCode": 302,
        "headers": {
            "location": {"value": "/b"},
            "vary": {"value": "a", "multiValue": [{"value": "a"}, {"value": "b"}]},
        },
        "cookies": {"id": {"value": "1", "attributes": "Secure"}},
        "body": {"encoding": "base64", "data": "aGk="},
    }
    answer = decode_edge_request(returned(result), sent)
    assert answer == GeneratedResponse(
        302,
        b"Found",
        Headers(
            [
                *((b"Location", b"/b"), (b"Vary", b"a"), (b"Vary", b"b")),
                (b"Set-Cookie", b"id=1; Secure"),
            ]
        ),
        b"hi",
    )


ORIGINAL = Response(
    200,
    b"Fine",
    Headers([(b"Content-Length", b"3"), (b"Via", b"1.1 v"), (b"Set-Cookie", b"a=1; Path=/")]),
    Body.of(b"abc"),
)


def response(**changes: Any) -> Response:
    event, sent = answered(ORIGINAL)
    answer = decode_edge_response(returned({**event["response"], **changes}), sent)
    assert isinstance(answer, ContinuedResponse), answer
    return answer.response


def test_a_response_that_was_left_alone() -> None:
    assert response() == ORIGINAL


def test_status_and_description() -> None:
    changed = response(statusCode=404, statusDescription=None)
    assert (changed.status, changed.reason) == (404, b"Not Found")


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ("text", b"text"),
        ({"encoding": "text", "data": "é"}, "é".encode()),
        ({"data": "plain"}, b"plain"),
        ({"encoding": "base64", "data": "/w=="}, b"\xff"),
        ("", b""),
        (None, b"abc"),
    ],
)
def test_body(body: Any, content: bytes) -> None:
    changed = response(body=body)
    assert changed.body.content == content
    assert changed.headers.get_all(b"content-length") == [str(len(content)).encode()]


def test_a_length_that_is_not_the_bodys_is_ignored() -> None:
    event, _ = answered(ORIGINAL)
    headers = {**event["response"]["headers"], "content-length": {"value": "99"}}
    assert response(headers=headers).headers.get_all(b"content-length") == [b"3"]


def test_cookies_of_a_response() -> None:
    cookies = {
        "b": {"value": "2", "multiValue": [{"value": "2"}, {"value": "3", "attributes": "Secure"}]}
    }
    lines = response(cookies=cookies).headers.get_all(b"set-cookie")
    assert lines == [b"b=2", b"b=3; Secure"]


# What is refused: a row for every rule of results

REQUEST = shown(request("/a", (b"Via", b"1.1 proxy"), (b"X-A", b"1")))[0]["request"]
RESPONSE = answered(ORIGINAL)[0]["response"]
ONE_OF = {
    "result": [("viewer-request", 1), ("viewer-request", None), ("viewer-response", "x"), ("viewer-request", [])],
    "whole-event": [("viewer-request", {"version": "1.0", "context": {}})],
    "headers-object": [("viewer-request", {"headers": []}), ("viewer-response", {"headers": 1})],
    "header-case": [("viewer-request", {"headers": {"X-B": {"value": "1"}}})],
    "header-name": [("viewer-request", {"headers": {"a b": {"value": "1"}}}), ("viewer-request", {"headers": {"": {"value": "1"}}})],
    "header-entry": [
        ("viewer-request", {"headers": {"x": "str"}}),
        ("viewer-request", {"headers": {"x": [{"key": "X", "value": "1"}]}}),
        ("viewer-request", {"headers": {"x": {"value": 1}}}),
        ("viewer-request", {"headers": {"x": {}}}),
    ],
    "header-value": [("viewer-request", {"headers": {"x": {"value": "a\r\nb: c"}}})],
    "disallowed-header": [
        ("viewer-request", {"headers": {"x-amz-cf-id": {"value": "1"}}}),
        ("viewer-request", {"headers": {"connection": {"value": "1"}}}),
        ("viewer-response", {"headers": {"x-cache": {"value": "1"}}}),
    ],
    "read-only-header": [
        ("viewer-request", {"headers": {**REQUEST["headers"], "host": {"value": "b"}}}),
        ("viewer-request", {"headers": {"x-a": {"value": "1"}}}),
        ("viewer-request", {"headers": {**REQUEST["headers"], "content-length": {"value": "1"}}}),
        ("viewer-response", {"headers": {}}),
        ("viewer-response", {"headers": {**RESPONSE["headers"], "warning": {"value": "1"}}}),
    ],
    "cookies-object": [("viewer-request", {"cookies": []})],
    "cookie-entry": [
        ("viewer-request", {"cookies": {"a": "1"}}),
        ("viewer-response", {"cookies": {"a": {"value": "1", "attributes": 1}}}),
    ],
    "cookie-value": [
        ("viewer-request", {"cookies": {"a": {"value": "1; b=2"}}}),
        ("viewer-response", {"cookies": {"a": {"value": "1", "attributes": "x\r\ny"}}}),
        ("viewer-request", {"cookies": {"a=b": {"value": "1"}}}),
    ],
    "query-entry": [("viewer-request", {"querystring": 1}), ("viewer-request", {"querystring": {"a": "1"}})],
    "multi-value": [
        ("viewer-request", {"querystring": {"a": {"value": "1", "multiValue": {}}}}),
        ("viewer-request", {"querystring": {"a": {"value": "1", "multiValue": ["1"]}}}),
        ("viewer-request", {"cookies": {"a": {"multiValue": [{"value": 1}]}}}),
    ],
    "uri": [("viewer-request", {"uri": each}) for each in ("a", "/a b", "/\n", None, 1, "")],
    "query": [("viewer-request", {"querystring": each}) for each in ("a b", "a#b", "a\n")],
    "url-length": [("viewer-request", {"uri": "/" + "a" * 8191})],
    "method": [("viewer-request", {"method": "POST"})],
    "status-code": [
        ("viewer-request", {"statusCode": each}) for each in ("200", 199, 600, 200.5, None, True)
    ],
    "status-description": [("viewer-response", {"statusDescription": each}) for each in (1, "a\nb")],
    "body": [
        ("viewer-response", {"body": each})
        for each in (1, [], {}, {"encoding": "gzip", "data": ""}, {"data": 1})
    ],
    "body-base64": [("viewer-response", {"body": {"encoding": "base64", "data": "%"}})],
}  # fmt: skip
WARNED = {
    "unknown-field": ("viewer-request", {**REQUEST, "clientIp": "1"}),
    "cookie-header": (
        "viewer-request",
        {**REQUEST, "headers": {**REQUEST["headers"], "cookie": {"value": "a=1"}}},
    ),
    "kept-content-encoding": None,
}
ELSEWHERE = {"unreadable-result", "execution-error", "not-compiled", "throttled"}


def judged(trigger: str, result: object, *, strict: bool = True) -> Any:
    strictness = Strictness(strict=strict)
    asked = request("/a", (b"Via", b"1.1 proxy"), (b"X-A", b"1"))
    if trigger == "viewer-request":
        _, sent = shown(asked)
        sent = ShownEdgeEvent(
            sent.trigger, asked, sent.headers, sent.cookies, sent.query, strictness=strictness
        )
        whole = (
            {**REQUEST, **result}
            if isinstance(result, dict) and "version" not in result
            else result
        )
        return decode_edge_request(returned(whole), sent)
    _, sent = answered(ORIGINAL)
    whole = {**RESPONSE, **result} if isinstance(result, dict) else result
    return decode_edge_response(returned(whole), sent)


OBSERVED_PAGES = {
    "read-only-header": "The CloudFront function tried to add, delete, or change a read-only header.",
    "disallowed-header": "The CloudFront function tried to add a disallowed header.",
}


@pytest.mark.parametrize(
    ("code", "trigger", "result"),
    [(code, *case) for code, cases in ONE_OF.items() for case in cases],
)
def test_what_breaks_a_rule_is_refused(code: str, trigger: str, result: object) -> None:
    answer = judged(trigger, result)
    assert isinstance(answer, InvalidResult)
    assert answer.first.code == f"edge-function.{code}"
    page = answer.first.rule.page
    invalid = "The CloudFront function returned an invalid value: "
    assert page.startswith(OBSERVED_PAGES.get(code, invalid))
    assert "{}" not in page


def test_every_rule_has_a_row() -> None:
    rows = {*ONE_OF, *WARNED, *ELSEWHERE, *ORIGIN_ROWS}
    assert {rule.code.removeprefix("edge-function.") for rule in EDGE_FUNCTION_RULES} == rows


@pytest.mark.parametrize("code", [code for code, row in WARNED.items() if row])
def test_what_is_only_pointed_out(code: str) -> None:
    row = WARNED[code]
    assert row is not None
    answer = judged(*row)
    assert isinstance(answer, ContinuedRequest)
    assert [warning.code for warning in answer.warnings] == [f"edge-function.{code}"]
    assert answer.request.headers.get(b"cookie") is None


def test_a_kept_content_encoding_is_pointed_out() -> None:
    packed = Response(200, b"OK", Headers([(b"Content-Encoding", b"gzip")]), Body.of(b"x"))
    event, sent = answered(packed)
    answer = decode_edge_response(returned({**event["response"], "body": "plain"}), sent)
    assert isinstance(answer, ContinuedResponse)
    assert [each.code for each in answer.warnings] == ["edge-function.kept-content-encoding"]


def test_the_observed_text_of_a_header_in_upper_case() -> None:
    answer = judged("viewer-response", {"headers": {"X-B": {"value": "1"}, **RESPONSE["headers"]}})
    assert answer.first.rule.page == (
        "The CloudFront function returned an invalid value: response.headers must have header "
        "names in lower case."
    )


def test_read_only_headers() -> None:
    assert EDGE_READ_ONLY == {
        "viewer-request": ("cdn-loop", "content-length", "host", "transfer-encoding", "via"),
        "viewer-response": ("warning", "via"),
    }


def test_a_lenient_gateway_ignores_what_it_can() -> None:
    headers = {**REQUEST["headers"], "host": {"value": "b"}, "x-cache": {"value": "1"}}
    answer = judged("viewer-request", {"headers": headers, "method": "PUT"}, strict=False)
    assert isinstance(answer, ContinuedRequest)
    assert answer.request.headers.get(b"host") == b"WWW.Example.com:443"
    assert answer.request.headers.get(b"x-cache") is None
    assert answer.request.method == "GET"
    assert len(answer.warnings) == 3


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "headers",
        "cookies",
        "querystring",
        "uri",
        "method",
        "statusCode",
        "body",
        "statusDescription",
    ]
)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        FIELDS, JSON | st.dictionaries(st.text(max_size=4), st.fixed_dictionaries({"value": JSON}))
    )
)
def test_no_result_breaks_the_gateway(result: dict[str, Any]) -> None:
    for answer in (
        judged("viewer-request", copy.deepcopy(result)),
        judged("viewer-response", result),
    ):
        assert isinstance(
            answer, ContinuedRequest | ContinuedResponse | GeneratedResponse | InvalidResult
        )


# The origin


def led(change: dict[str, Any], behavior: Behavior = BEHAVIOR) -> tuple[Any, list[str]]:
    validator = Validator("viewer-request", Strictness())
    choice = chosen_origin(validator, change, SITE, behavior, {"x-a"})
    return choice, [each.code.removeprefix("edge-function.") for each in validator.violations]


def test_what_is_left_out_is_inherited() -> None:
    choice, violations = led({"update": {"originPath": "/v2"}})
    assert violations == []
    assert choice.origin == CustomOrigin("app.example", 443, "https", "/v2", APP.custom_headers)
    assert choice.origin.name == "site/app"


def test_everything_of_a_custom_origin() -> None:
    choice, violations = led(
        {
            "update": {
                "domainName": "other.example",
                "hostHeader": "www.example",
                "customHeaders": {"x-key": "1"},
                "connectionAttempts": 1,
                "timeouts": {"readTimeout": 5, "keepAliveTimeout": 6, "connectionTimeout": 2, "responseCompletionTimeout": 9},
                "customOriginConfig": {"port": 8080, "protocol": "http", "sslProtocols": ["TLSv1.2"]},
                "originShield": {"enabled": False},
                "sni": "sni.example",
                "allowedCertificateNames": ["*.example"],
            }
        }
    )  # fmt: skip
    assert violations == []
    headers = ((b"X-Key", b"1"), (b"Host", b"www.example"))
    assert choice.origin == CustomOrigin(
        *("other.example", 8080, "http", "/base", headers, 5, 6, 9, ("TLSv1.2",), 1, 2)
    )


def test_custom_headers_are_cleared_by_an_empty_object() -> None:
    choice, _ = led({"update": {"customHeaders": {}}})
    assert choice.origin.custom_headers == ()


def test_a_bucket_stays_one_unless_it_gets_a_custom_config() -> None:
    behavior = Behavior("*", compile_path_pattern("*"), BUCKET, FORWARDING)
    choice, _ = led(
        {"update": {"originPath": "/x", "originAccessControlConfig": {"enabled": False}}}, behavior
    )
    assert choice.origin == S3Origin(BUCKET.domain_name, "/x", is_signed=False)
    config = {"port": 443, "protocol": "https", "sslProtocols": []}
    choice, _ = led({"update": {"domainName": "a.example", "customOriginConfig": config}}, behavior)
    assert isinstance(choice.origin, CustomOrigin)


def test_an_origin_by_its_id() -> None:
    assert led({"select": "files"})[0].origin is BUCKET
    options = {"hostHeader": "h.example", "domainName": "other.example", "originPath": "/x"}
    choice, _ = led({"select": "app", "options": options})
    assert (choice.origin.domain_name, choice.origin.path) == (APP.domain_name, APP.path)
    assert choice.origin.custom_headers[-1] == (b"Host", b"h.example")


def test_an_origin_group() -> None:
    group = {
        "originIds": ["app", {"originId": "files", "originOverrides": {"originPath": "/o"}}],
        "failoverCriteria": {"statusCodes": [500, 404]},
    }
    choice, violations = led({"group": group})
    assert violations == []
    assert choice.origin is APP
    assert choice.fallback.origin.path == "/o"
    assert choice.fallback.codes == {500, 404}


CUSTOM = {"port": 443, "protocol": "https", "sslProtocols": ["TLSv1.2"]}
GROUP = {"originIds": ["app", "files"], "failoverCriteria": {"statusCodes": [500]}}
ORIGIN_ROWS: dict[str, list[dict[str, Any]]] = {
    "origin-domain": [{"update": {"domainName": each}} for each in ("a:80", "192.0.2.1", "a" * 254, 1, "[::1]")],
    "origin-host": [{"update": {"hostHeader": "a b"}}],
    "origin-host-signed": [{"select": "files", "options": {"hostHeader": "a.example"}}],
    "origin-path": [{"update": {"originPath": each}} for each in ("a", "/a/", "/é", "/" + "a" * 255)],
    "origin-headers": [{"update": {"customHeaders": each}} for each in ([], {"X": "1"}, {"x": 1}, {"x": "\n"}, {"via": "1"}, {"x-amz-a": "1"})],
    "origin-header-twice": [{"update": {"customHeaders": {"x-a": "1"}}}],
    "origin-attempts": [{"update": {"connectionAttempts": each}} for each in (4, 1.5, "1")],
    "origin-timeouts": [{"update": {"timeouts": each}} for each in (1, {"readTimeout": 121}, {"keepAliveTimeout": 0.5}, {"connectionTimeout": 11}, {"readTimeout": 9, "responseCompletionTimeout": 8})],
    "origin-custom": [{"update": {"customOriginConfig": each}} for each in ({}, {"port": 80, "protocol": "http"}, {"port": 80, "protocol": "ftp", "sslProtocols": []}, {"port": 0, "protocol": "http", "sslProtocols": []}, {"port": 80, "protocol": "http", "sslProtocols": ["TLSv9"]}, {**CUSTOM, "ipAddressType": "ipv4"})]
    + [{"update": {"domainName": "a.example", "customOriginConfig": {**CUSTOM, "ipAddressType": "ipv5"}}}],
    "origin-access": [{"update": {"originAccessControlConfig": {"enabled": True}}}, {"update": {"originShield": True}}],
    "origin-names": [{"update": {"allowedCertificateNames": ["a"] * 21}}, {"update": {"sni": "a b"}}],
    "origin-id": [{"select": "none"}, {"select": 1}, {"group": {**GROUP, "originIds": ["app", "x"]}}],
    "origin-group": [{"group": {**GROUP, "originIds": ["app"]}}, {"group": {**GROUP, "failoverCriteria": {}}}, {"group": {**GROUP, "failoverCriteria": {"statusCodes": [200]}}}, {"group": {**GROUP, "selectionCriteria": "best"}}],
}  # fmt: skip


LONG = ".".join(["a" * 63] * 3) + "." + "b" * 61  # 253 characters
SIGNING = {"enabled": True, "signingBehavior": "always", "signingProtocol": "sigv4"}
EDGES: list[tuple[dict[str, Any], str]] = [
    *[({"timeouts": {name: least}}, "") for name, least in (("readTimeout", 1), ("keepAliveTimeout", 1), ("connectionTimeout", 1))],
    *[({"timeouts": {name: most}}, "") for name, most in (("readTimeout", 120), ("keepAliveTimeout", 120), ("connectionTimeout", 10))],
    *[({"timeouts": {name: 0}}, "origin-timeouts") for name in ("readTimeout", "keepAliveTimeout", "connectionTimeout")],
    *[({"timeouts": {name: most}}, "origin-timeouts") for name, most in (("readTimeout", 121), ("keepAliveTimeout", 121), ("connectionTimeout", 11))],
    *[({"connectionAttempts": count}, "") for count in (1, 2, 3)],
    *[({"connectionAttempts": count}, "origin-attempts") for count in (0, 4)],
    ({"domainName": LONG}, ""),
    ({"domainName": LONG + "b"}, "origin-domain"),
    ({"hostHeader": LONG}, ""),
    ({"hostHeader": LONG + "b"}, "origin-host"),
    ({"originPath": "/" + "a" * 254}, ""),
    ({"originPath": "/" + "a" * 255}, "origin-path"),
    ({"allowedCertificateNames": ["a" * 64] * 20}, ""),
    ({"allowedCertificateNames": ["a" * 65]}, "origin-names"),
    *[({"customOriginConfig": {**CUSTOM, "sslProtocols": [name]}}, "") for name in ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2")],
    *[({"originAccessControlConfig": {**SIGNING, "originType": kind}}, "") for kind in ("s3", "mediapackagev2", "mediastore", "lambda")],
    *[({"originAccessControlConfig": {**SIGNING, "originType": "s3", "signingBehavior": how}}, "") for how in ("always", "never", "no-override")],
    ({"originAccessControlConfig": {**SIGNING, "originType": "s4"}}, "origin-access"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), EDGES)
def test_the_edges_of_what_an_origin_can_be(change: dict[str, Any], code: str) -> None:
    assert led({"update": change})[1] == ([code] if code else [])


def test_the_statuses_that_a_group_fails_over_on() -> None:
    known = {400, 403, 404, 416, 429, 500, 502, 503, 504}
    for status in range(400, 600):
        criteria = {"statusCodes": [status]}
        _, violations = led({"group": {**GROUP, "failoverCriteria": criteria}})
        assert (violations == []) == (status in known), status


def test_the_addresses_of_an_origin_go_with_a_changed_domain_name() -> None:
    for kind in ("ipv4", "ipv6", "dualstack"):
        config = {**CUSTOM, "ipAddressType": kind}
        _, violations = led({"update": {"domainName": "a.example", "customOriginConfig": config}})
        assert violations == []


@pytest.mark.parametrize("domain", ["a" * 61 + "." + "b" * 63 + ".com", "Bucket.example"])
def test_the_domain_name_of_a_bucket_is_short_and_in_lower_case(domain: str) -> None:
    behavior = Behavior("*", compile_path_pattern("*"), BUCKET, FORWARDING)
    assert led({"update": {"domainName": domain}}, behavior)[1] == ["origin-domain"]
    assert led({"update": {"domainName": domain}})[1] == []


@pytest.mark.parametrize(
    ("code", "change"), [(code, each) for code, changes in ORIGIN_ROWS.items() for each in changes]
)
def test_what_no_origin_can_be(code: str, change: dict[str, Any]) -> None:
    assert led(change)[1][0] == code


def test_a_header_that_was_added_before_is_still_judged_by_its_trigger_and_form() -> None:
    added = {**REQUEST["headers"], "warning": {"value": "199 - known"}}
    for _ in range(2):
        answer = judged("viewer-request", {"headers": added})
        assert answer.request.headers.get_all(b"warning") == [b"199 - known"]
    late = {**RESPONSE["headers"], "warning": {"value": "199 - known"}}
    assert (
        judged("viewer-response", {"headers": late}).first.code == "edge-function.read-only-header"
    )
    several = {"value": "199 - known", "multiValue": [{"value": "a"}, {"value": "b"}]}
    answer = judged("viewer-request", {"headers": {**REQUEST["headers"], "warning": several}})
    assert answer.request.headers.get_all(b"warning") == [b"a", b"b"]
    for value in (1, None, ["199 - known"]):
        changed = {**REQUEST["headers"], "warning": {"value": value}}
        assert (
            judged("viewer-request", {"headers": changed}).first.code
            == "edge-function.header-entry"
        )
