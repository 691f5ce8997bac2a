"""`streams:` of the configuration, and what event sources of streams are held to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edgegw.config.model import Config
from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError
from edgegw.messaging.stream import RemoteStream, StreamDefinition

PYTHON = f"python3.{sys.version_info[1]}"
FAR = "arn:aws:kinesis:eu-west-1:210987654321:stream/far"


def load(folder: Path, streams: dict[str, Any], *sources: dict[str, Any], **more: Any) -> Config:
    (folder / "handler.py").write_text("def handler(event, context): pass\n")
    worker = {"runtime": PYTHON, "code": "."}
    value = {
        "functions": {"worker": worker},
        "streams": streams,
        "event_sources": [{"function": "worker", **source} for source in sources],
        **more,
    }
    return load_dict(value, folder)


def findings(
    folder: Path, streams: dict[str, Any], *sources: dict[str, Any], **more: Any
) -> list[str]:
    try:
        given = load(folder, streams, *sources, **more).warnings
    except ConfigError as error:
        given = error.findings
    return [f"{one.severity}: {one.code} {_without_place(one.text)}" for one in given]


def _without_place(text: str) -> str:
    place, _, rest = text.partition(": ")
    return rest if place.startswith(("streams.", "event_sources.")) else text


def test_streams_as_they_are_meant(tmp_path: Path) -> None:
    streams = {
        "clicks": {},
        "orders": {"type": "dynamodb", "shards": 3},
        "slow": {"retention": 604_800},
        "far": {"stream_arn": FAR, "endpoint_url": "http://127.0.0.1:5000"},
    }
    assert load(tmp_path, streams).streams == {
        "clicks": StreamDefinition(name="clicks", shards=1, retention=86_400),
        "orders": StreamDefinition(name="orders", type="dynamodb", shards=3, retention=86_400),
        "slow": StreamDefinition(name="slow", retention=604_800),
        "far": RemoteStream(name="far", stream_arn=FAR, endpoint_url="http://127.0.0.1:5000"),
    }


@pytest.mark.parametrize(
    ("name", "stream", "text"),
    [
        pytest.param("a b", {}, "error: kinesis.name 'a b' is no name of a stream", id="a blank"),
        pytest.param("x" * 129, {}, "error: kinesis.name", id="a long name"),
        pytest.param("ab", {"type": "dynamodb"}, "error: kinesis.name 'ab'", id="a short table"),
        pytest.param("a", {"shards": 0}, "error: config.type", id="no shard"),
        pytest.param("a", {"retention": 86_399}, "error: config.type", id="less than a day"),
        pytest.param("a", {"retention": 31_536_001}, "error: config.type", id="beyond a year"),
        pytest.param(
            "abc",
            {"type": "dynamodb", "retention": 172_800},
            "error: kinesis.stream a stream of DynamoDB keeps its records for a day, as on AWS",
            id="a table's retention",
        ),
        pytest.param(
            "a",
            {"stream_arn": "arn:aws:sqs:us-east-1:123456789012:jobs"},
            "error: kinesis.stream 'arn:aws:sqs:us-east-1:123456789012:jobs' is no ARN of a stream",
            id="another ARN",
        ),
        pytest.param(
            "a",
            {"stream_arn": FAR, "shards": 2},
            "error: kinesis.stream 'shards' is a setting of the stream at stream_arn",
            id="a setting of a real one",
        ),
        pytest.param(
            "a",
            {"endpoint_url": "http://127.0.0.1:5000"},
            "error: kinesis.stream 'endpoint_url' needs 'stream_arn'",
            id="an endpoint of nothing",
        ),
    ],
)
def test_what_no_stream_is(tmp_path: Path, name: str, stream: dict[str, Any], text: str) -> None:
    [finding] = findings(tmp_path, {name: stream})
    assert finding.startswith(text)


def test_a_name_is_a_queue_or_a_stream(tmp_path: Path) -> None:
    [finding] = findings(tmp_path, {"jobs": {}}, queues={"jobs": {}})
    assert finding.startswith("error: kinesis.name 'jobs' is a queue as well")


def test_a_mapping_of_a_stream(tmp_path: Path) -> None:
    source = {
        "source": "clicks",
        "starting_position": "AT_TIMESTAMP",
        "starting_position_timestamp": "1970-01-02T00:00:00Z",
        "parallelization_factor": 10,
        "maximum_record_age": 60,
        "maximum_retry_attempts": 0,
        "bisect_batch_on_function_error": True,
        "tumbling_window": 900,
        "on_failure": "file:lost.jsonl",
    }
    [mapping] = load(tmp_path, {"clicks": {}}, source).event_sources
    assert mapping.arn == "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
    assert (mapping.kind, mapping.batch_size) == ("kinesis", 100)
    stream = mapping.stream
    assert (stream.starting_position, stream.starting_timestamp) == ("AT_TIMESTAMP", 86_400)
    assert (stream.parallelization_factor, stream.tumbling_window) == (10, 900)
    assert (stream.maximum_record_age, stream.maximum_retry_attempts) == (60, 0)
    assert stream.bisect_on_error
    assert stream.on_failure == f"file:{tmp_path / 'lost.jsonl'}"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param(
            {}, "error: config.missing-key a stream needs 'starting_position'", id="start"
        ),
        pytest.param(
            {"starting_position": "LATEST", "maximum_record_age": 59},
            "error: lambda.event-source MaximumRecordAgeInSeconds must be -1 or at least 60.",
            id="a minute at least",
        ),
        pytest.param(
            {"starting_position": "LATEST", "parallelization_factor": 11},
            "error: config.type",
            id="ten lanes at most",
        ),
        pytest.param(
            {"starting_position": "LATEST", "maximum_retry_attempts": 10_001},
            "error: config.type",
            id="ten thousand retries at most",
        ),
        pytest.param(
            {"starting_position": "LATEST", "tumbling_window": 901},
            "error: config.type",
            id="a quarter of an hour at most",
        ),
        pytest.param(
            {"starting_position": "LATEST", "on_failure": "mail:me"},
            "error: lambda.destination 'mail:me' is no destination",
            id="no destination",
        ),
        pytest.param(
            {"starting_position": "LATEST", "on_failure": "function:nobody"},
            "error: config.reference",
            id="no such function",
        ),
        pytest.param(
            {"starting_position": "LATEST", "on_failure": "function:worker"},
            "error: lambda.destination records of streams go to sqs:, sns:, s3: or file:, not to 'f",
            id="functions get none",
        ),
        pytest.param(
            {"starting_position": "LATEST", "on_failure": "events:default"},
            "error: lambda.destination records of streams go to sqs:, sns:, s3: or file:, not to 'e",
            id="nor do buses",
        ),
        pytest.param(
            {"starting_position": "LATEST", "on_failure": "sqs:q.fifo"},
            "error: lambda.destination Lambda sends to standard queues and topics only",
            id="nor FIFO queues",
        ),
        pytest.param(
            {"starting_position": "LATEST", "maximum_concurrency": 5},
            "error: lambda.event-source 'maximum_concurrency' is no setting of a Kinesis stream",
            id="a setting of queues",
        ),
    ],
)
def test_what_a_mapping_of_a_stream_is_held_to(
    tmp_path: Path, source: dict[str, Any], text: str
) -> None:
    [finding] = findings(tmp_path, {"clicks": {}}, {"source": "clicks", **source})
    assert finding.startswith(text), finding


def test_tables_begin_at_no_time(tmp_path: Path) -> None:
    source = {
        "source": "orders",
        "starting_position": "AT_TIMESTAMP",
        "starting_position_timestamp": 5,
    }
    [finding] = findings(tmp_path, {"orders": {"type": "dynamodb"}}, source)
    assert "Unsupported starting position" in finding
