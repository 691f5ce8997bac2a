"""The schedules of a gateway: who comes next, and what is invoked when the time is there.

One task waits for the next of all schedules. What it waits by is the clock of the gateway, which
may go faster (`gateway.time_scale`): from the moment on in which the gateway begins, an hour of
schedules passes in a minute when the scale is 60. The events say the time of the schedule.

Nothing is made up for: what was due while no gateway ran does not come later, as EventBridge does
not send what was due while a rule was disabled. A machine that slept is no different: what is
overdue by more than `_GRACE` is left out. A clock that a test moves makes nothing overdue.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from edgegw.awslambda.bus_events import schedule_arn, scheduled_event, scheduled_input, whole_second
from edgegw.awslambda.model import Invocation
from edgegw.awslambda.payload import encode_payload
from edgegw.awslambda.schedules import Schedule
from edgegw.background import Background
from edgegw.config.model import Config
from edgegw.execution.clock import ScaledClock
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.workers.event_bus import PRINCIPAL
from edgegw.gateway.workers.targets import Targets, event_id

logger = logging.getLogger(__name__)

_GRACE: Final = 60.0
"""Seconds of the machine after which what was due is left out: EventBridge's precision."""
_LOOK: Final = 20.0
"""Seconds between two looks at the clock: it may be put, and a machine may sleep."""


class Timeline:
    """The time that schedules go by: the clock's own, or from now on as fast as its scale says."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self.scale = clock.scale
        self._beginning = clock.now()

    def now(self) -> float:
        """The present of schedules, in seconds since 1970."""
        if self.scale == 1:
            return self._clock.now()
        return self._beginning + (self._clock.now() - self._beginning) * self.scale

    def by_the_clock(self, instant: float) -> float:
        """What the clock shows at `instant` of the schedules."""
        if self.scale == 1:
            return instant
        return self._beginning + (instant - self._beginning) / self.scale


@dataclass(slots=True)
class _Coming:
    """A schedule, since when it is known, and when it comes next."""

    schedule: Schedule
    since: float
    due: float | None


class Schedules:
    """Invokes the functions of all enabled schedules when they are due."""

    def __init__(self, around: WorkerContext) -> None:
        self._around = around
        self._clock = around.clock
        self._timeline = Timeline(around.clock)
        self._coming: list[_Coming] = []
        self._changed = asyncio.Event()
        self._background = Background()

    async def start(self) -> None:
        """Waits for what comes from now on."""
        self._arrange(self._around.config())
        self._background.start(self._run())

    async def change(self, config: Config) -> None:
        """Schedules that stay as they are go on; a rate counts from where it began."""
        if self._timeline.scale != self._clock.scale:
            self._timeline, self._coming = Timeline(self._clock), []
        self._arrange(config)
        self._changed.set()

    async def close(self) -> None:
        """Waits no longer."""
        await self._background.cancel()

    def next_times(self) -> dict[str, float | None]:
        """When each schedule comes next, in its own time; None for one that comes no more."""
        return {coming.schedule.name: coming.due for coming in self._coming}

    def _arrange(self, config: Config) -> None:
        known = {coming.schedule: coming for coming in self._coming}
        self._coming = [
            known.get(schedule) or self._begin(schedule)
            for schedule in config.schedules
            if schedule.is_enabled
        ]

    def _begin(self, schedule: Schedule) -> _Coming:
        now = self._timeline.now()
        due = schedule.timetable.next_after(now, now)
        if due is None:
            text = "schedule %s: %s is over, it does not come any more"
            logger.info(text, schedule.name, schedule.timetable.text)
        return _Coming(schedule, now, due)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            now = self._timeline.now()
            for coming in self._coming:
                if coming.due is not None and coming.due <= now:
                    await self._come(coming, coming.due)
            await asyncio.sleep(0)
            await self._clock.sleep_until(self._next_look(), self._changed)

    def _next_look(self) -> float:
        dues = [coming.due for coming in self._coming if coming.due is not None]
        latest = self._clock.now() + _LOOK
        return min([latest, *map(self._timeline.by_the_clock, dues)])

    async def _come(self, coming: _Coming, due: float) -> None:
        schedule = coming.schedule
        coming.due = schedule.timetable.next_after(due, coming.since)
        overdue = self._clock.now() - self._timeline.by_the_clock(due)
        if overdue > _GRACE and not self._clock.is_moved:
            text = "schedule %s: what was due at %s is left out, this machine slept"
            logger.warning(text, schedule.name, whole_second(due))
            coming.due = schedule.timetable.next_after(
                max(due, self._timeline.now() - 1), coming.since
            )
            return
        targets = await self._around.workers.of(Targets)
        await targets.invoke(self._invocation(schedule, due), f"schedule {schedule.name}")

    def _invocation(self, schedule: Schedule, due: float) -> Invocation:
        account, identity = self._around.config().account, event_id(self._around.world)
        if schedule.input is None:
            payload = encode_payload(scheduled_event(schedule, due, identity, account))
        else:
            payload = scheduled_input(schedule, schedule.input, due, identity, account)
        if schedule.service == "scheduler":  # it has a role of the account
            return Invocation(schedule.function, payload)
        return Invocation(
            schedule.function,
            payload,
            principal=PRINCIPAL,
            source_arn=schedule_arn(account, schedule),
        )
