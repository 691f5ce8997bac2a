"""Segments of front doors, for requests whose trace is sampled.

AWS's front doors send none; here one stands above those of functions, so that a trace shows the
request as a whole. It changes nothing of what is sampled: whoever called said so, or a function
with mode Active did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgegw.alb.authentication.redaction import hidden
from edgegw.alb.target_steps import ForwardTo, Invoke
from edgegw.awslambda.http_events.steps import InvokeHttp
from edgegw.awslambda.xray import (
    TracedRequest,
    TraceHeader,
    parse_trace_header,
    request_segment,
)
from edgegw.execution.function_tracer import new_segment_id
from edgegw.gateway.exchange_rendering import exchange_secrets
from edgegw.http.target import to_text

if TYPE_CHECKING:
    from edgegw.gateway.exchange import Exchange
    from edgegw.gateway.gateway import Gateway

_HEADER = b"x-amzn-trace-id"


def send_segment(exchange: Exchange, gateway: Gateway) -> None:
    """Sends the segment of a finished exchange, and of those within it, if its trace is sampled."""
    for inner in exchange.inner:
        send_segment(inner, gateway)
    came = parse_trace_header(to_text(exchange.request.headers.get(_HEADER) or b""))
    sent = _passed_on(exchange)
    if came.sampled != "1" and not (came.sampled != "0" and _is_sampled_here(exchange)):
        return
    root = came.root or sent.root
    if root:
        segment = request_segment(_request(exchange, came, sent, root))
        gateway.service.tracing.send([segment])


def _seconds(exchange: Exchange) -> float:
    """How long it took; what is within another one ends with its last step."""
    if exchange.duration is not None:
        return exchange.duration
    return sum(seconds for _, _, seconds in exchange.steps)


def _is_sampled_here(exchange: Exchange) -> bool:
    """Whether a function that ran decided to be traced."""
    return any(run.outcome.report.trace is not None for run in exchange.runs)


def _passed_on(exchange: Exchange) -> TraceHeader:
    """The header with which a front door passed the request on."""
    for step, _, _ in exchange.steps:
        if isinstance(step, (Invoke, InvokeHttp)):
            return parse_trace_header(step.invocation.trace_id)
        if isinstance(step, ForwardTo):
            return parse_trace_header(to_text(step.request.headers.get(_HEADER) or b""))
    return TraceHeader()


def _segment_id(came: TraceHeader, sent: TraceHeader) -> str:
    """The id that what is below hangs on, unless that is the parent that came along."""
    is_own = bool(sent.own) or sent.root != came.root or not sent.parent
    return (sent.front_door_segment if is_own else "") or new_segment_id()


def _request(exchange: Exchange, came: TraceHeader, sent: TraceHeader, root: str) -> TracedRequest:
    request, response = exchange.request, exchange.response
    host = request.headers.get(b"host") or exchange.front_door.encode()
    return TracedRequest(
        name=exchange.front_door,
        segment_id=_segment_id(came, sent),
        trace_id=root,
        parent=came.parent,
        started=exchange.started,
        ended=exchange.started + _seconds(exchange),
        method=request.method,
        url=hidden(
            f"{request.scheme}://{to_text(host)}{to_text(request.target.raw)}",
            exchange_secrets(exchange),
        ),
        client=request.client.address,
        user_agent=to_text(request.headers.get(b"user-agent") or b""),
        status=0 if response is None else response.status,
        sent=exchange.response_bytes,
        verdict=exchange.verdict or "-",
    )
