"""One request through a load balancer, as steps.

    start ─▶ ReadBody ─▶ Invoke ─▶ Finish        Lambda target group
          ─▶ Forward ─▶ Finish                   ip targets
          ─▶ Finish                              fixed response, refusal

Each step names what is needed; `next(reply)` answers the step that follows. The driver in
`gateway` performs them; a unit test can tell a whole request without any I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from edgegw.alb.answers import error_page, fixed_response
from edgegw.alb.event import (
    MAX_BODY,
    Refusal,
    decode_response,
    encode_event,
    misplaced_headers,
)
from edgegw.alb.model import FixedResponse, IpTargetGroup, LambdaTargetGroup, Listener, Rule, Target
from edgegw.alb.rules import match_rule, port_of, without_port
from edgegw.alb.targets import choose_target, choose_target_group
from edgegw.awslambda.model import FunctionError, Invocation, Outcome, Refused, Returned, Throttled
from edgegw.awslambda.permissions import LOAD_BALANCER
from edgegw.http.message import (
    HOP_BY_HOP,
    Header,
    Headers,
    Request,
    Response,
    named_by_connection,
)
from edgegw.http.target import normalized_path

MAX_REQUEST_LINE: Final = 16 * 1024
MAX_HEADER_LINE: Final = 16 * 1024
MAX_HEADERS: Final = 64 * 1024
MAX_RESPONSE_HEADERS: Final = 32 * 1024
MAX_FORWARDED_FOR: Final = 30


class Facts(NamedTuple):
    """What a request needs beside itself: the time, the dice, ids. All made by the driver.

    `date` is the value of a Date header, `now` seconds since the epoch, `entropy` at least 24
    lower-case hex digits, `draw` in [0, 1), `turn` counts the requests of the listener.
    """

    date: bytes
    now: float
    entropy: str
    draw: float
    turn: int


IDLE_TIMEOUT: Final = 60.0
"""Seconds without bytes either way after which a connection ends."""


class Chosen(NamedTuple):
    """The way a request takes through the listener; kept for the exchange record."""

    listener: Listener
    rule: Rule
    facts: Facts
    target_group: LambdaTargetGroup | IpTargetGroup | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer stands. `refusal` says why the load balancer made it itself, if it did."""

    response: Response
    chosen: Chosen | None = None
    refusal: Refusal | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class ReadBody:
    """The request's body is needed whole, up to `limit` bytes."""

    request: Request
    group: LambdaTargetGroup
    chosen: Chosen
    limit: int = MAX_BODY

    def next(self, content: bytes, *, truncated: bool) -> Invoke | Finish:
        if truncated:
            detail = f"the request body exceeds {MAX_BODY} bytes, the limit for Lambda targets"
            return _refuse(413, "LambdaRequestTooLarge", detail, self.chosen)
        payload = encode_event(self.request, content, self.group)
        if isinstance(payload, Refusal):
            return _refuse(payload.status, payload.reason, payload.detail, self.chosen)
        trace_id = (self.request.headers.get(b"x-amzn-trace-id") or b"").decode("latin-1")
        invocation = Invocation(
            self.group.function,
            payload,
            trace_id,
            principal=LOAD_BALANCER,
            source_arn=self.group.arn,
        )
        return Invoke(invocation, self.group, self.chosen)


@dataclass(frozen=True, slots=True)
class Invoke:
    """The target's function is to be invoked."""

    invocation: Invocation
    group: LambdaTargetGroup
    chosen: Chosen

    def next(self, outcome: Outcome) -> Finish:
        match outcome:
            case Throttled():
                detail = f"{outcome.reason}: {outcome.detail}"
                return _refuse(502, "LambdaThrottling", detail, self.chosen)
            case Refused():
                reason = _REFUSED.get(outcome.code, "LambdaBadRequest")
                return _refuse(502, reason, f"{outcome.code}: {outcome.message}", self.chosen)
            case FunctionError():
                detail = f"{outcome.error_type}: {outcome.message}"
                return _refuse(502, "LambdaUnhandled", detail, self.chosen)
            case Returned():
                return self._judge(outcome)

    def _judge(self, outcome: Returned) -> Finish:
        date = self.chosen.facts.date
        answer = decode_response(outcome.payload, self.group, date=date)
        if isinstance(answer, Refusal):
            return _refuse(answer.status, answer.reason, answer.detail, self.chosen)
        if answer.headers.size() > MAX_RESPONSE_HEADERS:
            detail = f"the function's headers exceed {MAX_RESPONSE_HEADERS} bytes"
            return _refuse(502, "LambdaInvalidResponse", detail, self.chosen)
        warning = misplaced_headers(outcome.payload, self.group)
        return Finish(answer, self.chosen, warning=warning)


_REFUSED: Final = {
    "AccessDeniedException": "LambdaAccessDenied",
    "ResourceNotFoundException": "LambdaResourceNotFound",
    "RequestTooLargeException": "LambdaRequestTooLarge",
}
"""Lambda's error codes as `error_reason` of the access log."""


@dataclass(frozen=True, slots=True)
class TargetFailure:
    """A target gave no usable answer; `timed_out` when it gave none in time."""

    detail: str
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class ForwardTo:
    """The request goes to an ip target."""

    request: Request
    target: Target
    group: IpTargetGroup
    chosen: Chosen

    def next(self, reply: Response | TargetFailure) -> Finish:
        if isinstance(reply, TargetFailure):
            # ELB User Guide for ALB, "Troubleshoot": HTTP 502 and 504.
            return _refuse(504 if reply.timed_out else 502, "-", reply.detail, self.chosen)
        if reply.headers.size() > MAX_RESPONSE_HEADERS:
            detail = f"the target's headers exceed {MAX_RESPONSE_HEADERS} bytes"
            if reply.body.release is not None:
                reply.body.release()
            return _refuse(502, "-", detail, self.chosen)
        dropped = HOP_BY_HOP | named_by_connection(reply.headers)
        kept = Headers(line for line in reply.headers.raw if line[0].lower() not in dropped)
        reply = reply._replace(headers=kept)
        if reply.upgraded is not None:
            reply = reply._replace(upgraded=reply.upgraded._replace(idle=IDLE_TIMEOUT))
        return Finish(reply, self.chosen)


Step: TypeAlias = ReadBody | Invoke | ForwardTo | Finish


def start(listener: Listener, request: Request, facts: Facts) -> Step:
    """The first step for `request`: admitted, its rule matched, its headers rewritten.

    Source: ELB User Guide for ALB, "Listeners", "HTTP headers and Application Load Balancers".
    """
    chosen = Chosen(listener, listener.default, facts)
    refusal = refuse_at_the_door(request)
    if refusal is not None:
        return _refuse(refusal.status, refusal.reason, refusal.detail, chosen)
    path = normalized_path(request.target.path)
    if path is None:
        return _refuse(400, "-", "the path climbs above the root", chosen)
    host = request.target.authority or request.headers.get(b"host") or listener.dns_name.encode()
    rule = match_rule(listener, path=path, host=host)
    chosen = Chosen(listener, rule, facts)
    action = rule.action
    if isinstance(action, FixedResponse):
        answer = fixed_response(
            action.status, action.content_type, action.message_body, date=facts.date
        )
        return Finish(answer, chosen)
    group = choose_target_group(action, draw=facts.draw)
    chosen = Chosen(listener, rule, facts, group)
    forwarded = forwarded_request(request, listener, host, facts)
    match group:
        case None:
            return _refuse(503, "-", "every target group of the action has weight 0", chosen)
        case LambdaTargetGroup():
            named = (request.headers.get(b"upgrade") or b"").lower()
            if b"websocket" in (request.upgrade, named):
                detail = "a Lambda target cannot take a WebSocket"
                return _refuse(400, "LambdaWebsocketNotSupported", detail, chosen)
            return ReadBody(forwarded, group, chosen)
        case IpTargetGroup():
            target = choose_target(group, turn=facts.turn)
            if target is None:
                return _refuse(503, "-", f"target group {group.name!r} has no targets", chosen)
            return ForwardTo(to_target(forwarded), target, group, chosen)


def refuse_at_the_door(request: Request) -> Refusal | None:
    """Why a request is refused before any rule is looked at, or None."""
    line = len(request.method) + len(request.target.raw) + len(" HTTP/1.1 ")
    if line >= MAX_REQUEST_LINE:
        return Refusal(414, "-", f"the request line exceeds {MAX_REQUEST_LINE} bytes")
    for name, value in request.headers.raw:
        if len(name) + len(value) + 2 >= MAX_HEADER_LINE:
            return Refusal(400, "-", f"the header {name[:40]!r} exceeds {MAX_HEADER_LINE} bytes")
    if request.headers.size() > MAX_HEADERS:
        return Refusal(400, "-", f"the request headers exceed {MAX_HEADERS} bytes")
    if request.method in ("TRACE", "CONNECT"):
        return Refusal(405, "-", f"the method {request.method} is not allowed")
    for value in request.headers.get_all(b"transfer-encoding"):
        for coding in value.lower().split(b","):
            if coding.strip() not in (b"chunked", b"identity"):
                return Refusal(501, "-", f"Transfer-Encoding {coding.decode('latin-1')!r}")
    addresses = b",".join(request.headers.get_all(b"x-forwarded-for"))
    if addresses.count(b",") >= MAX_FORWARDED_FOR:
        return Refusal(463, "-", f"X-Forwarded-For holds more than {MAX_FORWARDED_FOR} addresses")
    return None


_REPLACED: Final = frozenset(
    {
        b"host",
        b"x-forwarded-for",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-amzn-trace-id",
        b"expect",
        b"transfer-encoding",
    }
)


def forwarded_request(request: Request, listener: Listener, host: bytes, facts: Facts) -> Request:
    """`request` as targets see it: host, X-Forwarded-* (mode append) and trace id written anew.

    HTTP/2's split `cookie` fields are joined with `; ` as RFC 9113 section 8.2.3 asks.
    """
    earlier = request.headers.get_all(b"x-forwarded-for")
    client = request.client.address.encode()
    if earlier and b":" in client:
        client = b"[" + client + b"]"
    trace = trace_id(b"; ".join(request.headers.get_all(b"x-amzn-trace-id")[:1]), facts)
    lines: list[Header] = [(b"Host", forwarded_host(host, listener))]
    lines += [line for line in request.headers.raw if line[0].lower() not in _REPLACED]
    if request.http_version >= "2":
        lines = _joined_cookies(lines)
    lines += [
        (b"X-Forwarded-For", b", ".join([*earlier, client])),
        (b"X-Forwarded-Proto", listener.protocol.lower().encode()),
        (b"X-Forwarded-Port", str(listener.port).encode()),
        (b"X-Amzn-Trace-Id", trace),
    ]
    return request._replace(headers=Headers(lines))


def _joined_cookies(lines: list[Header]) -> list[Header]:
    cookies = [value for name, value in lines if name.lower() == b"cookie"]
    if len(cookies) < 2:
        return lines
    rest = [line for line in lines if line[0].lower() != b"cookie"]
    return [*rest, (b"cookie", b"; ".join(cookies))]


def forwarded_host(host: bytes, listener: Listener) -> bytes:
    """The host that targets see, `preserve_host_header` being off.

    Without port on 80 and 443, with the listener's port elsewhere.
    """
    bare = without_port(host)
    if listener.port in (80, 443):
        return bare
    return bare + b":" + (port_of(host) or str(listener.port).encode())


def trace_id(incoming: bytes, facts: Facts) -> bytes:
    """The X-Amzn-Trace-Id to pass on, given the one that came (empty: none).

    A new `Root`, or a new `Self` in front of a kept one.
    Source: ELB User Guide for ALB, "Request tracing".
    """
    fresh = f"1-{int(facts.now):08x}-{facts.entropy[:24]}".encode()
    fields = [field for field in incoming.split(b";") if field]
    kept = [field for field in fields if not field.startswith(b"Self=")]
    if any(field.startswith(b"Root=") for field in kept):
        return b";".join([b"Self=" + fresh, *kept])
    return b";".join([b"Root=" + fresh, *kept])


def to_target(request: Request) -> Request:
    """`request` for an ip target: the host in lower case, no hop-by-hop headers.

    AWS documents the lower case; recorded Lambda events show the host as the client wrote it.
    """
    dropped = HOP_BY_HOP | named_by_connection(request.headers)
    host, *rest = request.headers.raw
    lines = [(host[0], host[1].lower()), *rest]
    kept = Headers(line for line in lines if line[0].lower() not in dropped)
    return request._replace(headers=kept)


def _refuse(status: int, reason: str, detail: str, chosen: Chosen) -> Finish:
    page = error_page(status, date=chosen.facts.date)
    return Finish(page, chosen, Refusal(status, reason, detail))
