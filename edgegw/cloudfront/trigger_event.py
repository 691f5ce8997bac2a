"""The JSON of the four Lambda@Edge events.

An event is put together from pieces of JSON: what is the same for every event of a distribution is
encoded once, and so are headers that come again (`ShownHeaders`). A test holds the pieces to what
the whole, encoded at once, would be.
Source: CloudFront Developer Guide, "Lambda@Edge event structure".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import Final

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.header_rules import EventHeaders, is_disallowed
from edgegw.cloudfront.model import Distribution, Origin, S3Origin
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS, Strictness
from edgegw.cloudfront.triggers import Trigger
from edgegw.http.message import Header, Headers, Request, Response
from edgegw.http.target import to_text
from edgegw.values import value


@value
class ShownBody:
    """The part of a request body that a function sees: the first bytes of it."""

    content: bytes
    truncated: bool


@value
class ShownEvent:
    """What an event showed, kept to judge the answer against it.

    `headers`, `origin_fields` and `body_fields` are the JSON values themselves, `text` is the JSON
    of the whole request or response, where it was this program that wrote it.
    """

    trigger: Trigger
    request: Request
    headers: EventHeaders
    origin: Origin | None = None
    origin_fields: Mapping[str, object] | None = None
    body_fields: Mapping[str, object] | None = None
    response: Response | None = None
    strictness: Strictness = DEFAULT_STRICTNESS
    text: bytes = field(default=b"", compare=False, repr=False)


@value
class ShownHeaders:
    """A headers object of an event, as a JSON value (never to be changed) and as its text."""

    fields: EventHeaders
    text: bytes


def _shown_headers(headers: Headers) -> ShownHeaders:
    """`headers` as events show them; worked out once for headers that come again."""
    return headers.derived(_shown_headers, _show)


def _show(headers: Headers) -> ShownHeaders:
    if headers.base is not None:
        lines = headers.raw[-headers.more :]
        longer = _show_longer(_shown_headers(headers.base), lines)
        if longer is not None:
            return longer
    fields = encode_headers(headers)
    return ShownHeaders(fields, encode_payload(fields))


def _show_longer(shown: ShownHeaders, lines: tuple[Header, ...]) -> ShownHeaders | None:
    """What `shown` becomes with `lines` behind; None where one stands among its entries."""
    more = encode_headers(Headers(lines))
    if not more:
        return shown
    if not shown.fields or not shown.fields.keys().isdisjoint(more):
        return None
    text = b"%b,%b" % (shown.text[:-1], encode_payload(more)[1:])
    return ShownHeaders({**shown.fields, **more}, text)


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


_KNOWN_NAMES: Final[dict[bytes, bytes]] = {
    name.lower(): name
    for name in (
        b"Accept-Encoding",
        b"Cache-Control",
        b"Cookie",
        b"Host",
        b"Origin",
        b"Pragma",
        b"Referer",
        b"Sec-Fetch-Dest",
        b"Sec-Fetch-Mode",
        b"Sec-Fetch-Site",
        b"Sec-Fetch-User",
        b"User-Agent",
        b"Via",
        b"X-Forwarded-For",
    )
}
"""Names that events spell in CloudFront's own way where HTTP/2 or 3 brought them in lower case.

`accept`, `accept-language`, `content-type`, `if-none-match` and whatever CloudFront does not know
stay as they came. Cookie, Pragma, Sec-Fetch-User, Via and X-Forwarded-For are uncertain.
Source: CloudFront Developer Guide, "Lambda@Edge event structure" (its viewer-request example), and
recorded events.
"""


def spelled_headers(request: Request) -> Headers:
    """The headers of `request` as events spell them, whatever version of HTTP brought them."""
    return request.headers if request.http_version < "2" else _recased(request.headers)


def _recased(headers: Headers) -> Headers:
    return headers.derived(_recased, _recase)


def _recase(headers: Headers) -> Headers:
    lines = headers.raw if headers.base is None else headers.raw[-headers.more :]
    lines = tuple([(_KNOWN_NAMES.get(name, name), content) for name, content in lines])
    return Headers(lines) if headers.base is None else _recased(headers.base).added(*lines)


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
) -> tuple[bytes, ShownEvent]:
    """The event of `viewer-request` or `origin-request` as JSON bytes, and what it showed.

    `origin` is shown at origin-request only, `body` where the association includes it.
    """
    fields = None if origin is None else encode_origin(origin)
    body_fields = None if body is None else _body_fields(body)
    shown = _shown_headers(spelled_headers(request))
    text = _request_text(request, shown, fields, body_fields)
    payload = b'%b,"request":%b}}]}' % (_beginning(distribution, trigger, request_id), text)
    strictness = distribution.strictness
    sent = ShownEvent(
        trigger,
        request,
        shown.fields,
        origin,
        fields,
        body_fields,
        strictness=strictness,
        text=text,
    )
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
) -> tuple[bytes, ShownEvent]:
    """The event of `origin-response` or `viewer-response` as JSON bytes, and what it showed."""
    headers = _shown_headers(response.headers)
    fields = None if origin is None else encode_origin(origin)
    rest = {"status": str(response.status), "statusDescription": to_text(response.reason)}
    text = b'{"headers":%b,%b' % (headers.text, encode_payload(rest)[1:])
    payload = b'%b,"request":%b,"response":%b}}]}' % (
        _beginning(distribution, trigger, request_id),
        _request_text(request, _shown_headers(spelled_headers(request)), fields, None),
        text,
    )
    strictness, shown = distribution.strictness, headers.fields
    sent = ShownEvent(
        trigger, request, shown, origin, response=response, strictness=strictness, text=text
    )
    return payload, sent


def _beginning(distribution: Distribution, trigger: Trigger, request_id: str) -> bytes:
    """An event up to the end of its `config`."""
    same = _same_for_all(distribution.domain_name, distribution.id, trigger)
    return b'%b,"requestId":%b}' % (same, encode_payload(request_id))


@lru_cache(maxsize=256)
def _same_for_all(domain_name: str, distribution_id: str, trigger: Trigger) -> bytes:
    config = {
        "distributionDomainName": domain_name,
        "distributionId": distribution_id,
        "eventType": trigger,
    }
    return b'{"Records":[{"cf":{"config":%b' % encode_payload(config)[:-1]


def _request_text(
    request: Request,
    shown: ShownHeaders,
    origin: Mapping[str, object] | None,
    body: Mapping[str, object] | None,
) -> bytes:
    """The `request` object of an event as JSON, with `origin` and `body` where it has them."""
    rest: dict[str, object] = {
        "method": request.method,
        "querystring": to_text(request.target.query or b""),
        "uri": to_text(request.target.path),
    }
    if origin is not None:
        rest["origin"] = origin
    if body is not None:
        rest["body"] = body
    return b'{"clientIp":%b,"headers":%b,%b' % (
        encode_payload(request.client.address),
        shown.text,
        encode_payload(rest)[1:],
    )


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
