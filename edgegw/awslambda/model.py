"""Function, invocation and outcome: the words in which front doors speak to the Lambda service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Runtime:
    """A managed runtime: `python3.13` is ("python", (3, 13)), `nodejs22.x` is ("nodejs", (22,))."""

    identifier: str
    language: Literal["python", "nodejs"]
    version: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function as configured. `code` is an absolute folder; `timeout` is in seconds."""

    name: str
    runtime: Runtime
    code: str
    handler: str
    timeout: float = 3.0
    memory_mb: int = 128
    environment: tuple[tuple[str, str], ...] = ()
    reserved_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """Which function an association or target group means, and where it runs.

    A function at the edge is a replica of its own: other name, log group and environments.
    Source: "Lambda@Edge function logs" (the `us-east-1.` prefix).
    """

    name: str
    at_edge: bool = False

    @property
    def deployed_name(self) -> str:
        """The name that the function's context shows: `us-east-1.NAME` at the edge."""
        return f"us-east-1.{self.name}" if self.at_edge else self.name

    @property
    def version(self) -> str:
        """`$LATEST`; at the edge the published version, which CloudFront demands."""
        return "1" if self.at_edge else "$LATEST"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One synchronous call (`RequestResponse`). `payload` is the event as JSON bytes."""

    function: FunctionRef
    payload: bytes
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What Lambda's REPORT line says, and what the function printed. Durations in seconds."""

    request_id: str = ""
    duration: float = 0.0
    init_duration: float | None = None
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned. `payload` is its result as JSON bytes."""

    payload: bytes
    report: Report


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The function failed. `payload` is Lambda's error object as JSON bytes.

    Keys: `errorType`, `errorMessage`, and a stack where the runtime made the error.
    """

    error_type: str
    message: str
    payload: bytes
    report: Report


@dataclass(frozen=True, slots=True)
class Throttled:
    """The function's concurrency is used up: the service answered 429 without running it."""

    message: str = "Rate Exceeded."
    report: Report = Report()


Outcome: TypeAlias = Returned | FunctionError | Throttled
