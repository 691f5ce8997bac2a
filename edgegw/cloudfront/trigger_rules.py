"""What CloudFront accepts of a function's answer: its shape, target, status and bodies.

Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge", "Work with requests and
responses", "Include body".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from edgegw.awslambda.payload import decode_payload, no_json
from edgegw.cloudfront.header_rules import has_control
from edgegw.cloudfront.rule_table import (
    BODY_ACTION,
    BODY_BASE64,
    BODY_EDIT_IGNORED,
    BODY_ENCODING,
    BODY_SIZE,
    BODY_STRING,
    CLIENT_IP,
    METHOD,
    NO_CONTENT,
    NOT_JSON,
    NOT_OBJECT,
    ORIGIN_NO_CONTENT,
    QUERYSTRING,
    REQUEST_BODY,
    RESPONSE_SIZE,
    STATUS,
    STATUS_DESCRIPTION,
    TRUNCATED_BODY,
    UNKNOWN_FIELD,
    URI,
    URL_LENGTH,
    VIEWER_RESPONSE_STATUS,
    WHOLE_EVENT,
)
from edgegw.cloudfront.validator import Description, Validator, step_into
from edgegw.http.grammar import TEXT_NOT_IN_TARGET

BODY_LIMIT: Final[Mapping[str, int]] = {
    "viewer-request": 40 * 1024,
    "origin-request": 1024 * 1024,
    "origin-response": 1024 * 1024,
    "viewer-response": 40 * 1024,
}
"""Bytes of a body shown to, or returned by, a function at each trigger.

Source: CloudFront Developer Guide, "Quotas", quotas on Lambda@Edge.
"""

URL_TOO_LONG: Final = 8192
"""Characters of `uri` and `querystring` together that are too many.

Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge", URI and query string.
"""
REQUEST_FIELDS: Final = frozenset(
    {"clientIp", "method", "uri", "querystring", "headers", "body", "origin"}
)
"""Fields of a request that CloudFront knows.

Source: CloudFront Developer Guide, "Lambda@Edge event structure", request fields.
"""
RESPONSE_FIELDS: Final = frozenset(
    {"status", "statusDescription", "headers", "body", "bodyEncoding"}
)
"""Fields of a response that CloudFront knows.

Source: CloudFront Developer Guide, "Lambda@Edge event structure", response fields, and "Generate
HTTP responses".
"""
_NO_CONTENT: Final = 204
_SHAPE: Final = "return event['Records'][0]['cf']['request'] (or 'response')"


def parsed_result(validator: Validator, payload: bytes) -> Mapping[str, Any] | None:
    """The result as an object; None when it is none."""
    try:
        result = decode_payload(payload)
    except ValueError:
        validator.note(NOT_JSON, "", Description(no_json(payload)), "return what JSON can express")
        return None
    if not isinstance(result, dict):
        expected = _SHAPE
        if result is None:
            expected += "; in Node.js make the handler async or call the callback"
        validator.note(NOT_OBJECT, "", result, expected)
        return None
    if "Records" in result:
        validator.note(WHOLE_EVENT, "", Description("the whole event"), _SHAPE)
        return None
    return cast("Mapping[str, Any]", result)


def check_fields(validator: Validator, result: Mapping[str, Any], known: frozenset[str]) -> None:
    """Notes fields that CloudFront does not know, with the nearest one that it does."""
    if result.keys() <= known:
        return
    import difflib  # needed for mistakes only

    for name in result:
        if name in known:
            continue
        if name in ("statusCode", "isBase64Encoded", "multiValueHeaders"):
            expected = (
                "this is the shape of API Gateway and load balancers; at the edge write status, "
                "bodyEncoding, and headers as arrays"
            )
        elif near := difflib.get_close_matches(name, known, 1):
            expected = f"did you mean {near[0]}?"
        else:
            expected = f"leave it out; there are: {', '.join(sorted(known))}"
        validator.note(UNKNOWN_FIELD, step_into("", name), name, expected)


def check_target(validator: Validator, uri: object, querystring: object) -> None:
    """`uri` starts with `/`; neither holds blanks or control characters; together < 8,192."""
    if not isinstance(uri, str) or not uri.startswith("/") or TEXT_NOT_IN_TARGET.search(uri):
        expected = "write a path that starts with / and is percent-encoded"
        validator.note(URI, "uri", uri, expected)
    if (
        not isinstance(querystring, str)
        or TEXT_NOT_IN_TARGET.search(querystring)
        or "#" in querystring
    ):
        validator.note(
            QUERYSTRING, "querystring", querystring, "percent-encode it; without one, ''"
        )
    if isinstance(uri, str) and isinstance(querystring, str):
        length = len(uri) + len(querystring)
        if length >= URL_TOO_LONG:
            validator.note(
                URL_LENGTH, "uri", Description(f"{length} characters"), f"stay under {URL_TOO_LONG}"
            )


def check_unchanged(
    validator: Validator, result: Mapping[str, Any], method: str, client_address: str
) -> None:
    """The method and the viewer's address cannot be changed; leaving them out is fine."""
    found = result.get("method", method)
    if found != method:
        validator.note(METHOD, "method", found, f"leave {method}")
    found = result.get("clientIp", client_address)
    if found != client_address:
        validator.note(CLIENT_IP, "clientIp", found, f"leave {client_address}")


def checked_status(validator: Validator, status: object, *, unchanged: int | None = None) -> int:
    """The status to go on with; at viewer-response it stays `unchanged`."""
    number = status_number(status)
    if number is None:
        validator.note(STATUS, "status", status, "write a status from 200 to 599")
        return unchanged or 0
    if unchanged is not None and number != unchanged:
        validator.note(
            VIEWER_RESPONSE_STATUS,
            "status",
            status,
            f"leave {unchanged}, or change it at origin-response",
        )
        return unchanged
    return number


_STATUS: Final = re.compile(r"[2-5][0-9]{2}")


def status_number(status: object) -> int | None:
    """`status` as an integer from 200 to 599, or None; text is three digits and nothing else."""
    if isinstance(status, str):
        return int(status) if _STATUS.fullmatch(status) else None
    if isinstance(status, bool) or not isinstance(status, (int, float)):
        return None
    try:
        number = int(status)
    except (ValueError, OverflowError):
        return None
    return number if 200 <= number <= 599 and float(status) == number else None


def checked_description(validator: Validator, description: object) -> str:
    """`statusDescription`, empty where none is given."""
    if description is None:
        return ""
    if isinstance(description, str) and not has_control(description):
        return description
    validator.note(
        STATUS_DESCRIPTION, "statusDescription", description, "write a string on one line"
    )
    return ""


def replaced_body(
    validator: Validator, body: object, shown: Mapping[str, object] | None
) -> bytes | None:
    """The body that a request trigger puts in the place of the viewer's; None keeps that one.

    `shown` is the body object of the event, None without include_body.
    """
    if body is None or body == shown:
        return None
    if not isinstance(body, Mapping) or not ("data" in body or "action" in body):
        expected = "a request's body is {action, encoding, data}; a response needs a status"
        validator.note(REQUEST_BODY, "body", cast("object", body), expected)
        return None
    fields = cast("Mapping[str, Any]", body)
    if shown is None:
        expected = "set include_body at the association"
        validator.note(
            BODY_EDIT_IGNORED, "body", Description("a body without include_body"), expected
        )
        return None
    action = fields.get("action", "read-only")
    if action not in ("read-only", "replace"):
        validator.note(BODY_ACTION, "body.action", action, "write replace")
        return None
    if action == "read-only":
        if any(fields.get(name, shown[name]) != shown[name] for name in ("data", "encoding")):
            expected = "set body.action to replace"
            validator.note(BODY_EDIT_IGNORED, "body.action", action, expected)
        return None
    if shown["inputTruncated"]:
        expected = "replace it only when inputTruncated is false"
        validator.note(
            TRUNCATED_BODY, "body", Description("a truncated body was replaced"), expected
        )
    encoding = fields.get("encoding", "base64")
    content = decoded_body(
        validator, fields.get("data", ""), encoding, "body.data", "body.encoding"
    )
    limit = BODY_LIMIT[validator.trigger]
    if content is not None and len(content) > limit:
        validator.note(
            BODY_SIZE, "body.data", Description(f"{len(content)} bytes"), f"at most {limit}"
        )
    return content


def decoded_body(
    validator: Validator, text: object, encoding: object, path: str, encoding_path: str
) -> bytes | None:
    """The bytes of a returned body; None when it is malformed."""
    if encoding not in ("text", "base64"):
        validator.note(BODY_ENCODING, encoding_path, encoding, "write text or base64")
        return None
    if not isinstance(text, str):
        expected = "write a string" + ("; for no body, ''" if text is None else "")
        validator.note(BODY_STRING, path, text, expected)
        return None
    if encoding == "text":
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        validator.note(BODY_BASE64, path, text, f"encode it, or set {encoding_path} to text")
        return None


def check_response_size(validator: Validator, content: bytes, text: object, headers: int) -> None:
    """Body and headers of a response together; `headers` are the bytes of its header lines."""
    body = len(content)
    if validator.strictness.generated_body_size == "encoded" and isinstance(text, str):
        body = len(text.encode("utf-8", "replace"))
    limit = BODY_LIMIT[validator.trigger]
    if body + headers > limit:
        found = Description(f"{body} bytes of body, {headers} of headers")
        validator.note(RESPONSE_SIZE, "body", found, f"together at most {limit}")


def checked_no_content(validator: Validator, status: int, content: bytes) -> bytes:
    """The body of a generated response: none with status 204."""
    if status != _NO_CONTENT or not content:
        return content
    rule = NO_CONTENT if validator.trigger == "viewer-request" else ORIGIN_NO_CONTENT
    validator.note(
        rule, "body", Description(f"{len(content)} bytes"), "leave the body out, or answer 200"
    )
    return b""
