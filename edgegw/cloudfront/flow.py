"""One request through a distribution, as steps.

    start ─▶ [ReadBody] ─▶ ViewerRequest ─▶ [ReadBody] ─▶ OriginRequest ─▶ Fetch
          ─▶ OriginResponse ─▶ ViewerResponse ─▶ Finish

Each step names what is needed; `next(reply)` answers the step that follows, and any step may lead
straight to `Finish`. Steps of triggers without an association do not occur. The driver in `gateway`
performs the steps; a unit test can tell a whole request without any I/O.

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
    Facts,
    error_page,
    generated,
    redirect_to_https,
    response_headers,
    stamped,
)
from edgegw.cloudfront.behaviors import (
    MAX_HEADERS,
    RedirectToHttps,
    RefusedAtTheDoor,
    admit,
    choose_behavior,
    refuse_size,
)
from edgegw.cloudfront.faults import OriginFailure, function_fault
from edgegw.cloudfront.model import Association, Distribution, Origin
from edgegw.cloudfront.policies import origin_request
from edgegw.cloudfront.trigger_event import (
    Sent,
    ShownBody,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.trigger_result import (
    Continued,
    Generated,
    Rejected,
    decode_request_result,
    decode_response_result,
)
from edgegw.cloudfront.trigger_rules import BODY_LIMIT
from edgegw.cloudfront.triggers import Trigger
from edgegw.cloudfront.visit import Finish, Instead, Visit
from edgegw.http.message import EMPTY, Body, Request, Response, Upgraded
from edgegw.http.status import reason_phrase
from edgegw.http.target import Target
from edgegw.values import value


@value
class ReadBody:
    """The first `limit` bytes of the body of `request` are needed by `trigger`'s function."""

    trigger: Literal["viewer-request", "origin-request"]
    visit: Visit
    request: Request
    limit: int

    def next(self, content: bytes, *, truncated: bool, body: Body) -> Step:
        """`content` is what was read, `body` the whole body again, from its first byte."""
        request = replace(self.request, body=body)
        shown = ShownBody(content, truncated)
        if self.trigger == "viewer-request":
            return _run_viewer_request(self.visit, request, shown)
        return _run_origin_request(self.visit, request, shown)


@value
class ViewerRequest:
    """The viewer-request function is to be run."""

    visit: Visit
    sent: Sent
    invocation: Invocation

    def next(self, outcome: Outcome) -> Step:
        if not isinstance(outcome, Returned):
            return _failed(self, outcome)
        answer = decode_request_result(outcome.payload, self.sent)
        match answer:
            case Rejected():
                return _failed(self, outcome, answer)
            case Generated():
                visit = self.visit.warned("viewer-request", answer.warnings)
                kind = "LambdaGeneratedResponse"
                made = stamped(_generated(answer, visit), kind, visit.facts, without_origin=True)
                return Finish(made, visit, kind)
            case Continued(request, _, warnings):
                return _look_up(self.visit.edited(request).warned("viewer-request", warnings))


@value
class OriginRequest:
    """The origin-request function is to be run."""

    visit: Visit
    sent: Sent
    invocation: Invocation

    def next(self, outcome: Outcome) -> Step:
        if not isinstance(outcome, Returned):
            return _failed(self, outcome)
        answer = decode_request_result(outcome.payload, self.sent)
        match answer:
            case Rejected():
                return _failed(self, outcome, answer)
            case Generated():
                visit = self.visit.warned("origin-request", answer.warnings)
                made = _generated(answer, visit)
                if visit.distribution.stance.failover_after_generated_error == "yes" and (
                    _fails_over(visit, made.status)
                ):
                    return _fail_over(visit)
                runs = visit.distribution.stance.viewer_response_after_generated_error == "run"
                return _to_viewer(visit, made, origin_status=made.status, runs_on_error=runs)
            case Continued(request, origin, warnings):
                visit = self.visit.warned("origin-request", warnings)
                chosen = origin or visit.origin
                if b"host" not in request.headers:  # the function took it away
                    host = (b"Host", chosen.domain_name.encode())
                    request = replace(request, headers=request.headers.added(host))
                return Fetch(visit, request, chosen)


@value
class Fetch:
    """`request` goes to `origin`; the origin path and custom headers are not in it yet."""

    visit: Visit
    request: Request
    origin: Origin

    @property
    def sent(self) -> Request:
        """The request as it leaves for the origin."""
        target, origin = self.request.target, self.origin
        if origin.path or target.authority is not None:
            target = Target(origin.path.encode() + target.path, target.query)
        own = (b"X-Amz-Cf-Id", self.visit.facts.request_id.encode())
        headers = self.request.headers.added(own, *origin.custom_headers)
        request = self.request.sent(target, headers)
        if request.upgrade and b"sec-websocket-key" not in headers:
            # The policies keep the handshake from the origin: it is an ordinary request.
            return replace(request, upgrade=b"")
        return request

    def next(self, reply: Response | OriginFailure) -> Step:
        if isinstance(reply, Response) and reply.headers.size() > MAX_HEADERS:
            _release(reply)
            detail = f"the origin's headers exceed {MAX_HEADERS} bytes"
            reply = OriginFailure("invalid", detail)
        if isinstance(reply, OriginFailure):
            if _fails_over(self.visit, reply.failover_code):
                return _fail_over(self.visit)
            return _origin_failed(self.visit, reply)
        if reply.upgraded is not None:
            return _upgraded(self.visit, reply, reply.upgraded)
        if _fails_over(self.visit, reply.status):
            _release(reply)
            return _fail_over(self.visit)
        association = self.visit.behavior.associations.get("origin-response")
        if association is None:
            return _to_viewer(self.visit, reply, origin_status=reply.status)
        payload, sent = encode_response_event(
            self.visit.distribution,
            "origin-response",
            self.visit.facts.request_id,
            self.request,
            reply,
            origin=self.origin,
        )
        return OriginResponse(self.visit, sent, reply, Invocation(association.function, payload))


@value
class OriginResponse:
    """The origin-response function is to be run."""

    visit: Visit
    sent: Sent
    reply: Response
    invocation: Invocation

    def next(self, outcome: Outcome) -> Step:
        if not isinstance(outcome, Returned):
            _release(self.reply)
            return _failed(self, outcome)
        answer = decode_response_result(outcome.payload, self.sent)
        if isinstance(answer, Rejected):
            _release(self.reply)
            return _failed(self, outcome, answer)
        response = answer.response
        if response.body is not self.reply.body:
            _release(self.reply)
        visit = self.visit.warned("origin-response", answer.warnings)
        runs = visit.distribution.stance.viewer_response_after_mended_error == "run"
        return _to_viewer(
            visit,
            response,
            origin_status=self.reply.status,
            runs_on_error=runs and response.status < 400,
        )


@value
class ViewerResponse:
    """The viewer-response function is to be run."""

    visit: Visit
    sent: Sent
    response: Response
    x_cache: str
    invocation: Invocation

    def next(self, outcome: Outcome) -> Step:
        if not isinstance(outcome, Returned):
            _release(self.response)
            return _failed(self, outcome)
        answer = decode_response_result(outcome.payload, self.sent)
        if isinstance(answer, Rejected):
            _release(self.response)
            return _failed(self, outcome, answer)
        visit = self.visit.warned("viewer-response", answer.warnings)
        return _finish(visit, answer.response, self.x_cache)


FunctionStep: TypeAlias = ViewerRequest | OriginRequest | OriginResponse | ViewerResponse
Step: TypeAlias = ReadBody | FunctionStep | Fetch | Finish


def start(distribution: Distribution, request: Request, facts: Facts) -> Step:
    """The first step for a viewer's request.

    In this order: sizes, behavior (by the path as it came, never again), protocol, method,
    viewer-request.
    Source: CloudFront Developer Guide, "How CloudFront works".
    """
    behavior = choose_behavior(distribution, request.target.path)
    if "3" in distribution.http_version and request.scheme == "https":
        facts = facts.announcing(b'h3=":%d"; ma=86400' % distribution.port)
    visit = Visit(distribution, behavior, facts, request, request, behavior.origin)
    too_large = refuse_size(request)
    if too_large is not None:
        page = error_page(too_large.status, too_large.text, facts)
        return Finish(page, visit, "Error", too_large)
    refusal = admit(behavior, request)
    match refusal:
        case RefusedAtTheDoor():
            page = error_page(refusal.status, refusal.text, facts)
            return _or_error_page(Finish(page, visit, "Error", refusal))
        case RedirectToHttps():
            return Finish(redirect_to_https(refusal.status, request, facts), visit, "Redirect")
        case None:
            pass
    if distribution.stance.default_root_object == "viewer-request":
        request = _with_default_root_object(distribution, request)
        visit = visit.edited(request)
    association = behavior.associations.get("viewer-request")
    if association is None:
        return _look_up(visit)
    if _shows_body(association, distribution, request):
        return ReadBody("viewer-request", visit, request, BODY_LIMIT["viewer-request"])
    return _run_viewer_request(visit, request, None)


def _run_viewer_request(visit: Visit, request: Request, body: ShownBody | None) -> ViewerRequest:
    association = _association(visit, "viewer-request")
    payload, sent = encode_request_event(
        visit.distribution, "viewer-request", visit.facts.request_id, request, body=body
    )
    return ViewerRequest(visit, sent, Invocation(association.function, payload))


def _look_up(visit: Visit) -> Step:
    """From the viewer's side to the origin's: the place of the cache look-up.

    Its key comes from the request that viewer-request left. There is no cache yet, so every
    request is a miss.
    """
    return _to_origin(visit)


def _to_origin(visit: Visit) -> Step:
    """The request as the policies shape it for the origin, to origin-request."""
    viewer = _with_default_root_object(visit.distribution, visit.viewer)
    request = origin_request(visit.behavior.forwarding, viewer, visit.origin, visit.facts)
    association = visit.behavior.associations.get("origin-request")
    if association is None:
        return Fetch(visit, request, visit.origin)
    if _shows_body(association, visit.distribution, request):
        return ReadBody("origin-request", visit, request, BODY_LIMIT["origin-request"])
    return _run_origin_request(visit, request, None)


def _shows_body(association: Association, distribution: Distribution, request: Request) -> bool:
    if not association.include_body:
        return False
    return not request.body.is_empty or distribution.stance.include_body_without_body == "empty"


def _with_default_root_object(distribution: Distribution, request: Request) -> Request:
    """The default root object stands in for exactly `/`.

    Source: CloudFront Developer Guide, "Specify a default root object".
    """
    root = distribution.default_root_object
    if not root or request.target.path != b"/":
        return request
    return replace(request, target=Target(b"/" + root.encode(), request.target.query))


def _run_origin_request(visit: Visit, request: Request, body: ShownBody | None) -> OriginRequest:
    association = _association(visit, "origin-request")
    payload, sent = encode_request_event(
        visit.distribution,
        "origin-request",
        visit.facts.request_id,
        request,
        origin=visit.origin,
        body=body,
    )
    return OriginRequest(visit, sent, Invocation(association.function, payload))


def _association(visit: Visit, trigger: Trigger) -> Association:
    return visit.behavior.associations[trigger]


def _to_viewer(
    visit: Visit, response: Response, *, origin_status: int, runs_on_error: bool = False
) -> Step:
    """The response on its way out: CloudFront's own header work, then viewer-response.

    viewer-response does not run when the origin answered 400 or above; `runs_on_error` is the
    other choice where that is an open point.
    Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge" (HTTP status codes).
    """
    keeps_cookies = visit.behavior.forwarding.forwards_cookies
    headers = response_headers(response.headers, visit.facts, keeps_cookies=keeps_cookies)
    response = Response(response.status, response.reason, headers, response.body)
    if visit.instead is not None:
        return _error_page_came(visit, response, visit.instead)
    x_cache = "Error" if origin_status >= 400 else "Miss"
    if response.status in visit.distribution.error_pages:
        return _or_error_page(_finish(visit, response, x_cache))
    association = visit.behavior.associations.get("viewer-response")
    if association is None or (x_cache == "Error" and not runs_on_error):
        return _finish(visit, response, x_cache)
    is_edited = visit.distribution.stance.viewer_response_request == "edited"
    request = visit.viewer if is_edited else visit.received
    payload, sent = encode_response_event(
        visit.distribution, "viewer-response", visit.facts.request_id, request, response
    )
    invocation = Invocation(association.function, payload)
    return ViewerResponse(visit, sent, response, x_cache, invocation)


def _generated(answer: Generated, visit: Visit) -> Response:
    reason = answer.reason or reason_phrase(answer.status)
    return generated(answer.status, reason, answer.headers, answer.content, visit.facts)


def _finish(visit: Visit, response: Response, x_cache: str) -> Finish:
    return Finish(stamped(response, x_cache, visit.facts), visit, x_cache)


WEBSOCKET_IDLE: Final = 600.0
"""Seconds without bytes from the origin after which a WebSocket ends.

Source: CloudFront Developer Guide, "Quotas", quotas on WebSocket connections.
"""


def _upgraded(visit: Visit, reply: Response, upgraded: Upgraded) -> Finish:
    """The origin switched protocols: the viewer does too, and no response trigger runs.

    Source: CloudFront Developer Guide, "Use WebSockets with CloudFront distributions"; that no
    trigger runs is uncertain.
    """
    headers = response_headers(reply.headers, visit.facts, keeps_cookies=True)
    response = stamped(
        Response(reply.status, reply.reason, headers, reply.body), "Miss", visit.facts
    )
    upgraded = upgraded._replace(idle=WEBSOCKET_IDLE, only_origin=True)
    return Finish(replace(response, upgraded=upgraded), visit, "Miss")


def _failed(step: FunctionStep, outcome: Outcome, answer: Rejected | None = None) -> Step:
    """The error page for a function that failed, or whose `answer` CloudFront refuses."""
    visit, trigger = step.visit, step.sent.trigger
    fault = function_fault(trigger, step.invocation.function, outcome, answer)
    visit = visit.warned(trigger, tuple(each for each in fault.breaches if not each.is_refused))
    page = error_page(fault.status, fault.rule.page, visit.facts, x_cache=fault.kind)
    finish = Finish(page, visit, fault.kind, fault)
    stays = visit.distribution.stance.error_page_after_function_fault == "skip"
    if trigger == "viewer-request" or fault.kind == "LambdaLimitExceeded" or stays:
        return finish
    return _or_error_page(finish)


def _origin_failed(visit: Visit, failure: OriginFailure) -> Step:
    page = error_page(failure.status, failure.text, visit.facts)
    return _or_error_page(Finish(page, visit, "Error", failure))


def _fails_over(visit: Visit, code: int) -> bool:
    """Whether an origin group turns to its second origin.

    Source: CloudFront Developer Guide, "Optimize high availability with origin failover".
    """
    fallback = visit.behavior.fallback
    return (
        fallback is not None
        and visit.origin is not fallback.origin
        and code in fallback.codes
        and visit.viewer.method in fallback.methods
    )


def _fail_over(visit: Visit) -> Step:
    """The same request again for the second origin; what origin-request changed is forgotten."""
    fallback = visit.behavior.fallback
    assert fallback is not None  # `_fails_over` said so
    return _to_origin(replace(visit, origin=fallback.origin))


def _or_error_page(failed: Finish) -> Step:
    """`failed`, or the way to the custom error page that stands for its status.

    The page comes through the behavior of its own path. viewer-request and viewer-response do not
    run for it, the triggers of the origin do; there is no page for a page.
    Source: CloudFront Developer Guide, "Generate custom error responses".
    """
    visit = failed.visit
    page = visit.distribution.error_pages.get(failed.response.status)
    if page is None or visit.instead is not None:
        return failed
    _release(failed.response)
    viewer = visit.viewer
    request = replace(
        viewer,
        method="HEAD" if viewer.method == "HEAD" else "GET",
        target=Target(page.path.encode()),
        headers=viewer.headers.without(*_OF_THE_BODY),
        body=EMPTY,
    )
    behavior = choose_behavior(visit.distribution, request.target.path)
    return _look_up(
        replace(
            visit,
            behavior=behavior,
            facts=replace(visit.facts, error_target=viewer.target),
            viewer=request,
            origin=behavior.origin,
            instead=Instead(page, failed),
        )
    )


_OF_THE_BODY = (b"content-length", b"content-type", b"content-encoding", b"transfer-encoding")
"""Headers of the viewer's body, which a custom error page is fetched without.

Source: CloudFront Developer Guide, "Generate custom error responses" (uncertain: AWS does not say).
"""


def _error_page_came(visit: Visit, response: Response, instead: Instead) -> Finish:
    """The page with the status it is to have; one that is an error itself is passed on."""
    failed = instead.failed
    if response.status < 400:
        status = instead.page.status
        response = Response(status, reason_phrase(status), response.headers, response.body)
    response = stamped(response, failed.x_cache, visit.facts)
    return Finish(response, visit, failed.x_cache, failed.fault)


def _release(response: Response) -> None:
    """Gives the connection of an unread body back."""
    if response.body.release is not None:
        response.body.release()
