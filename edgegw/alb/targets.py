"""Which target group and which target take a request, and what health checks make of targets.

Source: ELB User Guide for ALB, "Target groups", "Health checks for target groups", "Edit target
group attributes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from edgegw.alb.model import Forward, HealthCheck, IpTargetGroup, Target, TargetGroup
from edgegw.values import value


def choose_target_group(action: Forward, *, draw: float) -> TargetGroup | None:
    """The target group in whose share of the weights `draw` (0 ≤ draw < 1) falls.

    None when all weights are 0: the load balancer then has nowhere to go (503; AWS is silent).
    Source: ELB User Guide for ALB, "Forward actions".
    """
    if len(action.target_groups) == 1:
        return action.target_groups[0][0]
    point = draw * sum(weight for _, weight in action.target_groups)
    for group, weight in action.target_groups:
        if point < weight:
            return group
        point -= weight
    return None


# Health

TargetState = Literal["initial", "healthy", "unhealthy", "unused", "draining", "unavailable"]
CheckResult = Literal["pass", "mismatch", "timeout", "failed"]


@value
class Health:
    """A target's health as DescribeTargetHealth shows it, and the checks in a row behind it."""

    state: TargetState
    reason: str = ""
    description: str = ""
    passes: int = 0
    fails: int = 0

    @property
    def is_healthy(self) -> bool:
        """Whether it counts as healthy; without health checks every target does."""
        return self.state in ("healthy", "unavailable")


REGISTERED: Final = Health(
    "initial", "Elb.RegistrationInProgress", "Target registration is in progress"
)
UNCHECKED: Final = Health(
    "unavailable",
    "Target.HealthCheckDisabled",
    "Health checks are not enabled for this target group",
)
HEALTHY: Final = Health("healthy")
NOT_IN_USE: Final = Health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
DRAINING: Final = Health(
    "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
)

_REASONS: Final[Mapping[CheckResult, str]] = {
    "mismatch": "Target.ResponseCodeMismatch",
    "timeout": "Target.Timeout",
    "failed": "Target.FailedHealthChecks",
}
_DESCRIPTIONS: Final[Mapping[CheckResult, str]] = {
    "timeout": "Request timed out",
    "failed": "Health checks failed",
}


class ProbeAnswer(NamedTuple):
    """What a probe found: the status, or why there is none."""

    code: int | None = None
    failure: str = ""
    timed_out: bool = False


def judged(group: TargetGroup, answer: ProbeAnswer) -> tuple[CheckResult, str]:
    """What a probe's answer means, and the reason code of the health check log.

    Source: ELB User Guide for ALB, "Health check logs".
    """
    if answer.timed_out:
        return "timeout", "TimedOut"
    if answer.code is None:
        return "failed", "ConnectionReset" if isinstance(group, IpTargetGroup) else "TargetError"
    if group.health_check.accepts(answer.code):
        return "pass", ""
    is_grpc = isinstance(group, IpTargetGroup) and group.protocol_version == "GRPC"
    return "mismatch", "GRPCUnexpectedStatus" if is_grpc else "ResponseCodeMismatch"


def after_check(
    health: Health, check: HealthCheck, result: CheckResult, code: int | None = None
) -> Health:
    """The health behind one more check; `code` is the status that did not fit.

    The first check that passes makes a new target healthy.
    """
    if result == "pass":
        passes = health.passes + 1
        is_new = health.state == "initial"
        if health.state == "healthy" or is_new or passes >= check.healthy_threshold:
            return Health("healthy", passes=passes)
        return replace(health, passes=passes, fails=0)
    fails = health.fails + 1
    if health.state != "unhealthy" and fails < check.unhealthy_threshold:
        if health.state == "initial":
            waiting = ("Elb.InitialHealthChecking", "Initial health checks in progress")
            return Health("initial", *waiting, fails=fails)
        return replace(health, passes=0, fails=fails)
    description = _DESCRIPTIONS.get(result, f"Health checks failed with these codes: [{code}]")
    return Health("unhealthy", _REASONS[result], description, fails=fails)


# Choosing a target


class Registered(NamedTuple):
    """A target of a group and its health; `share` below 1 while it starts slowly."""

    target: Target
    health: Health
    share: float = 1.0


class Routable(NamedTuple):
    """The targets that may take a request, as they are now.

    `turn` counts the group's requests; `outstanding` are those under way, by target. `why` says
    how the targets were picked.
    """

    targets: tuple[Target, ...]
    why: str
    turn: int = 0
    outstanding: Mapping[Target, int] = {}
    shares: Mapping[Target, float] = {}


def routable(group: IpTargetGroup, registered: tuple[Registered, ...]) -> tuple[list[Target], str]:
    """The targets of `group` that get traffic, and why these.

    With fewer healthy ones than the group's minimum all of them do: it fails open.
    """
    serving = [each for each in registered if each.health.state != "draining"]
    healthy = [each.target for each in serving if each.health.is_healthy]
    enough = max(group.minimum_healthy_count, group.minimum_healthy_percentage * len(serving) / 100)
    if len(healthy) >= enough:
        return healthy, f"{len(healthy)} of {len(serving)} targets are healthy"
    why = f"{len(healthy)} of {len(serving)} targets are healthy: fails open to all of them"
    return [each.target for each in serving], why


def choose_target(
    group: IpTargetGroup, routable: Routable, *, draw: float, sticky: Target | None = None
) -> Target | None:
    """The target that takes the request; None where there is none.

    A `sticky` one is kept while it gets traffic at all. `draw` is in [0, 1).
    """
    targets = routable.targets
    if not targets:
        return None
    if sticky is not None and sticky in targets:
        return sticky
    count = len(targets)
    if count == 1:
        return targets[0]
    match group.algorithm:
        case "weighted_random":
            return targets[int(draw * count)]
        case "least_outstanding_requests":
            start = routable.turn % count
            in_turn = targets[start:] + targets[:start]
            return min(in_turn, key=lambda target: routable.outstanding.get(target, 0))
        case "round_robin":
            return _in_turn(routable, draw)


def _in_turn(routable: Routable, draw: float) -> Target:
    """The target whose turn it is; one that starts slowly passes most of its turns on."""
    targets, count = routable.targets, len(routable.targets)
    first = targets[routable.turn % count]
    if not routable.shares or draw < routable.shares.get(first, 1.0):
        return first
    others = [each for each in targets if routable.shares.get(each, 1.0) >= 1.0]
    return others[routable.turn // count % len(others)] if others else first


def share_at(now: float, since: float, duration: float) -> float:
    """The share of a target that became healthy at `since` and starts within `duration` seconds."""
    return 1.0 if now >= since + duration else max(0.0, (now - since) / duration)
