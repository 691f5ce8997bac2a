"""What AWS would say of a function's result: for tests, and for `edgegw validate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

from edgegw.alb.event import BalancerRefusal, decode_response
from edgegw.alb.model import LambdaTargetGroup
from edgegw.awslambda.http_events.model import PayloadFormat
from edgegw.awslambda.http_events.result import ResultError, decode_result
from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.edge_functions.event_reader import decode_edge_event
from edgegw.cloudfront.edge_functions.model import EdgeReport, EdgeReturned
from edgegw.cloudfront.edge_functions.results import decode_edge_request, decode_edge_response
from edgegw.cloudfront.edge_rule import Violation
from edgegw.cloudfront.event_reader import NotAnEventError, decode_event
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS, Strictness
from edgegw.cloudfront.trigger_result import (
    GeneratedResponse,
    InvalidResult,
    decode_request_result,
    decode_response_result,
)
from edgegw.cloudfront.triggers import TRIGGERS, Trigger, ViewerTrigger
from edgegw.config.spelling import nearest
from edgegw.errors import UsageError
from edgegw.gateway.balancer_preview import TARGET_GROUP_ARN
from edgegw.values import value

EdgeKind: TypeAlias = Literal["cloudfront-function-request", "cloudfront-function-response"]
HttpKind: TypeAlias = Literal["alb", "function-url", "apigw-v1", "apigw-v2"]
JudgedKind: TypeAlias = Trigger | EdgeKind | HttpKind

EDGE_KINDS: Final[Mapping[str, ViewerTrigger]] = {
    "cloudfront-function-request": "viewer-request",
    "cloudfront-function-response": "viewer-response",
}
"""Kinds of CloudFront Functions, with their triggers."""
_PAYLOADS: Final[Mapping[str, PayloadFormat]] = {
    "function-url": "2.0",
    "apigw-v2": "2.0",
    "apigw-v1": "1.0",
}
_REFUSED_BY: Final[Mapping[str, str]] = {
    "alb": "502, a result that the load balancer does not take",
    "function-url": "502, a result that the function URL does not take",
    "apigw-v1": "500, a result that the HTTP API does not take",
    "apigw-v2": "500, a result that the HTTP API does not take",
}
KINDS: Final = (*TRIGGERS, *EDGE_KINDS, "alb", *_PAYLOADS)
"""What a result can be of."""


@value(kw_only=True)
class ResultVerdict:
    """Whether a result is accepted, and what was found: refusals, and warnings of what is accepted.

    As a condition it is `accepted`, so that `assert validate(…)` shows everything that was found.
    `outcome` says what comes of it; `page` is where AWS's rule stands, None without a refusal.
    """

    kind: str
    accepted: bool
    outcome: str
    findings: tuple[Violation, ...] = ()
    page: str | None = None

    def __bool__(self) -> bool:
        return self.accepted

    def __repr__(self) -> str:
        lines = [f"{self.kind}: {self.outcome}", *(f"  {finding}" for finding in self.findings)]
        return "\n".join(lines)


def validate(
    kind: JudgedKind, event: object, result: object, *, strictness: Strictness = DEFAULT_STRICTNESS
) -> ResultVerdict:
    """The verdict on what a function returned for `event`.

    `kind` is a trigger, `cloudfront-function-request` and `-response`, `alb`, `function-url`,
    `apigw-v1` or `apigw-v2`. Raises UsageError where `event` is none of that kind.
    """
    try:
        payload = encode_payload(result)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the result is no JSON: {error}") from None
    return judged(kind, event, payload, strictness)


def judged(kind: str, event: object, payload: bytes, strictness: Strictness) -> ResultVerdict:
    """As `validate`, of a result as JSON text."""
    if kind not in KINDS:
        raise UsageError(f"there is no kind {kind!r} of events{nearest(kind, list(KINDS))}")
    if kind in EDGE_KINDS:
        return _of_edge_function(kind, event, payload, strictness)
    if kind in TRIGGERS:
        return _of_lambda_edge(kind, event, payload, strictness)
    return _of_http(kind, event, payload)


def _of_lambda_edge(
    kind: str, event: object, payload: bytes, strictness: Strictness
) -> ResultVerdict:
    try:
        shown = decode_event(event, strictness)
    except NotAnEventError as error:
        raise UsageError(f"the event is no event of Lambda@Edge: {error}") from None
    _check_trigger(shown.trigger, kind)
    decode = decode_request_result if shown.response is None else decode_response_result
    return _verdict(kind, decode(payload, shown), "Lambda", shown.response is not None)


def _of_edge_function(
    kind: str, event: object, payload: bytes, strictness: Strictness
) -> ResultVerdict:
    import json

    try:
        shown = decode_edge_event(event, strictness)
    except NotAnEventError as error:
        raise UsageError(f"the event is no event of a CloudFront Function: {error}") from None
    try:
        returned = EdgeReturned(json.loads(payload), EdgeReport())
    except ValueError as error:
        raise UsageError(f"the result is no JSON: {error}") from None
    _check_trigger(shown.trigger, EDGE_KINDS[kind])
    decode = decode_edge_request if shown.response is None else decode_edge_response
    return _verdict(kind, decode(returned, shown), "Function", shown.response is not None)


def _check_trigger(is_of: str, trigger: str) -> None:
    if is_of != trigger:
        raise UsageError(f"the event is one of {is_of}, not of {trigger}")


def _verdict(kind: str, answer: Any, word: str, has_response: bool) -> ResultVerdict:  # noqa: FBT001
    if isinstance(answer, InvalidResult):
        return ResultVerdict(
            kind=kind,
            accepted=False,
            outcome=f"refused: 502, X-Cache: {word}ValidationError from cloudfront",
            findings=tuple(answer.violations),
            page=answer.first.rule.page,
        )
    if isinstance(answer, GeneratedResponse):
        outcome = f"accepted: the function answers {answer.status} itself"
    else:
        outcome = f"accepted: the {'response' if has_response else 'request'} goes on"
    findings = tuple(answer.warnings)
    return ResultVerdict(kind=kind, accepted=True, outcome=outcome, findings=findings)


def _of_http(kind: str, event: object, payload: bytes) -> ResultVerdict:
    """Results of functions that answer HTTP by themselves: nothing but a reason is known."""
    fault = _alb_fault(event, payload) if kind == "alb" else _http_fault(kind, payload)
    if fault:
        outcome = f"refused: {_REFUSED_BY[kind]}: {fault}"
        return ResultVerdict(kind=kind, accepted=False, outcome=outcome)
    return ResultVerdict(kind=kind, accepted=True, outcome="accepted: the function answers")


def _alb_fault(event: object, payload: bytes) -> str:
    given = cast("Mapping[str, Any]", event if isinstance(event, Mapping) else {})
    if "elb" not in given.get("requestContext", {}):
        raise UsageError("the event is no event of a load balancer: requestContext.elb is missing")
    is_multi = "multiValueHeaders" in given
    group = LambdaTargetGroup("example", TARGET_GROUP_ARN, None, is_multi)
    answer = decode_response(payload, group, date=b"")
    return answer.detail if isinstance(answer, BalancerRefusal) else ""


def _http_fault(kind: str, payload: bytes) -> str:
    try:
        decode_result(payload, _PAYLOADS[kind])
    except ResultError as error:
        return str(error)
    return ""
