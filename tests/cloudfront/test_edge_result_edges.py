"""Edges of the sheet: the last number that counts, and the first that does not."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.trigger_result import ContinuedResponse, GeneratedResponse, InvalidResult
from edgegw.http.message import Headers
from tests.cloudfront.test_edge_results import judged, request, shown

HEADERS: dict[str, Any] = {
    "viewer-request": {"headers": {}, "cookies": {}},
    "viewer-response": {},  # those of the origin stay
}


@pytest.mark.parametrize("trigger", ["viewer-request", "viewer-response"])
@pytest.mark.parametrize("status", [200, 599])
def test_statuses_that_are_taken(trigger: str, status: int) -> None:
    answer = judged(trigger, {"statusCode": status, **HEADERS[trigger]})
    assert isinstance(answer, GeneratedResponse | ContinuedResponse)


@pytest.mark.parametrize("trigger", ["viewer-request", "viewer-response"])
@pytest.mark.parametrize("status", [199, 600, 200.5, True, "200", None])
def test_statuses_that_are_not_taken(trigger: str, status: object) -> None:
    answer = judged(trigger, {"statusCode": status, **HEADERS[trigger]})
    assert isinstance(answer, InvalidResult)
    assert "edge-function.status-code" in {broken.code for broken in answer.violations}


@pytest.mark.parametrize("encoding", ["hex", "base64url", "BASE64", "", None, 1])
def test_encodings_of_bodies_that_are_not_taken(encoding: object) -> None:
    body = {"encoding": encoding, "data": "YQ=="}
    answer = judged("viewer-response", {"statusCode": 200, "body": body})
    assert isinstance(answer, InvalidResult)
    assert [broken.code for broken in answer.violations] == ["edge-function.body"]


@pytest.mark.parametrize("host", ["example.com", "EXAMPLE.com", "example.com:443", "example.com."])
def test_a_host_is_shown_bare_and_in_lower_case(host: str) -> None:
    asked = request()
    headers = Headers([(b"Host", host.encode())])
    event, _ = shown(asked.sent(asked.target, headers))
    assert event["request"]["headers"]["host"] == {"value": "example.com"}
