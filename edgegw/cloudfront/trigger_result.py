"""What a function returned → what CloudFront goes on with, or the rules that it breaks.

Source: CloudFront Developer Guide, "Work with requests and responses".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias, cast

from edgegw.cloudfront.edge_rule import Violation
from edgegw.cloudfront.header_rules import Accepted, Line, accepted_headers, encode_lines
from edgegw.cloudfront.model import CustomOrigin, Origin, S3Origin
from edgegw.cloudfront.origin_rules import (
    check_host,
    check_origin,
    check_own_headers,
    custom_headers,
)
from edgegw.cloudfront.rule_table import (
    KEPT_CONTENT_ENCODING,
    VIEWER_REQUEST_ORIGIN,
    VIEWER_RESPONSE_BODY,
)
from edgegw.cloudfront.trigger_event import ShownEvent, header_name
from edgegw.cloudfront.trigger_rules import (
    REQUEST_FIELDS,
    RESPONSE_FIELDS,
    check_fields,
    check_response_size,
    check_target,
    check_unchanged,
    checked_description,
    checked_no_content,
    checked_status,
    decoded_body,
    parsed_result,
    replaced_body,
)
from edgegw.cloudfront.triggers import Trigger
from edgegw.cloudfront.validator import Validator
from edgegw.http.message import Body, Header, Headers, Request, Response
from edgegw.http.target import RequestTarget, to_text
from edgegw.values import value

Violations: TypeAlias = tuple[Violation, ...]


@value
class InvalidResult:
    """CloudFront refuses the result: the first violation is the one its page names."""

    violations: Violations

    @property
    def first(self) -> Violation:
        return next(each for each in self.violations if each.is_refused)


@value
class ContinuedRequest:
    """The request to go on with; `origin` is the one to use (origin-request only)."""

    request: Request
    origin: Origin | None = None
    warnings: Violations = ()


@value
class GeneratedResponse:
    """A generated response, before CloudFront adds its own headers."""

    status: int
    reason: bytes
    headers: Headers
    content: bytes
    warnings: Violations = ()


@value
class ContinuedResponse:
    """The response to go on with."""

    response: Response
    warnings: Violations = ()


def decode_request_result(
    payload: bytes, sent: ShownEvent
) -> ContinuedRequest | GeneratedResponse | InvalidResult:
    """What a request trigger's answer means: the request to go on with, or a generated response.

    Values that the function left alone keep the viewer's original bytes.
    """
    validator = Validator(sent.trigger, sent.strictness)
    if payload == sent.text:
        return _unchanged_request(validator, sent)
    result = parsed_result(validator, payload)
    if result is None:
        return InvalidResult(tuple(validator.violations))
    if "status" in result:
        return _generated(validator, result, sent)
    return _continued(validator, result, sent)


def _unchanged_request(validator: Validator, sent: ShownEvent) -> ContinuedRequest | InvalidResult:
    """The function returned what it was given: only what a viewer can do wrong is left to judge."""
    request = sent.request
    uri, query = to_text(request.target.path), to_text(request.target.query or b"")
    check_target(validator, uri, query)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    request = request.sent(_target(uri, query, request.target), request.headers)
    return ContinuedRequest(request, sent.origin, tuple(validator.violations))


def _continued(
    validator: Validator, result: Mapping[str, Any], sent: ShownEvent
) -> ContinuedRequest | InvalidResult:
    request = sent.request
    check_fields(validator, result, REQUEST_FIELDS)
    body = replaced_body(validator, result.get("body"), sent.body_fields)
    headers = _headers(validator, result.get("headers"), sent, request.headers)
    uri, query = result.get("uri"), result.get("querystring", "")
    check_target(validator, uri, query)
    check_unchanged(validator, result, request.method, request.client.address)
    origin = _origin(validator, result, sent)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    target = _target(str(uri), str(query), request.target)
    request = request.sent(target, headers)
    if body is not None:
        request = _with_body(request, body)
    return ContinuedRequest(request, origin, tuple(validator.violations))


def _headers(
    validator: Validator, returned: object, sent: ShownEvent, original: Headers
) -> Headers:
    """The returned headers as lines; the very ones received where nothing was changed."""
    if returned == sent.headers:
        return original
    if original.base is not None:  # made for this request alone, as are results for them
        return _changed_headers(validator, returned, sent, original)
    remembered = original.derived(sent.strictness, _no_results)
    earlier = remembered.get(sent.trigger)
    if earlier is not None and earlier.is_of(returned):
        return earlier.headers
    before = len(validator.violations)
    headers = _changed_headers(validator, returned, sent, original)
    if isinstance(returned, dict) and len(validator.violations) == before:
        remembered[sent.trigger] = _Result(cast("dict[str, object]", returned), headers)
    return headers


@value
class _Result:
    """A headers object that a function returned, and the headers to go on with."""

    fields: Mapping[str, object]
    headers: Headers

    def is_of(self, returned: object) -> bool:
        """Whether `returned` says the same: in the same order too, as it is that of the lines."""
        return returned == self.fields and list(cast("dict[str, object]", returned)) == list(
            self.fields
        )


def _no_results(_headers: Headers) -> dict[Trigger, _Result]:
    """Room for what a function made of headers last, and what became of that, by trigger.

    Functions mostly do the same to the same headers; only what broke no rule stays here.
    """
    return {}


def _changed_headers(
    validator: Validator, returned: object, sent: ShownEvent, original: Headers
) -> Headers:
    accepted = accepted_headers(validator, returned, sent.headers)
    count = len(sent.headers)
    if [name for name, changed in accepted[:count] if changed is None] == list(sent.headers):
        return original.added(*_lines(accepted[count:], {}))
    hidden: list[Header] = []
    received: dict[str, list[Header]] = {}
    for line in original.raw:
        _, lower, is_hidden = header_name(line[0])
        if is_hidden:
            hidden.append(line)
        elif lower in received:
            received[lower].append(line)
        else:
            received[lower] = [line]
    return Headers([*_lines(accepted, received), *hidden])


def _lines(accepted: Accepted, received: Mapping[str, list[Header]]) -> list[Header]:
    lines: list[Header] = []
    for name, changed in accepted:
        lines += received.get(name, ()) if changed is None else encode_lines(changed)
    return lines


def _target(uri: str, query: str, original: RequestTarget) -> RequestTarget:
    path = original.path
    if uri != to_text(path):
        path = uri.encode("utf-8", "replace")
    if query == to_text(original.query or b""):
        is_same = path is original.path and original.authority is None
        return original if is_same else RequestTarget(path, original.query)
    return RequestTarget(path, query.encode("utf-8", "replace") if query else None)


def _with_body(request: Request, content: bytes) -> Request:
    """`request` with its body replaced; Content-Length is CloudFront's to compute."""
    headers = request.headers.without(b"transfer-encoding", b"content-length")
    headers = headers.added((b"Content-Length", str(len(content)).encode()))
    return replace(request, headers=headers, body=Body.of(content))


def _origin(validator: Validator, result: Mapping[str, Any], sent: ShownEvent) -> Origin | None:
    shown = sent.origin_fields
    if sent.origin is None or shown is None:
        if result.get("origin") is not None:
            expected = "change the origin at origin-request"
            validator.note(VIEWER_REQUEST_ORIGIN, "origin", result["origin"], expected)
        return None
    returned = result.get("origin", shown)
    if returned == shown:
        return sent.origin
    if check_origin(validator, returned, sent.origin.domain_name) is None:
        return None
    returned = cast("Mapping[str, Mapping[str, Any]]", returned)
    lines = custom_headers(validator, returned)
    headers = result.get("headers")
    check_own_headers(validator, returned, headers)
    host = cast("Mapping[str, object]", headers).get("host") if isinstance(headers, dict) else None
    is_host_kept = host is not None and host == sent.headers.get("host")
    check_host(validator, cast("Mapping[str, Any]", shown), returned, is_host_kept=is_host_kept)
    return None if validator.refuses else decode_origin(returned, sent.origin, lines)


def decode_origin(
    origin: Mapping[str, Mapping[str, Any]], configured: Origin | None, lines: list[Line]
) -> Origin:
    """A checked `origin` object; connection attempts and time-out stay as configured.

    Fields that were left out get CloudFront's defaults.
    """
    kind, fields = next(iter(origin.items()))
    own = tuple(encode_lines(lines))
    completion: float | None = fields.get("responseCompletionTimeout") or None
    if kind == "s3":
        bucket = configured if isinstance(configured, S3Origin) else S3Origin("")
        return S3Origin(
            fields["domainName"],
            fields.get("path", ""),
            own,
            fields.get("authMethod", "none"),
            fields.get("region") or "",
            fields.get("readTimeout"),
            completion,
            bucket.is_signed,
            bucket.name if fields["domainName"] == bucket.domain_name else "",
        )
    kept = configured if isinstance(configured, CustomOrigin) else CustomOrigin("", 0, "http")
    is_kept = fields["domainName"] == kept.domain_name
    protocol = fields.get("protocol") or ("https" if fields.get("port") == 443 else "http")
    port = int(fields.get("port") or (443 if protocol == "https" else 80))
    return CustomOrigin(
        fields["domainName"],
        port,
        protocol,
        fields.get("path", ""),
        own,
        fields.get("readTimeout", kept.read_timeout),
        fields.get("keepaliveTimeout", kept.keepalive_timeout),
        completion,
        tuple(cast("list[str]", fields.get("sslProtocols", list(kept.ssl_protocols)))),
        kept.connection_attempts,
        kept.connection_timeout,
        kept.verify or not (is_kept and port == kept.port),
        kept.name if is_kept else "",
    )


def _generated(
    validator: Validator, result: Mapping[str, Any], sent: ShownEvent
) -> GeneratedResponse | InvalidResult:
    check_fields(validator, result, RESPONSE_FIELDS)
    status = checked_status(validator, result["status"])
    reason = checked_description(validator, result.get("statusDescription"))
    # Nothing of a generated response was sent, so every read-only header in it is an added one.
    headers = Headers(_lines(accepted_headers(validator, result.get("headers"), {}), {}))
    content = _content(validator, result, headers.size())
    content = checked_no_content(validator, status, content)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    return GeneratedResponse(
        status, reason.encode("utf-8", "replace"), headers, content, tuple(validator.violations)
    )


def _content(validator: Validator, result: Mapping[str, Any], headers: int) -> bytes:
    """The body of a response; `headers` are the bytes of its header lines."""
    body, encoding = result.get("body", ""), result.get("bodyEncoding", "text")
    content = decoded_body(validator, body, encoding, "body", "bodyEncoding")
    if content is None:
        return b""
    check_response_size(validator, content, body, headers)
    return content


def decode_response_result(payload: bytes, sent: ShownEvent) -> ContinuedResponse | InvalidResult:
    """The response to go on with, out of a response trigger's answer.

    The origin's body goes on unless origin-response gives one; Content-Length is always the body's.
    """
    original = cast("Response", sent.response)
    validator = Validator(sent.trigger, sent.strictness)
    result = parsed_result(validator, payload)
    if result is None:
        return InvalidResult(tuple(validator.violations))
    check_fields(validator, result, RESPONSE_FIELDS)
    unchanged = original.status if sent.trigger == "viewer-response" else None
    status = checked_status(validator, result.get("status"), unchanged=unchanged)
    description = checked_description(validator, result.get("statusDescription"))
    headers = _headers(validator, result.get("headers"), sent, original.headers)
    content = _replaced_response_body(validator, result, headers)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    is_same = description == to_text(original.reason)
    reason = original.reason if is_same else description.encode("utf-8", "replace")
    body = original.body
    if content is not None:
        body = Body.of(content)
        headers = _with_length(headers, str(len(content)).encode())
    elif not _keeps_length(headers, original.headers):
        headers = _with_length(headers, original.headers.get(b"content-length"))
    return ContinuedResponse(Response(status, reason, headers, body), tuple(validator.violations))


def _keeps_length(headers: Headers, original: Headers) -> bool:
    """Whether `headers` are the original ones, or longer by lines that are no Content-Length."""
    if headers is original:
        return True
    if headers.base is not original:
        return False
    added = headers.raw[-headers.more :]
    return all(name.lower() != b"content-length" for name, _ in added)


def _with_length(headers: Headers, length: bytes | None) -> Headers:
    """`headers` with the Content-Length that the body has, whatever the function wrote."""
    if headers.get(b"content-length") == length:
        return headers
    headers = headers.without(b"content-length")
    return headers if length is None else headers.added((b"Content-Length", length))


def _replaced_response_body(
    validator: Validator, result: Mapping[str, Any], headers: Headers
) -> bytes | None:
    if "body" not in result:
        return None
    if validator.trigger == "viewer-response":
        expected = "leave body out, or set it at origin-response"
        validator.note(VIEWER_RESPONSE_BODY, "body", result["body"], expected)
        return None
    content = _content(validator, result, headers.size())
    coding = headers.get(b"content-encoding")
    if content and coding is not None and result.get("bodyEncoding", "text") == "text":
        expected = "delete headers['content-encoding'], the new body is not compressed"
        validator.note(KEPT_CONTENT_ENCODING, "headers.content-encoding", to_text(coding), expected)
    return content
