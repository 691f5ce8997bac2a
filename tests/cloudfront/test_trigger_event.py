"""What functions see: the `origin` object, and how header names are spelled."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgegw.cloudfront.behaviors import compile_path_pattern
from edgegw.cloudfront.managed import CACHE_POLICIES
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution, S3Origin
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.trigger_event import (
    encode_origin,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.trigger_result import ContinuedRequest, decode_request_result
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import RequestTarget

CUSTOM = CustomOrigin("app.test", 8443, "https", "/base", ((b"X-From", b"edge"),))
BUCKET = S3Origin("b.s3.amazonaws.com", "/base", auth_method="none")


def test_custom_origin_has_the_documented_fields() -> None:
    """CloudFront Developer Guide, "Lambda@Edge event structure", custom origins."""
    assert encode_origin(CUSTOM) == {
        "custom": {
            "customHeaders": {"x-from": [{"key": "X-From", "value": "edge"}]},
            "domainName": "app.test",
            "keepaliveTimeout": 5,
            "path": "/base",
            "port": 8443,
            "protocol": "https",
            "readTimeout": 30,
            "sslProtocols": ["TLSv1.2"],
        }
    }


def test_bucket_has_the_documented_fields() -> None:
    """CloudFront Developer Guide, "Lambda@Edge event structure", Amazon S3 origins."""
    assert encode_origin(BUCKET) == {
        "s3": {
            "authMethod": "none",
            "customHeaders": {},
            "domainName": "b.s3.amazonaws.com",
            "path": "/base",
            "region": "",
        }
    }


def test_times_that_are_set_are_shown() -> None:
    """`responseCompletionTimeout` of both kinds, `readTimeout` of a bucket."""
    custom = encode_origin(replace(CUSTOM, response_completion_timeout=60))["custom"]
    assert isinstance(custom, dict)
    assert custom["responseCompletionTimeout"] == 60
    bucket = encode_origin(replace(BUCKET, response_completion_timeout=45.5, read_timeout=20))["s3"]
    assert isinstance(bucket, dict)
    assert (bucket["responseCompletionTimeout"], bucket["readTimeout"]) == (45.5, 20)


BEHAVIOR = Behavior(
    "*", compile_path_pattern("*"), CUSTOM, compile_forwarding(CACHE_POLICIES[0], None)
)
DISTRIBUTION = Distribution("d", "E1", "d1.cloudfront.net", (), (), BEHAVIOR)
ARRIVED = Headers(
    [
        (b"host", b"h"),
        (b"user-agent", b"curl"),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"br"),
        (b"accept-language", b"en"),
        (b"cache-control", b"max-age=0"),
        (b"content-type", b"text/plain"),
        (b"if-none-match", b'"1"'),
        (b"origin", b"https://h"),
        (b"referer", b"https://h/"),
        (b"sec-fetch-dest", b"empty"),
        (b"sec-fetch-mode", b"cors"),
        (b"sec-fetch-site", b"none"),
        (b"upgrade-insecure-requests", b"1"),
        (b"x-own", b"1"),
    ]
)
RECASED = {
    "host": "Host",
    "user-agent": "User-Agent",
    "accept-encoding": "Accept-Encoding",
    "cache-control": "Cache-Control",
    "origin": "Origin",
    "referer": "Referer",
    "sec-fetch-dest": "Sec-Fetch-Dest",
    "sec-fetch-mode": "Sec-Fetch-Mode",
    "sec-fetch-site": "Sec-Fetch-Site",
}


def spellings(payload: bytes) -> dict[str, str]:
    headers = json.loads(payload)["Records"][0]["cf"]["request"]["headers"]
    return {name: entry["key"] for name, entries in headers.items() for entry in entries}


@pytest.mark.parametrize(
    ("version", "recased"), [("1.0", {}), ("1.1", {}), ("2", RECASED), ("3", RECASED)]
)
def test_events_spell_the_names_that_cloudfront_knows(
    version: str, recased: dict[str, str]
) -> None:
    """The documented viewer-request event has `Host`, `User-Agent` and `accept`."""
    request = Request("GET", RequestTarget(b"/"), ARRIVED, http_version=version)
    expected = {name.decode(): recased.get(name.decode(), name.decode()) for name, _ in ARRIVED}
    payload, sent = encode_request_event(DISTRIBUTION, "viewer-request", "id", request)
    assert spellings(payload) == expected
    result = json.loads(payload)["Records"][0]["cf"]["request"]
    assert decode_request_result(json.dumps(result).encode(), sent) == ContinuedRequest(request)
    more = replace(request, headers=ARRIVED.added((b"Via", b"1"), (b"x-more", b"1")))
    payload, _ = encode_request_event(DISTRIBUTION, "origin-request", "id", more, origin=CUSTOM)
    assert spellings(payload) == {**expected, "via": "Via", "x-more": "x-more"}
    response = Response(200, b"OK", Headers([(b"server", b"s"), (b"via", b"1")]))
    payload, _ = encode_response_event(DISTRIBUTION, "viewer-response", "id", more, response)
    assert spellings(payload) == {**expected, "via": "Via", "x-more": "x-more"}
    shown = json.loads(payload)["Records"][0]["cf"]["response"]["headers"]
    assert [entries[0]["key"] for entries in shown.values()] == ["server", "via"]


def test_what_was_left_alone_goes_on_in_its_own_spelling() -> None:
    request = Request("GET", RequestTarget(b"/"), ARRIVED, http_version="2")
    payload, sent = encode_request_event(DISTRIBUTION, "viewer-request", "id", request)
    result = json.loads(payload)["Records"][0]["cf"]["request"]
    result["headers"]["accept"][0]["value"] = "text/html"
    continued = decode_request_result(json.dumps(result).encode(), sent)
    assert isinstance(continued, ContinuedRequest)
    assert continued.request.headers.raw[:3] == (
        (b"host", b"h"),
        (b"user-agent", b"curl"),
        (b"accept", b"text/html"),
    )
