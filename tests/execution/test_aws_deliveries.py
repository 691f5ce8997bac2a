"""Messages for real services: SQS, SNS, EventBridge and S3, at the endpoint of a moto server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from edgegw.awslambda.names import Account
from edgegw.execution.aws_deliveries import AwsDeliveries
from edgegw.execution.deliveries import Deliveries, DeliveryFailure
from tests.aws_clients import aws_client
from tests.conftest import free_port, need_module

ACCOUNT = "123456789012"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:24b3d5c3:3"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = need_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def deliveries(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deliveries]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    made = Deliveries({}, lambda: AwsDeliveries(Account()))
    yield made
    await made.close()


def client(service: str, endpoint: str) -> Any:
    return aws_client(service, endpoint)


def received(sqs: Any, url: str) -> list[Any]:
    asked = {"MessageAttributeNames": ["All"], "AttributeNames": ["AWSTraceHeader"]}
    return sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])


@pytest.mark.parametrize("form", ["sqs:dead", f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead", "sqs:URL"])
async def test_a_queue_by_name_arn_and_url(
    deliveries: Deliveries, endpoint: str, form: str
) -> None:
    sqs = client("sqs", endpoint)
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    await deliveries.deliver(
        form.replace("URL", url),
        b'{"n": 1}',
        {"ErrorCode": ("Number", "200"), "ErrorMessage": ("String", "")},
        TRACE,
    )
    (message,) = received(sqs, url)
    sqs.delete_queue(QueueUrl=url)
    sqs.close()
    assert message["Body"] == '{"n": 1}'
    assert message["Attributes"] == {"AWSTraceHeader": TRACE}
    assert message["MessageAttributes"] == {
        "ErrorCode": {"StringValue": "200", "DataType": "Number"}
    }


async def test_a_topic(deliveries: Deliveries, endpoint: str) -> None:
    sns, sqs = client("sns", endpoint), client("sqs", endpoint)
    topic = sns.create_topic(Name="news")["TopicArn"]
    url = sqs.create_queue(QueueName="readers")["QueueUrl"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:readers"
    )
    await deliveries.deliver(topic, b'{"n": 2}')
    (message,) = received(sqs, url)
    sns.close()
    sqs.close()
    assert json.loads(message["Body"])["Message"] == '{"n": 2}'


async def test_a_bus_takes_an_entry(deliveries: Deliveries, endpoint: str) -> None:
    entry = {
        "Source": "lambda",
        "DetailType": "Lambda Function Invocation Result - Success",
        "Resources": [],
        "Detail": "{}",
    }
    await deliveries.deliver("events:default", json.dumps(entry).encode())


async def test_a_bucket_takes_an_object(deliveries: Deliveries, endpoint: str) -> None:
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket="records")
    await deliveries.deliver("s3:records/aws/lambda/async/f/1", b'{"n": 3}')
    body = s3.get_object(Bucket="records", Key="aws/lambda/async/f/1")["Body"]
    content = body.read()
    body.close()
    s3.close()
    assert content == b'{"n": 3}'


@pytest.mark.parametrize("trace_id", [TRACE, ""])
@pytest.mark.parametrize("target", ["s3:records/key", f"arn:aws:sns:us-east-1:{ACCOUNT}:news"])
async def test_the_trace_goes_with_the_call(
    target: str, trace_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        deliveries = Deliveries({}, lambda: AwsDeliveries(Account()))
        with pytest.raises(DeliveryFailure):
            await deliveries.deliver(target, b"{}", trace_id=trace_id)
        await deliveries.close()
    sent = [line for line in heads[0].decode().split("\r\n") if line.startswith("X-Amzn-Trace-Id")]
    assert sent == ([f"X-Amzn-Trace-Id: {TRACE}"] if trace_id else [])


@pytest.mark.parametrize(
    "target", ["sqs:nowhere", "s3:nowhere/key", f"arn:aws:sns:us-east-1:{ACCOUNT}:nowhere"]
)
async def test_what_is_not_there_is_a_failure(deliveries: Deliveries, target: str) -> None:
    with pytest.raises(DeliveryFailure):
        await deliveries.deliver(target, b"{}")


async def test_without_the_extra_it_is_said_what_to_install(
    deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aiobotocore.session", None)
    with pytest.raises(DeliveryFailure, match=r"pip install 'edgegw\[aws\]'"):
        await deliveries.deliver("sqs:dead", b"{}")
