"""What a function returned → status, headers and body for the client.

An object with `statusCode` says them itself. Anything else is the body: an object, list, number or
boolean as compact JSON, a string as it is. Payload format 1.0 infers nothing.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", response payload format;
API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, cast

from edgegw.awslambda.http_events.model import PayloadFormat
from edgegw.awslambda.payload import decode_payload, encode_payload, excerpt, no_json
from edgegw.http.grammar import TEXT_TOKEN, TEXT_VALUE_CONTROL
from edgegw.http.message import Header
from edgegw.values import value

JSON_TYPE: Final = b"application/json"
STATUS_RANGE: Final = (200, 599)
"""Statuses that reach a client. AWS takes those from 100 on; as the last answer to a request none
below 200 can be sent, so here they are refused.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", response payload format.
"""


class ResultError(Exception):
    """Why a result is none that a client can get: a sentence for the developer."""


@value
class HttpResult:
    """What a function says; `is_inferred` without `statusCode`. `lines` are its own headers."""

    status: int
    lines: list[Header]
    content: bytes
    is_inferred: bool = False


def decode_result(payload: bytes, payload_format: PayloadFormat) -> HttpResult:
    """The result that `payload` stands for. Raises ResultError.

    Source: Lambda Developer Guide, "Invoking Lambda function URLs", response payload format.
    """
    try:
        answer = decode_payload(payload)
    except ValueError:
        raise ResultError(no_json(payload)) from None
    if isinstance(answer, Mapping) and "statusCode" in answer:
        return _explicit(cast("Mapping[str, Any]", answer), payload_format)
    if payload_format == "1.0":
        shown = excerpt(answer, 60)
        raise ResultError(f"payload 1.0 takes an object with statusCode, and infers none: {shown}")
    content = answer.encode() if isinstance(answer, str) else encode_payload(answer)
    return HttpResult(200, [], content, is_inferred=True)


def decode_metadata(prelude: bytes) -> HttpResult:
    """Status and headers of a streamed answer. Raises ResultError.

    Source: Lambda Developer Guide, "Response streaming for Lambda functions", custom metadata.
    """
    try:
        metadata = decode_payload(prelude or b"{}")
    except ValueError:
        raise ResultError(f"the metadata of the stream is no JSON: {prelude[:60]!r}") from None
    if not isinstance(metadata, Mapping):
        raise ResultError(f"the metadata of the stream is no object: {excerpt(metadata, 60)}")
    given = cast("Mapping[str, Any]", metadata)
    return _explicit({"statusCode": 200, **given, "body": ""}, "2.0")


def _explicit(answer: Mapping[str, Any], payload_format: PayloadFormat) -> HttpResult:
    lines: list[Header] = []
    if payload_format == "1.0":
        lines += _multi_value_lines(answer)
    for line in _single_lines(answer):
        if line not in lines:  # the same name and value only once
            lines.append(line)
    if payload_format == "2.0":
        lines += _cookies(answer)
    return HttpResult(_status(answer["statusCode"]), lines, _content(answer))


def _status(given: object) -> int:
    """Digits in a string count as a number (uncertain)."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) == 3:
        given = int(given)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise ResultError(f"statusCode must be a number such as 200; it is {excerpt(given, 60)}")
    least, most = STATUS_RANGE
    if not least <= given <= most:
        raise ResultError(f"statusCode must lie between {least} and {most}; it is {given}")
    return given


def _single_lines(answer: Mapping[str, Any]) -> list[Header]:
    lines: list[Header] = []
    for name, given in _mapping(answer, "headers").items():
        text = _header_text(f"headers.{name}", given)
        if text is not None:
            lines.append(_line("headers", name, text))
    return lines


def _multi_value_lines(answer: Mapping[str, Any]) -> list[Header]:
    lines: list[Header] = []
    for name, given in _mapping(answer, "multiValueHeaders").items():
        if not isinstance(given, list):
            raise ResultError(f"multiValueHeaders.{name} must be a list of strings")
        for item in cast("list[object]", given):
            text = _header_text(f"multiValueHeaders.{name}", item)
            if text is not None:
                lines.append(_line("multiValueHeaders", name, text))
    return lines


def _mapping(answer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    given = answer.get(key)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ResultError(f"{key} must be an object; it is {excerpt(given, 60)}")
    return cast("Mapping[str, Any]", given)


def _header_text(place: str, given: object) -> str | None:
    """The value of a header: numbers and booleans as text, null for no header (uncertain)."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, bool | int | float):
        return excerpt(given, 60)
    raise ResultError(f"{place} must be a string; it is {excerpt(given, 60)}")


def _line(key: str, name: str, text: str) -> Header:
    if not TEXT_TOKEN.fullmatch(name):
        raise ResultError(f"{key}: {excerpt(name, 60)} is no valid header name")
    if TEXT_VALUE_CONTROL.search(text):
        raise ResultError(f"{key}.{name} must not contain control characters")
    return name.encode(), text.encode("utf-8", "replace")


def _cookies(answer: Mapping[str, Any]) -> list[Header]:
    given = answer.get("cookies")
    if given is None:
        return []
    if not isinstance(given, list):
        raise ResultError(f"cookies must be a list of strings; it is {excerpt(given, 60)}")
    lines: list[Header] = []
    for cookie in cast("list[object]", given):
        if not isinstance(cookie, str):
            raise ResultError(f"cookies must be a list of strings; one is {excerpt(cookie, 60)}")
        lines.append(_line("cookies", "Set-Cookie", cookie))
    return lines


def _content(answer: Mapping[str, Any]) -> bytes:
    """The body's bytes; what is no string goes as JSON (uncertain)."""
    body, flag = answer.get("body"), answer.get("isBase64Encoded")
    if flag is not None and not isinstance(flag, bool):
        raise ResultError(f"isBase64Encoded must be true or false; it is {excerpt(flag, 60)}")
    if body is None:
        return b""
    if not isinstance(body, str):
        return encode_payload(body)
    if not flag:
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise ResultError("body is no valid base64 although isBase64Encoded is true") from None
