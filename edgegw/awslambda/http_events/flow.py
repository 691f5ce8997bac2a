"""What a function URL and an HTTP API decide, step by step (`steps`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from edgegw.awslambda.http_events.answers import (
    preflight,
    refuse,
    response_of,
    streamed,
    unstreamed,
)
from edgegw.awslambda.http_events.context import HttpContext, HttpFacts
from edgegw.awslambda.http_events.cors import is_preflight
from edgegw.awslambda.http_events.event import encode_event
from edgegw.awslambda.http_events.event_v1 import encode_event_v1
from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.awslambda.http_events.pages import MAX_HEAD, HttpFault
from edgegw.awslambda.http_events.result import (
    ResultError,
    decode_result,
)
from edgegw.awslambda.http_events.routes import find_route
from edgegw.awslambda.http_events.signature import (
    Credentials,
    SignatureError,
    check_signature,
    is_signed,
)
from edgegw.awslambda.http_events.steps import (
    BrokenStream,
    HttpAnswer,
    HttpReply,
    HttpStep,
    IntegrationTimeout,
    InvokeHttp,
    ReadHttpBody,
    StreamedReply,
)
from edgegw.awslambda.lifecycle import MAX_PAYLOAD
from edgegw.awslambda.model import (
    FunctionError,
    Invocation,
    InvokeRefusal,
    Returned,
    Throttled,
)
from edgegw.awslambda.permissions import API_GATEWAY, EVERYBODY
from edgegw.http.message import Body, Request

MAX_PASSED_BODY: Final = MAX_PAYLOAD
"""Bytes of a request body that a function can get at all: the event around it counts as well.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", error codes.
"""


def after_body(step: ReadHttpBody, content: bytes, *, truncated: bool) -> InvokeHttp | HttpAnswer:
    """What follows once the body is there: the function, unless it must not be invoked."""
    context, front = step.context, step.context.front
    if truncated:
        detail = f"the request body exceeds {step.limit} bytes: no event can hold it"
        return refuse(context, "TooLarge", detail)
    if isinstance(front, HttpApi):
        timeout = None if context.match is None else context.match.route.timeout
        return InvokeHttp(_invocation(context, content), context, timeout=timeout)
    if front.auth_type == "AWS_IAM":
        now = context.facts.now
        try:
            signer = check_signature(step.request, content, step.keys, front.region, now)
        except SignatureError as error:
            return refuse(context, "Forbidden", f"{error} (auth_type AWS_IAM)")
        context = replace(context, signer=signer)
    is_streamed = front.invoke_mode == "RESPONSE_STREAM"
    return InvokeHttp(_invocation(context, content), context, is_streamed=is_streamed)


def after_reply(step: InvokeHttp, reply: HttpReply) -> HttpAnswer:
    """The answer that the function's makes."""
    context = step.context
    match reply:
        case StreamedReply():
            return streamed(context, reply)
        case BrokenStream():
            return refuse(context, "InvalidResponse", reply.detail)
        case IntegrationTimeout():
            detail = f"the function did not answer within {step.timeout:g} s"
            return refuse(context, "Timeout", detail)
        case Throttled():
            detail = f"{reply.reason}: {reply.detail}"
            return refuse(context, "Throttled", detail, reply.reason)
        case InvokeRefusal():
            return refuse(context, _refusal_fault(reply), f"{reply.code}: {reply.message}")
        case FunctionError():
            return refuse(context, "FunctionError", f"{reply.error_type}: {reply.message}")
        case Returned():
            return unstreamed(context, reply.payload) if step.is_streamed else _judged(step, reply)


def _judged(step: InvokeHttp, outcome: Returned) -> HttpAnswer:
    context, match = step.context, step.context.match
    try:
        result = decode_result(outcome.payload, "2.0" if match is None else match.route.payload)
    except ResultError as error:
        return refuse(context, "InvalidResponse", str(error))
    return HttpAnswer(response_of(context, result, Body.of(result.content)), context)


def start_url(
    url: FunctionUrl, request: Request, facts: HttpFacts, keys: Sequence[Credentials] = ()
) -> HttpStep:
    """One request begins its way through a function URL; `keys` may sign.

    A Host that is neither its own nor of this machine is some other URL's; a distribution is held
    to its own, as one that forwards the viewer's Host gets nothing on AWS.
    Source: Lambda Developer Guide, "Control access to Lambda function URLs".
    """
    context = HttpContext(front=url, request=request, facts=facts)
    if context.foreign_host is not None:
        return _of_another(context, context.foreign_host)
    if url.cors is not None and is_preflight(request):
        return preflight(context, 200)
    if url.auth_type == "AWS_IAM" and not is_signed(request):
        return refuse(context, "Forbidden", "the request is not signed (auth_type AWS_IAM)")
    return ReadHttpBody(request, context, MAX_PASSED_BODY, keys)


def _of_another(context: HttpContext, host: str) -> HttpAnswer:
    detail = f"the Host is {host!r}, and this front door is {context.front.domain}"
    return refuse(context, "UnknownHost", detail + _REMEDY[context.facts.is_exact])


_REMEDY: Final = {
    True: ": the distribution forwards the viewer's Host; the origin request policy "
    "AllViewerExceptHostHeader keeps it back",
    False: "; `accept_any_host: true` under `gateway` lets any in",
}


def start_api(api: HttpApi, request: Request, facts: HttpFacts) -> HttpStep:
    """One request begins its way through an HTTP API.

    Source: API Gateway Developer Guide, "Create routes for HTTP APIs", "Configure CORS for HTTP
    APIs": a preflight is answered whatever routes there are.
    """
    context = HttpContext(front=api, request=request, facts=facts)
    if context.foreign_host is not None:
        return _of_another(context, context.foreign_host)
    if request.target.size + request.headers.size() > MAX_HEAD:
        detail = f"request line and headers exceed {MAX_HEAD} bytes"
        return refuse(context, "HeadersTooLarge", detail)
    if api.cors is not None and is_preflight(request):
        return preflight(context, 204)
    match = find_route(api, request.method, request.target.path)
    if match is None:
        return refuse(context, "NoRoute", _no_route(api, request))
    return ReadHttpBody(request, replace(context, match=match), MAX_PASSED_BODY)


def _no_route(api: HttpApi, request: Request) -> str:
    known = ", ".join(repr(route.key) for route in api.routes) or "none"
    path = request.target.path.decode("latin-1")
    return f"no route takes {request.method} {path} (routes: {known})"


def _invocation(context: HttpContext, content: bytes) -> Invocation:
    front, match = context.front, context.match
    if isinstance(front, FunctionUrl):
        principal = EVERYBODY if context.signer is None else ""
        return Invocation(
            front.function,
            encode_event(context, content),
            context.trace_id,
            principal=principal,
            request_id=context.facts.request_id,
        )
    assert match is not None
    route = match.route
    encode = encode_event if route.payload == "2.0" else encode_event_v1
    arn = f"arn:aws:execute-api:{front.region}:{front.account_id}:{front.api_id}"
    source = f"{arn}/{match.stage}/{route.method or '*'}{route.path if route.segments else '/*'}"
    return Invocation(
        route.function,
        encode(context, content),
        context.trace_id,
        principal=API_GATEWAY,
        source_arn=source,
    )


_FAULTS: Final[dict[str, HttpFault]] = {
    "AccessDeniedException": "Forbidden",
    "ResourceNotFoundException": "Forbidden",
    "RequestTooLargeException": "TooLarge",
}
"""Lambda's error codes as faults; a function that is gone is as one that nobody may call.

Source: recorded answers.
"""


def _refusal_fault(refusal: InvokeRefusal) -> HttpFault:
    return _FAULTS.get(refusal.code, "Fault")
