"""Which shard takes a record, how shards follow each other, and how records are numbered.

The hash key of a record is the MD5 of its partition key, 128 bits; shards share these evenly.
When a stream gets another number of shards, all open ones are closed and new ones opened; a new
one's parents are those whose hash keys it takes over. Who reads parents to their end before their
children keeps the order of each key.
Source: Kinesis Data Streams Developer Guide, "Terminology and concepts" and "Reshard a stream".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from edgegw.messaging.stream import EmbeddedStream, StreamShard

HASH_KEYS: Final = 1 << 128
"""How many hash keys there are.

Source: Kinesis Data Streams Developer Guide, "Terminology and concepts", partition key.
"""
_NUMBER: Final = 10**34
_SHARD: Final = 10**8
_DYNAMODB_NUMBER: Final = 10**17


def hash_key(partition_key: str) -> int:
    """The hash key of a partition key."""
    digest = hashlib.md5(partition_key.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return int.from_bytes(digest.digest(), "big")


def first_shards(count: int) -> tuple[StreamShard, ...]:
    """The shards of a new stream."""
    return tuple(
        StreamShard(index=index, first_hash=first, last_hash=last)
        for index, (first, last) in enumerate(_ranges(count))
    )


def _ranges(count: int) -> Iterable[tuple[int, int]]:
    bounds = [HASH_KEYS * index // count for index in range(count + 1)]
    for index in range(count):
        yield bounds[index], bounds[index + 1] - 1


def reshard(shards: Sequence[StreamShard], count: int, number: int) -> tuple[StreamShard, ...]:
    """All shards once `count` are open, from the record `number` on: closed ones stay readable."""
    closed = [_closed(shard, number) for shard in shards]
    opened = [
        StreamShard(
            index=len(shards) + index,
            first_hash=first,
            last_hash=last,
            opened=number,
            parents=tuple(
                shard.index
                for shard in shards
                if shard.closed is None and shard.first_hash <= last and first <= shard.last_hash
            ),
        )
        for index, (first, last) in enumerate(_ranges(count))
    ]
    return (*closed, *opened)


def _closed(shard: StreamShard, number: int) -> StreamShard:
    return StreamShard(
        index=shard.index,
        first_hash=shard.first_hash,
        last_hash=shard.last_hash,
        opened=shard.opened,
        closed=number if shard.closed is None else shard.closed,
        parents=shard.parents,
    )


def shard_for(shards: Iterable[StreamShard], key: int) -> StreamShard:
    """The open shard that takes the hash key."""
    return next(
        shard
        for shard in shards
        if shard.closed is None and shard.first_hash <= key <= shard.last_hash
    )


# As AWS writes them


def shard_id(stream: EmbeddedStream, index: int) -> str:
    """`shardId-000000000001`; of DynamoDB with the time of its stream and eight hex digits."""
    if stream.definition.type == "kinesis":
        return f"shardId-{index:012d}"
    named = f"{stream.name} {stream.created_at} {index}".encode()
    digest = hashlib.md5(named, usedforsecurity=False).hexdigest()
    return f"shardId-{int(stream.created_at * 1000):020d}-{digest[:8]}"


def shard_of_id(stream: EmbeddedStream, identity: str) -> StreamShard | None:
    """The shard that an id names; None when it is none of this stream."""
    return next(
        (shard for shard in stream.shards if shard_id(stream, shard.index) == identity), None
    )


def sequence_number(stream: EmbeddedStream, shard: int, number: int) -> str:
    """How AWS would write the number of a record: 56 digits, of DynamoDB 27."""
    created = int(stream.created_at)
    if stream.definition.type == "dynamodb":
        return str(created * _DYNAMODB_NUMBER + number)
    return str(((49 * 10**12 + created) * _NUMBER + number) * _SHARD + shard)


def record_number(stream: EmbeddedStream, shard: int, text: str) -> int | None:
    """The number of a record; None when the sequence number is of another stream or shard."""
    if not (text.isascii() and text.isdigit()):
        return None
    if stream.definition.type == "dynamodb":
        number = int(text) % _DYNAMODB_NUMBER
    else:
        number = int(text) // _SHARD % _NUMBER
    return number if sequence_number(stream, shard, number) == text else None
