"""How a request leaves a load balancer: the way it took, and its answer as the client gets it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from edgegw.alb import stickiness
from edgegw.alb.answers import error_page
from edgegw.alb.authentication.outcome import GuardOutcome
from edgegw.alb.desync import COMPLIANT, Classification
from edgegw.alb.event import BalancerRefusal
from edgegw.alb.forwarding import BalancerFacts
from edgegw.alb.model import Forward, IpTargetGroup, Listener, Rule, Target, TargetGroup
from edgegw.alb.rules import Transformed
from edgegw.http.message import Header, Request, Response
from edgegw.values import value

ActionName = Literal["fixed-response", "forward", "redirect"]


@value
class Chosen:
    """The way a request takes through the listener; kept for the exchange record.

    `rule` is None before one was chosen, `action` what was executed of it, `guard` what came of
    the action before that one. `bad_cookie` says that the client brought an AWSALBTG cookie that
    does not hold; `client` is what it sent.
    """

    listener: Listener
    facts: BalancerFacts
    rule: Rule | None = None
    target_group: TargetGroup | None = None
    target: Target | None = None
    risk: Classification = COMPLIANT
    action: ActionName | None = None
    transformed: Transformed | None = None
    bad_cookie: bool = False
    client: Request | None = None
    guard: GuardOutcome | None = None

    def guarded(self, guard: GuardOutcome) -> Chosen:
        """An action that comes before the one that answers was executed."""
        return replace(self, guard=guard)

    def at_rule(self, rule: Rule) -> Chosen:
        """The request belongs to another rule than its path says."""
        return replace(self, rule=rule)

    def going_on(self, guard: GuardOutcome | None, action: ActionName) -> Chosen:
        """The action that answers is executed, behind `guard`; `replace` costs much more."""
        return Chosen(
            self.listener,
            self.facts,
            self.rule,
            None,
            None,
            self.risk,
            action,
            None,
            False,  # noqa: FBT003 - by place, as it costs less
            self.client,
            guard,
        )

    def with_group(
        self, group: TargetGroup | None, transformed: Transformed | None, *, bad_cookie: bool
    ) -> Chosen:
        """The target group is found, and what transforms made of the request."""
        return Chosen(
            self.listener,
            self.facts,
            self.rule,
            group,
            None,
            self.risk,
            self.action,
            transformed,
            bad_cookie,
            self.client,
            self.guard,
        )

    def with_target(self, target: Target) -> Chosen:
        """The target is found; `replace` costs much more."""
        return Chosen(
            self.listener,
            self.facts,
            self.rule,
            self.target_group,
            target,
            self.risk,
            self.action,
            self.transformed,
            self.bad_cookie,
            self.client,
            self.guard,
        )

    @property
    def is_secure(self) -> bool:
        return self.listener.protocol == "HTTPS"


@value
class BalancerAnswer:
    """The answer stands. `refusal` says why the load balancer made it itself, if it did."""

    response: Response
    chosen: Chosen
    refusal: BalancerRefusal | None = None
    warning: str | None = None

    @property
    def verdict(self) -> str:
        """What became of the request in one word, for the exchange record.

        The access log's `error_reason` where the load balancer answered for a reason of its own
        (`-` where that has no code), else `forwarded`, `redirect` or `fixed-response`;
        `authenticate` or the reason for a client that is sent to sign in, `authenticated` for one
        that has.
        Source: ELB User Guide for ALB, "Access logs", error reason codes.
        """
        if self.refusal is not None:
            return self.refusal.reason
        action, guard = self.chosen.action, self.chosen.guard
        if action is None and guard is not None:
            return guard.verdict if guard.reason == "-" else guard.reason
        return "forwarded" if action == "forward" else action or "-"


def target_mark(group: IpTargetGroup, target: Target) -> bytes:
    """What stands for `target` in a stickiness cookie."""
    return stickiness.mark_of(group.arn, target)


def finish(
    response: Response,
    chosen: Chosen,
    *,
    refusal: BalancerRefusal | None = None,
    warning: str | None = None,
) -> BalancerAnswer:
    """The answer as it leaves: cookies, the listener's response headers, the end of connections."""
    guard = chosen.guard
    lines: list[Header] = [] if guard is None else [*guard.lines]
    group, action = chosen.target_group, chosen.rule and chosen.rule.action
    if isinstance(group, IpTargetGroup) and group.stickiness is not None and refusal is None:
        lines += _target_cookies(response, group, chosen)
    if isinstance(action, Forward) and action.stickiness is not None and group is not None:
        mark, duration = stickiness.mark_of(group.arn), action.stickiness
        lines += _cookies("group", mark, duration, chosen)
    attributes = chosen.listener.load_balancer.attributes
    headers, policy = response.headers, chosen.listener.response_headers
    if policy.lines or not policy.keeps_server:
        replaced = {name.lower() for name, _ in policy.lines}
        if not policy.keeps_server:
            replaced.add(b"server")
        headers = headers.without(*replaced)
        lines += policy.lines
    if chosen.risk is not COMPLIANT and chosen.risk.closes(attributes.desync_mode):
        headers = headers.without(b"connection")
        lines.append((b"Connection", b"close"))
    if response.status == 204:  # RFC 9110 section 8.6
        headers = headers.without(b"content-length")
    if lines or headers is not response.headers:
        response = Response(
            response.status,
            response.reason,
            headers.added(*lines),
            response.body,
            response.upgraded,
        )
    if guard is not None and guard.warning is not None:
        warning = warning or guard.warning
    return BalancerAnswer(response, chosen, refusal, warning)


def _target_cookies(response: Response, group: IpTargetGroup, chosen: Chosen) -> list[Header]:
    sticky, target = group.stickiness, chosen.target
    if sticky is None or target is None:
        return []
    mark = target_mark(group, target)
    if sticky.cookie_name is None:
        return _cookies("target", mark, sticky.duration, chosen)
    own = stickiness.set_cookie(response.headers, sticky.cookie_name)
    if own is None:
        return []
    expires = stickiness.expiry(own, now=chosen.facts.now)
    return _cookies("application", mark, sticky.duration, chosen, expires)


def _cookies(
    kind: stickiness.CookieKind,
    mark: bytes,
    duration: float,
    chosen: Chosen,
    expires: bytes | None = None,
) -> list[Header]:
    return stickiness.lines(
        chosen.listener.load_balancer,
        kind,
        mark,
        chosen.facts,
        duration=duration,
        is_secure=chosen.is_secure,
        expires=expires,
    )


def refuse(status: int, reason: str, detail: str, chosen: Chosen) -> BalancerAnswer:
    page = error_page(status, date=chosen.facts.date)
    return finish(page, chosen, refusal=BalancerRefusal(status, reason, detail))
