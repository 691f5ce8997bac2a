"""Dates of HTTP ↔ seconds since 1970.

Source: RFC 9110 section 5.6.7.
"""

from __future__ import annotations

from calendar import timegm


def parse_http_date(text: bytes) -> float | None:
    """Seconds of any of HTTP's three date forms; None for what is no date."""
    from email.utils import parsedate_tz

    try:
        parsed = parsedate_tz(text.decode("ascii"))
        if parsed is None or parsed[3] > 23 or parsed[4] > 59 or parsed[5] > 60:
            return None
        return float(timegm((*parsed[:6], 0, 1, 0)) - (parsed[9] or 0))
    except (ValueError, IndexError, TypeError, OverflowError):  # what no date makes the parser say
        return None


def http_date(seconds: float) -> bytes:
    """`seconds` in the form that is sent: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    from email.utils import formatdate  # not before somebody asks: it brings what encodes mail

    return formatdate(int(seconds), usegmt=True).encode()
