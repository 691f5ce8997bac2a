"""Queues of a configuration: what they become, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError
from edgegw.messaging.queue import QueueSettings, Redrive, RemoteQueue


def findings(queues: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_dict({"queues": queues, "gateway": {"lambda_api": 0}})
    return [f"{each.code} {each.text}" for each in caught.value.findings]


def test_queues_become_values_with_awss_defaults() -> None:
    config = load_dict(
        {
            "queues": {
                "jobs": {"redrive": {"to": "dead"}},
                "dead": {"retention": 1_209_600},
                "o.fifo": {
                    "fifo": True,
                    "visibility_timeout": 0,
                    "delay": 900,
                    "receive_wait_time": 20,
                    "max_message_size": 1024,
                    "content_based_deduplication": True,
                    "deduplication_scope": "messageGroup",
                },
                "far": {
                    "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/far",
                    "endpoint_url": "http://localhost:4566",
                },
            },
            "gateway": {"lambda_api": 0},
        }
    )
    assert config.queues == {
        "jobs": QueueSettings(name="jobs", redrive=Redrive("dead", 10)),
        "dead": QueueSettings(name="dead", retention=1_209_600),
        "o.fifo": QueueSettings(
            name="o.fifo",
            visibility_timeout=0,
            delay=900,
            receive_wait_time=20,
            max_message_size=1024,
            content_based_deduplication=True,
            deduplicates_per_group=True,
        ),
        "far": RemoteQueue(
            "far",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/far",
            "http://localhost:4566",
        ),
    }
    plain = config.queues["jobs"]
    assert isinstance(plain, QueueSettings)
    assert (plain.visibility_timeout, plain.delay, plain.retention) == (30, 0, 345_600)
    assert (plain.receive_wait_time, plain.max_message_size) == (0, 1_048_576)


@pytest.mark.parametrize(
    ("queues", "finding"),
    [
        ({"jobs": {"fifo": True}}, "sqs.name the name of a FIFO queue ends with .fifo"),
        ({"jobs.fifo": {"fifo": False}}, "sqs.name the name of a standard queue does not end"),
        ({"a b": {}}, "sqs.name 'a b' is no name of a queue"),
        ({"x" * 81: {}}, "sqs.name 'xxx"),
        ({"x" * 76 + ".fifo": {}}, "sqs.name 'xxx"),
        (
            {"jobs": {"content_based_deduplication": True}},
            "sqs.queue 'content_based_deduplication' is for FIFO queues",
        ),
        (
            {"jobs": {"redrive": {"to": "deaf"}}, "dead": {}},
            "config.reference there is no queue 'deaf'; did you mean 'dead'?",
        ),
        (
            {"jobs": {"redrive": {"to": "jobs"}}},
            "sqs.redrive a queue is not its own dead letter queue",
        ),
        (
            {"jobs": {"redrive": {"to": "d.fifo"}}, "d.fifo": {}},
            "sqs.redrive the dead letter queue of a FIFO queue is a FIFO queue",
        ),
        (
            {"jobs": {"redrive": {"to": "far"}}, "far": {"queue_url": "http://x.test/1/far"}},
            "sqs.redrive 'far' is at http://x.test/1/far",
        ),
        (
            {"far": {"queue_url": "http://x.test/1/far", "delay": 5}},
            "sqs.queue 'delay' is a setting of the queue at queue_url",
        ),
        ({"jobs": {"endpoint_url": "http://x.test"}}, "sqs.queue 'endpoint_url' needs 'queue_url'"),
        ({"jobs": {"queue_url": "jobs"}}, "config.type"),
        ({"jobs": {"visibility_timeout": 43_201}}, "config.type"),
        ({"jobs": {"delay": 901}}, "config.type"),
        ({"jobs": {"retention": 59}}, "config.type"),
        ({"jobs": {"receive_wait_time": 21}}, "config.type"),
        ({"jobs": {"max_message_size": 1_048_577}}, "config.type"),
        ({"jobs": {"redrive": {"to": "jobs", "max_receive_count": 0}}}, "config.type"),
        ({"jobs": {"redrive": {"to": "jobs", "max_receive_count": 1001}}}, "config.type"),
    ],
)
def test_what_a_queue_cannot_be(queues: Any, finding: str) -> None:
    code, _, text = finding.partition(" ")
    assert any(each.startswith(f"{code} ") and text in each for each in findings(queues)), findings(
        queues
    )
