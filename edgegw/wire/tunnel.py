"""Bytes both ways between a viewer and an origin, once both have switched protocols.

Nothing is parsed: frames, pings and close codes pass as they are. Each side is read no further
while the other does not take what is there.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol


class TunnelEnd(Protocol):
    """A connection to an origin that has switched protocols; `rest` is what came behind the 101."""

    rest: bytes

    @property
    def transport(self) -> asyncio.Transport | None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Moved:
    """Bytes that went through."""

    to_origin: int = 0
    to_viewer: int = 0


class _Side(asyncio.Protocol):
    """One end. What it reads, its `peer` writes; `former` is told when the connection ends."""

    peer: _Side

    def __init__(
        self,
        tunnel: Tunnel,
        transport: asyncio.Transport,
        former: asyncio.BaseProtocol | TunnelEnd,
    ) -> None:
        self.tunnel = tunnel
        self.transport = transport
        self.former = former
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self.tunnel.note(self, len(data))
        self.peer.transport.write(data)

    def pause_writing(self) -> None:
        if not self.peer.is_lost:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.peer.is_lost and not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.former.connection_lost(exc)
        if not self.peer.is_lost:
            if exc is not None:
                self.peer.transport.abort()  # an abrupt end stays one
            else:
                self.peer.transport.close()
        self.tunnel.lost()


class Tunnel:
    """Joins the viewer's transport, of which `former` was the protocol, and an origin's.

    Without bytes for `idle` seconds it ends; with `only_origin` only the origin's bytes count.
    """

    def __init__(
        self,
        viewer: asyncio.Transport,
        former: asyncio.BaseProtocol,
        origin: TunnelEnd,
        *,
        idle: float,
        only_origin: bool,
    ) -> None:
        self.moved = Moved()
        self._loop = asyncio.get_running_loop()
        self._idle = idle
        self._only_origin = only_origin
        self._last = time.monotonic()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        assert origin.transport is not None  # it has just answered
        self._viewer = _Side(self, viewer, former)
        self._origin = _Side(self, origin.transport, origin)
        self._viewer.peer, self._origin.peer = self._origin, self._viewer

    async def run(self, *, from_viewer: bytes, from_origin: bytes) -> Moved:
        """Moves bytes until one side ends; first those that had arrived already."""
        for side, early in ((self._viewer, from_viewer), (self._origin, from_origin)):
            side.transport.set_protocol(side)
            if early:
                side.data_received(early)
            if side.transport.is_closing():
                side.peer.transport.close()
            else:
                side.transport.resume_reading()
        timer = self._loop.call_later(self._idle, self._look)
        try:
            await self._closed
        finally:
            timer.cancel()
            self.close()
        return self.moved

    def note(self, side: _Side, count: int) -> None:
        """`count` bytes came from `side`."""
        if side is self._origin:
            self.moved.to_viewer += count
        else:
            self.moved.to_origin += count
            if self._only_origin:
                return
        self._last = time.monotonic()

    def lost(self) -> None:
        """One side is gone; with the second one the tunnel has ended."""
        if self._viewer.is_lost and self._origin.is_lost and not self._closed.done():
            self._closed.set_result(None)

    def close(self) -> None:
        """Ends both sides."""
        for side in (self._viewer, self._origin):
            if not side.is_lost:
                side.transport.close()

    def _look(self) -> None:
        rest = self._last + self._idle - time.monotonic()
        if rest <= 0:
            self.close()
        elif not self._closed.done():
            self._loop.call_later(rest, self._look)
