"""uvicorn's httptools protocol, made to speak as AWS's front doors do.

What is different: header names keep their wire spelling (both ways), reason phrases are the
application's, trailers are dropped instead of merged into the headers, HTTP/1.1 needs exactly one
Host, a malformed request gets the front door's own page, an HTTP/1.0 client never gets chunks, and
a viewer that left is an error for whoever still sends.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from edgegw.gateway.asgi import WIRE, ViewerGoneError
from edgegw.gateway.connection import Connection
from edgegw.gateway.origins import CutOffError
from edgegw.gateway.tunnel import Moved, Tunnel
from edgegw.http.message import Headers, Response

logger = logging.getLogger(__name__)

MAX_HEAD: Final = 256 * 1024
"""Bytes of request line and headers after which nothing more is read; AWS's limits are lower and
are judged by the front doors."""

_BODILESS: Final = frozenset({204, 304})
_LINGER: Final = 1.0
"""Seconds that a client may go on sending a request that is answered already."""


class FrontDoorProtocol(HttpToolsProtocol):
    """One connection of a viewer or client. `config.app` is a `FrontDoorApp`."""

    wire: list[tuple[bytes, bytes]]
    cycle: Any
    parser: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._hosts = 0
        self._is_refused = False
        self._is_bodiless = True
        self._is_muted = False
        self._upgrade = b""
        self._early: list[bytes] | None = None
        self._tunnel: Tunnel | None = None
        self._running: Any = None
        self._door: Any = self.config.app  # a FrontDoorApp

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        # With requests in a pipeline uvicorn tells only the latest one.
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    # Parsing

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._early is not None:  # another protocol already: kept for whoever takes over
            self._early.append(data)
            self.transport.pause_reading()
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Without a 101 it is an ordinary request; the connection closes after the answer.
            rest = data[upgrade.args[0] :]
            if self._is_muted:
                self._go_on(rest)
                return
            self._early = [rest]
        except httptools.HttpParserError as error:
            self._refuse(f"malformed HTTP: {error}")
            return
        if self._in_head and self._head_bytes > MAX_HEAD:
            self._refuse(f"request line and headers exceed {MAX_HEAD} bytes", too_large=True)

    def _go_on(self, rest: bytes) -> None:
        """Reads the body of a request that also asked to switch protocols.

        The parser takes it for the other protocol: another one is told its framing alone.
        """
        names = (b"content-length", b"transfer-encoding")
        framing = [b"%b: %b\r\n" % line for line in self.headers if line[0] in names]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))
        self._is_muted = False
        if rest:
            self.data_received(rest)

    def on_message_begin(self) -> None:
        if self._is_muted:
            return
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self.wire = []
        self._in_head = True
        self._hosts = 0
        self._is_bodiless = True
        self._upgrade = b""

    def on_url(self, url: bytes) -> None:
        if not self._is_muted:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer, or the framing told again
        value = value.rstrip(
            b" \t"
        )  # blanks behind a value are not part of it; the parser keeps them
        lower = name.lower()
        if lower == b"host":
            self._hosts += 1
        elif lower in (b"content-length", b"transfer-encoding"):
            self._is_bodiless = False
        elif lower == b"upgrade":
            self._upgrade = value.lower()
        elif lower == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((lower, value))
        self.wire.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        if self._is_refused or self._is_muted:
            return
        version = self.parser.get_http_version()
        if self._hosts != 1 and not (version == "1.0" and self._hosts == 0):
            self._refuse(f"{self._hosts} Host headers")
            return
        self._is_muted = self.parser.should_upgrade() and not self._is_bodiless
        keep_alive = (
            version != "1.0"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )
        scope: Any = self._scope(version)
        self.scope = scope
        previous = self.cycle
        self.cycle = cycle = FrontDoorCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.on_last = self._end
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, self._door)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self._door))

    def _scope(self, version: str) -> dict[str, Any]:
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("latin-1")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "extensions": {WIRE: self._wire(version)},
        }

    def _wire(self, version: str) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "headers": self.wire,
            "target": self.url,
            "bodiless": self._is_bodiless,
        }
        if self._upgrade == b"websocket" and version == "1.1" and self.parser.should_upgrade():
            wire["upgrade"] = self._upgrade
            wire["splice"] = self._splice
        return wire

    async def _splice(self, response: Response) -> Moved:
        """Answers 101 and joins the connection with the origin's until both have ended."""
        upgraded = response.upgraded
        assert upgraded is not None  # only such responses come here
        origin = cast("Connection", upgraded.connection)
        assert origin.transport is not None
        if self.transport.is_closing():
            origin.close()
            raise ViewerGoneError
        lines = (*response.headers.raw, (b"Connection", b"Upgrade"), (b"Upgrade", self._upgrade))
        self.cycle.response_started = True
        self.transport.write(head_and_body(response._replace(headers=Headers(lines))))
        self._tunnel = Tunnel(
            (self.transport, self),
            (origin.transport, origin),
            idle=upgraded.idle,
            only_origin=upgraded.only_origin,
        )
        try:
            return await self._tunnel.run(
                from_viewer=b"".join(self._early or ()), from_origin=origin.rest
            )
        finally:
            self.cycle.response_complete = True

    def shutdown(self) -> None:
        if self._tunnel is not None:
            self._tunnel.close()
        else:
            super().shutdown()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not (self._is_refused or self._is_muted):
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return False

    def _end(self) -> None:
        """The connection closes behind a response: what the client still sends is thrown away."""
        self._is_refused = True
        self.pipeline.clear()
        self.flow.resume_reading()

    # Refusing

    def _refuse(self, detail: str, *, too_large: bool = False) -> None:
        """Answers with the front door's page and closes, behind any answer still under way."""
        if self._is_refused:
            return
        self._is_refused = True
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            if cycle.more_body:  # the request itself is broken: its answer has no end to wait for
                cycle.disconnected = True
                cycle.message_event.set()
                self.transport.close()
            return
        self.transport.write(head_and_body(self._door.refuse(detail, too_large=too_large)))
        close_gently(self.transport, unread=True)


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


class FrontDoorCycle(RequestResponseCycle):
    """One request and its response on a connection."""

    _remaining: int | None = None
    _is_chunked = False
    _is_bodiless = False
    _held: bytes | None = None
    on_last: Callable[[], None]
    """Called when the connection closes behind this response."""

    async def run_asgi(self, app: Any) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except CutOffError:
            self.transport.close()
        except BaseException as error:
            self.transport.close()
            if not isinstance(error, (asyncio.CancelledError, ConnectionError)):
                logger.exception("a fault of edgegw itself, please report it")
        finally:
            self.on_response = _ignore

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
        out = [b"HTTP/1.1 %d %b\r\n" % (status, reason)]
        length: int | None = None
        connection_at = 0
        for name, value in message["headers"]:
            lower = name.lower()
            if lower == b"transfer-encoding":
                continue
            if lower == b"content-length":
                length = int(value)
            elif lower == b"connection":
                if b"close" in value.lower():
                    self.keep_alive = False
                connection_at = len(out)
                out.append(b"")
                continue
            out.append(b"%b: %b\r\n" % (name, value))
        self._is_bodiless = self.scope["method"] == "HEAD" or status in _BODILESS
        if self._is_bodiless:
            self._remaining = 0
        elif length is not None:
            self._remaining = length
        elif self.scope["http_version"] == "1.0":
            self.keep_alive = False
        else:
            self._is_chunked = True
            out.append(b"Transfer-Encoding: chunked\r\n")
        connection = b"Connection: keep-alive\r\n" if self.keep_alive else b"Connection: close\r\n"
        if connection_at:
            out[connection_at] = connection
        else:
            out.append(connection)
        out.append(b"\r\n")
        return b"".join(out)

    def _write_body(self, body: bytes, *, more: bool) -> None:
        if self.response_complete:
            return
        out, self._held = self._held or b"", None
        if body and not self._is_bodiless:
            if self._is_chunked:
                body = b"%x\r\n%b\r\n" % (len(body), body)
            elif self._remaining is not None:
                body = body[: self._remaining]
                self._remaining -= len(body)
            out = out + body if out else body
        if self._is_chunked and not more:
            out += b"0\r\n\r\n"
        if out:
            self.transport.write(out)
        if more:
            return
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive or self._remaining:  # too few bytes: the viewer must not wait
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
