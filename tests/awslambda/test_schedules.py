"""When schedules come: rows for every word of cron, and properties against a judge of one minute."""

from __future__ import annotations

import calendar
import contextlib
import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgegw.awslambda.cron import ScheduleError
from edgegw.awslambda.schedules import Timetable, read_timetable

NEW_YEAR = "2026-01-01T00:00"  # a Thursday


def seconds(local: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp()


def coming(expression: str, count: int, after: str = NEW_YEAR, zone: str = "UTC") -> list[str]:
    """The next instants, as clocks of the zone show them, with their distance to UTC."""
    timetable, instant = read_timetable(expression, ZoneInfo(zone)), seconds(after, zone)
    shown: list[str] = []
    for _ in range(count):
        following = timetable.next_after(instant)
        if following is None:
            break
        shown.append(datetime.fromtimestamp(following, ZoneInfo(zone)).isoformat("T", "minutes"))
        instant = following
    return [text.removesuffix("+00:00") for text in shown]


ROWS = {
    # every minute, hour, day; strictly later than now
    "cron(* * * * ? *)": ["2026-01-01T00:01", "2026-01-01T00:02"],
    "cron(0 * * * ? *)": ["2026-01-01T01:00", "2026-01-01T02:00"],
    "cron(0 3 * * ? *)": ["2026-01-01T03:00", "2026-01-02T03:00"],
    "cron(0 3 ? * * *)": ["2026-01-01T03:00", "2026-01-02T03:00"],
    "cron(0 0 * * ? *)": ["2026-01-02T00:00", "2026-01-03T00:00"],
    # lists, ranges, steps, names in either case
    "cron(5,10 0 * * ? *)": ["2026-01-01T00:05", "2026-01-01T00:10", "2026-01-02T00:05"],
    "cron(0 9-11 * * ? *)": ["2026-01-01T09:00", "2026-01-01T10:00", "2026-01-01T11:00"],
    "cron(1/20 0 * * ? *)": ["2026-01-01T00:01", "2026-01-01T00:21", "2026-01-01T00:41"],
    "cron(*/30 1 * * ? *)": ["2026-01-01T01:00", "2026-01-01T01:30", "2026-01-02T01:00"],
    "cron(10-40/15 1 * * ? *)": ["2026-01-01T01:10", "2026-01-01T01:25", "2026-01-01T01:40"],
    "cron(0 22-1 2 1 ? 2026)": ["2026-01-02T00:00", "2026-01-02T01:00", "2026-01-02T22:00"],
    "cron(0 8 1 JAN,mar,May ? *)": ["2026-01-01T08:00", "2026-03-01T08:00", "2026-05-01T08:00"],
    "cron(0 8 1 */4 ? *)": ["2026-01-01T08:00", "2026-05-01T08:00", "2026-09-01T08:00"],
    # days of the week: 1 is Sunday
    "cron(0 8 ? * 1 *)": ["2026-01-04T08:00", "2026-01-11T08:00"],
    "cron(0 8 ? * 7 *)": ["2026-01-03T08:00", "2026-01-10T08:00"],
    "cron(0 8 ? * MON-FRI *)": ["2026-01-01T08:00", "2026-01-02T08:00", "2026-01-05T08:00"],
    "cron(0 8 ? * FRI-MON *)": ["2026-01-02T08:00", "2026-01-03T08:00", "2026-01-04T08:00"],
    "cron(0 8 ? * sun,3 *)": ["2026-01-04T08:00", "2026-01-06T08:00", "2026-01-11T08:00"],
    # L
    "cron(0 0 L * ? *)": ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"],
    "cron(0 0 L 2 ? *)": ["2026-02-28T00:00", "2027-02-28T00:00", "2028-02-29T00:00"],
    "cron(0 0 L-3 * ? *)": ["2026-01-28T00:00", "2026-02-25T00:00", "2026-03-28T00:00"],
    "cron(0 0 15,L * ? *)": ["2026-01-15T00:00", "2026-01-31T00:00", "2026-02-15T00:00"],
    "cron(0 0 ? * L *)": ["2026-01-03T00:00", "2026-01-10T00:00"],
    "cron(0 0 ? * 6L *)": ["2026-01-30T00:00", "2026-02-27T00:00"],
    "cron(0 0 ? * FRIL *)": ["2026-01-30T00:00", "2026-02-27T00:00"],
    # W: the third is a Saturday in January, a Tuesday in February, the first a Sunday in March
    "cron(0 0 3W * ? *)": ["2026-01-02T00:00", "2026-02-03T00:00", "2026-03-03T00:00"],
    "cron(0 0 4W 1 ? *)": ["2026-01-05T00:00", "2027-01-04T00:00"],
    "cron(0 0 1W 3,8 ? *)": ["2026-03-02T00:00", "2026-08-03T00:00"],
    "cron(0 0 31W 5,10 ? *)": ["2026-05-29T00:00", "2026-10-30T00:00"],
    "cron(0 0 31W 4-5 ? *)": ["2026-05-29T00:00", "2027-05-31T00:00"],
    "cron(0 0 LW * ? *)": ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-31T00:00"],
    # #
    "cron(0 0 ? * 3#2 *)": ["2026-01-13T00:00", "2026-02-10T00:00"],
    "cron(0 0 ? * TUE#2 *)": ["2026-01-13T00:00", "2026-02-10T00:00"],
    "cron(0 0 ? * 5#1 *)": ["2026-02-05T00:00", "2026-03-05T00:00"],
    "cron(0 0 ? * 7#5 *)": ["2026-01-31T00:00", "2026-05-30T00:00"],
    # days that only some months have, years
    "cron(0 0 31 * ? *)": ["2026-01-31T00:00", "2026-03-31T00:00", "2026-05-31T00:00"],
    "cron(0 0 29 2 ? *)": ["2028-02-29T00:00", "2032-02-29T00:00"],
    "cron(0 0 1 1 ? 2030,2027)": ["2027-01-01T00:00", "2030-01-01T00:00"],
    "cron(0 0 1 1 ? 2024-2030/3)": ["2027-01-01T00:00", "2030-01-01T00:00"],
    "cron(0 0 1 1 ? */100)": ["2070-01-01T00:00", "2170-01-01T00:00"],
    "cron(59 23 31 12 ? 2199)": ["2199-12-31T23:59"],
    "cron(0 0 1 1 ? 2025)": [],
    # once
    "at(2026-02-03T04:05:06)": ["2026-02-03T04:05"],
    "at(2026-01-01T00:00:00)": [],
    "at(2025-12-31T00:00:00)": [],
}
LAST = {"59 23 31 12 ? 2199", "2025)", "at("}
"""What stands in expressions that end."""


@pytest.mark.parametrize("expression", ROWS)
def test_an_expression_comes_when_it_says(expression: str) -> None:
    expected = ROWS[expression]
    more = any(part in expression for part in LAST)
    assert coming(expression, len(expected) + more) == expected


BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
OVER_THE_CHANGE: list[tuple[str, str, str, list[str]]] = [
    # forward: what the clock is put over does not come
    (
        *("cron(30 2 * * ? *)", BERLIN, "2026-03-28T00:00"),
        ["2026-03-28T02:30+01:00", "2026-03-30T02:30+02:00"],
    ),
    (
        *("cron(0/30 1-3 * * ? *)", BERLIN, "2026-03-29T00:59"),
        ["2026-03-29T01:00+01:00", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"],
    ),
    (
        *("cron(0 2 8 3 ? *)", NEW_YORK, "2026-01-01T00:00"),
        ["2027-03-08T02:00-05:00"],
    ),
    # back: what is shown twice comes the first time
    (
        *("cron(30 2 * * ? *)", BERLIN, "2026-10-24T12:00"),
        ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
    ),
    (
        *("cron(0/30 * * * ? *)", BERLIN, "2026-10-25T01:59"),
        ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T03:00+01:00"],
    ),
    (
        *("cron(0 1 * * ? *)", NEW_YORK, "2026-10-31T12:00"),
        ["2026-11-01T01:00-04:00", "2026-11-02T01:00-05:00"],
    ),
    # a change of half an hour
    (
        *("cron(45 1 * * ? *)", LORD_HOWE, "2026-04-04T12:00"),
        ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"],
    ),
    (
        *("cron(15 2 * * ? *)", LORD_HOWE, "2026-10-03T12:00"),
        ["2026-10-05T02:15+11:00"],
    ),
    # a rate knows no clock on the wall: a day has 24 hours
    (
        *("rate(1 day)", BERLIN, "2026-03-28T12:00"),
        ["2026-03-29T01:00+01:00", "2026-03-30T02:00+02:00"],
    ),
    # once, and where no clock shows it, never
    ("at(2026-07-01T08:00:00)", NEW_YORK, NEW_YEAR, ["2026-07-01T08:00-04:00"]),
    ("at(2026-03-29T02:30:00)", BERLIN, NEW_YEAR, []),
]


@pytest.mark.parametrize(("expression", "zone", "after", "expected"), OVER_THE_CHANGE)
def test_a_time_zone_keeps_its_times_over_a_change_of_clock(
    expression: str, zone: str, after: str, expected: list[str]
) -> None:
    assert coming(expression, max(1, len(expected)), after, zone) == expected


def test_in_the_hour_that_is_shown_again_nothing_comes_again() -> None:
    again = datetime(2026, 10, 25, 2, 15, tzinfo=ZoneInfo(BERLIN), fold=1).timestamp()
    timetable = read_timetable("cron(* * * * ? *)", ZoneInfo(BERLIN))
    assert timetable.next_after(again) == seconds("2026-10-25T03:00", BERLIN)


def test_a_rate_counts_from_its_beginning() -> None:
    timetable = read_timetable("rate(5 minutes)")
    assert timetable.next_after(1000.0, since=1000.0) == 1300.0
    assert timetable.next_after(1299.9, since=1000.0) == 1300.0
    assert timetable.next_after(1300.0, since=1000.0) == 1600.0
    assert timetable.next_after(0.0, since=1000.0) == 1300.0, "never before it begins"


WRONG = {
    "": "an expression is",
    "0 3 * * ? *": "an expression is",
    "cron(0 3 * * ? *": "an expression is",
    "CRON(0 3 * * ? *)": "an expression is",
    f"rate({'1' * 300} days)": "at most 256",
    "rate(\u0661 minute)": "ASCII",
    "cron(0 3 * * *)": "six fields",
    "cron(0 0 3 * * ? *)": "six fields",
    "cron(0 3 * * * *)": "must be ?",
    "cron(0 3 ? * ? *)": "must be ?",
    "cron(0 3 1 * MON *)": "must be ?",
    "cron(? 3 * * ? *)": "minutes",
    "cron(60 3 * * ? *)": "minutes can be (0-59)",
    "cron(0 24 * * ? *)": "hours can be (0-23)",
    "cron(0 3 0 * ? *)": "day-of-month can be (1-31)",
    "cron(0 3 32W * ? *)": "day-of-month",
    "cron(0 3 L-31 * ? *)": "at most 30",
    "cron(0 3 W * ? *)": "day-of-month",
    "cron(0 3 1-5W * ? *)": "day-of-month",
    "cron(0 3 * 13 ? *)": "month can be (1-12 or JAN-DEC)",
    "cron(0 3 * MON ? *)": "month",
    "cron(0 3 ? * 0 *)": "day-of-week can be (1-7 or SUN-SAT)",
    "cron(0 3 ? * 8L *)": "day-of-week",
    "cron(0 3 ? * 3#6 *)": "from 1 to 5",
    "cron(0 3 ? * 3#1,6#3 *)": "one expression only",
    "cron(0 3 * * ? 1969)": "year can be (1970-2199)",
    "cron(0 3 * * ? 2200)": "year",
    "cron(0 3 * * ? 2030-2020)": "backwards",
    "cron(0/0 3 * * ? *)": "step",
    "cron(0/90 3 * * ? *)": "a step of 90 does not fit into minutes",
    "cron(/5 3 * * ? *)": "minutes",
    "cron(1, 3 * * ? *)": "minutes",
    "cron(0 3 30 2 ? *)": "never come",
    "cron(0 3 29 2 ? 2026,2027)": "never come",
    "rate(0 minutes)": "whole number",
    "rate(-1 minutes)": "whole number",
    "rate(1.5 hours)": "whole number",
    "rate(5minutes)": "whole number",
    "rate(5 weeks)": "whole number",
    "rate(1 minutes)": "rate(1 minute)",
    "rate(5 minute)": "rate(5 minutes)",
    "at(2026-02-30T00:00:00)": "a date",
    "at(2026-1-1T00:00:00)": "a date",
    "at(2026-01-01T00:00:00Z)": "a date",
    "at(9999-12-31T23:59:59)": "a date",
}


@pytest.mark.parametrize("expression", WRONG)
def test_what_is_no_expression_is_told_why(expression: str) -> None:
    with pytest.raises(ScheduleError) as wrong:
        read_timetable(expression)
    assert WRONG[expression] in str(wrong.value)


# ---- properties ----

WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def judged_number(text: str, least: int, most: int, number: int) -> bool:
    """Whether a plain field names a number: lists of single numbers, ranges, steps."""
    for part in text.split(","):
        whole, _, step = part.partition("/")
        if whole == "*":
            first, last = least, most
        elif "-" in whole:
            first, last = (int(end) for end in whole.split("-"))
        else:
            first = int(whole)
            last = most if step else first
        if first <= number <= last and (number - first) % int(step or 1) == 0:
            return True
    return False


def judged_day(day_field: str, weekday_field: str, at: datetime) -> bool:
    last = calendar.monthrange(at.year, at.month)[1]
    weekday = at.isoweekday() % 7 + 1
    if weekday_field == "?":
        if day_field == "L":
            return at.day == last
        if day_field.endswith("W"):
            candidates = [day for day in range(1, last + 1) if at.replace(day=day).isoweekday() < 6]
            wanted = last if day_field == "LW" else int(day_field[:-1])
            return wanted <= last and at.day == min(candidates, key=lambda day: abs(day - wanted))
        return judged_number(day_field, 1, 31, at.day)
    if "#" in weekday_field:
        number, nth = weekday_field.split("#")
        return weekday == int(number) and (at.day - 1) // 7 + 1 == int(nth)
    if weekday_field.endswith("L"):
        return weekday == int(weekday_field[:-1] or 7) and (
            weekday_field == "L" or at.day + 7 > last
        )
    return judged_number(weekday_field, 1, 7, weekday)


def judged(fields: list[str], at: datetime) -> bool:
    minute, hour, day, month, weekday, year = fields
    return (
        judged_number(minute, 0, 59, at.minute)
        and judged_number(hour, 0, 23, at.hour)
        and judged_number(month, 1, 12, at.month)
        and judged_number(year, 1970, 2199, at.year)
        and judged_day(day, weekday, at)
    )


def plain_field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    ends = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, min(most, 40)).map(lambda each: f"/{each}")
    part = st.one_of(number.map(str), ends, st.tuples(ends, step).map("".join))
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


DAYS = st.one_of(
    *(st.just("L"), st.just("LW"), st.integers(1, 31).map(lambda day: f"{day}W")),
    plain_field(1, 31),
)
WEEKDAYS = st.one_of(
    *(st.just("L"), st.integers(1, 7).map(lambda day: f"{day}L")),
    st.tuples(st.integers(1, 7), st.integers(1, 5)).map(lambda pair: f"{pair[0]}#{pair[1]}"),
    plain_field(1, 7),
)
FIELDS = st.tuples(
    plain_field(0, 59),
    plain_field(0, 23),
    st.one_of(DAYS.map(lambda day: (day, "?")), WEEKDAYS.map(lambda day: ("?", day))),
    plain_field(1, 12),
    st.just("*"),
).map(lambda drawn: [drawn[0], drawn[1], drawn[2][0], drawn[3], drawn[2][1], drawn[4]])
ZONES = st.sampled_from(["UTC", BERLIN, NEW_YORK, LORD_HOWE, "Asia/Kathmandu", "Africa/Cairo"])
INSTANTS = st.floats(0, 4_102_444_800)


def drawn_timetable(fields: list[str], zone: str) -> Timetable:
    try:
        return read_timetable(f"cron({' '.join(fields)})", ZoneInfo(zone))
    except ScheduleError:
        assume(False)  # such as the 30th of February
        raise


@settings(max_examples=300)
@given(FIELDS, ZONES, INSTANTS)
def test_the_next_one_is_later_and_has_every_field(
    fields: list[str], zone: str, instant: float
) -> None:
    following = drawn_timetable(fields, zone).next_after(instant)
    if following is not None:
        assert following > instant
        assert judged(fields, datetime.fromtimestamp(following, ZoneInfo(zone)))


@settings(max_examples=30)
@given(FIELDS, ZONES, INSTANTS)
def test_no_minute_in_between_has_every_field(fields: list[str], zone: str, instant: float) -> None:
    following = drawn_timetable(fields, zone).next_after(instant)
    minute = datetime.fromtimestamp(instant, UTC).replace(second=0, microsecond=0)
    for _ in range(24 * 60):
        minute += timedelta(minutes=1)
        local = minute.astimezone(ZoneInfo(zone))
        if minute.timestamp() > instant and not local.fold and judged(fields, local):
            assert following == minute.timestamp()
            return
    assert following is None or following > minute.timestamp()


@settings(max_examples=50)
@given(FIELDS, ZONES)
def test_a_timetable_survives_being_written_down(fields: list[str], zone: str) -> None:
    timetable = drawn_timetable(fields, zone)
    assert pickle.loads(pickle.dumps(timetable)) == timetable


@given(st.text(alphabet="0123456789*/,-?LW#MONJAN() acrontei", max_size=40))
def test_any_text_is_read_or_told_off(text: str) -> None:
    for expression in (text, f"cron({text})", f"rate({text})", f"at({text})"):
        with contextlib.suppress(ScheduleError):
            read_timetable(expression).next_after(1e9)
