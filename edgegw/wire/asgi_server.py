"""ASGI applications on a listening socket, by hypercorn's public interface.

For what is an application rather than a front door. hypercorn is imported with the first
connection: until then the socket waits, and start-up does not.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, cast

from edgegw.background import Background
from edgegw.wire.asgi import AsgiApp

if TYPE_CHECKING:
    from hypercorn.config import Config

_LAST_MOMENT: Final = 1.0
_LARGEST_HEAD: Final = 256 * 1024
_KEEP_ALIVE: Final = 65.0


class AsgiServer:
    """One application on one socket."""

    def __init__(self, app: AsgiApp, sock: socket.socket) -> None:
        self._app = app
        self._calls = Background()
        self._is_over = False
        self._sock = sock
        self._stopping = asyncio.Event()
        self._config: Config | None = None
        self._background = Background()
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accepts connections from here on."""
        self._sock.setblocking(False)  # noqa: FBT003
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._begin)

    def _begin(self) -> None:
        """The first connection waits."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._sock.fileno())
        self._serving = self._background.start(self._serve())

    async def _serve(self) -> None:
        from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]
        from hypercorn.config import Config

        config = self._config = Config()
        config.bind = [f"fd://{self._sock.detach()}"]
        config.h11_max_incomplete_size = _LARGEST_HEAD
        config.keep_alive_timeout = _KEEP_ALIVE
        config.keep_alive_max_requests = 10**9
        config.include_server_header = config.include_date_header = False
        config.accesslog = None
        config.errorlog = logging.getLogger("edgegw.hypercorn")
        config.errorlog.setLevel(logging.WARNING)
        serving = cast("Callable[..., Awaitable[None]]", serve)
        await serving(self._call, config, shutdown_trigger=self._stopping.wait)

    async def _call(self, scope: Any, receive: Any, send: Any) -> None:
        """The application, called by a task that `stop` can end."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not self._is_over:
            with self._calls.with_current():
                await self._app(scope, receive, send)

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        if self._serving is None:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self._sock.close()
            return
        if self._config is not None:  # its own limit cuts connections off with a traceback
            self._config.graceful_timeout = grace + 2 * _LAST_MOMENT
        self._stopping.set()
        try:
            await self._background.settled(grace)
        finally:  # also where the waiting is cut short
            await self._end()

    async def _end(self) -> None:
        """Ends the calls, so that connections end by themselves, and then what is left."""
        self._is_over = True
        self._calls.interrupt()
        # hypercorn forgets its own limit while a connection is busy (Python 3.12 and newer).
        await self._background.settled(_LAST_MOMENT)
        await self._background.cancel()
