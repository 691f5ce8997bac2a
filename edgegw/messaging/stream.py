"""What a stream is: its definition, its shards, the records in them, and where reading begins.

A stream of Kinesis or of DynamoDB is a number of shards; each takes a range of hash keys and is a
sequence of its own. All records of a stream are numbered in the order in which they came, across
its shards; `sequence_numbers` writes these numbers as AWS does.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from edgegw.messaging.stream_quotas import DAY, StreamType
from edgegw.values import value

IteratorType: TypeAlias = Literal[
    "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"
]


@value(kw_only=True)
class StreamDefinition:
    """A stream as it was asked for. `retention` is in seconds."""

    name: str
    type: StreamType = "kinesis"
    shards: int = 1
    retention: float = DAY


@value(kw_only=True)
class RemoteStream:
    """A stream of a real service: its ARN, and the endpoint to ask (None: AWS itself)."""

    name: str
    stream_arn: str
    endpoint_url: str | None = None


@value(kw_only=True)
class StreamShard:
    """A shard: the range of hash keys that it takes, and which shards it came from.

    It takes records from number `opened` on, and before `closed` if it is closed.
    """

    index: int
    first_hash: int
    last_hash: int
    opened: int = 0
    closed: int | None = None
    parents: tuple[int, ...] = ()


@value(kw_only=True)
class EmbeddedStream:
    """A stream that is there, with all its shards; `created_at` in seconds since 1970."""

    definition: StreamDefinition
    created_at: float
    shards: tuple[StreamShard, ...]

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def open_shards(self) -> tuple[StreamShard, ...]:
        """Those that take records."""
        return tuple(shard for shard in self.shards if shard.closed is None)


@value
class NewRecord:
    """A record that somebody puts; without `hash_key` the partition key's hash counts."""

    data: bytes
    partition_key: str
    hash_key: int | None = None


@value
class PlacedRecord:
    """Where a record went: its shard and its number."""

    shard: int
    number: int


@value
class StoredRecord:
    """A record as it is kept; `arrived_at` in seconds since 1970."""

    number: int
    partition_key: str
    arrived_at: float
    data: bytes


@value
class ShardPage:
    """What one reading gives. `behind` are the seconds by which it is behind the newest record.

    `next` is the number to go on with; None at the end of a closed shard.
    """

    records: tuple[StoredRecord, ...]
    next: int | None
    behind: float = 0.0


@value
class ReadingStart:
    """Where reading of a shard begins. `number` and `at` belong to the types that need them."""

    type: IteratorType
    number: int = 0
    at: float = 0.0
