"""An ASGI application as a front door: small answers to small requests, over HTTP/1.1, TLS, HTTP/2.

The other way round than `asgi`. `asgi_server` serves applications by hypercorn, which has its own
TLS; an application behind this one gets what front doors have: certificates by name from the user's
authority, one port for all versions of HTTP, and no server to import. Bodies are held whole, so it
is for applications that neither take nor send large ones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from edgegw.errors import EdgegwError
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Body, Client, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.wire.asgi import AsgiApp
from edgegw.wire.front import Delivery, Handshake, ViewerGoneError

logger = logging.getLogger(__name__)

LARGEST_BODY: Final = 1024 * 1024
_LIMITS: Final = Limits(head=10.0, idle=30.0)
_STATUS: Final[dict[Trouble, int]] = {
    "malformed": 400,
    "too-large": 431,
    "idle": 408,
    "plain-http": 400,
}


class ApplicationFront:
    """The front door of an application, which `make` makes with the first request."""

    def __init__(self, make: Callable[[], AsgiApp]) -> None:
        self._make = make
        self._app: AsgiApp | None = None

    def limits(self) -> Limits:
        return _LIMITS

    def accept(self, request: Request) -> Response | Awaitable[Response]:
        return self._answer(request)

    def done(self, response: Response, delivery: Delivery) -> None:
        """Nobody counts."""

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        return _plain(_STATUS[why], detail)

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        """Nobody counts."""

    async def _answer(self, request: Request) -> Response:
        content = await content_within(request.body, LARGEST_BODY)
        if content is None:
            return _plain(413, f"the body is larger than {LARGEST_BODY} bytes")
        app = self._app = self._app or self._make()
        call = _ApplicationCall(content)
        try:
            await app(_scope(request), call.receive, call.send)
        except ViewerGoneError:
            raise
        except EdgegwError as error:  # such as a file that cannot be read
            logger.error("%s", error)  # noqa: TRY400 - it says what to do
            return _plain(500, str(error))
        except Exception:
            logger.exception("a fault of edgegw itself, please report it")
            return _plain(500, "a fault of edgegw itself: its log says more")
        return call.response()


async def content_within(body: Body, limit: int) -> bytes | None:
    """The whole body; None where it has more than `limit` bytes. Raises ViewerGoneError."""
    if (body.length or 0) > limit:
        return None
    if body.chunks is None:
        return body.content or b""
    content = bytearray()
    async for chunk in body.chunks:
        content += chunk
        if len(content) > limit:
            return None
    return bytes(content)


def _scope(request: Request) -> dict[str, Any]:
    """The scope of a request (ASGI 3.0, HTTP)."""
    target = request.target
    host = request.headers.get(b"host") or b""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": request.http_version,
        "method": request.method,
        "scheme": request.scheme,
        "path": unquote_to_bytes(target.path).decode("utf-8", "replace"),
        "raw_path": target.path,
        "query_string": target.query or b"",
        "root_path": "",
        "headers": [(name.lower(), text) for name, text in request.headers],
        "client": (request.client.address, request.client.port),
        "server": (host.decode("latin-1"), None),
    }


class _ApplicationCall:
    """One call of an application: its request's body, and what it sends."""

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content
        self._start: Any = None
        self._body = bytearray()

    async def receive(self) -> dict[str, Any]:
        content, self._content = self._content, None
        if content is None:  # a client that leaves ends the call itself
            await asyncio.Event().wait()
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._body += message.get("body", b"")

    def response(self) -> Response:
        """What the application sent."""
        status = int(self._start["status"])
        lines = [(bytes(name).title(), bytes(text)) for name, text in self._start["headers"]]
        return Response(status, reason_phrase(status), Headers(lines), Body.of(bytes(self._body)))


def _plain(status: int, text: str) -> Response:
    content = f"{text}\n".encode()
    lines = [
        (b"Content-Type", b"text/plain; charset=utf-8"),
        (b"Content-Length", str(len(content)).encode()),
        (b"Connection", b"close"),
    ]
    return Response(status, reason_phrase(status), Headers(lines), Body.of(content))
