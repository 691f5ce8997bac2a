"""hypercorn for all front doors, under `--server hypercorn`.

Its private edges are bent here and in `hypercorn_http2` alone; each bend has a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from contextvars import ContextVar
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

import h11
import hypercorn.protocol.h11 as hypercorn_h11
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio import run as hypercorn_run
from hypercorn.config import Sockets
from hypercorn.typing import ASGIFramework

from edgegw.gateway.asgi import FrontDoorApp
from edgegw.gateway.hypercorn_config import HypercornConfig
from edgegw.gateway.hypercorn_http2 import bend_http2
from edgegw.gateway.incoming import Message, Receive, Scope, Send
from edgegw.http.message import CutOffError

_reason: ContextVar[bytes | None] = ContextVar("reason", default=None)


def _response(**kwargs: Any) -> h11.Response:
    """h11's Response with the reason phrase of the message under way; hypercorn sends none."""
    reason = _reason.get()
    if reason is None:
        try:
            reason = HTTPStatus(kwargs["status_code"]).phrase.encode()
        except ValueError:
            reason = b""
    return h11.Response(reason=reason, **kwargs)


def name_reasons() -> None:
    """Lets hypercorn's HTTP/1.1 send reason phrases."""
    names = {name: getattr(h11, name) for name in h11.__all__}
    cast("Any", hypercorn_h11).h11 = SimpleNamespace(**{**names, "Response": _response})


class HypercornServer:
    """One front door on hypercorn."""

    def __init__(self, app: FrontDoorApp, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        name_reasons()
        bend_http2()
        self._app = app
        self._sock = sock
        self._config = HypercornConfig(tls).held_to(app.limits())
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accepts connections from here on."""
        secure = self._config.ssl_enabled
        sockets = Sockets([self._sock], [], []) if secure else Sockets([], [self._sock], [])
        serving = cast("Any", hypercorn_run).worker_serve(
            ASGIWrapper(cast("ASGIFramework", self._with_reason)),
            self._config,
            sockets=sockets,
            shutdown_trigger=self._stopping.wait,
        )
        self._sock.setblocking(False)  # noqa: FBT003
        self._task = asyncio.ensure_future(serving)
        await asyncio.sleep(0)

    async def _with_reason(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # the gateway starts and stops by itself
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _reason.set(message.get("reason"))
                message = {**message, "headers": hypercorn_headers(message["headers"])}
            await send(message)

        with contextlib.suppress(CutOffError):  # the stream is left where it is
            await self._app(scope, receive, sending)

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        if self._task is None:
            return
        self._config.graceful_timeout = grace
        self._stopping.set()
        try:
            # hypercorn forgets its own limit while a connection is busy (Python 3.12 and newer).
            await asyncio.wait_for(self._task, grace + 1)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if not self._task.cancelled():
                raise


def hypercorn_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Framing and connection are the server's own; HTTP/2 forbids them."""
    return [line for line in headers if line[0].lower() not in (b"connection", b"keep-alive")]
