"""What one end of an HTTP/2 connection says: frames, gathered until somebody sends them."""

from __future__ import annotations

from typing import Final

from edgegw.http.message import Header
from edgegw.wire.frame_allowance import EARNED
from edgegw.wire.hpack import LARGEST, Packer
from edgegw.wire.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    LONGEST,
    PING,
    PREFACE,
    SETTINGS,
    WINDOW_UPDATE,
    FrameReader,
    frame,
    frame_head,
    number_frame,
)
from edgegw.wire.http2_states import StreamState

TABLE_SIZE, ENABLE_PUSH, MOST_STREAMS, WINDOW_SIZE, FRAME_SIZE, HEAD_SIZE = range(1, 7)
"""Keys of SETTINGS (RFC 9113, section 6.5.2)."""
FIRST_WINDOW: Final = 65_535
"""Bytes that either side may send before it is told otherwise."""


class Http2Writer:
    """Frames of this side are `gathered`; each lets the peer, of whom `reader` reads, send some.

    `send_window` are the bytes that may still be sent on all streams, `frame_size` those that fit
    into a frame.
    """

    def __init__(self, reader: FrameReader) -> None:
        self.reader = reader
        self.gathered: list[bytes | memoryview] = []
        self.send_window: int = FIRST_WINDOW
        self.frame_size: int = LONGEST
        self.packer = Packer()

    def put_greeting(
        self, *, is_client: bool, window: int, windows: int, streams: int | None
    ) -> None:
        """What comes first: how much the peer may send on a stream, and on all of them."""
        settings = {WINDOW_SIZE: window, HEAD_SIZE: LARGEST}
        if streams is not None:
            settings[MOST_STREAMS] = streams
        if is_client:
            self.gathered.append(PREFACE)
            settings[ENABLE_PUSH] = 0
        payload = b"".join(
            [key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in settings.items()]
        )
        self.gathered.append(frame(SETTINGS, 0, 0, payload))
        self.put_window(0, windows - FIRST_WINDOW)

    def put_head(self, number: int, lines: list[Header], *, ends: bool) -> None:
        """Sends a header block."""
        block, size = self.packer.pack(lines), self.frame_size
        flags = END_STREAM if ends else 0
        self.reader.allowance.earn(EARNED)
        if len(block) <= size:
            head = frame_head(HEADERS, flags | END_HEADERS, number, len(block))
            self.gathered.append(head + block)
            return
        parts = [block[at : at + size] for at in range(0, len(block), size)]
        self.gathered.append(frame(HEADERS, flags, number, parts[0]))
        for part in parts[1:]:
            flags = END_HEADERS if part is parts[-1] else 0
            self.gathered.append(frame(CONTINUATION, flags, number, part))

    def put_data(self, stream: StreamState, data: memoryview | bytes, *, ends: bool) -> None:
        """Sends a part of a body, for which there must be room."""
        size = len(data)
        stream.send_window -= size
        self.send_window -= size
        self.reader.allowance.earn(EARNED)
        self.gathered.append(frame_head(DATA, END_STREAM if ends else 0, stream.number, size))
        if size:
            self.gathered.append(data)

    def put_goodbye(self, last: int, code: int) -> None:
        """Takes care of the streams up to `last`, and of no other."""
        self.gathered.append(number_frame(GOAWAY, 0, last, code))

    def put_window(self, number: int, size: int) -> None:
        """Lets the peer send so many bytes more, on all streams where `number` is 0."""
        self.gathered.append(number_frame(WINDOW_UPDATE, number, size))

    def put_agreed(self) -> None:
        """The peer's settings hold from here on."""
        self.gathered.append(frame(SETTINGS, ACK, 0, b""))

    def put_pong(self, payload: bytes) -> None:
        """The answer to a PING."""
        self.gathered.append(frame(PING, ACK, 0, payload))
