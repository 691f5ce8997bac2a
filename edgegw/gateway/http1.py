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
from functools import lru_cache
from secrets import token_hex
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edgegw.gateway.asgi import CLIENT, TLS, WIRE, Begun, Limits, Trouble, ViewerGoneError
from edgegw.gateway.connection import Connection
from edgegw.gateway.known_heads import KnownHead, KnownHeads, Sighted
from edgegw.gateway.response_cycle import FrontDoorCycle, close_gently, head_and_body, whole
from edgegw.gateway.tunnel import Moved, Tunnel
from edgegw.http.loose_head import (
    LooseHead,
    head_end,
    is_hopeless,
    parse_loosely,
    simple_end,
)
from edgegw.http.message import EMPTY, Client, Headers, Request, Response
from edgegw.http.target import Target

logger = logging.getLogger(__name__)

MAX_HEAD: Final = 256 * 1024
"""Bytes of request line and headers after which nothing more is read; AWS's limits are lower and
are judged by the front doors."""

_heads: Final = KnownHeads()

_whole: Final = lru_cache(maxsize=16)(whole)
"""Answers made at once are often the very same: those without a Location, within a second."""

_SHORT: Final = 64
"""Bytes below which a block of data may be a whole request of HTTP/0.9."""


def new_client(address: tuple[str, int]) -> Client:
    """The peer at the other end of a new connection."""
    return Client(*address[:2], f"TID_{token_hex(16)}")


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
        self._limits: Limits = self._door.limits()
        self._head: list[bytes] = []
        self._has_begun = False
        self._is_clean = True
        self._collects = False
        self._loose: LooseHead | None = None
        self._known: KnownHead | None = None
        self._keeps_alive = False
        self._peer = Client()
        self._tls = ""
        self._made = self._heard = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._rests_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._made = self._heard = self.loop.time()
        if self.client is not None:
            self._peer = new_client(self.client)
            self._announce()
        if self._limits.idle is not None:
            self._idle = self.loop.call_later(self._limits.idle, self._look_for_life)

    def _announce(self) -> None:
        """Tells the front door who has connected."""
        self._door.connected(self._peer)

    def _look_for_life(self) -> None:
        """Ends a connection on which the client sends nothing although it is its turn."""
        idle = self._limits.idle
        if idle is None or self.transport.is_closing() or self._tunnel is not None:
            return
        rest = self._heard + idle - self.loop.time()
        cycle = self.cycle
        under_way = bool(cycle) and not cycle.response_complete
        if under_way and not cycle.more_body:  # it is the target's turn
            rest = idle
        elif rest <= 0 and not (under_way or self._has_begun or self._collects):
            self.transport.close()  # between two requests
            return
        elif rest <= 0:
            self._refuse("the client sent nothing for the idle timeout", "idle")
            return
        self._idle = self.loop.call_later(rest, self._look_for_life)

    def on_response_complete(self) -> None:
        """Begins the next request of a pipeline, or to wait for one.

        The timer is left running and asks again: setting one per request costs more.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._heard = self._rests_since = self.loop.time()
        if self._limits.idle is None and self._rest is None:
            self._rest = self.loop.call_later(self._limits.keep_alive, self._look_for_rest)

    def _look_for_rest(self) -> None:
        """Ends a connection that has waited for its next request long enough."""
        self._rest = None
        if self._rests_since is None or self.transport.is_closing():
            return  # the next rest sets another timer
        left = self._rests_since + self._limits.keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._rest = self.loop.call_later(left, self._look_for_rest)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        # With requests in a pipeline uvicorn tells only the latest one.
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        for timer in (self._idle, self._rest):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    # Parsing

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._early is not None:  # another protocol already: kept for whoever takes over
            self._early.append(data)
            self.transport.pause_reading()
            return
        self._rests_since = None
        if self._limits.idle is not None:
            self._heard = self.loop.time()
        if self._collects:
            self._head.append(data)
            self._read_loosely()
            return
        if not self._has_begun:
            sighted = _heads.sight(data)
            if sighted is not None and sighted.head is not None:
                self._open_known(sighted, sighted.head)
                return
            self._head = [data]
            if sighted is not None:
                self._parse(data)
                self._learn(sighted.block)
                return
            if self._limits.is_lenient and len(data) < _SHORT and simple_end(data):
                self._read_loosely()
                return
        elif self._in_head:
            self._head.append(data)
        self._parse(data)

    def _open_known(self, sighted: Sighted, head: KnownHead) -> None:
        """Opens a request whose header lines a parser has taken before."""
        self._begin()
        self._known = head
        self.url = sighted.url
        self.headers, self.wire, self._hosts = head.lower, head.wire, 1
        self._in_head = self._has_begun = False
        self._open_cycle("1.1", sighted.method.decode("ascii"), keep_alive=head.keep_alive)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    def _learn(self, block: bytes) -> None:
        """Keeps what the parser has just found in `block`, if that was one plain request."""
        is_over = not (self._has_begun or self._is_refused or self._collects)
        is_plain = self._is_bodiless and not (self._upgrade or self.expect_100_continue)
        if is_over and is_plain and self._hosts == 1 and self._early is None:
            fields = Headers(self.wire)
            _heads.learn(block, KnownHead(self.wire, self.headers, fields, self._keeps_alive))

    def _parse(self, data: bytes) -> None:
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
            # Where a head begins is known only if it began with a block of data.
            in_head = self._in_head or not self._has_begun
            if self._limits.is_lenient and self._is_clean and in_head:
                self._read_loosely()
            else:
                self._refuse(f"malformed HTTP: {error}")
            return
        if not self._has_begun:
            self._is_clean = True
        if self._in_head and self._head_bytes > MAX_HEAD:
            self._refuse(f"request line and headers exceed {MAX_HEAD} bytes", "too-large")

    def _read_loosely(self) -> None:
        """Reads a head that the strict parser refuses, as far as it can be told what it says.

        The connection closes behind the answer: what follows is never taken for a request.
        """
        data = b"".join(self._head)
        end = simple_end(data) or head_end(data)
        if end is None:
            self._collects = True
            if is_hopeless(data):
                self._refuse("malformed HTTP: no request line")
            elif len(data) > MAX_HEAD:
                self._refuse(f"request line and headers exceed {MAX_HEAD} bytes", "too-large")
            return
        self._collects = False
        head = parse_loosely(data[:end])
        if head is None or not head.uri:
            self._refuse("malformed HTTP: no request line")
            return
        version = head.version.strip().removeprefix(b"HTTP/").decode("latin-1") or "0.9"
        framing = self._take(head)
        if self._hosts == 0 and version not in ("0.9", "1.0"):
            self._refuse("no Host header")
            return
        self._in_head = False
        self._open_cycle(version, head.method.decode("latin-1"), keep_alive=False)
        if self.cycle is not None:
            self.cycle.is_simple = not head.version
        if framing:
            self._read_body(framing, data[end:])
            return
        if self.cycle is not None:
            super().on_message_complete()
        self._end()

    def _take(self, head: LooseHead) -> bytes:
        """Takes a loose head for that of the next request; answers the header that frames it."""
        self._begin()
        self._loose = head
        self.url = head.uri
        for name, value in head.fit_to_send():
            if name.lower() not in (b"content-length", b"transfer-encoding"):
                self.on_header(name, value)
        if not head.framing:
            return b""
        line = (b"Transfer-Encoding", b"chunked")
        if head.framing != "chunked":
            line = (b"Content-Length", b"%d" % head.framing)
        self.on_header(*line)
        return b"%b: %b\r\n" % line

    def _read_body(self, framing: bytes, rest: bytes) -> None:
        """Reads the body of the request under way with a parser that is told its framing alone."""
        self.parser = httptools.HttpRequestParser(self)
        self._is_muted = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % framing)
        self._is_muted = False
        try:
            self.parser.feed_data(rest)
        except httptools.HttpParserError as error:
            self._refuse(f"malformed HTTP: {error}")

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
        if not self._is_muted:
            self._begin()

    def _begin(self) -> None:
        self._has_begun = True
        self._loose = self._known = None
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
        if not self._limits.takes_hosts(self._hosts, version):
            self._refuse(f"{self._hosts} Host headers")
            return
        if version not in ("1.0", "1.1"):
            self._refuse(f"HTTP version {version}")
            return
        self._is_muted = self.parser.should_upgrade() and not self._is_bodiless
        self._keeps_alive = keep_alive = (
            version != "1.0"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )
        self._open_cycle(version, self.parser.get_method().decode("ascii"), keep_alive=keep_alive)

    def _open_cycle(self, version: str, method: str, *, keep_alive: bool) -> None:
        """The request is known: it starts, or waits for those before it."""
        if keep_alive and self._limits.age is not None:
            keep_alive = self.loop.time() - self._made < self._limits.age
        previous = self.cycle
        self._tls = self._told()
        begun = self._begun(version, method)
        if begun is not None and begun.response is not None:
            self._write(begun.response, method, keep_alive=keep_alive)
            return
        scope: Any = {"method": method, "http_version": version}
        if begun is None:
            scope = self._scope(version, method)
        self.scope = scope
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
        cycle.begun = begun
        cycle.on_last = self._end
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, self._door)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self._door))

    def _begun(self, version: str, method: str) -> Begun | None:
        """The request begun, where the front door can do so and nothing stands before it."""
        busy = self.flow.write_paused or (
            self.cycle is not None and not self.cycle.response_complete
        )
        if busy or self._upgrade or not self._is_bodiless:
            return None
        return cast("Begun", self._door.begin(self._request(version, method)))

    def _request(self, version: str, method: str) -> Request:
        """The request, which has no body."""
        return Request(
            method,
            Target.parse(self.url),
            Headers(self.wire) if self._known is None else self._known.headers,
            EMPTY,
            self.scheme or "http",
            version,
            self._peer,
            b"",
            self._tls,
            self._loose,
        )

    def _write(self, response: Response, method: str, *, keep_alive: bool) -> None:
        """Writes an answer that was there at once: nothing of the application was needed."""
        data, keep_alive = _whole(response, method=method, keep_alive=keep_alive)
        if self._loose is not None and not self._loose.version:  # HTTP/0.9: the body alone
            data = response.body.content or b""
        self.transport.write(data)
        self.server_state.total_requests += 1
        if not keep_alive:
            self._end()
            close_gently(self.transport, unread=response.status >= 400)  # who errs may still send

    def _told(self) -> str:
        """How TLS was agreed on, for one request; empty without."""
        return ""

    def _scope(self, version: str, method: str) -> dict[str, Any]:
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("latin-1")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": method,
            "root_path": "",
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "extensions": {WIRE: self._wire(version), CLIENT: self._peer, TLS: self._tls},
        }

    def _wire(self, version: str) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "headers": self.wire,
            "target": self.url,
            "bodiless": self._is_bodiless,
        }
        if self._loose is not None:
            wire["loose"] = self._loose
        elif self._upgrade == b"websocket" and version == "1.1" and self.parser.should_upgrade():
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
        if not self._is_muted:
            self._has_begun = self._is_clean = False
            if not self._is_refused and self.cycle is not None:
                super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return False

    def _end(self) -> None:
        """The connection closes behind a response: what the client still sends is thrown away."""
        self._is_refused = True
        self.pipeline.clear()
        self.flow.resume_reading()

    # Refusing

    def _refuse(self, detail: str, why: Trouble = "malformed") -> None:
        """Answers with the front door's page and closes, behind any answer still under way."""
        if self._is_refused:
            return
        self._is_refused = True
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            if not cycle.more_body:
                return
            # The request itself is broken: its answer has no end to wait for.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or cycle is not self._running:
                self.transport.close()
                return
        response = self._door.refuse(detail, client=self._peer, why=why)
        self.transport.write(head_and_body(response))
        close_gently(self.transport, unread=True)
