"""Shard iterators: where a reader is, as the text that it carries from call to call.

They name the stream by name and creation, so that an iterator of a deleted stream never reads the
one that has its name now; and they grow old.
"""

from __future__ import annotations

import base64
from typing import Final

from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.messaging.stream import EmbeddedStream
from edgegw.messaging.stream_errors import StreamError, bad_argument, expired_iterator
from edgegw.messaging.stream_quotas import StreamType
from edgegw.values import value

ITERATOR_AGES: Final[dict[StreamType, float]] = {"kinesis": 300.0, "dynamodb": 900.0}
"""Seconds for which an iterator is good.

Source: Kinesis Data Streams API Reference, "GetShardIterator"; DynamoDB API Reference,
"GetRecords".
"""


@value
class ShardIterator:
    """The stream, its creation, the shard, the next number, and when the iterator was given."""

    stream: str
    created_at: float
    shard: int
    next: int
    given_at: float


def encode_iterator(iterator: ShardIterator) -> str:
    """Opaque text for readers."""
    parts = [
        iterator.stream,
        iterator.created_at,
        iterator.shard,
        iterator.next,
        iterator.given_at,
    ]
    return base64.b64encode(encode_payload(parts)).decode("ascii")


def decode_iterator(text: str) -> ShardIterator:
    """What `encode_iterator` made. Raises StreamError for anything else."""
    try:
        parts = decode_payload(base64.b64decode(text, validate=True))
    except ValueError:
        raise _invalid() from None
    match parts:
        case [
            str(stream),
            float() | int() as created,
            int(shard),
            int(next_),
            float() | int() as at,
        ]:
            return ShardIterator(stream, float(created), shard, next_, float(at))
        case _:
            raise _invalid()


def check_iterator(iterator: ShardIterator, stream: EmbeddedStream, now: float) -> None:
    """Raises StreamError where the iterator is of another stream, or too old."""
    if iterator.created_at != stream.created_at or iterator.shard >= len(stream.shards):
        raise _invalid()
    longest = ITERATOR_AGES[stream.definition.type]
    if now - iterator.given_at > longest:
        raise expired_iterator(iterator.given_at, now, longest)


def _invalid() -> StreamError:
    return bad_argument("Invalid ShardIterator.")
