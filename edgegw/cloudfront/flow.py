"""One request through a distribution, as steps.

    start ─▶ [ReadBody] ─▶ ViewerRequest ─▶ [ReadBody] ─▶ OriginRequest ─▶ Fetch
          ─▶ OriginResponse ─▶ ViewerResponse ─▶ Finish

Each step names what is needed; `next(reply)` answers the step that follows, and any step may lead
straight to `Finish`. Steps of triggers without an association do not occur. The driver in
`gateway` performs them; a unit test can tell a whole request without any I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from edgegw.awslambda.model import FunctionError, Invocation, Outcome, Refused, Returned, Throttled
from edgegw.cloudfront.answers import (
    Facts,
    error_page,
    generated,
    phrase,
    redirect_to_https,
    stamped,
    via,
)
from edgegw.cloudfront.behaviors import (
    MAX_HEADERS,
    RedirectToHttps,
    RefusedAtTheDoor,
    admit,
    choose_behavior,
    refuse_size,
)
from edgegw.cloudfront.model import Association, Behavior, Distribution, Origin, Trigger
from edgegw.cloudfront.policies import origin_request
from edgegw.cloudfront.rule_table import (
    EXECUTION_ERROR,
    NOT_INVOCABLE,
    THROTTLED,
    TIMED_OUT,
    TOO_LARGE,
    Breach,
    Rule,
)
from edgegw.cloudfront.trigger_event import (
    Sent,
    ShownBody,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.trigger_result import (
    Breaches,
    Continued,
    Generated,
    Rejected,
    decode_request_result,
    decode_response_result,
)
from edgegw.cloudfront.trigger_rules import BODY_LIMIT
from edgegw.http.message import (
    HOP_BY_HOP,
    Body,
    Header,
    Headers,
    Request,
    Response,
    named_by_connection,
)
from edgegw.http.target import Target


class Warned(NamedTuple):
    """What a developer should know of a result that CloudFront accepts."""

    trigger: Trigger
    breach: Breach

    def __str__(self) -> str:
        return f"{self.trigger}: {self.breach}"


class Visit(NamedTuple):
    """One viewer request in its behavior: what every later step needs to know.

    `viewer` is the request as viewer-request left it, `received` as it came.
    """

    distribution: Distribution
    behavior: Behavior
    facts: Facts
    viewer: Request
    received: Request
    warnings: tuple[Warned, ...] = ()

    def warned(self, trigger: Trigger, breaches: Breaches) -> Visit:
        """This visit with warnings about the result of `trigger`."""
        if not breaches:
            return self
        more = tuple(Warned(trigger, breach) for breach in breaches)
        return self._replace(warnings=self.warnings + more)


@dataclass(frozen=True, slots=True)
class FunctionFault:
    """A function failed at a trigger: `kind` is the X-Cache value, `detail` the exact reason.

    `rule` is the one that CloudFront's page speaks of, `breaches` are all that were found.
    """

    trigger: Trigger
    kind: Literal["LambdaValidationError", "LambdaExecutionError", "LambdaLimitExceeded"]
    detail: str
    rule: Rule
    breaches: Breaches = ()


@dataclass(frozen=True, slots=True)
class OriginFailure:
    """The origin gave no usable answer; `detail` says what was tried and what happened."""

    kind: Literal["refused", "dns", "closed", "invalid", "timeout"]
    detail: str


Fault: TypeAlias = FunctionFault | OriginFailure | RefusedAtTheDoor


class Finish(NamedTuple):
    """The answer stands, stamped. `x_cache` is its verdict; `fault` why it is an error page."""

    response: Response
    visit: Visit
    x_cache: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class ReadBody:
    """The first `limit` bytes of the body of `request` are needed by `trigger`'s function."""

    trigger: Literal["viewer-request", "origin-request"]
    visit: Visit
    request: Request
    limit: int

    def next(self, content: bytes, *, truncated: bool, body: Body) -> Step:
        """`content` is what was read, `body` the whole body again, from its first byte."""
        request = self.request._replace(body=body)
        shown = ShownBody(content, truncated)
        if self.trigger == "viewer-request":
            return _run_viewer_request(self.visit, request, shown)
        return _run_origin_request(self.visit, request, shown)


@dataclass(frozen=True, slots=True)
class ViewerRequest:
    """The viewer-request function is to be run."""

    visit: Visit
    sent: Sent
    invocation: Invocation

    def next(self, outcome: Outcome) -> Step:
        if not isinstance(outcome, Returned):
            return _failed(self.visit, "viewer-request", outcome)
        answer = decode_request_result(outcome.payload, self.sent)
        match answer:
            case Rejected():
                return _rejected(self.visit, "viewer-request", answer)
            case Generated():
                visit = self.visit.warned("viewer-request", answer.warnings)
                kind = "LambdaGeneratedResponse"
                made = stamped(_generated(answer, visit), kind, visit.facts, without_origin=True)
                return Finish(made, visit, kind)
            case Continued(request, _, warnings):
                return _look_up(
                    self.visit._replace(viewer=request).warned("viewer-request", warnings)
                )


@dataclass(frozen=True, slots=True)
class OriginRequest:
    """The origin-request function is to be run."""

    visit: Visit
    sent: Sent
    invocation: Invocation

    def next(self, outcome: Outcome) -> Step:
        if not isinstance(outcome, Returned):
            return _failed(self.visit, "origin-request", outcome)
        answer = decode_request_result(outcome.payload, self.sent)
        match answer:
            case Rejected():
                return _rejected(self.visit, "origin-request", answer)
            case Generated():
                visit = self.visit.warned("origin-request", answer.warnings)
                made = _generated(answer, visit)
                runs = visit.distribution.stance.viewer_response_after_generated_error == "run"
                return _to_viewer(visit, made, origin_status=made.status, runs_on_error=runs)
            case Continued(request, origin, warnings):
                visit = self.visit.warned("origin-request", warnings)
                return Fetch(visit, request, origin or visit.behavior.origin)


class Fetch(NamedTuple):
    """`request` goes to `origin`; the origin path and custom headers are not in it yet."""

    visit: Visit
    request: Request
    origin: Origin

    @property
    def sent(self) -> Request:
        """The request as it leaves for the origin."""
        path = self.origin.path.encode() + self.request.target.path
        own = [(b"X-Amz-Cf-Id", self.visit.facts.request_id.encode())]
        headers = self.request.headers.added(*own, *self.origin.custom_headers)
        return self.request.sent(Target(path, self.request.target.query), headers)

    def next(self, reply: Response | OriginFailure) -> Step:
        if isinstance(reply, OriginFailure):
            return _origin_failed(self.visit, reply)
        if reply.headers.size() > MAX_HEADERS:
            _release(reply)
            detail = f"the origin's headers exceed {MAX_HEADERS} bytes"
            return _origin_failed(self.visit, OriginFailure("invalid", detail))
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


@dataclass(frozen=True, slots=True)
class OriginResponse:
    """The origin-response function is to be run."""

    visit: Visit
    sent: Sent
    reply: Response
    invocation: Invocation

    def next(self, outcome: Outcome) -> Step:
        if not isinstance(outcome, Returned):
            _release(self.reply)
            return _failed(self.visit, "origin-response", outcome)
        answer = decode_response_result(outcome.payload, self.sent)
        if isinstance(answer, Rejected):
            _release(self.reply)
            return _rejected(self.visit, "origin-response", answer)
        response, warnings = answer
        if response.body is not self.reply.body:
            _release(self.reply)
        visit = self.visit.warned("origin-response", warnings)
        runs = visit.distribution.stance.viewer_response_after_mended_error == "run"
        return _to_viewer(
            visit,
            response,
            origin_status=self.reply.status,
            runs_on_error=runs and response.status < 400,
        )


@dataclass(frozen=True, slots=True)
class ViewerResponse:
    """The viewer-response function is to be run."""

    visit: Visit
    sent: Sent
    response: Response
    x_cache: str
    invocation: Invocation

    def next(self, outcome: Outcome) -> Finish:
        if not isinstance(outcome, Returned):
            _release(self.response)
            return _failed(self.visit, "viewer-response", outcome)
        answer = decode_response_result(outcome.payload, self.sent)
        if isinstance(answer, Rejected):
            _release(self.response)
            return _rejected(self.visit, "viewer-response", answer)
        visit = self.visit.warned("viewer-response", answer.warnings)
        return _finish(visit, answer.response, self.x_cache)


FunctionStep: TypeAlias = ViewerRequest | OriginRequest | OriginResponse | ViewerResponse
Step: TypeAlias = ReadBody | FunctionStep | Fetch | Finish


def start(distribution: Distribution, request: Request, facts: Facts) -> Step:
    """The first step for a viewer's request.

    Source: CloudFront Developer Guide, "How CloudFront works". In this order: sizes,
    behavior (by the path as it came, never again), protocol, method, viewer-request.
    """
    behavior = choose_behavior(distribution, request.target.path)
    visit = Visit(distribution, behavior, facts, request, request)
    refusal = refuse_size(request) or admit(behavior, request)
    match refusal:
        case RefusedAtTheDoor():
            page = error_page(refusal.status, refusal.text, facts)
            return Finish(page, visit, "Error", refusal)
        case RedirectToHttps():
            return Finish(redirect_to_https(refusal.status, request, facts), visit, "Redirect")
        case None:
            pass
    if distribution.stance.default_root_object == "viewer-request":
        request = _with_default_root_object(distribution, request)
        visit = visit._replace(viewer=request)
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
    viewer = _with_default_root_object(visit.distribution, visit.viewer)
    behavior = visit.behavior
    request = origin_request(behavior.forwarding, viewer, behavior.origin, visit.facts)
    association = visit.behavior.associations.get("origin-request")
    if association is None:
        return Fetch(visit, request, visit.behavior.origin)
    if _shows_body(association, visit.distribution, request):
        return ReadBody("origin-request", visit, request, BODY_LIMIT["origin-request"])
    return _run_origin_request(visit, request, None)


def _shows_body(association: Association, distribution: Distribution, request: Request) -> bool:
    if not association.include_body:
        return False
    return not request.body.is_empty or distribution.stance.include_body_without_body == "empty"


def _with_default_root_object(distribution: Distribution, request: Request) -> Request:
    """The default root object stands in for exactly `/`."""
    root = distribution.default_root_object
    if not root or request.target.path != b"/":
        return request
    return request._replace(target=Target(b"/" + root.encode(), request.target.query))


def _run_origin_request(visit: Visit, request: Request, body: ShownBody | None) -> OriginRequest:
    association = _association(visit, "origin-request")
    payload, sent = encode_request_event(
        visit.distribution,
        "origin-request",
        visit.facts.request_id,
        request,
        origin=visit.behavior.origin,
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
    headers = _response_headers(visit, response)
    response = Response(response.status, response.reason, headers, response.body)
    x_cache = "Error" if origin_status >= 400 else "Miss"
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


def _response_headers(visit: Visit, response: Response) -> Headers:
    """Hop-by-hop headers go, Via becomes ours, Set-Cookie goes unless cookies are forwarded."""
    lines: list[Header] = []
    dropped, has_date = _NOT_PASSED_ON, False
    for line in response.headers.raw:
        lower = line[0].lower()
        if lower == b"connection" and line[1].lower() not in (b"keep-alive", b"close"):
            dropped |= named_by_connection(response.headers)
        elif lower not in dropped:
            has_date = has_date or lower == b"date"
            lines.append(line)
    if dropped is not _NOT_PASSED_ON:  # names that stood in front of the Connection header
        lines = [line for line in lines if line[0].lower() not in dropped]
    if not visit.behavior.forwarding.forwards_cookies:
        lines = [line for line in lines if line[0].lower() != b"set-cookie"]
    if not has_date:
        lines.append((b"Date", visit.facts.date))
    lines.append((b"Via", via("1.1", visit.facts)))
    return Headers(lines)


_NOT_PASSED_ON: frozenset[bytes] = HOP_BY_HOP | {b"via"}


def _generated(answer: Generated, visit: Visit) -> Response:
    reason = answer.reason or phrase(answer.status)
    return generated(answer.status, reason, answer.headers, answer.content, visit.facts)


def _finish(visit: Visit, response: Response, x_cache: str) -> Finish:
    return Finish(stamped(response, x_cache, visit.facts), visit, x_cache)


def _failed(visit: Visit, trigger: Trigger, outcome: FunctionError | Throttled | Refused) -> Finish:
    """503 for a function that failed or was throttled, 502 for an answer that Lambda cut off.

    Source: CloudFront Developer Guide, "HTTP 503 status code (Service Unavailable)".
    """
    match outcome:
        case Throttled():
            what = f"{outcome.message} {outcome.reason}: {outcome.detail}"
            return _fault(visit, trigger, "LambdaLimitExceeded", THROTTLED, what)
        case Refused():
            what = f"{outcome.code}: {outcome.message}"
            return _fault(visit, trigger, "LambdaExecutionError", NOT_INVOCABLE, what)
        case FunctionError(error_type="Function.ResponseSizeTooLarge"):
            breach = Breach(TOO_LARGE, "", outcome.message, "return less", log=TOO_LARGE.demands)
            return _rejected(visit, trigger, Rejected((breach,)))
        case FunctionError():
            rule = TIMED_OUT if outcome.report.status == "timeout" else EXECUTION_ERROR
            what = f"{outcome.error_type}: {outcome.message}"
            return _fault(visit, trigger, "LambdaExecutionError", rule, what)


def _fault(
    visit: Visit,
    trigger: Trigger,
    kind: Literal["LambdaExecutionError", "LambdaLimitExceeded"],
    rule: Rule,
    what: str,
) -> Finish:
    fault = FunctionFault(trigger, kind, f"{rule.code}: {what} ({rule.source})", rule)
    return _fault_page(visit, 503, fault)


def _rejected(visit: Visit, trigger: Trigger, answer: Rejected) -> Finish:
    """502 for an answer that CloudFront refuses.

    Source: CloudFront Developer Guide, "HTTP 502 status code: Lambda validation error".
    """
    refused = [each for each in answer.breaches if each.is_refused]
    detail = "\n".join(map(str, refused))
    fault = FunctionFault(
        trigger, "LambdaValidationError", detail, refused[0].rule, answer.breaches
    )
    warnings = tuple(each for each in answer.breaches if not each.is_refused)
    return _fault_page(visit.warned(trigger, warnings), 502, fault)


def _fault_page(visit: Visit, status: int, fault: FunctionFault) -> Finish:
    page = error_page(status, fault.rule.page, visit.facts, x_cache=fault.kind)
    return Finish(page, visit, fault.kind, fault)


_CLOSED_TEXT = (
    "CloudFront attempted to establish a connection with the origin, but either the attempt "
    "failed or the origin closed the connection."
)
_ORIGIN_PAGES = {
    "refused": (502, "CloudFront wasn't able to connect to the origin."),
    "dns": (502, "CloudFront wasn't able to resolve the origin domain name."),
    "closed": (502, _CLOSED_TEXT),
    "invalid": (502, _CLOSED_TEXT),
    "timeout": (504, _CLOSED_TEXT),
}


def _origin_failed(visit: Visit, failure: OriginFailure) -> Finish:
    status, text = _ORIGIN_PAGES[failure.kind]
    return Finish(error_page(status, text, visit.facts), visit, "Error", failure)


def _release(response: Response) -> None:
    """Gives the connection of an unread body back."""
    if response.body.release is not None:
        response.body.release()
