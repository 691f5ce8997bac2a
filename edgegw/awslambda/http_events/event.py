"""A request as an event of payload format 2.0, and what both formats have in common.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", request payload format;
API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote_to_bytes

from edgegw.awslambda.http_events.context import HttpContext
from edgegw.awslambda.http_events.model import DEFAULT, FunctionUrl, HttpApi
from edgegw.awslambda.http_events.signature import Signer
from edgegw.awslambda.payload import encode_payload
from edgegw.http.message import HOP_BY_HOP, Request, named_by_connection
from edgegw.http.target import query_pairs, to_text
from edgegw.values import value

TEXT_TYPES: Final = frozenset({"application/json", "application/javascript", "application/xml"})
"""Media types beside text/* whose bodies reach a function as they are, not in base64.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", isBase64Encoded, and observed.
"""
TEXT_SUFFIXES: Final = ("+json", "+xml")
"""Ends of media types whose bodies reach a function as they are (inferred).

Source: Lambda Developer Guide, "Invoking Lambda function URLs", isBase64Encoded.
"""
PROTOCOL: Final = "HTTP/1.1"
"""What events name as the protocol, whatever it was.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", request payload format.
"""
_REPLACED: Final = HOP_BY_HOP | {
    b"x-amzn-trace-id",
    b"x-forwarded-for",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-amzn-tls-version",
    b"x-amzn-tls-cipher-suite",
    b"expect",
}
"""Headers of a client that a function does not see, or sees made anew.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", request payload format, and
recorded events.
"""


@value
class EventBody:
    """A body as an event carries it."""

    text: str
    is_base64: bool


def event_body(request: Request, body: bytes) -> EventBody:
    """Text as it is, everything else in base64: also no content type, and forms.

    What calls itself text and is no UTF-8 goes in base64 as well (inferred).
    Source: Lambda Developer Guide, "Invoking Lambda function URLs", isBase64Encoded, and observed.
    """
    if not body:
        return EventBody("", is_base64=False)
    if _is_text(request):
        try:
            return EventBody(body.decode("utf-8"), is_base64=False)
        except UnicodeDecodeError:
            pass
    return EventBody(base64.b64encode(body).decode(), is_base64=True)


def _is_text(request: Request) -> bool:
    given = (request.headers.get(b"content-type") or b"").decode("latin-1")
    kind = given.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in TEXT_TYPES or kind.endswith(TEXT_SUFFIXES)


def event_headers(context: HttpContext) -> list[tuple[str, str]]:
    """The headers of an event: names in lower case, sorted, repeats behind one another.

    Source: Lambda Developer Guide, "Invoking Lambda function URLs", request payload format, and
    recorded events.
    """
    request, facts = context.request, context.facts
    dropped = _REPLACED | named_by_connection(request.headers)
    if context.signer is not None:
        dropped |= {b"authorization"}
    lines = [
        (name.lower().decode("latin-1"), to_text(text))
        for name, text in request.headers.raw
        if name.lower() not in dropped
    ]
    came = [to_text(text) for text in request.headers.get_all(b"x-forwarded-for")]
    lines += [
        ("x-amzn-trace-id", context.trace_root),
        ("x-forwarded-for", ", ".join([*came, request.client.address])),
        ("x-forwarded-port", str(facts.port)),
        ("x-forwarded-proto", request.scheme),
    ]
    if request.tls is not None and isinstance(context.front, FunctionUrl):
        lines.append(("x-amzn-tls-version", request.tls.protocol))
        lines.append(("x-amzn-tls-cipher-suite", request.tls.cipher))
    if isinstance(context.front, HttpApi) and b"content-length" not in request.headers:
        lines.append(("content-length", "0"))  # recorded events have it, without a body too
    lines.sort(key=lambda line: line[0])
    return lines


def query_parameters(query: bytes) -> list[tuple[str, str]]:
    """Names and values of a query, decoded, `+` as a blank; in order of arrival."""
    return [(_unquoted(name), _unquoted(text)) for name, text in query_pairs(query) if name]


def _unquoted(raw: bytes) -> str:
    return to_text(unquote_to_bytes(raw.replace(b"+", b" ")))


def shown_path(context: HttpContext) -> str:
    """The path as events have it: as it came at a function URL, decoded at an HTTP API.

    An HTTP API leaves an encoded slash and an encoded percent sign as they are.
    Source: recorded events.
    """
    path = context.request.target.path
    if isinstance(context.front, FunctionUrl):
        return to_text(path)
    pieces = [_decoded_piece(piece) for piece in path.split(b"/")]
    return to_text(b"/".join(pieces))


def _decoded_piece(piece: bytes) -> bytes:
    if b"%" not in piece:
        return piece
    kept = piece.replace(b"%25", b"%2525")
    for slash in (b"%2F", b"%2f"):
        kept = kept.replace(slash, b"%25" + slash[1:])
    return unquote_to_bytes(kept)


def shown_time(now: float) -> str:
    """`20/Nov/2026:21:42:09 +0000`."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def encode_event(context: HttpContext, body: bytes) -> bytes:
    """The event of payload format 2.0 as JSON, keys in AWS's order; what is not there is left out.

    Source: Lambda Developer Guide, "Invoking Lambda function URLs", request payload format;
    API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
    """
    request, front, match = context.request, context.front, context.match
    is_url = isinstance(front, FunctionUrl)
    query = request.target.query or b""
    headers = event_headers(context)
    content = event_body(request, body)
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": DEFAULT if match is None else match.route.key,
        "rawPath": shown_path(context),
        "rawQueryString": to_text(query),
    }
    cookies = _cookies(request)
    if cookies:
        event["cookies"] = cookies
    if not is_url:
        headers = [line for line in headers if line[0] != "cookie"]
    event["headers"] = _joined(headers)
    if query and (parameters := query_parameters(query)):
        event["queryStringParameters"] = _joined(parameters)
    event["requestContext"] = _request_context(context)
    if match is not None and match.parameters:
        event["pathParameters"] = match.parameters
    if content.text:
        event["body"] = content.text
    event["isBase64Encoded"] = content.is_base64
    if isinstance(front, HttpApi) and match is not None and front.stages[match.stage]:
        event["stageVariables"] = front.stages[match.stage]
    return encode_payload(event)


def _cookies(request: Request) -> list[str]:
    return [
        cookie.strip()
        for line in request.headers.get_all(b"cookie")
        for cookie in to_text(line).split(";")
        if cookie.strip()
    ]


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values of one name with commas between them; those of `cookie` with `; ` (RFC 9113)."""
    joined: dict[str, str] = {}
    for name, text in pairs:
        mark = "; " if name == "cookie" else ","
        joined[name] = f"{joined[name]}{mark}{text}" if name in joined else text
    return joined


def _request_context(context: HttpContext) -> dict[str, object]:
    request, front, facts = context.request, context.front, context.facts
    match = context.match
    values: dict[str, object] = {"accountId": _account(context)}
    values["apiId"] = front.domain.partition(".")[0]
    if context.signer is not None:
        values["authorizer"] = {"iam": iam_identity(context.signer, front.account_id)}
    values |= {
        "domainName": front.domain,
        "domainPrefix": front.domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": shown_path(context),
            "protocol": PROTOCOL,
            "sourceIp": request.client.address,
            "userAgent": user_agent(request),
        },
        "requestId": facts.request_id,
        "routeKey": DEFAULT if match is None else match.route.key,
        "stage": DEFAULT if match is None else match.stage,
        "time": shown_time(facts.now),
        "timeEpoch": int(facts.now * 1000),
    }
    return values


def _account(context: HttpContext) -> str:
    """A function URL names who asks: nobody, unless the request is signed (observed)."""
    is_anonymous = isinstance(context.front, FunctionUrl) and context.signer is None
    return "anonymous" if is_anonymous else context.front.account_id


def iam_identity(signer: Signer, account_id: str) -> Mapping[str, object]:
    """Who signed: the role that functions here run with.

    Source: Lambda Developer Guide, "Invoking Lambda function URLs", request payload format.
    """
    caller = "AROAEDGEGW0NOTREAL00:edgegw"
    return {
        "accessKey": signer.access_key,
        "accountId": account_id,
        "callerId": caller,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:sts::{account_id}:assumed-role/edgegw/edgegw",
        "userId": caller,
    }


def user_agent(request: Request) -> str:
    return to_text(request.headers.get(b"user-agent") or b"")
