"""A lane of a shard: what is tried next, one batch after the other.

With ParallelizationFactor N a shard has N lanes; the hash of a record's partition key says which
is its own, so records of one key never overtake each other, whatever fails in other lanes.

A lane holds, oldest first: `waiting`, parts of a batch that failed, and `_fresh`, records that were
read and never tried. Nothing fresh is tried while something waits. Its driver asks for the next
`LaneWork` and hands back what became of it:

    next_work(now) ─▶ SendBatch     invoke the function      ─▶ note_outcome
                   ─▶ GiveUp   tell the on-failure destination ─▶ note_given_up
                   ─▶ Pause    until a time, or until there are more records

With a tumbling window, batches never reach beyond one: a window is over when a later record is
there, or when its time is over and the shard is read to its end. Then a last invocation without
records gets the final state, and the state is dropped. A state beyond 1 MB ends its window early:
that last invocation comes at once, and the window goes on with an empty state.
Source: Lambda Developer Guide, "Implementing stateful stream processing with Kinesis Data Streams
and Lambda". Uncertain: that the last invocation has no records.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from edgegw.awslambda.lifecycle import MAX_PAYLOAD
from edgegw.awslambda.model import Outcome, Returned
from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.stream_source import (
    BatchVerdict,
    DiscardCondition,
    ShardBatch,
    StreamRecord,
    StreamRules,
    cut_old,
    judge,
    window_state,
)
from edgegw.values import value

MAX_WINDOW_STATE: Final = 1_048_576
"""Bytes of a window's state.

Source: Lambda Developer Guide, "Implementing stateful stream processing with Kinesis Data Streams
and Lambda".
"""
_FRAME: Final = 1024
"""Bytes of an event around its records and state, with room to spare."""


def lane_of(partition_key: str, factor: int) -> int:
    """Which of `factor` lanes the records of a key go through."""
    if factor == 1:
        return 0
    digest = hashlib.md5(partition_key.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return int.from_bytes(digest.digest(), "big") % factor


@value
class TumblingWindow:
    """A window of a lane, `start` and `end` in seconds since 1970, with the state it has now."""

    start: float
    end: float
    state: Mapping[str, Json] = field(default_factory=dict[str, Json])
    state_size: int = 2


@value
class SendBatch:
    """Invoke the function with `batch`.

    In a tumbling window, `is_final` says that the window ends with this, `is_early` that it is its
    state that ends it.
    """

    batch: ShardBatch
    window: TumblingWindow | None = None
    is_final: bool = False
    is_early: bool = False


@value
class GiveUp:
    """SendBatch a record of `batch` to the on-failure destination: it will not be tried again."""

    batch: ShardBatch
    condition: DiscardCondition
    window: TumblingWindow | None = None


@value
class Pause:
    """Nothing to do before `until`, in seconds since 1970; None: until there are more records."""

    until: float | None = None


LaneWork: TypeAlias = SendBatch | GiveUp | Pause


def is_dropped(work: GiveUp, rules: StreamRules) -> bool:
    """Whether records given up count as dropped: not where only the stream let them expire.

    Source: Lambda Developer Guide, "Types of metrics for Lambda functions", DroppedEventCount.
    """
    return work.condition != "RecordAgeExceeded" or rules.maximum_record_age >= 0


@dataclass
class Lane:
    """The work of one lane, and its state between two batches.

    `caught_up_at` is when the last read began that came to the end of the shard; at the end of a
    closed one `is_closing` lets nothing wait for more.
    """

    rules: StreamRules
    window: TumblingWindow | None = None
    caught_up_at: float = 0.0
    is_closing: bool = False
    waiting: deque[ShardBatch] = field(default_factory=deque[ShardBatch])
    _fresh: deque[StreamRecord] = field(default_factory=deque[StreamRecord])
    _fresh_size: int = 0
    _opened_at: float = 0.0
    _not_before: float = 0.0
    _given_up: ShardBatch | None = None
    _final: ShardBatch | None = None
    _is_early: bool = False

    @property
    def buffered(self) -> int:
        """Records that are not done."""
        batches = (*self.waiting, self._given_up) if self._given_up else self.waiting
        return len(self._fresh) + sum(len(batch.records) for batch in batches)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to do: no records, no window open."""
        is_over = self._given_up is None and self._final is None and self.window is None
        return not self._fresh and not self.waiting and is_over

    def add(self, record: StreamRecord, now: float) -> None:
        """Takes a record that was read; the first one opens the batching window."""
        if not self._fresh:
            self._opened_at = now
        self._fresh.append(record)
        self._fresh_size += record.size + 1

    # What is next

    def next_work(self, now: float) -> LaneWork:
        """What is to be done at `now`."""
        if self._given_up is not None:
            return GiveUp(self._given_up, "RetryAttemptsExhausted", self.window)
        if self._final is not None:
            return self._when_due(self._final, now)
        if not self.waiting:
            pause = self._gather(now)
            if pause is not None:
                return pause
        if self._final is not None:
            return self._when_due(self._final, now)
        old, _ = cut_old(self.waiting[0], self.rules, now)
        if old is not None:
            return GiveUp(old, "RecordAgeExceeded", self.window)
        return self._when_due(self.waiting[0], now)

    def _when_due(self, batch: ShardBatch, now: float) -> SendBatch | Pause:
        if now < self._not_before:
            return Pause(self._wake_at(batch))
        is_final = batch is self._final
        return SendBatch(batch, self.window, is_final, is_final and self._is_early)

    def _wake_at(self, batch: ShardBatch) -> float:
        """The next try; sooner where the first record will be too old before."""
        longest = self.rules.longest_age
        if not batch.records or longest is None:
            return self._not_before
        too_old = batch.records[0].arrived_at + longest / self.rules.scale + 0.001
        return min(self._not_before, too_old)

    def _gather(self, now: float) -> Pause | None:
        """Makes fresh records the next batch; None: there is one, or a window's end."""
        if self._is_window_over(now):
            self._final = ShardBatch(())
            return None
        if not self._fresh:
            return Pause(self.ends_at(now))
        if not self._is_due(now):
            return Pause(self._opened_at + self.rules.batch_window / self.rules.scale)
        if self.rules.tumbling_window and self.window is None:
            self.window = self._window_of(self._fresh[0])
        self.waiting.append(ShardBatch(self._taken()))
        self._opened_at = now
        return None

    def _is_due(self, now: float) -> bool:
        rules = self.rules
        if len(self._fresh) >= rules.batch_size or self._fresh_size >= self._room:
            return True
        if self.is_closing or self._is_after_window(self._fresh[-1]):
            return True
        return now >= self._opened_at + rules.batch_window / rules.scale

    @property
    def _room(self) -> int:
        """Bytes that records may take in an event."""
        state = 0 if self.window is None else self.window.state_size
        return MAX_PAYLOAD - _FRAME - state

    def _taken(self) -> tuple[StreamRecord, ...]:
        """As many fresh records as go together: by number, by size, and within the window."""
        taken, room = list[StreamRecord](), self._room
        while self._fresh and len(taken) < self.rules.batch_size:
            record = self._fresh[0]
            room -= record.size + 1
            if taken and (room < 0 or self._is_after_window(record)):
                break
            taken.append(self._fresh.popleft())
            self._fresh_size -= record.size + 1
        return tuple(taken)

    # Windows

    def _window_of(self, record: StreamRecord) -> TumblingWindow:
        length = self.rules.tumbling_window / self.rules.scale
        start = record.arrived_at // length * length
        return TumblingWindow(start, start + length)

    def _is_after_window(self, record: StreamRecord) -> bool:
        return self.window is not None and record.arrived_at >= self.window.end

    def _is_window_over(self, now: float) -> bool:
        if self.window is None:
            return False
        if self._fresh:
            return self._is_after_window(self._fresh[0])
        # a read that began before the end may have missed a record of this window
        return self.is_closing or self.caught_up_at >= self.window.end

    def ends_at(self, now: float) -> float | None:
        """When the window ends, for a look at the shard after that; None: not in the future."""
        return None if self.window is None or now >= self.window.end else self.window.end

    # What became of it

    def note_outcome(self, work: SendBatch, outcome: Outcome, now: float) -> int | None:
        """Takes the outcome of an invocation; the last sequence number that is done by it."""
        # nobody needs the state that ends a window
        rules = replace(self.rules, tumbling_window=0) if work.is_final else self.rules
        verdict = judge(work.batch, outcome, rules)
        self._not_before = now + verdict.wait / self.rules.scale
        if work.is_final:
            self._note_final(verdict)
            return None
        self.waiting.popleft()
        self.waiting.extendleft(reversed(verdict.retry))
        self._given_up = verdict.discarded
        left = verdict.retry or ((verdict.discarded,) if verdict.discarded is not None else ())
        kept = len(left[0].records) + sum(len(batch.records) for batch in left[1:]) if left else 0
        done = work.batch.records[: len(work.batch.records) - kept]
        if done or not left:
            self._keep_state(outcome)
        return done[-1].number if done else None

    def _note_final(self, verdict: BatchVerdict) -> None:
        self._final = verdict.retry[0] if verdict.retry else None
        self._given_up = verdict.discarded
        if self._final is None and self._given_up is None:
            self._end_window()

    def _end_window(self) -> None:
        if self._is_early and self.window is not None:
            self.window = TumblingWindow(self.window.start, self.window.end)
        else:
            self.window = None
        self._is_early = False

    def _keep_state(self, outcome: Outcome) -> None:
        """The state that the function returned goes to the next batch of the window."""
        if self.window is None or not isinstance(outcome, Returned):
            return
        state = window_state(outcome.payload)
        if state is None:
            return
        size = len(encode_payload(state))
        self.window = replace(self.window, state=state, state_size=size)
        if size > MAX_WINDOW_STATE:
            self._is_early = True
            self._final = ShardBatch(())

    def note_given_up(self, work: GiveUp) -> int | None:
        """`work` has reached the destination; the last sequence number that is done by it."""
        if work.batch is self._given_up:
            self._given_up = None
        else:
            count, first = len(work.batch.records), self.waiting.popleft()
            rest = replace(first, records=first.records[count:])
            if rest.records:
                self.waiting.appendleft(rest)
        if not work.batch.records:
            self._end_window()
            return None
        return work.batch.records[-1].number
