"""The JSON of the four Lambda@Edge events, both directions.

Source: CloudFront Developer Guide, "Lambda@Edge event structure".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.cloudfront.model import CustomOrigin, Distribution, Origin, S3Origin, Trigger
from edgegw.cloudfront.origin_rules import check_origin, check_own_headers
from edgegw.cloudfront.trigger_rules import (
    BODY_LIMIT,
    Breach,
    EventHeaders,
    bad_body,
    check_description,
    check_headers,
    check_method,
    check_object,
    check_status,
    check_target,
    entry_values,
    is_disallowed,
    status_number,
    unparseable,
)
from edgegw.http.message import Body, Header, Headers, Request, Response
from edgegw.http.target import Target, to_text


@dataclass(frozen=True, slots=True)
class ShownBody:
    """The part of a request body that a function sees: the first bytes of it."""

    content: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """What an event showed, kept to judge the answer against it."""

    trigger: Trigger
    request: Request
    headers: EventHeaders
    origin: Origin | None = None
    origin_fields: Mapping[str, object] | None = None
    body: ShownBody | None = None
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated response, before CloudFront adds its own headers."""

    status: int
    reason: bytes
    headers: Headers
    content: bytes


def encode_headers(headers: Headers) -> dict[str, list[dict[str, str]]]:
    """Headers as events show them: lower-case name → entries; disallowed ones are hidden."""
    shown: dict[str, list[dict[str, str]]] = {}
    for name, value in headers.raw:
        key, lower, is_hidden = _names.get(name) or _learn_name(name)
        if is_hidden:
            continue
        try:
            entry = {"key": key, "value": value.decode()}
        except UnicodeDecodeError:
            entry = {"key": key, "value": value.decode("latin-1")}
        if lower in shown:
            shown[lower].append(entry)
        else:
            shown[lower] = [entry]
    return shown


_names: Final[dict[bytes, tuple[str, str, bool]]] = {}
"""Header names met so far: as text, in lower case, and whether functions never see them."""

_REMEMBERED: Final = 1000


def _learn_name(name: bytes) -> tuple[str, str, bool]:
    key = to_text(name)
    lower = key.lower()
    known = (key, lower, is_disallowed(lower))
    if len(_names) < _REMEMBERED:
        _names[name] = known
    return known


def encode_request_event(
    distribution: Distribution,
    trigger: Trigger,
    request_id: str,
    request: Request,
    *,
    origin: Origin | None = None,
    body: ShownBody | None = None,
) -> tuple[bytes, Sent]:
    """The event of `viewer-request` or `origin-request` as JSON bytes, and what it showed.

    `origin` is shown at origin-request only, `body` where the association includes it.
    """
    headers = encode_headers(request.headers)
    shown = _request_fields(request, headers)
    fields = None if origin is None else encode_origin(origin)
    if fields is not None:
        shown["origin"] = fields
    if body is not None:
        shown["body"] = {
            "inputTruncated": body.truncated,
            "action": "read-only",
            "encoding": "base64",
            "data": base64.b64encode(body.content).decode(),
        }
    payload = encode_payload(_event(distribution, trigger, request_id, {"request": shown}))
    return payload, Sent(trigger, request, headers, origin, fields, body)


def encode_response_event(
    distribution: Distribution,
    trigger: Trigger,
    request_id: str,
    request: Request,
    response: Response,
    *,
    origin: Origin | None = None,
) -> tuple[bytes, Sent]:
    """The event of `origin-response` or `viewer-response` as JSON bytes, and what it showed."""
    headers = encode_headers(response.headers)
    shown = _request_fields(request, encode_headers(request.headers))
    if origin is not None:
        shown["origin"] = encode_origin(origin)
    answer = {
        "headers": headers,
        "status": str(response.status),
        "statusDescription": to_text(response.reason),
    }
    parts = {"request": shown, "response": answer}
    payload = encode_payload(_event(distribution, trigger, request_id, parts))
    return payload, Sent(trigger, request, headers, origin, response=response)


def _event(
    distribution: Distribution, trigger: Trigger, request_id: str, parts: Mapping[str, object]
) -> dict[str, object]:
    config = {
        "distributionDomainName": distribution.domain_name,
        "distributionId": distribution.id,
        "eventType": trigger,
        "requestId": request_id,
    }
    return {"Records": [{"cf": {"config": config, **parts}}]}


def _request_fields(request: Request, headers: EventHeaders) -> dict[str, object]:
    return {
        "clientIp": request.client.address,
        "headers": headers,
        "method": request.method,
        "querystring": to_text(request.target.query or b""),
        "uri": to_text(request.target.path),
    }


def encode_origin(origin: Origin) -> dict[str, object]:
    """The `origin` object; optional fields stand in it only where they are set."""
    fields: dict[str, object] = {
        "customHeaders": encode_headers(Headers(origin.custom_headers)),
        "domainName": origin.domain_name,
        "path": origin.path,
    }
    if origin.response_completion_timeout is not None:
        fields["responseCompletionTimeout"] = _seconds(origin.response_completion_timeout)
    if isinstance(origin, S3Origin):
        if origin.read_timeout is not None:
            fields["readTimeout"] = _seconds(origin.read_timeout)
        fields |= {"authMethod": origin.auth_method, "region": origin.region}
        return {"s3": fields}
    fields |= {
        "keepaliveTimeout": _seconds(origin.keepalive_timeout),
        "port": origin.port,
        "protocol": origin.protocol,
        "readTimeout": _seconds(origin.read_timeout),
        "sslProtocols": list(origin.ssl_protocols),
    }
    return {"custom": fields}


def _seconds(value: float) -> float:
    return int(value) if value == int(value) else value


def decode_request_result(
    payload: bytes, sent: Sent
) -> tuple[Request, Origin | None] | Generated | Breach:
    """What a request trigger's answer means: the request to go on with, or a generated response.

    With the request comes the origin to use (origin-request only). Values that the function left
    alone keep the viewer's original bytes.
    """
    try:
        result = decode_payload(payload)
    except ValueError:
        return unparseable(payload)
    breach = check_object(result)
    if breach is not None:
        return breach
    result = cast("Mapping[str, Any]", result)
    if "status" in result:
        return _decode_generated(result, sent)
    return _decode_request(result, sent)


def _decode_request(
    result: Mapping[str, Any], sent: Sent
) -> tuple[Request, Origin | None] | Breach:
    headers = _decode_headers(result.get("headers"), sent, sent.request.headers)
    if isinstance(headers, Breach):
        return headers
    uri, query = result.get("uri"), result.get("querystring", "")
    breach = check_target(uri, query) or check_method(result, sent.request.method)
    if breach is not None:
        return breach
    body = _decode_body(result, sent)
    if isinstance(body, Breach):
        return body
    request = sent.request._replace(
        headers=headers, target=_decode_target(str(uri), query, sent.request.target)
    )
    if body is not None:
        request = _with_body(request, body)
    return _with_origin(result, request, sent)


def _decode_headers(found: object, sent: Sent, original: Headers) -> Headers | Breach:
    """The returned headers as lines; the very ones received where nothing was changed."""
    if found == sent.headers:
        return original
    breach = check_headers(found, sent.headers, sent.trigger)
    if breach is not None:
        return breach
    lines: list[Header] = []
    hidden: list[Header] = []
    received: dict[str, list[Header]] = {}
    for line in original.raw:
        _, lower, is_hidden = _names.get(line[0]) or _learn_name(line[0])
        if is_hidden:
            hidden.append(line)
        elif lower in received:
            received[lower].append(line)
        else:
            received[lower] = [line]
    shown = sent.headers
    for name, entries in cast("EventHeaders", found or {}).items():
        if shown.get(name) == entries:
            lines += received[name]
        else:
            lines += _decode_lines(name, entries)
    return Headers(lines + hidden)


def _decode_lines(name: str, entries: list[dict[str, str]]) -> list[Header]:
    """The lines of one checked entry; a missing `key` is the name, each part capitalised."""
    lines: list[Header] = []
    for entry in entries:
        key = entry.get("key") or "-".join(part.capitalize() for part in name.split("-"))
        raw = key.encode("utf-8", "replace")
        values = cast("list[str]", entry_values([entry]))
        lines += [(raw, value.encode("utf-8", "replace")) for value in values]
    return lines


def _all_lines(found: EventHeaders | None) -> list[Header]:
    """The lines of a checked headers object that nothing was sent of."""
    return [
        line for name, entries in (found or {}).items() for line in _decode_lines(name, entries)
    ]


def _decode_target(uri: str, query: str, original: Target) -> Target:
    path = original.path
    if uri != to_text(path):
        path = uri.encode("utf-8", "replace")
    if query == to_text(original.query or b""):
        return Target(path, original.query)
    return Target(path, query.encode("utf-8", "replace") if query else None)


def _decode_body(result: Mapping[str, Any], sent: Sent) -> bytes | Breach | None:
    """The replaced body, or None to go on with the original one."""
    if sent.body is None or result.get("body") is None:
        return None
    body = result["body"]
    if not isinstance(body, Mapping):
        return bad_body(body, "a request's body must be an object")
    body = cast("Mapping[str, Any]", body)
    action = body.get("action", "read-only")
    if action not in ("read-only", "replace"):
        return bad_body(action, "action must be read-only or replace", "body.action")
    if action == "read-only":
        return None
    return _decode_content(body.get("data", ""), body.get("encoding", "base64"), sent, "body.data")


def _decode_content(data: object, encoding: object, sent: Sent, path: str) -> bytes | Breach:
    if not isinstance(data, str):
        return bad_body(data, "it must be a string", path)
    if encoding not in ("text", "base64"):
        return bad_body(encoding, "the encoding must be text or base64", path)
    content = data.encode("utf-8", "replace")
    if encoding == "base64":
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            return bad_body(data, "it is no valid base64; set the encoding to text?", path)
    limit = BODY_LIMIT[sent.trigger]
    if len(content) > limit:
        return bad_body(f"{len(content)} bytes", f"at {sent.trigger} at most {limit}", path)
    return content


def _with_body(request: Request, content: bytes) -> Request:
    """`request` with its body replaced; Content-Length is CloudFront's to compute."""
    headers = request.headers.without(b"transfer-encoding", b"content-length")
    headers = headers.added((b"Content-Length", str(len(content)).encode()))
    return request._replace(headers=headers, body=Body.of(content))


def _with_origin(
    result: Mapping[str, Any], request: Request, sent: Sent
) -> tuple[Request, Origin | None] | Breach:
    if sent.origin is None or sent.origin_fields is None:
        return request, None
    found = result.get("origin", sent.origin_fields)
    if found == sent.origin_fields:
        return request, sent.origin
    breach = check_origin(found) or check_own_headers(found, result.get("headers"))
    if breach is not None:
        return breach
    return request, decode_origin(cast("Mapping[str, Mapping[str, Any]]", found), sent.origin)


def decode_origin(found: Mapping[str, Mapping[str, Any]], configured: Origin) -> Origin:
    """A checked `origin` object; connection attempts and time-out stay as configured."""
    kind, fields = next(iter(found.items()))
    lines = tuple(_all_lines(cast("EventHeaders", fields.get("customHeaders", {}))))
    completion: float | None = fields.get("responseCompletionTimeout") or None
    if kind == "s3":
        return S3Origin(
            fields["domainName"],
            fields.get("path", ""),
            lines,
            fields.get("authMethod", "none"),
            fields.get("region", ""),
            fields.get("readTimeout"),
            completion,
        )
    kept: Any = configured if isinstance(configured, CustomOrigin) else CustomOrigin("", 0, "http")
    return CustomOrigin(
        fields["domainName"],
        fields["port"],
        fields["protocol"],
        fields.get("path", ""),
        lines,
        fields.get("readTimeout", kept.read_timeout),
        fields.get("keepaliveTimeout", kept.keepalive_timeout),
        completion,
        tuple(cast("list[str]", fields.get("sslProtocols", []))),
        kept.connection_attempts,
        kept.connection_timeout,
    )


def _decode_generated(result: Mapping[str, Any], sent: Sent) -> Generated | Breach:
    status, description = result["status"], result.get("statusDescription")
    breach = check_status(status) or check_description(description)
    if breach is not None:
        return breach
    number = cast("int", status_number(status))
    # Nothing of a generated response was sent, so every read-only header in it is an added one.
    breach = check_headers(result.get("headers"), {}, sent.trigger)
    if breach is not None:
        return breach
    lines = _all_lines(cast("EventHeaders | None", result.get("headers")))
    content = _decode_content(
        result.get("body", ""), result.get("bodyEncoding", "text"), sent, "body"
    )
    if isinstance(content, Breach):
        return content
    limit = BODY_LIMIT[sent.trigger]
    if len(content) + Headers(lines).size() > limit:
        return bad_body(f"{len(content)} bytes", f"headers and body together at most {limit}")
    if number == _NO_CONTENT and content and sent.trigger == "viewer-request":
        return bad_body(f"{len(content)} bytes", "a response with status 204 has no body")
    reason = b"" if description is None else description.encode("utf-8", "replace")
    return Generated(number, reason, Headers(lines), content)


_NO_CONTENT: Final = 204


def decode_response_result(payload: bytes, sent: Sent) -> Response | Breach:
    """The response to go on with, out of a response trigger's answer.

    The origin's body goes on unless origin-response gives one; its Content-Length is then computed.
    """
    original = cast("Response", sent.response)
    try:
        result = decode_payload(payload)
    except ValueError:
        return unparseable(payload)
    breach = check_object(result)
    if breach is not None:
        return breach
    result = cast("Mapping[str, Any]", result)
    status, description = result.get("status"), result.get("statusDescription")
    unchanged = original.status if sent.trigger == "viewer-response" else None
    breach = check_status(status, unchanged=unchanged) or check_description(description)
    if breach is not None:
        return breach
    headers = _decode_headers(result.get("headers"), sent, original.headers)
    if isinstance(headers, Breach):
        return headers
    reason = original.reason if description == to_text(original.reason) else None
    if reason is None:
        reason = (description or "").encode("utf-8", "replace")
    response = Response(cast("int", status_number(status)), reason, headers, original.body)
    return _with_response_body(result, response, sent)


def _with_response_body(
    result: Mapping[str, Any], response: Response, sent: Sent
) -> Response | Breach:
    if "body" not in result:
        return response
    if sent.trigger == "viewer-response":
        return bad_body(result["body"], "viewer-response cannot set a body, origin-response can")
    content = _decode_content(result["body"], result.get("bodyEncoding", "text"), sent, "body")
    if isinstance(content, Breach):
        return content
    headers = response.headers.without(b"content-length")
    headers = headers.added((b"Content-Length", str(len(content)).encode()))
    return response._replace(headers=headers, body=Body.of(content))
