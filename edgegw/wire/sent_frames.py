"""What aioquic says of the packets that it sends: how far each stream has come.

aioquic takes whatever it is given, and its API does not tell how much of that is still unsent. It
does tell which frames it puts into packets, to the log of its configuration, in the words of qlog
(draft-ietf-quic-qlog-quic-events). Here stands such a log, which keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from aioquic.quic.logger import QuicLogger, QuicLoggerTrace


class SendingStream(Protocol):
    """A stream that wants to know."""

    def note_sent(self, offset: int, *, is_last: bool) -> None:
        """Its bytes up to `offset` are on their way; with `is_last` there are no more."""
        ...


class SentFrames(QuicLoggerTrace):
    """Hears of the packets of one connection, and tells its `streams` of theirs.

    `count` are the frames of all streams so far, those that are sent again among them.
    """

    def __init__(self, *, is_client: bool, odcid: bytes) -> None:
        super().__init__(is_client=is_client, odcid=odcid)
        self.streams: Mapping[int, SendingStream] = {}
        self.count = 0

    def log_event(self, *, category: str, event: str, data: dict[str, Any]) -> None:
        if event != "packet_sent":
            return
        for frame in data["frames"]:
            if frame["frame_type"] == "stream":
                self.count += 1
                stream = self.streams.get(frame["stream_id"])
                if stream is not None:
                    stream.note_sent(frame["offset"] + frame["length"], is_last=frame["fin"])

    def encode_ack_frame(self, ranges: object, delay: float) -> dict[str, Any]:
        return {"frame_type": "ack"}  # in nearly every packet, and not asked for


class FrameLog(QuicLogger):
    """The log of a server: `begun` are the connections that nobody has taken up yet."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: dict[bytes, SentFrames] = {}

    def start_trace(self, is_client: bool, odcid: bytes) -> SentFrames:  # noqa: FBT001 - aioquic's
        self.begun[odcid] = SentFrames(is_client=is_client, odcid=odcid)
        return self.begun[odcid]

    def end_trace(self, trace: QuicLoggerTrace) -> None:
        """Nothing was kept."""
