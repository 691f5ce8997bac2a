"""`edgegw send` as typed, and gateways that are killed with SIGKILL while messages come and go."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.aws_clients import aws_client
from tests.cli.test_balancer_commands import edgegw
from tests.cli.test_commands import EDGEGW, running, wait_for_announcements
from tests.conftest import free_port

KILLS = 6


def project(folder: Path) -> int:
    """A configuration with queues, and the port of the AWS APIs."""
    port = free_port()
    api = f"http://127.0.0.1:{port}"
    config = {
        "queues": {
            "jobs": {"visibility_timeout": 1, "redrive": {"to": "dead", "max_receive_count": 50}},
            "dead": {},
            "orders.fifo": {},
            "far": {
                "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/far",
                "endpoint_url": "http://127.0.0.1:1",
            },
            **{
                name: {"queue_url": f"{api}/123456789012/{own}", "endpoint_url": api}
                for name, own in (("real", "jobs"), ("real.fifo", "orders.fifo"))
            },
        },
        "gateway": {"lambda_api": port},
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))
    return port


@contextmanager
def served(folder: Path) -> Generator[None]:
    """A gateway in a process of its own; its end is a SIGKILL."""
    with running("serve", cwd=folder, doors=1):
        wait_for_announcements(folder)
        yield


def client(port: int) -> Any:
    return aws_client("sqs", f"http://127.0.0.1:{port}", connect_timeout=30, read_timeout=30)


def received(port: int, queue: str) -> list[dict[str, Any]]:
    sqs = client(port)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )
    return answer.get("Messages", [])


def test_messages_come_as_they_were_typed(tmp_path: Path) -> None:
    port = project(tmp_path)
    with served(tmp_path):
        typed = edgegw(
            tmp_path, "send", "jobs", "hello ✓", "--attribute", "a=b", "--attribute", "n:Number=7"
        )
        assert typed.returncode == 0, typed.stderr
        [message] = received(port, "jobs")
        assert message["MessageId"] == typed.stdout.strip()
        assert message["Body"] == "hello ✓"
        assert message["MessageAttributes"] == {
            "a": {"DataType": "String", "StringValue": "b"},
            "n": {"DataType": "Number", "StringValue": "7"},
        }
        piped = subprocess.run(
            [*EDGEGW, "send", "orders.fifo", "-", "--group", "a", "--lines", "--json"],
            input="one\ntwo\n\nthree\n",
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert piped.returncode == 0, piped.stderr
        ids = [json.loads(line)["message_id"] for line in piped.stdout.splitlines()]
        messages = received(port, "orders.fifo")
        assert [each["Body"] for each in messages] == ["one", "two", "three"]
        assert [each["MessageId"] for each in messages] == ids


def test_messages_for_a_queue_of_another_service_are_sent_there(tmp_path: Path) -> None:
    """Its own API stands for the other service."""
    port = project(tmp_path)
    with served(tmp_path):
        words = ("real", "hello ✓", "--attribute", "n:Number=7", "--json")
        typed = edgegw(tmp_path, "send", *words)
        assert typed.returncode == 0, typed.stderr
        [message] = received(port, "jobs")
        assert json.loads(typed.stdout) == {"message_id": message["MessageId"]}
        assert message["Body"] == "hello ✓"
        assert message["MessageAttributes"] == {"n": {"DataType": "Number", "StringValue": "7"}}
        for text in ("one", "two"):
            typed = edgegw(tmp_path, "send", "real.fifo", text, "--group", "a")
            assert typed.returncode == 0, typed.stderr
        messages = received(port, "orders.fifo")
        assert [each["Body"] for each in messages] == ["one", "two"]
        assert messages[0]["Attributes"]["MessageGroupId"] == "a"


def test_what_cannot_be_sent_is_said_in_a_sentence(tmp_path: Path) -> None:
    project(tmp_path)
    with served(tmp_path):
        for words, text in (
            (("job", "x"), "edgegw: there is no queue or stream 'job'; did you mean 'jobs'?"),
            (("far", "x"), "edgegw: far: https://sqs.eu-west-1.amazonaws.com/123456789012/far: C"),
            (("real", "x", "--delay", "901"), "edgegw: real: http://127.0.0.1:"),
            (("real.fifo", "x"), "edgegw: orders.fifo is a FIFO queue: give the message a"),
            (("orders.fifo", "x"), "edgegw: orders.fifo is a FIFO queue: give the message a"),
            (("jobs", "x", "--delay", "901"), "edgegw: jobs: Value 901 for parameter DelaySeconds"),
            (("jobs", ""), "edgegw: jobs: The request must contain the parameter MessageBody."),
            (("jobs", "x", "--attribute", "a"), "edgegw: 'a' must be NAME=VALUE"),
        ):
            refused = edgegw(tmp_path, "send", *words)
            assert refused.returncode == 2
            assert refused.stderr.startswith(text)


class Traffic:
    """Threads that send, receive and delete until the gateway is gone."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.accepted: set[str] = set()
        self.deleted: set[str] = set()
        self.tried: set[str] = set()
        """Bodies whose deletion was asked for and perhaps not answered."""

    def run(self, batches: int, kill: contextlib.ExitStack) -> None:
        """Kills the gateway when about so many batches more have been accepted."""
        before, end = len(self.accepted), time.monotonic() + 60
        threads = [threading.Thread(target=work) for work in (self._send, self._send, self._take)]
        for thread in threads:
            thread.start()
        while len(self.accepted) < before + 10 * batches:
            assert time.monotonic() < end, "nothing is accepted"
            time.sleep(random.uniform(0.0005, 0.005))
        kill.close()
        for thread in threads:
            thread.join()

    def _send(self) -> None:
        sqs = client(self._port)
        with contextlib.suppress(BotoCoreError, ClientError):
            url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
            while True:
                bodies = [uuid.uuid4().hex for _ in range(10)]
                entries = [{"Id": body, "MessageBody": body} for body in bodies]
                answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
                assert "Failed" not in answer
                # botocore takes an answer that the kill cut off for one without members.
                self.accepted.update(each["Id"] for each in answer.get("Successful", []))

    def _take(self) -> None:
        sqs = client(self._port)
        with contextlib.suppress(BotoCoreError, ClientError):
            url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
            while True:
                answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
                for message in answer.get("Messages", [])[:5]:
                    self.tried.add(message["Body"])
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    self.deleted.add(message["Body"])


def drained(port: int) -> set[str]:
    """The bodies of everything that is in the queue."""
    sqs, bodies = client(port), set[str]()
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        messages = answer.get("Messages", [])
        if not messages:
            return bodies
        entries = [
            {"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]}
            for at, each in enumerate(messages)
        ]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        bodies.update(each["Body"] for each in messages)


@pytest.mark.timeout(300)
def test_no_accepted_message_is_lost_by_kills(tmp_path: Path) -> None:
    port = project(tmp_path)
    traffic = Traffic(port)
    for _ in range(KILLS):
        with contextlib.ExitStack() as kill:
            kill.enter_context(served(tmp_path))
            traffic.run(random.randint(1, 60), kill)
    with served(tmp_path):
        left = drained(port)
    assert len(traffic.accepted) >= 10 * KILLS
    assert traffic.accepted - traffic.tried <= left, "an accepted message is lost"
    assert not traffic.deleted & left, "a deleted message is back"
