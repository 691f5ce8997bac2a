"""The SQS API of a gateway beyond what its two engines share: AWS's own words, and its edges."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw import Gateway
from edgegw.config.resolve import load_dict
from edgegw.gateway.workers.queues import Queues
from tests.conftest import need, serving_in
from tests.gateway.sqs_engines import Queue, Sqs, embedded

CONFIG: dict[str, Any] = {
    "queues": {
        "jobs": {"visibility_timeout": 45, "redrive": {"to": "dead", "max_receive_count": 1}},
        "dead": {},
        "orders.fifo": {"content_based_deduplication": True},
    }
}


def named(sqs: Sqs, name: str) -> Queue:
    return Queue(sqs, name, f"http://elsewhere.test/123456789012/{name}")


async def test_queues_of_the_configuration_are_there(tmp_path: Path) -> None:
    async with embedded(tmp_path, CONFIG) as sqs:
        listed = (await sqs.call("list_queues"))["QueueUrls"]
        assert [url.rpartition("/")[2] for url in listed] == ["dead", "jobs", "orders.fifo"]
        answer = await named(sqs, "jobs").call("get_queue_attributes", AttributeNames=["All"])
        attributes = answer["Attributes"]
        assert attributes["VisibilityTimeout"] == "45"
        assert json.loads(attributes["RedrivePolicy"]) == {
            "deadLetterTargetArn": named(sqs, "dead").arn,
            "maxReceiveCount": 1,
        }
        code, text = await named(sqs, "jobs").refused("delete_queue")
        assert code == "AWS.SimpleQueueService.UnsupportedOperation"
        assert "stands in the configuration" in text


async def test_a_plain_queue_has_awss_attributes(tmp_path: Path) -> None:
    async with embedded(tmp_path) as sqs:
        queue = await sqs.queue()
        answer = await queue.call("get_queue_attributes", AttributeNames=["All"])
        attributes = answer["Attributes"]
        assert int(attributes.pop("CreatedTimestamp"))
        assert int(attributes.pop("LastModifiedTimestamp"))
        assert attributes == {
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "DelaySeconds": "0",
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600",
            "QueueArn": queue.arn,
            "ReceiveMessageWaitTimeSeconds": "0",
            "SqsManagedSseEnabled": "true",
            "VisibilityTimeout": "30",
        }


async def test_pages_of_queues_have_tokens(tmp_path: Path) -> None:
    async with embedded(tmp_path, CONFIG) as sqs:
        first = await sqs.call("list_queues", MaxResults=2)
        rest = await sqs.call("list_queues", MaxResults=2, NextToken=first["NextToken"])
        assert len(first["QueueUrls"]) == 2
        assert len(rest["QueueUrls"]) == 1
        assert "NextToken" not in rest


MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")


@pytest.mark.parametrize(
    ("operation", "given", "refusal"),
    [
        ("get_queue_url", {"QueueName": "none"}, MISSING),
        ("send_message", {"QueueUrl": "none", "MessageBody": "x"}, MISSING),
        (
            "send_message",
            {"QueueUrl": "http://localhost/999999999999/jobs", "MessageBody": "x"},
            MISSING,
        ),
        (
            "receive_message",
            {"QueueUrl": "jobs", "MaxNumberOfMessages": 11},
            (
                "InvalidParameterValue",
                "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 "
                "and 10, if provided.",
            ),
        ),
        (
            "receive_message",
            {"QueueUrl": "jobs", "WaitTimeSeconds": -1},
            (
                "InvalidParameterValue",
                "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= "
                "20, if provided.",
            ),
        ),
        (
            "send_message",
            {"QueueUrl": "jobs", "MessageBody": "x" * 1_048_577},
            (
                "InvalidParameterValue",
                "One or more parameters are invalid. Reason: Message must be shorter than 1048576 "
                "bytes.",
            ),
        ),
        (
            "delete_message",
            {"QueueUrl": "jobs", "ReceiptHandle": "garbage"},
            (
                "ReceiptHandleIsInvalid",
                'The input receipt handle "garbage" is not a valid receipt handle.',
            ),
        ),
        (
            "set_queue_attributes",
            {"QueueUrl": "jobs", "Attributes": {"FifoQueue": "true"}},
            ("InvalidAttributeName", "Unknown Attribute FifoQueue."),
        ),
        (
            "set_queue_attributes",
            {"QueueUrl": "orders.fifo", "Attributes": {"FifoQueue": "false"}},
            (
                "InvalidAttributeValue",
                "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not "
                "supported.",
            ),
        ),
        (
            "set_queue_attributes",
            {"QueueUrl": "jobs", "Attributes": {"NoSuch": "1"}},
            ("InvalidAttributeName", "Unknown Attribute NoSuch."),
        ),
        (
            "create_queue",
            {"QueueName": "made", "Attributes": {"ContentBasedDeduplication": "true"}},
            ("InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."),
        ),
        (
            "create_queue",
            {"QueueName": "made", "Attributes": {"DeduplicationScope": "queue"}},
            (
                "InvalidAttributeName",
                "You can specify the DeduplicationScope only when FifoQueue is set to true.",
            ),
        ),
        (
            "create_queue",
            {"QueueName": "jobs", "Attributes": {"DelaySeconds": "3"}},
            (
                "QueueAlreadyExists",
                "A queue already exists with the same name and a different value for attribute "
                "DelaySeconds",
            ),
        ),
        (
            "create_queue",
            {
                "QueueName": "made",
                "Attributes": {
                    "RedrivePolicy": '{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}'
                },
            },
            (
                "InvalidParameterValue",
                'Value {"deadLetterTargetArn": "dummy", "maxReceiveCount": 42} for parameter '
                "RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn.",
            ),
        ),
        (
            "cancel_message_move_task",
            {"TaskHandle": "x"},
            ("InvalidParameterValue", "Value for parameter TaskHandle is invalid."),
        ),
        (
            "start_message_move_task",
            {"SourceArn": "arn:aws:sqs:us-east-1:123456789012:jobs"},
            ("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."),
        ),
    ],
)
async def test_refusals_have_awss_codes_and_words(
    tmp_path: Path, operation: str, given: dict[str, Any], refusal: tuple[str, str]
) -> None:
    async with embedded(tmp_path, CONFIG) as sqs:
        assert await sqs.refused(operation, **given) == refusal


async def test_a_queue_is_purged_once_a_minute(tmp_path: Path) -> None:
    async with embedded(tmp_path, CONFIG) as sqs:
        queue = named(sqs, "jobs")
        await queue.call("purge_queue")
        code, text = await queue.refused("purge_queue")
        assert code == "AWS.SimpleQueueService.PurgeQueueInProgress"
        assert text == "Only one PurgeQueue operation on jobs is allowed every 60 seconds."


async def test_a_duplicate_is_known_in_other_groups_and_after_the_first_one_is_deleted(
    tmp_path: Path,
) -> None:
    """As AWS was seen to do; moto does neither."""
    async with embedded(tmp_path, CONFIG) as sqs:
        queue = named(sqs, "orders.fifo")
        first = await queue.send("one", "a", MessageDeduplicationId="d")
        again = await queue.send("other", "b", MessageDeduplicationId="d")
        assert again["MessageId"] == first["MessageId"]
        assert again["SequenceNumber"] == first["SequenceNumber"]
        messages = await queue.receive(10)
        assert [each["Body"] for each in messages] == ["one"]
        await queue.delete(*messages)
        await queue.send("one", "a", MessageDeduplicationId="d")
        assert await queue.receive() == []


@pytest.mark.parametrize(("extended", "expected"), [(0, []), (1, ["foo"]), (2, ["foo", "bar"])])
async def test_one_extended_timeout_holds_up_what_stands_behind_it(
    tmp_path: Path, extended: int, expected: list[str]
) -> None:
    async with embedded(tmp_path, CONFIG) as sqs:
        queue = named(sqs, "orders.fifo")
        for text in ("foo", "bar", "baz"):
            await queue.call("send_message", MessageBody=text, MessageGroupId="1")
        messages = await queue.receive(5)
        handle = messages[extended]["ReceiptHandle"]
        for each in messages:
            seconds = 60 if each["ReceiptHandle"] == handle else 0
            await queue.call(
                "change_message_visibility",
                ReceiptHandle=each["ReceiptHandle"],
                VisibilityTimeout=seconds,
            )
        assert await queue.bodies(5) == expected


async def test_a_handle_of_a_fifo_queue_expires_with_its_timeout(tmp_path: Path) -> None:
    async with embedded(tmp_path, CONFIG) as sqs:
        queue = named(sqs, "orders.fifo")
        await queue.call("send_message", MessageBody="x", MessageGroupId="1")
        [message] = await queue.receive()
        await queue.give_back(message)
        handle = message["ReceiptHandle"]
        code, text = await queue.refused("delete_message", ReceiptHandle=handle)
        assert code == "InvalidParameterValue"
        assert text.endswith("is invalid. Reason: The receipt handle has expired.")


async def test_an_old_handle_of_a_standard_queue_still_works_for_its_visibility(
    tmp_path: Path,
) -> None:
    async with embedded(tmp_path) as sqs:
        queue = await sqs.queue()
        await queue.send("x")
        [first] = await queue.receive(VisibilityTimeout=0)
        [_] = await queue.receive()
        await queue.delete(first)  # no error, and no effect
        await queue.give_back(first)
        assert len(await queue.receive()) == 1


async def test_a_batch_has_failures_of_its_entries(tmp_path: Path) -> None:
    async with embedded(tmp_path) as sqs:
        queue = await sqs.queue(MaximumMessageSize=1024)
        entries = [
            {"Id": "long", "MessageBody": "x" * 1025},
            {"Id": "fine", "MessageBody": "x"},
            {"Id": "late", "MessageBody": "x", "DelaySeconds": 901},
        ]
        answer = await queue.call("send_message_batch", Entries=entries)
        assert [each["Id"] for each in answer["Successful"]] == ["fine"]
        assert answer["Failed"][0] == {
            "Id": "long",
            "SenderFault": True,
            "Code": "InvalidParameterValue",
            "Message": "One or more parameters cannot be validated. Reason: Message must be "
            "shorter than 1024 bytes.",
        }
        assert answer["Failed"][1]["Id"] == "late"


async def test_dead_letters_come_back_by_a_move_task(tmp_path: Path) -> None:
    async with embedded(tmp_path, CONFIG) as sqs:
        queue, dead = named(sqs, "jobs"), named(sqs, "dead")
        sent = await queue.send("x", MessageSystemAttributes={
            "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}
        })  # fmt: skip
        await queue.give_back(*await queue.receive())
        assert await queue.receive() == []
        [letter] = await dead.receive()
        assert letter["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn
        assert letter["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
        await dead.give_back(letter)
        await sqs.call("start_message_move_task", SourceArn=dead.arn)
        [message] = await queue.receive(wait=20)
        assert message["MessageId"] != sent["MessageId"]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        tasks = (await sqs.call("list_message_move_tasks", SourceArn=dead.arn))["Results"]
        assert (tasks[0]["SourceArn"], tasks[0]["ApproximateNumberOfMessagesToMove"]) == (
            dead.arn,
            1,
        )


async def asked(url: str, target: str, body: bytes = b"{}", **headers: str) -> httpx.Response:
    names = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, content=body, headers={**names, **headers})


@pytest.mark.parametrize(
    ("target", "body", "headers", "status", "kind"),
    [
        ("AmazonSQS.DoNothing", b"{}", {}, 400, "com.amazonaws.sqs#UnknownOperationException"),
        (
            "AmazonSQS.ListQueues",
            b"[]",
            {},
            400,
            "com.amazonaws.sqs#InvalidParameterValueException",
        ),
        ("AmazonSQS.ListQueues", b"{", {}, 400, "com.amazonaws.sqs#InvalidParameterValueException"),
        (
            "AmazonSQS.GetQueueUrl",
            b"{}",
            {},
            400,
            "com.amazonaws.sqs#MissingRequiredParameterException",
        ),
        (
            "AmazonSQS.SendMessage",
            b'{"QueueUrl": 7}',
            {},
            400,
            "com.amazonaws.sqs#InvalidParameterValueException",
        ),
        (
            "AmazonSQS.SendMessageBatch",
            b'{"QueueUrl": "jobs", "Entries": [7]}',
            {},
            400,
            "com.amazonaws.sqs#InvalidParameterValueException",
        ),
        (
            "AmazonSQS.ListQueues",
            b"{}",
            {"origin": "http://evil.test"},
            403,
            "AccessDeniedException",
        ),
        ("AmazonSQS.ListQueues", b"{}", {"host": "evil.test"}, 403, "AccessDeniedException"),
        ("AmazonSQS.ListQueues", b"{}", {"content-type": "text/plain"}, 415, None),
    ],
)
async def test_what_is_no_call_is_refused(
    tmp_path: Path, target: str, body: bytes, headers: dict[str, str], status: int, kind: str | None
) -> None:
    config = {**CONFIG, "gateway": {"lambda_api": 0}}
    async with serving_in(tmp_path, config) as served:
        answer = await asked(served.urls["lambda"], target, body, **headers)
        assert answer.status_code == status
        assert answer.headers["x-amzn-requestid"]
        if kind is not None:
            assert answer.json()["__type"] == kind


async def test_the_trace_of_the_request_goes_along(tmp_path: Path) -> None:
    config = {**CONFIG, "gateway": {"lambda_api": 0}}
    async with serving_in(tmp_path, config) as served:
        body = b'{"QueueUrl": "jobs", "MessageBody": "x"}'
        trace = {"x-amzn-trace-id": "Root=1-2-3;Sampled=1"}
        sent = await asked(served.urls["lambda"], "AmazonSQS.SendMessage", body, **trace)
        assert sent.json()["MD5OfMessageSystemAttributes"]
        queues = await served.gateway.workers.of(Queues)
        [message] = await queues.receive("jobs")
        assert message.system_attributes["AWSTraceHeader"] == "Root=1-2-3;Sampled=1"


async def test_a_receiver_that_left_gets_no_message(tmp_path: Path) -> None:
    config = {**CONFIG, "gateway": {"lambda_api": 0}}
    async with serving_in(tmp_path, config) as served:
        await asked(served.urls["lambda"], "AmazonSQS.ListQueues")  # what is imported, is now
        bells = (await served.gateway.workers.of(Queues))._bells._bells
        body = b'{"QueueUrl": "jobs", "WaitTimeSeconds": 20}'
        with pytest.raises(httpx.ReadTimeout):
            patience = httpx.Timeout(60, read=0.3)
            async with httpx.AsyncClient(trust_env=False, timeout=patience) as client:
                headers = {"x-amz-target": "AmazonSQS.ReceiveMessage"}
                await client.post(served.urls["lambda"], content=body, headers=headers)
        async with asyncio.timeout(10):  # longer than until it is seen to have left
            while "jobs" in bells:
                await asyncio.sleep(0.01)
        body = b'{"QueueUrl": "jobs", "MessageBody": "x"}'
        await asked(served.urls["lambda"], "AmazonSQS.SendMessage", body)
        body = b'{"QueueUrl": "jobs"}'
        answer = await asked(served.urls["lambda"], "AmazonSQS.ReceiveMessage", body)
        assert len(answer.json()["Messages"]) == 1


async def test_a_message_that_cannot_be_kept_is_not_accepted(tmp_path: Path) -> None:
    state = tmp_path / "file"
    state.mkdir()
    config = {**CONFIG, "gateway": {"lambda_api": 0, "state": str(state)}}
    async with serving_in(tmp_path, config) as served:
        (state / "queues.sqlite").mkdir()  # whatever keeps a file from being there
        body = b'{"QueueUrl": "jobs", "MessageBody": "x"}'
        answer = await asked(served.urls["lambda"], "AmazonSQS.SendMessage", body)
        assert answer.status_code == 503
        assert "cannot keep state" in answer.json()["message"]


async def test_another_configuration_has_other_queues_and_keeps_the_messages(
    tmp_path: Path,
) -> None:
    gateway = Gateway.from_dict(CONFIG, base=tmp_path)
    async with gateway:
        queues = await gateway.workers.of(Queues)
        await queues.send("jobs", _message("x"))
        await queues.set_attributes("dead", {"DelaySeconds": "7"})
        changed = {"queues": {**CONFIG["queues"], "jobs": {"visibility_timeout": 46}, "new": {}}}
        await gateway.reload(load_dict(changed, tmp_path))
        assert queues.names() == ["dead", "jobs", "new", "orders.fifo"]
        assert queues.settings("jobs").visibility_timeout == 46
        assert queues.settings("dead").delay == 7  # the configuration says the same as before
        assert len(await queues.receive("jobs")) == 1


def _message(body: str) -> Any:
    from edgegw.messaging.queue import SendMessage

    return SendMessage(body)


async def test_a_gateway_whose_queues_are_not_used_writes_nothing(tmp_path: Path) -> None:
    async with Gateway.from_dict(CONFIG, base=tmp_path) as gateway:
        assert gateway.workers.running(Queues) is not None
    assert not (tmp_path / ".edgegw" / "queues.sqlite").exists()


async def test_the_aws_command_line_sends_and_receives(tmp_path: Path) -> None:
    aws = str(Path(sys.executable).parent / "aws")
    if not Path(aws).exists():
        aws = need("aws", "the command line is not tried")
    config = {**CONFIG, "gateway": {"lambda_api": 0}}
    async with serving_in(tmp_path, config) as served:

        async def typed(*words: str) -> Any:
            process = await asyncio.create_subprocess_exec(
                aws,
                "--endpoint-url",
                served.urls["lambda"],
                "sqs",
                *words,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={
                    **os.environ,
                    "AWS_ACCESS_KEY_ID": "x",
                    "AWS_SECRET_ACCESS_KEY": "y",
                    "AWS_DEFAULT_REGION": "us-east-1",
                },
            )
            out, error = await process.communicate()
            assert process.returncode == 0, error
            return json.loads(out) if out else None

        url = (await typed("get-queue-url", "--queue-name", "jobs"))["QueueUrl"]
        sent = await typed("send-message", "--queue-url", url, "--message-body", "hello")
        answer = await typed("receive-message", "--queue-url", url)
        [message] = answer["Messages"]
        assert (message["Body"], message["MessageId"]) == ("hello", sent["MessageId"])


async def test_old_sdks_speak_in_forms(tmp_path: Path) -> None:
    """The Query protocol; a form without a signature may be a page's."""
    key = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sqs/aws4_request, Signature=0"
    async with serving_in(tmp_path, {"queues": {"jobs": {}}, "gateway": {"lambda_api": 0}}) as run:
        url = f"{run.urls['lambda']}/123456789012/jobs"
        async with httpx.AsyncClient(trust_env=False) as client:

            async def call(headers: dict[str, str], **form: str) -> httpx.Response:
                return await client.post(url, data=form, headers=headers)

            signed = {"Authorization": key}
            sent = await call(signed, Action="SendMessage", MessageBody="a <b>")
            assert (sent.status_code, sent.headers["content-type"]) == (200, "text/xml")
            got = await call(signed, Action="ReceiveMessage", WaitTimeSeconds="1")
            assert "<Body>a &lt;b&gt;</Body>" in got.text
            unknown = await call(signed, Action="Nothing")
            assert (unknown.status_code, "<Code>InvalidAction</Code>" in unknown.text) == (
                400,
                True,
            )
            assert (await call({}, Action="PurgeQueue")).status_code == 415
            page = {**signed, "Origin": "https://evil.example"}
            assert (await call(page, Action="PurgeQueue")).status_code == 403
