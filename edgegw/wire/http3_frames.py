"""Bytes of HTTP/3 streams ↔ frames and header lines, without a socket (RFC 9114, RFC 9204).

QUIC carries many streams at once. Each request has one of its own, with the answer on its way
back, and each side says what concerns the whole connection on a few that go one way:

    request      HEADERS  DATA…  HEADERS(trailers)  end of stream
    control      type 0   SETTINGS  then GOAWAY, MAX_PUSH_ID, …       never ends
    QPACK        type 2, 3                                            never end
    any other type or frame is there to be ignored

A frame is its type, its length (integers of 1, 2, 4 or 8 bytes) and so many bytes. What may come
when stands in `NEXT`; what does not fit ends the connection, what is wrong in one request ends
that alone (`RequestError`).

QPACK, the compression of header lines, has a table that both sides fill as they go, and requests
that wait for each other's entries. We announce a table of no bytes and use none: every block of
lines then stands for itself, nothing waits, and neither side has to say anything on those streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum, IntEnum, auto
from typing import Final

import pylsqpack

from edgegw.http.grammar import BLANKS
from edgegw.http.limits import Trouble
from edgegw.http.message import CutOffError, Header
from edgegw.wire.frame_allowance import FrameAllowance


class Http3Code(IntEnum):
    """Why a stream or a connection ends (RFC 9114 section 8.1, RFC 9204 section 6)."""

    NO_ERROR = 0x100
    INTERNAL_ERROR = 0x102
    STREAM_CREATION_ERROR = 0x103
    CLOSED_CRITICAL_STREAM = 0x104
    FRAME_UNEXPECTED = 0x105
    FRAME_ERROR = 0x106
    EXCESSIVE_LOAD = 0x107
    SETTINGS_ERROR = 0x109
    MISSING_SETTINGS = 0x10A
    REQUEST_REJECTED = 0x10B
    REQUEST_CANCELLED = 0x10C
    REQUEST_INCOMPLETE = 0x10D
    MESSAGE_ERROR = 0x10E
    QPACK_DECOMPRESSION_FAILED = 0x200
    QPACK_ENCODER_STREAM_ERROR = 0x201
    QPACK_DECODER_STREAM_ERROR = 0x202


class Http3Error(Exception):
    """The client broke a rule, and its connection ends."""

    def __init__(self, code: Http3Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class RequestError(Http3Error):
    """The client broke a rule in one request, which alone ends."""

    def __init__(self, code: Http3Code, detail: str, why: Trouble = "malformed") -> None:
        super().__init__(code, detail)
        self.why: Trouble = why


MAX_HEAD: Final = 256 * 1024
"""Bytes of all header lines, each counted with 32 more (RFC 9114 section 4.2.2)."""

DATA: Final = 0x0
HEADERS: Final = 0x1
SETTINGS: Final = 0x4
GOAWAY: Final = 0x7
_CANCEL_PUSH: Final = 0x3
_PUSH_PROMISE: Final = 0x5
_MAX_PUSH_ID: Final = 0xD
_OF_HTTP2: Final = frozenset({0x2, 0x6, 0x8, 0x9})
_NEVER_ON_REQUESTS: Final = _OF_HTTP2 | {
    _CANCEL_PUSH,
    SETTINGS,
    _PUSH_PROMISE,
    GOAWAY,
    _MAX_PUSH_ID,
}
_NEVER_ON_CONTROL: Final = _OF_HTTP2 | {DATA, HEADERS, _PUSH_PROMISE}
_SETTINGS_OF_HTTP2: Final = frozenset({0x0, 0x2, 0x3, 0x4, 0x5})
_MAX_FIELD_SECTION_SIZE: Final = 0x6
_MAX_SETTINGS: Final = 16 * 1024
_LONG_BLOCK: Final = 32 * 1024
"""A block may have more bytes only with a line that pylsqpack does not read (64 KiB)."""

_CONTROL, _PUSH, _ENCODER, _DECODER = range(4)


def integer(value: int) -> bytes:
    """`value` in as few bytes as it takes (RFC 9000 section 16)."""
    for size, mark in ((1, 0), (2, 0x40), (4, 0x80)):
        if value < 1 << (8 * size - 2):
            return (value | mark << 8 * (size - 1)).to_bytes(size)
    return (value | 0xC0 << 56).to_bytes(8)


def read_integer(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The integer at `at` and where it ends; None where it is not complete."""
    if at >= len(data):
        return None
    size = 1 << (data[at] >> 6)
    if at + size > len(data):
        return None
    value = int.from_bytes(data[at : at + size]) & ((1 << (8 * size - 2)) - 1)
    return value, at + size


def frame(kind: int, payload: bytes) -> bytes:
    """One frame on the wire."""
    return b"%b%b%b" % (integer(kind), integer(len(payload)), payload)


class Frames:
    """Cuts what comes on one stream into frames.

    `check` is asked at the beginning of every frame whether it is wanted, and may raise. DATA is
    handed on as it comes, other wanted frames whole; what nobody wants is thrown away as it comes.
    """

    def __init__(
        self, check: Callable[[int], bool], longest: int, allowance: FrameAllowance
    ) -> None:
        self._check = check
        self._allowance = allowance
        self._longest = longest
        self._buffer = bytearray()
        self._kind = 0
        self._left = 0
        self._is_inside = self._is_wanted = False

    @property
    def is_between(self) -> bool:
        """Whether what came so far ends with the end of a frame."""
        return not (self._is_inside or self._buffer)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Kind and payload of frames, or of parts of DATA. Raises Http3Error."""
        buffer = self._buffer
        buffer += data
        while self._is_inside or self._begin():
            kind, here = self._kind, min(self._left, len(buffer))
            is_whole = here == self._left
            if not is_whole and (not here or (self._is_wanted and kind != DATA)):
                return
            payload = bytes(buffer[:here]) if self._is_wanted else b""
            del buffer[:here]
            self._left -= here
            self._is_inside = not is_whole
            if payload or (self._is_wanted and kind != DATA):
                yield kind, payload

    def _begin(self) -> bool:
        """Reads type and length of the next frame, if they are there."""
        kind = read_integer(self._buffer, 0)
        length = read_integer(self._buffer, kind[1]) if kind is not None else None
        if kind is None or length is None:
            return False
        self._kind, self._left = kind[0], length[0]
        self._is_wanted = self._check(self._kind)
        if self._is_wanted and self._kind != DATA and self._left > self._longest:
            detail = f"a frame of {self._left} bytes"
            raise RequestError(Http3Code.EXCESSIVE_LOAD, detail, "too-large")
        self._weigh()
        del self._buffer[: length[1]]
        self._is_inside = True
        return True

    def _weigh(self) -> None:
        """What carries nothing, or is to be ignored, has its limit (RFC 9114 section 10.5)."""
        allowance = self._allowance
        if not self._is_wanted:
            may_go_on = allowance.spend()
        else:
            may_go_on = self._kind != DATA or allowance.weigh(self._left)
        if not may_go_on:
            raise Http3Error(Http3Code.EXCESSIVE_LOAD, "too many frames of no use")


class Awaited(Enum):
    """What the stream of a request waits for."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


NEXT: Final = {
    Awaited.HEAD: {HEADERS: Awaited.BODY},
    Awaited.BODY: {DATA: Awaited.BODY, HEADERS: Awaited.NOTHING},
    Awaited.NOTHING: {},
}
"""What the frames that may come lead to; any other one of HTTP/3 is out of place."""


class RequestFrames(Frames):
    """The frames of one request."""

    def __init__(self, allowance: FrameAllowance) -> None:
        super().__init__(self._advance, MAX_HEAD, allowance)
        self.awaited = Awaited.HEAD

    def _advance(self, kind: int) -> bool:
        awaited = NEXT[self.awaited].get(kind)
        if awaited is not None:
            self.awaited = awaited
            return True
        if kind in (DATA, HEADERS) or kind in _NEVER_ON_REQUESTS:
            raise Http3Error(Http3Code.FRAME_UNEXPECTED, f"frame {kind:#x} in a request")
        return False

    def end(self) -> None:
        """The client sends no more. Raises Http3Error where something is missing."""
        if not self.is_between:
            raise Http3Error(Http3Code.FRAME_ERROR, "a stream ends within a frame")
        if self.awaited is Awaited.HEAD:
            raise RequestError(Http3Code.REQUEST_INCOMPLETE, "a stream without a request")


class ClientStreams:
    """What a client says beside its requests, on streams that go one way."""

    def __init__(self, lines: HeaderBlocks, allowance: FrameAllowance) -> None:
        self._lines = lines
        self._types: dict[int, int] = {}
        self._begun: dict[int, bytes] = {}
        self._control = Frames(self._check, _MAX_SETTINGS, allowance)
        self._has_settings = False

    def receive(self, stream_id: int, data: bytes, *, ended: bool) -> None:
        """More of one of these streams. Raises Http3Error."""
        kind = self._types.get(stream_id)
        if kind is None:
            data = self._begun.pop(stream_id, b"") + data
            read = read_integer(data, 0)
            if read is None:
                if not ended:
                    self._begun[stream_id] = data
                return
            kind, data = read[0], data[read[1] :]
            self._open(stream_id, kind)
        if kind == _CONTROL:
            for _, payload in self._control.feed(data):
                check_settings(payload)
        elif kind in (_ENCODER, _DECODER) and data:
            self._lines.instruct(data, of_encoder=kind == _ENCODER)
        if ended:
            self.end(stream_id)

    def _open(self, stream_id: int, kind: int) -> None:
        if kind == _PUSH or (kind <= _DECODER and kind in self._types.values()):
            raise Http3Error(Http3Code.STREAM_CREATION_ERROR, f"another stream of type {kind}")
        self._types[stream_id] = kind

    def _check(self, kind: int) -> bool:
        if not self._has_settings and kind != SETTINGS:
            raise Http3Error(Http3Code.MISSING_SETTINGS, "no SETTINGS first")
        if kind in _NEVER_ON_CONTROL or (kind == SETTINGS and self._has_settings):
            raise Http3Error(Http3Code.FRAME_UNEXPECTED, f"frame {kind:#x} on the control stream")
        self._has_settings = True
        return kind == SETTINGS

    def end(self, stream_id: int) -> None:
        """One of these streams is over. Raises Http3Error where none may be."""
        kind = self._types.pop(stream_id, None)
        self._begun.pop(stream_id, None)
        if kind is not None and kind <= _DECODER:
            raise Http3Error(Http3Code.CLOSED_CRITICAL_STREAM, f"the stream of type {kind} ends")


def check_settings(payload: bytes) -> None:
    """Raises Http3Error for SETTINGS that are none. There is none that we would heed."""
    at, names = 0, set[int]()
    while at < len(payload):
        name = read_integer(payload, at)
        value = read_integer(payload, name[1]) if name is not None else None
        if name is None or value is None:
            raise Http3Error(Http3Code.FRAME_ERROR, "SETTINGS end within one")
        if name[0] in names or name[0] in _SETTINGS_OF_HTTP2:
            raise Http3Error(Http3Code.SETTINGS_ERROR, f"setting {name[0]:#x}")
        names.add(name[0])
        at = value[1]


def opening() -> bytes:
    """What the control stream of a server begins with."""
    settings = integer(_MAX_FIELD_SECTION_SIZE) + integer(MAX_HEAD)
    return integer(_CONTROL) + frame(SETTINGS, settings)


class HeaderBlocks:
    """Header lines, compressed and back, without a table."""

    def __init__(self) -> None:
        self._encoder = pylsqpack.Encoder()
        self._decoder = pylsqpack.Decoder(0, 0)

    def read(self, stream_id: int, block: bytes) -> list[Header]:
        """The lines in a block. Raises Http3Error."""
        try:
            lines = self._decoder.feed_header(stream_id, block)[1]
        except (pylsqpack.DecompressionFailed, pylsqpack.StreamBlocked):
            detail = f"{len(block)} bytes of headers cannot be read"
            if len(block) > _LONG_BLOCK:  # nothing that others need is lost with it
                raise RequestError(Http3Code.EXCESSIVE_LOAD, detail, "too-large") from None
            raise Http3Error(Http3Code.QPACK_DECOMPRESSION_FAILED, detail) from None
        size = sum([len(name) + len(value) + 32 for name, value in lines])
        if size > MAX_HEAD:
            raise RequestError(Http3Code.EXCESSIVE_LOAD, f"a head of {size} bytes", "too-large")
        return lines

    def written(self, stream_id: int, lines: Iterable[Header]) -> bytes:
        """A HEADERS frame with these lines. Raises CutOffError for one of 64 KiB or more.

        Blanks around a value, which HTTP/1 ignores, would make it malformed.
        """
        stripped = [(name, value.strip(BLANKS)) for name, value in lines]
        try:
            return frame(HEADERS, self._encoder.encode(stream_id, stripped)[1])
        except ValueError as error:
            raise CutOffError(f"HTTP/3 cannot carry the head: {error}") from None

    def instruct(self, data: bytes, *, of_encoder: bool) -> None:
        """What the client says of tables. Raises Http3Error: there is nothing that it may say."""
        code = Http3Code.QPACK_DECODER_STREAM_ERROR
        try:
            if of_encoder:
                code = Http3Code.QPACK_ENCODER_STREAM_ERROR
                self._decoder.feed_encoder(data)
            else:
                self._encoder.feed_decoder(data)
        except (pylsqpack.EncoderStreamError, pylsqpack.DecoderStreamError):
            raise Http3Error(code, "an instruction for a table of no bytes") from None
