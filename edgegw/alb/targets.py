"""Which target group and which target take a request."""

from __future__ import annotations

from edgegw.alb.model import Forward, IpTargetGroup, Target, TargetGroup


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


def choose_target(group: IpTargetGroup, *, turn: int) -> Target | None:
    """Round robin: the target whose turn it is; None without targets."""
    return group.targets[turn % len(group.targets)] if group.targets else None
