"""Streams of a running gateway, over the APIs of Kinesis and DynamoDB Streams: boto3 talks to it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_clients import aws_client
from tests.conftest import PYTHON, Serving, serving_in

pytestmark = pytest.mark.anyio

TABLE_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
STREAMS = {
    "clicks": {"shards": 2},
    "orders": {"type": "dynamodb"},
}
HASH_KEYS = 1 << 128


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Api:
    """boto3's client of a service, its calls on threads."""

    def __init__(self, url: str, service: str) -> None:
        self._client = aws_client(service, url)

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        answer = await asyncio.to_thread(getattr(self._client, operation), **given)
        answer.pop("ResponseMetadata")
        return answer

    async def refused(self, operation: str, **given: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            await self.call(operation, **given)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    async def iterator(self, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        answer = await self.call(
            "get_shard_iterator",
            **{"StreamName": "clicks", **more},
            ShardId=shard,
            ShardIteratorType=kind,
        )
        return answer["ShardIterator"]

    async def texts(self, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> list[str]:
        iterator = await self.iterator(shard, kind, **more)
        answer = await self.call("get_records", ShardIterator=iterator)
        return [record["Data"].decode() for record in answer["Records"]]


@asynccontextmanager
async def served(folder: Path, **parts: Any) -> AsyncIterator[tuple[Serving, Api]]:
    config = {"streams": STREAMS, **parts}
    config["gateway"] = {"lambda_api": 0, **parts.get("gateway", {})}
    async with serving_in(folder, config) as serving:
        yield serving, Api(serving.urls["lambda"], "kinesis")


FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"


async def test_records_are_read_where_they_were_put(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        before = time.time()
        one = await kinesis.call(
            "put_record", StreamName="clicks", PartitionKey="k", Data=b"one", ExplicitHashKey="0"
        )
        two = await kinesis.call(
            "put_records",
            StreamARN="arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            Records=[
                {"Data": b"two", "PartitionKey": "k", "ExplicitHashKey": "0"},
                {"Data": b"far", "PartitionKey": "k", "ExplicitHashKey": str(HASH_KEYS - 1)},
            ],
        )
        assert one["ShardId"] == FIRST
        assert two["FailedRecordCount"] == 0
        assert [each["ShardId"] for each in two["Records"]] == [FIRST, SECOND]

        answer = await kinesis.call("get_records", ShardIterator=await kinesis.iterator(FIRST))
        assert [each["Data"] for each in answer["Records"]] == [b"one", b"two"]
        assert answer["MillisBehindLatest"] == 0
        record = answer["Records"][0]
        assert record["PartitionKey"] == "k"
        assert record["SequenceNumber"] == one["SequenceNumber"]
        assert len(record["SequenceNumber"]) == 56
        assert before - 1 <= record["ApproximateArrivalTimestamp"].timestamp() <= time.time() + 1

        again = await kinesis.call("get_records", ShardIterator=answer["NextShardIterator"])
        assert again["Records"] == []
        assert await kinesis.texts(SECOND) == ["far"]


async def test_a_limit_parts_the_reading(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        entries = [
            {"Data": str(n).encode(), "PartitionKey": "k", "ExplicitHashKey": "0"} for n in range(5)
        ]
        await kinesis.call("put_records", StreamName="clicks", Records=entries)
        iterator, pages = await kinesis.iterator(FIRST), []
        for _ in range(3):
            answer = await kinesis.call("get_records", ShardIterator=iterator, Limit=2)
            pages.append([int(record["Data"]) for record in answer["Records"]])
            iterator = answer["NextShardIterator"]
        assert pages == [[0, 1], [2, 3], [4]]


async def test_each_iterator_begins_where_its_type_says(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        numbers = []
        since = 0.0
        for text in ("a", "b", "c"):
            if text == "c":
                await asyncio.sleep(0.05)
                since = time.time()
                await asyncio.sleep(0.05)
            put = await kinesis.call(
                "put_record", StreamName="clicks", PartitionKey="k", Data=text.encode(),
                ExplicitHashKey="0",
            )  # fmt: skip
            numbers.append(put["SequenceNumber"])
        at, b = "StartingSequenceNumber", numbers[1]
        assert await kinesis.texts(FIRST, "TRIM_HORIZON") == ["a", "b", "c"]
        assert await kinesis.texts(FIRST, "AT_SEQUENCE_NUMBER", **{at: b}) == ["b", "c"]
        assert await kinesis.texts(FIRST, "AFTER_SEQUENCE_NUMBER", **{at: b}) == ["c"]
        assert await kinesis.texts(FIRST, "AT_TIMESTAMP", Timestamp=since) == ["c"]
        assert await kinesis.texts(FIRST, "LATEST") == []

        latest = await kinesis.iterator(FIRST, "LATEST")
        await kinesis.call(
            "put_record", StreamName="clicks", PartitionKey="k", Data=b"d", ExplicitHashKey="0"
        )
        answer = await kinesis.call("get_records", ShardIterator=latest)
        assert [record["Data"] for record in answer["Records"]] == [b"d"]


async def test_what_a_stream_is(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        assert (await kinesis.call("list_streams"))["StreamNames"] == ["clicks"]
        summary = await kinesis.call("describe_stream_summary", StreamName="clicks")
        summary = summary["StreamDescriptionSummary"]
        assert summary["OpenShardCount"] == 2
        assert summary["RetentionPeriodHours"] == 24
        assert summary["StreamStatus"] == "ACTIVE"
        assert summary["StreamARN"] == "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"

        whole = (await kinesis.call("describe_stream", StreamName="clicks"))["StreamDescription"]
        assert [shard["ShardId"] for shard in whole["Shards"]] == [FIRST, SECOND]
        assert [shard["HashKeyRange"] for shard in whole["Shards"]] == [
            {"StartingHashKey": "0", "EndingHashKey": str(HASH_KEYS // 2 - 1)},
            {"StartingHashKey": str(HASH_KEYS // 2), "EndingHashKey": str(HASH_KEYS - 1)},
        ]
        assert not whole["HasMoreShards"]

        first = await kinesis.call("list_shards", StreamName="clicks", MaxResults=1)
        rest = await kinesis.call("list_shards", NextToken=first["NextToken"])
        assert [shard["ShardId"] for shard in first["Shards"] + rest["Shards"]] == [FIRST, SECOND]
        assert "NextToken" not in rest


async def test_streams_come_and_go(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        await kinesis.call("create_stream", StreamName="own", ShardCount=3)
        assert (await kinesis.call("list_streams"))["StreamNames"] == ["clicks", "own"]
        await kinesis.call("put_record", StreamName="own", PartitionKey="k", Data=b"x")
    async with served(tmp_path) as (_, kinesis):  # another life
        shards = (await kinesis.call("list_shards", StreamName="own"))["Shards"]
        read = [await kinesis.texts(shard["ShardId"], StreamName="own") for shard in shards]
        assert sorted(read) == [[], [], ["x"]]
        iterator = await kinesis.iterator(FIRST, StreamName="own")
        await kinesis.call("delete_stream", StreamName="own")
        assert (await kinesis.call("list_streams"))["StreamNames"] == ["clicks"]

        await kinesis.call("create_stream", StreamName="own", ShardCount=1)
        code, _ = await kinesis.refused("get_records", ShardIterator=iterator)
        assert code == "InvalidArgumentException"  # it is of the stream that is gone


async def test_another_number_of_shards_closes_the_old_ones(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        await kinesis.call("put_record", StreamName="clicks", PartitionKey="k", Data=b"old")
        await kinesis.call(
            "update_shard_count",
            StreamName="clicks",
            TargetShardCount=1,
            ScalingType="UNIFORM_SCALING",
        )
        shards = (await kinesis.call("list_shards", StreamName="clicks"))["Shards"]
        assert len(shards) == 3
        assert (shards[2]["ParentShardId"], shards[2]["AdjacentParentShardId"]) == (FIRST, SECOND)
        assert "EndingSequenceNumber" in shards[0]["SequenceNumberRange"]
        assert "EndingSequenceNumber" not in shards[2]["SequenceNumberRange"]

        await kinesis.call("put_record", StreamName="clicks", PartitionKey="k", Data=b"new")
        read = [await kinesis.texts(shard["ShardId"]) for shard in shards]
        assert sorted(read[:2]) == [[], ["old"]]
        assert read[2] == ["new"]
        ended = await kinesis.call("get_records", ShardIterator=await kinesis.iterator(FIRST))
        assert "NextShardIterator" not in ended
        assert ended["ChildShards"][0]["ShardId"] == shards[2]["ShardId"]


async def test_what_kinesis_refuses(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        none = "Stream none under account 123456789012 not found."
        assert await kinesis.refused(
            "put_record", StreamName="none", PartitionKey="k", Data=b"x"
        ) == ("ResourceNotFoundException", none)
        assert await kinesis.refused("create_stream", StreamName="clicks") == (
            "ResourceInUseException",
            "Stream clicks under account 123456789012 already exists.",
        )
        # the stream of a table is none of Kinesis
        code, _ = await kinesis.refused("describe_stream", StreamName="orders")
        assert code == "ResourceNotFoundException"
        code, text = await kinesis.refused(
            "get_shard_iterator", StreamName="clicks", ShardId="shardId-000000000009",
            ShardIteratorType="LATEST",
        )  # fmt: skip
        assert (code, "shardId-000000000009" in text) == ("ResourceNotFoundException", True)
        code, text = await kinesis.refused(
            "get_shard_iterator", StreamName="clicks", ShardId=FIRST,
            ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="42",
        )  # fmt: skip
        assert code == "InvalidArgumentException"
        assert "did not come from this stream" in text
        code, _ = await kinesis.refused("get_records", ShardIterator="nonsense")
        assert code == "InvalidArgumentException"
        code, _ = await kinesis.refused(
            "put_record", StreamName="clicks", PartitionKey="k", Data=b"x" * 1_048_576
        )
        assert code == "ValidationException"
        code, _ = await kinesis.refused(
            "put_record", StreamName="clicks", PartitionKey="k", Data=b"x",
            ExplicitHashKey=str(HASH_KEYS),
        )  # fmt: skip
        assert code == "InvalidArgumentException"
        code, _ = await kinesis.refused("list_shards", NextToken="nonsense")
        assert code == "InvalidArgumentException"
        for given in (
            {"StreamName": "bad name"},
            {"StreamARN": "nonsense"},
            {"StreamName": "clicks", "SequenceNumberForOrdering": "nonsense"},
        ):
            code, _ = await kinesis.refused("put_record", PartitionKey="k", Data=b"x", **given)
            assert code == "ValidationException", given
        code, _ = await kinesis.refused("describe_limits")
        assert code == "UnknownOperationException"


async def test_a_stream_of_the_configuration_is_not_deleted(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, kinesis):
        await kinesis.call("put_record", StreamName="clicks", PartitionKey="k", Data=b"kept",
                           ExplicitHashKey="0")  # fmt: skip
        code, text = await kinesis.refused("delete_stream", StreamName="clicks")
        assert (code, "stands in the configuration" in text) == ("ResourceInUseException", True)
        assert await kinesis.texts(FIRST) == ["kept"]


async def test_what_dynamodb_streams_refuses(tmp_path: Path) -> None:
    async with served(tmp_path) as (serving, _):
        tables = Api(serving.urls["lambda"], "dynamodbstreams")
        none = TABLE_ARN.replace("orders", "nothing")
        assert await tables.refused("describe_stream", StreamArn=none) == (
            "ResourceNotFoundException",
            f"Requested resource not found: Stream: {none} not found",
        )
        shard = "shardId-00000000000000000001-12345678"
        asked: dict[str, Any] = {"StreamArn": TABLE_ARN, "ShardId": shard}
        code, text = await tables.refused(
            "get_shard_iterator", **asked, ShardIteratorType="AT_TIMESTAMP"
        )
        assert (code, "AT_TIMESTAMP" in text) == ("ResourceNotFoundException", False)
        described = await tables.call("describe_stream", StreamArn=TABLE_ARN)
        asked["ShardId"] = described["StreamDescription"]["Shards"][0]["ShardId"]
        code, text = await tables.refused(
            "get_shard_iterator", **asked, ShardIteratorType="AT_TIMESTAMP"
        )
        assert code == "ValidationException"
        assert "[AFTER_SEQUENCE_NUMBER, AT_SEQUENCE_NUMBER, LATEST, TRIM_HORIZON]" in text
        for given in ({"ShardIterator": "nonsense"}, {"ShardIterator": "bm9uc2Vuc2U="}):
            assert (await tables.refused("get_records", **given))[0] == "ValidationException"


async def test_an_iterator_grows_old(tmp_path: Path) -> None:
    from edgegw.gateway.aws.kinesis_api import KinesisOperations
    from edgegw.gateway.workers.streams import Streams
    from edgegw.messaging.stream_calls import CallMembers
    from edgegw.messaging.stream_errors import StreamError

    async with served(tmp_path) as (serving, _):
        gateway = serving.gateway
        now = [1000.0]
        streams = await gateway.workers.of(Streams)
        operations = KinesisOperations(streams, gateway.config.account, lambda: now[0])
        asked = {"StreamName": "clicks", "ShardId": FIRST, "ShardIteratorType": "LATEST"}
        given = await operations.get_shard_iterator(CallMembers(asked))
        now[0] += 300
        await operations.get_records(CallMembers(given))
        now[0] += 0.1
        with pytest.raises(StreamError) as caught:
            await operations.get_records(CallMembers(given))
        assert caught.value.code == "ExpiredIteratorException"
        assert "300000 milliseconds" in caught.value.text


# Tables


async def test_changes_of_a_table_are_sent_and_read(tmp_path: Path) -> None:
    change = {
        "eventName": "MODIFY",
        "dynamodb": {
            "Keys": {"id": {"S": "7"}},
            "OldImage": {"id": {"S": "7"}, "n": {"N": "1"}},
            "NewImage": {"id": {"S": "7"}, "n": {"N": "2"}, "raw": {"B": "AAE="}},
        },
    }
    async with served(tmp_path) as (serving, _):
        await put_changes(serving, change, {"Keys": {"id": {"S": "8"}}})
        tables = Api(serving.urls["lambda"], "dynamodbstreams")
        (listed,) = (await tables.call("list_streams"))["Streams"]
        assert listed == {
            "StreamArn": TABLE_ARN, "TableName": "orders", "StreamLabel": TABLE_ARN[-23:],
        }  # fmt: skip
        described = await tables.call("describe_stream", StreamArn=TABLE_ARN)
        (shard,) = described["StreamDescription"]["Shards"]
        assert len(shard["ShardId"]) >= 28
        got = await tables.call(
            "get_shard_iterator", StreamArn=TABLE_ARN, ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )  # fmt: skip
        answer = await tables.call("get_records", ShardIterator=got["ShardIterator"])
        one, two = answer["Records"]
        assert (one["eventName"], two["eventName"]) == ("MODIFY", "INSERT")
        assert (one["eventSource"], one["eventVersion"]) == ("aws:dynamodb", "1.1")
        assert one["awsRegion"] == "us-east-1"
        inner = one["dynamodb"]
        assert inner["Keys"] == {"id": {"S": "7"}}
        assert inner["NewImage"]["raw"] == {"B": b"\0\1"}
        assert inner["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert two["dynamodb"]["StreamViewType"] == "KEYS_ONLY"
        assert inner["SizeBytes"] > 0
        assert 21 <= len(inner["SequenceNumber"]) <= 40
        assert int(inner["SequenceNumber"]) < int(two["dynamodb"]["SequenceNumber"])


async def put_changes(serving: Serving, *changes: object) -> None:
    from edgegw.gateway.workers.streams import Streams
    from edgegw.messaging.dynamodb_records import new_change

    streams = await serving.gateway.workers.of(Streams)
    await streams.put("orders", [new_change(json.dumps(each).encode()) for each in changes])


# Mappings


def functions(folder: Path) -> dict[str, Any]:
    return {
        "worker": {
            "runtime": PYTHON,
            "code": ".",
            "handler": "stream_worker.handler",
            "local_environment": {"NOTES": str(folder / "notes")},
        }
    }


async def noted(folder: Path, count: int) -> list[dict[str, Any]]:
    """The first `count` records that the function has noted."""
    for _ in range(3000):
        notes = folder / "notes"
        lines = notes.read_text().splitlines() if notes.exists() else []
        records = [record for line in lines for record in json.loads(line)["Records"]]
        if len(records) >= count:
            return records
        await asyncio.sleep(0.01)
    raise AssertionError(records)


async def test_a_configured_mapping_hands_records_to_its_function(tmp_path: Path) -> None:
    sources = [
        {"source": "clicks", "function": "worker", "starting_position": "TRIM_HORIZON"},
        {"source": "orders", "function": "worker", "starting_position": "TRIM_HORIZON"},
    ]
    parts = {"functions": functions(tmp_path), "event_sources": sources}
    async with served(tmp_path, **parts) as (serving, kinesis):
        await kinesis.call("put_record", StreamName="clicks", PartitionKey="k", Data=b"hello")
        (record,) = await noted(tmp_path, 1)
        assert base64.b64decode(record["kinesis"]["data"]) == b"hello"
        assert record["eventSourceARN"].endswith(":stream/clicks")
        assert record["invokeIdentityArn"] == "arn:aws:iam::123456789012:role/edgegw"

        await put_changes(serving, {"Keys": {"id": {"S": "1"}}, "NewImage": {"id": {"S": "1"}}})
        change = (await noted(tmp_path, 2))[1]
        assert change["eventName"] == "INSERT"
        assert change["eventSourceARN"] == TABLE_ARN
        assert change["dynamodb"]["NewImage"] == {"id": {"S": "1"}}
    async with served(tmp_path, **parts) as (_, kinesis):  # another life goes on where it was
        await kinesis.call("put_record", StreamName="clicks", PartitionKey="k", Data=b"again")
        records = await noted(tmp_path, 3)
        assert base64.b64decode(records[2]["kinesis"]["data"]) == b"again"


async def test_a_mapping_is_made_paused_and_resumed_over_the_api(tmp_path: Path) -> None:
    async with served(tmp_path, functions=functions(tmp_path)) as (serving, kinesis):
        mappings = Api(serving.urls["lambda"], "lambda")
        made = await mappings.call(
            "create_event_source_mapping",
            EventSourceArn="arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            FunctionName="worker",
            StartingPosition="TRIM_HORIZON",
            BatchSize=10,
            ParallelizationFactor=2,
        )
        await kinesis.call("put_record", StreamName="clicks", PartitionKey="k", Data=b"1")
        await noted(tmp_path, 1)
        await until_state(mappings, made["UUID"], "Enabled")
        await mappings.call("update_event_source_mapping", UUID=made["UUID"], Enabled=False)
        await until_state(mappings, made["UUID"], "Disabled")
        await kinesis.call("put_record", StreamName="clicks", PartitionKey="k", Data=b"2")
        await asyncio.sleep(0.3)
        assert len(await noted(tmp_path, 1)) == 1
        await mappings.call("update_event_source_mapping", UUID=made["UUID"], Enabled=True)
        records = await noted(tmp_path, 2)
        texts = [base64.b64decode(record["kinesis"]["data"]) for record in records]
        assert texts == [b"1", b"2"]


async def until_state(mappings: Api, uuid: str, state: str) -> None:
    for _ in range(1000):
        got = await mappings.call("get_event_source_mapping", UUID=uuid)
        if got["State"] == state:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(got)


async def test_no_such_stream(tmp_path: Path) -> None:
    async with served(tmp_path, functions=functions(tmp_path)) as (serving, _):
        mappings = Api(serving.urls["lambda"], "lambda")
        arn = "arn:aws:kinesis:us-east-1:123456789012:stream/none"
        code, text = await mappings.refused(
            "create_event_source_mapping", EventSourceArn=arn, FunctionName="worker",
            StartingPosition="LATEST",
        )  # fmt: skip
        assert code == "InvalidParameterValueException"
        assert "not found" in text


async def test_what_is_given_up_reaches_a_queue_of_the_gateway(tmp_path: Path) -> None:
    source = {
        "source": "clicks",
        "function": "worker",
        "starting_position": "TRIM_HORIZON",
        "maximum_retry_attempts": 0,
        "on_failure": "sqs:lost",
    }
    parts = {
        "functions": functions(tmp_path),
        "event_sources": [source],
        "queues": {"lost": {}},
    }
    async with served(tmp_path, **parts) as (serving, kinesis):
        put = await kinesis.call(
            "put_record", StreamName="clicks", PartitionKey="k", Data=b"poison"
        )
        sqs = Api(serving.urls["lambda"], "sqs")
        url = (await sqs.call("get_queue_url", QueueName="lost"))["QueueUrl"]
        answer = await sqs.call("receive_message", QueueUrl=url, WaitTimeSeconds=20)
        failure = json.loads(answer["Messages"][0]["Body"])
        assert failure["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert failure["KinesisBatchInfo"]["startSequenceNumber"] == put["SequenceNumber"]
        assert failure["KinesisBatchInfo"]["shardId"] == put["ShardId"]
