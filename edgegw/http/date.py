"""Dates of HTTP ↔ seconds since 1970.

Source: RFC 9110 section 5.6.7.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAYS: Final = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS: Final = tuple(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
_TIME: Final = rb"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
_FORMS: Final = b"|".join(
    (
        rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} %b [1-9][0-9]{3} %b GMT" % (_MONTH, _TIME),
        rb"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, [0-9]{2}-%b-[0-9]{2} %b GMT"
        % (_MONTH, _TIME),
        rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) %b [ 0-9][0-9] %b [1-9][0-9]{3}" % (_MONTH, _TIME),
    )
)


def parse_http_date(text: bytes) -> float | None:
    """Seconds of any of HTTP's three date forms, in any case; None for what is no such date.

    The library reads many more forms, those of mail among them, which caches must not believe.
    """
    from email.utils import parsedate_tz

    if not re.fullmatch(_FORMS, text, re.IGNORECASE):  # compiled when first asked, kept by `re`
        return None
    try:
        parsed = parsedate_tz(text.decode("ascii"))
        if parsed is None:
            return None
        date(*parsed[:3])  # a day that its month does not have
        return float(timegm((*parsed[:6], 0, 1, 0)))
    except ValueError:
        return None


def http_date(seconds: float) -> bytes:
    """`seconds` in the form that is sent: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return _written(int(seconds))


@lru_cache(maxsize=16)
def _written(seconds: int) -> bytes:
    at = datetime.fromtimestamp(seconds, UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    clock = at.hour, at.minute, at.second
    return b"%b, %02d %b %04d %02d:%02d:%02d GMT" % (day, at.day, month, at.year, *clock)
