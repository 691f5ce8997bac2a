"""Dates of HTTP ↔ seconds since 1970.

Source: RFC 9110 section 5.6.7.
"""

from __future__ import annotations

import re
from datetime import date
from time import gmtime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

_DAY: Final = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY: Final = rb"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH: Final = rb"(?P<month>[A-Z]{3})"
_TIME: Final = rb"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rb"%b, (?P<day>[0-9]{2}) %b (?P<year>[0-9]{4}) %b GMT" % (_DAY, _MONTH, _TIME),
        rb"%b, (?P<day>[0-9]{2})-%b-(?P<year>[0-9]{2}) %b GMT" % (_LONG_DAY, _MONTH, _TIME),
        rb"%b %b (?P<day>[ 0-9][0-9]) %b (?P<year>[0-9]{4})" % (_DAY, _MONTH, _TIME),
    )
)
_NUMBERS: Final = {name.lower().encode(): number for number, name in enumerate(_MONTHS, 1)}
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_FIRST_YEAR: Final = 69
"""The year of two digits with which they begin to mean 1900 and more, as POSIX has it."""


def parse_http_date(text: bytes) -> float | None:
    """Seconds of any of HTTP's three date forms, in any case; None for what is no such date."""
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _seconds(match)
    return None


def _seconds(match: re.Match[bytes]) -> float | None:
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 1900 if year >= _FIRST_YEAR else 2000
    try:
        day = date(year, _NUMBERS[match["month"].lower()], int(match["day"]))
    except (ValueError, KeyError):  # a day that no month has, a month that no year has
        return None
    time = int(match["hour"]) * 3600 + int(match["minute"]) * 60 + int(match["second"])
    return float((day.toordinal() - _FIRST_DAY) * 86400 + time)


def http_date(seconds: float) -> bytes:
    """`seconds` in the form that is sent: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    year, month, day, hour, minute, second, weekday, *_ = gmtime(int(seconds))
    day_of_year = f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04}"
    return f"{day_of_year} {hour:02}:{minute:02}:{second:02} GMT".encode()
