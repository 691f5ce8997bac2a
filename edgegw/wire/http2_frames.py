"""The frames of HTTP/2: bytes ↔ frames, before anybody asks what they mean.

Three things are seen here already:

- **Length.** A frame beyond the limit is refused when its head says so, not waited for.
- **Floods.** Frames that cost their sender nothing and ask for nothing (SETTINGS, PING, PRIORITY,
  RST_STREAM, WINDOW_UPDATE, GOAWAY, CONTINUATION, unknown ones) use up an `allowance`
  (`frame_allowance`), as DATA does that carries next to nothing, however it is padded. Who uses it
  up is told to calm down.
- **Heads that drip.** `is_in_head` tells that a header block has begun and not ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final, TypeAlias

from edgegw.wire.frame_allowance import FrameAllowance

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WIDEST: Final = 2**31 - 1
"""The greatest number of a stream, and the widest window."""
LONGEST: Final = 16_384
"""Bytes of a frame's payload that we take: what a peer may send that was told nothing else."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0x0, 0x1, 0x2, 0x3, 0x4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0x5, 0x6, 0x7, 0x8, 0x9
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

_FRAME_HEAD: Final = 9
_NO_SETTINGS: Final = "the settings do not come first"
_FLOOD: Final = "too many frames of no use"
_head: Final = Struct(">BHBBI").pack

Frame: TypeAlias = tuple[int, int, int, bytes]
"""Kind, flags, stream and payload."""


class Http2Code:
    """Why a stream or a connection ends (RFC 9113, section 7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    ENHANCE_YOUR_CALM = 0xB


class FrameError(Exception):
    """What a peer sends is not HTTP/2, or too much of it: its connection ends, `code` says why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame_head(kind: int, flags: int, stream: int, length: int) -> bytes:
    """What stands before a payload of `length` bytes."""
    return _head(length >> 16, length & 0xFFFF, kind, flags, stream)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A whole frame."""
    return frame_head(kind, flags, stream, len(payload)) + payload


def number_frame(kind: int, stream: int, *numbers: int) -> bytes:
    """A whole frame of numbers: WINDOW_UPDATE, RST_STREAM, GOAWAY."""
    return frame(kind, 0, stream, b"".join([number.to_bytes(4, "big") for number in numbers]))


def without_padding(payload: bytes, flags: int) -> bytes:
    """The payload of a frame that may be padded. Raises FrameError."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise FrameError(Http2Code.PROTOCOL_ERROR, "more padding than there is payload")
    return payload[1 : len(payload) - payload[0]]


def check_priority(stream: int, payload: bytes) -> None:
    """Raises FrameError where `payload` does not begin with a priority that `stream` may have."""
    if len(payload) < 5:
        raise FrameError(Http2Code.FRAME_SIZE_ERROR, "a head without its priority")
    if int.from_bytes(payload[:4], "big") & WIDEST == stream:
        raise FrameError(Http2Code.PROTOCOL_ERROR, "a stream that waits for itself")


class FrameReader:
    """Bytes → frames. With `preface` a client's first bytes come before them."""

    __slots__ = (
        "_has_block",
        "_is_first",
        "_preface",
        "_unread",
        "allowance",
    )

    def __init__(self, clock: Callable[[], float], *, preface: bool) -> None:
        self._preface = PREFACE if preface else b""
        self._unread = b""
        self._has_block = False
        self._is_first = True
        self.allowance = FrameAllowance(clock)

    @property
    def is_in_head(self) -> bool:
        """Whether a header block has begun, and its end is missing."""
        unread = self._unread
        return self._has_block or (len(unread) > 3 and unread[3] in (HEADERS, CONTINUATION))

    def spend(self) -> None:
        """The peer sent something of no use. Raises FrameError where it was too much."""
        if not self.allowance.spend():
            raise FrameError(Http2Code.ENHANCE_YOUR_CALM, _FLOOD)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. Raises FrameError."""
        if self._unread:
            data = self._unread + data
            self._unread = b""
        at, size = 0, len(data)
        if self._preface:
            at = self._pass_preface(data)
        while size - at >= _FRAME_HEAD:
            length = int.from_bytes(data[at : at + 3], "big")
            if length > LONGEST:
                raise FrameError(Http2Code.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            start = at + _FRAME_HEAD
            if start + length > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            stream = int.from_bytes(data[at + 5 : start], "big") & WIDEST
            at = start + length
            if kind == DATA:
                padding = 1 + data[start] if flags & PADDED and length else 0
                self._weigh_data(flags, length - padding)
            elif kind != HEADERS or self._is_first:
                self._weigh(kind, flags)
            else:
                self._has_block = not flags & END_HEADERS
            yield kind, flags, stream, data[start:at]
        self._unread = data[at:]

    def _pass_preface(self, data: bytes) -> int:
        size = min(len(self._preface), len(data))
        if data[:size] != self._preface[:size]:
            raise FrameError(Http2Code.PROTOCOL_ERROR, "the client speaks no HTTP/2")
        self._preface = self._preface[size:]
        return size

    def _weigh_data(self, flags: int, content: int) -> None:
        if self._is_first:
            raise FrameError(Http2Code.PROTOCOL_ERROR, _NO_SETTINGS)
        if not flags & END_STREAM and not self.allowance.weigh(content):
            raise FrameError(Http2Code.ENHANCE_YOUR_CALM, _FLOOD)

    def _weigh(self, kind: int, flags: int) -> None:
        if self._is_first:
            if kind != SETTINGS or flags & ACK:
                raise FrameError(Http2Code.PROTOCOL_ERROR, _NO_SETTINGS)
            self._is_first = False
        if kind == CONTINUATION and flags & END_HEADERS:
            self._has_block = False
        self.spend()
