"""Errors as runtimes report them: the body they post, headers, and trailers behind a stream.

Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes"; details as AWS's
emulator has them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final, cast

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.payload import as_text, decode_payload, encode_payload
from edgegw.awslambda.runtime_api_messages import ApiRequest

_ERROR_TYPE: Final = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def error_body(kind: str, message: str) -> bytes:
    """What a caller sees of an error that nobody has put into words."""
    return encode_payload({"errorType": kind, "errorMessage": message})


def handler_error(request: ApiRequest) -> ErrorObject:
    """The error of the handler that a request reports."""
    body, content_type = request.body, request.headers.get("content-type", "")
    if content_type == "application/vnd.aws.lambda.error.cause+json":
        found = _mapping(body)
        body = encode_payload(
            {key: found[key] for key in ("errorMessage", "errorType") if key in found}
        )
    return reported_error(body, request.headers, "Function.Unknown")


def reported_error(body: bytes, headers: Mapping[str, str], unknown: str) -> ErrorObject:
    """An error object as the runtime posted it; the caller sees it byte for byte."""
    found = _mapping(body)
    named = headers.get("lambda-runtime-function-error-type", "")
    if named and not _ERROR_TYPE.fullmatch(named):
        named = unknown
    kind = as_text(found.get("errorType") or named or unknown)
    return ErrorObject(kind, as_text(found.get("errorMessage", "")), body or error_body(kind, ""))


def _mapping(body: bytes) -> Mapping[str, object]:
    try:
        found = decode_payload(body)
    except ValueError:
        return {}
    return cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {}


def trailing_error(trailers: Mapping[str, str]) -> ErrorObject | None:
    """The error that a streaming runtime announces behind its last chunk."""
    kind = trailers.get("lambda-runtime-function-error-type")
    if kind is None:
        return None
    try:
        body = base64.b64decode(trailers.get("lambda-runtime-function-error-body", ""))
    except (binascii.Error, ValueError):
        body = b""
    return ErrorObject(kind, as_text(_mapping(body).get("errorMessage", "")), body)
