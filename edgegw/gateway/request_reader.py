"""Reads requests off a connection, strictly where they are HTTP and loosely where not.

uvicorn's httptools protocol, made to read as AWS's front doors do: header names keep their
spelling, trailers are dropped instead of merged into the headers, and a head that the strict
parser refuses is read once more, where the front door wants to judge it itself.
"""

from __future__ import annotations

from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edgegw.gateway.asgi import Limits
from edgegw.gateway.incoming import Trouble
from edgegw.gateway.known_heads import KnownHead, KnownHeads, Sighted
from edgegw.http.loose_head import (
    LooseHead,
    head_end,
    is_hopeless,
    parse_loosely,
    simple_end,
)
from edgegw.http.message import Headers

MAX_HEAD: Final = 256 * 1024
"""Bytes of request line and headers after which nothing more is read; AWS's limits are lower and
are judged by the front doors."""

_SHORT: Final = 64
"""Bytes below which a block of data may be a whole request of HTTP/0.9."""

_heads: Final = KnownHeads()


class RequestReader(HttpToolsProtocol):
    """The reading half of a connection: one request after the other is found and opened.

    Of the request under way it keeps `url`, `headers` in lower case, `wire` as they came, and how
    its body is framed.
    """

    wire: list[tuple[bytes, bytes]]
    cycle: Any
    parser: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._door: Any = self.config.app  # a FrontDoorApp
        self._limits: Limits = self._door.limits()
        self._in_head = True
        self._head_bytes = 0
        self._hosts = 0
        self._is_refused = False
        self._is_bodiless = True
        self._is_muted = False
        self._upgrade = b""
        self._early: list[bytes] | None = None
        self._head: list[bytes] = []
        self._has_begun = False
        self._is_clean = True
        self._collects = False
        self._loose: LooseHead | None = None
        self._known: KnownHead | None = None
        self._keeps_alive = False

    # What the answering half does

    def _open(self, version: str, method: str, *, keep_alive: bool) -> None:
        """The request is known: it starts, or waits for those before it."""
        raise NotImplementedError

    def _refuse(self, detail: str, why: Trouble = "malformed") -> None:
        """The request cannot be read: it is answered, and the connection closes."""
        raise NotImplementedError

    def _end(self) -> None:
        """The connection closes behind a response: what the client still sends is thrown away."""
        raise NotImplementedError

    # What the client sends

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._early is not None:  # another protocol already: kept for whoever takes over
            self._early.append(data)
            self.transport.pause_reading()
            return
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
        self._open("1.1", sighted.method.decode("ascii"), keep_alive=head.keep_alive)
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
        self._open(version, head.method.decode("latin-1"), keep_alive=False)
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
            (version != "1.0" or self._limits.is_lenient)  # HTTP/1.0 has to ask for it
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )
        self._open(version, self.parser.get_method().decode("ascii"), keep_alive=keep_alive)

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_muted:
            self._has_begun = self._is_clean = False
            if not self._is_refused and self.cycle is not None:
                self.cycle.more_body = False  # uvicorn forgets it behind an early answer
                super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return False
