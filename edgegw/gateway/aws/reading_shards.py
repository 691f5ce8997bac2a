"""What the APIs of Kinesis and DynamoDB Streams share: finding, listing and reading shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgegw.awslambda.names import Account
from edgegw.execution.embedded_streams import EmbeddedStreams
from edgegw.gateway.world import WallClock
from edgegw.messaging.shard_iterators import (
    ShardIterator,
    check_iterator,
    decode_iterator,
    encode_iterator,
)
from edgegw.messaging.sharding import record_number, shard_id, shard_of_id
from edgegw.messaging.stream import EmbeddedStream, ReadingStart, ShardPage, StreamShard
from edgegw.messaging.stream_calls import CallMembers, iterator_type
from edgegw.messaging.stream_errors import bad_argument, no_such_shard, no_such_stream
from edgegw.messaging.stream_quotas import MAX_READ, StreamType
from edgegw.values import value

_SEQUENCE_NAMES: Final[dict[StreamType, str]] = {
    "kinesis": "StartingSequenceNumber",
    "dynamodb": "SequenceNumber",
}


@value
class ShardReading:
    """A page of a shard, and the iterator that goes on from it; None at its end."""

    stream: EmbeddedStream
    shard: StreamShard
    page: ShardPage
    next: str | None


class ShardReader:
    """Reads embedded streams of one type, as the API of that type does."""

    def __init__(
        self, streams: EmbeddedStreams, type_: StreamType, account: Account, now: WallClock
    ) -> None:
        self._streams = streams
        self._type: StreamType = type_
        self._account = account
        self._now = now

    async def all(self) -> list[EmbeddedStream]:
        """All streams of the type, by name."""
        return [
            stream for stream in await self._streams.all() if stream.definition.type == self._type
        ]

    async def stream(self, name: str) -> EmbeddedStream:
        """The stream of this name or ARN. Raises StreamError."""
        stream = await self._streams.describe(name)
        if stream.definition.type != self._type:
            raise no_such_stream(stream.name, self._account.account_id)
        return stream

    def shard(self, stream: EmbeddedStream, identity: str) -> StreamShard:
        """The shard of this id. Raises StreamError."""
        shard = shard_of_id(stream, identity)
        if shard is None:
            raise no_such_shard(identity, stream.name, self._account.account_id)
        return shard

    def shards(
        self, stream: EmbeddedStream, after: str | None, most: int
    ) -> tuple[Sequence[StreamShard], bool]:
        """Up to `most` shards after that of the id `after`, and whether there are more."""
        first = 0 if after is None else self.shard(stream, after).index + 1
        left = stream.shards[first:]
        return left[:most], len(left) > most

    async def iterator(self, stream: EmbeddedStream, call: CallMembers) -> str:
        """What GetShardIterator answers. Raises StreamError."""
        shard = self.shard(stream, call.text("ShardId"))
        kind = iterator_type(call, self._type)
        start = ReadingStart(kind)
        if kind.endswith("SEQUENCE_NUMBER"):
            start = ReadingStart(kind, self._number(stream, shard, call))
        elif kind == "AT_TIMESTAMP":
            start = ReadingStart(kind, at=call.time("Timestamp"))
        first = await self._streams.begin(stream.name, shard.index, start)
        return self._encoded(stream, shard, first)

    def _number(self, stream: EmbeddedStream, shard: StreamShard, call: CallMembers) -> int:
        text = call.text(_SEQUENCE_NAMES[self._type])
        number = record_number(stream, shard.index, text)
        if number is None:
            place = f"{shard_id(stream, shard.index)} in stream {stream.name}"
            raise bad_argument(
                f"{_SEQUENCE_NAMES[self._type]} {text} used in GetShardIterator on shard {place} "
                f"under account {self._account.account_id} is invalid because it did not come from "
                "this stream."
            )
        return number

    def _encoded(self, stream: EmbeddedStream, shard: StreamShard, number: int) -> str:
        parts = stream.name, stream.created_at, shard.index, number, self._now()
        return encode_iterator(ShardIterator(*parts))

    async def read(self, call: CallMembers) -> ShardReading:
        """The page that GetRecords asks for. Raises StreamError."""
        iterator = decode_iterator(call.text("ShardIterator"))
        limit = call.number("Limit", (1, MAX_READ[self._type]), MAX_READ[self._type])
        stream = await self.stream(iterator.stream)
        check_iterator(iterator, stream, self._now())
        shard = stream.shards[iterator.shard]
        page = await self._streams.read(stream.name, shard.index, iterator.next, limit)
        following = None if page.next is None else self._encoded(stream, shard, page.next)
        return ShardReading(stream, shard, page, following)
