"""A gateway that is killed while its functions work: every message is handled, none is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws_clients import aws_client
from tests.conftest import FUNCTIONS, PYTHON, free_port

MESSAGES = 60


class Life:
    """`edgegw serve` in a process, and boto3's client for it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edgegw", "serve", str(folder / "edgegw.json"), "--no-reload"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        )
        assert self.process.stdout is not None
        assert "ready" in self.process.stdout.readline()
        self.sqs: Any = aws_client("sqs", f"http://127.0.0.1:{port}")

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.sqs.close()


@contextlib.contextmanager
def life(folder: Path, port: int, how: signal.Signals = signal.SIGTERM) -> Iterator[Life]:
    one = Life(folder, port)
    try:
        yield one
    finally:
        one.end(how)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["jobs", "jobs.fifo"])
def test_every_message_is_handled_whenever_the_gateway_is_killed(tmp_path: Path, name: str) -> None:
    worker = {
        "runtime": PYTHON,
        "code": str(FUNCTIONS),
        "handler": "queue_worker.handler",
        "timeout": 1,
        "local_environment": {"NOTES": str(tmp_path / "notes")},
    }
    port, dice = free_port(), random.Random(7)
    config = {
        "functions": {"worker": worker},
        "queues": {name: {"visibility_timeout": 1}},
        "event_sources": [
            {"source": name, "function": "worker", "batch_size": 3},
        ],
        "gateway": {"lambda_api": port, "state": str(tmp_path / "state")},
    }
    (tmp_path / "edgegw.json").write_text(json.dumps(config))
    accepted = list[str]()
    for _ in range(4):
        with life(tmp_path, port, signal.SIGKILL) as one:
            url = one.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            for _ in range(MESSAGES // 4):
                number = len(accepted)
                body = f"{number:03} " + ("error " if number % 7 == 3 else "") + "sleep 0.02"
                more = {}
                if name.endswith(".fifo"):
                    group = f"g{number % 3}"
                    more = {"MessageGroupId": group, "MessageDeduplicationId": body[:3]}
                one.sqs.send_message(QueueUrl=url, MessageBody=body, **more)
                accepted.append(body)
            time.sleep(dice.random() * 0.4)
    with life(tmp_path, port) as one:
        url = one.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        until_empty(one.sqs, url)
    batches = [
        [record["body"] for record in json.loads(line)["Records"]]
        for line in (tmp_path / "notes").read_text().splitlines()
        if line.endswith("]}")
    ]
    assert {body for batch in batches for body in batch} == set(accepted)
    if name.endswith(".fifo"):
        for group in range(3):
            own = [
                int(body[:3]) for batch in batches for body in batch if int(body[:3]) % 3 == group
            ]
            first = list(dict.fromkeys(own))
            assert first == sorted(first), "a message came before an earlier one of its group"


def until_empty(sqs: Any, url: str) -> None:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if set(attributes.values()) == {"0"}:
            return
        time.sleep(0.05)
    raise AssertionError(attributes)
