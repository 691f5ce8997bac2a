"""The life of an execution environment, and the error objects that the platform makes of it.

    init ──ready──▶ ready ──invoke──▶ busy ──answer──▶ ready
      │               │                 │
      └──── fail ─────┴────── fail ─────┘──▶ reset ──invoke──▶ busy

`fail` is a time-out, an exit or a failed init: the process is gone, the environment stays, with
its temporary folder and its log stream. The next invocation runs init again, inside its own time.
`end` leads from everywhere to `gone`.
Source: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle".
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from edgegw.awslambda.payload import encode_payload

INIT_TIMEOUT: Final = 10.0
"""Seconds that init may take on demand.

Source: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", init
phase.
"""

PROVISIONED_INIT_TIMEOUT: Final = 130.0
"""Seconds that init may take with provisioned concurrency, or the function's timeout if longer.

Source: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", init
phase.
"""

IDLE_TIME: Final = 600.0
"""Seconds after which an idle environment is shut down; AWS promises nothing (uncertain).

Source: observed, 5 to 15 minutes.
"""

MAX_PAYLOAD: Final = 6 * 1024 * 1024
"""Bytes of a synchronous request payload.

Source: Lambda Developer Guide, "Lambda quotas", invocation payload.
"""

MAX_RESPONSE: Final = MAX_PAYLOAD + 100
"""Bytes of a buffered response payload, as the Runtime API counts.

Source: Lambda Developer Guide, "Lambda quotas", invocation payload; the 100 bytes more are
observed.
"""

MAX_STREAMED: Final = 200 * 1024 * 1024
"""Bytes of a streamed response.

Source: Lambda Developer Guide, "Lambda quotas", streamed response.
"""

RUNTIME_SHUTDOWN: Final = 0.3
"""Seconds between SIGTERM and SIGKILL for a runtime, where an extension is registered.

Source: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", shutdown
phase.
"""


def shutdown_time(*, internal: bool, external: bool) -> float:
    """Seconds that the shutdown phase may take: none without extensions.

    Source: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle",
    shutdown phase.
    """
    return 2.0 if external else 0.5 if internal else 0.0


class Phase(Enum):
    """Where an execution environment stands."""

    INIT = "init"
    READY = "ready"
    BUSY = "busy"
    RESET = "reset"
    GONE = "gone"

    __hash__ = object.__hash__  # Enum's own is written in Python; this is asked per invocation


class Signal(Enum):
    """What can happen to an execution environment."""

    READY = "ready"
    INVOKE = "invoke"
    ANSWER = "answer"
    FAIL = "fail"
    END = "end"

    __hash__ = object.__hash__


_TRANSITIONS: Final = {
    (Phase.INIT, Signal.READY): Phase.READY,
    (Phase.INIT, Signal.FAIL): Phase.RESET,
    (Phase.READY, Signal.INVOKE): Phase.BUSY,
    (Phase.READY, Signal.FAIL): Phase.RESET,
    (Phase.BUSY, Signal.ANSWER): Phase.READY,
    (Phase.BUSY, Signal.FAIL): Phase.RESET,
    (Phase.RESET, Signal.INVOKE): Phase.BUSY,
    (Phase.RESET, Signal.FAIL): Phase.RESET,
    **{(phase, Signal.END): Phase.GONE for phase in Phase},
}


class IllegalTransitionError(Exception):
    """A signal came in a phase that does not know it: a fault of edgegw."""


def next_phase(phase: Phase, signal: Signal) -> Phase:
    """The phase after `signal`. Raises IllegalTransitionError where the diagram has no arrow."""
    try:
        return _TRANSITIONS[phase, signal]
    except KeyError:
        raise IllegalTransitionError(f"{signal.value} while {phase.value}") from None


class ErrorObject(NamedTuple):
    """A function error: type, message, and the JSON object that the caller gets."""

    error_type: str
    message: str
    payload: bytes


def timeout_error(request_id: str, timeout: float) -> ErrorObject:
    """A time-out after `timeout` seconds."""
    return platform_error(
        "Sandbox.Timedout", request_id, f"Task timed out after {timeout:.2f} seconds"
    )


def exit_error(request_id: str, exit_status: int | None) -> ErrorObject:
    """The runtime's process ended.

    `exit_status` as in `subprocess`: negative for a signal, None when it is not known.
    """
    if not exit_status:
        text = "Runtime exited without providing a reason"
    elif exit_status > 0:
        text = f"Runtime exited with error: exit status {exit_status}"
    else:
        cause = SIGNALS.get(-exit_status, f"signal {-exit_status}")
        text = f"Runtime exited with error: signal: {cause}"
    return platform_error("Runtime.ExitError", request_id, text)


def memory_error(request_id: str) -> ErrorObject:
    """The environment used more memory than the function's memory size."""
    text = "Runtime exited with error: signal: killed"
    return platform_error("Runtime.OutOfMemory", request_id, text)


def response_too_large() -> ErrorObject:
    """The response exceeds what a buffered answer may hold."""
    kind = "Function.ResponseSizeTooLarge"
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
    return ErrorObject(kind, message, encode_payload({"errorMessage": message, "errorType": kind}))


SIGNALS: Final = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    13: "broken pipe",
    15: "terminated",
    24: "CPU time limit exceeded",
    25: "file size limit exceeded",
}
"""Signals as the platform spells them (Go's words on Linux)."""


def platform_error(error_type: str, request_id: str, text: str) -> ErrorObject:
    """An error made by the service, not by a runtime.

    The keys come in the order `errorType`, `errorMessage`.
    Source: recorded error objects.
    """
    message = f"RequestId: {request_id} Error: {text}"
    return ErrorObject(
        error_type, message, encode_payload({"errorType": error_type, "errorMessage": message})
    )
