"""`event_invoke` of a configuration: ranges, destinations, dead-letter queues, scope."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegw.awslambda.async_invocation import EventInvokeConfig
from edgegw.config.resolve import load_dict
from tests.config.test_config import FUNCTIONS, findings

BASE = """\
functions:
  report: {runtime: python3.13, code: ., handler: hooks.target}
  f: {runtime: python3.13, code: ., handler: hooks.target, """


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ("event_invoke: {maximum_retry_attempts: 3}", "config.type", "2"),
        ("event_invoke: {maximum_event_age: 59}", "config.type", "60"),
        ("event_invoke: {maximum_event_age: 21601}", "config.type", "21600"),
        ("event_invoke: {on_success: jobs}", "lambda.destination", "'jobs' is no destination"),
        ("event_invoke: {on_failure: 'sns:news'}", "lambda.destination", "sns:ARN"),
        (
            "event_invoke: {on_success: 's3:bucket'}",
            "lambda.destination",
            "records of failures only",
        ),
        (
            "event_invoke: {on_success: 'function:f'}",
            "lambda.destination",
            "You can't specify the function as a destination for itself.",
        ),
        ("event_invoke: {on_success: 'sqs:q.fifo'}", "lambda.destination", "standard queues"),
        (
            "event_invoke: {on_failure: 'arn:aws:sns:us-east-1:123456789012:t.fifo'}",
            "lambda.destination",
            "standard queues and topics only",
        ),
        ("event_invoke: {dead_letter: 'sqs:q.fifo'}", "lambda.dead-letter", "standard queues"),
        ("event_invoke: {on_success: 'function:reprot'}", "config.reference", "did you mean"),
        (
            "event_invoke: {on_success: 'function:report:9'}",
            "config.reference",
            "no version or alias",
        ),
        ("event_invoke: {on_failure: 'file:.'}", "lambda.destination", "is a folder"),
        ("event_invoke: {dead_letter: 'file:.'}", "lambda.dead-letter", "is a folder"),
        (
            "dead_letter: 'sqs:q'",
            "config.unknown-key",
            "unknown key 'dead_letter'; it stands below 'event_invoke'",
        ),
        (
            "event_invoke: {recursive_loop: Allow}",
            "config.unknown-key",
            "unknown key 'recursive_loop'; it stands beside 'event_invoke'",
        ),
        ("event_invoke: {dead_letter: 'function:report'}", "lambda.dead-letter", "sqs:NAME"),
        (
            "aliases: {live: {version: 1, event_invoke: {on_failure: 'function:gone'}}}",
            "config.reference",
            "there is no function 'gone'",
        ),
        (
            "aliases: {live: {version: 1, event_invoke: {dead_letter: 'sqs:q'}}}",
            "config.unknown-key",
            "dead_letter",
        ),
        ("recursive_loop: Never", "config.value", "Terminate"),
    ],
)
def test_what_cannot_be(given: str, code: str, text: str) -> None:
    said = findings(f"{BASE}{given}}}\n")
    assert any(code in each and text in each for each in said), said


def test_a_queue_beside_those_of_the_file_is_warned_of() -> None:
    said = findings(f"{BASE}event_invoke: {{on_failure: 'sqs:jbos'}}}}\nqueues: {{jobs: {{}}}}\n")
    assert len(said) == 1
    assert "warning: lambda.destination there is no queue 'jbos' in 'queues'" in said[0]
    assert said[0].endswith("did you mean 'jobs'?")


@pytest.mark.parametrize("target", ["sqs:https://sqs.eu-west-1.amazonaws.com/1/q", "events:b"])
def test_what_may_be_elsewhere_is_no_finding(target: str) -> None:
    assert findings(f"{BASE}event_invoke: {{on_failure: '{target}'}}}}\n") == []


def test_what_it_becomes() -> None:
    given = {
        "event_invoke": {
            "maximum_retry_attempts": 0,
            "on_success": "file:./done.jsonl",
            "on_failure": "function:report",
            "dead_letter": "sqs:dead",
        },
        "versions": {"1": {}, "2": {"event_invoke": {"maximum_event_age": 60}}},
        "aliases": {"live": {"version": "1", "event_invoke": {"on_failure": "file:/f.jsonl"}}},
        "recursive_loop": "Allow",
    }
    function = {"runtime": "python3.13", "code": ".", "handler": "hooks.target"}
    config = load_dict({"functions": {"report": function, "f": {**function, **given}}}, FUNCTIONS)
    f = config.functions["f"]
    done = f"file:{Path(FUNCTIONS).resolve()}/done.jsonl"
    assert dict(f.event_invoke) == {
        "$LATEST": EventInvokeConfig(
            maximum_retry_attempts=0, on_success=done, on_failure="function:report"
        ),
        "2": EventInvokeConfig(maximum_event_age=60),
        "live": EventInvokeConfig(on_failure="file:/f.jsonl"),
    }
    assert f.recursive_loop == "Allow"
    assert {each.dead_letter for each in (f.latest, *f.versions.values())} == {"sqs:dead"}
    assert not config.warnings
