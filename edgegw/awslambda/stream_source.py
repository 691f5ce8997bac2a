"""Event sources that are streams: what happens to a batch of a shard, as decisions.

A shard is read in order, and a batch that fails must be over before the next one begins: tried
again until it succeeds or is given up. So each batch has one of these ends:

- **success**: all of it is done, the checkpoint moves past it;
- **partly**: with ReportBatchItemFailures the function names sequence numbers, and everything from
  the lowest one on is tried again; what stands before it is done, whatever else was named;
- **bisect**: with BisectBatchOnFunctionError a failed batch becomes two, tried one after the
  other. That costs no attempt, so a single bad record is isolated first and uses up its attempts
  alone; the good ones around it succeed;
- **discarded**: after MaximumRetryAttempts, or for the part of it that is older than
  MaximumRecordAgeInSeconds. A record of that goes to the on-failure destination, then the
  checkpoint moves past it too;
- **not invoked**: throttled, or refused by the service. That is no attempt: it is tried again,
  later each time, until its records are too old.

The clock is handed in. `scale` is how many seconds of AWS pass in one here: ages count in AWS's
seconds, waits are divided by it.
Sources: Lambda Developer Guide, "Configuring partial batch response with Kinesis Data Streams and
Lambda"; "Retain discarded batch records for a Kinesis Data Streams event source in Lambda".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from itertools import takewhile
from typing import Final, Literal, TypeAlias

from edgegw.awslambda.event_source import read_batch_reply
from edgegw.awslambda.model import FunctionError, InvokeRefusal, Outcome, Returned, Throttled
from edgegw.awslambda.payload import Json, decode_payload
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.values import value

FOREVER: Final = -1
_LONGEST_WAIT: Final = 60.0
"""Seconds between two tries at most; uncertain: AWS says that it backs off, not by how much."""

DiscardCondition: TypeAlias = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]


@value(kw_only=True)
class StreamRules:
    """How the records of a stream reach a function. Times in seconds of AWS.

    `retention` is how long the stream itself keeps records: older ones are given up in any case.
    """

    batch_size: int = 100
    batch_window: float = 0.0
    maximum_record_age: float = FOREVER
    maximum_retry_attempts: int = FOREVER
    bisect_batch: bool = False
    reports_failures: bool = False
    parallelization_factor: int = 1
    tumbling_window: float = 0.0
    retention: float = FOREVER
    scale: float = 1.0

    @property
    def longest_age(self) -> float | None:
        """Seconds of AWS after which a record is not sent any more; None: there is no such limit.

        Source: Lambda API Reference, "CreateEventSourceMapping", MaximumRecordAgeInSeconds.
        """
        ages = (self.maximum_record_age, self.retention)
        return min((age for age in ages if age >= 0), default=None)

    def is_too_old(self, record: StreamRecord, now: float) -> bool:
        """Whether a record is not to be sent any more."""
        longest = self.longest_age
        return longest is not None and (now - record.arrived_at) * self.scale > longest


def rules_of(
    mapping: EventSourceMapping, *, retention: float = FOREVER, scale: float = 1.0
) -> StreamRules:
    """The rules that a mapping sets, for a stream that keeps records for `retention`."""
    stream = mapping.stream
    return StreamRules(
        batch_size=mapping.batch_size,
        batch_window=mapping.batch_window,
        maximum_record_age=stream.maximum_record_age,
        maximum_retry_attempts=stream.maximum_retry_attempts,
        bisect_batch=stream.bisect_on_error,
        reports_failures=mapping.reports_failures,
        parallelization_factor=stream.parallelization_factor,
        tumbling_window=stream.tumbling_window,
        retention=retention,
        scale=scale,
    )


@value
class StreamRecord:
    """One record of a shard.

    `event` is its element of `Records` in the event; `size` is the length of that in bytes.
    Of a stream of DynamoDB the `partition_key` is the JSON of the item's keys.
    """

    sequence_number: str
    partition_key: str
    arrived_at: float
    event: Json = field(repr=False, compare=False)
    size: int = 0

    @property
    def number(self) -> int:
        """The sequence number, which orders the records of a shard."""
        return int(self.sequence_number)


@value
class ShardBatch:
    """Records that go to the function together, and what has become of them so far.

    `failures` are the attempts that count; `invocations` are all that reached the function;
    `misses` are the tries in a row without any success, by which waits grow.
    """

    records: tuple[StreamRecord, ...]
    failures: int = 0
    invocations: int = 0
    misses: int = 0
    last: Returned | FunctionError | None = field(default=None, repr=False)


@value
class BatchVerdict:
    """What comes of a try: all records that stand in neither part are done.

    `retry` goes on in this order, before anything newer, after `wait` seconds of AWS.
    """

    retry: tuple[ShardBatch, ...] = ()
    discarded: ShardBatch | None = None
    wait: float = 0.0


def judge(batch: ShardBatch, outcome: Outcome, rules: StreamRules) -> BatchVerdict:
    """What the outcome of invoking the function with `batch` leads to."""
    match outcome:
        case Throttled():
            return _not_invoked(batch)
        case InvokeRefusal() if outcome.code != "RequestTooLargeException":
            return _not_invoked(batch)
        case InvokeRefusal():
            return _failed(_tried(batch, None), rules)
        case FunctionError():
            return _failed(_tried(batch, outcome), rules)
        case Returned():
            return _returned(_tried(batch, outcome), outcome, rules)


def _returned(tried: ShardBatch, outcome: Returned, rules: StreamRules) -> BatchVerdict:
    if rules.tumbling_window and window_state(outcome.payload) is None:
        return _failed(tried, rules)
    if not rules.reports_failures or not tried.records:
        return BatchVerdict()
    lowest = lowest_failure(outcome.payload, tried.records)
    if lowest is None:
        return BatchVerdict()
    if lowest == 0:
        return _failed(tried, rules)
    rest = replace(tried, records=tried.records[lowest:], misses=1)
    if rules.bisect_batch:  # a cut there is how the batch is split: it counts no attempt
        return BatchVerdict(retry=(rest,), wait=retry_wait(rest.misses))
    return _counted(rest, rules)


def _failed(tried: ShardBatch, rules: StreamRules) -> BatchVerdict:
    if rules.bisect_batch and len(tried.records) > 1:
        middle = len(tried.records) // 2
        halves = (tried.records[:middle], tried.records[middle:])
        # their waits begin anew: neither was ever tried alone
        return BatchVerdict(retry=tuple(replace(tried, records=half, misses=0) for half in halves))
    return _counted(tried, rules)


def _counted(tried: ShardBatch, rules: StreamRules) -> BatchVerdict:
    """The failure counts: tried again, or given up."""
    counted, most = replace(tried, failures=tried.failures + 1), rules.maximum_retry_attempts
    if most != FOREVER and counted.failures > most:
        return BatchVerdict(discarded=counted)
    return BatchVerdict(retry=(counted,), wait=retry_wait(counted.misses))


def _not_invoked(batch: ShardBatch) -> BatchVerdict:
    missed = replace(batch, misses=batch.misses + 1)
    return BatchVerdict(retry=(missed,), wait=retry_wait(missed.misses))


def _tried(batch: ShardBatch, outcome: Returned | FunctionError | None) -> ShardBatch:
    return replace(batch, invocations=batch.invocations + 1, misses=batch.misses + 1, last=outcome)


def retry_wait(misses: int) -> float:
    """Seconds of AWS until a batch is tried again that missed so often in a row: 1, 2, 4 … 60."""
    return 0.0 if misses < 1 else min(_LONGEST_WAIT, 2.0 ** min(misses - 1, 6))


def cut_old(
    batch: ShardBatch, rules: StreamRules, now: float
) -> tuple[ShardBatch | None, ShardBatch]:
    """The part of `batch` that is too old to be sent, None where nothing is; and the rest."""
    old = tuple(takewhile(lambda record: rules.is_too_old(record, now), batch.records))
    if not old:
        return None, batch
    return replace(batch, records=old), replace(batch, records=batch.records[len(old) :])


# What functions answer


def lowest_failure(payload: bytes, records: Sequence[StreamRecord]) -> int | None:
    """Which record is the first to be tried again, by its index; None: the batch succeeded.

    Source: Lambda Developer Guide, "Configuring partial batch response with Kinesis Data Streams
    and Lambda".
    """
    ids = [record.sequence_number for record in records]
    failed = read_batch_reply(payload, ids).failed
    return ids.index(failed[0]) if failed else None


def window_state(payload: bytes) -> Mapping[str, Json] | None:
    """The `state` of an answer in a tumbling window; None where it has none: a failure.

    Source: Lambda Developer Guide, "Implementing stateful stream processing with Kinesis Data
    Streams and Lambda".
    """
    try:
        answer = decode_payload(payload) if payload else None
    except ValueError:
        return None
    state = answer.get("state") if isinstance(answer, Mapping) else None
    return state if isinstance(state, Mapping) else None
