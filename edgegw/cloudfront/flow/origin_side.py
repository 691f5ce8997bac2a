"""The origin's side: what the policies let through, the functions there, failover."""

from __future__ import annotations

from dataclasses import replace

from edgegw.awslambda.model import Invocation
from edgegw.cloudfront.behaviors import MAX_HEADERS, with_default_root_object
from edgegw.cloudfront.cache.conditions import conditional
from edgegw.cloudfront.cache.decision import Revalidate
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.chains import refuse_chain
from edgegw.cloudfront.compression import in_coding
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.flow import error_pages, viewer_side
from edgegw.cloudfront.flow.steps import (
    DistributionStep,
    Fetch,
    IncludeBody,
    OriginRequest,
    OriginResponse,
    Settle,
)
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.request_context import DistributionAnswer, RequestContext
from edgegw.cloudfront.toward_viewer import coding_toward_viewer, decorated_answer
from edgegw.cloudfront.trigger_event import ShownBody, encode_request_event, encode_response_event
from edgegw.cloudfront.trigger_result import ContinuedRequest, ContinuedResponse, GeneratedResponse
from edgegw.cloudfront.trigger_rules import BODY_LIMIT
from edgegw.cloudfront.viewer_access import access_page
from edgegw.http.authority import bracketed
from edgegw.http.message import Request, Response


def to_origin(context: RequestContext) -> DistributionStep:
    """The request as the policies shape it for the origin, to origin-request."""
    refusal = refuse_chain(context.viewer.headers)
    if refusal is not None:
        page = access_page(refusal, context.facts)
        answer = DistributionAnswer(page, context, Verdict.ERROR, refusal)
        return error_pages.or_error_page(decorated_answer(answer))
    viewer = with_default_root_object(context.distribution, context.viewer)
    request = origin_request(context.behavior.forwarding, viewer, context.origin, context.facts)
    asked = context.asked
    if asked is not None and isinstance(asked.decision, Revalidate):
        headers = conditional(request.headers, asked.decision.conditions)
        request = request.sent(request.target, headers)
    association = context.behavior.associations.get("origin-request")
    if association is None:
        return Fetch(context, request, context.origin)
    if viewer_side.shows_body(association, context.distribution, request):
        return IncludeBody("origin-request", context, request, BODY_LIMIT["origin-request"])
    return run_origin_request(context, request, None)


def run_origin_request(
    context: RequestContext, request: Request, body: ShownBody | None
) -> OriginRequest:
    """The origin-request function and what it is shown."""
    association = context.behavior.associations["origin-request"]
    payload, sent = encode_request_event(
        context.distribution,
        "origin-request",
        context.facts.request_id,
        request,
        origin=context.origin,
        body=body,
    )
    return OriginRequest(context, sent, Invocation(association.function, payload))


def after_origin_request(
    context: RequestContext, answer: GeneratedResponse | ContinuedRequest
) -> DistributionStep:
    """The request goes to the origin, or is answered by the function in its stead."""
    context = context.with_warnings("origin-request", answer.warnings)
    if isinstance(answer, ContinuedRequest):
        request, origin = answer.request, answer.origin or context.origin
        if b"host" not in request.headers:  # the function took it away
            host = (b"Host", bracketed(origin.domain_name).encode())
            request = request.sent(request.target, request.headers.added(host))
        return Fetch(context, request, origin)
    response = viewer_side.function_response(answer, context)
    strictness = context.distribution.strictness
    if strictness.failover_after_generated_error == "yes" and _fails_over(context, response.status):
        return _fail_over(context)
    runs = strictness.viewer_response_after_generated_error == "run"
    return _came(context, response, response.status, None, runs_on_error=runs)


def too_large(reply: Response | OriginFailure) -> OriginFailure | None:
    """What a response is whose headers are beyond `MAX_HEADERS`; None for any other."""
    if isinstance(reply, OriginFailure) or reply.headers.size() <= MAX_HEADERS:
        return None
    detail = f"the origin's headers exceed {MAX_HEADERS} bytes"
    return OriginFailure("invalid", detail, is_too_large=True)


def failover_code(reply: Response | OriginFailure) -> int:
    """The code by which an origin group knows what came of a request."""
    reply = too_large(reply) or reply
    return reply.failover_code if isinstance(reply, OriginFailure) else reply.status


def after_fetch(step: Fetch, reply: Response | OriginFailure) -> DistributionStep:
    """What follows from the origin's answer to `step`."""
    context = step.context
    failure = too_large(reply)
    if failure is not None and isinstance(reply, Response):
        error_pages.release(reply)
        reply = failure
    if isinstance(reply, OriginFailure):
        if _fails_over(context, reply.failover_code):
            return _fail_over(context)
        if context.asked is not None:
            return Settle(context, context.asked, reply)
        failed = decorated_answer(error_pages.failure_page(context, reply))
        return error_pages.or_error_page(failed)
    if reply.upgraded is not None:
        return viewer_side.switch_protocols(context, reply, reply.upgraded)
    if _fails_over(context, reply.status):
        error_pages.release(reply)
        return _fail_over(context)
    association = context.behavior.associations.get("origin-response")
    if association is None:
        return _came(context, reply, reply.status, step.origin)
    payload, sent = encode_response_event(
        context.distribution,
        "origin-response",
        context.facts.request_id,
        step.request,
        reply,
        origin=step.origin,
    )
    return OriginResponse(context, sent, Invocation(association.function, payload), reply)


def after_origin_response(
    context: RequestContext, reply: Response, answer: ContinuedResponse, origin: Origin | None
) -> DistributionStep:
    """The `reply` of `origin` as origin-response left it."""
    response = answer.response
    if response.body is not reply.body:
        error_pages.release(reply)
    context = context.with_warnings("origin-response", answer.warnings)
    runs = context.distribution.strictness.viewer_response_after_mended_error == "run"
    is_mended = runs and response.status < 400
    return _came(context, response, reply.status, origin, runs_on_error=is_mended)


def _came(
    context: RequestContext,
    response: Response,
    origin_status: int,
    origin: Origin | None,
    *,
    runs_on_error: bool = False,
) -> DistributionStep:
    """The origin's side is done: `response`, compressed, goes to the cache or the viewer."""
    coding = coding_toward_viewer(context, response, origin_status, origin)
    if coding is not None and context.facts.encoders is not None:
        response = in_coding(response, coding, context.facts.encoders)
    asked = context.asked
    if asked is not None:
        return Settle(context, asked, response, origin_status, origin, runs_on_error, coding)
    verdict = Verdict.ERROR if origin_status >= 400 else Verdict.MISS
    return viewer_side.to_viewer(
        context,
        response,
        verdict,
        origin_status=origin_status,
        origin=origin,
        runs_on_error=runs_on_error,
    )


def _fails_over(context: RequestContext, code: int) -> bool:
    """Whether an origin group turns to its second origin.

    Source: CloudFront Developer Guide, "Optimize high availability with origin failover".
    """
    fallback = context.behavior.fallback
    return (
        fallback is not None
        and context.origin is not fallback.origin
        and code in fallback.codes
        and context.viewer.method in fallback.methods
    )


def _fail_over(context: RequestContext) -> DistributionStep:
    """The same request again for the second origin; what origin-request changed is forgotten."""
    fallback = context.behavior.fallback
    assert fallback is not None  # `_fails_over` said so
    return to_origin(replace(context, origin=fallback.origin))
