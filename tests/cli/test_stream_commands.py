"""`edgegw send STREAM` as typed, and a gateway that is killed with SIGKILL while it reads streams."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.aws_clients import aws_client
from tests.cli.test_balancer_commands import EDGEGW, edgegw
from tests.cli.test_commands import running, wait_for_announcements
from tests.conftest import FUNCTIONS, PYTHON, free_port

KILLS = 5
TABLE_STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01T00:00:00.000"
KEYS = [f"user-{number}" for number in range(8)]


def project(folder: Path, **parts: Any) -> int:
    """A configuration with streams, and the port of the AWS APIs."""
    port = free_port()
    config = {
        "streams": {
            "clicks": {"shards": 2},
            "orders": {"type": "dynamodb"},
            "far": {
                "stream_arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/far",
                "endpoint_url": "http://127.0.0.1:1",
            },
            "real": {
                "stream_arn": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
                "endpoint_url": f"http://127.0.0.1:{port}",
            },
            "table": {"stream_arn": TABLE_STREAM},
        },
        "queues": {"jobs": {}},
        "gateway": {"lambda_api": port},
        **parts,
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))
    return port


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """A gateway in a process of its own; its end is a SIGKILL."""
    with running("serve", cwd=folder, doors=1):
        wait_for_announcements(folder)
        yield


def client(port: int, service: str = "kinesis") -> Any:
    return aws_client(service, f"http://127.0.0.1:{port}", connect_timeout=30, read_timeout=30)


def records_of(port: int) -> list[dict[str, Any]]:
    kinesis = client(port)
    records: list[dict[str, Any]] = []
    for shard in kinesis.list_shards(StreamName="clicks")["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName="clicks", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records += kinesis.get_records(ShardIterator=iterator)["Records"]
    return records


def test_records_come_as_they_were_typed(tmp_path: Path) -> None:
    port = project(tmp_path)
    with served(tmp_path):
        typed = edgegw(tmp_path, "send", "clicks", "hello ✓", "--partition-key", "user-1")
        assert typed.returncode == 0, typed.stderr
        [record] = records_of(port)
        assert record["Data"].decode() == "hello ✓"
        assert record["PartitionKey"] == "user-1"
        assert record["SequenceNumber"] == typed.stdout.strip()

        typed = edgegw(tmp_path, "send", "clicks", "more", "--json")
        row = json.loads(typed.stdout)
        assert set(row) == {"shard", "sequence_number"}
        assert row["shard"] in ("shardId-000000000000", "shardId-000000000001")

        for target, code in (("clicks", 0), ("jobs", 2)):
            command = [*EDGEGW, "send", target, "-"]
            raw = subprocess.run(
                command,
                cwd=tmp_path,
                input=b"\xff\x00\xe2\x9c\x93",
                capture_output=True,
                check=False,
            )
            assert raw.returncode == code, raw.stderr
        assert raw.stderr == b"edgegw: the input is no UTF-8, and messages of jobs are text\n"
        assert b"\xff\x00\xe2\x9c\x93" in [each["Data"] for each in records_of(port)]

        typed = edgegw(tmp_path, "send", "real", "there", "--partition-key", "user-2")
        assert typed.returncode == 0, typed.stderr
        [record] = [each for each in records_of(port) if each["PartitionKey"] == "user-2"]
        assert record["Data"].decode() == "there"
        assert record["SequenceNumber"] == typed.stdout.strip()

        change = '{"Keys": {"id": {"S": "1"}}, "OldImage": {"id": {"S": "1"}}}'
        assert edgegw(tmp_path, "send", "orders", change).returncode == 0
        tables = client(port, "dynamodbstreams")
        [stream] = tables.list_streams()["Streams"]
        described = tables.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
        iterator = tables.get_shard_iterator(
            StreamArn=stream["StreamArn"],
            ShardId=described["Shards"][0]["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        [kept] = tables.get_records(ShardIterator=iterator)["Records"]
        assert kept["eventName"] == "REMOVE"


def test_what_cannot_be_sent_is_said_in_a_sentence(tmp_path: Path) -> None:
    project(tmp_path)
    with served(tmp_path):
        for words, text in (
            (("far", "x"), "edgegw: far: arn:aws:kinesis:eu-west-1:123456789012:stream/far: Could"),
            (("table", "{}"), "edgegw: table is the stream of a table: change the table"),
            (("orders", "x"), "edgegw: orders: a record of DynamoDB Streams must be JSON"),
            (("orders", "{}"), "edgegw: orders: Keys is missing or no object; send {"),
            (("orders", '{"Keys": {"id": 7}}'), "edgegw: orders: Keys.id must be a value with"),
            (("orders", '{"Keys": {"id": {"X": "7"}}}'), "edgegw: orders: Keys.id has no type 'X'"),
            (("clicks", "x", "--group", "g"), "edgegw: clicks is a stream: --group is for queues"),
            (("clicks", "x", "--partition-key", "k" * 257), "edgegw: a partition key has 1 to 256"),
            (("jobs", "x", "--partition-key", "k"), "edgegw: jobs is no stream"),
        ):
            refused = edgegw(tmp_path, "send", *words)
            assert refused.returncode == 2, words
            assert refused.stderr.startswith(text), refused.stderr


class Writer:
    """A thread that puts records until the gateway is gone; each key counts up."""

    def __init__(self, port: int) -> None:
        self._kinesis = client(port)
        self.accepted: list[str] = []
        self._counts = dict.fromkeys(KEYS, 0)

    def write(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            while True:
                key = random.choice(KEYS)
                self._counts[key] += 1  # what was refused may have been taken all the same
                text = f"{key} {self._counts[key]}"
                self._kinesis.put_record(StreamName="clicks", Data=text.encode(), PartitionKey=key)
                self.accepted.append(text)


@pytest.mark.timeout(240)
def test_killed_at_any_moment_it_loses_no_record_and_keeps_the_order_of_keys(
    tmp_path: Path,
) -> None:
    worker = {
        "runtime": PYTHON,
        "code": str(FUNCTIONS),
        "handler": "stream_worker.handler",
        "local_environment": {"NOTES": str(tmp_path / "notes")},
    }
    port = project(
        tmp_path,
        functions={"worker": worker},
        event_sources=[
            {
                "source": "clicks",
                "function": "worker",
                "starting_position": "TRIM_HORIZON",
                "parallelization_factor": 2,
                "batch_size": 5,
            }
        ],
    )
    writer = Writer(port)
    for _ in range(KILLS):
        with served(tmp_path):
            thread = threading.Thread(target=writer.write)
            thread.start()
            enough = len(writer.accepted) + 20
            while len(writer.accepted) < enough:
                assert thread.is_alive()
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.5))
        thread.join()
    with served(tmp_path):
        handled = wait_until_handled(tmp_path / "notes", set(writer.accepted))

    for key in KEYS:
        first = list(
            dict.fromkeys(int(text.split()[1]) for text in handled if text.startswith(f"{key} "))
        )
        assert first == sorted(first)  # what comes again was there before


def wait_until_handled(notes: Path, accepted: set[str]) -> list[str]:
    handled: list[str] = []
    for _ in range(1200):
        lines = notes.read_text().splitlines() if notes.exists() else []
        handled = [
            base64.b64decode(record["kinesis"]["data"]).decode()
            for line in lines
            for record in json.loads(line)["Records"]
        ]
        if accepted <= set(handled):
            return handled
        time.sleep(0.05)
    raise AssertionError(accepted - set(handled))
