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

from edgegw.cloudfront.edge_functions.entries import (
    cookie_header,
    edited_headers,
    query_text,
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
    QUERY,
    RESULT,
    STATUS_CODE,
    STATUS_DESCRIPTION,
    UNKNOWN_FIELD,
    URI,
    URL_LENGTH,
    WHOLE_EVENT,
)
from edgegw.cloudfront.edge_functions.sections import ANY, NO_SECTION, Section, SectionShape
from edgegw.cloudfront.header_rules import has_control
from edgegw.cloudfront.trigger_event import header_name
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    ContinuedResponse,
    GeneratedResponse,
    InvalidResult,
)
from edgegw.cloudfront.trigger_rules import URL_TOO_LONG
from edgegw.cloudfront.validator import Description, Validator, step_into
from edgegw.http.grammar import TEXT_NOT_IN_TARGET
from edgegw.http.message import Body, Header, Headers, Response
from edgegw.http.status import reason_phrase
from edgegw.http.target import RequestTarget, to_text
from edgegw.values import value

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
        return _known_request(outcome, sent) or _edited_request(outcome, sent)
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
    """The response to go on with, out of the answer of viewer-response."""
    if isinstance(outcome, EdgeEdited):
        return _known_response(outcome, sent) or _edited_response(outcome, sent)
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
    target = _target(validator, result.get("uri"), {} if query is None else query, sent)
    headers = _request_headers(validator, result, sent)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    return ContinuedRequest(request.sent(target, headers), warnings=tuple(validator.violations))


def _known_request(outcome: EdgeEdited, sent: ShownEdgeEvent) -> ContinuedRequest | None:
    """The request, where the same edits of the same headers were judged before."""
    request, lines = sent.request, outcome.lines
    target = request.target
    if target.authority is not None or target.size >= URL_TOO_LONG:
        return None
    if not lines:
        return ContinuedRequest(request)
    for earlier in request.headers.derived(_no_edits, _no_edits):
        if earlier.lines == lines and earlier.shown is sent.headers:
            return ContinuedRequest(request.sent(target, earlier.result))
    return None


@value
class _KnownEdit:
    """What a function was shown, its edits, and what they made of the headers."""

    shown: Section
    lines: str
    result: Headers


def _no_edits(_headers: Headers) -> list[_KnownEdit]:
    """Room for what a function made of headers last; only what broke no rule stays here."""
    return []


_OF_TARGET: Final = ("uri", "querystring")
"""The edits that change where a request goes."""


def _edited_request(outcome: EdgeEdited, sent: ShownEdgeEvent) -> ContinuedRequest | InvalidResult:
    validator = Validator(sent.trigger, sent.strictness)
    request, edits = sent.request, outcome.edits
    target = request.target
    is_same = edits.keys().isdisjoint(_OF_TARGET)
    if not is_same or target.authority is not None or target.size >= URL_TOO_LONG:
        uri = edits.get("uri", to_text(target.path))
        query = edits.get("querystring", sent.query.entries)
        target = _target(validator, uri, {} if query is None else query, sent)
    headers = _edited_before(validator, edits, sent)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    if is_same and not validator.violations and len(outcome.lines) <= _LONGEST_ADDITION:
        known = request.headers.derived(_no_edits, _no_edits)
        known[:] = [_KnownEdit(sent.headers, outcome.lines, headers)]
    return ContinuedRequest(request.sent(target, headers), warnings=tuple(validator.violations))


def _edited_before(validator: Validator, edits: Mapping[str, Any], sent: ShownEdgeEvent) -> Headers:
    """The request's headers with `edits`."""
    headers = sent.request.headers
    put, gone = edits.get("headers", {}), edits.get("gone", ())
    if put or gone:
        headers = edited_headers(validator, put, gone, sent.headers, headers, "request")
    if "cookies" in edits:
        headers = _with_cookies(validator, headers, edits["cookies"], sent)
    return headers


def _target(
    validator: Validator, uri: object, returned: object, sent: ShownEdgeEvent
) -> RequestTarget:
    """The target of the `uri` and the querystring that were `returned`."""
    original = sent.request.target
    path = original.path
    if uri != to_text(path):
        if not isinstance(uri, str) or not uri.startswith("/") or TEXT_NOT_IN_TARGET.search(uri):
            expected = "write a path that starts with / and is percent-encoded"
            validator.note(URI, "uri", uri, expected)
            uri = "/"
        path = uri.encode("utf-8", "replace")
    query, shown = original.query, sent.query.entries
    if returned != shown:
        text = query_text(validator, returned, shown)
        if TEXT_NOT_IN_TARGET.search(text) or "#" in text:
            expected = "encode it with encodeURIComponent"
            validator.note(QUERY, "querystring", text, expected)
        query = text.encode("utf-8", "replace") if text else None
    length = len(path) + len(query or b"")
    if length >= URL_TOO_LONG:
        long = Description(f"{length} characters")
        validator.note(URL_LENGTH, "uri", long, f"stay under {URL_TOO_LONG}")
    if path is original.path and query is original.query and original.authority is None:
        return original
    return RequestTarget(path, query)


def _request_headers(
    validator: Validator, result: Mapping[str, Any], sent: ShownEdgeEvent
) -> Headers:
    headers = sent.request.headers
    returned, cookies = result.get("headers"), result.get("cookies", {})
    if returned != sent.headers.entries:
        headers = returned_headers(validator, returned, sent.headers, headers, "request")
    return _with_cookies(validator, headers, cookies, sent)


def _with_cookies(
    validator: Validator, headers: Headers, cookies: object, sent: ShownEdgeEvent
) -> Headers:
    shown = sent.cookies.entries
    if cookies == shown:
        return headers
    line = cookie_header(validator, cookies, shown)
    headers = headers.without(b"cookie")
    return headers.added((b"Cookie", line)) if line else headers


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
        headers = _with_length(headers, b"%d" % len(content))
    else:
        headers = _of_same_length(headers, original.headers)
    response = Response(status, reason, headers, body)
    return ContinuedResponse(response, tuple(validator.violations))


def _known_response(outcome: EdgeEdited, sent: ShownEdgeEvent) -> ContinuedResponse | None:
    """The response, where the same headers were added to the same ones before."""
    response, lines = cast("Response", sent.response), outcome.lines
    if not lines:
        return ContinuedResponse(response)
    added = _additions.get((lines, sent.headers.shape))
    if added is None:
        return None
    headers = response.headers.added(*added)
    return ContinuedResponse(Response(response.status, response.reason, headers, response.body))


_MOST_ADDITIONS: Final = 500
_LONGEST_ADDITION: Final = 4096
_additions: Final[dict[tuple[str, SectionShape], tuple[Header, ...]]] = {}
"""Lines that a function's edits added, by these and the names of the headers that were there.

Only what broke no rule, and changed nothing else.
"""


def _edited_response(
    outcome: EdgeEdited, sent: ShownEdgeEvent
) -> ContinuedResponse | InvalidResult:
    validator = Validator(sent.trigger, sent.strictness)
    original, edits = cast("Response", sent.response), outcome.edits
    headers = original.headers
    put, gone = edits.get("headers", {}), edits.get("gone", ())
    if put or gone:
        headers = edited_headers(validator, put, gone, sent.headers, headers, "response")
    if "cookies" in edits:
        headers = _setting_cookies(validator, headers, edits["cookies"], sent)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    whole = _of_same_length(headers, original.headers)
    is_added = not gone and put.keys().isdisjoint(sent.headers.shape.names)
    if is_added and whole.base is original.headers and not validator.violations:
        _remember_additions(outcome.lines, sent.headers.shape, whole)
    response = Response(original.status, original.reason, whole, original.body)
    return ContinuedResponse(response, tuple(validator.violations))


def _remember_additions(lines: str, shape: SectionShape, headers: Headers) -> None:
    if shape is ANY or len(lines) > _LONGEST_ADDITION:
        return  # many have that shape
    if len(_additions) >= _MOST_ADDITIONS:
        _additions.clear()
    _additions[lines, shape] = headers.raw[-headers.more :]


def _response_headers(
    validator: Validator, result: Mapping[str, Any], sent: ShownEdgeEvent, original: Headers
) -> Headers:
    returned, cookies = result.get("headers"), result.get("cookies", {})
    headers = original
    if returned != sent.headers.entries:
        headers = returned_headers(validator, returned, sent.headers, original, "response")
    return _setting_cookies(validator, headers, cookies, sent)


def _setting_cookies(
    validator: Validator, headers: Headers, cookies: object, sent: ShownEdgeEvent
) -> Headers:
    shown = sent.cookies.entries
    if cookies == shown:
        return headers
    return headers.without(b"set-cookie").added(*set_cookie_lines(validator, cookies, shown))


def _of_same_length(headers: Headers, original: Headers) -> Headers:
    """`headers` with the Content-Length of the body, which is that of the original."""
    if headers is original or _keeps_length(headers, original):
        return headers
    return _with_length(headers, original.get(b"content-length"))


def _keeps_length(headers: Headers, original: Headers) -> bool:
    if headers.base is original:
        added = headers.raw[-headers.more :]
        return all(header_name(name)[1] != "content-length" for name, _ in added)
    return headers.get_all(b"content-length") == original.get_all(b"content-length")


def _with_length(headers: Headers, length: bytes | None) -> Headers:
    headers = headers.without(b"content-length")
    return headers if length is None else headers.added((b"Content-Length", length))


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
