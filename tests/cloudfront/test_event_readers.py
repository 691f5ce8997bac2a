"""Events that people write hold anything that JSON can say, halves of characters too."""

from __future__ import annotations

from typing import Any

from edgegw.cloudfront.edge_functions.event_reader import decode_edge_event
from edgegw.cloudfront.event_reader import decode_event

HALF = "\ud800"
EDGE: dict[str, Any] = {
    "context": {"eventType": "viewer-response"},
    "request": {
        "method": "GET",
        "uri": "/" + HALF,
        "querystring": {},
        "headers": {},
        "cookies": {},
    },
    "response": {"statusCode": 200, "statusDescription": HALF, "headers": {}, "cookies": {}},
}
REQUEST: dict[str, Any] = {
    "clientIp": "192.0.2.1",
    "method": "GET",
    "uri": "/" + HALF,
    "querystring": HALF,
    "headers": {},
    "body": {"encoding": "text", "data": HALF},
}
LAMBDA: dict[str, Any] = {
    "config": {"eventType": "viewer-response"},
    "request": REQUEST,
    "response": {"status": "200", "statusDescription": HALF, "headers": {}},
}


def test_an_event_of_a_cloudfront_function_with_half_a_character() -> None:
    shown = decode_edge_event(EDGE)
    assert shown.response is not None
    assert (shown.request.target.path, shown.response.reason) == (b"/?", b"?")


def test_an_event_of_lambda_at_edge_with_half_a_character() -> None:
    shown = decode_event({"Records": [{"cf": LAMBDA}]})
    assert shown.response is not None
    assert (shown.request.target.raw, shown.response.reason) == (b"/??" + b"?", b"?")
