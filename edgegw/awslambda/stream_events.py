"""What functions get of a stream, and what on-failure destinations get of discarded batches."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from edgegw.awslambda.destinations import iso_milliseconds
from edgegw.awslambda.event_source import with_parsed
from edgegw.awslambda.model import FunctionError
from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.source_mapping import StreamType
from edgegw.awslambda.stream_lane import GiveUp, SendBatch, TumblingWindow
from edgegw.awslambda.stream_source import StreamRecord
from edgegw.values import value

_BATCH_KEYS: Final[Mapping[StreamType, str]] = {
    "kinesis": "KinesisBatchInfo",
    "dynamodb": "DDBStreamBatchInfo",
}


@value
class ShardOrigin:
    """Where records are from: the stream's type and ARN, the shard, the function's role."""

    type: StreamType
    arn: str
    region: str
    shard: str
    role: str = ""


def kinesis_record(
    origin: ShardOrigin, sequence_number: str, partition_key: str, data: bytes, arrived_at: float
) -> StreamRecord:
    """A record of Kinesis as functions get it.

    Source: Lambda Developer Guide, "Using Lambda to process records from Amazon Kinesis Data
    Streams", example event.
    """
    event: Json = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": sequence_number,
            "data": base64.b64encode(data).decode("ascii"),
            "approximateArrivalTimestamp": round(arrived_at, 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{origin.shard}:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": origin.role,
        "awsRegion": origin.region,
        "eventSourceARN": origin.arn,
    }
    size = len(encode_payload(event))
    return StreamRecord(sequence_number, partition_key, arrived_at, event, size)


def dynamodb_record(
    origin: ShardOrigin, record: Mapping[str, Json], arrived_at: float
) -> StreamRecord:
    """A record of DynamoDB Streams as functions get it; `record` is that of GetRecords in JSON.

    The item's keys are what orders records of one item.
    Source: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", example event; of who
    removed an item, DynamoDB Developer Guide, "DynamoDB Streams and Time to Live".
    """
    event: dict[str, Json] = {**record, "eventSourceARN": origin.arn}
    identity = record.get("userIdentity")
    if isinstance(identity, Mapping):  # functions get its members in another spelling
        event["userIdentity"] = {name[:1].lower() + name[1:]: identity[name] for name in identity}
    change = record.get("dynamodb")
    part: Mapping[str, Json] = change if isinstance(change, Mapping) else {}
    sequence_number = str(part.get("SequenceNumber", "0"))
    key = item_key(part.get("Keys"))
    return StreamRecord(sequence_number, key, arrived_at, event, len(encode_payload(event)))


def item_key(keys: Json) -> str:
    """The keys of an item as one text, the same in whatever order they stand."""
    if not isinstance(keys, Mapping):
        return ""
    ordered = {name: keys[name] for name in sorted(keys)}
    return encode_payload(ordered).decode("utf-8", "surrogatepass")


def stream_event(work: SendBatch, origin: ShardOrigin) -> bytes:
    """The event of an invocation as JSON; with a tumbling window its state and bounds."""
    event: dict[str, Json] = {"Records": [record.event for record in work.batch.records]}
    if work.window is not None:
        event |= _window_members(work.window, origin)
        event |= {
            "isFinalInvokeForWindow": work.is_final,
            "isWindowTerminatedEarly": work.is_early,
        }
    return encode_payload(event)


def _window_members(window: TumblingWindow, origin: ShardOrigin) -> dict[str, Json]:
    return {
        "window": {"start": _window_time(window.start), "end": _window_time(window.end)},
        "state": window.state,
        "shardId": origin.shard,
        "eventSourceARN": origin.arn,
    }


def _window_time(at: float) -> str:
    """`2020-07-30T17:00:00Z`, with milliseconds only where there are some."""
    return iso_milliseconds(at).replace(".000Z", "Z")


def filter_view(type_: StreamType, record: StreamRecord) -> Mapping[str, Json]:
    """A record as filter patterns see it; of Kinesis the data, decoded, with what is around it.

    Source: Lambda Developer Guide, "Using event filtering with a Kinesis event source" and "Using
    event filtering with a DynamoDB event source".
    """
    event = record.event
    assert isinstance(event, Mapping)
    inner = event.get("kinesis")
    if type_ == "dynamodb" or not isinstance(inner, Mapping):
        return event
    data = base64.b64decode(str(inner["data"])).decode("utf-8", "replace")
    return with_parsed({**event, **inner, "data": data}, "data")


# On failure


@value
class FailureContext:
    """What a record of discarded records says beside them; `now` in seconds since 1970."""

    request_id: str
    function_arn: str
    now: float
    with_payload: bool = False


def failure_record(work: GiveUp, origin: ShardOrigin, context: FailureContext) -> bytes:
    """The record of a discarded batch, as JSON; the payload goes along to S3 only.

    Source: Lambda Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event
    source in Lambda". Uncertain: that records which were never sent have no `responseContext`.
    """
    batch = work.batch
    record: dict[str, Json] = {
        "requestContext": {
            "requestId": context.request_id,
            "functionArn": context.function_arn,
            "condition": work.condition,
            "approximateInvokeCount": batch.invocations,
        }
    }
    if batch.last is not None:
        response: dict[str, Json] = {
            "statusCode": 200,
            "executedVersion": batch.last.report.version,
            "functionError": "Unhandled" if isinstance(batch.last, FunctionError) else None,
        }
        record["responseContext"] = response
    record |= {"version": "1.0", "timestamp": iso_milliseconds(context.now)}
    record[_BATCH_KEYS[origin.type]] = _batch_members(batch.records, origin)
    if context.with_payload:
        sent = SendBatch(batch, work.window)
        record["payload"] = stream_event(sent, origin).decode("utf-8", "surrogatepass")
    return encode_payload(record)


def _batch_members(records: Sequence[StreamRecord], origin: ShardOrigin) -> dict[str, Json]:
    first, last = (records[0], records[-1]) if records else (None, None)
    return {
        "shardId": origin.shard,
        "startSequenceNumber": first and first.sequence_number,
        "endSequenceNumber": last and last.sequence_number,
        "approximateArrivalOfFirstRecord": first and iso_milliseconds(first.arrived_at),
        "approximateArrivalOfLastRecord": last and iso_milliseconds(last.arrived_at),
        "batchSize": len(records),
        "streamArn": origin.arn,
    }


def failure_target(target: str, uuid: str, origin: ShardOrigin, context: FailureContext) -> str:
    """Where a record goes: the target, or for a bucket the object in it, by mapping and shard.

    Source: Lambda Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event
    source in Lambda", S3 object key.
    """
    if not context.with_payload:
        return target
    bucket = target.removeprefix("arn:aws:s3:::").removeprefix("s3:").rstrip("/")
    at = datetime.fromtimestamp(context.now, UTC)
    stamp = f"{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}"
    key = f"aws/lambda/{uuid}/{origin.shard}/{stamp}-{context.request_id}"
    return f"s3:{bucket}/{key}"
