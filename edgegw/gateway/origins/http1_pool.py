"""The connections to one place: those that rest, and how many there are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, TypeAlias

from edgegw.gateway.origins.http1_connection import Http1Connection
from edgegw.gateway.origins.transport import Address

CheckedAddress: TypeAlias = Address | tuple[str, str, int, Literal["unverified"]]
"""Where connections lead, and whether nobody looked at the certificate there."""


class Http1Pool:
    """Idle connections last in, first out; each is closed when its time is over.

    `way` is what its owner knows it by; `on_lost` is called when one is gone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        way: CheckedAddress,
        on_lost: Callable[[Http1Pool], None],
        on_silent: Callable[[Address, float], None] | None = None,
    ) -> None:
        self.loop = loop
        self.way: CheckedAddress = way
        self.at: Address = (way[0], way[1], way[2])
        self.on_silent = on_silent
        """Hears of an origin that has not answered for `PATIENCE` seconds, with its time-out."""
        self.connections: set[Http1Connection] = set()
        self._idle: dict[Http1Connection, None] = {}
        self._on_lost = on_lost
        self._timer: asyncio.TimerHandle | None = None

    def take(self) -> Http1Connection | None:
        """The connection used last, if one is still open and fresh."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.idle_until > self.loop.time() and not connection.is_closed:
                return connection
            connection.close()
        return None

    def put(self, connection: Http1Connection, keep_for: float) -> None:
        """`connection` rests for `keep_for` seconds at most."""
        if keep_for <= 0:
            connection.close()
            return
        connection.idle_until = self.loop.time() + keep_for
        self._idle[connection] = None
        if self._timer is None:
            self._timer = self.loop.call_at(connection.idle_until, self._sweep)

    def add(self, connection: Http1Connection) -> None:
        """A connection was made."""
        self.connections.add(connection)

    def forget(self, connection: Http1Connection) -> None:
        """A connection is gone; it may be told twice, where it was given up as it was made."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        self._idle.pop(connection, None)
        if not self.connections and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._on_lost(self)

    def close_idle(self) -> bool:
        """Closes the connection that has rested longest, if there is one."""
        oldest = next(iter(self._idle), None)
        if oldest is None:
            return False
        del self._idle[oldest]
        oldest.close()
        return True

    def close(self) -> None:
        """Closes every connection."""
        for connection in list(self.connections):
            connection.close()

    def _sweep(self) -> None:
        """Closes those whose time is over; the others are asked again when the oldest's is."""
        now, self._timer = self.loop.time(), None
        for connection in list(self._idle):
            if connection.idle_until > now:
                self._timer = self.loop.call_at(connection.idle_until, self._sweep)
                return
            del self._idle[connection]
            connection.close()
