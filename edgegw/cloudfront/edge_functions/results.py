"""What a CloudFront Function returned → what goes on, or the rules that it breaks.

Values that the function left alone keep the viewer's or origin's original bytes.

Source: CloudFront Developer Guide, "CloudFront Functions event structure" and "Restrictions on all
edge functions".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, cast

from edgegw.cloudfront.edge_functions.changed_parts import (
    changed_target,
    of_same_length,
    setting_cookies,
    with_cookies,
    with_length,
)
from edgegw.cloudfront.edge_functions.edited_results import (
    edited_request,
    edited_response,
    known_request,
    known_response,
)
from edgegw.cloudfront.edge_functions.entries import (
    returned_headers,
    set_cookie_lines,
)
from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent
from edgegw.cloudfront.edge_functions.model import EdgeAnswer, EdgeEdited, EdgeReturned
from edgegw.cloudfront.edge_functions.rules import (
    BODY,
    BODY_BASE64,
    KEPT_CONTENT_ENCODING,
    METHOD,
    RESULT,
    STATUS_CODE,
    STATUS_DESCRIPTION,
    UNKNOWN_FIELD,
    WHOLE_EVENT,
)
from edgegw.cloudfront.edge_functions.sections import NO_SECTION
from edgegw.cloudfront.header_rules import has_control
from edgegw.cloudfront.response_headers import in_order
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    ContinuedResponse,
    GeneratedResponse,
    InvalidResult,
)
from edgegw.cloudfront.validator import Description, Validator, step_into
from edgegw.http.message import Body, Headers, Response
from edgegw.http.status import reason_phrase
from edgegw.http.target import to_text

EDGE_REQUEST_FIELDS: Final = frozenset({"method", "uri", "querystring", "headers", "cookies"})
"""Fields of a request that CloudFront knows.

Source: CloudFront Developer Guide, "CloudFront Functions event structure", request object.
"""
EDGE_RESPONSE_FIELDS: Final = frozenset(
    {"statusCode", "statusDescription", "headers", "cookies", "body"}
)
"""Fields of a response that CloudFront knows.

Source: CloudFront Developer Guide, "CloudFront Functions event structure", response object.
"""


def decode_edge_request(
    outcome: EdgeAnswer, sent: ShownEdgeEvent
) -> ContinuedRequest | GeneratedResponse | InvalidResult:
    """What the answer of viewer-request means: the request to go on with, or a response."""
    if isinstance(outcome, EdgeEdited):
        return known_request(outcome, sent) or edited_request(outcome, sent)
    validator = Validator(sent.trigger, sent.strictness)
    result = _object(validator, outcome)
    if result is None:
        return InvalidResult(tuple(validator.violations))
    if "statusCode" in result:
        return _generated(validator, result)
    return _continued(validator, result, sent)


def decode_edge_response(
    outcome: EdgeAnswer, sent: ShownEdgeEvent
) -> ContinuedResponse | InvalidResult:
    """The response to go on with, its headers in order, out of the answer of viewer-response."""
    if isinstance(outcome, EdgeEdited):
        return known_response(outcome, sent) or edited_response(outcome, sent)
    validator = Validator(sent.trigger, sent.strictness)
    result = _object(validator, outcome)
    if result is None:
        return InvalidResult(tuple(validator.violations))
    return _response(validator, result, sent, cast("Response", sent.response))


def _object(validator: Validator, outcome: EdgeReturned) -> Mapping[str, Any] | None:
    result = outcome.result
    if outcome.is_undefined or not isinstance(result, dict):
        what = Description("undefined") if outcome.is_undefined else result
        validator.note(RESULT, "", what, "return event.request or event.response")
        return None
    fields = cast("Mapping[str, Any]", result)
    if "context" in fields and "version" in fields:
        expected = "return event.request or event.response"
        validator.note(WHOLE_EVENT, "", Description("the whole event"), expected)
        return None
    return fields


_OF_LAMBDA: Final = {
    "status": "statusCode, a number",
    "clientIp": "event.viewer.ip, which is read-only",
    "bodyEncoding": "body: {encoding, data}",
    "origin": "cf.updateRequestOrigin of the module cloudfront",
}
"""Fields of Lambda@Edge, and what stands in their place here."""


def _check_fields(validator: Validator, result: Mapping[str, Any], known: frozenset[str]) -> None:
    if result.keys() <= known:
        return
    for name in result.keys() - known:
        expected = "leave it out; there are: " + ", ".join(sorted(known))
        if name in _OF_LAMBDA:
            expected = f"that is Lambda@Edge's: here it is {_OF_LAMBDA[name]}"
        validator.note(UNKNOWN_FIELD, step_into("", name), name, expected)


# Requests


def _continued(
    validator: Validator, result: Mapping[str, Any], sent: ShownEdgeEvent
) -> ContinuedRequest | InvalidResult:
    request = sent.request
    _check_fields(validator, result, EDGE_REQUEST_FIELDS)
    method = result.get("method", request.method)
    if method != request.method:
        validator.note(METHOD, "method", method, f"leave {request.method}")
    query = result.get("querystring")
    target = changed_target(validator, result.get("uri"), {} if query is None else query, sent)
    headers = _request_headers(validator, result, sent)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    return ContinuedRequest(request.sent(target, headers), warnings=tuple(validator.violations))


def _request_headers(
    validator: Validator, result: Mapping[str, Any], sent: ShownEdgeEvent
) -> Headers:
    headers = sent.request.headers
    returned, cookies = result.get("headers"), result.get("cookies", {})
    if returned != sent.headers.entries:
        headers = returned_headers(validator, returned, sent.headers, headers, "request")
    return with_cookies(validator, headers, cookies, sent)


# Responses


def _generated(
    validator: Validator, result: Mapping[str, Any]
) -> GeneratedResponse | InvalidResult:
    _check_fields(validator, result, EDGE_RESPONSE_FIELDS)
    status, reason = _status(validator, result)
    headers = returned_headers(validator, result.get("headers"), NO_SECTION, Headers(), "response")
    headers = headers.added(*set_cookie_lines(validator, result.get("cookies"), {}))
    content = _content(validator, result)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    warnings = tuple(validator.violations)
    return GeneratedResponse(status, reason, headers, content or b"", warnings)


def _status(validator: Validator, result: Mapping[str, Any]) -> tuple[int, bytes]:
    """Status and reason phrase; without a description that of the status."""
    status, description = result.get("statusCode"), result.get("statusDescription")
    if (
        isinstance(status, bool)
        or not isinstance(status, (int, float))
        or not 200 <= status <= 599
        or status != int(status)
    ):
        validator.note(STATUS_CODE, "statusCode", status, "write a number from 200 to 599")
        return 0, b""
    if description is None:
        return int(status), reason_phrase(int(status))
    if not isinstance(description, str) or has_control(description):
        expected = "write a string on one line, or leave it out"
        validator.note(STATUS_DESCRIPTION, "statusDescription", description, expected)
        return int(status), b""
    return int(status), description.encode("utf-8", "replace")


def _response(
    validator: Validator, result: Mapping[str, Any], sent: ShownEdgeEvent, original: Response
) -> ContinuedResponse | InvalidResult:
    _check_fields(validator, result, EDGE_RESPONSE_FIELDS)
    status, reason = _status(validator, result)
    if status == original.status and reason == to_text(original.reason).encode("utf-8"):
        reason = original.reason
    headers = _response_headers(validator, result, sent, original.headers)
    content = _content(validator, result)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    body = original.body
    if content is not None:
        coding = headers.get(b"content-encoding")
        if content and coding is not None and coding == original.headers.get(b"content-encoding"):
            expected = "delete headers['content-encoding'], the new body is not compressed"
            path = "headers.content-encoding"
            validator.note(KEPT_CONTENT_ENCODING, path, to_text(coding), expected)
        body = Body.of(content)
        headers = with_length(headers, b"%d" % len(content))
    else:
        headers = of_same_length(headers, original.headers)
    if headers is not original.headers:
        headers = in_order(headers)
    response = Response(status, reason, headers, body)
    return ContinuedResponse(response, tuple(validator.violations))


def _response_headers(
    validator: Validator, result: Mapping[str, Any], sent: ShownEdgeEvent, original: Headers
) -> Headers:
    returned, cookies = result.get("headers"), result.get("cookies", {})
    headers = original
    if returned != sent.headers.entries:
        headers = returned_headers(validator, returned, sent.headers, original, "response")
    return setting_cookies(validator, headers, cookies, sent)


def _content(validator: Validator, result: Mapping[str, Any]) -> bytes | None:
    """The new body; None where there is none, and the origin's goes on."""
    body = result.get("body")
    if body is None:
        return None
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    fields = cast("Mapping[str, object]", body if isinstance(body, Mapping) else {})
    data, encoding = fields.get("data", ""), fields.get("encoding", "text")
    if not fields or not isinstance(data, str) or encoding not in ("text", "base64"):
        expected = "write a string, or {encoding: 'text', data: '…'} (or 'base64')"
        validator.note(BODY, "body", cast("object", body), expected)
        return None
    if encoding == "text":
        return data.encode("utf-8", "replace")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        validator.note(BODY_BASE64, "body.data", data, "encode it, or set encoding to text")
        return None
