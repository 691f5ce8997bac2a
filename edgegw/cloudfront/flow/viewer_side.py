"""The viewer's side: a request on its way to the cache, a response on its way to the viewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from edgegw.awslambda.model import Invocation
from edgegw.cloudfront.answers import (
    DistributionFacts,
    generated,
    redirect_to_https,
    stamped,
)
from edgegw.cloudfront.behaviors import (
    DistributionRefusal,
    RedirectToHttps,
    admit,
    choose_behavior,
    refuse_host,
    refuse_size,
    refuse_target,
    with_default_root_object,
)
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.edge_functions.event import (
    ShownEdgeEvent,
    encode_request,
    encode_response,
)
from edgegw.cloudfront.edge_functions.model import EdgeAnswer, EdgeCall
from edgegw.cloudfront.flow import cache_side, error_pages
from edgegw.cloudfront.flow.known_ways import (
    follow,
    is_open,
    no_ways,
    remember,
)
from edgegw.cloudfront.flow.steps import (
    DistributionStep,
    EdgeViewerRequest,
    EdgeViewerResponse,
    IncludeBody,
    ViewerRequest,
    ViewerResponse,
)
from edgegw.cloudfront.model import Association, Distribution, Origin, S3Origin
from edgegw.cloudfront.request_context import DistributionAnswer, Keeping, RequestContext
from edgegw.cloudfront.response_headers import (
    framed_anew,
    in_order,
    passed_on_behind_101,
    response_headers,
)
from edgegw.cloudfront.toward_viewer import decorated, decorated_answer
from edgegw.cloudfront.trigger_event import ShownBody, encode_request_event, encode_response_event
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    ContinuedResponse,
    GeneratedResponse,
    InvalidResult,
)
from edgegw.cloudfront.trigger_rules import BODY_LIMIT
from edgegw.cloudfront.validator import Validator
from edgegw.cloudfront.viewer import with_viewer
from edgegw.cloudfront.viewer_access import access_page, admit_viewer
from edgegw.http.message import Request, Response, Upgraded
from edgegw.http.status import reason_phrase
from edgegw.http.target import to_text


def start(
    distribution: Distribution,
    request: Request,
    facts: DistributionFacts,
    *,
    checks_host: bool = False,
) -> DistributionStep:
    """The first step for a viewer's request.

    In this order: sizes, Host (with `checks_host`), behavior (by the path as it came, never again),
    protocol, method, viewer-request.
    Source: CloudFront Developer Guide, "How CloudFront works".
    """
    if distribution.over_https is not None:
        distribution = distribution.seen_over(request.scheme)
    if "3" in distribution.http_version and request.scheme == "https":
        facts = facts.announcing(b'h3=":%d"; ma=86400' % distribution.port)
    ways = request.headers.derived(distribution, no_ways)
    asked = request.method, request.target, request.scheme, request.http_version, checks_host
    way, is_known_by_head = ways.get(asked), is_open(request, facts)
    if way is not None and is_known_by_head:
        return follow(way, distribution, request, facts)
    step = _admitted(distribution, request, facts, checks_host=checks_host)
    if is_known_by_head:
        remember(ways, asked, request, step)
    return step


def _admitted(
    distribution: Distribution, request: Request, facts: DistributionFacts, *, checks_host: bool
) -> DistributionStep:
    """The first step, or why there is none."""
    behavior = choose_behavior(distribution, request.target.path)
    moved = with_viewer(request, facts)
    if moved is not None:
        if isinstance(moved, DistributionRefusal):
            context = RequestContext(
                distribution, behavior, facts, request, request, behavior.origin
            )
            return _refused(context, moved)
        request, facts = moved
    context = RequestContext(distribution, behavior, facts, request, request, behavior.origin)
    refusal = refuse_target(request) or refuse_size(request)
    if refusal is None and checks_host:
        refusal = refuse_host(distribution, request)
    if refusal is not None:
        return _refused(context, refusal)
    refusal = admit(behavior, request)
    if refusal is not None:
        if isinstance(refusal, RedirectToHttps):
            return _redirected(context, refusal)
        return error_pages.or_error_page(decorated_answer(_refused(context, refusal)))
    if behavior.trusted_keys is not None or distribution.geo_restriction is not None:
        admitted = admit_viewer(distribution, behavior, request, facts)
        if isinstance(admitted, DistributionRefusal):
            return error_pages.or_error_page(decorated_answer(_refused(context, admitted)))
        context = replace(context, viewer=admitted, received=admitted)
    return _begin(context)


def _refused(context: RequestContext, refusal: DistributionRefusal) -> DistributionAnswer:
    page = access_page(refusal, context.facts)
    return DistributionAnswer(page, context, Verdict.ERROR, refusal)


def _redirected(context: RequestContext, redirect: RedirectToHttps) -> DistributionAnswer:
    port = context.distribution.https_port
    response = redirect_to_https(redirect.status, context.viewer, context.facts, port)
    return decorated_answer(DistributionAnswer(response, context, Verdict.REDIRECT))


def _begin(context: RequestContext) -> DistributionStep:
    """A request that is let in."""
    distribution = context.distribution
    if distribution.strictness.default_root_object == "viewer-request":
        context = context.edited(with_default_root_object(distribution, context.viewer))
    behavior = context.behavior
    if "viewer-request" in behavior.edge_functions:
        return run_edge_request(context)
    association = behavior.associations.get("viewer-request")
    if association is None:
        return cache_side.look_up(context)
    if shows_body(association, distribution, context.viewer):
        limit = BODY_LIMIT["viewer-request"]
        return IncludeBody("viewer-request", context, context.viewer, limit)
    return run_viewer_request(context, context.viewer, None)


def run_viewer_request(
    context: RequestContext, request: Request, body: ShownBody | None
) -> ViewerRequest:
    """The viewer-request function and what it is shown."""
    association = context.behavior.associations["viewer-request"]
    payload, sent = encode_request_event(
        context.distribution, "viewer-request", context.facts.request_id, request, body=body
    )
    return ViewerRequest(context, sent, Invocation(association.function, payload))


def run_edge_request(context: RequestContext) -> EdgeViewerRequest:
    """The CloudFront Function of viewer-request and what it is shown."""
    behavior, request = context.behavior, context.viewer
    sent = encode_request(context.distribution, behavior.forwarding, context.facts, request)
    query = request.target.query
    raw = None if query is None else to_text(query)
    return EdgeViewerRequest(
        context, sent, EdgeCall(behavior.edge_functions["viewer-request"], sent, raw)
    )


def after_edge_request(
    step: EdgeViewerRequest, outcome: EdgeAnswer, answer: GeneratedResponse | ContinuedRequest
) -> DistributionStep | InvalidResult:
    """The request goes on, to the origin that the function chose, or is answered by it."""
    context = step.context.with_warnings("viewer-request", answer.warnings)
    if isinstance(answer, GeneratedResponse):
        verdict = Verdict.FUNCTION_GENERATED_RESPONSE
        response = function_response(answer, context)
        response = stamped(response, verdict, context.facts, without_origin=True)
        return decorated_answer(DistributionAnswer(response, context, verdict))
    if outcome.origin is not None:
        led = _led_elsewhere(context, outcome, step.sent)
        if isinstance(led, InvalidResult):
            return led
        context = led
    return cache_side.look_up(context.edited(answer.request))


def _led_elsewhere(
    context: RequestContext, outcome: EdgeAnswer, sent: ShownEdgeEvent
) -> RequestContext | InvalidResult:
    """The context with the origin that a function chose."""
    from edgegw.cloudfront.edge_functions.origin_change import chosen_origin

    validator = Validator(sent.trigger, sent.strictness)
    behavior, change = context.behavior, outcome.origin or {}
    named: Mapping[str, Any] = cast("Mapping[str, Any]", outcome.result).get("headers") or {}
    choice = chosen_origin(validator, change, context.distribution, behavior, named)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    if choice.fallback is not None:
        behavior = replace(behavior, fallback=choice.fallback)
    context = context.with_warnings("viewer-request", tuple(validator.violations))
    return replace(context, behavior=behavior, origin=choice.origin)


def after_viewer_request(
    context: RequestContext, answer: GeneratedResponse | ContinuedRequest
) -> DistributionStep:
    """The request goes on, or is answered by the function."""
    context = context.with_warnings("viewer-request", answer.warnings)
    if isinstance(answer, ContinuedRequest):
        return cache_side.look_up(context.edited(answer.request))
    verdict = Verdict.LAMBDA_GENERATED_RESPONSE
    response = function_response(answer, context)
    response = stamped(response, verdict, context.facts, without_origin=True)
    return decorated_answer(DistributionAnswer(response, context, verdict))


def shows_body(association: Association, distribution: Distribution, request: Request) -> bool:
    """Whether the function of `association` gets the body of `request`."""
    if not association.include_body:
        return False
    return not request.body.is_empty or distribution.strictness.include_body_without_body == "empty"


def function_response(answer: GeneratedResponse, context: RequestContext) -> Response:
    """The response that a function generated."""
    reason = answer.reason or reason_phrase(answer.status)
    return generated(answer.status, reason, answer.headers, answer.content, context.facts)


def to_viewer(
    context: RequestContext,
    response: Response,
    verdict: Verdict,
    *,
    origin_status: int,
    origin: Origin | None = None,
    runs_on_error: bool = False,
    age: int | None = None,
    is_settled: bool = False,
    keeping: Keeping | None = None,
) -> DistributionStep:
    """The response on its way out: header work, the headers policy, then viewer-response.

    `age` (seconds) is that of a stored one; one that `is_settled` is a custom error page already,
    or an error that has none. With `keeping` the page for an error is stored.

    viewer-response does not run when the origin answered 400 or above; `runs_on_error` is the
    other choice where that is an open point.
    Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge" (HTTP status codes).
    """
    headers = response_headers(
        response.headers,
        context.facts,
        context.behavior.forwarding.to_viewer,
        is_bucket=isinstance(origin, S3Origin),
    )
    response = Response(response.status, response.reason, headers, response.body)
    if response.status != origin_status:
        response = framed_anew(response, context.viewer.method, origin_status)
    if context.error_page_fetch is not None:
        return error_pages.page_came(context, response, context.error_page_fetch)
    if response.status in context.distribution.error_pages and not is_settled:
        return error_pages.or_error_page(finish(context, response, verdict), keeping)
    if context.behavior.response_headers_policy is not None:
        response = decorated(context, response)
    behavior = context.behavior
    association = behavior.associations.get("viewer-response")
    if (
        (association is None and "viewer-response" not in behavior.edge_functions)
        or (verdict is Verdict.ERROR and not runs_on_error)
        or context.is_background
    ):
        return finish(context, response, verdict, age)
    is_edited = context.distribution.strictness.viewer_response_request == "edited"
    request = context.viewer if is_edited else context.received
    if association is None:
        shown = encode_response(context.distribution, context.facts, request, response)
        call = EdgeCall(behavior.edge_functions["viewer-response"], shown)
        return EdgeViewerResponse(context, shown, call, response, verdict, age)
    payload, sent = encode_response_event(
        context.distribution, "viewer-response", context.facts.request_id, request, response
    )
    invocation = Invocation(association.function, payload)
    return ViewerResponse(context, sent, invocation, response, verdict, age)


def after_viewer_response(step: ViewerResponse, answer: ContinuedResponse) -> DistributionAnswer:
    """The response as viewer-response left it."""
    response = answer.response
    if response.headers is not step.response.headers:
        headers = in_order(response.headers)
        response = Response(response.status, response.reason, headers, response.body)
    context = step.context.with_warnings("viewer-response", answer.warnings)
    return finish(context, response, step.verdict, step.age)


def after_edge_response(step: EdgeViewerResponse, answer: ContinuedResponse) -> DistributionAnswer:
    """The response as the CloudFront Function of viewer-response left it."""
    before, response = step.response, answer.response
    context = step.context.with_warnings("viewer-response", answer.warnings)
    if response.body is not before.body:
        error_pages.release(before)
    if response.status != before.status:
        response = framed_anew(response, context.viewer.method, before.status)
    return finish(context, response, step.verdict, step.age)


def finish(
    context: RequestContext, response: Response, verdict: Verdict, age: int | None = None
) -> DistributionAnswer:
    """The response with the headers that every answer has at its end."""
    return DistributionAnswer(stamped(response, verdict, context.facts, age=age), context, verdict)


WEBSOCKET_IDLE: Final = 600.0
"""Seconds without bytes from the origin after which a WebSocket ends.

Source: CloudFront Developer Guide, "Quotas", quotas on WebSocket connections.
"""


def switch_protocols(
    context: RequestContext, reply: Response, upgraded: Upgraded
) -> DistributionAnswer:
    """The origin switched protocols: the viewer does too, and no response trigger runs.

    Source: CloudFront Developer Guide, "Use WebSockets with CloudFront distributions"; that no
    trigger runs is uncertain.
    """
    headers = response_headers(reply.headers, context.facts, passed_on_behind_101)
    response = Response(reply.status, reply.reason, headers, reply.body)
    response = stamped(response, Verdict.MISS, context.facts)
    upgraded = upgraded._replace(idle=WEBSOCKET_IDLE, only_origin=True)
    return DistributionAnswer(replace(response, upgraded=upgraded), context, Verdict.MISS)
