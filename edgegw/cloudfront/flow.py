"""One request through a distribution, as steps.

    start ─▶ [IncludeBody] ─▶ ViewerRequest ─▶ [IncludeBody] ─▶ OriginRequest ─▶ Fetch
          ─▶ OriginResponse ─▶ ViewerResponse ─▶ DistributionAnswer

Each step names what is needed; `next(reply)` answers the step that follows, and any step may lead
straight to `DistributionAnswer`. Steps of triggers without an association do not occur. The driver
in `gateway` performs the steps; a unit test can tell a whole request without any I/O.

What a request is, changes on its way, and who sees which is half of the flow:

    as it came          the viewer-request function; the behavior, chosen once and never again
    as that left it     the cache key, the policies; viewer-response's event; failover's method
    as policies made it the origin-request function, once for each origin that is tried
    as that left it     the origin, and origin-response's event

Two ways lead back to before `OriginRequest`:

- An origin group: the first origin fails, or answers with a code of the list. The request that the
  policies made goes to the second one, and what origin-request did for the first is forgotten.
- A custom error page: the answer has a status for which there is one. The page is a request of its
  own, through the behavior of its own path, without the functions of the viewer; what it stands for
  is kept, and goes out if the page itself fails. There is no page for a page.

A response that is replaced gives its connection back: each way out of a step either hands the
body on or releases it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal, TypeAlias

from edgegw.awslambda.model import Invocation, Outcome, Returned
from edgegw.cloudfront.answers import (
    CLOSING_BEHIND_ERROR_PAGE,
    DistributionFacts,
    error_page,
    generated,
    redirect_to_https,
    stamped,
)
from edgegw.cloudfront.behaviors import (
    MAX_HEADERS,
    DistributionRefusal,
    RedirectToHttps,
    admit,
    choose_behavior,
    refuse_host,
    refuse_size,
    refuse_target,
)
from edgegw.cloudfront.error_causes import OriginFailure, failed_outcome
from edgegw.cloudfront.model import Association, Distribution, Origin, S3Origin
from edgegw.cloudfront.policies import origin_request
from edgegw.cloudfront.request_context import DistributionAnswer, ErrorPageFetch, RequestContext
from edgegw.cloudfront.response_headers import (
    framed_anew,
    in_order,
    passed_on_behind_101,
    response_headers,
)
from edgegw.cloudfront.toward_viewer import decorated_answer, finished
from edgegw.cloudfront.trigger_event import (
    ShownBody,
    ShownEvent,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    GeneratedResponse,
    InvalidResult,
    decode_request_result,
    decode_response_result,
)
from edgegw.cloudfront.trigger_rules import BODY_LIMIT
from edgegw.cloudfront.triggers import Trigger
from edgegw.cloudfront.viewer import with_viewer
from edgegw.http.authority import bracketed
from edgegw.http.message import EMPTY, Body, Request, Response, Upgraded
from edgegw.http.status import reason_phrase
from edgegw.http.target import RequestTarget
from edgegw.values import value


@value
class IncludeBody:
    """The first `limit` bytes of the body of `request` are needed by `trigger`'s function."""

    trigger: Literal["viewer-request", "origin-request"]
    context: RequestContext
    request: Request
    limit: int

    def next(self, content: bytes, *, truncated: bool, body: Body) -> DistributionStep:
        """`content` is what was read, `body` the whole body again, from its first byte."""
        request = replace(self.request, body=body)
        shown = ShownBody(content, truncated)
        if self.trigger == "viewer-request":
            return _run_viewer_request(self.context, request, shown)
        return _run_origin_request(self.context, request, shown)


@value
class ViewerRequest:
    """The viewer-request function is to be run."""

    context: RequestContext
    sent: ShownEvent
    invocation: Invocation

    def next(self, outcome: Outcome) -> DistributionStep:
        if not isinstance(outcome, Returned):
            return _failed(self, outcome)
        answer = decode_request_result(outcome.payload, self.sent)
        match answer:
            case InvalidResult():
                return _failed(self, outcome, answer)
            case GeneratedResponse():
                context = self.context.with_warnings("viewer-request", answer.warnings)
                kind = "LambdaGeneratedResponse"
                made = stamped(
                    _generated(answer, context), kind, context.facts, without_origin=True
                )
                return decorated_answer(DistributionAnswer(made, context, kind))
            case ContinuedRequest(request, _, warnings):
                return _look_up(
                    self.context.edited(request).with_warnings("viewer-request", warnings)
                )


@value
class OriginRequest:
    """The origin-request function is to be run."""

    context: RequestContext
    sent: ShownEvent
    invocation: Invocation

    def next(self, outcome: Outcome) -> DistributionStep:
        if not isinstance(outcome, Returned):
            return _failed(self, outcome)
        answer = decode_request_result(outcome.payload, self.sent)
        match answer:
            case InvalidResult():
                return _failed(self, outcome, answer)
            case GeneratedResponse():
                context = self.context.with_warnings("origin-request", answer.warnings)
                made = _generated(answer, context)
                if context.distribution.strictness.failover_after_generated_error == "yes" and (
                    _fails_over(context, made.status)
                ):
                    return _fail_over(context)
                runs = (
                    context.distribution.strictness.viewer_response_after_generated_error == "run"
                )
                return _to_viewer(context, made, origin_status=made.status, runs_on_error=runs)
            case ContinuedRequest(request, origin, warnings):
                context = self.context.with_warnings("origin-request", warnings)
                chosen = origin or context.origin
                if b"host" not in request.headers:  # the function took it away
                    host = (b"Host", bracketed(chosen.domain_name).encode())
                    request = request.sent(request.target, request.headers.added(host))
                return Fetch(context, request, chosen)


@value
class Fetch:
    """`request` goes to `origin`; the origin path and custom headers are not in it yet."""

    context: RequestContext
    request: Request
    origin: Origin

    @property
    def sent(self) -> Request:
        """The request as it leaves for the origin."""
        target, origin = self.request.target, self.origin
        if origin.path or target.authority is not None:
            target = RequestTarget(origin.path.encode() + target.path, target.query)
        own = (b"X-Amz-Cf-Id", self.context.facts.request_id.encode())
        headers = self.request.headers.added(own, *origin.custom_headers)
        request = self.request.sent(target, headers)
        if request.upgrade and b"sec-websocket-key" not in headers:
            # The policies keep the handshake from the origin: it is an ordinary request.
            return replace(request, upgrade=b"")
        return request

    def next(self, reply: Response | OriginFailure) -> DistributionStep:
        if isinstance(reply, Response) and reply.headers.size() > MAX_HEADERS:
            _release(reply)
            detail = f"the origin's headers exceed {MAX_HEADERS} bytes"
            reply = OriginFailure("invalid", detail)
        if isinstance(reply, OriginFailure):
            if _fails_over(self.context, reply.failover_code):
                return _fail_over(self.context)
            return _origin_failed(self.context, reply)
        if reply.upgraded is not None:
            return _upgraded(self.context, reply, reply.upgraded)
        if _fails_over(self.context, reply.status):
            _release(reply)
            return _fail_over(self.context)
        association = self.context.behavior.associations.get("origin-response")
        if association is None:
            return _to_viewer(self.context, reply, origin_status=reply.status, origin=self.origin)
        payload, sent = encode_response_event(
            self.context.distribution,
            "origin-response",
            self.context.facts.request_id,
            self.request,
            reply,
            origin=self.origin,
        )
        return OriginResponse(self.context, sent, reply, Invocation(association.function, payload))


@value
class OriginResponse:
    """The origin-response function is to be run."""

    context: RequestContext
    sent: ShownEvent
    reply: Response
    invocation: Invocation

    def next(self, outcome: Outcome) -> DistributionStep:
        if not isinstance(outcome, Returned):
            _release(self.reply)
            return _failed(self, outcome)
        answer = decode_response_result(outcome.payload, self.sent)
        if isinstance(answer, InvalidResult):
            _release(self.reply)
            return _failed(self, outcome, answer)
        response = answer.response
        if response.body is not self.reply.body:
            _release(self.reply)
        context = self.context.with_warnings("origin-response", answer.warnings)
        runs = context.distribution.strictness.viewer_response_after_mended_error == "run"
        return _to_viewer(
            context,
            response,
            origin_status=self.reply.status,
            origin=self.sent.origin,
            runs_on_error=runs and response.status < 400,
        )


@value
class ViewerResponse:
    """The viewer-response function is to be run."""

    context: RequestContext
    sent: ShownEvent
    response: Response
    x_cache: str
    invocation: Invocation

    def next(self, outcome: Outcome) -> DistributionStep:
        if not isinstance(outcome, Returned):
            _release(self.response)
            return _failed(self, outcome)
        answer = decode_response_result(outcome.payload, self.sent)
        if isinstance(answer, InvalidResult):
            _release(self.response)
            return _failed(self, outcome, answer)
        context = self.context.with_warnings("viewer-response", answer.warnings)
        response = answer.response
        if response.headers is not self.response.headers:
            response = replace(response, headers=in_order(response.headers))
        return _finish(context, response, self.x_cache)


FunctionStep: TypeAlias = ViewerRequest | OriginRequest | OriginResponse | ViewerResponse
DistributionStep: TypeAlias = IncludeBody | FunctionStep | Fetch | DistributionAnswer


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
    behavior = choose_behavior(distribution, request.target.path)
    if "3" in distribution.http_version and request.scheme == "https":
        facts = facts.announcing(b'h3=":%d"; ma=86400' % distribution.port)
    moved = with_viewer(request, facts)
    if moved is not None:
        if isinstance(moved, DistributionRefusal):
            context = RequestContext(
                distribution, behavior, facts, request, request, behavior.origin
            )
            page = error_page(moved.status, moved.text, facts)
            return DistributionAnswer(page, context, "Error", moved)
        request, facts = moved
    context = RequestContext(distribution, behavior, facts, request, request, behavior.origin)
    refusal = refuse_target(request) or refuse_size(request)
    if refusal is None and checks_host:
        refusal = refuse_host(distribution, request)
    if refusal is not None:
        page = error_page(refusal.status, refusal.text, facts)
        return DistributionAnswer(page, context, "Error", refusal)
    refusal = admit(behavior, request)
    match refusal:
        case DistributionRefusal():
            page = error_page(refusal.status, refusal.text, facts)
            failed = DistributionAnswer(page, context, "Error", refusal)
            return _or_error_page(decorated_answer(failed))
        case RedirectToHttps():
            moved_page = redirect_to_https(refusal.status, request, facts, distribution.https_port)
            return decorated_answer(DistributionAnswer(moved_page, context, "Redirect"))
        case None:
            pass
    if distribution.strictness.default_root_object == "viewer-request":
        request = with_default_root_object(distribution, request)
        context = context.edited(request)
    association = behavior.associations.get("viewer-request")
    if association is None:
        return _look_up(context)
    if _shows_body(association, distribution, request):
        return IncludeBody("viewer-request", context, request, BODY_LIMIT["viewer-request"])
    return _run_viewer_request(context, request, None)


def _run_viewer_request(
    context: RequestContext, request: Request, body: ShownBody | None
) -> ViewerRequest:
    association = _association(context, "viewer-request")
    payload, sent = encode_request_event(
        context.distribution, "viewer-request", context.facts.request_id, request, body=body
    )
    return ViewerRequest(context, sent, Invocation(association.function, payload))


def _look_up(context: RequestContext) -> DistributionStep:
    """From the viewer's side to the origin's: the place of the cache look-up.

    Its key comes from the request that viewer-request left. There is no cache yet, so every
    request is a miss.
    """
    return _to_origin(context)


def _to_origin(context: RequestContext) -> DistributionStep:
    """The request as the policies shape it for the origin, to origin-request."""
    viewer = with_default_root_object(context.distribution, context.viewer)
    request = origin_request(context.behavior.forwarding, viewer, context.origin, context.facts)
    association = context.behavior.associations.get("origin-request")
    if association is None:
        return Fetch(context, request, context.origin)
    if _shows_body(association, context.distribution, request):
        return IncludeBody("origin-request", context, request, BODY_LIMIT["origin-request"])
    return _run_origin_request(context, request, None)


def _shows_body(association: Association, distribution: Distribution, request: Request) -> bool:
    if not association.include_body:
        return False
    return not request.body.is_empty or distribution.strictness.include_body_without_body == "empty"


def with_default_root_object(distribution: Distribution, request: Request) -> Request:
    """The default root object stands in for exactly `/`.

    Source: CloudFront Developer Guide, "Specify a default root object".
    """
    root = distribution.default_root_object
    if not root or request.target.path != b"/":
        return request
    return replace(request, target=RequestTarget(b"/" + root.encode(), request.target.query))


def _run_origin_request(
    context: RequestContext, request: Request, body: ShownBody | None
) -> OriginRequest:
    association = _association(context, "origin-request")
    payload, sent = encode_request_event(
        context.distribution,
        "origin-request",
        context.facts.request_id,
        request,
        origin=context.origin,
        body=body,
    )
    return OriginRequest(context, sent, Invocation(association.function, payload))


def _association(context: RequestContext, trigger: Trigger) -> Association:
    return context.behavior.associations[trigger]


def _to_viewer(
    context: RequestContext,
    response: Response,
    *,
    origin_status: int,
    origin: Origin | None = None,
    runs_on_error: bool = False,
) -> DistributionStep:
    """The response on its way out: CloudFront's own header work, then viewer-response.

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
    response = finished(context, response, origin_status, origin)
    if context.error_page_fetch is not None:
        return _error_page_came(context, response, context.error_page_fetch)
    x_cache = "Error" if origin_status >= 400 else "Miss"
    if response.status in context.distribution.error_pages:
        return _or_error_page(_finish(context, response, x_cache))
    association = context.behavior.associations.get("viewer-response")
    if association is None or (x_cache == "Error" and not runs_on_error):
        return _finish(context, response, x_cache)
    is_edited = context.distribution.strictness.viewer_response_request == "edited"
    request = context.viewer if is_edited else context.received
    payload, sent = encode_response_event(
        context.distribution, "viewer-response", context.facts.request_id, request, response
    )
    invocation = Invocation(association.function, payload)
    return ViewerResponse(context, sent, response, x_cache, invocation)


def _generated(answer: GeneratedResponse, context: RequestContext) -> Response:
    reason = answer.reason or reason_phrase(answer.status)
    return generated(answer.status, reason, answer.headers, answer.content, context.facts)


def _finish(context: RequestContext, response: Response, x_cache: str) -> DistributionAnswer:
    return DistributionAnswer(stamped(response, x_cache, context.facts), context, x_cache)


WEBSOCKET_IDLE: Final = 600.0
"""Seconds without bytes from the origin after which a WebSocket ends.

Source: CloudFront Developer Guide, "Quotas", quotas on WebSocket connections.
"""


def _upgraded(context: RequestContext, reply: Response, upgraded: Upgraded) -> DistributionAnswer:
    """The origin switched protocols: the viewer does too, and no response trigger runs.

    Source: CloudFront Developer Guide, "Use WebSockets with CloudFront distributions"; that no
    trigger runs is uncertain.
    """
    headers = response_headers(reply.headers, context.facts, passed_on_behind_101)
    response = stamped(
        Response(reply.status, reply.reason, headers, reply.body), "Miss", context.facts
    )
    upgraded = upgraded._replace(idle=WEBSOCKET_IDLE, only_origin=True)
    return DistributionAnswer(replace(response, upgraded=upgraded), context, "Miss")


def _failed(
    step: FunctionStep, outcome: Outcome, answer: InvalidResult | None = None
) -> DistributionStep:
    """The error page for a function that failed, or whose `answer` CloudFront refuses."""
    context, trigger = step.context, step.sent.trigger
    cause = failed_outcome(trigger, step.invocation.function, outcome, answer)
    context = context.with_warnings(
        trigger, tuple(each for each in cause.violations if not each.is_refused)
    )
    page = error_page(cause.status, cause.rule.page, context.facts, x_cache=cause.kind)
    finish = decorated_answer(DistributionAnswer(page, context, cause.kind, cause))
    stays = context.distribution.strictness.error_page_after_function_fault == "skip"
    if trigger == "viewer-request" or cause.kind == "LambdaLimitExceeded" or stays:
        return finish
    return _or_error_page(finish)


def _origin_failed(context: RequestContext, failure: OriginFailure) -> DistributionStep:
    page = error_page(failure.status, failure.text, context.facts)
    return _or_error_page(decorated_answer(DistributionAnswer(page, context, "Error", failure)))


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
    return _to_origin(replace(context, origin=fallback.origin))


def _or_error_page(failed: DistributionAnswer) -> DistributionStep:
    """`failed`, or the way to the custom error page that stands for its status.

    The page comes through the behavior of its own path. viewer-request and viewer-response do not
    run for it, the triggers of the origin do; there is no page for a page.
    Source: CloudFront Developer Guide, "Generate custom error responses".
    """
    context = failed.context
    page = context.distribution.error_pages.get(failed.response.status)
    if page is None or context.error_page_fetch is not None:
        return failed
    _release(failed.response)
    viewer = context.viewer
    request = replace(
        viewer,
        method="HEAD" if viewer.method == "HEAD" else "GET",
        target=RequestTarget(page.path.encode()),
        headers=viewer.headers.without(*_NOT_FOR_A_PAGE),
        body=EMPTY,
    )
    behavior = choose_behavior(context.distribution, request.target.path)
    return _look_up(
        replace(
            context,
            behavior=behavior,
            facts=replace(context.facts, error_target=viewer.target),
            viewer=request,
            origin=behavior.origin,
            error_page_fetch=ErrorPageFetch(page, failed),
        )
    )


_NOT_FOR_A_PAGE: Final = (
    b"content-length",
    b"content-type",
    b"content-encoding",
    b"transfer-encoding",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"range",
)
"""What a custom error page is fetched without: headers of the viewer's body, ranges, conditions.

A page that is "not modified", or a part of one, would stand in the place of the error otherwise.
Source: CloudFront Developer Guide, "Generate custom error responses" (uncertain: AWS does not say).
"""


def _error_page_came(
    context: RequestContext, response: Response, error_page_fetch: ErrorPageFetch
) -> DistributionAnswer:
    """The page with the status it is to have; one that is an error itself is passed on."""
    failed = error_page_fetch.failed
    if response.status < 400:
        origin_status, status = response.status, error_page_fetch.page.status
        response = Response(status, reason_phrase(status), response.headers, response.body)
        response = framed_anew(response, context.viewer.method, origin_status)
    if failed.response.status in CLOSING_BEHIND_ERROR_PAGE:
        headers = response.headers.replaced(b"Connection", b"close")
        response = replace(response, headers=headers)
    response = stamped(response, failed.x_cache, context.facts)
    return DistributionAnswer(response, context, failed.x_cache, failed.cause)


def _release(response: Response) -> None:
    """Gives the connection of an unread body back."""
    if response.body.release is not None:
        response.body.release()
