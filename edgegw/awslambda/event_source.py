"""What all event source mappings share: when a batch is sent, what passes, what an answer means.

Pollers that Lambda owns read a queue or a stream, gather what they read and invoke the function
with it, synchronously. Everything here is decided over values, with the clock handed in:

    read ─▶ RecordFilter: does it pass? ─▶ Batch: is it full, or its window over? ─▶ invoke
                                                                                       │
            what is retried, deleted, checkpointed  ◀─ BatchReply  ◀─ read_batch_reply ┘

A batch is sent when it has as many records as it may have, when its window is over, or when the
next record would make the event larger than an invocation may be. The window begins with the first
record, so an empty batch waits for ever and costs nothing. A batch without window is sent as soon
as there is anything in it. One record alone is never too large to be sent: that Lambda then refuses
it is an outcome like others, and the source's own limits of tries end it.

What a record's event looks like, and what happens to records that fail, is the source's own:
`sqs_source` for queues, `stream_source` for streams.
Source: Lambda Developer Guide, "Invoking Lambda with records from stream and queue-based services".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar, cast

from edgegw.awslambda.event_pattern import Pattern, compile_pattern
from edgegw.awslambda.lifecycle import MAX_PAYLOAD
from edgegw.awslambda.payload import Json, decode_payload, excerpt
from edgegw.values import value

REPORT_FAILURES: Final = "ReportBatchItemFailures"
"""The function response type with which answers name the records that failed.

Source: Lambda API Reference, "CreateEventSourceMapping", FunctionResponseTypes.
"""

_BEGIN, _END = b'{"Records":[', b"]}"
_FRAME: Final = len(_BEGIN) + len(_END)

T = TypeVar("T")


@value
class BatchRule:
    """When a batch is sent. `window` is in seconds, `most_bytes` counts the event as JSON."""

    size: int
    window: float = 0.0
    most_bytes: int = MAX_PAYLOAD


class Batch(Generic[T]):
    """Records that are gathered for one invocation, in the order in which they were read."""

    __slots__ = ("_opened", "_records", "_rule", "_size", "items")

    def __init__(self, rule: BatchRule) -> None:
        self._rule = rule
        self._records: list[bytes] = []
        self._size = _FRAME
        self._opened = 0.0
        self.items: list[T] = []

    def __len__(self) -> int:
        return len(self.items)

    @property
    def event(self) -> bytes:
        """The event of the invocation."""
        return _BEGIN + b",".join(self._records) + _END

    @property
    def missing(self) -> int:
        """How many records it may still take."""
        return self._rule.size - len(self.items)

    def takes(self, record: bytes) -> bool:
        """Whether `record`, as JSON, still goes in. An empty batch takes any."""
        if not self.items:
            return True
        size = self._size + 1 + len(record)
        return self.missing > 0 and size <= self._rule.most_bytes

    def add(self, item: T, record: bytes, now: float) -> None:
        """Puts in `item`, which the event shows as `record`. The first one opens the window."""
        if not self.items:
            self._opened = now
        self._size += len(record) + (1 if self.items else 0)
        self._records.append(record)
        self.items.append(item)

    def waits(self, now: float) -> float | None:
        """Seconds until it is sent if nothing more comes; 0 when it is due, None while empty."""
        if not self.items:
            return None
        if self.missing <= 0 or self._size >= self._rule.most_bytes:
            return 0.0
        return max(0.0, self._opened + self._rule.window - now)


class RecordFilter:
    """The filter criteria of a mapping: a record passes that matches one of its patterns.

    Raises PatternError for a pattern that is none.
    Source: Lambda Developer Guide, "Control which events Lambda sends to your function".
    """

    __slots__ = ("_patterns",)

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns: Sequence[Pattern] = [compile_pattern(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def passes(self, record: object) -> bool:
        """Whether the function sees `record`. Without patterns it sees everything."""
        if not self._patterns:
            return True
        return any(pattern.matches(record) for pattern in self._patterns)


_ONLY_OF_RULES: Final = ("cidr", "wildcard")


def words_of_rules_only(pattern: Json) -> list[str]:
    """The words in a filter's pattern that AWS has in rules of EventBridge, and not in filters.

    Source: Lambda Developer Guide, "Control which events Lambda sends to your function", filter
    rule syntax.
    """
    if isinstance(pattern, Mapping):
        here = [word for word in _ONLY_OF_RULES if word in pattern]
        return here + [word for inner in pattern.values() for word in words_of_rules_only(inner)]
    if isinstance(pattern, list):
        return [word for item in pattern for word in words_of_rules_only(item)]
    return []


def with_parsed(record: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """`record` as filters see it: the text under `key` as JSON, where it is a JSON object or array.

    A pattern with an object under the key is for JSON, a list of values is for plain text; what
    is of the other kind matches neither, and is dropped. That `"text"` and `5`, which are JSON too,
    count as plain text is uncertain.
    Source: Lambda Developer Guide, "Control which events Lambda sends to your function", "Properly
    filtering Amazon SQS messages".
    """
    text = record.get(key)
    if not isinstance(text, str) or text.lstrip()[:1] not in ("{", "["):
        return record
    try:
        return {**record, key: decode_payload(text.encode("utf-8", "surrogatepass"))}
    except ValueError:
        return record


@value
class BatchReply:
    """What a function says of its batch: the ids of the records that failed, in their order.

    With `problem` all of them did, and it says why.
    """

    failed: tuple[str, ...] = ()
    problem: str = ""


def read_batch_reply(result: bytes, ids: Sequence[str]) -> BatchReply:
    """What `result`, the answer of a function that reports failures, says of the records `ids`.

    `{"batchItemFailures": [{"itemIdentifier": ID}]}` names those that failed. Nothing failed where
    there is no list or an empty one. What cannot be understood fails the whole batch. That an
    object without the key, and an empty text, say that nothing failed is uncertain.
    Source: Lambda Developer Guide, "Implementing partial batch responses", success and failure
    conditions.
    """
    try:
        answer = decode_payload(result) if result else None
    except ValueError:
        return _all_failed(ids, "the answer is no JSON")
    if answer is None or answer == "":
        return BatchReply()
    if not isinstance(answer, Mapping):
        return _all_failed(ids, f"the answer is no JSON object: {excerpt(answer, 80)}")
    items = answer.get("batchItemFailures")
    if items is None:
        return BatchReply()
    if not isinstance(items, list):
        return _all_failed(ids, f"batchItemFailures is no list: {excerpt(items, 80)}")
    return _named_items(items, ids)


def _named_items(items: list[Json], ids: Sequence[str]) -> BatchReply:
    known, failed = frozenset(ids), set[str]()
    for item in items:
        identifier = item.get("itemIdentifier") if isinstance(item, Mapping) else None
        problem = _item_problem(item, identifier, known)
        if problem:
            return _all_failed(ids, problem)
        failed.add(cast("str", identifier))
    return BatchReply(tuple([name for name in ids if name in failed]))


def _item_problem(item: Json, identifier: Json, known: Collection[str]) -> str:
    """What is wrong with an item of `batchItemFailures`; empty where nothing is."""
    if not isinstance(item, Mapping) or "itemIdentifier" not in item:
        return f"an item of batchItemFailures has no itemIdentifier: {excerpt(item, 80)}"
    if not isinstance(identifier, str) or not identifier:
        return f"an itemIdentifier is {excerpt(identifier, 80)}"
    if identifier not in known:
        return f"the itemIdentifier {excerpt(identifier, 80)} is not in the batch"
    return ""


def _all_failed(ids: Sequence[str], problem: str) -> BatchReply:
    return BatchReply(tuple(ids), problem)
