"""Why a request goes where it goes: the same decisions as `flow`, with their reasons kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from edgegw.alb.conditions import Condition, Subject
from edgegw.alb.flow import (
    BalancerAnswer,
    BalancerFacts,
    BalancerStep,
    CheckSession,
    CheckToken,
    ChooseTarget,
    Chosen,
    ForwardTo,
    ReadBody,
    host_of,
    start,
    subject_of,
)
from edgegw.alb.model import (
    FixedResponse,
    Forward,
    IpTargetGroup,
    Listener,
    Redirect,
    Rule,
)
from edgegw.alb.targets import Routable
from edgegw.http.message import Request
from edgegw.http.target import normalized_path, to_text
from edgegw.values import value


class ConditionVerdict(NamedTuple):
    """A condition, what it looked at, and whether it holds."""

    key: str
    wanted: str
    looked_at: str
    actual: str | None
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON."""
        return {
            "key": self.key,
            "wanted": self.wanted,
            "looked_at": self.looked_at,
            "found": self.actual,
            "holds": self.holds,
        }


class RuleVerdict(NamedTuple):
    """A rule and whether it matches; `conditions` are all of its conditions."""

    name: str
    matches: bool
    conditions: tuple[ConditionVerdict, ...]
    action: str


@value
class Explanation:
    """The way of one request. `notes` tell what follows the rule, one fact a line."""

    request: str
    listener: str
    rules: tuple[RuleVerdict, ...]
    rule: str | None
    notes: tuple[str, ...]
    target_group: str | None = None
    target: str | None = None
    status: int | None = None
    location: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON."""
        return {
            "request": self.request,
            "listener": self.listener,
            "rule": self.rule,
            "rules": [
                {
                    "rule": rule.name,
                    "matches": rule.matches,
                    "action": rule.action,
                    "conditions": [condition.to_dict() for condition in rule.conditions],
                }
                for rule in self.rules
            ],
            "target_group": self.target_group,
            "target": self.target,
            "status": self.status,
            "location": self.location,
            "notes": list(self.notes),
        }


def explain(
    listener: Listener,
    request: Request,
    facts: BalancerFacts,
    routable_of: Callable[[IpTargetGroup], Routable],
) -> Explanation:
    """The way that `request` takes through `listener`, with the targets as they are now."""
    step = start(listener, request, facts)
    notes: list[str] = []
    if isinstance(step, CheckSession | CheckToken):
        notes.append(_about_guard(step))
        step = step if _is_callback(step) else step.passed()
    chosen = step.chosen
    rules: tuple[RuleVerdict, ...] = ()
    path = normalized_path(request.target.path)
    if chosen.rule is not None and path is not None and not _is_callback(step):
        subject = subject_of(request, host_of(request, listener), path)
        rules = _verdicts(listener, subject, chosen.rule)
        notes += _about_action(chosen)
    if isinstance(step, ChooseTarget):
        routable = routable_of(step.group)
        group, held = step.group, step.held
        step = step.next(routable)
        notes += _about_target(group, routable, step, is_held=held is not None)
    return _explanation(listener, request, rules, step, notes)


def _is_callback(step: BalancerStep) -> bool:
    return isinstance(step, CheckSession) and bool(step.candidates)


def _about_guard(step: CheckSession | CheckToken) -> str:
    """What stands before the action; what follows is for those whom it lets through."""
    if isinstance(step, CheckToken):
        return f"jwt-validation: goes on with a good token of {step.action.issuer}"
    action = step.action
    if step.candidates:
        return "here clients come back from the identity provider: the listener answers, no rule"
    others = {
        "allow": "goes on without x-amzn-oidc-* headers",
        "deny": "gets 401",
        "authenticate": f"is sent to {action.shown_endpoint}",
    }[action.on_unauthenticated]
    return f"{action.kind}: who is not signed in {others}; who is:"


def _explanation(
    listener: Listener,
    request: Request,
    rules: tuple[RuleVerdict, ...],
    step: BalancerStep,
    notes: list[str],
) -> Explanation:
    chosen = step.chosen
    target = status = location = None
    if isinstance(step, ForwardTo):
        target = str(step.target)
    elif isinstance(step, ReadBody):
        target = None if step.group.function is None else f"function {step.group.function}"
        notes.append(f"target: {target or 'none is registered: 503'}")
    elif isinstance(step, BalancerAnswer):
        status = step.response.status
        raw = step.response.headers.get(b"location")
        location = None if raw is None else to_text(raw)
        if step.refusal is not None:
            notes.append(f"the load balancer answers {status}: {step.refusal.detail}")
        elif location is not None:
            notes.append(f"the client is sent to {location} ({status})")
        else:
            notes.append(f"the load balancer answers {status}")
    host = to_text(host_of(request, listener))
    line = f"{request.method} {listener.protocol.lower()}://{host}{to_text(request.target.raw)}"
    return Explanation(
        line,
        f"{listener.load_balancer.name} {listener.protocol} {listener.port}",
        rules,
        None if chosen.rule is None else chosen.rule.name,
        tuple(notes),
        None if chosen.target_group is None else chosen.target_group.name,
        target,
        status,
        location,
    )


def _verdicts(listener: Listener, subject: Subject, matched: Rule) -> tuple[RuleVerdict, ...]:
    """The rules up to the one that matched."""
    found: list[RuleVerdict] = []
    for rule in (*listener.rules, listener.default):
        conditions = tuple(_verdict(each, subject) for each in rule.conditions)
        found.append(RuleVerdict(rule.name, rule is matched, conditions, action_text(rule)))
        if rule is matched:
            break
    return tuple(found)


def _verdict(condition: Condition, subject: Subject) -> ConditionVerdict:
    what, value = condition.observed(subject)
    holds = condition.holds(subject)
    return ConditionVerdict(condition.key, condition.wanted, what, value, holds)


def action_text(rule: Rule) -> str:
    """What a rule does, in a few words."""
    match rule.action:
        case FixedResponse() as action:
            return f"answers {action.status}"
        case Redirect() as action:
            to = f"{action.protocol}://{action.host}:{action.port}{action.path}".lower()
            return f"redirects to {to} ({action.status})"
        case Forward() as action:
            return "forwards to " + " | ".join(group.name for group, _ in action.target_groups)


def _about_action(chosen: Chosen) -> list[str]:
    rule = chosen.rule
    if rule is None or not isinstance(rule.action, Forward):
        return []
    notes: list[str] = []
    made = chosen.transformed
    if made is not None and made.status is not None:
        if made.host is not None:
            notes.append(f"transform: the host becomes {to_text(made.host)}")
        if made.target is not None:
            notes.append(f"transform: the path becomes {to_text(made.target.raw)}")
    elif made is not None:
        notes.append("transform: nothing matches, so nothing changes")
    groups = rule.action.target_groups
    total = sum(weight for _, weight in groups)
    for group, weight in groups:
        share = f"{weight / total:.0%}" if total else "none"
        mark = "  ← this request" if group is chosen.target_group else ""
        of = "" if len(groups) == 1 else f", weight {weight} of {total} ({share})"
        notes.append(f"target group {group.name}{of}{mark}")
    if rule.action.stickiness is not None:
        notes.append(f"clients stay with their target group for {rule.action.stickiness:g} s")
    return notes


_ALGORITHMS: Final = {
    "round_robin": "round robin",
    "least_outstanding_requests": "least outstanding requests",
    "weighted_random": "random",
}


def _about_target(
    group: IpTargetGroup, routable: Routable, step: BalancerStep, *, is_held: bool
) -> list[str]:
    notes = [routable.why]
    if not isinstance(step, ForwardTo):
        return notes
    how = _ALGORITHMS[group.algorithm]
    others = ", ".join(str(each) for each in routable.targets)
    notes.append(f"target {step.target}, by {how} among {others}")
    if group.stickiness is not None:
        kind = group.stickiness.cookie_name or "AWSALB"
        notes.append(
            f"the cookie holds the client to a target ({kind})"
            if is_held
            else f"the request has no stickiness cookie that holds ({kind})"
        )
    if routable.outstanding:
        busy = ", ".join(f"{target} {count}" for target, count in routable.outstanding.items())
        notes.append(f"requests under way: {busy}")
    return notes
