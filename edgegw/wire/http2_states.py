"""What the rules of HTTP/2 need of a stream, and tell it."""

from __future__ import annotations

from typing import NamedTuple

from edgegw.http.message import Header


class Goodbye(NamedTuple):
    """What a GOAWAY says: the last stream that its sender takes care of, and why."""

    last: int
    code: int


class StreamState:
    """What the rules need of a stream.

    `send_window` and `receive_window` are bytes that may still be sent and come, `taken` those of
    which the peer was not told yet. `left` is what is missing of the body that was promised.
    """

    __slots__ = (
        "has_head",
        "is_received",
        "is_sent",
        "left",
        "number",
        "receive_window",
        "send_window",
        "taken",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.send_window = self.receive_window = self.taken = 0
        self.left: int | None = None
        self.has_head = self.is_received = self.is_sent = False

    # What happens to it

    def head_received(self, lines: list[Header], *, ends: bool) -> None:
        """The head of an answer, or one before it; sets `has_head` if it is the last one."""
        raise NotImplementedError

    def body_received(self, data: bytes) -> None:
        """A part of the peer's body has come, to be acknowledged when it is taken."""
        raise NotImplementedError

    def trailers_received(self, lines: list[Header]) -> None:
        """Lines behind the peer's body have come. Raises MalformedHeadError."""
        raise NotImplementedError

    def all_received(self) -> None:
        """The peer has said all."""
        raise NotImplementedError

    def broke_off(self, text: str, *, is_refused: bool) -> None:
        """The stream was reset, or the connection has ended; `text` is what the peer did.

        A request that `is_refused` has not begun at the peer.
        """
        raise NotImplementedError
