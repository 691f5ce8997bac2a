"""The platform's log lines against recorded ones."""

import json
from dataclasses import replace

import pytest

from edgegw.awslambda.logs import (
    InitReport,
    invocation_lines,
    is_shown,
    log_tail,
    report_line,
)
from edgegw.awslambda.model import FunctionRef, LogSettings, Report

COLD = Report("id", 0.00195, 0.11358, ("printed",), max_memory_used_mb=38)
TEXT = LogSettings()
JSON = LogSettings("JSON")
TIMES = "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.680Z"


def test_a_cold_invocation() -> None:
    assert invocation_lines(COLD, TEXT) == [
        "START RequestId: id Version: $LATEST",
        "printed",
        "END RequestId: id",
        "REPORT RequestId: id\tDuration: 1.95 ms\tBilled Duration: 116 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 38 MB\tInit Duration: 113.58 ms\t",
    ]


def test_failures_end_the_report_line() -> None:
    timeout = replace(COLD, status="timeout", init_duration=None)
    assert report_line(timeout).endswith("Max Memory Used: 38 MB\tStatus: timeout")
    error = replace(COLD, status="error", error_type="Runtime.ExitError")
    expected = "Init Duration: 113.58 ms\tStatus: error\tError Type: Runtime.ExitError"
    assert report_line(error).endswith(expected)


def test_an_init_that_took_too_long() -> None:
    expected = "INIT_REPORT Init Duration: 10007.33 ms\tPhase: init\tStatus: timeout"
    assert InitReport(10.00733, "init", "timeout").line() == expected


def test_json_lines_carry_aws_record() -> None:
    start, printed, report = invocation_lines(COLD, JSON, TIMES)
    assert json.loads(start) == {
        "time": "2026-01-02T03:04:05.678Z",
        "type": "platform.start",
        "record": {"requestId": "id", "version": "$LATEST"},
    }
    assert printed == "printed"
    assert json.loads(report)["time"] == TIMES[1]
    assert json.loads(report)["record"]["metrics"] == {
        "durationMs": 1.95,
        "billedDurationMs": 116,
        "memorySizeMB": 128,
        "maxMemoryUsedMB": 38,
        "initDurationMs": 113.58,
    }


def test_the_system_level_hides_platform_lines_of_successes() -> None:
    settings = LogSettings("JSON", system_level="WARN")
    assert invocation_lines(COLD, settings) == ["printed"]
    failed = replace(COLD, status="timeout")
    assert len(invocation_lines(failed, settings)) == 2


def test_the_tail_is_the_last_four_kilobytes() -> None:
    assert log_tail(["a", "b"]) == b"a\nb\n"
    tail = log_tail(["x" * 5000, "end"])
    assert len(tail) == 4096
    assert tail.endswith(b"end\n")


def test_names_at_the_edge() -> None:
    assert FunctionRef("f", at_edge=True).deployed_name == "us-east-1.f"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain text", True),
        ('{"level": "debug", "message": 1}', False),
        ('{"level": "ERROR"}', True),
        ('{"message": "no level is INFO"}', False),
        ('{"level": "own"}', True),
        ("{no json", True),
    ],
)
def test_lambda_reads_the_level_of_json_lines(line: str, shown: bool) -> None:
    assert is_shown(line, LogSettings("JSON", "WARN")) is shown


def test_levels_in_their_order() -> None:
    """Lambda Developer Guide, "Configuring JSON and plain text log formats"."""
    levels = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    for at, least in enumerate(levels):
        settings = LogSettings("JSON", least)
        shown = [level for level in levels if is_shown(f'{{"level": "{level}"}}', settings)]
        assert shown == list(levels[at:])
