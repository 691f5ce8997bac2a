"""What the APIs of streams answer, as JSON.

Source: Kinesis Data Streams API Reference, "DescribeStream", "ListShards", "GetRecords"; DynamoDB
API Reference, "DescribeStream", "GetRecords".
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json
from edgegw.messaging.sharding import sequence_number, shard_id
from edgegw.messaging.stream import (
    EmbeddedStream,
    PlacedRecord,
    StoredRecord,
    StreamShard,
)
from edgegw.messaging.stream_names import LABEL, stream_arn

_MODE: Json = {"StreamMode": "PROVISIONED"}


def arn_of(stream: EmbeddedStream, account: Account) -> str:
    """The ARN of an embedded stream."""
    return stream_arn(stream.name, stream.definition.type, account)


def shard_json(stream: EmbeddedStream, shard: StreamShard) -> dict[str, Json]:
    """A shard, with its hash keys where it is one of Kinesis."""
    numbers: dict[str, Json] = {
        "StartingSequenceNumber": sequence_number(stream, shard.index, shard.opened)
    }
    if shard.closed is not None:
        last = sequence_number(stream, shard.index, max(0, shard.closed - 1))
        numbers["EndingSequenceNumber"] = last
    answer: dict[str, Json] = {"ShardId": shard_id(stream, shard.index)}
    names = ("ParentShardId", "AdjacentParentShardId")
    if stream.definition.type == "dynamodb":
        names = names[:1]
    else:
        answer["HashKeyRange"] = {
            "StartingHashKey": str(shard.first_hash),
            "EndingHashKey": str(shard.last_hash),
        }
    answer["SequenceNumberRange"] = numbers
    parents = [shard_id(stream, parent) for parent in shard.parents]
    return answer | dict(zip(names, parents, strict=False))


def _common(stream: EmbeddedStream, account: Account) -> dict[str, Json]:
    return {
        "StreamName": stream.name,
        "StreamARN": arn_of(stream, account),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": _MODE,
        "StreamCreationTimestamp": stream.created_at,
    }


def description_json(
    stream: EmbeddedStream, shards: Sequence[StreamShard], account: Account, *, has_more: bool
) -> dict[str, Json]:
    """The answer of DescribeStream, with some of the shards."""
    description: dict[str, Json] = {
        **_common(stream, account),
        "Shards": [shard_json(stream, shard) for shard in shards],
        "HasMoreShards": has_more,
        "RetentionPeriodHours": int(stream.definition.retention // 3600),
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }
    return {"StreamDescription": description}


def summary_json(stream: EmbeddedStream, account: Account) -> dict[str, Json]:
    """The answer of DescribeStreamSummary."""
    summary: dict[str, Json] = {
        **_common(stream, account),
        "RetentionPeriodHours": int(stream.definition.retention // 3600),
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
        "OpenShardCount": len(stream.open_shards),
        "ConsumerCount": 0,
    }
    return {"StreamDescriptionSummary": summary}


def listed_json(stream: EmbeddedStream, account: Account) -> dict[str, Json]:
    """An element of ListStreams' summaries."""
    return _common(stream, account)


def placed_json(stream: EmbeddedStream, placed: PlacedRecord) -> dict[str, Json]:
    """Where a record went."""
    return {
        "ShardId": shard_id(stream, placed.shard),
        "SequenceNumber": sequence_number(stream, placed.shard, placed.number),
    }


def record_json(stream: EmbeddedStream, shard: int, record: StoredRecord) -> dict[str, Json]:
    """A record of Kinesis as GetRecords answers it."""
    return {
        "SequenceNumber": sequence_number(stream, shard, record.number),
        "ApproximateArrivalTimestamp": round(record.arrived_at, 3),
        "Data": base64.b64encode(record.data).decode("ascii"),
        "PartitionKey": record.partition_key,
    }


# DynamoDB Streams


def table_stream_json(stream: EmbeddedStream, account: Account) -> dict[str, Json]:
    """An element of ListStreams."""
    return {
        "StreamArn": arn_of(stream, account),
        "TableName": stream.name,
        "StreamLabel": LABEL,
    }


def table_description_json(
    stream: EmbeddedStream, shards: Sequence[StreamShard], account: Account, *, has_more: bool
) -> dict[str, Json]:
    """The answer of DescribeStream, with some of the shards. There is no table: no KeySchema."""
    description: dict[str, Json] = {
        **table_stream_json(stream, account),
        "StreamStatus": "ENABLED",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        "CreationRequestDateTime": stream.created_at,
        "Shards": [shard_json(stream, shard) for shard in shards],
    }
    if has_more and shards:
        description["LastEvaluatedShardId"] = shard_id(stream, shards[-1].index)
    return {"StreamDescription": description}
