"""An embedded stream, as pollers read it: they wait for its bell and ask nothing meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from edgegw.awslambda.stream_events import ShardOrigin, dynamodb_record, kinesis_record
from edgegw.awslambda.stream_source import StreamRecord
from edgegw.execution.clock import ScaledClock
from edgegw.execution.embedded_streams import LOOK, EmbeddedStreams
from edgegw.execution.event_sources.stream_client import (
    ListedShard,
    ReadPage,
    ShardStart,
    StreamProblem,
)
from edgegw.messaging.dynamodb_records import read_change
from edgegw.messaging.sharding import record_number, sequence_number, shard_id, shard_of_id
from edgegw.messaging.stream import EmbeddedStream, ReadingStart, StoredRecord
from edgegw.messaging.stream_errors import StreamError


class EmbeddedStreamClient:
    """The stream `name`; `origin` says of its records where they are from."""

    def __init__(
        self, streams: EmbeddedStreams, name: str, origin: ShardOrigin, clock: ScaledClock
    ) -> None:
        self._streams = streams
        self._name = name
        self._origin = origin
        self._clock = clock

    async def retention(self) -> float:
        """Seconds for which it keeps records."""
        return (await self._described()).definition.retention

    async def shards(self) -> Sequence[ListedShard]:
        """All shards, closed ones too."""
        stream = await self._described()
        return [
            ListedShard(
                shard_id(stream, shard.index),
                tuple(shard_id(stream, parent) for parent in shard.parents),
            )
            for shard in stream.shards
        ]

    async def open(self, shard: str, start: ShardStart) -> EmbeddedShardCursor:
        """Begins to read a shard."""
        stream = await self._described()
        own = shard_of_id(stream, shard)
        if own is None:
            raise StreamProblem(f"the stream {self._name} has no shard {shard}")
        number = record_number(stream, own.index, start.sequence_number)
        if number is None and start.type.endswith("_SEQUENCE_NUMBER"):
            begin = ReadingStart("TRIM_HORIZON")  # of a stream that had this name before
        else:
            begin = ReadingStart(start.type, number or 0, start.at)
        try:
            first = await self._streams.begin(self._name, own.index, begin)
        except StreamError as error:
            raise StreamProblem(error.text) from error
        origin = ShardOrigin(
            self._origin.type, self._origin.arn, self._origin.region, shard, self._origin.role
        )
        return EmbeddedShardCursor(self._streams, stream, own.index, first, (origin, self._clock))

    async def close(self) -> None:
        """Nothing is held."""

    async def _described(self) -> EmbeddedStream:
        try:
            return await self._streams.describe(self._name)
        except StreamError as error:
            raise StreamProblem(error.text) from error


class EmbeddedShardCursor:
    """A place in a shard of an embedded stream."""

    def __init__(
        self,
        streams: EmbeddedStreams,
        stream: EmbeddedStream,
        shard: int,
        number: int,
        around: tuple[ShardOrigin, ScaledClock],
    ) -> None:
        self._streams = streams
        self._stream = stream
        self._shard = shard
        self._number = number
        self._origin, self._clock = around
        self._bell = streams.bell(stream.name)

    async def read(self, limit: int) -> ReadPage:
        """The next records, in order."""
        self._bell.clear()  # what comes from here on rings again
        try:
            page = await self._streams.read(self._stream.name, self._shard, self._number, limit)
        except StreamError as error:
            raise StreamProblem(error.text) from error
        if page.next is not None:
            self._number = page.next
        records = [self._record(stored) for stored in page.records]
        is_over = page.next is None
        return ReadPage(records, is_at_end=is_over or page.behind == 0.0, is_over=is_over)

    def _record(self, stored: StoredRecord) -> StreamRecord:
        if self._origin.type == "dynamodb":
            change = read_change(self._stream, self._shard, stored, self._origin.region)
            return dynamodb_record(self._origin, change, stored.arrived_at)
        number = sequence_number(self._stream, self._shard, stored.number)
        content = (stored.partition_key, stored.data, stored.arrived_at)
        return kinesis_record(self._origin, number, *content)

    async def wait(self, until: float | None) -> None:
        """Waits for the bell."""
        look = self._clock.now() + LOOK
        await self._clock.sleep_until(look if until is None else min(until, look), self._bell)

    def wake(self) -> None:
        """Ends the waiting."""
        self._bell.set()

    def close(self) -> None:
        """Nobody waits for the bell any more."""
        self._streams.mute(self._stream.name, self._bell)
