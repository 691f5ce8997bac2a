"""A request that is forwarded, as steps: its target group, one of the group's targets, the answer.

    forward ─▶ ReadBody ─▶ Invoke ─▶ BalancerAnswer          Lambda target group
            ─▶ ChooseTarget ─▶ ForwardTo ─▶ BalancerAnswer   ip targets
            ─▶ BalancerAnswer                                nobody there can take it

`flow` draws the whole way that leads here, and says what a step is.
"""

from __future__ import annotations

from typing import Final

from edgegw.alb import stickiness
from edgegw.alb.answers import grpc_unavailable
from edgegw.alb.event import MAX_BODY, BalancerRefusal, decode_response, encode_event
from edgegw.alb.finish import BalancerAnswer, Chosen, finish, refuse, target_mark
from edgegw.alb.forwarding import forwarded_request
from edgegw.alb.lost_headers import lost_headers
from edgegw.alb.model import Forward, IpTargetGroup, LambdaTargetGroup, Target, TargetGroup
from edgegw.alb.rules import transform
from edgegw.alb.targets import Routable, choose_target, choose_target_group
from edgegw.awslambda.model import (
    FunctionError,
    Invocation,
    InvokeRefusal,
    Outcome,
    Returned,
    Throttled,
)
from edgegw.awslambda.permissions import LOAD_BALANCER
from edgegw.http.grpc import is_grpc
from edgegw.http.message import HOP_BY_HOP, Headers, Request, Response, named_by_connection
from edgegw.values import value

MAX_RESPONSE_HEADERS: Final = 32 * 1024
"""Bytes of a target's response headers; above it is a 502.

Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", limits.
"""


def forward(
    action: Forward, request: Request, host: bytes, chosen: Chosen
) -> ReadBody | ChooseTarget | BalancerAnswer:
    """The first step of a request that is forwarded; `host` is the one that rules saw.

    Its host and path are rewritten, its target group is chosen, and the group can take it.
    """
    rule, made = chosen.rule, None
    if rule is not None and (rule.host_rewrite is not None or rule.url_rewrite is not None):
        made = transform(rule, request, host)
        if made.status not in (None, "TransformSuccess"):
            chosen = chosen.with_group(None, made, bad_cookie=False)
            detail = f"{made.status}: the rewritten host or path cannot be used ({made})"
            return refuse(500, "-", detail, chosen)
        if made.target is not None:
            request = request.sent(made.target, request.headers)
        host = host if made.host is None else made.host
    group, bad = _target_group(action, request, chosen)
    chosen = chosen.with_group(group, made, bad_cookie=bad)
    if group is None:
        return refuse(503, "-", "every target group of the action has weight 0", chosen)
    mismatch = _protocol_mismatch(group, request)
    if mismatch is not None:
        return refuse(464, "-", mismatch, chosen)
    if isinstance(group, LambdaTargetGroup):
        named = (request.headers.get(b"upgrade") or b"").lower()
        if b"websocket" in (request.upgrade, named):
            detail = "a Lambda target cannot take a WebSocket"
            return refuse(400, "LambdaWebsocketNotSupported", detail, chosen)
        sent = forwarded_request(request, chosen.listener, host, chosen.facts)
        return ReadBody(sent, group, chosen)
    is_rewritten = made is not None and made.host is not None
    sent = forwarded_request(
        request, chosen.listener, host, chosen.facts, to_ip=True, is_rewritten=is_rewritten
    )
    return ChooseTarget(sent, group, chosen, _held_target(group, request, chosen))


def _target_group(
    action: Forward, request: Request, chosen: Chosen
) -> tuple[TargetGroup | None, bool]:
    """The group of the cookie that holds the client, else by weight; and whether one was bad."""
    facts, is_bad = chosen.facts, False
    if action.stickiness is not None:
        balancer = chosen.listener.load_balancer
        found = stickiness.held(balancer, "group", request.headers, now=facts.now)
        is_bad = found.is_bad
        if found.mark is not None:
            for group, _ in action.target_groups:
                if stickiness.mark_of(group.arn) == found.mark:
                    return group, False
    # The same dice choose among targets later: parted, so that one choice does not bind the other.
    return choose_target_group(action, draw=facts.draw * 65536 % 1), is_bad


def _held_target(group: IpTargetGroup, request: Request, chosen: Chosen) -> bytes | None:
    sticky = group.stickiness
    if sticky is None:
        return None
    if sticky.cookie_name is not None:
        if not stickiness.has_cookie(request.headers, sticky.cookie_name):
            return None  # the session ends with the application's cookie
        kind: stickiness.CookieKind = "application"
    else:
        kind = "target"
    balancer = chosen.listener.load_balancer
    return stickiness.held(balancer, kind, request.headers, now=chosen.facts.now).mark


def _protocol_mismatch(group: TargetGroup, request: Request) -> str | None:
    """Why the group cannot take a request of this HTTP version (464), or None.

    Source: ELB User Guide for ALB, "Target groups", "Protocol versions".
    """
    version = "HTTP1" if isinstance(group, LambdaTargetGroup) else group.protocol_version
    is_http2 = request.http_version >= "2"
    match version:
        case "HTTP1":
            if is_http2 and not isinstance(group, LambdaTargetGroup) and is_grpc(request.headers):
                return f"a gRPC request to {group.name!r}, whose protocol version is HTTP1"
        case "HTTP2":
            if not is_http2:
                return f"{group.name!r} takes HTTP/2 only, the client speaks HTTP/1.1"
        case "GRPC":
            if not is_http2:
                return f"{group.name!r} takes gRPC only, the client speaks HTTP/1.1"
            if request.method != "POST":
                return f"{group.name!r} takes gRPC only, which is always POST"
    return None


@value
class ReadBody:
    """The request's body is needed whole, up to `limit` bytes."""

    request: Request
    group: LambdaTargetGroup
    chosen: Chosen
    limit: int = MAX_BODY

    def next(self, content: bytes, *, truncated: bool) -> Invoke | BalancerAnswer:
        if truncated:
            detail = f"the request body exceeds {MAX_BODY} bytes, the limit for Lambda targets"
            return refuse(413, "LambdaRequestTooLarge", detail, self.chosen)
        function = self.group.function
        if function is None:
            return refuse(503, "-", _no_targets(self.group), self.chosen)
        payload = encode_event(self.request, content, self.group)
        if isinstance(payload, BalancerRefusal):
            return refuse(payload.status, payload.reason, payload.detail, self.chosen)
        trace_id = (self.request.headers.get(b"x-amzn-trace-id") or b"").decode("latin-1")
        invocation = Invocation(
            function,
            payload,
            trace_id,
            principal=LOAD_BALANCER,
            source_arn=self.group.arn,
        )
        return Invoke(invocation, self.group, self.chosen)


@value
class Invoke:
    """The target's function is to be invoked."""

    invocation: Invocation
    group: LambdaTargetGroup
    chosen: Chosen

    def next(self, outcome: Outcome) -> BalancerAnswer:
        match outcome:
            case Throttled():
                detail = f"{outcome.reason}: {outcome.detail}"
                return refuse(502, "LambdaThrottling", detail, self.chosen)
            case InvokeRefusal():
                reason = _REFUSED.get(outcome.code, "LambdaBadRequest")
                return refuse(502, reason, f"{outcome.code}: {outcome.message}", self.chosen)
            case FunctionError():
                detail = f"{outcome.error_type}: {outcome.message}"
                return refuse(502, "LambdaUnhandled", detail, self.chosen)
            case Returned():
                return self._judge(outcome)

    def _judge(self, outcome: Returned) -> BalancerAnswer:
        date = self.chosen.facts.date
        answer = decode_response(outcome.payload, self.group, date=date)
        if isinstance(answer, BalancerRefusal):
            return refuse(answer.status, answer.reason, answer.detail, self.chosen)
        if answer.headers.size() > MAX_RESPONSE_HEADERS:
            detail = f"the function's headers exceed {MAX_RESPONSE_HEADERS} bytes"
            return refuse(502, "LambdaInvalidResponse", detail, self.chosen)
        warning = lost_headers(outcome.payload, self.group)
        return finish(answer, self.chosen, warning=warning)


_REFUSED: Final = {
    "AccessDeniedException": "LambdaAccessDenied",
    "ResourceNotFoundException": "LambdaResourceNotFound",
    "RequestTooLargeException": "LambdaRequestTooLarge",
}
"""Lambda's error codes as `error_reason` of the access log.

Source: ELB User Guide for ALB, "Access logs", error reason codes.
"""


@value
class TargetFailure:
    """A target gave no usable answer; `timed_out` when it gave none in time."""

    detail: str
    timed_out: bool = False


@value
class ChooseTarget:
    """One of the group's targets is to take the request; `held` is the mark in its cookies."""

    request: Request
    group: IpTargetGroup
    chosen: Chosen
    held: bytes | None = None

    def next(self, routable: Routable) -> ForwardTo | BalancerAnswer:
        chosen, group = self.chosen, self.group
        sticky = None
        if self.held is not None:
            of_target = (each for each in routable.targets if target_mark(group, each) == self.held)
            sticky = next(of_target, None)
        target = choose_target(group, routable, draw=chosen.facts.draw, sticky=sticky)
        if target is None:
            return refuse(503, "-", _no_targets(group), chosen)
        return ForwardTo(self.request, target, group, chosen.with_target(target))


@value
class ForwardTo:
    """The request goes to an ip target."""

    request: Request
    target: Target
    group: IpTargetGroup
    chosen: Chosen

    @property
    def idle_timeout(self) -> float:
        """Seconds without a byte either way after which the load balancer gives up."""
        return self.chosen.listener.load_balancer.attributes.idle_timeout

    @property
    def closes(self) -> bool:
        """Whether the connection to the target is not to be used again."""
        attributes = self.chosen.listener.load_balancer.attributes
        return self.chosen.risk.closes(attributes.desync_mode)

    def next(self, reply: Response | TargetFailure) -> BalancerAnswer:
        if isinstance(reply, TargetFailure):
            # ELB User Guide for ALB, "Troubleshoot": HTTP 502 and 504.
            status = 504 if reply.timed_out else 502
            if self.group.protocol_version == "GRPC":
                page = grpc_unavailable(date=self.chosen.facts.date)
                refusal = BalancerRefusal(status, "-", reply.detail)
                return finish(page, self.chosen, refusal=refusal)
            return refuse(status, "-", reply.detail, self.chosen)
        if reply.headers.size() > MAX_RESPONSE_HEADERS:
            detail = f"the target's headers exceed {MAX_RESPONSE_HEADERS} bytes"
            if reply.body.release is not None:
                reply.body.release()
            return refuse(502, "-", detail, self.chosen)
        kept = reply.headers.derived(_passed_on, _passed_on)
        upgraded = reply.upgraded
        if upgraded is not None:
            upgraded = upgraded._replace(idle=self.idle_timeout)
        answer = Response(reply.status, reply.reason, kept, reply.body, upgraded)
        return finish(answer, self.chosen)


def _passed_on(headers: Headers) -> Headers:
    """A target's headers less those that belong to one connection."""
    dropped = HOP_BY_HOP | named_by_connection(headers)
    return Headers([line for line in headers.raw if line[0].lower() not in dropped])


def _no_targets(group: TargetGroup) -> str:
    return f"target group {group.name!r} has no targets"
