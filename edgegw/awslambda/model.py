"""Function, invocation and outcome: the words in which front doors speak to the Lambda service.

A reference is a named tuple: it is looked up in tables, and its hash costs least.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from edgegw.values import value

LATEST: Final = "$LATEST"
"""The only version that changes; an unqualified name means it."""

EDGE_PREFIX: Final = "us-east-1."
"""Stands before the name of a replica at the edge, wherever it runs: the original's Region."""


@value
class Runtime:
    """A runtime by its identifier.

    `python3.13` is ("python", (3, 13)), `nodejs22.x` is ("nodejs", (22,)); `provided.al2023` is
    ("provided", ()): the function brings a `bootstrap` that speaks the Runtime API.
    """

    identifier: str
    language: Literal["python", "nodejs", "provided"]
    version: tuple[int, ...]


@value
class LogSettings:
    """`LoggingConfig` of a function; levels count with format JSON only."""

    format: Literal["Text", "JSON"] = "Text"
    application_level: str = "INFO"
    system_level: str = "INFO"


class NamePlace(NamedTuple):
    """A name of DNS, and where a connection to its `port` leads on this machine.

    A name that begins with a dot stands for every name below.
    """

    name: str
    port: int
    host: str
    real_port: int


@value
class Function:
    """The configuration of one version of a Lambda function.

    `code` is an absolute path: a folder or a zip package; `layers` likewise, in the order given.
    `timeout` is in seconds. `reserved_concurrency` counts for all versions together.
    `local_environment` are variables that exist on this machine only: no rule counts them.
    `architecture` is where it would run on AWS: it counts for the price alone.
    `dead_letter` is where events go whose asynchronous invocation failed.
    `local_names` lead the function's own connections to places of this machine (`NamePlace`).
    """

    name: str
    runtime: Runtime
    code: str
    handler: str
    timeout: float = 3.0
    memory_mb: int = 128
    environment: tuple[tuple[str, str], ...] = ()
    reserved_concurrency: int | None = None
    version: str = LATEST
    layers: tuple[str, ...] = ()
    ephemeral_storage_mb: int = 512
    logs: LogSettings = LogSettings()
    description: str = ""
    role: str = ""
    local_environment: tuple[tuple[str, str], ...] = ()
    tracing: Literal["Active", "PassThrough"] = "PassThrough"
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    dead_letter: str = ""
    local_names: tuple[NamePlace, ...] = ()


class FunctionRef(NamedTuple):
    """Which function a caller means, and where it runs.

    `qualifier` is a version number, an alias or `$LATEST`; empty means `$LATEST`, at the edge the
    published version that CloudFront demands. A function at the edge is a replica of its own:
    other name, log group and environments.
    Source: CloudFront Developer Guide, "Edge function logs" (the `us-east-1.` prefix).
    """

    name: str
    at_edge: bool = False
    qualifier: str = ""

    def __str__(self) -> str:
        """`NAME` or `NAME:QUALIFIER`."""
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name

    @property
    def deployed_name(self) -> str:
        """The name that the function's context shows: `us-east-1.NAME` at the edge."""
        return f"{EDGE_PREFIX}{self.name}" if self.at_edge else self.name


@value
class Invocation:
    """One synchronous call (`RequestResponse`). `payload` is the event as JSON bytes.

    `client_context` is JSON text. `principal` is the service that calls, with the ARN it calls
    for; empty for callers of this account, whom the resource policy need not name. `request_id` is
    given where another attempt has the id of the first one; empty, it is made up.
    """

    function: FunctionRef
    payload: bytes
    trace_id: str = ""
    client_context: str = ""
    principal: str = ""
    source_arn: str = ""
    request_id: str = ""


@value
class Report:
    """What Lambda's REPORT line says, and what the function printed. Durations in seconds.

    `status` and `error_type` are those of the platform: an exception that the handler raised is
    no error there, while `has_failed` says that the caller got one. `init_duration` is there for
    the first invocation of an environment whose init succeeded in time. `trace` are the ids of the
    trace and of the function's segment, where X-Ray traces it.
    """

    request_id: str = ""
    duration: float = 0.0
    init_duration: float | None = None
    logs: tuple[str, ...] = ()
    version: str = LATEST
    memory_mb: int = 128
    max_memory_used_mb: int = 0
    status: Literal["success", "error", "timeout", "failure"] = "success"
    error_type: str = ""
    has_failed: bool = False
    trace: tuple[str, str] | None = None


@value
class Returned:
    """The handler returned. `payload` is its result as JSON bytes."""

    payload: bytes
    report: Report


@value
class FunctionError:
    """The function failed. `payload` is Lambda's error object as JSON bytes.

    Keys: `errorType`, `errorMessage`, and a stack where the runtime made the error.
    """

    error_type: str
    message: str
    payload: bytes
    report: Report


@value
class Throttled:
    """The function's concurrency is used up: the service answered 429 without running it.

    `reason` is AWS's `Reason`, `detail` says which limit it was and how full.
    """

    reason: str = "ReservedFunctionConcurrentInvocationLimitExceeded"
    detail: str = ""
    message: str = "Rate Exceeded."
    report: Report = Report()


@value
class InvokeRefusal:
    """The service refused the call without running the function; `code` is Lambda's error code."""

    code: str
    message: str
    report: Report = Report()


Outcome: TypeAlias = Returned | FunctionError | Throttled | InvokeRefusal
