"""The API of DynamoDB Streams: embedded streams of type `dynamodb`, to be read.

There is no table behind them: changes come by `edgegw send`.
Source: DynamoDB API Reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp

from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json
from edgegw.execution.embedded_streams import EmbeddedStreams
from edgegw.gateway.aws.reading_shards import ShardReader
from edgegw.gateway.aws.streams_service import OperationsByName, StreamOperation, streams_app
from edgegw.gateway.world import WallClock
from edgegw.messaging.dynamodb_records import read_change
from edgegw.messaging.stream import EmbeddedStream
from edgegw.messaging.stream_calls import CallMembers
from edgegw.messaging.stream_errors import StreamError, in_words_of_dynamodb
from edgegw.messaging.stream_json import arn_of, table_description_json, table_stream_json

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_LIMITS: Final = (1, 100)
"""Streams or shards of one answer.

Source: DynamoDB API Reference, "ListStreams" and "DescribeStream", Limit.
"""


_LEAST_ARN: Final = 37
"""Characters of a stream's ARN.

Source: DynamoDB API Reference, "DescribeStream", StreamArn.
"""


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""
    media_type = b"application/x-amz-json-1.0"
    return streams_app(gateway, "DynamoDB Streams", media_type, _operations)


def _operations(streams: EmbeddedStreams, account: Account, now: WallClock) -> OperationsByName:
    return DynamodbStreamsOperations(streams, account, now).by_name


class DynamodbStreamsOperations:
    """What the API does, by the names of its operations. Raises StreamError, StateProblem."""

    def __init__(self, streams: EmbeddedStreams, account: Account, now: WallClock) -> None:
        self._account = account
        self._reader = ShardReader(streams, "dynamodb", account, now)

    @property
    def by_name(self) -> OperationsByName:
        return {
            "DescribeStream": _in_its_words(self.describe_stream),
            "GetRecords": _in_its_words(self.get_records),
            "GetShardIterator": _in_its_words(self.get_shard_iterator),
            "ListStreams": self.list_streams,
        }

    async def list_streams(self, call: CallMembers) -> dict[str, Json]:
        limit = call.number("Limit", _LIMITS, 100)
        table = call.optional_text("TableName")
        after = call.optional_text("ExclusiveStartStreamArn")
        left = [
            stream
            for stream in await self._reader.all()
            if table in (None, stream.name)
            and (after is None or arn_of(stream, self._account) > after)
        ]
        page = left[:limit]
        answer: dict[str, Json] = {
            "Streams": [table_stream_json(stream, self._account) for stream in page]
        }
        if len(left) > limit:
            answer["LastEvaluatedStreamArn"] = arn_of(page[-1], self._account)
        return answer

    async def _stream(self, call: CallMembers) -> EmbeddedStream:
        return await self._reader.stream(call.text("StreamArn", least=_LEAST_ARN, most=1024))

    async def describe_stream(self, call: CallMembers) -> dict[str, Json]:
        stream = await self._stream(call)
        limit = call.number("Limit", _LIMITS, 100)
        after = call.optional_text("ExclusiveStartShardId")
        shards, has_more = self._reader.shards(stream, after, limit)
        return table_description_json(stream, shards, self._account, has_more=has_more)

    async def get_shard_iterator(self, call: CallMembers) -> dict[str, Json]:
        stream = await self._stream(call)
        return {"ShardIterator": await self._reader.iterator(stream, call)}

    async def get_records(self, call: CallMembers) -> dict[str, Json]:
        reading = await self._reader.read(call)
        region = self._account.region
        answer: dict[str, Json] = {
            "Records": [
                read_change(reading.stream, reading.shard.index, record, region)
                for record in reading.page.records
            ]
        }
        if reading.next is not None:
            answer["NextShardIterator"] = reading.next
        return answer


def _in_its_words(operation: StreamOperation) -> StreamOperation:
    """`operation` with the errors of DynamoDB Streams, which has fewer than Kinesis."""

    async def speak(call: CallMembers) -> dict[str, Json] | None:
        try:
            return await operation(call)
        except StreamError as error:
            raise in_words_of_dynamodb(error, _missing(error, call)) from None

    return speak


def _missing(error: StreamError, call: CallMembers) -> str:
    """What is not there, as errors name it."""
    kind, member = (
        ("Shard", "ShardId") if error.text.startswith("Shard") else ("Stream", "StreamArn")
    )
    return f"{kind}: {call.text(member)}" if call.has(member) else kind
