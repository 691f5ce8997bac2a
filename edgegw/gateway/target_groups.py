"""The target groups as they are now: which targets are registered, how healthy, how busy.

What follows from that is decided in `alb.targets`; here it is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgegw.alb.model import IpTargetGroup, LambdaTargetGroup, Target, TargetGroup
from edgegw.alb.targets import (
    DRAINING,
    REGISTERED,
    UNCHECKED,
    CheckResult,
    Health,
    Registered,
    Routable,
    after_check,
    routable,
    share_at,
)
from edgegw.errors import UsageError


class Lease:
    """One request at a target; it ends with the last byte of the answer."""

    __slots__ = ("_entry", "is_cut", "task")

    def __init__(self, entry: _TargetEntry) -> None:
        self._entry = entry
        self.is_cut = False
        self.task = asyncio.current_task()

    def end(self) -> None:
        self._entry.leases.discard(self)

    def cut(self) -> None:
        """Ends the request although it is not answered: the target's time is over."""
        self.is_cut = True
        if self.task is not None:
            self.task.cancel()


@dataclass(eq=False)
class _TargetEntry:
    """A registered target."""

    target: Target
    health: Health
    healthy_since: float | None = None
    starts_slowly: bool = False
    requests: int = 0
    leases: set[Lease] = field(default_factory=set[Lease])
    expiry: asyncio.TimerHandle | None = None


class GroupTargets:
    """The targets of one ip target group."""

    def __init__(self, group: IpTargetGroup, clock: Callable[[], float]) -> None:
        self.group = group
        self._clock = clock
        self._entries: dict[Target, _TargetEntry] = {}
        self._turn = -1
        self._serving: tuple[tuple[Target, ...], str] | None = None
        for target in group.targets:
            self.register(target)

    def __iter__(self) -> Iterator[_TargetEntry]:
        return iter(self._entries.values())

    def __contains__(self, target: Target) -> bool:
        return target in self._entries

    def _changed(self) -> None:
        self._serving = None

    def register(self, target: Target) -> None:
        """Adds a target, or takes one back that was draining."""
        entry = self._entries.get(target)
        if entry is not None and entry.health.state != "draining":
            return
        if entry is not None and entry.expiry is not None:
            entry.expiry.cancel()
        had_others = any(other.health.state != "draining" for other in self)
        health = REGISTERED if self.group.health_check.is_enabled else UNCHECKED
        added = self._entries[target] = _TargetEntry(target, health, starts_slowly=had_others)
        if entry is not None:
            added.leases = entry.leases
        if health.is_healthy:
            added.healthy_since = self._clock()
        self._changed()

    def deregister(self, target: Target) -> None:
        """No new requests; those under way get the deregistration delay."""
        entry = self._entries.get(target)
        if entry is None or entry.health.state == "draining":
            return
        entry.health = DRAINING
        self._changed()
        loop = asyncio.get_running_loop()
        entry.expiry = loop.call_later(self.group.deregistration_delay, self._expire, entry)

    def _expire(self, entry: _TargetEntry) -> None:
        for lease in list(entry.leases):
            lease.cut()
        if self._entries.get(entry.target) is entry:
            del self._entries[entry.target]
        self._changed()

    def health(self, target: Target) -> Health | None:
        """The health of a target; None if it is not registered."""
        entry = self._entries.get(target)
        return None if entry is None else entry.health

    def note(self, target: Target, result: CheckResult, code: int | None = None) -> Health | None:
        """The health behind one more check; None if the target is gone or draining."""
        entry = self._entries.get(target)
        if entry is None or entry.health.state == "draining":
            return None
        before = entry.health
        entry.health = after_check(before, self.group.health_check, result, code)
        if entry.health.state != before.state:
            now_healthy = entry.health.state == "healthy"
            entry.healthy_since = self._clock() if now_healthy else None
            self._changed()
        return entry.health

    def routable(self) -> Routable:
        """What the next request may go to; it takes its turn."""
        self._turn += 1
        return self.peek(self._turn)

    def peek(self, turn: int | None = None) -> Routable:
        """What the next request may go to, without taking its turn."""
        turn = self._turn + 1 if turn is None else turn
        serving = self._serving
        if serving is None:
            registered = tuple(Registered(entry.target, entry.health) for entry in self)
            targets, why = routable(self.group, registered)
            serving = self._serving = tuple(targets), why
        group = self.group
        if group.algorithm == "least_outstanding_requests":
            busy = {entry.target: len(entry.leases) for entry in self}
            return Routable(*serving, turn, busy)
        if group.slow_start:
            return Routable(*serving, turn, shares=self._shares())
        return Routable(*serving, turn)

    def _shares(self) -> Mapping[Target, float]:
        now, duration = self._clock(), self.group.slow_start
        return {
            entry.target: share
            for entry in self
            if entry.starts_slowly
            and entry.healthy_since is not None
            and (share := share_at(now, entry.healthy_since, duration)) < 1
        }

    def take(self, target: Target) -> Lease | None:
        """A request goes to `target`."""
        entry = self._entries.get(target)
        if entry is None:
            return None
        entry.requests += 1
        lease = Lease(entry)
        entry.leases.add(lease)
        return lease

    def become(self, group: IpTargetGroup) -> None:
        """The group has another configuration; its targets change if that says so."""
        old, self.group = self.group, group
        if group.targets != old.targets:
            for target in [entry.target for entry in self]:
                if target not in group.targets:
                    self.deregister(target)
            for target in group.targets:
                self.register(target)
        if group.health_check.is_enabled != old.health_check.is_enabled:
            for entry in self:
                if entry.health.state != "draining":
                    entry.health = REGISTERED if group.health_check.is_enabled else UNCHECKED
        self._changed()

    def close(self) -> None:
        for entry in self:
            if entry.expiry is not None:
                entry.expiry.cancel()


class TargetGroups:
    """All target groups of a gateway, for one event loop."""

    def __init__(
        self, groups: Mapping[str, TargetGroup], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._groups: dict[str, GroupTargets] = {}
        self.functions: dict[str, Health] = {}
        """The health of Lambda target groups, by name."""
        self.on_change: Callable[[], None] = _nothing
        """Called when targets came or went."""
        self.on_trouble: Callable[[str, Target], None] = _ignore
        """Called when a request could not reach a target."""
        self.configure(groups)

    def configure(self, groups: Mapping[str, TargetGroup]) -> None:
        """Makes the groups those of a configuration."""
        wanted = {
            name: any_group
            for name, any_group in groups.items()
            if isinstance(any_group, IpTargetGroup)
        }
        for name in self._groups.keys() - wanted.keys():
            self._groups.pop(name).close()
        for name, group in wanted.items():
            known = self._groups.get(name)
            if known is None:
                self._groups[name] = GroupTargets(group, self._clock)
            elif known.group != group:
                known.become(group)
        known_functions, self.functions = self.functions, {}
        for name, any_group in groups.items():
            if isinstance(any_group, LambdaTargetGroup):
                is_checked = any_group.health_check.is_enabled
                health = known_functions.get(name, REGISTERED) if is_checked else UNCHECKED
                self.functions[name] = health
        self.on_change()

    def __iter__(self) -> Iterator[GroupTargets]:
        return iter(self._groups.values())

    def __getitem__(self, name: str) -> GroupTargets:
        return self._groups[name]

    def routable(self, group: IpTargetGroup) -> Routable:
        """What the next request to `group` may go to."""
        members = self._groups.get(group.name)
        if members is None:  # the configuration changed under the request
            return Routable(group.targets, "the target group is gone")
        return members.routable()

    def peek(self, group: IpTargetGroup) -> Routable:
        """As `routable`, without taking a turn."""
        return self._groups[group.name].peek()

    def take(self, group: IpTargetGroup, target: Target) -> Lease | None:
        members = self._groups.get(group.name)
        return None if members is None else members.take(target)

    def register(self, name: str, targets: Iterable[Target]) -> None:
        """Registers targets in an ip target group. Raises UsageError."""
        group = self._named(name)
        for target in targets:
            group.register(target)
        self.on_change()

    def deregister(self, name: str, targets: Iterable[Target]) -> None:
        """Deregisters targets: they drain. Raises UsageError."""
        group = self._named(name)
        for target in targets:
            if target not in group:
                raise UsageError(f"{target} is not registered in target group {name!r}")
            group.deregister(target)
        self.on_change()

    def _named(self, name: str) -> GroupTargets:
        members = self._groups.get(name)
        if members is None:
            raise UsageError(f"{name!r} is no target group of ip or instance targets")
        return members

    def describe(self, name: str) -> list[dict[str, Any]]:
        """The targets of an ip group: `target`, health, requests so far and under way."""
        return [
            {
                "target": str(entry.target),
                **health_words(entry.health),
                "requests": entry.requests,
                "outstanding": len(entry.leases),
            }
            for entry in self._named(name)
        ]

    def close(self) -> None:
        for members in self:
            members.close()


def health_words(health: Health) -> dict[str, str]:
    """A target's health in the words of DescribeTargetHealth."""
    return {
        "state": health.state,
        "reason": health.reason,
        "description": health.description,
    }


def _nothing() -> None:
    pass


def _ignore(name: str, target: Target) -> None:
    pass
