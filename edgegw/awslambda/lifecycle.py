"""The life of an execution environment, and the lines and error objects that Lambda makes of it.

    init ──ready──▶ ready ──invoke──▶ busy ──answer──▶ ready
      │               │                 │
      └──── end ──────┴────── end ──────┴──▶ gone

`end` is a time-out, an exit, a failed init or a shutdown; nothing leads back from `gone`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from edgegw.awslambda.model import FunctionRef, Report
from edgegw.awslambda.payload import encode_payload

INIT_TIMEOUT: Final = 10.0
"""Seconds that init may take (Lambda Developer Guide, "Init phase")."""

MAX_PAYLOAD: Final = 6 * 1024 * 1024
"""Bytes of a synchronous payload, each way (Lambda quotas)."""


class Phase(Enum):
    """Where an execution environment stands."""

    INIT = "init"
    READY = "ready"
    BUSY = "busy"
    GONE = "gone"


class Signal(Enum):
    """What can happen to an execution environment."""

    READY = "ready"
    INVOKE = "invoke"
    ANSWER = "answer"
    END = "end"


_TRANSITIONS: Final = {
    (Phase.INIT, Signal.READY): Phase.READY,
    (Phase.READY, Signal.INVOKE): Phase.BUSY,
    (Phase.BUSY, Signal.ANSWER): Phase.READY,
    (Phase.INIT, Signal.END): Phase.GONE,
    (Phase.READY, Signal.END): Phase.GONE,
    (Phase.BUSY, Signal.END): Phase.GONE,
    (Phase.GONE, Signal.END): Phase.GONE,
}


class IllegalTransitionError(Exception):
    """A signal came in a phase that does not know it: a fault of the runtime or of edgegw."""


def next_phase(phase: Phase, signal: Signal) -> Phase:
    """The phase after `signal`. Raises IllegalTransitionError where the diagram has no arrow."""
    try:
        return _TRANSITIONS[phase, signal]
    except KeyError:
        raise IllegalTransitionError(f"{signal.value} while {phase.value}") from None


def timeout_error(request_id: str, timeout: float) -> tuple[str, str, bytes]:
    """Error type, message and payload of a time-out after `timeout` seconds."""
    return platform_error(
        "Sandbox.Timedout", request_id, f"Task timed out after {timeout:.2f} seconds"
    )


def exit_error(request_id: str, exit_status: int | None) -> tuple[str, str, bytes]:
    """Error type, message and payload of a process that ended.

    `exit_status` as in `subprocess`: negative for a signal, None when it is not known.
    """
    if not exit_status:
        return platform_error(
            "Runtime.ExitError", request_id, "Runtime exited without providing a reason"
        )
    if exit_status > 0:
        cause = f"exit status {exit_status}"
    else:
        cause = f"signal: {_SIGNALS.get(-exit_status, str(-exit_status))}"
    return platform_error("Runtime.ExitError", request_id, f"Runtime exited with error: {cause}")


_SIGNALS: Final = {
    4: "illegal instruction",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    15: "terminated",
}


def platform_error(error_type: str, request_id: str, text: str) -> tuple[str, str, bytes]:
    """An error made by the service, not by a runtime: type, message, JSON object.

    Source: Lambda's recorded error objects; key order `errorType`, `errorMessage`.
    """
    message = f"RequestId: {request_id} Error: {text}"
    return error_type, message, encode_payload({"errorType": error_type, "errorMessage": message})


def log_lines(report: Report, function: FunctionRef, memory_mb: int) -> list[str]:
    """START, what was printed, END and REPORT, as in the function's log stream.

    Billed duration is the duration plus init, rounded up to whole milliseconds (since 2025-08).
    """
    init_ms = (report.init_duration or 0.0) * 1000
    duration_ms = report.duration * 1000
    billed = -int(-(duration_ms + init_ms) // 1)
    summary = (
        f"REPORT RequestId: {report.request_id}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {billed} ms\tMemory Size: {memory_mb} MB\t"
    )
    if report.init_duration is not None:
        summary += f"Init Duration: {init_ms:.2f} ms\t"
    return [
        f"START RequestId: {report.request_id} Version: {function.version}",
        *report.logs,
        f"END RequestId: {report.request_id}",
        summary,
    ]
