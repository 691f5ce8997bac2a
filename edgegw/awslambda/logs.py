r"""The platform's log lines, as text and as JSON, and the tail that Invoke returns.

Fields are parted by tabs; REPORT ends in one.
Source: Lambda Developer Guide, "Working with Lambda function logs" and recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from edgegw.awslambda.model import LogSettings, Report
from edgegw.awslambda.payload import encode_payload

TAIL: Final = 4096
"""Bytes of `X-Amz-Log-Result` before base64."""

LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Application log levels, lowest first."""


def billed_ms(report: Report) -> int:
    """Duration plus init, rounded up to whole milliseconds (AWS bills init since 2025-08)."""
    return -int(-((report.duration + (report.init_duration or 0.0)) * 1000) // 1)


def start_line(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}"


def end_line(request_id: str) -> str:
    return f"END RequestId: {request_id}"


def report_line(report: Report) -> str:
    """The REPORT line with its trailing tab; a failed one ends in its status."""
    line = (
        f"REPORT RequestId: {report.request_id}\tDuration: {report.duration * 1000:.2f} ms\t"
        f"Billed Duration: {billed_ms(report)} ms\tMemory Size: {report.memory_mb} MB\t"
        f"Max Memory Used: {report.max_memory_used_mb} MB\t"
    )
    if report.init_duration is not None:
        line += f"Init Duration: {report.init_duration * 1000:.2f} ms\t"
    return line + _status(report.status, report.error_type)


def init_report_line(duration: float, phase: str, status: str, error_type: str = "") -> str:
    """The INIT_REPORT line of an init that failed or took too long; `duration` in seconds."""
    return (
        f"INIT_REPORT Init Duration: {duration * 1000:.2f} ms\tPhase: {phase}\t"
        f"{_status(status, error_type)}"
    )


def extension_line(name: str, state: str, events: Iterable[str], error_type: str = "") -> str:
    line = f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(events)}]"
    return f"{line}\tError Type: {error_type}" if error_type else line


def _status(status: str, error_type: str) -> str:
    if status == "success":
        return ""
    text = f"Status: {status}"
    return f"{text}\tError Type: {error_type}" if error_type else text


def report_record(report: Report) -> Mapping[str, object]:
    """The `record` of `platform.report`."""
    metrics: dict[str, object] = {
        "durationMs": round(report.duration * 1000, 3),
        "billedDurationMs": billed_ms(report),
        "memorySizeMB": report.memory_mb,
        "maxMemoryUsedMB": report.max_memory_used_mb,
    }
    if report.init_duration is not None:
        metrics["initDurationMs"] = round(report.init_duration * 1000, 3)
    record: dict[str, object] = {
        "requestId": report.request_id,
        "metrics": metrics,
        "status": report.status,
    }
    if report.error_type:
        record["errorType"] = report.error_type
    return record


def platform_event(time: str, kind: str, record: Mapping[str, object]) -> str:
    """One platform line in JSON format; `time` is ISO 8601 with milliseconds and Z."""
    return encode_payload({"time": time, "type": f"platform.{kind}", "record": record}).decode()


def shows_platform(settings: LogSettings, *, failed: bool) -> bool:
    """Whether start and report lines pass the system log level: they are INFO, WARN on failure."""
    if settings.format == "Text":
        return True
    return failed or settings.system_level in ("DEBUG", "INFO")


def invocation_lines(report: Report, settings: LogSettings, time: str = "") -> list[str]:
    """START, what was printed, END and REPORT of one invocation, as in the log stream."""
    if settings.format == "Text":
        return [
            start_line(report.request_id, report.version),
            *report.logs,
            end_line(report.request_id),
            report_line(report),
        ]
    lines = list(report.logs)
    if shows_platform(settings, failed=False):
        record = {"requestId": report.request_id, "version": report.version}
        lines.insert(0, platform_event(time, "start", record))
    if shows_platform(settings, failed=report.status != "success"):
        lines.append(platform_event(time, "report", report_record(report)))
    return lines


def log_tail(lines: Iterable[str]) -> bytes:
    """The last 4 KB of `lines`."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")[-TAIL:]
