"""Two engines of SQS that the same tests run against: moto's server, and the embedded one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from tests.aws_clients import aws_client
from tests.conftest import free_port, need_module, serving_in

ACCOUNT = "123456789012"


class Sqs:
    """boto3's client of one engine; calls run on threads, queues have names of their own."""

    def __init__(self, url: str, name: str = "") -> None:
        self.name = name
        self._client = aws_client("sqs", url)

    def close(self) -> None:
        self._client.close()

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        answer = await asyncio.to_thread(getattr(self._client, operation), **given)
        answer.pop("ResponseMetadata", None)
        return answer

    async def refused(self, operation: str, **given: Any) -> tuple[str, str]:
        """The code and the text of the refusal."""
        with pytest.raises(ClientError) as caught:
            await self.call(operation, **given)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    async def queue(self, *, fifo: bool = False, **attributes: object) -> Queue:
        """A new queue."""
        name = f"q-{uuid.uuid4().hex[:12]}" + (".fifo" if fifo else "")
        given = {key: str(each) for key, each in attributes.items()}
        if fifo:
            given["FifoQueue"] = "true"
        answer = await self.call("create_queue", QueueName=name, Attributes=given)
        return Queue(self, name, answer["QueueUrl"])

    async def redriven(
        self, most: int, *, fifo: bool = False, **more: object
    ) -> tuple[Queue, Queue]:
        """A new queue, and another one that its messages go to after so many receives."""
        dead = await self.queue(
            fifo=fifo, **({"ContentBasedDeduplication": "true"} if fifo else {})
        )
        policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": most}
        return await self.queue(fifo=fifo, RedrivePolicy=json.dumps(policy), **more), dead


class Queue:
    """One queue of an engine."""

    def __init__(self, sqs: Sqs, name: str, url: str) -> None:
        self.sqs = sqs
        self.name = name
        self.url = url

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return await self.sqs.call(operation, QueueUrl=self.url, **given)

    async def refused(self, operation: str, **given: Any) -> tuple[str, str]:
        return await self.sqs.refused(operation, QueueUrl=self.url, **given)

    async def send(self, body: str, group: str = "", **given: Any) -> dict[str, Any]:
        """Sends a message; in a FIFO queue each is another one unless `given` says so."""
        if group:
            given = {"MessageDeduplicationId": uuid.uuid4().hex, **given, "MessageGroupId": group}
        return await self.call("send_message", MessageBody=body, **given)

    async def receive(self, most: int = 1, wait: int = 0, **given: Any) -> list[dict[str, Any]]:
        names = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"], **given}
        answer = await self.call(
            "receive_message", MaxNumberOfMessages=most, WaitTimeSeconds=wait, **names
        )
        return answer.get("Messages", [])

    async def bodies(self, most: int = 10, wait: int = 0, **given: Any) -> list[str]:
        return [each["Body"] for each in await self.receive(most, wait, **given)]

    async def delete(self, *messages: Mapping[str, Any]) -> None:
        for message in messages:
            await self.call("delete_message", ReceiptHandle=message["ReceiptHandle"])

    async def give_back(self, *messages: Mapping[str, Any]) -> None:
        for message in messages:
            handle = message["ReceiptHandle"]
            await self.call("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=0)

    async def counts(self) -> tuple[int, int, int]:
        """How many messages are visible, in flight, delayed."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        attributes = (await self.call("get_queue_attributes", AttributeNames=names))["Attributes"]
        visible, in_flight, delayed = (int(attributes[name]) for name in names)
        return visible, in_flight, delayed


@asynccontextmanager
async def embedded(folder: Path, config: Mapping[str, Any] | None = None) -> AsyncGenerator[Sqs]:
    """A gateway that serves its AWS APIs."""
    whole: dict[str, Any] = {**(config or {})}
    whole["gateway"] = {"lambda_api": 0, **whole.get("gateway", {})}
    async with serving_in(folder, whole) as served:
        sqs = Sqs(served.urls["lambda"], "embedded")
        try:
            yield sqs
        finally:
            sqs.close()


@contextmanager
def moto_server() -> Generator[str]:
    """moto's server in a process of its own, and where it is."""
    need_module("moto")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urlopen(f"{url}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()
