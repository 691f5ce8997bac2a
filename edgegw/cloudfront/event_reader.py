"""An event as JSON → what it showed: the way back from `trigger_event`.

For events that come from outside: a file handed to `edgegw validate`, a recorded event in a test.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, cast

from edgegw.cloudfront.header_rules import EventHeaders, encode_lines, header_lines
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.origin_rules import check_origin, custom_headers
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS, Strictness
from edgegw.cloudfront.trigger_event import ShownEvent
from edgegw.cloudfront.trigger_result import decode_origin
from edgegw.cloudfront.trigger_rules import status_number
from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.cloudfront.validator import Validator
from edgegw.http.message import Body, Client, Header, Headers, Request, Response
from edgegw.http.target import RequestTarget


class NotAnEventError(ValueError):
    """The value is no Lambda@Edge event; `str()` says where and what is missing."""


def decode_event(event: object, strictness: Strictness = DEFAULT_STRICTNESS) -> ShownEvent:
    """What `event` showed, fit for judging a result against it.

    Raises NotAnEventError.
    """
    records = _get(event, "Records", list, "")
    if len(records) != 1:
        raise NotAnEventError("Records: an event has exactly one record")
    cf = _get(records[0], "cf", dict, "Records[0]")
    config = _get(cf, "config", dict, "cf")
    trigger = config.get("eventType")
    if trigger not in TRIGGERS:
        raise NotAnEventError(f"cf.config.eventType: one of {', '.join(TRIGGERS)}")
    shown = _get(cf, "request", dict, "cf")
    request, headers = _request(shown)
    origin, fields = _origin(shown, trigger)
    if trigger.endswith("request"):
        body = _body_fields(shown)
        return ShownEvent(trigger, request, headers, origin, fields, body, strictness=strictness)
    response, headers = _response(_get(cf, "response", dict, "cf"))
    return ShownEvent(trigger, request, headers, origin, response=response, strictness=strictness)


def _get(value: object, name: str, kind: type[Any], path: str) -> Any:
    """The item `name` of the mapping `value`, which must be of `kind`."""
    where = f"{path}.{name}" if path else name
    found = cast("Mapping[str, object]", value).get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        what = {dict: "an object", list: "an array", str: "a string"}[kind]
        raise NotAnEventError(f"{where}: {what} is expected here")
    return found


def _headers(shown: Mapping[str, Any], path: str) -> tuple[Headers, EventHeaders]:
    found: dict[str, object] = _get(shown, "headers", dict, path)
    lines: list[Header] = []
    validator = Validator("viewer-request", DEFAULT_STRICTNESS)
    for name, entries in found.items():
        lines += encode_lines(header_lines(validator, name, entries, f"{path}.headers") or [])
    if validator.refuses:
        first = validator.violations[0]
        raise NotAnEventError(f"{first.path}: found {first.actual}; {first.expected}")
    return Headers(lines), cast("EventHeaders", found)


def _request(shown: Mapping[str, Any]) -> tuple[Request, EventHeaders]:
    headers, fields = _headers(shown, "cf.request")
    query = _get(shown, "querystring", str, "cf.request").encode("utf-8", "replace")
    target = RequestTarget(
        _get(shown, "uri", str, "cf.request").encode("utf-8", "replace"), query or None
    )
    client = Client(_get(shown, "clientIp", str, "cf.request"))
    method = _get(shown, "method", str, "cf.request")
    body = Body.of(_content(shown.get("body")))
    return Request(method, target, headers, body, client=client), fields


def _body_fields(shown: Mapping[str, Any]) -> Mapping[str, object] | None:
    body = shown.get("body")
    if body is None:
        return None
    return {"inputTruncated": False, "action": "read-only", "encoding": "base64", **body}


def _content(body: object) -> bytes:
    """The bytes of a body object; events that people write have text as well."""
    if body is None:
        return b""
    data = _get(body, "data", str, "cf.request.body")
    if cast("Mapping[str, object]", body).get("encoding") == "text":
        return data.encode("utf-8", "replace")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise NotAnEventError("cf.request.body.data: base64 is expected here") from None


def _origin(
    shown: Mapping[str, Any], trigger: Trigger
) -> tuple[Origin | None, Mapping[str, object] | None]:
    found = shown.get("origin")
    if found is None:
        if trigger == "origin-request":
            raise NotAnEventError("cf.request.origin: an object is expected here")
        return None, None
    validator = Validator("origin-request", DEFAULT_STRICTNESS)
    if check_origin(validator, found) is not None:
        lines = custom_headers(validator, found)
        if not validator.refuses:
            return decode_origin(found, None, lines), found
    first = next(each for each in validator.violations if each.is_refused)
    raise NotAnEventError(f"cf.request.{first.path}: found {first.actual}; {first.expected}")


def _response(shown: Mapping[str, Any]) -> tuple[Response, EventHeaders]:
    headers, fields = _headers(shown, "cf.response")
    status = status_number(shown.get("status"))
    if status is None:
        raise NotAnEventError("cf.response.status: 200 to 599 is expected here")
    description = shown.get("statusDescription") or ""
    return Response(status, str(description).encode("utf-8", "replace"), headers), fields
