"""Schedules, rules and notifications of a configuration: what they become, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import FunctionRef
from edgegw.config.document import read_document
from edgegw.config.model import Config
from edgegw.config.pickling import pickled
from edgegw.config.resolve import load_dict, load_document
from edgegw.errors import ConfigError, Finding
from tests.conftest import FUNCTIONS, PYTHON

BASE: dict[str, Any] = {
    "functions": {
        "report": {
            "runtime": PYTHON,
            "code": ".",
            "handler": "hooks.target",
            "aliases": {"live": {"version": "1"}},
        }
    },
    "distributions": {
        "site": {
            "listen": 0,
            "origins": {
                "assets": {"s3": ".", "bucket": "assets", "region": "eu-west-1"},
                "pages": {"s3_website": ".."},
            },
            "default_behavior": {"origin": "assets"},
        }
    },
}


def loaded(**more: Any) -> Config:
    return load_dict({**BASE, **more}, FUNCTIONS)


def refused(**more: Any) -> list[Finding]:
    with pytest.raises(ConfigError) as raised:
        loaded(**more)
    return [finding for finding in raised.value.findings if finding.severity == "error"]


def test_a_schedule_is_a_rule_or_one_of_the_scheduler() -> None:
    often = {"expression": "rate(1 hour)", "function": "report:live"}
    config = loaded(
        schedules={
            "rule": often,
            "zone": {**often, "timezone": "UTC"},
            "once": {**often, "expression": "at(2030-01-01T00:00:00)"},
            "off": {**often, "enabled": False, "input": {"a": [1]}},
        }
    )
    services = {schedule.name: schedule.service for schedule in config.schedules}
    assert services == {"rule": "rule", "zone": "scheduler", "once": "scheduler", "off": "rule"}
    rule, _, _, off = config.schedules
    assert rule.function == FunctionRef("report", qualifier="live")
    assert (rule.input, off.input) == (None, b'{"a":[1]}')
    assert (rule.is_enabled, off.is_enabled) == (True, False)


def test_a_rule_takes_short_forms() -> None:
    config = loaded(
        rules={
            "short": {"pattern": {"source": ["shop"]}, "targets": ["report"]},
            "long": {
                "pattern": '{"source": ["shop"]}',
                "targets": [{"function": "report:1", "input": '{"a":  1}'}, "report"],
                "bus": "side",
            },
        }
    )
    short, long = config.event_rules
    assert short.pattern.matches({"source": "shop"})
    assert short.pattern == long.pattern
    assert [target.id for target in long.targets] == ["report-1", "report-2"]
    assert long.targets[0].input == b'{"a":  1}'
    assert (short.bus, long.bus) == ("default", "side")


def test_a_notification_is_of_an_origins_bucket_or_of_a_folder() -> None:
    config = loaded(
        bucket_notifications={
            "assets": {"bucket": "assets", "function": "report"},
            "pages": {"bucket": "site-pages", "function": "report", "events": "s3:ObjectRemoved:*"},
            "in_box": {"folder": ".", "function": "report", "prefix": "a/"},
            "named": {
                "folder": ".",
                "bucket": "named",
                "region": "eu-west-2",
                "function": "report",
            },
        }
    )
    places = [(each.bucket, each.region, each.folder) for each in config.bucket_notifications]
    assert places == [
        ("assets", "eu-west-1", str(FUNCTIONS / ".")),
        ("site-pages", "us-east-1", str(FUNCTIONS / "..")),
        ("in-box", "us-east-1", str(FUNCTIONS / ".")),
        ("named", "eu-west-2", str(FUNCTIONS / ".")),
    ]
    assert config.bucket_notifications[0].events == ("s3:ObjectCreated:*",)
    assert config.bucket_notifications[1].events == ("s3:ObjectRemoved:*",)


def test_all_of_it_survives_being_remembered() -> None:
    config = loaded(
        schedules={
            "zone": {
                "expression": "cron(0 3 ? * 2#1 *)",
                "function": "report",
                "timezone": "Asia/Tokyo",
            }
        },
        rules={"paid": {"pattern": {"a": [{"numeric": [">", 5]}]}, "targets": ["report"]}},
        bucket_notifications={"assets": {"bucket": "assets", "function": "report"}},
    )
    again: Config = pickle.loads(pickled(config))
    assert again.schedules == config.schedules
    assert again.event_rules == config.event_rules
    assert again.event_rules[0].pattern.matches({"a": 6})
    assert again.bucket_notifications == config.bucket_notifications


OFTEN = {"expression": "rate(1 hour)", "function": "report"}
PAID = {"pattern": {"source": ["shop"]}, "targets": ["report"]}
IN = {"folder": ".", "bucket": "in-box", "function": "report"}
WRONG = [
    ("schedules", {"n": {**OFTEN, "expression": "rate(1 hours)"}}, "events.schedule", "rate(1 hour)"),
    ("schedules", {"n": {**OFTEN, "expression": "0 3 * * *"}}, "events.schedule", "cron("),
    ("schedules", {"n": {**OFTEN, "function": "reprot"}}, "config.reference", "'report'"),
    ("schedules", {"n": {**OFTEN, "function": "report:9"}}, "config.reference", "no version"),
    ("schedules", {"n": {**OFTEN, "timezone": "Europe/Berlim"}}, "events.timezone", "Europe/Berlin"),
    ("schedules", {"n": {**OFTEN, "timezone": "../../etc/passwd"}}, "events.timezone", "no time zone"),
    ("schedules", {"n": {**OFTEN, "timezone": "Europe"}}, "events.timezone", "no time zone"),
    ("schedules", {"n": {**OFTEN, "timezone": ""}}, "events.timezone", "no time zone"),
    ("schedules", {"n": {**OFTEN, "input": "{full: true}"}}, "events.input", "JSON"),
    ("schedules", {"n": {**OFTEN, "input": {"a": float("nan")}}}, "events.input", "JSON"),
    ("schedules", {"n o": OFTEN}, "events.name", "no name"),
    (
        "schedules",
        {"n": {**OFTEN, "flexible_time_window": {"mode": "FLEXIBLE", "maximum_window_in_minutes": 5}}},
        "events.window",
        "mode: OFF",
    ),
    ("rules", {"r": {**PAID, "pattern": {"source": "shop"}}}, "events.pattern", "object or an array"),
    ("rules", {"r": {**PAID, "pattern": {"a": [{"pre": "x"}]}}}, "events.pattern", "Unrecognized"),
    ("rules", {"r": {**PAID, "pattern": "{"}}, "events.pattern", "line"),
    ("rules", {"r": {**PAID, "pattern": {"a": ["x" * 5000]}}}, "events.pattern", "4096"),
    ("rules", {"r": {**PAID, "targets": ["reprot"]}}, "config.reference", "'report'"),
    ("rules", {"r": {**PAID, "targets": []}}, "config.type", "1"),
    ("rules", {"r": {**PAID, "targets": ["report"] * 6}}, "events.targets", "at most 5"),
    ("rules", {"r": {**PAID, "bus": "a bus"}}, "events.name", "event bus"),
    ("bucket_notifications", {"b": {"function": "report"}}, "config.missing-key", "folder"),
    ("bucket_notifications", {"b": {**IN, "function": "reprot"}}, "config.reference", "'report'"),
    ("bucket_notifications", {"b": {**IN, "bucket": "No"}}, "cloudfront.bucket", "no name"),
    ("bucket_notifications", {"b": {**IN, "region": "Mars"}}, "cloudfront.bucket", "no Region"),
    (
        "bucket_notifications",
        {"b": {"bucket": "asets", "function": "report"}},
        "config.reference",
        "'assets'",
    ),
    (
        "bucket_notifications",
        {"b": {**IN, "events": ["s3:ObjectCreate:*"]}},
        "events.bucket-event",
        "s3:ObjectCreated:*",
    ),
    ("bucket_notifications", {"a": IN, "b": IN}, "events.bucket-overlap", "'a'"),
    (
        "bucket_notifications",
        {"a": {**IN, "prefix": "in/"}, "b": {**IN, "prefix": "in/deep/", "suffix": "g"}},
        "events.bucket-overlap",
        "'a'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("key", "given", "code", "text"), WRONG)
def test_what_is_wrong_is_said(key: str, given: dict[str, Any], code: str, text: str) -> None:
    (finding,) = refused(**{key: given})
    assert finding.code == code
    assert text in finding.text


@pytest.mark.parametrize(
    "other",
    [
        {"prefix": "other/"},
        {"prefix": "in/", "suffix": ".png"},
        {"events": ["s3:ObjectRemoved:*"]},
        {"bucket": "another"},
    ],
)
def test_notifications_that_exclude_each_other_are_fine(other: dict[str, Any]) -> None:
    first = {**IN, "prefix": "in/", "suffix": ".jpg"}
    assert loaded(bucket_notifications={"a": first, "b": {**IN, **other}}).warnings == ()


def test_an_event_that_no_folder_has_is_warned_of() -> None:
    config = loaded(bucket_notifications={"b": {**IN, "events": ["s3:ObjectTagging:Put"]}})
    (finding,) = config.warnings
    assert (finding.severity, finding.code) == ("warning", "events.bucket-event")


def test_a_pattern_of_what_no_event_has_is_warned_of() -> None:
    config = loaded(rules={"r": {**PAID, "pattern": {"Source": ["shop"], "detail": {"a": [1]}}}})
    (finding,) = config.warnings
    assert (finding.severity, finding.code) == ("warning", "events.pattern")
    text = finding.text.partition(": ")[2]
    assert text == "no event has 'Source' at its top; did you mean 'source'?"


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    (finding,) = refused(bucket_notifications={"b": {**IN, "folder": str(file)}})
    assert (finding.code, finding.text.endswith(f"{file} is no folder")) == ("config.file", True)


def test_a_folder_that_is_not_there_yet_is_warned_of() -> None:
    config = loaded(bucket_notifications={"b": {**IN, "folder": "./no-such-folder"}})
    (finding,) = config.warnings
    assert (finding.severity, finding.code) == ("warning", "config.file")


def test_a_schedule_and_a_rule_of_one_bus_have_names_of_their_own() -> None:
    (finding,) = refused(schedules={"same": OFTEN}, rules={"same": PAID})
    assert finding.code == "events.name"
    zoned = {**OFTEN, "timezone": "UTC"}
    assert loaded(schedules={"same": zoned}, rules={"same": PAID}).warnings == ()
    assert loaded(schedules={"same": OFTEN}, rules={"same": {**PAID, "bus": "b"}}).warnings == ()


def test_a_finding_stands_where_the_mistake_does(tmp_path: Path) -> None:
    text = """\
functions: {report: {runtime: python3.11, code: ., handler: hooks.target}}
gateway: {lambda_api: 0}
schedules:
  nightly:
    function: report
    expression: cron(0 3 * * * *)
"""
    with pytest.raises(ConfigError) as raised:
        load_document(read_document(text, "c.yaml", {}), FUNCTIONS)
    (finding,) = raised.value.findings
    assert (finding.line, finding.column) == (6, 17)
