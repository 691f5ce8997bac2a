"""Headers of a function's answer that stand where the load balancer does not look.

Source: ELB User Guide for ALB, "Use Lambda functions as targets of an Application Load Balancer",
multi-value headers: one map counts, `headers` or `multiValueHeaders`, the other is ignored.
`cookies` belongs to payload 2.0 of API Gateway and function URLs, which load balancers do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from edgegw.alb.model import LambdaTargetGroup
from edgegw.awslambda.payload import decode_payload

_MOST_NAMED = 5


def lost_headers(payload: bytes, group: LambdaTargetGroup) -> str | None:
    """A warning for what the used map lacks and another place has; None when nothing is lost."""
    used, other = ("multiValueHeaders", "headers")
    if not group.multi_value_headers:
        used, other = other, used
    has_more = f'"{other}"'.encode() in payload or b'"cookies"' in payload
    if not has_more and b"\\u" not in payload:
        return None  # it has no such key, however JSON may spell that
    answer = decode_payload(payload)
    if not isinstance(answer, Mapping):
        return None
    kept = {name.lower() for name in _map(answer, used)}
    lost = [name for name in _map(answer, other) if name.lower() not in kept]
    warnings = [_misplaced(lost, used, other, group)] if lost else []
    if answer.get("cookies") and "set-cookie" not in kept:
        warnings.append(_cookies(used))
    return "; ".join(warnings) or None


def _map(answer: Mapping[str, object], key: str) -> Mapping[str, object]:
    headers = answer.get(key)
    return cast("Mapping[str, object]", headers) if isinstance(headers, Mapping) else {}


def _misplaced(lost: list[str], used: str, other: str, group: LambdaTargetGroup) -> str:
    switch = "on" if group.multi_value_headers else "off"
    names = ", ".join(lost[:_MOST_NAMED]) + (" …" if len(lost) > _MOST_NAMED else "")
    return (
        f"lost: {names}, which only {other} has; target group '{group.name}' reads {used} alone "
        f"while multi_value_headers is {switch}: put all headers into {used}"
    )


def _cookies(used: str) -> str:
    form = (
        '{"Set-Cookie": ["a=1", "b=2"]}'
        if used == "multiValueHeaders"
        else ('{"Set-Cookie": "a=1"} (for more than one switch multi_value_headers on)')
    )
    return (
        "lost: cookies, a key of API Gateway's payload 2.0 that load balancers ignore: "
        f"return {used}: {form}"
    )
