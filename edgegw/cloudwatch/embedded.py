"""Metrics that a function prints: the embedded metric format.

A line of the log is a JSON object whose `_aws.CloudWatchMetrics` says which of its other members
are metrics and which are dimensions. Every set of dimensions makes a series of its own.

Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, cast

from edgegw.cloudwatch.statistics import Statistics
from edgegw.cloudwatch.store import Dimensions, MetricKey, dimensions_of

MARK: Final = '"_aws"'
"""What stands in every line that may hold metrics."""
_NO_DIMENSIONS: Final[list[list[object]]] = [[]]
_GREATEST: Final = 2**360
_MOST_VALUES: Final = 100
_MOST_DIMENSIONS: Final = 30

EmbeddedMetric: TypeAlias = tuple[MetricKey, str, float, Statistics]
"""Key, unit, seconds since 1970, and what was measured."""


def embedded_metrics(line: str) -> list[EmbeddedMetric]:
    """The metrics in a line of a log; none where it is another line, or breaks the format."""
    if MARK not in line or not line.lstrip().startswith("{"):
        return []
    try:
        root: object = json.loads(line)
    except (ValueError, RecursionError):
        return []
    members = _mapping(root)
    about = _mapping(members.get("_aws"))
    at = about.get("Timestamp")
    if not _is_number(at):
        return []
    directives = about.get("CloudWatchMetrics")
    if not isinstance(directives, list):
        return []
    return [
        (key, unit, cast("float", at) / 1000, statistics)
        for directive in cast("list[object]", directives)
        for key, unit, statistics in _of_directive(_mapping(directive), members)
    ]


def _of_directive(
    directive: Mapping[str, object], members: Mapping[str, object]
) -> Iterator[tuple[MetricKey, str, Statistics]]:
    namespace, metrics = directive.get("Namespace"), directive.get("Metrics")
    sets = _dimension_sets(directive.get("Dimensions", _NO_DIMENSIONS), members)
    if not isinstance(namespace, str) or not namespace or not isinstance(metrics, list):
        return
    for definition in map(_mapping, cast("list[object]", metrics)):
        name, unit = definition.get("Name"), definition.get("Unit", "None")
        if not isinstance(name, str) or not isinstance(unit, str):
            continue
        statistics = _statistics(members.get(name))
        if statistics is None:
            continue
        for dimensions in sets:
            yield MetricKey(namespace, name, dimensions), unit, statistics


def _dimension_sets(given: object, members: Mapping[str, object]) -> list[Dimensions]:
    """The sets of dimensions whose members all have a text (or a number) as value."""
    sets: list[Dimensions] = []
    for names in cast("list[object]", given) if isinstance(given, list) else []:
        if not isinstance(names, list) or len(cast("list[object]", names)) > _MOST_DIMENSIONS:
            continue
        values = {str(name): members.get(str(name)) for name in cast("list[object]", names)}
        if all(isinstance(value, str) or _is_number(value) for value in values.values()):
            sets.append(dimensions_of({name: str(value) for name, value in values.items()}))
    return sets


def _statistics(given: object) -> Statistics | None:
    """Those of a number, or of a list of up to 100 numbers."""
    values = cast("list[object]", given) if isinstance(given, list) else [given]
    if not values or len(values) > _MOST_VALUES or not all(map(_is_number, values)):
        return None
    statistics = Statistics(sketched=True)
    for value in cast("list[float]", values):
        statistics.add(value)
    return statistics


def _is_number(given: object) -> bool:
    """Whether CloudWatch takes it as a value: no infinity, nor what is beyond 2 to the 360."""
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return False
    return abs(given) <= _GREATEST


def _mapping(given: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", given) if isinstance(given, Mapping) else {}
