"""What a front door asks of connections; the services make one from their rules."""

from __future__ import annotations

from typing import Literal, TypeAlias

from edgegw.values import value

Trouble: TypeAlias = Literal["malformed", "too-large", "idle", "plain-http"]
"""What is wrong with a request: no HTTP, a head beyond all limits, no end to it, no TLS."""


@value
class Limits:
    """What connections that begin now are held to; durations in seconds, None for any time.

    `keep_alive` is how long a connection waits for its next request, `head` how long a whole head
    may take from its first byte on, `idle` how long a client may send nothing of a body that is
    waited for or take nothing of an answer, `age` how long the connection lives. Over HTTP/2 it
    takes `requests` in all and `streams` at a time. A lenient front door takes requests that are
    not quite HTTP and judges them itself; HTTP/1.0 may then keep its connection. One that
    `takes_plain` answers plain HTTP on a port for HTTPS as any other request.
    """

    keep_alive: float = 65.0
    head: float | None = 65.0
    idle: float | None = None
    age: float | None = None
    requests: int | None = None
    streams: int = 128
    is_lenient: bool = False
    takes_plain: bool = False

    def takes_hosts(self, count: int, version: str) -> bool:
        """Whether a request may have so many Host headers."""
        if count == 0:
            return version == "1.0"
        return count == 1 or self.is_lenient
