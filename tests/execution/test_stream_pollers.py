"""Pollers of streams: the same tests for embedded streams and for those of a moto server."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgegw.execution.event_sources.checkpoints import StoredCheckpoints
from tests.execution.stream_sources import (
    EmbeddedSource,
    Failing,
    Handler,
    MotoSource,
    Reader,
    Source,
    TableSource,
    checkpoint_file,
    ids,
    mapping_of,
    moto_server,
    texts,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(params=["embedded", "moto"])
async def source(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Source]:
    shards = getattr(request, "param_shards", 1)
    if request.param == "embedded":
        made: Source = await EmbeddedSource(tmp_path, shards).start()
    else:
        made = await MotoSource(request.getfixturevalue("moto"), shards).start()
    yield made
    await made.close()


Reads = Callable[..., Reader]


@pytest.fixture
async def reads(source: Source, tmp_path: Path) -> AsyncIterator[Reads]:
    file = checkpoint_file(tmp_path)
    readers: list[Reader] = []

    def reader(handler: Handler = lambda _: None, **settings: Any) -> Reader:
        mapping = mapping_of(source, **settings)
        readers.append(Reader(source, StoredCheckpoints(file), handler, mapping))
        return readers[-1]

    yield reader
    for each in readers:
        if each.poller is not None:
            await each.kill()
    await file.close()


def numbered(count: int, key: str = "k", first: int = 0) -> list[tuple[str, str]]:
    return [(key, str(number)) for number in range(first, first + count)]


# The event


async def test_records_come_as_lambda_writes_them(source: Source, reads: Reads) -> None:
    await source.put(("user-1", "hello"))
    reader = reads().start()
    await reader.until(lambda: bool(reader.events))

    (record,) = reader.events[0]["Records"]
    kinesis = record.pop("kinesis")
    number = kinesis.pop("sequenceNumber")
    arrived = kinesis.pop("approximateArrivalTimestamp")
    assert kinesis == {
        "kinesisSchemaVersion": "1.0", "partitionKey": "user-1", "data": "aGVsbG8=",
    }  # fmt: skip
    assert record == {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "role",
        "awsRegion": "us-east-1",
        "eventSourceARN": source.arn,
    }
    assert abs(arrived - time.time()) < 60


async def test_everything_comes_in_order_in_batches(source: Source, reads: Reads) -> None:
    await source.put(*numbered(25))
    reader = reads(batch_size=10).start()
    await reader.until(lambda: len(reader.handled) == 25)

    assert reader.handled == [str(number) for number in range(25)]
    assert [len(event["Records"]) for event in reader.events] == [10, 10, 5]


async def test_what_comes_later_comes_too(source: Source, reads: Reads) -> None:
    reader = reads().start()
    for number in range(3):
        await source.put(("k", str(number)))
        await reader.until(lambda count=number + 1: len(reader.handled) == count)

    assert reader.handled == ["0", "1", "2"]


# Where it begins


async def test_latest_begins_with_what_comes_from_then_on(source: Source, reads: Reads) -> None:
    await source.put(("k", "old"))
    reader = reads(starting_position="LATEST").start()
    while not reader.handled:
        await source.put(("k", "new"))
        await asyncio.sleep(0.3)

    assert set(reader.handled) == {"new"}


async def test_latest_leaves_out_nothing_that_came_while_it_was_down(
    source: Source, reads: Reads
) -> None:
    await source.put(("k", "old"))
    await asyncio.sleep(0.05)
    first = reads(starting_position="LATEST").start()
    await first.until_begun()
    await asyncio.sleep(0.1)
    await first.kill()
    await source.put(("k", "meanwhile"))
    again = reads(starting_position="LATEST").start()
    await again.until(lambda: bool(again.handled))

    assert again.handled == ["meanwhile"]


async def test_at_a_timestamp_begins_with_the_first_record_since(
    source: Source, reads: Reads
) -> None:
    await source.put(("k", "before"))
    await asyncio.sleep(1.1)
    since = time.time()
    await asyncio.sleep(0.1)
    await source.put(("k", "after"))
    reader = reads(starting_position="AT_TIMESTAMP", starting_timestamp=since).start()
    await reader.until(lambda: bool(reader.handled))

    assert reader.handled == ["after"]


async def test_trim_horizon_begins_with_the_oldest(source: Source, reads: Reads) -> None:
    await source.put(("k", "old"))
    reader = reads().start()
    await reader.until(lambda: bool(reader.handled))

    assert reader.handled == ["old"]


# Failures


async def test_a_batch_is_tried_until_it_succeeds_and_nothing_overtakes_it(
    source: Source, reads: Reads
) -> None:
    def fails_twice(event: dict[str, Any]) -> None:
        if len(reader.events) < 3:
            raise Failing("not yet")

    await source.put(*numbered(6))
    reader = reads(fails_twice, batch_size=3).start()
    await reader.until(lambda: len(reader.handled) == 6)

    tried = [texts(event) for event in reader.events]
    assert tried == [["0", "1", "2"]] * 3 + [["3", "4", "5"]]


async def test_a_bad_record_is_isolated_and_told_to_the_destination(
    source: Source, reads: Reads
) -> None:
    def refuses_5(event: dict[str, Any]) -> None:
        if "5" in texts(event):
            raise Failing("bad record")

    await source.put(*numbered(8))
    reader = reads(
        refuses_5, bisect_on_error=True, maximum_retry_attempts=1, on_failure="file:x"
    ).start()
    await reader.until(lambda: len(reader.handled) == 7 and bool(reader.failures))

    assert reader.handled == ["0", "1", "2", "3", "4", "6", "7"]
    (failure,) = reader.failures
    context, batch = failure["requestContext"], failure["KinesisBatchInfo"]
    assert failure["target"] == "file:x"
    assert failure["version"] == "1.0"
    assert context["functionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:worker"
    assert context["condition"] == "RetryAttemptsExhausted"
    assert context["approximateInvokeCount"] == 5  # 8, 4, 2 records and twice alone
    assert failure["responseContext"] == {
        "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
    }  # fmt: skip
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"]
    assert (batch["shardId"], batch["batchSize"]) == ("shardId-000000000000", 1)
    assert batch["streamArn"] == source.arn
    assert "payload" not in failure


async def test_a_bucket_gets_the_event_as_well(source: Source, reads: Reads) -> None:
    def refuses(_: dict[str, Any]) -> None:
        raise Failing("bad record")

    await source.put(("k", "1"))
    reader = reads(refuses, maximum_retry_attempts=0, on_failure="s3:lost/letters").start()
    await reader.until(lambda: bool(reader.failures))

    (failure,) = reader.failures
    prefix = f"s3:lost/letters/aws/lambda/{reader.mapping.uuid}/shardId-000000000000/"
    assert failure["target"].startswith(prefix)
    assert '"data":"MQ=="' in failure["payload"]


async def test_a_destination_that_is_down_holds_the_shard_and_loses_nothing(
    source: Source, reads: Reads
) -> None:
    def refuses_0(event: dict[str, Any]) -> None:
        if "0" in texts(event):
            raise Failing("bad record")

    await source.put(*numbered(2))
    reader = reads(refuses_0, batch_size=1, maximum_retry_attempts=0, on_failure="file:x")
    reader.destination_is_down = True
    reader.start()
    await reader.until(lambda: bool(reader.events))
    await asyncio.sleep(0.1)
    assert reader.handled == []
    await reader.kill()

    again = reads(refuses_0, batch_size=1, maximum_retry_attempts=0, on_failure="file:x").start()
    await again.until(lambda: again.handled == ["1"])
    assert len(again.failures) == 1


async def test_from_the_lowest_reported_record_on(source: Source, reads: Reads) -> None:
    def reports_4(event: dict[str, Any]) -> object:
        failed = [
            {"itemIdentifier": record["kinesis"]["sequenceNumber"]}
            for record, text in zip(event["Records"], texts(event), strict=True)
            if text in ("4", "6") and len(reader.events) == 1
        ]
        return {"batchItemFailures": failed}

    await source.put(*numbered(8))
    reader = reads(reports_4, reports_failures=True).start()
    await reader.until(lambda: len(reader.events) == 2)

    assert [texts(event) for event in reader.events] == [list("01234567"), list("4567")]


async def test_records_that_are_too_old_are_never_sent(source: Source, reads: Reads) -> None:
    await source.put(("k", "old"))
    await asyncio.sleep(4.0)
    reader = reads(maximum_record_age=180, on_failure="file:x")
    reader.scale = 60.0  # four seconds are four minutes
    reader.start()
    await reader.until(lambda: bool(reader.failures))
    await source.put(("k", "young"))
    await reader.until(lambda: bool(reader.handled))

    assert reader.handled == ["young"]
    assert reader.failures[0]["requestContext"]["condition"] == "RecordAgeExceeded"
    assert reader.failures[0]["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in reader.failures[0]


# Counts


async def test_records_are_counted_on_their_way(source: Source, reads: Reads) -> None:
    """Of four "b" does not pass, "0" never succeeds: it fails with the rest, then alone."""

    def refuses_0(event: dict[str, Any]) -> None:
        if "0" in texts(event):
            raise Failing("bad record")

    await source.put(("k", "0"), ("k", "b"), ("k", "1"), ("k", "2"))
    reader = reads(
        refuses_0,
        filters=('{"data": [{"anything-but": ["b"]}]}',),
        bisect_on_error=True,
        maximum_retry_attempts=0,
        on_failure="file:x",
    ).start()
    await reader.until(lambda: len(reader.handled) == 2)
    assert reader.counts == {
        "PolledEventCount": 4,
        "FilteredOutEventCount": 1,
        "InvokedEventCount": 6,  # 0 1 2, 0, 1 2
        "FailedInvokeEventCount": 4,
        "OnFailureDestinationDeliveredEventCount": 1,
    }


@pytest.mark.parametrize("target", ["", "file:x"])
async def test_what_no_destination_gets_is_dropped(
    source: Source, reads: Reads, target: str
) -> None:
    def refuses(event: dict[str, Any]) -> object:
        failed = event["Records"][1]["kinesis"]["sequenceNumber"]
        return {"batchItemFailures": [{"itemIdentifier": failed}]}

    await source.put(("k", "0"), ("k", "1"), ("k", "2"))
    reader = reads(refuses, reports_failures=True, maximum_retry_attempts=0, on_failure=target)
    reader.destination_refuses = True
    reader.start()
    await reader.until(lambda: bool(reader.counts["DroppedEventCount"]))
    undelivered = {"DestinationDeliveryFailures": 1} if target else {}
    assert reader.counts == {
        "PolledEventCount": 3,
        "InvokedEventCount": 3,
        "FailedInvokeEventCount": 2,
        "DroppedEventCount": 2,
        **undelivered,
    }


# Filters, windows, lanes


async def test_filters_skip_records_and_the_checkpoint_moves_past_them(
    source: Source, reads: Reads
) -> None:
    await source.put(("k", '{"kind": "a"}'), ("k", '{"kind": "b"}'), ("k", "no JSON"))
    reader = reads(filters=('{"data": {"kind": ["b"]}}',)).start()
    await reader.until(lambda: bool(reader.handled))
    await asyncio.sleep(0.2)
    await reader.kill()
    assert reader.handled == ['{"kind": "b"}']

    await source.put(("k", '{"kind": "b", "n": 2}'))
    again = reads().start()
    await again.until(lambda: bool(again.handled))
    assert again.handled == ['{"kind": "b", "n": 2}']


async def test_a_window_gathers_records(source: Source, reads: Reads) -> None:
    reader = reads(batch_window=300, batch_size=3)
    reader.start()
    for number in range(3):
        await source.put(("k", str(number)))
    await reader.until(lambda: bool(reader.handled))

    assert [texts(event) for event in reader.events] == [["0", "1", "2"]]


async def test_a_tumbling_window_adds_up_and_ends(source: Source, reads: Reads) -> None:
    def count(event: dict[str, Any]) -> object:
        return {"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}

    await source.put(*numbered(5))
    reader = reads(count, batch_size=2, tumbling_window=300).start()  # 1.5 s here
    await reader.until(lambda: any(each["isFinalInvokeForWindow"] for each in reader.events))

    final = next(each for each in reader.events if each["isFinalInvokeForWindow"])
    assert final["state"] == {"n": 5}
    assert final["Records"] == []
    assert final["shardId"] == "shardId-000000000000"
    assert final["eventSourceARN"] == source.arn
    assert not final["isWindowTerminatedEarly"]
    assert final["window"]["start"] < final["window"]["end"]
    assert [each["state"] for each in reader.events[:2]] == [{}, {"n": 2}]


async def test_the_state_of_a_window_outlives_a_kill(source: Source, reads: Reads) -> None:
    def count(event: dict[str, Any]) -> object:
        return {"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}

    await source.put(*numbered(2))
    first = reads(count, tumbling_window=900).start()  # 4.5 s here
    await first.until_kept('"n":2')
    await first.kill()
    again = reads(count, tumbling_window=900).start()
    await again.until(lambda: any(each["isFinalInvokeForWindow"] for each in again.events))

    final = next(each for each in again.events if each["isFinalInvokeForWindow"])
    assert final["state"] == {"n": 2}


async def test_ten_lanes_work_at_once_and_keep_the_order_of_each_key(
    source: Source, reads: Reads
) -> None:
    keys = [f"user-{number}" for number in range(30)]
    await source.put(*((key, f"{key} {turn}") for turn in range(4) for key in keys))
    reader = reads(parallelization_factor=10, batch_size=3)
    reader.duration = 0.02
    reader.start()
    await reader.until(lambda: len(reader.handled) == 120)

    assert 2 <= reader.most_in_flight <= 10
    by_key: dict[str, list[str]] = defaultdict(list)
    for text in reader.handled:
        by_key[text.split()[0]].append(text.split()[1])
    assert all(turns == ["0", "1", "2", "3"] for turns in by_key.values())
    assert len(by_key) == 30


async def test_one_lane_works_alone(source: Source, reads: Reads) -> None:
    await source.put(*((f"user-{number}", str(number)) for number in range(20)))
    reader = reads(batch_size=2)
    reader.duration = 0.005
    reader.start()
    await reader.until(lambda: len(reader.handled) == 20)

    assert reader.most_in_flight == 1


# Ends


async def test_drained_it_finishes_what_runs_and_goes_on_later(
    source: Source, reads: Reads
) -> None:
    await source.put(*numbered(6))
    reader = reads(batch_size=2)
    reader.duration = 0.1
    reader.start()
    await reader.until(lambda: reader.in_flight == 1)
    assert reader.poller is not None
    await reader.poller.drain()
    assert reader.handled == ["0", "1"]

    reader.poller.start()
    await reader.until(lambda: len(reader.handled) == 6)
    assert reader.handled == list("012345")


async def test_parents_are_read_to_their_end_before_their_children(
    source: Source, reads: Reads
) -> None:
    keys = [f"user-{number}" for number in range(12)]
    await source.put(*((key, f"{key} 0") for key in keys))
    await source.reshard(2)
    await source.put(*((key, f"{key} 1") for key in keys))
    reader = reads(batch_size=5)
    reader.duration = 0.01
    reader.start()
    await reader.until(lambda: len(reader.handled) >= 24)

    first = {key: reader.handled.index(f"{key} 0") for key in keys}
    second = {key: reader.handled.index(f"{key} 1") for key in keys}
    assert all(first[key] < second[key] for key in keys)
    assert len(reader.handled) == 24


# DynamoDB Streams


async def test_changes_of_a_table_at_an_endpoint_come_as_lambda_writes_them(
    moto: str, tmp_path: Path
) -> None:
    """New, changed, left out by a filter, removed; then one that comes while nobody reads."""
    table = await TableSource(moto).start()
    await table.put({"id": {"S": "1"}, "n": {"N": "1"}, "raw": {"B": b"x"}})
    await table.put({"id": {"S": "1"}, "n": {"N": "2"}})
    await table.put({"id": {"S": "2"}, "skip": {"BOOL": True}})
    await table.remove({"id": {"S": "1"}})
    file = checkpoint_file(tmp_path)
    pattern = '{"dynamodb": {"NewImage": {"skip": {"BOOL": [{"exists": false}]}}}}'
    mapping = replace(mapping_of(table), kind="dynamodb", filters=(pattern,), batch_size=10)
    reader = Reader(table, StoredCheckpoints(file), lambda _: None, mapping, reads=ids)
    reader.start()
    await reader.until(lambda: len(reader.handled) == 3)
    await reader.kill()
    await table.put({"id": {"S": "3"}})
    again = Reader(table, StoredCheckpoints(file), lambda _: None, mapping, reads=ids).start()
    await again.until(lambda: bool(again.handled))
    await again.kill()
    await file.close()
    await table.close()

    assert reader.handled == ["INSERT 1", "MODIFY 1", "REMOVE 1"]
    assert again.handled == ["INSERT 3"]
    first, second, third = (record for event in reader.events for record in event["Records"])
    change = first.pop("dynamodb")
    assert isinstance(first.pop("eventID"), str)
    assert first == {
        "eventName": "INSERT",
        "eventVersion": first["eventVersion"],
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": table.arn,
    }
    assert abs(change.pop("ApproximateCreationDateTime") - time.time()) < 60
    assert isinstance(change.pop("SequenceNumber"), str)
    assert isinstance(change.pop("SizeBytes"), int)
    assert change == {
        "Keys": {"id": {"S": "1"}},
        "NewImage": {"id": {"S": "1"}, "n": {"N": "1"}, "raw": {"B": "eA=="}},
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    assert second["dynamodb"]["OldImage"]["n"] == {"N": "1"}
    assert second["dynamodb"]["NewImage"]["n"] == {"N": "2"}
    assert "NewImage" not in third["dynamodb"]
