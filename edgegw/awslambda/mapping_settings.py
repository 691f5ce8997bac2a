"""The settings of an event source mapping, as a request of the Lambda API names them.

A setting that a request does not name keeps its value: the default of the source's kind in
CreateEventSourceMapping, the present one in UpdateEventSourceMapping. A table has a reader for each
setting, which answers the fields of the mapping that it changes.
Source: Lambda API Reference, "CreateEventSourceMapping" and "UpdateEventSourceMapping".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from edgegw.awslambda.destinations import STREAM_DESTINATIONS
from edgegw.awslambda.event_pattern import PatternError, compile_pattern
from edgegw.awslambda.event_source import REPORT_FAILURES
from edgegw.awslambda.names import service_of
from edgegw.awslambda.payload import Json, as_text
from edgegw.awslambda.service_errors import constraint, invalid
from edgegw.awslambda.source_mapping import (
    MAX_FILTERS,
    ONLY_SOME,
    RANGES,
    SOURCE_RULES,
    EventSourceMapping,
    not_supported,
    settings_problem,
)

MappingRequest = Mapping[str, Json]

COUNTED: Final = "EventCount"
"""The kind of metrics that mappings of queues and streams have.

Source: Lambda API Reference, "EventSourceMappingMetricsConfig".
"""
_POSITIONS: Final = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


def check_ranges(body: MappingRequest) -> None:
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


def with_settings(mapping: EventSourceMapping, body: MappingRequest) -> EventSourceMapping:
    """`mapping` with what `body` asks for. Raises ServiceError, also for what its source lacks."""
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
