"""Bytes of an HTTP/1 connection → requests, without a socket.

    reader.feed(data) → [Head | Part | End | Refused | Raw, …]

Three ways of reading a head stand behind `feed`, and nobody outside can tell which was taken:

- remembered: the very bytes were read before (`remembered_heads`);
- strict: httptools (llhttp), which refuses whatever two readers might understand differently;
- lenient: what the strict parser refused is read once more (`http.lenient_head`), where the front
  door wants to judge such heads itself. The connection ends behind it: what follows is thrown
  away, never taken for a request.

The states, and what leads from one to the other, stand in `http1_states`.

Bytes beyond ASCII in a request target pass by way of `masked_target`.

Two sad stories. llhttp takes the body of a request that asks to switch protocols for the other
protocol: another parser, told the framing alone, reads it. And header lines that come behind a
chunked body (trailers) arrive by the same callback as those of the head: taken for those, they
would be a way to smuggle a header past a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import httptools

from edgegw.http.lenient_head import head_end, is_hopeless, parse_leniently, simple_end
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Header
from edgegw.wire.http1_events import End, Head, Part, Raw, ReaderEvent, Unreadable
from edgegw.wire.http1_fields import FRAMING, fields_of, is_plain, lines_of
from edgegw.wire.http1_states import RequestState
from edgegw.wire.masked_target import (
    body_stop,
    ends_request_line,
    has_request_line,
    masked,
    unmasked,
)
from edgegw.wire.remembered_heads import REQUEST_LINE, Fields, RememberedHeads, is_one_block

MAX_HEAD: Final = 256 * 1024
"""Bytes of request line and headers after which nothing more is read; what services allow is less,
and judged by their front doors. Trailers may have as many, as may all that stands around a body
(sizes and extensions of chunks, trailers) between two bytes of it."""

MAX_BLANK: Final = 64
"""Bytes of blank lines before a head; RFC 9112 section 2.2 wants one of them to be ignored."""

_SHORT: Final = 64
"""Bytes below which a block of data may be a whole request of HTTP/0.9."""

_BREAKS: Final = (b"\r", b"\n")
_METHODS: Final = {b"GET": "GET", b"HEAD": "HEAD"}
_SPOKEN: Final = ("1.0", "1.1")
_heads: Final = RememberedHeads()


class _OddVersionError(Exception):
    """The parser took a version that is not spoken here."""


_IN_PIECES: Final = frozenset(
    {RequestState.IDLE, RequestState.HEAD, RequestState.BODY, RequestState.LAST_BODY}
)
"""States in which a block with bytes beyond ASCII goes to the parser in pieces."""

_TLS: Final = b"\x16\x03"
"""How a client that speaks TLS begins (RFC 8446 section 5.1)."""


class Http1Reader:
    """Reads the requests of one connection."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.state = RequestState.IDLE
        self._events: list[ReaderEvent] = []
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._lines: list[Header] = []
        self._trailers: list[Header] = []
        self._pieces: list[bytes] = []
        """What came of the body within this block: chunks of a byte are one part all the same."""
        self._around = self._trailer_bytes = self._blanks = 0
        """Bytes around the body since the last one of it, of trailers, and of blank lines."""
        self._left: int | None = None
        """Bytes that the body lacks; None where it comes in chunks."""
        self._target = b""
        self._masked = b""
        """The request line being fed as it truly stands, where the parser sees another."""
        self._head: list[bytes] = []
        self._head_bytes = 0
        self._fields: Fields | None = None
        self._is_muted = False
        self._is_first = True
        """Whether the bytes of the head under way are all in `_head`."""

    @property
    def is_in_head(self) -> bool:
        """Whether a head has begun and is not complete."""
        return self.state is RequestState.HEAD or self.state is RequestState.COLLECTING

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request has come."""
        return self.state is RequestState.IDLE

    def feed(self, data: bytes) -> Sequence[ReaderEvent]:
        """What `data`, and what came before it, says. Never raises."""
        state = self.state
        if state is RequestState.IDLE:
            line = REQUEST_LINE.match(data)
            if line is not None:
                block = data[line.end() :]
                fields = _heads.get(block)
                if fields is not None:
                    if not fields.keep_alive:
                        self.state = RequestState.ENDED
                    return (Head(_METHODS[line[1]], line[2], "1.1", fields),)
                return self._feed_new(data, block if is_one_block(block) else None)
            return self._feed_new(data, None)
        if state is RequestState.ENDED:
            return ()
        if state is RequestState.SWITCHED:
            return (Raw(data),)
        if state is RequestState.COLLECTING:
            self._head.append(data)
            self._read_leniently()
        else:
            if state is RequestState.HEAD:
                self._head.append(data)
            self._parse(data)
            if state is RequestState.BODY and self.state is RequestState.HEAD:
                self._head = [data]
        return self._taken()

    def end(self) -> None:
        """Nothing more is to be read: the connection closes behind an answer, or is lost.

        The parser knows this reader: kept, the two would wait for the garbage collector.
        """
        self.state = RequestState.ENDED
        self._parser = None

    def _taken(self) -> list[ReaderEvent]:
        events, self._events = self._events, []
        return events

    def _feed_new(self, data: bytes, block: bytes | None) -> Sequence[ReaderEvent]:
        """The first bytes of a request; with `block`, all of one that may be remembered."""
        if data[:1] in _BREAKS and not self._may_be_blank(data):
            return self._taken()
        self._head = [data]
        self._is_first = True
        if block is None and self._limits.is_lenient and len(data) < _SHORT and simple_end(data):
            self._read_leniently()
            return self._taken()
        self._parse(data)
        events = self._taken()
        if block is not None and len(events) == 1:
            head = events[0]
            if isinstance(head, Head) and head.lenient is None and is_plain(head.fields):
                _heads.learn(block, head.fields)
        return events

    def _may_be_blank(self, data: bytes) -> bool:
        """Whether a head may begin behind so many blank lines more."""
        self._blanks += len(data) - len(data.lstrip(b"\r\n"))
        if self._blanks > MAX_BLANK:
            self._refuse("malformed HTTP: blank lines where a request should be")
            return False
        return True

    def _refuse(self, detail: str, why: Trouble = "malformed") -> None:
        if self.state is not RequestState.ENDED:
            self.state = RequestState.ENDED
            if self._is_first and self._head and self._head[0].startswith(_TLS):
                detail = "TLS came to a port for plain HTTP: write http:// for this port"
            self._events.append(Unreadable(detail, why))

    # The strict way

    def _parse(self, data: bytes) -> None:
        if self.state in (RequestState.IDLE, RequestState.HEAD):
            if not data.isascii():
                self._parse_pieces(data)
                return
            self._head_bytes += len(data)
        else:
            left = self._left
            if (left is None or len(data) > left) and not data.isascii():
                self._parse_pieces(data)
                return
            self._around += len(data)
        self._feed_parser(data)

    def _parse_pieces(self, data: bytes) -> None:
        """`_parse` for a block with bytes beyond ASCII: heads line by line, bodies to their end."""
        is_first_line = self.state is RequestState.IDLE or not self._has_request_line()
        at, went_on = 0, True
        while went_on and at < len(data) and self.state in _IN_PIECES:
            start = at
            if self.state in (RequestState.BODY, RequestState.LAST_BODY):
                at = body_stop(data, start, self._left)
                self._around += at - start
                went_on = self._feed_parser(data[start:at], data, at)
            else:
                at = data.find(b"\n", start) + 1 or len(data)
                self._head_bytes += at - start
                went_on = self._feed_line(data[start:at], data, at, is_first=is_first_line)
            is_first_line = self.state is RequestState.IDLE

    def _has_request_line(self) -> bool:
        """Whether the request line of the head under way is complete without the latest block."""
        before = self._head[:-1]
        if self._is_first:
            return has_request_line(before)
        return bool(self._lines) or ends_request_line(before, self._target)

    def _feed_line(self, line: bytes, block: bytes, end: int, *, is_first: bool) -> bool:
        """One line of a head, or a part of one, up to `end` of `block`."""
        if is_first:
            self._masked, line = line, masked(line)
        went_on = self._feed_parser(line, block, end)
        self._masked = b""
        return went_on

    def _feed_parser(self, data: bytes, block: bytes = b"", end: int = 0) -> bool:
        """Whether the parser takes more; `data` is what stands before `end` in `block`, if any."""
        went_on = False
        parser = self._parser
        assert parser is not None  # nothing is parsed behind the end
        try:
            parser.feed_data(data)
            went_on = True
        except httptools.HttpParserUpgrade as upgrade:
            self._on_upgrade(data[upgrade.args[0] :] + block[end:])
        except httptools.HttpParserError as error:
            in_head = self.state in (RequestState.IDLE, RequestState.HEAD)
            if in_head and self._limits.is_lenient and self._is_first:
                self._read_leniently()
            else:
                self._gather()
                self._refuse(f"malformed HTTP: {error}")
        self._gather()
        if self.state is RequestState.HEAD and self._head_bytes > MAX_HEAD:
            self._refuse(f"request line and headers exceed {MAX_HEAD} bytes", "too-large")
        elif self._around > MAX_HEAD and self.state in (RequestState.BODY, RequestState.LAST_BODY):
            self._refuse(f"more than {MAX_HEAD} bytes around a body", "too-large")
        return went_on and self._parser is not None

    def _gather(self) -> None:
        """What came of the body is one part."""
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            part = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._events.append(Part(part))
            self._around = 0
            if self._left is not None:
                self._left -= len(part)

    def _on_upgrade(self, rest: bytes) -> None:
        """What llhttp takes for another protocol."""
        if self.state is RequestState.BODY and self._fields is not None:
            lines = [line for line in self._fields.headers.raw if line[0].lower() in FRAMING]
            self._read_body_alone(lines, rest)
        elif self.state is RequestState.SWITCHED and rest:
            self._events.append(Raw(rest))

    def _read_body_alone(self, framing: list[Header], rest: bytes) -> None:
        """Reads the body under way with a parser that is told its framing and nothing else."""
        parser = self._parser = httptools.HttpRequestParser(self)
        lines = b"".join([b"%b: %b\r\n" % line for line in framing])
        self._is_muted = True
        try:
            parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % lines)
            self._is_muted = False
            if rest and self.state is not RequestState.ENDED:
                parser.feed_data(rest)
        except httptools.HttpParserUpgrade:
            self.state = RequestState.ENDED  # another request behind the last one
        except httptools.HttpParserError as error:
            self._gather()
            self._refuse(f"malformed HTTP: {error}")
        finally:
            self._is_muted = False
            self._gather()

    # What httptools calls

    def on_message_begin(self) -> None:
        if self.state is RequestState.IDLE:
            self.state = RequestState.HEAD
            self._lines, self._trailers, self._target = [], [], b""

    def on_url(self, url: bytes) -> None:
        if not self._is_muted:
            self._target += unmasked(url, self._masked) if self._masked else url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.state is RequestState.HEAD:
            # Blanks behind a value are not part of it; the parser keeps them.
            self._lines.append((name, value.rstrip(b" \t")))
        elif not self._is_muted and self.state is not RequestState.ENDED:
            self._trailers.append((name, value.rstrip(b" \t")))
            self._trailer_bytes += len(name) + len(value) + 4
            if self._trailer_bytes > MAX_HEAD:
                self._gather()
                self._refuse(f"trailers exceed {MAX_HEAD} bytes", "too-large")

    def on_headers_complete(self) -> None:
        self._head_bytes = self._blanks = self._around = self._trailer_bytes = 0
        parser = self._parser
        if self.state is not RequestState.HEAD or parser is None:
            return
        version = parser.get_http_version()
        fields = self._fields = fields_of(self._lines, parser.should_keep_alive())
        if not self._limits.takes_hosts(fields.hosts, version):
            self._refuse(f"{fields.hosts} Host headers")
            return
        if version not in _SPOKEN:
            if self._limits.is_lenient and self._is_first:
                raise _OddVersionError  # stops the parser: the head is read leniently
            self._refuse(f"HTTP version {version}")
            return
        switches = parser.should_upgrade()
        if switches or (version == "1.0" and not self._limits.is_lenient):
            fields.keep_alive = False  # HTTP/1.0 has to ask for it
        if fields.has_body or version != "1.1" or not switches:
            fields.upgrade = b""
        method = parser.get_method().decode("ascii", "replace")
        self._events.append(Head(method, self._target, version, fields))
        if fields.has_body:
            self.state, self._left = RequestState.BODY, fields.length
        elif switches:
            self.state = RequestState.SWITCHED

    def on_body(self, body: bytes) -> None:
        if self.state is RequestState.BODY or self.state is RequestState.LAST_BODY:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        state, fields = self.state, self._fields
        self._is_first = False  # where the next head begins is known only if data begins with it
        if len(self._head) > 1:
            del self._head[:-1]
        self._gather()
        parser = self._parser
        if state is RequestState.BODY and parser is not None and parser.should_upgrade():
            return  # llhttp knows nothing of this body
        if state is RequestState.BODY or state is RequestState.LAST_BODY:
            self._events.append(End(tuple(self._trailers)))
        if state is RequestState.HEAD or state is RequestState.BODY:
            self.state = (
                RequestState.IDLE if fields is None or fields.keep_alive else RequestState.ENDED
            )
        elif state is RequestState.LAST_BODY:
            self.state = RequestState.ENDED

    # The lenient way

    def _read_leniently(self) -> None:
        """Reads a head that the strict parser refuses, as far as it can be told what it says."""
        data = b"".join(self._head)
        self._events = []
        end = simple_end(data) or head_end(data)
        if end is None:
            self.state = RequestState.COLLECTING
            if is_hopeless(data):
                self._refuse("malformed HTTP: no request line")
            elif len(data) > MAX_HEAD:
                self._refuse(f"request line and headers exceed {MAX_HEAD} bytes", "too-large")
            return
        head = parse_leniently(data[:end])
        if head is None or not head.uri:
            self._refuse("malformed HTTP: no request line")
            return
        version = head.version.strip().removeprefix(b"HTTP/").decode("latin-1") or "0.9"
        if version not in _SPOKEN and version != "0.9":
            version = "1.1"  # is spoken to whoever claims to speak more (RFC 9110 section 2.5)
        lines, framing = lines_of(head)
        fields = fields_of(lines, keeps_alive=False)
        fields.upgrade = b""
        if fields.hosts == 0 and head.version.strip() == b"HTTP/1.1":
            self._refuse("no Host header")
            return
        method = head.method.decode("latin-1")
        self._events.append(Head(method, head.uri, version, fields, head))
        if not framing:
            self.state = RequestState.ENDED
            return
        self.state = RequestState.LAST_BODY
        self._read_body_alone(framing, data[end:])
