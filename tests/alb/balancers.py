"""What tests of load balancers are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgegw.alb.conditions import Condition, Subject
from edgegw.alb.flow import BalancerFacts, subject_of
from edgegw.alb.model import (
    Action,
    Attributes,
    FixedResponse,
    IpTargetGroup,
    LambdaTargetGroup,
    Listener,
    LoadBalancer,
    Rule,
    Target,
)
from edgegw.awslambda.model import FunctionRef
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget as RequestTarget
from edgegw.http.target import normalized_path

FACTS = BalancerFacts(b"Sat, 21 Nov 2026 00:00:00 GMT", 0x5DBAFC0F, "a4ac9c9046b152c44e90ca34", 0.0)
BALANCER = LoadBalancer(
    "lb",
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/lb/50dc6c495c0c9188",
    "lb-1.us-east-1.elb.amazonaws.com",
)
FN = LambdaTargetGroup("fn", "arn:fn", FunctionRef("hello"))
WEB = IpTargetGroup("web", "arn:web", (Target("10.0.0.1", 80), Target("10.0.0.2", 80)))


def rule(priority: int | None, *conditions: Condition, action: Action | None = None, **more: Any):
    """A rule; without `action` it answers with its priority as the body."""
    answer = action or FixedResponse(200, message_body=str(priority))
    return Rule(priority, conditions, (answer,), **more)


def listener(*rules: Rule, default: Action | None = None, port: int = 80, **more: Any) -> Listener:
    attributes = more.pop("attributes", {})
    balancer = replace(BALANCER, attributes=Attributes(**attributes))
    protocol = more.pop("protocol", "HTTP")
    last = Rule(None, (), (default or FixedResponse(404),))
    return Listener(balancer, port, protocol, rules, last, **more)


def request(
    target: bytes = b"/a?b=1",
    method: str = "GET",
    headers: list[tuple[str, str]] | None = None,
    *,
    host: str | None = "example.com",
    **more: Any,
) -> Request:
    lines = [] if host is None else [(b"Host", host.encode())]
    lines += [(name.encode(), value.encode()) for name, value in headers or []]
    more.setdefault("client", Client("1.2.3.4", 5))
    return Request(method, RequestTarget.parse(target), Headers(lines), **more)


def subject(sent: Request) -> Subject:
    path = normalized_path(sent.target.path)
    assert path is not None
    return subject_of(sent, sent.headers.get(b"host") or b"", path)
