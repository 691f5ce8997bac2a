"""What a peer sends over HTTP/2, cut into whole frames, before the library sees any of it.

Four things are seen here that the library leaves to others or gets wrong for us:

- **GOAWAY.** Behind one the library takes and sends nothing, while a peer that says goodbye still
  answers, and wants answered, what it has begun. It is taken out and remembered (`goodbye`).
- **Length.** A frame beyond the limit is refused when its head says so, not waited for.
- **Floods.** Frames that cost their sender nothing and ask for nothing (SETTINGS, PING, PRIORITY,
  RST_STREAM, WINDOW_UPDATE, CONTINUATION, empty DATA, unknown ones) use up an `allowance`, which
  time and the other work of the connection fill again. Who uses it up is told to calm down.
- **Heads that drip.** `is_in_head` tells that a header block has begun and not ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from edgegw.wire.http2_library import ErrorCode

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LONGEST: Final = 16_384
"""Bytes of a frame's payload that we take: what a peer may send that was told nothing else."""

_FRAME_HEAD: Final = 9
_DATA, _HEADERS, _SETTINGS, _GOAWAY, _CONTINUATION = 0x0, 0x1, 0x4, 0x7, 0x9
_GOODBYE: Final = 8
_END_HEADERS: Final = 0x4
_END_STREAM: Final = 0x1

ALLOWANCE: Final = 2_000
"""Frames of no use that a peer may send at once."""
_PER_SECOND: Final = 100


class Goodbye(NamedTuple):
    """What a GOAWAY says: the last stream that its sender takes care of, and why."""

    last: int
    code: int


class FrameError(Exception):
    """What a peer sends cannot be taken any longer; `code` is why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def goaway(last: int, code: int) -> bytes:
    """A GOAWAY frame: the streams up to `last` are taken care of."""
    return b"\0\0\x08\x07\0\0\0\0\0" + last.to_bytes(4, "big") + code.to_bytes(4, "big")


class FrameReader:
    """Bytes → frames. With `preface` a client's first bytes come before them, and pass as one."""

    __slots__ = (
        "_block",
        "_clock",
        "_filled_at",
        "_is_first",
        "_preface",
        "_unread",
        "allowance",
        "goodbye",
    )

    def __init__(self, clock: Callable[[], float], *, preface: bool) -> None:
        self._clock = clock
        self._preface = len(PREFACE) if preface else 0
        self._unread = b""
        self._block = False
        self._is_first = True
        self._filled_at = clock()
        self.allowance = ALLOWANCE
        self.goodbye: Goodbye | None = None

    @property
    def is_in_head(self) -> bool:
        """Whether a header block has begun, and its end is missing."""
        unread = self._unread
        return self._block or (len(unread) > 3 and unread[3] in (_HEADERS, _CONTINUATION))

    def earn(self, frames: int) -> None:
        """Something was done for the peer, which may answer with so many frames."""
        self.allowance = min(ALLOWANCE, self.allowance + frames)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are complete now, one by one. Raises FrameError."""
        if self._unread:
            data = self._unread + data
            self._unread = b""
        at, size = 0, len(data)
        if self._preface:
            at = min(self._preface, size)
            self._preface -= at
            yield data[:at]
        while size - at >= _FRAME_HEAD:
            length = int.from_bytes(data[at : at + 3], "big")
            if length > LONGEST:
                raise FrameError(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            end = at + _FRAME_HEAD + length
            if end > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            if self._is_first and kind != _SETTINGS:
                raise FrameError(ErrorCode.PROTOCOL_ERROR, "settings do not come first")
            self._is_first = False
            self._weigh(kind, flags, length)
            if kind == _GOAWAY and length >= _GOODBYE:
                self._take_goodbye(data[at + _FRAME_HEAD : end])
            else:
                yield data if end - at == size else data[at:end]
            at = end
        self._unread = data[at:]

    def _take_goodbye(self, payload: bytes) -> None:
        last = int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF
        self.goodbye = Goodbye(last, int.from_bytes(payload[4:8], "big"))

    def _weigh(self, kind: int, flags: int, length: int) -> None:
        if kind == _HEADERS:
            self._block = not flags & _END_HEADERS
            return
        if kind == _DATA:
            if length or flags & _END_STREAM:
                return
        elif kind == _CONTINUATION and flags & _END_HEADERS:
            self._block = False
        self.allowance -= 1
        if self.allowance < 0:
            self._fill()

    def _fill(self) -> None:
        now = self._clock()
        self.allowance = min(ALLOWANCE, int((now - self._filled_at) * _PER_SECOND))
        self._filled_at = now
        if self.allowance <= 0:
            raise FrameError(ErrorCode.ENHANCE_YOUR_CALM, "too many frames of no use")
