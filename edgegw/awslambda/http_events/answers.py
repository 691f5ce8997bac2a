"""The answers of function URLs and HTTP APIs: a function's, streamed or whole, and their own."""

from __future__ import annotations

from typing import Final

from edgegw.awslambda.http_events import cors
from edgegw.awslambda.http_events.context import HttpContext
from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.awslambda.http_events.pages import HttpFault, front_door_page
from edgegw.awslambda.http_events.result import JSON_TYPE, HttpResult, ResultError, decode_metadata
from edgegw.awslambda.http_events.steps import HttpAnswer, HttpRefusal, StreamedReply
from edgegw.awslambda.lineage import first_lineage
from edgegw.awslambda.names import Account
from edgegw.http.grammar import CONTROL
from edgegw.http.message import EMPTY, HOP_BY_HOP, Body, Header, Headers, Response
from edgegw.http.status import reason_phrase

STREAM_TYPE: Final = b"application/octet-stream"
"""The content type of a stream that names none.

Source: Lambda Developer Guide, "Response streaming for Lambda functions".
"""
REMAPPED: Final = HOP_BY_HOP | {b"date", b"www-authenticate", b"x-amzn-requestid"}
"""Headers of a function that a function URL passes on as `x-amzn-remapped-…` (from memory).

Source: Lambda Developer Guide, "Invoking Lambda function URLs".
"""


def refuse(context: HttpContext, fault: HttpFault, detail: str, reason: str = "") -> HttpAnswer:
    """The front door's own answer."""
    page = front_door_page(context.front, fault, reason)
    lines: list[Header] = [(b"Content-Type", page.content_type), *page.lines]
    response = _assembled(context, page.status, lines, Body.of(page.content))
    return HttpAnswer(response, context, HttpRefusal(fault, detail))


def preflight(context: HttpContext, status: int) -> HttpAnswer:
    rules = context.front.cors
    assert rules is not None
    lines = cors.preflight_lines(rules, context.request)
    response = _assembled(context, status, lines, EMPTY, is_decorated=True)
    return HttpAnswer(response, context, is_preflight=True)


def response_of(context: HttpContext, result: HttpResult, body: Body) -> Response:
    """The client's answer: the function's headers, with what may not pass taken out."""
    lines: list[Header] = []
    is_url, rules = isinstance(context.front, FunctionUrl), context.front.cors
    for name, text in result.lines:
        lower = name.lower()
        if lower == b"content-length":
            continue
        if is_url and lower in REMAPPED:
            lines.append((b"x-amzn-Remapped-" + name, text))
        elif lower in HOP_BY_HOP or (not is_url and lower == b"date"):
            continue
        elif is_url or rules is None or lower not in cors.ACCESS_CONTROL:
            lines.append((name, text))
    names = {name.lower() for name, _ in lines}
    if b"content-type" not in names:
        lines.insert(0, (b"Content-Type", _default_type(context, result)))
    return _assembled(context, result.status, lines, body)


def _default_type(context: HttpContext, result: HttpResult) -> bytes:
    """JSON, but for explicit answers of an HTTP API (from memory)."""
    if isinstance(context.front, HttpApi) and not result.is_inferred:
        return b"text/plain;charset=UTF-8"
    return JSON_TYPE


def streamed(context: HttpContext, reply: StreamedReply) -> HttpAnswer:
    """A stream with a prelude says its status; one without is a 200 with the type it names."""
    if reply.prelude is None:
        result = HttpResult(200, [(b"Content-Type", _visible(reply.content_type))], b"")
    else:
        try:
            result = decode_metadata(reply.prelude)
        except ResultError as error:
            if reply.body.release is not None:
                reply.body.release()
            return refuse(context, "InvalidResponse", str(error))
        names = {name.lower() for name, _ in result.lines}
        if b"content-type" not in names:
            result.lines.insert(0, (b"Content-Type", STREAM_TYPE))
    return HttpAnswer(response_of(context, result, reply.body), context)


def _visible(content_type: str) -> bytes:
    raw = content_type.encode("latin-1", "replace")
    return raw if raw and not CONTROL.search(raw) else STREAM_TYPE


def unstreamed(context: HttpContext, payload: bytes) -> HttpAnswer:
    """A function that returns where its URL streams: the client gets its result (uncertain).

    Source: Lambda Developer Guide, "Response streaming for Lambda functions".
    """
    result = HttpResult(200, [(b"Content-Type", JSON_TYPE)], payload)
    response = response_of(context, result, Body.of(payload))
    warning = (
        "the function returned its answer, it did not stream it: with RESPONSE_STREAM the client "
        "gets the result itself as JSON"
    )
    return HttpAnswer(response, context, warning=warning)


def _assembled(
    context: HttpContext,
    status: int,
    own: list[Header],
    body: Body,
    *,
    is_decorated: bool = False,
) -> Response:
    """A response with the headers that every answer has, and those of CORS."""
    facts, front = context.facts, context.front
    lines: list[Header] = [(b"Date", facts.date)]
    if body.length is not None and status not in (204, 304):
        lines.append((b"Content-Length", str(body.length).encode()))
    lines.append((b"Connection", b"keep-alive"))
    if isinstance(front, FunctionUrl):
        arn = Account(front.region, front.account_id).arn(front.function.name)
        parent = f"Parent={facts.entropy[:16]};Sampled=0;{first_lineage(arn)}"
        trace = f"{context.trace_root};{parent}"
        lines.append((b"x-amzn-RequestId", facts.request_id.encode()))
        lines.append((b"X-Amzn-Trace-Id", trace.encode("latin-1")))
    else:
        lines.append((b"Apigw-Requestid", facts.request_id.encode()))
    if front.cors is not None and not is_decorated:
        own = [*own, *cors.answer_lines(front.cors, context.request)]
    if status in (204, 304):
        body = EMPTY
    return Response(status, reason_phrase(status), Headers([*lines, *own]), body)
