"""How long a client of HTTP/1 may keep its connection waiting.

There are three waits, and one of them counts at a time:

    for a reader     it takes nothing of an answer          `idle`, since it last took some
    for a head       the head of a request is on its way    `idle`, since something was heard, and
                                                            `head`, since its first byte
    for a request    nothing is under way                   `keep_alive`, since something was heard
                                                            or answered

While an answer is made, the client waits.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from edgegw.http.limits import Limits

OverdueWait: TypeAlias = Literal["reader", "head", "request"]


class Patience:
    """What is known of the client's silence; times are those of the event loop, in seconds."""

    __slots__ = ("_limits", "full_since", "head_since", "heard", "rests_since", "unsent")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self.heard = now
        """When the client last sent something."""
        self.rests_since = now
        """When the last answer was complete."""
        self.head_since: float | None = None
        """When the head that is not complete yet began."""
        self.full_since: float | None = None
        """Since when the client takes nothing of what is written; None where nothing waits."""
        self.unsent = 0
        """Bytes that waited for the client then."""

    def overdue(self, now: float, *, is_answering: bool) -> OverdueWait | float:
        """What the client has kept waiting for too long, else when to look again."""
        limits = self._limits
        wait: OverdueWait = "request"
        deadline = now + limits.keep_alive
        if self.full_since is not None:
            if limits.idle is None:
                return deadline
            wait, deadline = "reader", self.full_since + limits.idle
        elif is_answering:
            return deadline
        elif self.head_since is not None:
            wait, deadline = "head", self.heard + (limits.idle or limits.keep_alive)
            if limits.head is not None:
                deadline = min(deadline, self.head_since + limits.head)
        else:
            deadline = max(self.heard, self.rests_since) + limits.keep_alive
        return wait if deadline <= now else deadline
