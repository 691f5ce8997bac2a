"""The share of a processor that a function's memory buys, as an allowance over time.

Source: Lambda Developer Guide, "Configure Lambda function memory".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

MB_PER_VCPU: Final = 1769
"""Megabytes of memory that buy one processor.

Source: Lambda Developer Guide, "Configure Lambda function memory".
"""
_SAVED: Final = 0.05
"""Seconds of computing that an idle environment may save up."""


def vcpu_share(memory_mb: int) -> float:
    """Processors that an environment may use on average."""
    return memory_mb / MB_PER_VCPU


@dataclass(slots=True)
class CpuAllowance:
    """Says when an environment is to be stopped because it used more than its share.

    `look` is asked now and then with the processor seconds used so far.
    """

    share: float
    since: float
    used: float
    left: float = _SAVED
    is_stopped: bool = False

    def look(self, now: float, used: float) -> Literal["stop", "continue"] | None:
        """What to do at `now` (seconds), with `used` processor seconds since the start."""
        self.left = min(_SAVED, self.left + (now - self.since) * self.share - (used - self.used))
        self.since, self.used = now, used
        if self.left < 0 and not self.is_stopped:
            self.is_stopped = True
            return "stop"
        if self.left >= 0 and self.is_stopped:
            self.is_stopped = False
            return "continue"
        return None
