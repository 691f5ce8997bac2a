"""What can be asked of load balancers while they run: explanations, targets, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from edgegw.alb.explain import Explanation, explain
from edgegw.alb.forwarding import BalancerFacts
from edgegw.alb.model import (
    Forward,
    IpTargetGroup,
    LambdaTargetGroup,
    Listener,
    Rule,
    Target,
    TargetGroup,
)
from edgegw.alb.targets import NOT_IN_USE, Routable
from edgegw.awslambda.model import FunctionRef
from edgegw.config.addresses import host_and_port
from edgegw.config.model import Config, ListenerDoor
from edgegw.errors import UsageError
from edgegw.gateway.target_groups import TargetGroups, health_words
from edgegw.gateway.world import World
from edgegw.http.message import Request


def explain_listener(
    listener: Listener, request: Request, groups: TargetGroups | None, world: World
) -> Explanation:
    """Why a request goes where it goes; without `groups` all targets count as healthy."""
    facts = BalancerFacts(world.date(), world.now(), world.entropy(), world.dice())

    def routable_of(group: IpTargetGroup) -> Routable:
        if groups is not None:
            return groups.peek(group)
        count = len(group.targets)
        return Routable(group.targets, f"{count} targets; none is running, so none is checked")

    return explain(listener, request, facts, routable_of)


def describe_targets(config: Config, groups: TargetGroups, name: str) -> list[dict[str, Any]]:
    """The targets of a group as they are. Raises UsageError."""
    group = _named(config, name)
    rows: list[dict[str, Any]] = []
    if isinstance(group, IpTargetGroup):
        rows = groups.describe(name)
    elif group.function is not None:
        rows = [{"target": str(group.function), **health_words(groups.functions[name])}]
    if not config.users_of(group):
        unused = health_words(NOT_IN_USE)
        rows = [{**row, **unused} for row in rows]
    return rows


def register(config: Config, groups: TargetGroups, name: str, targets: list[str]) -> Config:
    """Registers targets: addresses, or the function of a Lambda group. Raises UsageError."""
    group = _named(config, name)
    if isinstance(group, LambdaTargetGroup):
        if len(targets) != 1 or group.function is not None:
            raise UsageError(
                f"target group {name!r} takes one function: deregister the other first"
            )
        function, _, qualifier = targets[0].partition(":")
        if function not in config.functions:
            raise UsageError(f"there is no function {function!r}")
        return _with_group(
            config, replace(group, function=FunctionRef(function, qualifier=qualifier))
        )
    groups.register(name, [_target(target) for target in targets])
    return config


def deregister(config: Config, groups: TargetGroups, name: str, targets: list[str]) -> Config:
    """Deregisters targets: they get no new requests. Raises UsageError."""
    group = _named(config, name)
    if isinstance(group, LambdaTargetGroup):
        if group.function is None or targets not in ([], [str(group.function)]):
            raise UsageError(f"{' '.join(targets)} is not registered in target group {name!r}")
        return _with_group(config, replace(group, function=None))
    groups.deregister(name, [_target(target) for target in targets])
    return config


def _named(config: Config, name: str) -> TargetGroup:
    group = config.target_groups.get(name)
    if group is None:
        known = ", ".join(config.target_groups) or "none"
        raise UsageError(f"there is no target group {name!r} (known: {known})")
    return group


def _target(text: str) -> Target:
    try:
        return Target(*host_and_port(text))
    except ValueError as error:
        hint = "must be ADDRESS:PORT, such as localhost:3000"
        raise UsageError(f"{text!r} {hint}: {error}") from None


def _with_group(config: Config, group: TargetGroup) -> Config:
    """`config` with another value for the target group of this name, everywhere."""

    def change(_: ListenerDoor, rule: Rule) -> Rule:
        action = rule.action
        if not isinstance(action, Forward):
            return rule
        pairs = [
            (group if member.name == group.name else member, weight)
            for member, weight in action.target_groups
        ]
        return rule.answering_with(replace(action, target_groups=tuple(pairs)))

    groups = {**config.target_groups, group.name: group}
    return replace(_with_rules(config, change), target_groups=groups)


def _with_rules(config: Config, change: Callable[[ListenerDoor, Rule], Rule]) -> Config:
    """`config` with `change(door, rule)` for every rule of every listener."""
    listeners: list[ListenerDoor] = []
    for door in config.listeners:
        listener = door.listener
        rules = tuple(change(door, rule) for rule in listener.rules)
        default = change(door, listener.default)
        changed = replace(listener, rules=rules, default=default)
        listeners.append(replace(door, listener=changed))
    return replace(config, listeners=tuple(listeners))


def with_weights(
    config: Config, rule: str, weights: Mapping[str, int]
) -> tuple[Config, dict[str, int]]:
    """`config` with other weights in a rule, and how they stand now.

    `rule` is a priority or `default`, with `LOAD_BALANCER/` before it where that is not clear; a
    group that is not named keeps its weight. Raises UsageError.
    """
    balancer, _, name = rule.rpartition("/")
    changed: list[Forward] = []
    forwarding: list[str] = []

    def change(door: ListenerDoor, old: Rule) -> Rule:
        action = old.action
        if not isinstance(action, Forward):
            return old
        forwarding.append(f"{door.name}/{old.name}")
        if old.name != name or balancer not in ("", door.name):
            return old
        known = {group.name for group, _ in action.target_groups}
        for member in weights:
            if member not in known:
                listed = ", ".join(sorted(known))
                raise UsageError(
                    f"rule {rule} does not forward to {member!r} (it does to: {listed})"
                )
        pairs = tuple((group, weights.get(group.name, w)) for group, w in action.target_groups)
        changed.append(replace(action, target_groups=pairs))
        return old.answering_with(changed[-1])

    reweighted = _with_rules(config, change)
    if not changed:
        known_rules = ", ".join(forwarding) or "none"
        text = f"there is no rule {rule!r} that forwards to target groups (known: {known_rules})"
        raise UsageError(text)
    if len(changed) > 1:
        raise UsageError(f"there are {len(changed)} rules {rule!r}: write LOAD_BALANCER/{name}")
    return reweighted, {group.name: weight for group, weight in changed[0].target_groups}
