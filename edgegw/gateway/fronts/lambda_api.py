"""The APIs of AWS as a front door: ASGI applications for SDKs, not a `wire.front.Front`.

One endpoint serves all of them (`edgegw.gateway.aws` says which call is for which).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from edgegw.config.model import Listen
from edgegw.wire.asgi_server import AsgiServer

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class LambdaApiFront:
    """The AWS APIs of a gateway."""

    kind: ClassVar[str] = "lambda"
    keys: Sequence[object] = ("lambda-api",)
    name = ""
    names: Sequence[tuple[str, str]] = (("", ""),)
    title = "gateway.lambda_api"
    is_secure = False

    def __init__(self, gateway: Gateway, listen: Listen) -> None:
        self._gateway = gateway
        self.listen = listen
        self.identity = listen

    def server(self, sock: socket.socket) -> AsgiServer:
        """What serves it on `sock`."""
        return AsgiServer(self.app, sock)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The API that a call is for, as an ASGI 3 application."""
        await self._gateway.aws_apis(scope, receive, send)
