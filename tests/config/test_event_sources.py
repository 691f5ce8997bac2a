"""`event_sources:` of the configuration: what is taken, what is refused where."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import FunctionRef
from edgegw.config.model import Config
from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError

PYTHON = f"python3.{sys.version_info[1]}"
REMOTE = "https://sqs.eu-west-1.amazonaws.com/210987654321/far.fifo"


def load(folder: Path, *sources: dict[str, Any], **queues: Any) -> Config:
    (folder / "handler.py").write_text("def handler(event, context): pass\n")
    worker = {"runtime": PYTHON, "code": "."}
    value = {
        "functions": {"worker": worker, "slow": {**worker, "timeout": 60}},
        "queues": {"jobs": {}, "work.fifo": {}, "far.fifo": {"queue_url": REMOTE}, **queues},
        "event_sources": list(sources),
    }
    return load_dict(value, folder)


def findings(folder: Path, source: dict[str, Any]) -> list[str]:
    try:
        given = load(folder, {"source": "jobs", "function": "worker", **source}).warnings
    except ConfigError as error:
        given = error.findings
    return [f"{one.severity}: {one.code} {one.text}" for one in given]


def test_a_mapping_of_an_embedded_queue(tmp_path: Path) -> None:
    source = {
        "source": "jobs",
        "function": "worker:1",
        "batch_size": 100,
        "batch_window": 5,
        "filters": [{"body": {"kind": ["a"]}}, '{"body":["b"]}'],
        "report_batch_item_failures": True,
        "maximum_concurrency": 7,
    }
    [mapping] = load(tmp_path, source).event_sources
    assert mapping.arn == "arn:aws:sqs:us-east-1:123456789012:jobs"
    assert (mapping.kind, mapping.source, mapping.is_embedded) == ("sqs", "jobs", True)
    assert mapping.function == FunctionRef("worker", qualifier="1")
    assert (mapping.batch_size, mapping.batch_window) == (100, 5)
    assert mapping.filters == ('{"body": {"kind": ["a"]}}', '{"body":["b"]}')
    assert (mapping.reports_failures, mapping.maximum_concurrency) == (True, 7)


def test_a_real_queue_has_the_arn_that_its_url_says(tmp_path: Path) -> None:
    [mapping] = load(tmp_path, {"source": "far.fifo", "function": "worker"}).event_sources
    assert mapping.arn == "arn:aws:sqs:eu-west-1:210987654321:far.fifo"
    assert (mapping.kind, mapping.source, mapping.is_embedded) == ("sqs-fifo", REMOTE, False)


def test_a_mapping_has_the_same_uuid_whatever_else_it_says(tmp_path: Path) -> None:
    source = {"source": "jobs", "function": "worker"}
    one, other = (
        load(tmp_path, {**source, **more}).event_sources[0].uuid
        for more in ({}, {"batch_size": 3, "enabled": False})
    )
    assert one == other


MISTAKES = [
    pytest.param(
        {"source": "job"},
        "error: config.reference there is no queue or stream 'job'; did you mean 'jobs'?",
        "source",
        id="source",
    ),
    pytest.param(
        {"function": "workr"},
        "error: config.reference there is no function 'workr'; did you mean 'worker'?",
        "function",
        id="function",
    ),
    pytest.param(
        {"function": "worker:9"},
        "error: config.reference function 'worker' has no version or alias '9'; there are: "
        "$LATEST, 1",
        "function",
        id="qualifier",
    ),
    pytest.param(
        {"batchsize": 3},
        "error: config.unknown-key unknown key 'batchsize'; did you mean 'batch_size'?",
        "batchsize",
        id="key",
    ),
    pytest.param(
        {"batch_size": 11},
        "error: lambda.event-source Maximum batch window in seconds must be greater than 0 if "
        "maximum batch size is greater than 10",
        "batch_size",
        id="no-window",
    ),
    pytest.param(
        {"source": "work.fifo", "batch_window": 1},
        "error: lambda.event-source Batching window is not supported for FIFO queues.",
        "batch_window",
        id="fifo-window",
    ),
    pytest.param(
        {"starting_position": "LATEST"},
        "error: lambda.event-source 'starting_position' is no setting of an SQS queue, which "
        "'jobs' is",
        "starting_position",
        id="start",
    ),
    pytest.param(
        {"on_failure": "sqs:dead"},
        "error: lambda.event-source 'on_failure' is no setting of an SQS queue, which 'jobs' is",
        "on_failure",
        id="on-failure",
    ),
    pytest.param(
        {"function": "slow"},
        "error: lambda.visibility-timeout Queue visibility timeout: 30 seconds is less than "
        "Function timeout: 60 seconds; set visibility_timeout of 'jobs' (AWS advises six times it)",
        "source",
        id="visibility",
    ),
    pytest.param(
        {"batch_window": 30},
        "warning: lambda.batch-window messages are gathered for 30 s, and come again after 30 s: "
        "set visibility_timeout of 'jobs' higher",
        "batch_window",
        id="window",
    ),
    pytest.param(
        {"filters": [{"body": "a"}]},
        'error: lambda.filter no filter pattern: "body" must be an object or an array',
        "filters.0",
        id="filter",
    ),
    pytest.param(
        {"filters": [{"bdy": ["a"]}]},
        "warning: lambda.filter no record of an SQS queue has 'bdy'; did you mean 'body'?",
        "filters.0",
        id="filter-field",
    ),
    pytest.param(
        {"filters": [{"$or": [{"body": ["a"]}, {"Body": ["b"]}]}]},
        "warning: lambda.filter no record of an SQS queue has 'Body'; did you mean 'body'?",
        "filters.0",
        id="filter-field-of-an-alternative",
    ),
    pytest.param(
        {"filters": [{"body": {"a": [{"prefix": "x"}, {"wildcard": "a*b"}]}}]},
        "warning: lambda.filter AWS knows 'wildcard' in rules of EventBridge, and not in filters of "
        "mappings",
        "filters.0",
        id="filter-wildcard",
    ),
    pytest.param(
        {"filters": ['{"body": {"$or": [{"a": [{"cidr": "10.0.0.0/8"}]}, {"b": [1]}]}}']},
        "warning: lambda.filter AWS knows 'cidr' in rules of EventBridge, and not in filters of "
        "mappings",
        "filters.0",
        id="filter-cidr",
    ),
    pytest.param(
        {"filters": ["nil"]},
        "error: lambda.filter no filter pattern: Expecting value: line: 1, column: 1",
        "filters.0",
        id="filter-text",
    ),
]


@pytest.mark.parametrize(("source", "text", "place"), MISTAKES)
def test_what_does_not_go_together_is_refused_at_its_place(
    tmp_path: Path, source: dict[str, Any], text: str, place: str
) -> None:
    severity, code, rest = text.split(" ", 2)
    assert findings(tmp_path, source) == [f"{severity} {code} event_sources.0.{place}: {rest}"]


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("batch_size", 0),
        ("batch_size", 10_001),
        ("batch_window", 301),
        ("batch_window", -1),
        ("maximum_concurrency", 1),
        ("maximum_concurrency", 1001),
        ("provisioned_pollers", {"minimum": 1}),
        ("filters", [{"body": ["a"]}] * 6),
        ("enabled", "yes"),
    ],
)
def test_what_is_out_of_range_is_refused(tmp_path: Path, key: str, given: Any) -> None:
    [finding] = findings(tmp_path, {key: given})
    assert finding.startswith("error: config.")


def test_a_filter_may_want_a_field_to_be_absent(tmp_path: Path) -> None:
    assert findings(tmp_path, {"filters": [{"other": [{"exists": False}]}]}) == []


def test_a_source_leads_to_a_function_once(tmp_path: Path) -> None:
    source = {"source": "jobs", "function": "worker"}
    with pytest.raises(ConfigError, match="'jobs' leads to 'worker' already"):
        load(tmp_path, source, source)
