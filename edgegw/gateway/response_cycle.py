"""The answering half of a connection: one request, its response, and the bytes of both.

uvicorn's cycle, made to write heads as AWS does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from edgegw.gateway.asgi import Begun
from edgegw.gateway.incoming import TROUBLE, Trouble
from edgegw.http.message import CutOffError, Header, Response, has_body

logger = logging.getLogger(__name__)

_LINGER: Final = 1.0
"""Seconds that a client may go on sending a request that is answered already."""


def close_gently(transport: asyncio.Transport, *, unread: bool) -> None:
    """Closes; with bytes of the client `unread`, a moment later.

    Closing at once would reset the connection while the client still sends, and take the answer
    from it: what comes now is read and thrown away.
    """
    if not unread or not transport.can_write_eof():
        transport.close()
        return
    transport.write_eof()
    asyncio.get_running_loop().call_later(_LINGER, transport.close)


def head_and_body(response: Response) -> bytes:
    """A complete response on the wire."""
    lines = b"".join(b"%b: %b\r\n" % line for line in response.headers.raw)
    body = response.body.content or b""
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (response.status, response.reason, lines, body)


class _Head(NamedTuple):
    """The head of a response on the wire, and what it promises.

    `length` is how many bytes of body follow: 0 where none may, None where it is not told.
    """

    data: bytes
    length: int | None
    is_chunked: bool
    keep_alive: bool


def _head(
    status: int,
    reason: bytes,
    lines: Iterable[Header],
    *,
    method: str,
    version: str,
    keep_alive: bool,
) -> _Head:
    """The head of a response with the framing and the Connection header that fit its client."""
    out = [b"HTTP/1.1 %d %b\r\n" % (status, reason)]
    length: int | None = None
    connection_at = 0
    for name, value in lines:
        lower = name.lower()
        if lower == b"connection":
            if b"close" in value.lower():
                keep_alive = False
            connection_at = len(out)
            out.append(b"")
        elif lower != b"transfer-encoding":
            if lower == b"content-length":
                length = int(value)
            out.append(b"%b: %b\r\n" % (name, value))
    is_chunked = False
    if not has_body(method, status):
        length = 0
    elif length is None and version <= "1.0":
        keep_alive = False
    elif length is None:
        is_chunked = True
        out.append(b"Transfer-Encoding: chunked\r\n")
    connection = b"Connection: keep-alive\r\n" if keep_alive else b"Connection: close\r\n"
    if connection_at:
        out[connection_at] = connection
    else:
        out.append(connection)
    out.append(b"\r\n")
    return _Head(b"".join(out), length, is_chunked, keep_alive)


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""


def whole(
    response: Response, *, method: str, keep_alive: bool, version: str = "1.1"
) -> tuple[bytes, bool]:
    """A response with its content at hand on the wire, and whether the connection stays open."""
    status, reason, headers, body, _ = response
    head = _head(status, reason, headers.raw, method=method, version=version, keep_alive=keep_alive)
    content = body.content or b""
    if head.is_chunked:
        return b"%b%b0\r\n\r\n" % (head.data, _chunk(content)), head.keep_alive
    content = content[: head.length]
    is_cut = head.length is not None and len(content) < head.length
    return head.data + content, head.keep_alive and not is_cut


class FrontDoorCycle(RequestResponseCycle):
    """One request and its response on a connection."""

    def __init__(
        self,
        scope: Any,
        transport: asyncio.Transport,
        flow: Any,
        *,
        keep_alive: bool,
        expects_100: bool,
        on_response: Callable[[], None],
        on_last: Callable[[], None],
        begun: Begun | None,
    ) -> None:
        # What uvicorn's own sets, but for what is not used here.
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_100
        self.on_response = on_response
        self.on_last = on_last
        self.begun = begun
        self.message_event = asyncio.Event()
        self.body = bytearray()
        self.more_body = True
        self.disconnected = self.response_started = self.response_complete = False

    _remaining: int | None = None
    _is_chunked = False
    _held: bytes | None = None
    _broken: tuple[str, Trouble] | None = None
    is_simple = False
    """Whether the client speaks HTTP/0.9: it gets the body alone."""

    def break_off(self, detail: str, why: Trouble) -> None:
        """Tells whoever reads the body that it has no end."""
        self._broken = (detail, why)
        self.message_event.set()

    async def receive(self) -> Any:
        message: dict[str, Any] = cast("Any", await super().receive())
        if self._broken is not None and message.get("more_body", True) and not self.disconnected:
            return {"type": "http.disconnect", TROUBLE: self._broken}
        return message

    async def run_asgi(self, app: Any) -> None:
        try:
            if self.begun is None:
                await app(self.scope, self.receive, self.send)
            else:
                await app.finish(self.begun, self.receive, self.send, self.send_whole)
        except CutOffError:
            self.transport.close()
        except BaseException as error:
            self.transport.close()
            if not isinstance(error, (asyncio.CancelledError, ConnectionError)):
                logger.exception("a fault of edgegw itself, please report it")
        finally:
            self.on_response = _ignore

    def send_whole(self, response: Response) -> None:
        """Sends a response whose content is at hand."""
        if self.disconnected:
            raise ConnectionResetError("the viewer closed the connection")
        self.response_started = True
        scope = self.scope
        data, self.keep_alive = whole(
            response,
            keep_alive=self.keep_alive,
            method=scope["method"],
            version=scope["http_version"],
        )
        self.transport.write(response.body.content or b"" if self.is_simple else data)
        self._complete(is_cut=False)

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            raise ConnectionResetError("the viewer closed the connection")
        if not self.response_started:
            self.response_started = True
            self.waiting_for_100_continue = False
            head = self._head(message)
            if message.get("edgegw.whole"):
                self._held = head  # shares its packet with the body
            else:
                self.transport.write(head)
        else:
            self._write_body(message.get("body", b""), more=message.get("more_body", False))

    def _head(self, message: dict[str, Any]) -> bytes:
        status: int = message["status"]
        reason = message.get("reason")
        if reason is None:
            reason = _phrase(status)
        head = _head(
            status,
            reason,
            message["headers"],
            method=self.scope["method"],
            version=self.scope["http_version"],
            keep_alive=self.keep_alive,
        )
        self.keep_alive = head.keep_alive
        self._remaining, self._is_chunked = head.length, head.is_chunked
        return b"" if self.is_simple else head.data

    def _write_body(self, body: bytes, *, more: bool) -> None:
        if self.response_complete:
            return
        out, self._held = self._held or b"", None
        if body:
            if self._is_chunked:
                body = _chunk(body)
            elif self._remaining is not None:
                body = body[: self._remaining]
                self._remaining -= len(body)
            out = out + body if out else body
        if self._is_chunked and not more:
            out += b"0\r\n\r\n"
        if out:
            self.transport.write(out)
        if not more:
            self._complete(is_cut=bool(self._remaining))  # the viewer must not wait for the rest

    def _complete(self, *, is_cut: bool) -> None:
        self.response_complete = True
        self.message_event.set()
        if is_cut or not self.keep_alive:
            self.on_last()
            close_gently(self.transport, unread=self.more_body)
        self.on_response()


def _ignore() -> None:
    """Stands in for uvicorn's callback once a request is over."""


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
