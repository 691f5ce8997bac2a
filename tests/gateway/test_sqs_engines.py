"""What an independent SQS does as well: every test runs against moto's and the embedded one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from tests.gateway.sqs_engines import Sqs, embedded, moto_server


@pytest.fixture(scope="module", name="moto_url")
def moto_url_of_module() -> Generator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(params=["embedded", "moto"])
async def sqs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Sqs]:
    if request.param == "embedded":
        async with embedded(tmp_path) as engine:
            yield engine
        return
    engine = Sqs(request.getfixturevalue("moto_url"), "moto")
    yield engine
    engine.close()


async def test_a_message_is_received_once_and_gone_when_it_is_deleted(sqs: Sqs) -> None:
    queue = await sqs.queue()
    sent = await queue.send("hello ✓")
    assert sent["MD5OfMessageBody"] == hashlib.md5("hello ✓".encode()).hexdigest()
    [message] = await queue.receive(10)
    assert (message["Body"], message["MessageId"]) == ("hello ✓", sent["MessageId"])
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert await queue.receive(10) == []
    assert await queue.counts() == (0, 1, 0)
    await queue.delete(message)
    assert await queue.counts() == (0, 0, 0)


async def test_attributes_come_as_they_were_sent_with_the_same_digest(sqs: Sqs) -> None:
    attributes = {
        "name": {"DataType": "String", "StringValue": "Zoë"},
        "count": {"DataType": "Number", "StringValue": "12.5"},
        "labelled": {"DataType": "Number.int", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x01"},
    }
    queue = await sqs.queue()
    sent = await queue.send("x", MessageAttributes=attributes)  # boto3 compares the digest
    [message] = await queue.receive()
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


async def test_only_the_attributes_asked_for_come(sqs: Sqs) -> None:
    queue = await sqs.queue(VisibilityTimeout=0)
    text = {"DataType": "String", "StringValue": "x"}
    await queue.send("x", MessageAttributes={"one": text, "two": text})
    [message] = await queue.receive(
        MessageAttributeNames=["one"], MessageSystemAttributeNames=["SentTimestamp"]
    )
    assert set(message["MessageAttributes"]) == {"one"}
    assert set(message["Attributes"]) == {"SentTimestamp"}
    [message] = await queue.receive(MessageAttributeNames=[], MessageSystemAttributeNames=[])
    assert "MessageAttributes" not in message
    assert "Attributes" not in message


async def test_a_message_given_back_is_received_again_and_counted(sqs: Sqs) -> None:
    queue = await sqs.queue()
    await queue.send("x")
    for count in ("1", "2", "3"):
        [message] = await queue.receive()
        assert message["Attributes"]["ApproximateReceiveCount"] == count
        await queue.give_back(message)
    assert await queue.counts() == (1, 0, 0)


async def test_a_message_is_back_when_its_visibility_timeout_ends(sqs: Sqs) -> None:
    queue = await sqs.queue()
    await queue.send("x")
    [first] = await queue.receive(VisibilityTimeout=1)
    [again] = await queue.receive(wait=20)
    assert again["MessageId"] == first["MessageId"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


async def test_a_delayed_message_comes_when_its_delay_is_over(sqs: Sqs) -> None:
    queue = await sqs.queue()
    await queue.send("later", DelaySeconds=1)
    [message] = await queue.receive(wait=20)
    sent, first = (
        int(message["Attributes"][name])
        for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp")
    )
    assert first - sent >= 990  # both are cut to milliseconds


async def test_the_delay_of_the_queue_holds_for_messages_that_say_none(sqs: Sqs) -> None:
    queue = await sqs.queue(DelaySeconds=900)
    await queue.send("later")
    await queue.send("now", DelaySeconds=0)
    assert await queue.bodies() == ["now"]
    assert await queue.counts() == (0, 1, 1)


async def test_a_message_received_too_often_goes_to_the_dead_letter_queue(sqs: Sqs) -> None:
    queue, dead = await sqs.redriven(2)
    sent = await queue.send("x")
    for _ in range(2):
        await queue.give_back(*await queue.receive())
    assert await queue.receive() == []
    assert await queue.counts() == (0, 0, 0)
    [letter] = await dead.receive()
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"


async def test_a_batch_is_sent_changed_and_deleted_entry_by_entry(sqs: Sqs) -> None:
    queue = await sqs.queue()
    entries = [{"Id": str(n), "MessageBody": f"body {n}"} for n in range(10)]
    sent = await queue.call("send_message_batch", Entries=entries)
    assert [each["Id"] for each in sent["Successful"]] == [each["Id"] for each in entries]
    messages = await queue.receive(10)
    assert sorted(each["Body"] for each in messages) == [f"body {n}" for n in range(10)]
    changes = [
        {"Id": str(n), "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 0}
        for n, each in enumerate(messages[:5])
    ]
    changed = await queue.call("change_message_visibility_batch", Entries=changes)
    assert len(changed["Successful"]) == 5
    assert await queue.counts() == (5, 5, 0)
    gone = [
        {"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]}
        for n, each in enumerate(messages[5:])
    ]
    assert len((await queue.call("delete_message_batch", Entries=gone))["Successful"]) == 5
    assert await queue.counts() == (5, 0, 0)


async def test_a_purged_queue_is_empty(sqs: Sqs) -> None:
    queue = await sqs.queue()
    for text in "abc":
        await queue.send(text)
    await queue.receive()
    await queue.call("purge_queue")
    assert await queue.counts() == (0, 0, 0)


# FIFO


async def test_a_fifo_queue_keeps_the_order_of_each_group(sqs: Sqs) -> None:
    queue = await sqs.queue(fifo=True)
    for group, text in ("a1", "b1", "a2", "b2", "a3"):
        await queue.send(text, group)
    messages = await queue.receive(10)
    by_group = {"a": list[str](), "b": list[str]()}
    for each in messages:
        by_group[each["Attributes"]["MessageGroupId"]].append(each["Body"])
    assert by_group == {"a": ["1", "2", "3"], "b": ["1", "2"]}
    numbers = [int(each["Attributes"]["SequenceNumber"]) for each in messages]
    assert len(set(numbers)) == 5


async def test_a_group_waits_for_its_message_in_flight_and_others_do_not(sqs: Sqs) -> None:
    queue = await sqs.queue(fifo=True)
    for group, text in ("a1", "a2", "b1"):
        await queue.send(text, group)
    [first] = await queue.receive(1)
    assert first["Body"] == "1"
    assert first["Attributes"]["MessageGroupId"] == "a"
    others = await queue.receive(10)
    assert [each["Attributes"]["MessageGroupId"] for each in others] == ["b"]
    assert await queue.receive(10) == []
    await queue.delete(first)
    assert await queue.bodies() == ["2"]


async def test_a_group_begins_again_with_the_message_that_was_given_back(sqs: Sqs) -> None:
    queue = await sqs.queue(fifo=True)
    for text in "123":
        await queue.send(text, "a")
    await queue.give_back(*await queue.receive(1))
    assert await queue.bodies(10) == ["1", "2", "3"]


async def test_the_same_deduplication_id_is_the_same_message(sqs: Sqs) -> None:
    queue = await sqs.queue(fifo=True)
    await queue.send("one", "a", MessageDeduplicationId="d")
    await queue.send("other", "a", MessageDeduplicationId="d")
    assert await queue.counts() == (1, 0, 0)
    messages = await queue.receive(10)
    assert [each["Body"] for each in messages] == ["one"]


async def test_content_makes_the_deduplication_id_where_the_queue_says_so(sqs: Sqs) -> None:
    queue = await sqs.queue(fifo=True, ContentBasedDeduplication="true")
    for text in ("same", "same", "other"):
        await queue.call("send_message", MessageBody=text, MessageGroupId="a")
    messages = await queue.receive(10)
    assert [each["Body"] for each in messages] == ["same", "other"]
    identity = messages[0]["Attributes"]["MessageDeduplicationId"]
    assert identity == hashlib.sha256(b"same").hexdigest()


async def test_a_fifo_group_goes_on_behind_a_dead_letter(sqs: Sqs) -> None:
    queue, dead = await sqs.redriven(1, fifo=True)
    await queue.send("poison", "a")
    await queue.send("good", "a")
    await queue.give_back(*await queue.receive(1))
    assert await queue.bodies(10) == ["good"]
    assert await dead.bodies(10) == ["poison"]


# Queues


async def test_queues_are_listed_found_and_deleted(sqs: Sqs) -> None:
    queue = await sqs.queue()
    answer = await sqs.call("get_queue_url", QueueName=queue.name)
    assert answer["QueueUrl"] == queue.url
    assert queue.url.endswith(f"/123456789012/{queue.name}")
    listed = await sqs.call("list_queues", QueueNamePrefix=queue.name)
    assert listed["QueueUrls"] == [queue.url]
    await queue.call("delete_queue")
    code, _ = await sqs.refused("get_queue_url", QueueName=queue.name)
    assert code == "AWS.SimpleQueueService.NonExistentQueue"


async def test_attributes_of_a_queue_are_set_and_answered(sqs: Sqs) -> None:
    queue, dead = await sqs.redriven(3, VisibilityTimeout=45)
    given = {"DelaySeconds": "5", "MessageRetentionPeriod": "600"}
    await queue.call("set_queue_attributes", Attributes=given)
    answer = await queue.call("get_queue_attributes", AttributeNames=["All"])
    attributes = answer["Attributes"]
    assert attributes["QueueArn"] == queue.arn
    assert attributes["VisibilityTimeout"] == "45"
    assert {key: attributes[key] for key in given} == given
    policy = json.loads(attributes["RedrivePolicy"])
    assert policy["deadLetterTargetArn"] == dead.arn
    assert int(policy["maxReceiveCount"]) == 3
    sources = await dead.call("list_dead_letter_source_queues")
    assert sources["queueUrls"] == [queue.url]


async def test_the_same_queue_is_created_twice_and_another_one_of_its_name_is_not(
    sqs: Sqs,
) -> None:
    queue = await sqs.queue(VisibilityTimeout=45)
    same = {"QueueName": queue.name, "Attributes": {"VisibilityTimeout": "45"}}
    assert (await sqs.call("create_queue", **same))["QueueUrl"] == queue.url
    other = {"QueueName": queue.name, "Attributes": {"VisibilityTimeout": "46"}}
    code, _ = await sqs.refused("create_queue", **other)
    assert code == "QueueAlreadyExists"


async def test_tags_are_kept(sqs: Sqs) -> None:
    queue = await sqs.queue()
    await queue.call("tag_queue", Tags={"team": "a", "stage": "dev"})
    await queue.call("untag_queue", TagKeys=["stage"])
    assert (await queue.call("list_queue_tags"))["Tags"] == {"team": "a"}


# Refusals


@pytest.mark.parametrize(
    ("fifo", "operation", "given", "code"),
    [
        (False, "send_message", {"MessageBody": "x" * 1_048_577}, "InvalidParameterValue"),
        (
            False,
            "send_message",
            {
                "MessageBody": "x",
                "MessageAttributes": {"a": {"DataType": "Thing", "StringValue": "x"}},
            },
            "InvalidParameterValue",
        ),
        (True, "send_message", {"MessageBody": "x"}, "MissingParameter"),
        (
            True,
            "send_message",
            {"MessageBody": "x", "MessageGroupId": "a"},
            "InvalidParameterValue",
        ),
        (
            False,
            "send_message_batch",
            {"Entries": [{"Id": str(n), "MessageBody": "x"} for n in range(11)]},
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        ),
        (
            False,
            "send_message_batch",
            {"Entries": [{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}]},
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        ),
        (
            False,
            "send_message_batch",
            {"Entries": [{"Id": "a b", "MessageBody": "x"}]},
            "AWS.SimpleQueueService.InvalidBatchEntryId",
        ),
        (
            False,
            "send_message_batch",
            {"Entries": []},
            "AWS.SimpleQueueService.EmptyBatchRequest",
        ),
        (
            False,
            "send_message_batch",
            {"Entries": [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)]},
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
        (False, "delete_message", {"ReceiptHandle": "garbage"}, "ReceiptHandleIsInvalid"),
        (
            False,
            "get_queue_attributes",
            {"AttributeNames": ["NoSuch"]},
            "InvalidAttributeName",
        ),
        (False, "receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        (False, "receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
    ],
)
async def test_refusals_have_the_same_codes(sqs: Sqs, fifo, operation, given, code) -> None:
    queue = await sqs.queue(fifo=fifo)
    assert (await queue.refused(operation, **given))[0] == code
