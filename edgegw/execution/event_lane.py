"""The lane of one function: its events in memory, and when there are more on disk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from edgegw.awslambda.async_invocation import AsyncEvent
from edgegw.execution.event_store import StoredEvent

READ_AHEAD: Final = 64
"""Events of one function that stand ready in memory."""
LOOK_NOW: Final = 0.0
"""Due at once, as far as anybody knows."""


@dataclass(slots=True)
class FunctionLane:
    """The events of one function that are in memory: `ready` to run, and `running` by number.

    `next_due` is when the next one on disk is due, at the latest, or LOOK_NOW; None where there is
    none. `finished` are those that have ended since the last look began.
    """

    name: str
    next_due: float | None = LOOK_NOW
    ready: deque[StoredEvent] = field(default_factory=deque[StoredEvent])
    running: dict[int, AsyncEvent] = field(default_factory=dict[int, AsyncEvent])
    finished: set[int] = field(default_factory=set[int])

    @property
    def held(self) -> set[int]:
        return {*self.running, *(stored.id for stored in self.ready)}

    @property
    def is_low(self) -> bool:
        """Whether there is room for more from disk."""
        return len(self.ready) <= READ_AHEAD // 2

    def is_to_look(self, now: float) -> bool:
        return self.is_low and self.next_due is not None and self.next_due <= now

    def expect(self, due: float) -> None:
        """There is an event on disk that is due then."""
        self.next_due = due if self.next_due is None else min(self.next_due, due)
