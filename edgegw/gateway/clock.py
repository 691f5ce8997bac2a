"""A clock that a test sets and moves: what lasts, expires or comes round then does so at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, TypeAlias

from edgegw.errors import UsageError

Moment: TypeAlias = float | str | datetime
"""Seconds since 1970, `2026-01-31T12:00:00Z`, or a `datetime`; without a zone it is UTC."""
_END: Final = 253_402_300_800.0
"""The year 10000, which no date of HTTP can say."""


class Clock:
    """Answers seconds since 1970: those of the machine, until somebody sets it.

    From then on it stands still, and moves by `advance` alone. One that was never set goes on
    while it is advanced. Where another library froze the machine's time, it follows.
    """

    def __init__(self, moment: Moment | None = None) -> None:
        self._standing: float | None = None
        self._ahead = 0.0
        self.begin_anew(moment)

    def __call__(self) -> float:
        if self._standing is not None:
            return self._standing
        return time.time() + self._ahead  # looked up by each call: freezegun replaces it

    def __repr__(self) -> str:
        return f"Clock({datetime.fromtimestamp(self(), UTC).isoformat()!r})"

    def set(self, moment: Moment) -> None:
        """It stands at `moment`. Raises UsageError for what is none."""
        self._standing = _seconds(moment)

    def advance(self, seconds: float) -> None:
        """So many seconds pass. Raises UsageError for fewer than none: AWS's time goes one way."""
        if not 0 <= seconds < _END:
            raise UsageError(f"a clock is advanced by 0 seconds or more, not by {seconds}; set it")
        if self._standing is not None:
            self._standing += seconds
        else:
            self._ahead += seconds

    def begin_anew(self, moment: Moment | None = None) -> None:
        """As a new one of this `moment`."""
        self._standing = None if moment is None else _seconds(moment)
        self._ahead = 0.0


def _seconds(moment: Moment) -> float:
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            text = f"the clock is set to a time as 2026-01-31T12:00:00Z, not to {moment!r}"
            raise UsageError(text) from None
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        moment = aware.timestamp()
    if not 0 <= moment < _END:
        raise UsageError(f"the clock is set to a time from 1970 to 9999, not to {moment!r}")
    return float(moment)
