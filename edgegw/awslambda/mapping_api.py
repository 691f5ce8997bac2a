"""The event source mappings of the Lambda API: what is asked becomes a mapping, and back.

A setting that a request does not name keeps its value: the default of the source's kind in
CreateEventSourceMapping, the present one in UpdateEventSourceMapping. Numbers are judged first,
each alone, then what the source is, then what does not go together with it, then the function.
Source: Lambda API Reference, "CreateEventSourceMapping" and "UpdateEventSourceMapping"; the order
of checks is inferred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from edgegw.awslambda.api import MOST_ASKED, listed_page
from edgegw.awslambda.destinations import STREAM_DESTINATIONS
from edgegw.awslambda.event_pattern import PatternError, compile_pattern
from edgegw.awslambda.event_source import REPORT_FAILURES
from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json, as_text
from edgegw.awslambda.service_errors import ServiceError, constraint, invalid, missing
from edgegw.awslambda.source_mapping import (
    MAX_FILTERS,
    ONLY_SOME,
    RANGES,
    SOURCE_RULES,
    EventSourceMapping,
    KnownSource,
    MappingState,
    StreamMapping,
    not_supported,
    settings_problem,
)
from edgegw.awslambda.versions import Deployed
from edgegw.values import value

MappingRequest = Mapping[str, Json]

MOST_MAPPINGS: Final = 100
"""Mappings of one answer of ListEventSourceMappings.

Source: Lambda API Reference, "ListEventSourceMappings", MaxItems.
"""
COUNTED: Final = "EventCount"
"""The kind of metrics that mappings of queues and streams have.

Source: Lambda API Reference, "EventSourceMappingMetricsConfig".
"""
_POSITIONS: Final = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


@value
class MappingStanding:
    """What a mapping's settings do not say: its state, since when, how its last batch ended.

    `last_modified` is in seconds since 1970. `problem` is why a mapping does not run that should.
    """

    state: MappingState
    last_modified: float
    last_result: str = "No records processed"
    problem: str = ""


def new_mapping(
    body: MappingRequest,
    uuid: str,
    source: KnownSource | None,
    functions: Mapping[str, Deployed],
    account: Account,
) -> EventSourceMapping:
    """What CreateEventSourceMapping asks for; `source` is what `asked_arn` leads to, if anything.

    Raises ServiceError.
    Source: Lambda API Reference, "CreateEventSourceMapping".
    """
    if source is None:
        raise _no_such_source(asked_arn(body))
    if source.kind in ("kinesis", "dynamodb") and body.get("StartingPosition") is None:
        raise ServiceError(
            "ValidationException",
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null.",
        )
    mapping = EventSourceMapping(
        uuid=uuid,
        kind=source.kind,
        source=source.name,
        arn=source.arn,
        is_embedded=source.is_embedded,
        endpoint_url=source.endpoint_url,
        function=_function(body, functions, account),
        batch_size=SOURCE_RULES[source.kind].default_size,
    )
    mapping = _with_settings(mapping, body)
    check_function(mapping, source, functions)
    return mapping


def changed_mapping(
    mapping: EventSourceMapping,
    body: MappingRequest,
    source: KnownSource | None,
    functions: Mapping[str, Deployed],
    account: Account,
) -> EventSourceMapping:
    """`mapping` as UpdateEventSourceMapping asks for; `source` is its own, if it is there still.

    Raises ServiceError.
    Source: Lambda API Reference, "UpdateEventSourceMapping".
    """
    _check_ranges(body)
    if body.get("FunctionName") is not None:
        mapping = replace(mapping, function=_function(body, functions, account))
    mapping = _with_settings(mapping, body)
    if source is not None:
        check_function(mapping, source, functions)
    return mapping


def asked_arn(body: MappingRequest) -> str:
    """The ARN of the source that CreateEventSourceMapping names. Raises ServiceError.

    Source: observed.
    """
    _check_ranges(body)
    arn = body.get("EventSourceArn")
    if not isinstance(arn, str) or service_of(arn) not in _SERVICES:
        raise invalid("Unrecognized event source.")
    return arn


_SERVICES: Final = ("sqs", "kinesis", "dynamodb")


def service_of(arn: str) -> str:
    """The service that an ARN is of: `sqs`, `kinesis`, `dynamodb`; empty where it is no ARN."""
    parts = arn.split(":")
    return parts[2] if len(parts) > 5 and parts[0] == "arn" else ""


def _no_such_source(arn: str) -> ServiceError:
    if service_of(arn) != "sqs":
        return invalid(f"Stream not found: {arn}")
    return invalid(
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does "
        "not exist."
    )


def _function(
    body: MappingRequest, functions: Mapping[str, Deployed], account: Account
) -> FunctionRef:
    name = body.get("FunctionName")
    if not isinstance(name, str):
        raise missing("functionName")
    ref = account.function_ref(name)
    deployed = functions.get(ref.name)
    if deployed is None or not deployed.targets(ref):
        raise invalid("Function does not exist")
    return replace_latest(ref)


def replace_latest(ref: FunctionRef) -> FunctionRef:
    """`ref` without `$LATEST`, which a mapping means when it says nothing."""
    return FunctionRef(ref.name) if ref.qualifier == LATEST else ref


def check_function(
    mapping: EventSourceMapping, source: KnownSource, functions: Mapping[str, Deployed]
) -> None:
    """Raises ServiceError where messages would come back before the function has ended."""
    deployed = functions[mapping.function.name]
    for version, _ in deployed.targets(mapping.function):
        function = deployed.version(version)
        problem = function and source.too_short_for(function.timeout)
        if problem:
            raise invalid(problem)


# Settings


def _check_ranges(body: MappingRequest) -> None:
    """Raises ServiceError for a number that is none, or out of its range."""
    for name, (least, most) in RANGES.items():
        holder = _HOLDERS.get(name)
        inner = body.get(holder) if holder else body
        given = inner.get(name) if isinstance(inner, Mapping) else None
        if given is None:
            continue
        field = name[:1].lower() + name[1:]
        if holder:
            field = f"{holder[:1].lower()}{holder[1:]}.{field}"
        if isinstance(given, bool) or not isinstance(given, int):
            raise constraint(as_text(given), field, "Member must be a number")
        if given < least:
            rule = f"Member must have value greater than or equal to {least}"
            raise constraint(str(given), field, rule)
        if given > most:
            rule = f"Member must have value less than or equal to {most}"
            raise constraint(str(given), field, rule)


_HOLDERS: Final = {
    "MaximumConcurrency": "ScalingConfig",
    "MinimumPollers": "ProvisionedPollerConfig",
    "MaximumPollers": "ProvisionedPollerConfig",
}
"""Numbers that stand inside another setting."""


def _with_settings(mapping: EventSourceMapping, body: MappingRequest) -> EventSourceMapping:
    rule = SOURCE_RULES[mapping.kind]
    for name in sorted(ONLY_SOME - rule.settings):
        if body.get(name) not in (None, {}, ""):
            raise invalid(not_supported(name))
    stream = _changed(mapping.stream, _STREAM_READERS, body)
    mapping = replace(_changed(mapping, _READERS, body), stream=stream)
    problem = settings_problem(mapping)
    if problem is not None:
        raise invalid(problem[1])
    return mapping


def _changed(settings: Any, readers: Mapping[str, SettingReader], body: MappingRequest) -> Any:
    changes: dict[str, Any] = {}
    for name, read in readers.items():
        given = body.get(name)
        if given is not None:
            changes |= read(name, given)
    return replace(settings, **changes)


SettingReader = Callable[[str, Json], dict[str, Any]]


def _as(field: str, kind: type) -> SettingReader:
    """A reader of a setting that is kept as it is given."""

    def read(name: str, given: Json) -> dict[str, Any]:
        if not isinstance(given, kind) or (kind is int and isinstance(given, bool)):
            raise constraint(as_text(given), name[:1].lower() + name[1:], "Member is malformed")
        return {field: given}

    return read


def _filters(_name: str, given: Json) -> dict[str, Any]:
    filters = given.get("Filters") if isinstance(given, Mapping) else None
    patterns = [
        item.get("Pattern") if isinstance(item, Mapping) else None
        for item in (filters if isinstance(filters, list) else ())
    ]
    if len(patterns) > MAX_FILTERS:
        raise invalid(f"A mapping has at most {MAX_FILTERS} filters.")
    try:
        texts = [compile_pattern(as_text(pattern)).text for pattern in patterns]
    except PatternError:
        raise invalid("Invalid filter pattern definition.") from None
    return {"filters": tuple(texts)}


def _response_types(_name: str, given: Json) -> dict[str, Any]:
    types = list(given) if isinstance(given, list) else [given]
    if any(kind != REPORT_FAILURES for kind in types):
        rule = (
            "Member must satisfy constraint: [Member must satisfy enum value set: "
            f"[{REPORT_FAILURES}]]"
        )
        shown = ", ".join(map(as_text, types))
        raise constraint(f"[{shown}]", "functionResponseTypes", rule)
    return {"reports_failures": bool(types)}


def _scaling(_name: str, given: Json) -> dict[str, Any]:
    return {"maximum_concurrency": _inner(given, "MaximumConcurrency")}


def _pollers(_name: str, given: Json) -> dict[str, Any]:
    if not given:
        return {"minimum_pollers": 0, "maximum_pollers": 0}
    least, most = _inner(given, "MinimumPollers"), _inner(given, "MaximumPollers")
    return {"minimum_pollers": least or 2, "maximum_pollers": most or max(200, least or 2)}


def _position(_name: str, given: Json) -> dict[str, Any]:
    if given not in _POSITIONS:
        rule = f"Member must satisfy enum value set: [{', '.join(_POSITIONS)}]"
        raise constraint(as_text(given), "startingPosition", rule)
    return {"starting_position": given}


def _timestamp(_name: str, given: Json) -> dict[str, Any]:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise constraint(as_text(given), "startingPositionTimestamp", "Member must be a timestamp")
    return {"starting_timestamp": float(given)}


def _destination(_name: str, given: Json) -> dict[str, Any]:
    failure = _inner(given, "OnFailure")
    target = _inner(failure, "Destination")
    text = target if isinstance(target, str) else ""
    if text and (service_of(text) not in STREAM_DESTINATIONS or text.endswith(".fifo")):
        raise invalid(f"The destination ARN {text} is invalid.")
    return {"on_failure": text}


def _metrics(_name: str, given: Json) -> dict[str, Any]:
    asked: Json = _inner(given, "Metrics")
    kinds = asked if isinstance(asked, list) else [] if asked is None else [asked]
    if len(kinds) > 1 or any(kind != COUNTED for kind in kinds):
        shown = ", ".join(map(as_text, kinds))
        rule = f"Member must satisfy constraint: [Member must satisfy enum value set: [{COUNTED}]]"
        raise constraint(f"[{shown}]", "metricsConfig.metrics", rule)
    return {"metrics": tuple(map(as_text, kinds))}


def _inner(given: Json, name: str) -> Any:
    return given.get(name) if isinstance(given, Mapping) else None


_READERS: Final[Mapping[str, SettingReader]] = {
    "Enabled": _as("enabled", bool),
    "BatchSize": _as("batch_size", int),
    "MaximumBatchingWindowInSeconds": _as("batch_window", int),
    "FilterCriteria": _filters,
    "FunctionResponseTypes": _response_types,
    "ScalingConfig": _scaling,
    "ProvisionedPollerConfig": _pollers,
    "MetricsConfig": _metrics,
}
_STREAM_READERS: Final[Mapping[str, SettingReader]] = {
    "StartingPosition": _position,
    "StartingPositionTimestamp": _timestamp,
    "ParallelizationFactor": _as("parallelization_factor", int),
    "MaximumRecordAgeInSeconds": _as("maximum_record_age", int),
    "MaximumRetryAttempts": _as("maximum_retry_attempts", int),
    "BisectBatchOnFunctionError": _as("bisect_on_error", bool),
    "TumblingWindowInSeconds": _as("tumbling_window", int),
    "DestinationConfig": _destination,
}


# Answers


def mapping_configuration(
    mapping: EventSourceMapping, standing: MappingStanding, account: Account
) -> dict[str, Json]:
    """`EventSourceMappingConfiguration`.

    Source: Lambda API Reference, "GetEventSourceMapping", response elements; which keys are there
    for which source is observed.
    """
    is_queue = mapping.kind.startswith("sqs")
    function = mapping.function
    answer: dict[str, Json] = {
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping_arn(mapping.uuid, account),
        "EventSourceArn": mapping.arn,
        "FunctionArn": account.arn(function.name, function.qualifier),
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.batch_window,
        "FunctionResponseTypes": [REPORT_FAILURES] if mapping.reports_failures else [],
        "LastModified": standing.last_modified,
        "State": standing.state,
        "StateTransitionReason": "USER_INITIATED" if is_queue else "User action",
    }
    if standing.problem:
        answer["StateTransitionReason"] = standing.problem
        answer["LastProcessingResult"] = f"PROBLEM: {standing.problem}"
    if mapping.filters:
        answer["FilterCriteria"] = {"Filters": [{"Pattern": text} for text in mapping.filters]}
    if mapping.maximum_concurrency is not None:
        answer["ScalingConfig"] = {"MaximumConcurrency": mapping.maximum_concurrency}
    if mapping.metrics:
        answer["MetricsConfig"] = {"Metrics": list(mapping.metrics)}
    if mapping.maximum_pollers:
        answer["ProvisionedPollerConfig"] = {
            "MinimumPollers": mapping.minimum_pollers,
            "MaximumPollers": mapping.maximum_pollers,
        }
    return answer if is_queue else answer | _stream_part(mapping.stream, standing)


def _stream_part(stream: StreamMapping, standing: MappingStanding) -> dict[str, Json]:
    part: dict[str, Json] = {
        "StartingPosition": stream.starting_position,
        "ParallelizationFactor": stream.parallelization_factor,
        "MaximumRecordAgeInSeconds": stream.maximum_record_age,
        "MaximumRetryAttempts": stream.maximum_retry_attempts,
        "BisectBatchOnFunctionError": stream.bisect_on_error,
        "TumblingWindowInSeconds": stream.tumbling_window,
        "LastProcessingResult": (
            f"PROBLEM: {standing.problem}" if standing.problem else standing.last_result
        ),
        "DestinationConfig": {
            "OnFailure": {"Destination": stream.on_failure} if stream.on_failure else {}
        },
    }
    if stream.starting_timestamp is not None:
        part["StartingPositionTimestamp"] = stream.starting_timestamp
    return part


def mapping_arn(uuid: str, account: Account) -> str:
    """The ARN of a mapping.

    Source: Lambda API Reference, "GetEventSourceMapping", EventSourceMappingArn.
    """
    return f"arn:aws:lambda:{account.region}:{account.account_id}:event-source-mapping:{uuid}"


def listed_mappings(
    mappings: Iterable[EventSourceMapping], query: Mapping[str, str], account: Account
) -> tuple[list[EventSourceMapping], dict[str, Json]]:
    """One page of the mappings that a call asks for, and `NextMarker` where there are more.

    A function is named with its qualifier where the mapping has one.
    Source: Lambda API Reference, "ListEventSourceMappings".
    """
    chosen = sorted(mappings, key=lambda mapping: mapping.uuid)
    if arn := query.get("EventSourceArn"):
        chosen = [mapping for mapping in chosen if mapping.arn == arn]
    if name := query.get("FunctionName"):
        ref = replace_latest(account.function_ref(name))
        chosen = [mapping for mapping in chosen if mapping.function == ref]
    return listed_page(chosen, query, size=MOST_MAPPINGS, most=MOST_ASKED)


# Refusals


def already_mapped(mapping: EventSourceMapping) -> ServiceError:
    """There is a mapping of this source to this function. Source: observed."""
    what = "SQS arn" if mapping.kind.startswith("sqs") else "event source arn"
    return ServiceError(
        "ResourceConflictException",
        f'An event source mapping with {what} (" {mapping.arn} ") and function '
        f'(" {mapping.function.name} ") already exists. Please update or delete the existing '
        f"mapping with UUID {mapping.uuid}",
    )


def no_such_mapping() -> ServiceError:
    """No mapping has this UUID. Source: observed."""
    return ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")


def mapping_in_use(action: Literal["update", "delete"]) -> ServiceError:
    """The mapping is on its way to another state. Source: observed."""
    return ServiceError(
        "ResourceInUseException",
        f"Cannot {action} the event source mapping because it is in use.",
    )
