"""Bytes of one connection to an origin → the answer to one request, and whatever is wrong with it.

No socket here: `feed` takes what came, `end` says that nothing more does. For each request:

    state      bytes are                goes on to
    ─────────  ───────────────────────  ──────────────────────────────────────────────────────
    idle       unasked                  (whoever owns the connection closes it)
    head       status line and headers  head (1xx), length, chunks, close, done, switched
    length     so many of the body      done
    chunks     chunks, then trailers    done
    close      of the body, until end   done, by `end`
    done       too many: `has_excess`
    switched   another protocol's       (whoever takes over reads them: `rest`)
    broken     not looked at: `failure`

What an answer's head promises counts, not what came with it: a 204 or 304 or an answer to HEAD is
done with its head, one with a length when so much is there. Bytes behind that would be taken for
the answer to the next request, so a connection that said more than it should is never used again;
the answer itself was complete, and counts. One that promises a body which its status forbids is
not used again either: the body may still be on its way.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final, Literal, TypeAlias

from edgegw.gateway.origins.response_head import (
    InvalidAnswerError,
    ResponseFraming,
    ResponseHead,
    parse_head,
    parse_lines,
)
from edgegw.gateway.origins.transport import FailureKind, SendError
from edgegw.http.target import quoted
from edgegw.wire.parts import add_part

ResponseState: TypeAlias = Literal[
    "idle", "head", "length", "chunks", "close", "done", "switched", "broken"
]
MAX_HEAD: Final = 256 * 1024
"""Bytes of heads, interim ones included, after which the origin is given up."""

_BODILESS: Final = frozenset({204, 304})
_MAX_LINE: Final = 16 * 1024
"""Bytes of a chunk's size and its extensions."""

_END_OF_HEAD: Final = b"\r\n\r\n"
_BEGINNING: Final = b"HTTP/1."
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_BARE_LF: Final = re.compile(rb"(?:^|[^\r])\n")


class ResponseReader:
    """Reads the answers on one connection, one after the other.

    `whole` is the body where all of it came with the head, else it comes in `parts`. `buffered`
    counts the bytes that nobody took yet.
    """

    __slots__ = (
        "_expects_switch",
        "_has_no_body",
        "_heard",
        "_held",
        "_known",
        "_known_block",
        "_left",
        "_trails",
        "buffered",
        "failure",
        "has_excess",
        "head",
        "parts",
        "rest",
        "state",
        "whole",
    )

    def __init__(self) -> None:
        self.state: ResponseState = "idle"
        self.head: ResponseHead | None = None
        self.whole: bytes | None = None
        self.parts: deque[bytes] = deque()
        self.buffered = 0
        self.failure: SendError | None = None
        self.has_excess = False
        self.rest = b""
        self._has_no_body = self._expects_switch = False
        self._held = b""
        self._heard = self._left = 0
        self._trails = False
        # The head read last, by its bytes: an origin often answers with the same one again within
        # the second that its Date has, and a head is dear to parse.
        self._known: ResponseHead | None = None
        self._known_block = b""

    def expect(self, method: str, *, switch: bool = False) -> None:
        """The answer to a request of `method` comes next; with `switch` it may be a 101."""
        self.state = "head"
        self.head = self.whole = None
        self._has_no_body = method == "HEAD"
        self._expects_switch = switch
        self._heard = 0

    def idle(self) -> None:
        """The answer is over, and was to its end: nothing is expected."""
        self.state = "idle"
        if self.parts:
            self.parts.clear()
            self.buffered = 0

    @property
    def is_untouched(self) -> bool:
        """Whether nothing came since `expect` that belongs to the answer, and nothing will."""
        failure = self.failure
        if failure is None or self.head is not None:
            return False
        return failure.kind == "invalid" or self._heard == 0

    @property
    def is_reusable(self) -> bool:
        """Whether the connection may carry another request.

        Not behind a body that only its end ends, which is never `whole`.
        """
        head = self.head
        return (
            self.state == "done"
            and head is not None
            and head.keeps_alive
            and not self.has_excess
            and (head.framing != "close" or self.whole is not None)
        )

    def feed(self, data: bytes) -> None:
        """Takes what came. Nothing raises: `failure` says what is wrong with it."""
        try:
            if self.state == "head":
                self._read_head(data)
            else:
                self._read_more(data)
        except InvalidAnswerError as error:
            self._break_off("invalid", f"sent no valid HTTP: {error}")

    def _read_more(self, data: bytes) -> None:
        match self.state:
            case "length":
                self._read_length(data)
            case "chunks":
                self._read_chunks(data)
            case "close":
                self._keep(data)
            case "switched":
                self.rest += data
            case "idle" | "done":
                self.has_excess = True
            case "head" | "broken":
                pass

    def end(self, *, is_clean: bool) -> None:
        """Nothing more comes; `is_clean` unless the connection was reset."""
        if self.state == "close" and is_clean:
            self.state = "done"
        elif self.state not in ("idle", "done", "broken", "switched"):
            self._break_off("closed", "closed the connection before its answer was complete")

    def _break_off(self, kind: FailureKind, text: str) -> None:
        self.state, self.failure = "broken", SendError(kind, text)

    def take(self) -> bytes:
        """The next part of the body."""
        part = self.parts.popleft()
        self.buffered -= len(part)
        return part

    def _keep(self, part: bytes) -> None:
        add_part(self.parts, part)
        self.buffered += len(part)

    # The head

    def _read_head(self, data: bytes) -> None:
        self._heard += len(data)
        if self._held:
            data, self._held = self._held + data, b""
        while True:
            head = self._known
            if head is None or not data.startswith(self._known_block):
                end = data.find(_END_OF_HEAD) + 4
                if end < 4:
                    self._hold_head(data)
                    return
                self._known_block = data[:end]
                self._known = head = parse_head(self._known_block)
            data = data[len(self._known_block) :]
            if head.status >= 200 or head.status == 101:
                self._begin_body(head, data)
                return

    def _hold_head(self, data: bytes) -> None:
        """Waits for the rest of a head, if it can become one."""
        if not data.startswith(_BEGINNING) and not _BEGINNING.startswith(data):
            raise InvalidAnswerError(f"the status line {quoted(data[:60])}")
        if _BARE_LF.search(data) is not None:
            raise InvalidAnswerError("a line that does not end with CRLF")
        if self._heard > MAX_HEAD:
            raise InvalidAnswerError(f"a head of more than {MAX_HEAD} bytes")
        self._held = data

    def _begin_body(self, head: ResponseHead, rest: bytes) -> None:
        framing = head.framing
        if head.status == 101:
            self._switch(rest)
        elif self._has_no_body or head.status in _BODILESS:
            self.state, self.whole, self.has_excess = "done", b"", bool(rest)
            if head.status == 204 and framing != "close" and framing != 0:
                self.has_excess = True
        elif framing == len(rest):
            self.state, self.whole = "done", rest
        else:
            self._begin_parts(framing, rest)
        self.head = head

    def _switch(self, rest: bytes) -> None:
        if not self._expects_switch:
            raise InvalidAnswerError("it switched protocols unasked")
        self.state, self.rest = "switched", rest

    def _begin_parts(self, framing: ResponseFraming, rest: bytes) -> None:
        if framing == "chunked":
            self.state, self._left, self._trails = "chunks", 0, False
        elif framing == "close":
            self.state = "close"
        else:
            self.state, self._left = "length", framing
        if rest:
            self._read_more(rest)
            self._gather()

    def _gather(self) -> None:
        """A body that came with its head in parts is whole all the same."""
        if self.state == "done":
            self.whole = b"".join(self.parts)
            self.parts.clear()
            self.buffered = 0

    # The body

    def _read_length(self, data: bytes) -> None:
        size = len(data)
        if size > self._left:
            self.has_excess, data, size = True, data[: self._left], self._left
        if size:
            self._keep(data)
        self._left -= size
        if not self._left:
            self.state = "done"

    def _read_chunks(self, data: bytes) -> None:
        """Chunks, as many as are there: one part of the body. What is left of the last is held."""
        data, at, parts = self._held + data if self._held else data, 0, list[bytes]()
        while at < len(data) and not self._trails:
            if self._left > 2:  # in a chunk; the 2 are the CRLF behind it
                part = data[at : at + self._left - 2]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
            elif self._left:
                end = data[at : at + self._left]
                if end != b"\r\n"[2 - self._left :][: len(end)]:
                    raise InvalidAnswerError("a chunk that is longer than it says")
                at += len(end)
                self._left -= len(end)
            else:
                at = self._read_whole_chunks(data, at, parts)
                line = _SIZE.match(data, at)
                if line is None:
                    break
                size = int(line[1], 16)
                at, self._left, self._trails = line.end(), size + 2 if size else 0, not size
        if parts:
            self._keep(parts[0] if len(parts) == 1 else b"".join(parts))
        self._hold(data[at:])

    @staticmethod
    def _read_whole_chunks(data: bytes, at: int, parts: list[bytes]) -> int:
        """Puts chunks that are all there into `parts`; answers where the next one begins.

        An origin may send thousands of tiny ones at once.
        """
        match_size, size_of_data = _SIZE.match, len(data)
        while (line := match_size(data, at)) is not None:
            start = line.end()
            end = start + int(line[1], 16)
            if end == start or end + 2 > size_of_data or data[end : end + 2] != b"\r\n":
                break
            parts.append(data[start:end])
            at = end + 2
        return at

    def _hold(self, data: bytes) -> None:
        """What is left is the beginning of a line, or trailers."""
        if self._trails:
            self._read_trailers(data)
            return
        if len(data) > _MAX_LINE or b"\n" in data:
            raise InvalidAnswerError(f"the size of a chunk {quoted(data[:40])}")
        self._held = data

    def _read_trailers(self, data: bytes) -> None:
        """Trailers are read and not passed on."""
        self._held = data
        if data.startswith(b"\r\n"):
            end = 2
        else:
            end = data.find(_END_OF_HEAD) + 4
            if end < 4:
                if len(data) > MAX_HEAD or _BARE_LF.search(data) is not None:
                    raise InvalidAnswerError("the trailers")
                return
            parse_lines(b"\n" + data, 1, end - 1)
        self.state, self._held = "done", b""
        if end < len(data):
            self.has_excess = True
