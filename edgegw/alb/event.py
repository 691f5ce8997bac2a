"""The JSON between a load balancer and its Lambda target, both directions.

Source: ELB User Guide for ALB, "Use Lambda functions as targets of an Application Load Balancer".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final, TypeAlias, cast

from edgegw.alb.answers import SERVER
from edgegw.alb.model import LambdaTargetGroup
from edgegw.alb.target_connection import USER_AGENT
from edgegw.awslambda.payload import decode_payload, encode_payload, excerpt, no_json
from edgegw.http.grammar import TEXT_VALUE_CONTROL, TOKEN
from edgegw.http.message import HOP_BY_HOP, Body, Header, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.http.target import query_pairs
from edgegw.values import value

MAX_BODY: Final = 1024 * 1024
"""Bytes of a request body, and of a function's whole answer.

Source: ELB User Guide for ALB, "Use Lambda functions as targets of an Application Load Balancer",
limits.
"""

_TEXT_TYPES: Final = frozenset({b"application/json", b"application/javascript", b"application/xml"})
"""Media types beside text/* whose bodies reach a function as they are, not in base64.

Source: ELB User Guide for ALB, "Use Lambda functions as targets of an Application Load Balancer",
receive events.
"""


@value
class BalancerRefusal:
    """Why the load balancer answers itself.

    `status` is what the client sees, `reason` the access log's `error_reason`, `detail` a sentence
    for the developer: where, what was found, what would be right.
    """

    status: int
    reason: str
    detail: str


def encode_event(
    request: Request, body: bytes, group: LambdaTargetGroup
) -> bytes | BalancerRefusal:
    """The event for `request` as JSON bytes, keys in the order AWS sends them.

    Header names and query keys come sorted by byte; values keep their order of arrival. Without
    multi-value headers the last value of a name wins. Query strings are not decoded.
    """
    encoded = is_base64(request, body)
    try:
        text = base64.b64encode(body).decode() if encoded else body.decode("utf-8")
        headers = _header_pairs(request.headers)
        query = _query_pairs(request.target.query or b"")
        path = request.target.path.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"the request is not valid UTF-8 (byte {error.start})"
        return BalancerRefusal(400, "LambdaBadRequest", detail)
    return encode_payload(
        _event(group, request.method, path, query, headers, body=text, is_base64=encoded)
    )


def encode_health_check(group: LambdaTargetGroup, path: str) -> bytes:
    """The event of a health check: `user-agent` is its only header; a query in `path` is split."""
    headers = [("user-agent", USER_AGENT.decode())]
    path, _, rest = path.partition("?")
    pairs = [(key.decode(), value.decode()) for key, value in query_pairs(rest.encode())]
    query = sorted(pairs, key=_FIRST)
    return encode_payload(_event(group, "GET", path, query, headers, body="", is_base64=False))


def _event(
    group: LambdaTargetGroup,
    method: str,
    path: str,
    query: _Pairs,
    headers: _Pairs,
    *,
    body: str,
    is_base64: bool,
) -> dict[str, object]:
    event: dict[str, object] = {
        "requestContext": {"elb": {"targetGroupArn": group.arn}},
        "httpMethod": method,
        "path": path,
    }
    if group.multi_value_headers:
        event["multiValueQueryStringParameters"] = _grouped(query)
        event["multiValueHeaders"] = _grouped(headers)
    else:
        event["queryStringParameters"] = dict(query)
        event["headers"] = dict(headers)
    event["body"] = body
    event["isBase64Encoded"] = is_base64
    return event


def is_base64(request: Request, body: bytes) -> bool:
    """Whether the event carries `body` in base64.

    Yes with a Content-Encoding, no for text types, yes for the rest. An empty body over HTTP/1 is
    flagged false; over HTTP/2 recordings show the flag of the rule (AWS documents neither).
    """
    if not body and request.http_version < "2":
        return False
    if request.headers.get(b"content-encoding") is not None:
        return True
    kind = (request.headers.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    return not (kind.startswith(b"text/") or kind in _TEXT_TYPES)


_Pairs: TypeAlias = list[tuple[str, str]]
"""Names and values as text, ascending by name; values of one name in order of arrival.

Text in order of its characters is in order of its UTF-8 bytes as well.
"""

_FIRST: Final = itemgetter(0)


def _header_pairs(headers: Headers) -> _Pairs:
    """The headers for an event. Raises UnicodeDecodeError."""
    return headers.derived(_header_pairs, _sorted_headers)


def _sorted_headers(headers: Headers) -> _Pairs:
    pairs, lines = _Pairs(), headers.raw
    if headers.base is not None:  # what came again, and the little that was added to it
        pairs, lines = _header_pairs(headers.base).copy(), lines[-headers.more :]
    pairs += [(name.lower().decode("utf-8"), value.decode("utf-8")) for name, value in lines]
    pairs.sort(key=_FIRST)
    return pairs


def _query_pairs(query: bytes) -> _Pairs:
    """The query for an event. Raises UnicodeDecodeError."""
    pairs = [
        (key.decode("utf-8"), value.decode("utf-8"))
        for key, value in query_pairs(query.partition(b"#")[0])
        if key
    ]
    pairs.sort(key=_FIRST)
    return pairs


def _grouped(pairs: _Pairs) -> dict[str, list[str]]:
    """Values by name."""
    grouped: dict[str, list[str]] = {}
    for key, text in pairs:
        grouped.setdefault(key, []).append(text)
    return grouped


_DESCRIPTION: Final = re.compile(r"[0-9]{3} (.*)", re.DOTALL)


class _InvalidError(Exception):
    """What is wrong with a function's answer; never leaves this module."""


def decode_response(
    payload: bytes, group: LambdaTargetGroup, *, date: bytes
) -> Response | BalancerRefusal:
    """The response that a function's answer stands for, or why the client gets 502.

    The fields are judged one by one; `docs/load-balancers.md` lists the rules.
    """
    if len(payload) > MAX_BODY:
        detail = f"the answer has {len(payload)} bytes of JSON; at most {MAX_BODY} are allowed"
        return BalancerRefusal(502, "LambdaResponseTooLarge", detail)
    try:
        answer = decode_payload(payload)
    except ValueError:
        return BalancerRefusal(502, "LambdaInvalidResponse", no_json(payload))
    try:
        if not isinstance(answer, Mapping):
            raise _InvalidError(
                f"the answer must be a JSON object, not {_kind(answer)}{_hint(answer)}"
            )
        return _decode(answer, group, date)
    except _InvalidError as error:
        return BalancerRefusal(502, "LambdaInvalidResponse", str(error))


def _hint(answer: object) -> str:
    """What was probably meant by an answer that is no object."""
    if answer is None:
        return ": return one; in Node.js make the handler async or call the callback"
    if isinstance(answer, str) and answer.lstrip().startswith("{"):
        return ": return the object itself, it becomes JSON without json.dumps or JSON.stringify"
    return ""


def _decode(answer: Mapping[str, Any], group: LambdaTargetGroup, date: bytes) -> Response:
    status = answer.get("statusCode")
    if isinstance(status, bool) or not isinstance(status, int):
        found = "it is missing" if "statusCode" not in answer else f"found {_kind(status)}"
        raise _InvalidError(f"statusCode must be an integer such as 200; {found}")
    if not 200 <= status <= 599:
        raise _InvalidError(f"statusCode must lie between 200 and 599; found {status}")
    reason = _reason(answer, status)
    own = _headers(answer, group)
    content = _content(answer)
    lines: list[Header] = []
    names = {name.lower() for name, _ in own}
    if b"server" not in names:
        lines.append((b"Server", SERVER))
    if b"date" not in names:
        lines.append((b"Date", date))
    if b"content-type" not in names:
        lines.append((b"Content-Type", b"application/octet-stream"))
    if status == 204:
        content = b""
    else:
        lines.append((b"Content-Length", str(len(content)).encode()))
    lines.append((b"Connection", b"keep-alive"))
    body = Body.of(b"" if status == 304 else content)
    return Response(status, reason, Headers([*lines, *own]), body)


def _reason(answer: Mapping[str, Any], status: int) -> bytes:
    if "statusDescription" not in answer:
        return reason_phrase(status)
    description = answer["statusDescription"]
    if not isinstance(description, str):
        raise _InvalidError(
            f'statusDescription must be a string "200 OK"; found {_kind(description)}'
        )
    match = _DESCRIPTION.fullmatch(description)
    phrase = match[1] if match else description
    if TEXT_VALUE_CONTROL.search(phrase):
        raise _InvalidError("statusDescription must not contain control characters")
    return phrase.encode("utf-8", "replace")


def _headers(answer: Mapping[str, Any], group: LambdaTargetGroup) -> list[Header]:
    for key in ("headers", "multiValueHeaders"):
        if key in answer and not isinstance(answer[key], Mapping):
            raise _InvalidError(f"{key} must be an object; found {_kind(answer[key])}")
    key = "multiValueHeaders" if group.multi_value_headers else "headers"
    given = cast("Mapping[str, Any]", answer.get(key, {}))
    lines: list[Header] = []
    for name, content in given.items():
        values = _values(f"{key}.{name}", content, multi=group.multi_value_headers)
        raw = name.encode("utf-8", "replace")
        if not TOKEN.fullmatch(raw):
            raise _InvalidError(f"{key}: {excerpt(name, 60)} is no valid header name")
        lower = raw.lower()
        if lower not in HOP_BY_HOP and lower != b"content-length":
            lines.extend((raw, each) for each in values)
    return lines


def _values(place: str, value: object, *, multi: bool) -> list[bytes]:
    if multi and not isinstance(value, list):
        raise _InvalidError(f"{place} must be a list of strings; found {_kind(value)}")
    values: list[object] = list(cast("list[object]", value)) if multi else [value]
    for each in values:
        if not isinstance(each, str):
            raise _InvalidError(f"{place} must be a string; found {_kind(each)}")
        if TEXT_VALUE_CONTROL.search(each):
            raise _InvalidError(f"{place} must not contain control characters")
    return [cast("str", each).encode("utf-8", "replace") for each in values]


def _content(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body", "")
    if not isinstance(body, str):
        raise _InvalidError(f"body must be a string; found {_kind(body)}")
    flag = answer.get("isBase64Encoded", False)
    if not isinstance(flag, bool):
        raise _InvalidError(f"isBase64Encoded must be true or false; found {_kind(flag)}")
    if not flag:
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise _InvalidError("body is no valid base64 although isBase64Encoded is true") from None


def _kind(value: object) -> str:
    """`value` as a developer would name its JSON type, with an excerpt of it."""
    if value is None:
        return "null"
    names: dict[type[object], str] = {
        bool: "a boolean",
        str: "a string",
        int: "a number",
        float: "a number",
    }
    kind = type(value)
    name = names.get(kind, "an array" if kind is list else "an object")
    return f"{name} ({excerpt(value, 60)})"
