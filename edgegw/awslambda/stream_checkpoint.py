"""How far a mapping is in a shard, and how that is written down.

Lanes of one shard go at their own pace, so "done" has holes: the checkpoint is the last record up
to which everything is done, and beside it, for each lane, the last one it has done beyond that.
Whoever starts again reads from the checkpoint on and leaves out what its lane had done. Nothing is
lost by that whenever it is killed; what was under way then comes again.

With another number of lanes the second part means nothing, and is not used: some records come
again, in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, cast

from edgegw.awslambda.payload import Json, decode_payload, encode_payload
from edgegw.awslambda.stream_lane import TumblingWindow, lane_of
from edgegw.awslambda.stream_source import StreamRecord
from edgegw.values import value

_NOTHING: Final = -1


@value(kw_only=True)
class ShardCheckpoint:
    """What is kept of a shard. `after` is a sequence number, None before the first record.

    `lanes` has the last record that each lane did beyond `after`, for `factor` lanes; `windows` the
    tumbling windows by lane. `is_finished`: the shard was closed, and everything is done.
    """

    after: str | None = None
    factor: int = 1
    lanes: Mapping[int, int] = field(default_factory=dict[int, int])
    windows: Mapping[int, TumblingWindow] = field(default_factory=dict[int, TumblingWindow])
    is_finished: bool = False


def encode_checkpoint(checkpoint: ShardCheckpoint) -> str:
    """As JSON text; sequence numbers are texts in it."""
    return encode_payload(
        {
            "after": checkpoint.after,
            "factor": checkpoint.factor,
            "lanes": {str(lane): str(number) for lane, number in checkpoint.lanes.items()},
            "windows": {
                str(lane): {"start": window.start, "end": window.end, "state": window.state}
                for lane, window in checkpoint.windows.items()
            },
            "finished": checkpoint.is_finished,
        }
    ).decode("utf-8", "surrogatepass")


def decode_checkpoint(text: str) -> ShardCheckpoint:
    """What `encode_checkpoint` wrote."""
    content = cast("dict[str, Any]", decode_payload(text.encode("utf-8", "surrogatepass")))
    return ShardCheckpoint(
        after=content["after"],
        factor=content["factor"],
        lanes={int(lane): int(number) for lane, number in content["lanes"].items()},
        windows={int(lane): _window(window) for lane, window in content["windows"].items()},
        is_finished=content["finished"],
    )


def _window(content: Mapping[str, Any]) -> TumblingWindow:
    state = cast("Mapping[str, Json]", content["state"])
    return TumblingWindow(content["start"], content["end"], state, len(encode_payload(state)))


class ShardProgress:
    """Counts what was read of a shard and what is done. Records come in their order."""

    def __init__(self, checkpoint: ShardCheckpoint, factor: int) -> None:
        self._factor = factor
        self._after = _NOTHING if checkpoint.after is None else int(checkpoint.after)
        ahead = checkpoint.lanes if checkpoint.factor == factor else dict[int, int]()
        self._done: dict[int, int] = dict(ahead)
        self._read: deque[tuple[int, int]] = deque()
        self.windows: dict[int, TumblingWindow] = (
            dict(checkpoint.windows) if checkpoint.factor == factor else {}
        )

    def take(self, record: StreamRecord, *, is_wanted: bool) -> int | None:
        """The lane that `record` goes through; None: done before, or not wanted."""
        lane = lane_of(record.partition_key, self._factor)
        if record.number <= self._done.get(lane, self._after):
            lane_before = None
        else:
            lane_before = lane if is_wanted else None
        self._read.append((record.number, _NOTHING if lane_before is None else lane))
        self._advance()
        return lane_before

    def note_done(self, lane: int, number: int) -> None:
        """Everything of `lane` up to `number` is done."""
        self._done[lane] = number
        self._advance()

    def _advance(self) -> None:
        while self._read:
            number, lane = self._read[0]
            if lane != _NOTHING and number > self._done.get(lane, _NOTHING):
                return
            self._after = number
            self._read.popleft()

    @property
    def after(self) -> str | None:
        """The sequence number up to which everything is done."""
        return None if self._after == _NOTHING else str(self._after)

    def checkpoint(self, *, is_finished: bool = False) -> ShardCheckpoint:
        """What is to be kept now."""
        return ShardCheckpoint(
            after=self.after,
            factor=self._factor,
            lanes={lane: number for lane, number in self._done.items() if number > self._after},
            windows=dict(self.windows),
            is_finished=is_finished,
        )
