r"""The platform's log lines, as text and as JSON, and the tail that Invoke returns.

Fields are parted by tabs; REPORT ends in one.
Source: Lambda Developer Guide, "Working with Lambda function logs" and recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from edgegw.awslambda.model import LogSettings, Report
from edgegw.awslambda.payload import as_text, decode_payload, encode_payload

TAIL: Final = 4096
"""Bytes of `X-Amz-Log-Result` before base64.

Source: Lambda API Reference, "Invoke", LogResult.
"""

LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Application log levels, lowest first.

Source: Lambda Developer Guide, "Configuring JSON and plain text log formats".
"""


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


def xray_line(report: Report) -> str | None:
    """The line behind the REPORT line of an invocation that X-Ray traces; None for others."""
    if report.trace is None:
        return None
    trace_id, segment_id = report.trace
    return f"XRAY TraceId: {trace_id}\tSegmentId: {segment_id}\tSampled: true\t"


def report_lines(report: Report) -> list[str]:
    """REPORT, and XRAY where it is traced."""
    line = xray_line(report)
    return [report_line(report), *([] if line is None else [line])]


class InitReport(NamedTuple):
    """An init that failed or took too long; `duration` in seconds, `phase` init or invoke."""

    duration: float
    phase: str
    status: str
    error_type: str = ""

    def line(self) -> str:
        """The INIT_REPORT line."""
        return (
            f"INIT_REPORT Init Duration: {self.duration * 1000:.2f} ms\tPhase: {self.phase}\t"
            f"{_status(self.status, self.error_type)}"
        )

    def record(self) -> Mapping[str, object]:
        """The `record` of `platform.initReport`."""
        found: dict[str, object] = {
            "initializationType": "on-demand",
            "phase": self.phase,
            "metrics": {"durationMs": round(self.duration * 1000, 3)},
            "status": self.status,
        }
        if self.error_type:
            found["errorType"] = self.error_type
        return found

    def runtime_done(self) -> Mapping[str, object]:
        """The `record` of `platform.initRuntimeDone`."""
        return {key: value for key, value in self.record().items() if key != "metrics"}


class ExtensionState(NamedTuple):
    """An extension registered; `events` as in the line: `INVOKE, SHUTDOWN`."""

    name: str
    state: str
    events: str

    def line(self) -> str:
        """The EXTENSION line."""
        return f"EXTENSION\tName: {self.name}\tState: {self.state}\tEvents: [{self.events}]"

    def record(self) -> Mapping[str, object]:
        """The `record` of `platform.extension`."""
        events = self.events.split(", ") if self.events else []
        return {"name": self.name, "state": self.state, "events": events}


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
    if report.trace is not None:
        root, segment = report.trace
        header = f"Root={root};Parent={segment};Sampled=1"
        record["tracing"] = {"spanId": segment, "type": "X-Amzn-Trace-Id", "value": header}
    return record


def runtime_done_record(report: Report, produced: int) -> Mapping[str, object]:
    """The `record` of `platform.runtimeDone`; `produced` are the bytes of the answer."""
    metrics = {"durationMs": round(report.duration * 1000, 3), "producedBytes": produced}
    return {"requestId": report.request_id, "status": report.status, "metrics": metrics}


def platform_event(time: str, kind: str, record: Mapping[str, object]) -> str:
    """One platform line in JSON format; `time` is ISO 8601 with milliseconds and Z."""
    return encode_payload({"time": time, "type": f"platform.{kind}", "record": record}).decode()


def shows_platform(settings: LogSettings, *, failed: bool) -> bool:
    """Whether start and report lines pass the system log level: they are INFO, WARN on failure."""
    if settings.format == "Text":
        return True
    return failed or settings.system_level in ("DEBUG", "INFO")


def invocation_lines(
    report: Report, settings: LogSettings, times: tuple[str, str] = ("", "")
) -> list[str]:
    """START, what was printed, END and REPORT of one invocation, as in the log stream.

    `times` are those of the first and the last line in JSON format, ISO 8601.
    """
    if settings.format == "Text":
        return [
            start_line(report.request_id, report.version),
            *report.logs,
            end_line(report.request_id),
            *report_lines(report),
        ]
    lines = list(report.logs)
    if shows_platform(settings, failed=False):
        record = {"requestId": report.request_id, "version": report.version}
        lines.insert(0, platform_event(times[0], "start", record))
    if shows_platform(settings, failed=report.status != "success"):
        lines.append(platform_event(times[1], "report", report_record(report)))
    return lines


def is_shown(line: str, settings: LogSettings) -> bool:
    """Whether a line of a function with log format JSON passes its application log level.

    Lambda reads the key `level` of JSON lines; without one a line counts as INFO.
    Source: Lambda Developer Guide, "Configuring JSON and plain text log formats".
    """
    if not line.startswith("{"):
        return True
    try:
        found = decode_payload(line.encode("utf-8", "replace"))
    except ValueError:
        return True
    level = as_text(found.get("level", "INFO")).upper() if isinstance(found, Mapping) else "INFO"
    return level not in LEVELS or LEVELS.index(level) >= LEVELS.index(settings.application_level)


def log_tail(lines: Iterable[str]) -> bytes:
    """The last 4 KB of `lines`."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")[-TAIL:]
