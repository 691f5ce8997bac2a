"""What functions, filters and on-failure destinations see of streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgegw.awslambda.model import FunctionError
from edgegw.awslambda.source_mapping import StreamType
from edgegw.awslambda.stream_events import (
    FailureContext,
    ShardOrigin,
    dynamodb_record,
    failure_record,
    failure_target,
    filter_view,
    item_key,
    kinesis_record,
    stream_event,
)
from edgegw.awslambda.stream_lane import GiveUp, SendBatch, TumblingWindow
from edgegw.awslambda.stream_source import ShardBatch, StreamRecord
from tests.awslambda.streams import ERROR

SHARD = "shardId-000000000006"
CLICKS = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01T00:00:00.000"
WORKER = "arn:aws:lambda:us-east-1:123456789012:function:worker"
NOW = 1_767_323_045.678


def origin(kind: StreamType) -> ShardOrigin:
    return ShardOrigin(kind, CLICKS if kind == "kinesis" else TABLE, "us-east-1", SHARD, "role")


def change(number: int, at: float, **more: Any) -> StreamRecord:
    record = {
        "eventID": f"e{number}",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {"Keys": {"id": {"S": "1"}}, "SequenceNumber": str(number)},
        **more,
    }
    return dynamodb_record(origin("dynamodb"), record, at)


def click(number: int, at: float, data: bytes = b"hello") -> StreamRecord:
    return kinesis_record(origin("kinesis"), str(number), "user-1", data, at)


def batch_of(kind: StreamType) -> ShardBatch:
    record = click if kind == "kinesis" else change
    records = (record(7, 1_767_323_000.0), record(9, 1_767_323_001.5))
    return ShardBatch(records, failures=3, invocations=3, last=ERROR)


def test_a_record_of_kinesis_is_the_one_of_the_guide() -> None:
    record = click(49, 1_545_084_650.9874)
    assert record.event == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "user-1",
            "sequenceNumber": "49",
            "data": "aGVsbG8=",
            "approximateArrivalTimestamp": 1_545_084_650.987,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{SHARD}:49",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "role",
        "awsRegion": "us-east-1",
        "eventSourceARN": CLICKS,
    }
    assert record.size == len(json.dumps(record.event, separators=(",", ":")))


def test_a_record_of_a_table_says_where_it_is_from_and_who_removed_the_item() -> None:
    identity = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    event: Any = change(7, NOW, userIdentity=identity).event
    assert event["eventSourceARN"] == TABLE
    assert event["userIdentity"] == {"principalId": "dynamodb.amazonaws.com", "type": "Service"}
    assert "userIdentity" not in change(7, NOW).event  # type: ignore[operator]


def test_keys_of_an_item_are_the_same_in_any_order() -> None:
    one, other = {"a": {"S": "1"}, "b": {"N": "2"}}, {"b": {"N": "2"}, "a": {"S": "1"}}
    assert item_key(one) == item_key(other) != item_key({"a": {"S": "1"}})


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b'{"kind": "a"}', {"kind": "a"}),
        (b"plain", "plain"),
        (b"{broken", "{broken"),
        (b"\xff", "\ufffd"),
        (b"5", "5"),
    ],
)
def test_filters_see_the_data_of_kinesis_decoded(data: bytes, seen: object) -> None:
    view = filter_view("kinesis", click(1, NOW, data))
    assert view["data"] == seen
    assert (view["partitionKey"], view["eventSource"]) == ("user-1", "aws:kinesis")


def test_filters_see_a_record_of_a_table_as_it_is() -> None:
    record = change(1, NOW)
    assert filter_view("dynamodb", record) == record.event


@pytest.mark.parametrize(
    ("kind", "key"), [("kinesis", "KinesisBatchInfo"), ("dynamodb", "DDBStreamBatchInfo")]
)
def test_what_is_given_up_is_told_without_its_records(kind: StreamType, key: str) -> None:
    place = origin(kind)
    context = FailureContext("r-1", WORKER, NOW)
    work = GiveUp(batch_of(kind), "RetryAttemptsExhausted")
    assert isinstance(ERROR, FunctionError)
    assert json.loads(failure_record(work, place, context)) == {
        "requestContext": {
            "requestId": "r-1",
            "functionArn": WORKER,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": ERROR.report.version,
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2026-01-02T03:04:05.678Z",
        key: {
            "shardId": SHARD,
            "startSequenceNumber": "7",
            "endSequenceNumber": "9",
            "approximateArrivalOfFirstRecord": "2026-01-02T03:03:20.000Z",
            "approximateArrivalOfLastRecord": "2026-01-02T03:03:21.500Z",
            "batchSize": 2,
            "streamArn": place.arn,
        },
    }


def test_a_bucket_gets_the_records_too_under_a_key_of_mapping_and_shard() -> None:
    context = FailureContext("r-1", WORKER, NOW, with_payload=True)
    place, batch = origin("kinesis"), batch_of("kinesis")
    record = json.loads(failure_record(GiveUp(batch, "RecordAgeExceeded"), place, context))
    assert json.loads(record["payload"]) == {"Records": [each.event for each in batch.records]}
    key = f"aws/lambda/u-1/{SHARD}/2026/01/02/2026-01-02T03.04.05-r-1"
    for target in ("s3:lost", "s3:lost/", "arn:aws:s3:::lost"):
        assert failure_target(target, "u-1", place, context) == f"s3:lost/{key}"


def test_other_targets_stay_as_they_are() -> None:
    context = FailureContext("r-1", WORKER, NOW)
    assert failure_target("sqs:lost", "u-1", origin("kinesis"), context) == "sqs:lost"


@pytest.mark.parametrize(("is_final", "is_early"), [(False, False), (True, False), (True, True)])
def test_the_event_of_a_window(is_final: bool, is_early: bool) -> None:
    window = TumblingWindow(1_596_128_400.0, 1_596_128_520.5, {"n": 3})
    work = SendBatch(ShardBatch(()), window, is_final, is_early)
    assert json.loads(stream_event(work, origin("kinesis"))) == {
        "Records": [],
        "window": {"start": "2020-07-30T17:00:00Z", "end": "2020-07-30T17:02:00.500Z"},
        "state": {"n": 3},
        "shardId": SHARD,
        "eventSourceARN": CLICKS,
        "isFinalInvokeForWindow": is_final,
        "isWindowTerminatedEarly": is_early,
    }
