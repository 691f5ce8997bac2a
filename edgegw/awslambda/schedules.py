"""When a schedule comes: `cron(…)`, `rate(…)` and `at(…)`, in a time zone and over its changes.

An expression in a time zone names times on a wall. Twice a year a wall and the world disagree:

- **The clock goes forward**: the times between are shown by no clock. What an expression has there
  does not come at all; an hour with a step of ten minutes leaves out six.
- **The clock goes back**: an hour is shown twice. What an expression has there comes once, the
  first time (AWS says once, and not which of the two).

So the times of the wall are gone through in order, each is turned into an instant, and the first
one that is later than the given one is the answer. A rate knows no wall: a day has 24 hours.

Source: Amazon EventBridge Scheduler User Guide, "Schedule types" (time zones, daylight saving
time); Amazon EventBridge User Guide, "Rate expressions reference".
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, TypeAlias, assert_never

from edgegw.awslambda.cron import Cron, ScheduleError, read_cron
from edgegw.awslambda.model import FunctionRef
from edgegw.values import value

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 7_258_118_400.0
"""The year 2200, behind every year that an expression can name, in seconds since 1970."""
_UNITS: Final = {"minute": 60, "hour": 3600, "day": 86_400}
_FORMS: Final = "cron(0 3 * * ? *), rate(5 minutes) or at(2030-01-31T08:00:00)"
_MAX_EXPRESSION: Final = 256
"""Characters of an expression.

Source: Amazon EventBridge Scheduler API Reference, CreateSchedule, ScheduleExpression.
"""


@value
class Rate:
    """Every so many seconds."""

    period: float


@value
class OneTime:
    """Once, at this time on the wall."""

    time: datetime


Times: TypeAlias = Cron | Rate | OneTime


@value
class Timetable:
    """An expression, as it was written and as it is meant, in its time zone."""

    text: str
    times: Times
    zone: tzinfo

    def next_after(self, instant: float, since: float = 0.0) -> float | None:
        """The next instant that it names, later than `instant`; None where none comes any more.

        Instants are seconds since 1970. A rate counts from `since`.
        """
        match self.times:
            case Rate(period):
                return _next_of_rate(period, instant, since)
            case OneTime(time):
                once = _instant(time, self.zone)
                return once if once is not None and once > instant else None
            case Cron():
                return _next_of_cron(self.times, instant, self.zone)
        assert_never(self.times)

    @property
    def is_one_time(self) -> bool:
        """Whether it comes once at most."""
        return isinstance(self.times, OneTime)


@value
class Schedule:
    """What is invoked when. `input` is the event as JSON bytes; None for EventBridge's own one.

    `service` is which of the two services of EventBridge it stands for: a rule with a schedule, or
    a schedule of EventBridge Scheduler, which alone has time zones and `at(…)`.
    """

    name: str
    timetable: Timetable
    function: FunctionRef
    input: bytes | None = None
    service: Literal["rule", "scheduler"] = "rule"
    is_enabled: bool = True


def read_timetable(text: str, zone: tzinfo = UTC) -> Timetable:
    """The expression `text`, whose times are those of `zone`. Raises ScheduleError."""
    if len(text) > _MAX_EXPRESSION or not text.isascii():
        raise ScheduleError(f"an expression has at most {_MAX_EXPRESSION} characters, all of ASCII")
    match = re.fullmatch(r"(cron|rate|at)\((.*)\)", text.strip(), re.DOTALL)
    if match is None:
        raise ScheduleError(f"an expression is {_FORMS}")
    read = {"cron": read_cron, "rate": _read_rate, "at": _read_at}[match[1]]
    return Timetable(text, read(match[2]), zone)


def _read_rate(text: str) -> Rate:
    """A rate in minutes, hours or days, in the singular for one.

    Source: Amazon EventBridge User Guide, "Rate expressions reference".
    """
    match = re.fullmatch(r"\s*([0-9]{1,9})\s+(minute|hour|day)(s?)\s*", text)
    if match is None or int(match[1]) == 0:
        raise ScheduleError("a rate is a whole number of minutes, hours or days: rate(5 minutes)")
    count, unit = int(match[1]), match[2]
    if (count == 1) == bool(match[3]):
        right = f"{count} {unit}{'' if count == 1 else 's'}"
        raise ScheduleError(f"AWS counts as English does: rate({right})")
    return Rate(float(count * _UNITS[unit]))


def _read_at(text: str) -> OneTime:
    """A date and a time to the second, without a zone.

    Source: Amazon EventBridge Scheduler User Guide, "Schedule types", one-time schedules.
    """
    try:
        if not re.fullmatch(r"(19[7-9]|20\d|21\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d", text):
            raise ValueError
        return OneTime(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S"))  # noqa: DTZ007 - its zone comes later
    except ValueError:
        text = "at takes a date from 1970 to 2199 and a time: at(2030-01-31T08:00:00)"
        raise ScheduleError(text) from None


def _next_of_rate(period: float, instant: float, since: float) -> float:
    count = max(1, math.floor((instant - since) / period))
    while since + count * period <= instant:
        count += 1
    return since + count * period


def _next_of_cron(cron: Cron, instant: float, zone: tzinfo) -> float | None:
    if instant >= _LATEST:
        return None
    wall = (_EPOCH + timedelta(seconds=max(0.0, instant))).astimezone(zone)
    first = wall.replace(tzinfo=None, fold=0, second=0, microsecond=0)
    for time in cron.times_from(first):
        named = _instant(time, zone)
        if named is not None and named > instant:
            return named
    return None


def _instant(time: datetime, zone: tzinfo) -> float | None:
    """When a clock of `zone` shows `time` first; None where the clock is put over it."""
    there = time.replace(tzinfo=zone)
    if there.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != time:
        return None
    return (there - _EPOCH).total_seconds()
