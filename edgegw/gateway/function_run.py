"""One invocation within an exchange, as it is looked at afterwards."""

from __future__ import annotations

from typing import Any

from edgegw.awslambda.logs import invocation_lines
from edgegw.awslambda.model import (
    FunctionError,
    Invocation,
    InvokeRefusal,
    LogSettings,
    Outcome,
    Returned,
    Throttled,
)
from edgegw.awslambda.payload import decode_payload
from edgegw.values import value


@value
class FunctionRun:
    """One invocation within an exchange. `trigger` is None for a Lambda target.

    `event` and `result` are parsed JSON (`result` None when there is none); durations in seconds.
    """

    trigger: str | None
    function: str
    outcome: Outcome
    invocation: Invocation

    @property
    def owner(self) -> str:
        """What its code belongs to, by the name that changes of code have."""
        return self.function

    @property
    def event(self) -> Any:
        return decode_payload(self.invocation.payload)

    @property
    def result(self) -> Any:
        if isinstance(self.outcome, (Throttled, InvokeRefusal)):
            return None
        try:
            return decode_payload(self.outcome.payload)
        except ValueError:
            return None

    @property
    def error(self) -> str | None:
        """`errorType: errorMessage`, or None when the handler returned."""
        match self.outcome:
            case Returned():
                return None
            case Throttled():
                return f"throttled: {self.outcome.message} {self.outcome.reason}"
            case InvokeRefusal():
                return f"{self.outcome.code}: {self.outcome.message}"
            case FunctionError():
                return f"{self.outcome.error_type}: {self.outcome.message}"

    @property
    def duration(self) -> float:
        return self.outcome.report.duration

    @property
    def is_cold(self) -> bool:
        """Whether the invocation started its execution environment."""
        return self.outcome.report.init_duration is not None

    @property
    def logs(self) -> tuple[str, ...]:
        """What the function printed."""
        return self.outcome.report.logs

    def log_lines(self) -> list[str]:
        """START, output, END and REPORT as in the function's log stream."""
        return invocation_lines(self.outcome.report, LogSettings())
