"""What hangs on headers, and what is put together from pieces, says what working it out anew says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import compile_path_pattern
from edgegw.cloudfront.forwarding import Forwarding
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.response_headers import response_headers
from edgegw.cloudfront.trigger_event import (
    ShownBody,
    encode_headers,
    encode_origin,
    encode_request_event,
    encode_response_event,
    spelled_headers,
)
from edgegw.cloudfront.trigger_result import decode_request_result, decode_response_result
from edgegw.cloudfront.triggers import Trigger
from edgegw.http.message import Client, Header, Headers, Request, Response
from edgegw.http.target import RequestTarget, to_text

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")
ORIGIN = CustomOrigin("app.test", 8443, "https", "/base", ((b"X-From", "ä".encode()),))
POLICIES = [
    compile_forwarding(cache, more)
    for cache in CACHE_POLICIES
    for more in (None, *ORIGIN_REQUEST_POLICIES)
]
SITE = Distribution(
    "site",
    "E1",
    "d1.cloudfront.net",
    (),
    (),
    Behavior("*", compile_path_pattern("*"), ORIGIN, POLICIES[0]),
)

NAMES = st.sampled_from(
    [
        *(b"Host", b"host", b"Cookie", b"Accept-Encoding", b"Via", b"X-Forwarded-For", b"X-A"),
        *(b"Authorization", b"Connection", b"Set-Cookie", b"Date", b"Content-Length", b"X-Cache"),
        *(b"Server", b"User-Agent", b"X-Amz-Cf-Id", b"\xc3\xa4", b"\xff"),
    ]
)
VALUES = st.sampled_from(
    [b"", b"1", b"a=1; b=2", b"gzip, br;q=0", b'"\\/', b"\xc3\xa4", b"\xff\x7f"]
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8).map(Headers)
MORE = st.lists(st.tuples(NAMES, VALUES), max_size=3)
TARGETS = st.builds(
    RequestTarget,
    st.sampled_from([b"/", b"/a//b", "/ä".encode(), b"/\xff", b'/"', b"/a b"]),
    st.sampled_from([None, b"", b"a=1&b", b"\xff", b"a#b"]),
    st.sampled_from([None, b"h"]),
)


def request_of(method: str, target: RequestTarget, headers: Headers, version: str) -> Request:
    client = Client("192.0.2.1", 5)
    return Request(method, target, headers, http_version=version, client=client)


def response_of(status: int, reason: bytes, headers: Headers) -> Response:
    return Response(status, reason, headers)


REQUESTS = st.builds(
    request_of,
    st.sampled_from(["GET", "POST"]),
    TARGETS,
    HEADERS,
    st.sampled_from(["1.0", "1.1", "2"]),
)
RESPONSES = st.builds(
    response_of,
    st.sampled_from([200, 204, 404]),
    st.sampled_from([b"OK", b"\xff", b'"']),
    HEADERS,
)
REQUEST_TRIGGERS: st.SearchStrategy[Trigger] = st.sampled_from(["viewer-request", "origin-request"])
RESPONSE_TRIGGERS: st.SearchStrategy[Trigger] = st.sampled_from(
    ["origin-response", "viewer-response"]
)


def fresh(headers: Headers) -> Headers:
    """The same lines, of which nothing is known yet."""
    return Headers(headers.raw)


def anew(request: Request) -> Request:
    """The same request with lines of which nothing is known yet."""
    return request.sent(request.target, fresh(request.headers))


def config(trigger: Trigger) -> dict[str, object]:
    return {
        "distributionDomainName": SITE.domain_name,
        "distributionId": SITE.id,
        "eventType": trigger,
        "requestId": FACTS.request_id,
    }


def request_object(request: Request, **more: object) -> dict[str, object]:
    return {
        "clientIp": request.client.address,
        "headers": encode_headers(spelled_headers(anew(request))),
        "method": request.method,
        "querystring": to_text(request.target.query or b""),
        "uri": to_text(request.target.path),
        **more,
    }


def whole(trigger: Trigger, **parts: object) -> bytes:
    """An event as one JSON value, encoded at once."""
    return encode_payload({"Records": [{"cf": {"config": config(trigger), **parts}}]})


@given(REQUESTS, MORE, REQUEST_TRIGGERS, st.booleans(), st.booleans())
def test_request_event_is_the_json_of_the_whole(
    request: Request, more: list[Header], trigger: Trigger, with_origin: bool, with_body: bool
) -> None:
    """Byte for byte, also for headers that were added to ones of which an event is known."""
    origin = ORIGIN if with_origin else None
    body = ShownBody(b"\x00hi", truncated=False) if with_body else None
    for headers in (request.headers, request.headers.added(*more)):
        shown = request.sent(request.target, headers)
        payload, sent = encode_request_event(
            SITE, trigger, FACTS.request_id, shown, origin=origin, body=body
        )
        parts: dict[str, object] = {}
        if origin is not None:
            parts["origin"] = encode_origin(origin)
        if body is not None:
            parts["body"] = sent.body_fields
        assert payload == whole(trigger, request=request_object(shown, **parts))
        assert sent.headers == encode_headers(spelled_headers(anew(shown)))
        assert json.loads(sent.text) == json.loads(payload)["Records"][0]["cf"]["request"]


@given(REQUESTS, RESPONSES, MORE, RESPONSE_TRIGGERS)
def test_response_event_is_the_json_of_the_whole(
    request: Request, response: Response, more: list[Header], trigger: Trigger
) -> None:
    for headers in (response.headers, response.headers.added(*more)):
        answer = Response(response.status, response.reason, headers)
        payload, sent = encode_response_event(SITE, trigger, FACTS.request_id, request, answer)
        shown = {
            "headers": encode_headers(fresh(headers)),
            "status": str(answer.status),
            "statusDescription": to_text(answer.reason),
        }
        assert payload == whole(trigger, request=request_object(request), response=shown)
        assert json.loads(sent.text) == shown


ENTRIES = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from(["X-A", "x-b", "Via"]), "value": st.text()}),
    max_size=2,
)
CHANGES = st.dictionaries(
    st.sampled_from(["x-a", "x-b", "via", "host", "content-length", "connection"]),
    ENTRIES | st.none() | st.just([{"key": "X-A", "value": ["a", "b"]}]),
    max_size=3,
)


def changed(text: bytes, changes: dict[str, Any], *, backwards: bool) -> bytes:
    """The object of an event as a function may return it."""
    returned = json.loads(text)
    headers = {**returned["headers"], **changes}
    for name, entries in changes.items():
        if entries is None:
            del headers[name]
    names = reversed(headers) if backwards else headers
    returned["headers"] = {name: headers[name] for name in names}
    return json.dumps(returned).encode()


@given(REQUESTS, st.lists(st.tuples(CHANGES, st.booleans()), max_size=4), REQUEST_TRIGGERS)
def test_request_result_is_judged_as_if_it_were_the_first(
    request: Request, results: list[tuple[dict[str, Any], bool]], trigger: Trigger
) -> None:
    """Whatever functions made of the same headers before: twice the same, and in another order."""
    _, sent = encode_request_event(SITE, trigger, FACTS.request_id, request)
    for changes, backwards in [*results, *results]:
        result = changed(sent.text, changes, backwards=backwards)
        first = replace(sent, request=request.sent(request.target, fresh(request.headers)))
        assert decode_request_result(result, sent) == decode_request_result(result, first)


@given(RESPONSES, st.lists(st.tuples(CHANGES, st.booleans()), max_size=4), RESPONSE_TRIGGERS)
def test_response_result_is_judged_as_if_it_were_the_first(
    response: Response, results: list[tuple[dict[str, Any], bool]], trigger: Trigger
) -> None:
    request = Request("GET", RequestTarget(b"/"))
    _, sent = encode_response_event(SITE, trigger, FACTS.request_id, request, response)
    for changes, backwards in [*results, *results]:
        result = changed(sent.text, changes, backwards=backwards)
        own = Response(response.status, response.reason, fresh(response.headers))
        first = replace(sent, response=own)
        assert decode_response_result(result, sent) == decode_response_result(result, first)


@given(REQUESTS, REQUEST_TRIGGERS)
def test_result_that_changes_nothing_is_judged_all_the_same(
    request: Request, trigger: Trigger
) -> None:
    """The very bytes that were sent, and the same value spelled otherwise."""
    _, sent = encode_request_event(SITE, trigger, FACTS.request_id, request, origin=ORIGIN)
    spelled = json.dumps(json.loads(sent.text)).encode()
    assert decode_request_result(sent.text, sent) == decode_request_result(spelled, sent)


@given(REQUESTS, st.sampled_from(POLICIES), st.booleans())
def test_policies_make_the_same_of_headers_that_come_again(
    request: Request, forwarding: Any, with_custom_headers: bool
) -> None:
    """A head that is remembered meets several requests, methods and versions."""
    origin = ORIGIN if with_custom_headers else replace(ORIGIN, custom_headers=())
    for method in ("GET", "POST"):
        for version in ("1.0", "1.1", "2"):
            again = Request(method, request.target, request.headers, http_version=version)
            anew = Request(method, request.target, fresh(request.headers), http_version=version)
            known = origin_request(forwarding, again, origin, FACTS)
            assert known == origin_request(forwarding, anew, origin, FACTS)


@given(HEADERS, st.sampled_from(POLICIES), st.booleans())
def test_response_headers_are_the_same_for_a_head_that_comes_again(
    headers: Headers, forwarding: Forwarding, is_bucket: bool
) -> None:
    to_viewer = forwarding.to_viewer
    first = response_headers(headers, FACTS, to_viewer, is_bucket=is_bucket)
    assert response_headers(headers, FACTS, to_viewer, is_bucket=is_bucket) == first
    assert response_headers(fresh(headers), FACTS, to_viewer, is_bucket=is_bucket) == first
    assert first.raw[-1][0] == b"Via"
