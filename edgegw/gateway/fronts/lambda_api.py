"""The Lambda API as a front door: an ASGI application for SDKs, not a `wire.front.Front`."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from edgegw.config.model import Listen
from edgegw.wire.asgi_server import AsgiServer

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class LambdaApiFront:
    """The Lambda API of a gateway."""

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
        return AsgiServer(self._gateway.lambda_api, sock)
