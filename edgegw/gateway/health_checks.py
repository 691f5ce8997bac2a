"""Probes targets in the intervals of their target groups, as each node of a load balancer does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from edgegw.alb.event import decode_response, encode_health_check
from edgegw.alb.health_check_log import CheckEntry
from edgegw.alb.model import IpTargetGroup, LambdaTargetGroup, Target, TargetGroup
from edgegw.alb.targets import Health, ProbeAnswer, after_check, judged
from edgegw.awslambda.model import Invocation, Outcome, Returned
from edgegw.awslambda.permissions import LOAD_BALANCER
from edgegw.background import Background
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.world import WallClock

logger = logging.getLogger(__name__)

_SOONEST = 0.5
"""Seconds between two checks that trouble has brought forward."""


class Probe(Protocol):
    """Sends one health check to a target."""

    async def __call__(self, group: IpTargetGroup, target: Target) -> ProbeAnswer: ...


Key = tuple[str, Target | None]


class HealthChecks:
    """One task for each target that is checked."""

    def __init__(
        self,
        groups: TargetGroups,
        probe: Probe,
        invoke: Callable[[Invocation], Awaitable[Outcome]],
        on_check: Callable[[CheckEntry, TargetGroup], None],
        now: WallClock,
    ) -> None:
        self._groups = groups
        self._probe = probe
        self._invoke = invoke
        self._on_check = on_check
        self._now = now
        self._checked: Mapping[str, TargetGroup] = {}
        self._background = Background()
        self._checks: dict[Key, tuple[TargetGroup, asyncio.Task[None]]] = {}
        self._hurry: dict[Key, asyncio.Event] = {}
        groups.on_change = self.follow
        groups.on_trouble = self.hasten

    def watch(self, groups: Iterable[TargetGroup]) -> None:
        """Checks the targets of these groups from now on, and no others."""
        self._checked = {each.name: each for each in groups if each.health_check.is_enabled}
        self.follow()

    def follow(self) -> None:
        """Starts and ends checks as targets come and go."""
        wanted: dict[Key, TargetGroup] = {}
        for name, group in self._checked.items():
            if isinstance(group, LambdaTargetGroup):
                if group.function is not None:
                    wanted[name, None] = group
                continue
            for each in self._groups[name]:
                if each.health.state != "draining":
                    wanted[name, each.target] = group
        for key in list(self._checks):
            if wanted.get(key) != self._checks[key][0]:
                self._checks.pop(key)[1].cancel()
                self._hurry.pop(key, None)
        for key, group in wanted.items():
            if key not in self._checks:
                self._hurry[key] = asyncio.Event()
                self._checks[key] = group, self._background.start(self._check_on(key, group))

    def hasten(self, name: str, target: Target) -> None:
        """A request could not reach `target`: it is checked now, not at the next turn."""
        event = self._hurry.get((name, target))
        if event is not None:
            event.set()

    async def _check_on(self, key: Key, group: TargetGroup) -> None:
        check, hurry = group.health_check, self._hurry[key]
        while True:
            started = time.monotonic()
            try:
                if isinstance(group, LambdaTargetGroup):
                    await self._check_function(group)
                elif key[1] is not None:
                    await self._check_target(group, key[1])
            except Exception:
                logger.exception("a fault of edgegw itself in a health check, please report it")
            hurry.clear()
            rest = started + check.interval - time.monotonic()
            try:
                async with asyncio.timeout(max(rest, 0)):
                    await hurry.wait()
                await asyncio.sleep(min(_SOONEST, check.interval))
            except TimeoutError:
                pass

    async def _check_target(self, group: IpTargetGroup, target: Target) -> None:
        started = time.perf_counter()
        answer = await self._probe(group, target)
        result, reason = judged(group, answer)
        latency = time.perf_counter() - started
        targets = self._groups[group.name]
        before = targets.health(target)
        health = targets.note(target, result, answer.code)
        self._tell(group, str(target), before, health)
        kind = {"HTTP1": group.health_check.protocol.lower(), "HTTP2": "h2", "GRPC": "grpc"}
        entry = CheckEntry(
            kind[group.protocol_version],
            self._now(),
            latency,
            str(target),
            result == "pass",
            answer.code,
            reason,
        )
        self._on_check(entry, group)

    async def _check_function(self, group: LambdaTargetGroup) -> None:
        check, function = group.health_check, group.function
        assert function is not None
        payload = encode_health_check(group, check.path)
        invocation = Invocation(
            function, payload, "", principal=LOAD_BALANCER, source_arn=group.arn
        )
        started = time.perf_counter()
        answer = ProbeAnswer(failure="the function failed")
        try:
            async with asyncio.timeout(check.timeout):
                outcome = await self._invoke(invocation)
        except TimeoutError:
            answer = ProbeAnswer(failure="no answer in time", timed_out=True)
        else:
            if isinstance(outcome, Returned):
                response = decode_response(outcome.payload, group, date=b"")
                answer = ProbeAnswer(response.status)
        result, reason = judged(group, answer)
        before = self._groups.functions.get(group.name)
        if before is not None:
            health = after_check(before, check, result, answer.code)
            self._groups.functions[group.name] = health
            self._tell(group, str(function), before, health)
        latency = time.perf_counter() - started
        entry = CheckEntry(
            "lambda", self._now(), latency, str(function), result == "pass", answer.code, reason
        )
        self._on_check(entry, group)

    def _tell(
        self, group: TargetGroup, target: str, before: Health | None, after: Health | None
    ) -> None:
        if before is None or after is None or before.state == after.state:
            return
        level = logging.WARNING if after.state == "unhealthy" else logging.INFO
        why = f": {after.description}" if after.description else ""
        logger.log(level, "target group %s: %s is %s%s", group.name, target, after.state, why)

    async def close(self) -> None:
        self._checks.clear()
        await self._background.cancel()
