"""The JSON of the four Lambda@Edge events.

Source: CloudFront Developer Guide, "Lambda@Edge event structure".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.header_rules import EventHeaders, is_disallowed
from edgegw.cloudfront.model import Distribution, Origin, S3Origin
from edgegw.cloudfront.stance import DEFAULT_STANCE, Stance
from edgegw.cloudfront.triggers import Trigger
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import to_text
from edgegw.values import value


@value
class ShownBody:
    """The part of a request body that a function sees: the first bytes of it."""

    content: bytes
    truncated: bool


@value
class Sent:
    """What an event showed, kept to judge the answer against it.

    `headers`, `origin_fields` and `body_fields` are the JSON values themselves.
    """

    trigger: Trigger
    request: Request
    headers: EventHeaders
    origin: Origin | None = None
    origin_fields: Mapping[str, object] | None = None
    body_fields: Mapping[str, object] | None = None
    response: Response | None = None
    stance: Stance = DEFAULT_STANCE


def encode_headers(headers: Headers) -> dict[str, list[dict[str, str]]]:
    """Headers as events show them: lower-case name → entries; disallowed ones are hidden."""
    shown: dict[str, list[dict[str, str]]] = {}
    for name, content in headers.raw:
        key, lower, is_hidden = header_name(name)
        if is_hidden:
            continue
        try:
            entry = {"key": key, "value": content.decode()}
        except UnicodeDecodeError:
            entry = {"key": key, "value": content.decode("latin-1")}
        if lower in shown:
            shown[lower].append(entry)
        else:
            shown[lower] = [entry]
    return shown


_names: Final[dict[bytes, tuple[str, str, bool]]] = {}
"""Header names met so far: as text, in lower case, and whether functions never see them."""

_REMEMBERED: Final = 1000


def header_name(name: bytes) -> tuple[str, str, bool]:
    """`name` as text, in lower case, and whether functions never see it."""
    known = _names.get(name)
    if known is None:
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
    body_fields = None if body is None else _body_fields(body)
    if body_fields is not None:
        shown["body"] = body_fields
    payload = encode_payload(_event(distribution, trigger, request_id, {"request": shown}))
    sent = Sent(trigger, request, headers, origin, fields, body_fields, stance=distribution.stance)
    return payload, sent


def _body_fields(body: ShownBody) -> dict[str, object]:
    return {
        "inputTruncated": body.truncated,
        "action": "read-only",
        "encoding": "base64",
        "data": base64.b64encode(body.content).decode(),
    }


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
    sent = Sent(trigger, request, headers, origin, response=response, stance=distribution.stance)
    return payload, sent


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
