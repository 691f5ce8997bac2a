"""Metrics as Prometheus reads them: the text exposition format, version 0.0.4.

A metric of a namespace becomes a summary (`…_sum` and `…_count` since the gateway started) where
its values are measures, a counter (`…_total`) where they are counts: from both, rates and averages
of any time can be told. Names are AWS's in the form of Prometheus: `AWS/Lambda`'s `Duration` in
`Milliseconds` is `aws_lambda_duration_milliseconds`, its dimension `FunctionName` the label
`function_name`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from edgegw.cloudwatch.statistics import Statistics
from edgegw.cloudwatch.store import Dimensions, MetricKey, Series

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FOREIGN: Final = re.compile(r"[^a-z0-9_]+")
_SUMMED: Final = ("Count", "Bytes")
"""Units whose sum is what counts."""


def exposition(
    series: Iterable[tuple[MetricKey, Series]], gauges: Mapping[MetricKey, float]
) -> str:
    """The text of all `series`, grouped by metric as the format asks; `gauges` are as of now."""
    families: dict[str, list[tuple[MetricKey, Series]]] = {}
    for key, one in series:
        if key not in gauges:
            families.setdefault(_family(key, one.unit), []).append((key, one))
    lines: list[str] = []
    for family, members in sorted(families.items()):
        lines += _family_lines(family, members)
    return "".join(f"{line}\n" for line in (*lines, *_gauge_lines(gauges)))


def _gauge_lines(gauges: Mapping[MetricKey, float]) -> list[str]:
    lines: list[str] = []
    latest = ""
    for key in sorted(gauges, key=lambda gauge: (gauge.namespace, gauge.name, gauge.dimensions)):
        family = f"{snake_case(key.namespace)}_{snake_case(key.name)}"
        if family != latest:
            about = f"{key.name} of {_escaped(key.namespace)}"
            lines += [f"# HELP {family} {about}", f"# TYPE {family} gauge"]
            latest = family
        lines.append(f"{family}{_labels(key.dimensions)} {_number(gauges[key])}")
    return lines


def _family_lines(family: str, members: list[tuple[MetricKey, Series]]) -> list[str]:
    key, first = members[0]
    is_counter = first.unit in _SUMMED
    unit = "" if first.unit == "None" else f", {first.unit}"
    lines = [
        f"# HELP {family} {key.name} of {_escaped(key.namespace)}{unit}",
        f"# TYPE {family} {'counter' if is_counter else 'summary'}",
    ]
    for member, series in sorted(members, key=lambda item: item[0].dimensions):
        lines += _sample_lines(family, _labels(member.dimensions), series.whole, is_counter)
    return lines


def _sample_lines(
    family: str,
    labels: str,
    whole: Statistics,
    is_counter: bool,  # noqa: FBT001
) -> list[str]:
    if is_counter:
        return [f"{family}{labels} {_number(whole.total)}"]
    return [
        f"{family}_sum{labels} {_number(whole.total)}",
        f"{family}_count{labels} {whole.count}",
    ]


def _family(key: MetricKey, unit: str) -> str:
    name = f"{snake_case(key.namespace)}_{snake_case(key.name)}"
    if unit in _SUMMED:
        return name if name.endswith("_total") else f"{name}_total"
    ending = "" if unit == "None" else f"_{_unit(unit)}"
    return name if name.endswith(ending) else f"{name}{ending}"


def _unit(unit: str) -> str:
    return snake_case(unit.replace("/", "_per_"))


def snake_case(name: str) -> str:
    """`AWS/ApplicationELB` as `aws_application_elb`, `HTTPCode_Target_2XX` likewise."""
    words = _FOREIGN.sub("_", _WORD.sub("_", name).lower())
    words = re.sub(r"_+", "_", words).strip("_")
    return words if words[:1].isalpha() else f"_{words}"


def _labels(dimensions: Dimensions) -> str:
    if not dimensions:
        return ""
    taken: dict[str, str] = {}
    for name, value in dimensions:
        taken.setdefault(snake_case(name), value)
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in taken.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    return str(int(value)) if value == int(value) else repr(value)
