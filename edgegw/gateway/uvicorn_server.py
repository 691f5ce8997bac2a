"""uvicorn as the server of a listener, with what front doors do themselves switched off."""

from __future__ import annotations

import socket
import ssl
from typing import Any, cast


class UvicornServer:
    """One listener on uvicorn; `protocol` speaks to the connections."""

    def __init__(self, app: Any, sock: socket.socket, protocol: Any) -> None:
        import uvicorn

        self._sock = sock
        self._config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=65,
        )
        self._server = uvicorn.Server(self._config)

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Accepts connections from here on; over TLS with a `context`."""
        self._config.load()
        cast("Any", self._config).ssl = context
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self._server.startup(sockets=[self._sock])

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        self._config.timeout_graceful_shutdown = max(1, round(grace))
        await self._server.shutdown(sockets=[self._sock])
