"""The API of Kinesis Data Streams: embedded streams for boto3, the AWS CLI and every SDK.

Source: Kinesis Data Streams API Reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp

from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json
from edgegw.execution.embedded_streams import EmbeddedStreams
from edgegw.gateway.aws.reading_shards import ShardReader
from edgegw.gateway.aws.streams_service import OperationsByName, streams_app
from edgegw.gateway.world import WallClock
from edgegw.messaging.sharding import shard_id
from edgegw.messaging.stream import EmbeddedStream, StreamDefinition, StreamShard
from edgegw.messaging.stream_calls import CallMembers, new_record, new_records
from edgegw.messaging.stream_errors import StreamError, bad_argument, bad_member
from edgegw.messaging.stream_json import (
    arn_of,
    description_json,
    listed_json,
    placed_json,
    record_json,
    shard_json,
    summary_json,
)
from edgegw.messaging.stream_names import stream_of
from edgegw.messaging.stream_quotas import MAX_SHARDS, is_stream_name

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_LIMITS: Final = (1, 10_000)
_BETWEEN: Final = " "
"""Parts the stream of a token from the shard after which it goes on."""


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""
    return streams_app(gateway, "Kinesis", b"application/x-amz-json-1.1", _operations)


def _operations(streams: EmbeddedStreams, account: Account, now: WallClock) -> OperationsByName:
    return KinesisOperations(streams, account, now).by_name


class KinesisOperations:
    """What the API does, by the names of its operations. Raises StreamError, StateProblem."""

    def __init__(self, streams: EmbeddedStreams, account: Account, now: WallClock) -> None:
        self._streams = streams
        self._account = account
        self._reader = ShardReader(streams, "kinesis", account, now)

    @property
    def by_name(self) -> OperationsByName:
        return {
            "CreateStream": self.create_stream,
            "DeleteStream": self.delete_stream,
            "DescribeStream": self.describe_stream,
            "DescribeStreamSummary": self.describe_stream_summary,
            "GetRecords": self.get_records,
            "GetShardIterator": self.get_shard_iterator,
            "ListShards": self.list_shards,
            "ListStreams": self.list_streams,
            "PutRecord": self.put_record,
            "PutRecords": self.put_records,
            "UpdateShardCount": self.update_shard_count,
        }

    async def _stream(self, call: CallMembers) -> EmbeddedStream:
        return await self._reader.stream(_stream_named(call))

    # Streams

    async def create_stream(self, call: CallMembers) -> None:
        """The stream is active at once."""
        name = _stream_name(call)
        shards = call.number("ShardCount", (1, MAX_SHARDS), 4)
        await self._streams.create(StreamDefinition(name=name, shards=shards))

    async def delete_stream(self, call: CallMembers) -> None:
        """It is gone at once, with its records."""
        await self._streams.delete((await self._stream(call)).name)

    async def update_shard_count(self, call: CallMembers) -> dict[str, Json]:
        """The new shards take records at once."""
        stream = await self._stream(call)
        count = call.number("TargetShardCount", (1, MAX_SHARDS))
        if call.text("ScalingType") != "UNIFORM_SCALING":
            rule = "Member must satisfy enum value set: [UNIFORM_SCALING]"
            raise bad_member(call.text("ScalingType"), "scalingType", rule)
        await self._streams.reshard(stream.name, count)
        return {
            "StreamName": stream.name,
            "CurrentShardCount": len(stream.open_shards),
            "TargetShardCount": count,
            "StreamARN": arn_of(stream, self._account),
        }

    async def describe_stream(self, call: CallMembers) -> dict[str, Json]:
        stream = await self._stream(call)
        limit = call.number("Limit", _LIMITS, 100)
        after = call.optional_text("ExclusiveStartShardId")
        shards, has_more = self._reader.shards(stream, after, limit)
        return description_json(stream, shards, self._account, has_more=has_more)

    async def describe_stream_summary(self, call: CallMembers) -> dict[str, Json]:
        return summary_json(await self._stream(call), self._account)

    async def list_streams(self, call: CallMembers) -> dict[str, Json]:
        limit = call.number("Limit", _LIMITS, 100)
        after = call.optional_text("NextToken") or call.optional_text("ExclusiveStartStreamName")
        left = [
            stream for stream in await self._reader.all() if after is None or stream.name > after
        ]
        page = left[:limit]
        answer: dict[str, Json] = {
            "StreamNames": [stream.name for stream in page],
            "StreamSummaries": [listed_json(stream, self._account) for stream in page],
            "HasMoreStreams": len(left) > limit,
        }
        if len(left) > limit:
            answer["NextToken"] = page[-1].name
        return answer

    async def list_shards(self, call: CallMembers) -> dict[str, Json]:
        """A token stands for the stream and the last shard, so it comes alone."""
        limit = call.number("MaxResults", _LIMITS, 1000)
        token = call.optional_text("NextToken")
        if token is None:
            stream, after = await self._stream(call), call.optional_text("ExclusiveStartShardId")
        else:
            name, between, after = token.partition(_BETWEEN)
            if not between:
                raise bad_argument("NextToken is invalid.")
            stream = await self._reader.stream(name)
        shards, has_more = self._reader.shards(stream, after, limit)
        answer: dict[str, Json] = {
            "Shards": [shard_json(stream, shard) for shard in _chosen(stream, shards, call)]
        }
        if has_more:
            answer["NextToken"] = f"{stream.name}{_BETWEEN}{shard_id(stream, shards[-1].index)}"
        return answer

    # Records

    async def put_record(self, call: CallMembers) -> dict[str, Json]:
        stream = await self._stream(call)
        (placed,) = await self._streams.put(stream.name, [new_record(call)])
        return placed_json(await self._reader.stream(stream.name), placed)

    async def put_records(self, call: CallMembers) -> dict[str, Json]:
        """All of them are taken, or none."""
        stream = await self._stream(call)
        placed = await self._streams.put(stream.name, new_records(call))
        return {
            "FailedRecordCount": 0,
            "Records": [placed_json(stream, record) for record in placed],
        }

    async def get_shard_iterator(self, call: CallMembers) -> dict[str, Json]:
        return {"ShardIterator": await self._reader.iterator(await self._stream(call), call)}

    async def get_records(self, call: CallMembers) -> dict[str, Json]:
        reading = await self._reader.read(call)
        stream, shard = reading.stream, reading.shard
        answer: dict[str, Json] = {
            "Records": [
                record_json(stream, shard.index, record) for record in reading.page.records
            ],
            "MillisBehindLatest": int(reading.page.behind * 1000),
        }
        if reading.next is not None:
            answer["NextShardIterator"] = reading.next
        else:
            answer["ChildShards"] = _children(stream, shard)
        return answer


def _stream_named(call: CallMembers) -> str:
    """The ARN or the name of the stream that a call is about. Raises StreamError."""
    arn = call.optional_text("StreamARN")
    if arn is not None:
        if stream_of(arn) == arn:
            pattern = r"arn:aws.*:kinesis:.*:\d{12}:.*stream/\S+"
            rule = f"Member must satisfy regular expression pattern: {pattern}"
            raise bad_member(arn, "streamARN", rule)
        return arn
    if not call.has("StreamName"):
        raise bad_argument("Either StreamName or StreamARN must be given.")
    return _stream_name(call)


def _stream_name(call: CallMembers) -> str:
    name = call.text("StreamName", most=128)
    if not is_stream_name(name, "kinesis"):
        rule = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        raise bad_member(name, "streamName", rule)
    return name


def _children(stream: EmbeddedStream, shard: StreamShard) -> list[Json]:
    return [
        {
            "ShardId": shard_id(stream, child.index),
            "ParentShards": [shard_id(stream, parent) for parent in child.parents],
            "HashKeyRange": {
                "StartingHashKey": str(child.first_hash),
                "EndingHashKey": str(child.last_hash),
            },
        }
        for child in stream.shards
        if shard.index in child.parents
    ]


def _chosen(
    stream: EmbeddedStream, shards: Sequence[StreamShard], call: CallMembers
) -> Sequence[StreamShard]:
    """The shards that a filter leaves; of those by time there are all, which is more than asked."""
    if not call.has("ShardFilter"):
        return shards
    given = call.inner("ShardFilter")
    kind = given.text("Type")
    if kind == "AT_LATEST":
        return [shard for shard in shards if shard.closed is None]
    if kind == "AFTER_SHARD_ID":
        after = given.text("ShardId")
        return [shard for shard in shards if shard_id(stream, shard.index) > after]
    if kind not in ("AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_TIMESTAMP", "FROM_TIMESTAMP"):
        raise StreamError("InvalidArgumentException", f"{kind} is no type of a shard filter")
    return shards
