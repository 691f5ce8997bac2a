"""One request through a load balancer, as steps.

    start ─▶ ReadBody ─▶ Invoke ─▶ BalancerAnswer          Lambda target group ┐ `target_steps.py`
          ─▶ ChooseTarget ─▶ ForwardTo ─▶ BalancerAnswer   ip targets          ┘
          ─▶ BalancerAnswer                                redirect, fixed response, refusal
          ─▶ CheckSession ─▶ …                             who is it? (`authentication/steps.py`)
          ─▶ CheckToken ─▶ …                               is the token good? (`jwt/steps.py`)

Each step names what is needed; `next(reply)` answers the step that follows. The driver in
`gateway` performs them; a unit test can tell a whole request without any I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from edgegw.alb.admission import classified, refuse_at_the_door
from edgegw.alb.answers import IDLE, MALFORMED, fixed_response, redirection
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.outcome import GuardOutcome
from edgegw.alb.authentication.provider_calls import CALLBACK_PATH
from edgegw.alb.authentication.steps import (
    CheckSession,
    ExchangeCode,
    FetchUserInfo,
    RefreshTokens,
)
from edgegw.alb.conditions import Subject
from edgegw.alb.event import BalancerRefusal
from edgegw.alb.finish import ActionName, BalancerAnswer, Chosen, finish, refuse
from edgegw.alb.forwarding import BalancerFacts
from edgegw.alb.jwt.steps import CheckToken, check_token
from edgegw.alb.model import FinalAction, FixedResponse, Forward, Listener, Redirect, Rule
from edgegw.alb.rules import location, match_rule, port_of, without_port
from edgegw.alb.target_steps import ChooseTarget, ForwardTo, Invoke, ReadBody, forward
from edgegw.http.message import Request
from edgegw.http.target import normalized_path

MAX_LOCATION: Final = 8 * 1024
"""Bytes of a redirect's Location; above it is a 507.

Source: ELB User Guide for ALB, "CloudWatch metrics", HTTP_Redirect_Url_Limit_Exceeded_Count.
"""


GuardStep: TypeAlias = CheckSession | ExchangeCode | RefreshTokens | FetchUserInfo | CheckToken
"""Steps of the actions that come before the one that answers."""
BalancerStep: TypeAlias = ReadBody | Invoke | ChooseTarget | ForwardTo | GuardStep | BalancerAnswer


def cut_short(step: BalancerStep, detail: str, *, is_idle: bool) -> BalancerAnswer:
    """The end of a request whose body never came to its end; with `is_idle` the client is silent.

    Source: ELB User Guide for ALB, "Troubleshoot", HTTP 400 and 408.
    """
    return refuse(IDLE if is_idle else MALFORMED, "-", detail, step.chosen)


def start(listener: Listener, request: Request, facts: BalancerFacts) -> BalancerStep:
    """The first step for `request`: admitted, its rule matched, its headers rewritten.

    Source: ELB User Guide for ALB, "Listeners", "HTTP headers and Application Load Balancers".
    """
    attributes = listener.load_balancer.attributes
    risk = classified(request)
    refusal = refuse_at_the_door(request, attributes, risk)
    path = normalized_path(request.target.path)
    if refusal is not None or path is None:
        refusal = refusal or BalancerRefusal(400, "-", "the path climbs above the root")
        chosen = Chosen(listener, facts, risk=risk, client=request)
        return refuse(refusal.status, refusal.reason, refusal.detail, chosen)
    host = host_of(request, listener)
    subject = subject_of(request, host, path)
    rule = match_rule(listener, subject)
    action = rule.action
    if rule.guard is not None or (listener.sign_in_rules and path == CALLBACK_PATH):
        chosen = Chosen(listener, facts, rule, risk=risk, client=request)
        return _guarded(listener, rule, path, request, chosen)
    chosen = Chosen(listener, facts, rule, None, None, risk, _NAMES[type(action)], client=request)
    return _perform(action, request, host, subject, chosen)


def _perform(
    action: FinalAction, request: Request, host: bytes, subject: Subject, chosen: Chosen
) -> BalancerStep:
    """The action that answers."""
    facts = chosen.facts
    match action:
        case FixedResponse():
            answer = fixed_response(
                action.status, action.content_type, action.message_body, date=facts.date
            )
            return finish(answer, chosen)
        case Redirect():
            return _redirect(action, subject, chosen)
        case Forward():
            return forward(action, request, host, chosen)


def _guarded(
    listener: Listener, rule: Rule, path: bytes, request: Request, chosen: Chosen
) -> BalancerStep:
    """The action before the one that answers.

    The listener takes the callback of sign-ins itself, whichever rule its path matches.
    """
    if path == CALLBACK_PATH and listener.sign_in_rules:
        first = rule if isinstance(rule.guard, Authenticate) else listener.sign_in_rules[0]
        others = (other for other in listener.sign_in_rules if other is not first)
        action = first.guard
        assert isinstance(action, Authenticate)
        return CheckSession(request, action, chosen.at_rule(first), _onward, (first, *others))
    if isinstance(rule.guard, Authenticate):
        return CheckSession(request, rule.guard, chosen, _onward)
    assert rule.guard is not None
    return check_token(request, rule.guard, chosen, _onward)


def _onward(request: Request, chosen: Chosen, guard: GuardOutcome | None) -> BalancerStep:
    """The action that answers, for a request that `guard` lets through."""
    rule, listener = chosen.rule, chosen.listener
    assert rule is not None
    host = host_of(request, listener)
    path = normalized_path(request.target.path) or request.target.path
    subject = subject_of(request, host, path)
    going_on = chosen.going_on(guard, _NAMES[type(rule.action)])
    return _perform(rule.action, request, host, subject, going_on)


_NAMES: Final[Mapping[type[FinalAction], ActionName]] = {
    FixedResponse: "fixed-response",
    Redirect: "redirect",
    Forward: "forward",
}


def host_of(request: Request, listener: Listener) -> bytes:
    """The host that rules see, with its port: an absolute-form target's comes before the header.

    With `preserve_host_header` the header comes first.
    """
    header = request.headers.get(b"host")
    authority = request.target.authority
    if listener.load_balancer.attributes.preserve_host_header and header is not None:
        return header
    return authority or header or listener.load_balancer.dns_name.encode()


def subject_of(request: Request, host: bytes, path: bytes) -> Subject:
    """What conditions look at; `path` is the normalised one."""
    return Subject(
        request.method,
        without_port(host),
        port_of(host),
        path,
        request.target.path,
        request.target.query,
        request.headers,
        request.client.address,
    )


def _redirect(action: Redirect, subject: Subject, chosen: Chosen) -> BalancerAnswer:
    target = location(action, subject, chosen.listener)
    if len(target) > MAX_LOCATION:
        return refuse(507, "-", f"the Location exceeds {MAX_LOCATION} bytes", chosen)
    return finish(redirection(action.status, target, date=chosen.facts.date), chosen)
