"""An event source mapping: which source leads to which function, its settings and its states.

    CreateEventSourceMapping ─▶ Creating ──▶ Enabled ◀──▶ Disabled
                                               │  ▲ Enabling, Disabling, Updating on the way
                                               ▼
                                            Deleting ──▶ gone

Which setting a mapping may have depends on its source, and one table says so: `SOURCE_RULES`. The
configuration and the API both ask it (`settings_problem`), so both refuse the same in the same
words. A mapping keeps every setting; those of the other kind of source have their defaults.
Source: Lambda API Reference, "CreateEventSourceMapping" and "EventSourceMappingConfiguration".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Literal, TypeAlias

from edgegw.awslambda.model import FunctionRef
from edgegw.values import value

SourceKind: TypeAlias = Literal["sqs", "sqs-fifo", "kinesis", "dynamodb"]
StreamType: TypeAlias = Literal["kinesis", "dynamodb"]
MappingState: TypeAlias = Literal[
    "Creating", "Enabling", "Enabled", "Disabling", "Disabled", "Updating", "Deleting"
]
StartingPosition: TypeAlias = Literal["", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]

MAX_FILTERS: Final = 5
"""Filters of a mapping; AWS gives up to 10 on request.

Source: Lambda Developer Guide, "Control which events Lambda sends to your function".
"""
MAX_WINDOW: Final = 300
"""Seconds that a batch is gathered at most.

Source: Lambda API Reference, "CreateEventSourceMapping", MaximumBatchingWindowInSeconds.
"""
IN_TRANSIT: Final = frozenset({"Creating", "Enabling", "Disabling", "Updating", "Deleting"})
"""States in which a mapping takes no further change: it answers ResourceInUseException.

Source: Lambda API Reference, "UpdateEventSourceMapping", errors.
"""


@value(kw_only=True)
class StreamMapping:
    """What only mappings of streams have. Ages and windows in seconds; -1 means without end.

    `on_failure` is a target as destinations of asynchronous invocations have it; empty: none.
    `starting_timestamp` is in seconds since 1970.
    """

    starting_position: StartingPosition = ""
    starting_timestamp: float | None = None
    parallelization_factor: int = 1
    maximum_record_age: int = -1
    maximum_retry_attempts: int = -1
    bisect_on_error: bool = False
    tumbling_window: int = 0
    on_failure: str = ""


@value(kw_only=True)
class EventSourceMapping:
    """A mapping. `source` is the name of the embedded queue or stream, or the URL of a real queue.

    `arn` is the source's ARN as events and the API show it. `endpoint_url` is where the source is
    asked when it is not embedded; empty means AWS itself. `batch_window` is in seconds, `filters`
    are patterns as JSON text. `minimum_pollers` and `maximum_pollers` are those of the provisioned
    mode, 0 without it. `metrics` are the kinds that the API was asked for; all are counted anyway.
    """

    uuid: str
    kind: SourceKind
    source: str
    arn: str
    function: FunctionRef
    batch_size: int
    is_embedded: bool = True
    endpoint_url: str = ""
    enabled: bool = True
    batch_window: int = 0
    filters: tuple[str, ...] = ()
    reports_failures: bool = False
    maximum_concurrency: int | None = None
    minimum_pollers: int = 0
    maximum_pollers: int = 0
    metrics: tuple[str, ...] = ()
    stream: StreamMapping = StreamMapping()


def encode_mapping(mapping: EventSourceMapping) -> dict[str, Any]:
    """A mapping as JSON, to be kept."""
    return {**asdict(mapping), "function": str(mapping.function)}


def decode_mapping(kept: Mapping[str, Any]) -> EventSourceMapping:
    """The mapping that was kept so."""
    name, _, qualifier = kept["function"].partition(":")
    parts: dict[str, Any] = {
        "function": FunctionRef(name, qualifier=qualifier),
        "filters": tuple(kept["filters"]),
        "metrics": tuple(kept.get("metrics", ())),
        "stream": StreamMapping(**kept["stream"]),
    }
    return EventSourceMapping(**{**kept, **parts})


@value(kw_only=True)
class KnownSource:
    """A queue or stream that a mapping may have. `name` is what `EventSourceMapping.source` says.

    `visibility_timeout` is that of an embedded queue in seconds, None where nobody knows.
    """

    kind: SourceKind
    name: str
    arn: str
    is_embedded: bool = True
    endpoint_url: str = ""
    visibility_timeout: float | None = None

    def too_short_for(self, timeout: float) -> str:
        """AWS's text where a message would come back before a function of this timeout has ended.

        Source: Lambda Developer Guide, "Creating and configuring an Amazon SQS event source
        mapping"; the text is observed.
        """
        hidden = self.visibility_timeout
        return "" if hidden is None else too_short(hidden, timeout)


def too_short(hidden: float, timeout: float) -> str:
    """AWS's text where messages are hidden for less than a function's timeout; else nothing.

    Source: Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping".
    """
    if hidden >= timeout:
        return ""
    return (
        f"Queue visibility timeout: {hidden:g} seconds is less than Function timeout: "
        f"{timeout:g} seconds"
    )


@value
class SourceRule:
    """What a kind of source allows. Ranges are least and most; `settings` only it may have."""

    title: str
    default_size: int
    most_records: int
    windows: bool
    settings: frozenset[str]


_QUEUE_SETTINGS: Final = frozenset({"ScalingConfig", "ProvisionedPollerConfig"})
_STREAM_SETTINGS: Final = frozenset(
    {
        "StartingPosition",
        "StartingPositionTimestamp",
        "ParallelizationFactor",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "BisectBatchOnFunctionError",
        "TumblingWindowInSeconds",
        "DestinationConfig",
    }
)
SOURCE_RULES: Final[dict[SourceKind, SourceRule]] = {
    "sqs": SourceRule("an SQS queue", 10, 10_000, True, _QUEUE_SETTINGS),  # noqa: FBT003
    "sqs-fifo": SourceRule("an SQS FIFO queue", 10, 10, False, _QUEUE_SETTINGS),  # noqa: FBT003
    "kinesis": SourceRule("a Kinesis stream", 100, 10_000, True, _STREAM_SETTINGS),  # noqa: FBT003
    "dynamodb": SourceRule("a DynamoDB stream", 100, 10_000, True, _STREAM_SETTINGS),  # noqa: FBT003
}
"""By kind of source: records of a batch by default and at most, and whether batches have a window.

Source: Lambda API Reference, "CreateEventSourceMapping", BatchSize and the settings that name the
sources they are for.
"""
ONLY_SOME: Final = _QUEUE_SETTINGS | _STREAM_SETTINGS
"""Settings that not every kind of source has."""

RANGES: Final[dict[str, tuple[int, int]]] = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, MAX_WINDOW),
    "MaximumConcurrency": (2, 1_000),
    "MinimumPollers": (2, 200),
    "MaximumPollers": (2, 10_000),
    "ParallelizationFactor": (1, 10),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "TumblingWindowInSeconds": (0, 900),
}
"""The least and the most of every number of a mapping.

Source: Lambda API Reference, "CreateEventSourceMapping", request body.
"""
LEAST_RECORD_AGE: Final = 60
"""MaximumRecordAgeInSeconds is -1 or at least this.

Source: Lambda API Reference, "CreateEventSourceMapping", MaximumRecordAgeInSeconds.
"""


def settings_problem(mapping: EventSourceMapping) -> tuple[str, str] | None:
    """What does not go together in `mapping`: the setting by AWS's name, and AWS's text.

    Ranges of single numbers are not its business. The texts on FIFO queues, on ages and on
    provisioned pollers are ours.
    Source: Lambda API Reference, "CreateEventSourceMapping", request body; the texts are observed.
    """
    return _batch_problem(mapping) or _queue_problem(mapping) or _stream_problem(mapping)


def _batch_problem(mapping: EventSourceMapping) -> tuple[str, str] | None:
    rule = SOURCE_RULES[mapping.kind]
    if mapping.batch_size > rule.most_records:
        text = f"BatchSize {mapping.batch_size} exceeds the maximum of {rule.most_records} records"
        return "BatchSize", f"{text} of {rule.title}."
    if mapping.batch_window and not rule.windows:
        text = "Batching window is not supported for FIFO queues."
        return "MaximumBatchingWindowInSeconds", text
    if mapping.batch_size > 10 and not mapping.batch_window and mapping.kind == "sqs":
        text = (
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )
        return "BatchSize", text
    return None


def _queue_problem(mapping: EventSourceMapping) -> tuple[str, str] | None:
    if mapping.maximum_pollers < mapping.minimum_pollers:
        text = "MaximumPollers must be greater than or equal to MinimumPollers."
        return "ProvisionedPollerConfig", text
    if mapping.maximum_concurrency is not None and mapping.maximum_pollers:
        text = "ScalingConfig and ProvisionedPollerConfig cannot be used together."
        return "ScalingConfig", text
    return None


def _stream_problem(mapping: EventSourceMapping) -> tuple[str, str] | None:
    stream = mapping.stream
    if mapping.kind == "dynamodb" and stream.starting_position == "AT_TIMESTAMP":
        text = f"Unsupported starting position for arn type: {mapping.arn}"
        return "StartingPosition", text
    if (stream.starting_timestamp is None) == (stream.starting_position == "AT_TIMESTAMP"):
        text = "StartingPositionTimestamp and the StartingPosition AT_TIMESTAMP belong together."
        return "StartingPositionTimestamp", text
    if -1 < stream.maximum_record_age < LEAST_RECORD_AGE:
        text = f"MaximumRecordAgeInSeconds must be -1 or at least {LEAST_RECORD_AGE}."
        return "MaximumRecordAgeInSeconds", text
    return None


def not_supported(setting: str) -> str:
    """The text for a setting that the kind of source does not have.

    Source: observed for DestinationConfig; of the others inferred.
    """
    return f"Unsupported {setting} parameter for given event source mapping type."


def first_state(*, enabled: bool) -> MappingState:
    """The state in which a new mapping settles."""
    return "Enabled" if enabled else "Disabled"


def state_on_the_way(before: EventSourceMapping, after: EventSourceMapping) -> MappingState:
    """The state of a mapping while `after` takes the place of `before`."""
    if before.enabled == after.enabled:
        return "Updating"
    return "Enabling" if after.enabled else "Disabling"
