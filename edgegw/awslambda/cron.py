"""Cron expressions of EventBridge: which minutes of which days they name. No time zones here.

    cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR)

They look like those of Unix and are not. There is a year, a week begins with Sunday as 1, and one
of the two fields for days must be `?`, so that a day is named in one way only. Beside numbers,
ranges and steps days have letters:

    L       the last day of the month; as a day of the week, Saturday
    L-3     three days before the last one
    15W     the weekday (Monday to Friday) nearest to the 15th, within the month
    LW      the last weekday of the month
    6L      the last Friday of the month
    3#2     the second Tuesday of the month; months without it are left out

Ranges may go over the end: `22-2` hours, `FRI-MON`. AWS names neither these, nor `LW`, `L-3` and
steps of weekdays; its scheduler's model, Quartz, has them (uncertain).

Source: Amazon EventBridge User Guide, "Cron expressions reference"; Amazon EventBridge Scheduler
User Guide, "Schedule types".
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final, TypeAlias, assert_never

from edgegw.values import value


class ScheduleError(ValueError):
    """What is wrong with a schedule's expression, as a sentence."""


@value
class _CronField:
    """A field: what it is called, its least and greatest number, names of its numbers."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        """What it takes, for messages."""
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.least}-{self.most}{names}"


_MINUTES: Final = _CronField("minutes", 0, 59)
_HOURS: Final = _CronField("hours", 0, 23)
_DAYS: Final = _CronField("day-of-month", 1, 31)
_MONTHS: Final = _CronField(
    "month",
    1,
    12,
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_WEEKDAYS: Final = _CronField(
    "day-of-week", 1, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
)
_YEARS: Final = _CronField("year", 1970, 2199)


@value
class DaysOfMonth:
    """These days."""

    days: tuple[int, ...]


@value
class DayBeforeLast:
    """The day that so many days follow in its month."""

    before: int


@value
class NearestWeekday:
    """The weekday nearest to a day; to the last one where `day` is None."""

    day: int | None


@value
class DaysOfWeek:
    """All days of the month that are one of these; Sunday is 1."""

    weekdays: tuple[int, ...]


@value
class LastOfWeekday:
    """The last such day of the month."""

    weekday: int


@value
class NthOfWeekday:
    """The first to fifth such day of the month."""

    weekday: int
    nth: int


DayRule: TypeAlias = (
    DaysOfMonth | DayBeforeLast | NearestWeekday | DaysOfWeek | LastOfWeekday | NthOfWeekday
)


@value
class Cron:
    """A parsed expression: numbers in ascending order, and the rules of which one names a day."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[DayRule, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]

    def times_from(self, first: datetime) -> Iterator[datetime]:
        """The minutes that it names from `first` on, as the clock on the wall shows them."""
        for day in self._days_from(first.date()):
            earliest = (first.hour, first.minute) if day == first.date() else (0, 0)
            for hour in self.hours:
                for minute in self.minutes:
                    if (hour, minute) >= earliest:
                        yield datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - of no zone

    def _days_from(self, first: date) -> Iterator[date]:
        for year in self.years:
            if year < first.year:
                continue
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                for day in days_in(self.days, year, month):
                    if date(year, month, day) >= first:
                        yield date(year, month, day)


def days_in(rules: tuple[DayRule, ...], year: int, month: int) -> list[int]:
    """The days of a month that one of `rules` names, in their order."""
    return sorted({day for rule in rules for day in _named_days(rule, year, month)})


def _named_days(rule: DayRule, year: int, month: int) -> Sequence[int]:
    first_weekday, length = monthrange(year, month)
    match rule:
        case DaysOfMonth(days):
            return [day for day in days if day <= length]
        case DayBeforeLast(before):
            return [length - before] if before < length else []
        case NearestWeekday(day):
            return _nearest_weekday(day or length, first_weekday, length)
        case DaysOfWeek(weekdays):
            every = range(1, length + 1)
            return [day for day in every if _weekday(day, first_weekday) in weekdays]
        case LastOfWeekday(weekday):
            return [_such_days(weekday, first_weekday, length)[-1]]
        case NthOfWeekday(weekday, nth):
            return _such_days(weekday, first_weekday, length)[nth - 1 : nth]
    assert_never(rule)


def _weekday(day: int, first_weekday: int) -> int:
    """Sunday is 1. `first_weekday` is that of the month's first day, where Monday is 0."""
    return (first_weekday + day) % 7 + 1


def _such_days(weekday: int, first_weekday: int, length: int) -> range:
    first = 1 + (weekday - _weekday(1, first_weekday)) % 7
    return range(first, length + 1, 7)


def _nearest_weekday(day: int, first_weekday: int, length: int) -> list[int]:
    """A Saturday goes to its Friday, a Sunday to its Monday, and neither leaves the month."""
    if day > length:
        return []
    weekday = _weekday(day, first_weekday)
    if weekday == 7:
        return [day - 1 if day > 1 else day + 2]
    if weekday == 1:
        return [day + 1 if day < length else day - 2]
    return [day]


# ---- from the text to the values ----


def read_cron(fields: str) -> Cron:
    """The expression with these six `fields`. Raises ScheduleError."""
    parts = fields.split()
    if len(parts) != 6:
        raise ScheduleError(
            "cron has six fields: minutes, hours, day-of-month, month, day-of-week, year; "
            f"found {len(parts)}"
        )
    minutes, hours, day, month, weekday, year = (part.upper() for part in parts)
    if (day == "?") == (weekday == "?"):
        raise ScheduleError(
            "one of day-of-month and day-of-week must be ?, and the other one not: "
            "cron(0 3 * * ? *) is every day"
        )
    cron = Cron(
        _numbers(minutes, _MINUTES),
        _numbers(hours, _HOURS),
        _days_of_month(day) if weekday == "?" else _days_of_week(weekday),
        _numbers(month, _MONTHS),
        _numbers(year, _YEARS),
    )
    if next(cron.times_from(datetime(1970, 1, 1)), None) is None:  # noqa: DTZ001 - of no zone
        raise ScheduleError("no month that it names has such a day: it would never come")
    return cron


def _days_of_month(text: str) -> tuple[DayRule, ...]:
    return tuple(_day_of_month(part) for part in text.split(","))


def _day_of_month(part: str) -> DayRule:
    if part == "LW":
        return NearestWeekday(None)
    if match := re.fullmatch(r"L(?:-(\d{1,2}))?", part):
        before = int(match[1] or 0)
        if before > 30:
            raise ScheduleError(f"{part!r}: a month has at most 30 days before its last one")
        return DayBeforeLast(before)
    if match := re.fullmatch(r"(\d+)W", part):
        return NearestWeekday(_number(match[1], _DAYS))
    return DaysOfMonth(_numbers(part, _DAYS))


def _days_of_week(text: str) -> tuple[DayRule, ...]:
    parts = text.split(",")
    if len(parts) > 1 and "#" in text:
        raise ScheduleError(f"{text!r}: with # a day-of-week has one expression only")
    return tuple(_day_of_week(part) for part in parts)


def _day_of_week(part: str) -> DayRule:
    if part == "L":
        return DaysOfWeek((_WEEKDAYS.most,))
    if match := re.fullmatch(r"(\w+)#(\d+)", part):
        nth = int(match[2])
        if not 1 <= nth <= 5:
            raise ScheduleError(f"{part!r}: behind # stands a number from 1 to 5")
        return NthOfWeekday(_number(match[1], _WEEKDAYS), nth)
    if match := re.fullmatch(r"(\d+|[A-Z]{3})L", part):
        return LastOfWeekday(_number(match[1], _WEEKDAYS))
    return DaysOfWeek(_numbers(part, _WEEKDAYS))


_PART: Final = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


def _numbers(text: str, field: _CronField) -> tuple[int, ...]:
    """The numbers that a list of numbers, ranges and steps names."""
    return tuple(sorted({number for part in text.split(",") for number in _range(part, field)}))


def _range(part: str, field: _CronField) -> list[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ScheduleError(f"{part!r} is nothing that {field.name} can be ({field.form})")
    first = field.least if match["all"] else _number(match["first"], field)
    if match["last"]:
        last = _number(match["last"], field)
    else:
        last = field.most if match["all"] or match["step"] else first
    return _over_the_end(first, last, field)[:: _step(match["step"], field)]


def _over_the_end(first: int, last: int, field: _CronField) -> list[int]:
    if first <= last:
        return list(range(first, last + 1))
    if field is _YEARS:
        raise ScheduleError(f"the years {first}-{last} go backwards")
    return [*range(first, field.most + 1), *range(field.least, last + 1)]


def _step(text: str | None, field: _CronField) -> int:
    step = int(text[:9]) if text else 1
    if not 1 <= step <= field.most:
        raise ScheduleError(f"a step of {text} does not fit into {field.name} ({field.form})")
    return step


def _number(text: str, field: _CronField) -> int:
    if text in field.names:
        return field.names.index(text) + 1
    number = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else -1
    if not field.least <= number <= field.most:
        raise ScheduleError(f"{text!r} is nothing that {field.name} can be ({field.form})")
    return number
