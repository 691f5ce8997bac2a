"""The APIs of AWS as a front door: ASGI applications for SDKs, not a `wire.front.Front`.

The Lambda API, and beside it the CloudFront API: paths begin with the version of a service's API,
so one endpoint serves both.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from edgegw.cloudfront.api import API_PATH
from edgegw.config.model import Listen
from edgegw.wire.asgi_server import AsgiServer

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class LambdaApiFront:
    """The Lambda API and the CloudFront API of a gateway."""

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
        """The API that the path is of, as an ASGI 3 application."""
        is_cloudfront = scope.get("path", "").startswith(API_PATH)
        api = self._gateway.cloudfront_api if is_cloudfront else self._gateway.lambda_api
        await api(scope, receive, send)
