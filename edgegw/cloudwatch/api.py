"""What CloudWatch's API answers about metrics: GetMetricStatistics, GetMetricData, ListMetrics.

Requests and answers are mappings with AWS's names; how they travel is `protocols.py`'s.

Source: Amazon CloudWatch API Reference, the operations by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeAlias, cast

from edgegw.cloudwatch.cbor import EpochTime
from edgegw.cloudwatch.statistics import STATISTICS, Statistics, is_statistic
from edgegw.cloudwatch.store import MINUTE, MetricKey, MetricStore, dimensions_of
from edgegw.values import value

MetricMembers: TypeAlias = Mapping[str, object]

MOST_DATAPOINTS: Final = 1440
"""Data points of one answer of GetMetricStatistics."""
MOST_QUERIES: Final = 500
"""Queries of one GetMetricData."""
PAGE: Final = 500
"""Metrics of one page of ListMetrics."""
_SHORT_PERIODS: Final = (1, 5, 10, 20, 30)


class MetricQueryError(Exception):
    """What was asked wrongly. `shape` is the error's name in the model, `code` the older one."""

    def __init__(self, shape: str, code: str, message: str) -> None:
        super().__init__(message)
        self.shape = shape
        self.code = code
        self.message = message


def invalid_value(message: str) -> MetricQueryError:
    return MetricQueryError("InvalidParameterValueException", "InvalidParameterValue", message)


_ID: Final = re.compile(r"[a-z][a-zA-Z0-9_]*")


def _missing(name: str) -> MetricQueryError:
    text = f"The parameter {name} is required."
    return MetricQueryError("MissingRequiredParameterException", "MissingParameter", text)


def _combination(message: str) -> MetricQueryError:
    shape = "InvalidParameterCombinationException"
    return MetricQueryError(shape, "InvalidParameterCombination", message)


def _unknown(message: str) -> MetricQueryError:
    return MetricQueryError("ValidationError", "ValidationError", message)


def answer_to(operation: str, request: MetricMembers, store: MetricStore) -> dict[str, object]:
    """The answer of `operation`. Raises MetricQueryError."""
    perform = _OPERATIONS.get(operation)
    if perform is None:
        known = ", ".join(_OPERATIONS)
        text = f"edgegw does not know the operation {operation} of CloudWatch; it has {known}"
        raise MetricQueryError("UnknownOperationException", "InvalidAction", text)
    return perform(request, store)


# Periods


@value
class MetricWindow:
    """From `start` on and before `end`, in steps of `period`: seconds since 1970, seconds."""

    start: int
    end: float
    period: int


def _window(request: MetricMembers, period: object) -> MetricWindow:
    start, end = _time(request, "StartTime"), _time(request, "EndTime")
    if isinstance(period, bool) or not isinstance(period, int):
        raise _missing("Period")
    if period < 1 or (period % MINUTE and period not in _SHORT_PERIODS):
        raise invalid_value("The parameter Period must be a multiple of 60, or 1, 5, 10, 20, 30.")
    if start >= end:
        raise _unknown("The parameter StartTime must be less than the parameter EndTime.")
    return MetricWindow(int(start) // MINUTE * MINUTE, end, max(period, MINUTE))


def _time(request: MetricMembers, name: str) -> float:
    given = request.get(name)
    if isinstance(given, str):
        try:
            return datetime.fromisoformat(given).timestamp()
        except ValueError:
            raise invalid_value(f"The value of {name} is no time: {given!r}") from None
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise _missing(name)
    return float(given)


def _periods(
    store: MetricStore, key: MetricKey, window: MetricWindow
) -> Iterator[tuple[int, Statistics]]:
    """Beginning and statistics of each period in which there was anything."""
    series = store.get(key)
    if series is None:
        return
    merged: dict[int, Statistics] = {}
    for begin, statistics in series.between(window.start, window.end):
        at = window.start + (begin - window.start) // window.period * window.period
        merged.setdefault(at, Statistics()).merge(statistics)
    yield from sorted(merged.items())


def _key(request: MetricMembers) -> MetricKey:
    return MetricKey(
        _text(request, "Namespace"),
        _text(request, "MetricName"),
        dimensions_of(
            {
                _text(dimension, "Name"): _text(dimension, "Value")
                for dimension in _list(request, "Dimensions")
            }
        ),
    )


# GetMetricStatistics


def _metric_statistics(request: MetricMembers, store: MetricStore) -> dict[str, object]:
    key = _key(request)
    window = _window(request, request.get("Period"))
    named = _texts(request, "Statistics")
    extended = _texts(request, "ExtendedStatistics")
    if not named and not extended:
        raise _combination("At least one of Statistics and ExtendedStatistics must be specified.")
    for name in (*named, *extended):
        if not is_statistic(name):
            raise invalid_value(f"The value {name} for a statistic is not supported.")
    count = (window.end - window.start) / window.period
    if count > MOST_DATAPOINTS:
        raise _combination(
            f"You have requested up to {int(count):,} datapoints, which exceeds the limit of "
            f"{MOST_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, "
            "or decreasing the time range."
        )
    series = store.get(key)
    unit = "None" if series is None else series.unit
    if request.get("Unit", unit) != unit:
        return {"Label": key.name, "Datapoints": []}
    points = [
        _datapoint(begin, statistics, unit, named, extended)
        for begin, statistics in _periods(store, key, window)
    ]
    return {"Label": key.name, "Datapoints": points}


def _datapoint(
    begin: int, statistics: Statistics, unit: str, named: list[str], extended: list[str]
) -> dict[str, object]:
    point: dict[str, object] = {"Timestamp": EpochTime(begin), "Unit": unit}
    point |= {name: statistics.value(name) for name in named if name in STATISTICS}
    percentiles = {name: statistics.value(name) for name in extended}
    known = {name: number for name, number in percentiles.items() if number is not None}
    if known:
        point["ExtendedStatistics"] = known
    return point


# GetMetricData


def _metric_data(request: MetricMembers, store: MetricStore) -> dict[str, object]:
    queries = _list(request, "MetricDataQueries")
    if not queries:
        raise _missing("MetricDataQueries")
    if len(queries) > MOST_QUERIES:
        raise _unknown(f"The collection MetricDataQueries must not have more than {MOST_QUERIES}.")
    _check_ids([_text(query, "Id") for query in queries])
    ascends = request.get("ScanBy") == "TimestampAscending"
    results = [
        _result(query, request, store, ascends=ascends)
        for query in queries
        if query.get("ReturnData", True)
    ]
    return {"MetricDataResults": results, "Messages": []}


def _check_ids(ids: list[str]) -> None:
    """Raises MetricQueryError for an id that is none, or that stands twice.

    Source: Amazon CloudWatch API Reference, "MetricDataQuery", Id.
    """
    for at, query_id in enumerate(ids, 1):
        member = f"MetricDataQueries.member.{at}.Id"
        if _ID.fullmatch(query_id) is None:
            raise _unknown(
                f"The value {query_id} for parameter {member} is not matching the expected "
                f"pattern ^{_ID.pattern}$."
            )
        if query_id in ids[: at - 1]:
            raise _unknown(f"The value {query_id} for parameter {member} is not unique.")


def _result(
    query: MetricMembers, request: MetricMembers, store: MetricStore, *, ascends: bool
) -> dict[str, object]:
    query_id = _text(query, "Id")
    if "Expression" in query:
        raise _unknown(
            f"edgegw does not compute the expression of {query_id}: ask for the metrics that it "
            "is made of"
        )
    stat = _mapping(query, "MetricStat")
    key, name = _key(_mapping(stat, "Metric")), _text(stat, "Stat")
    if not is_statistic(name):
        raise _unknown(f"The value {name} for parameter MetricDataQueries.MetricStat.Stat is wrong")
    window = _window(request, stat.get("Period"))
    series = store.get(key)
    points: list[tuple[int, float]] = []
    if series is not None and stat.get("Unit", series.unit) == series.unit:
        for begin, statistics in _periods(store, key, window):
            number = statistics.value(name)
            if number is not None:
                points.append((begin, number))
    if not ascends:
        points.reverse()
    return {
        "Id": query_id,
        "Label": query.get("Label", key.name),
        "Timestamps": [EpochTime(begin) for begin, _ in points],
        "Values": [number for _, number in points],
        "StatusCode": "Complete",
    }


# ListMetrics


def _list_metrics(request: MetricMembers, store: MetricStore) -> dict[str, object]:
    wanted = _list(request, "Dimensions")
    keys = sorted(key for key, _ in store if _is_wanted(key, request, wanted))
    begin = _page_begin(request.get("NextToken"))
    metrics = [
        {
            "Namespace": key.namespace,
            "MetricName": key.name,
            "Dimensions": [{"Name": name, "Value": text} for name, text in key.dimensions],
        }
        for key in keys[begin : begin + PAGE]
    ]
    answer: dict[str, object] = {"Metrics": metrics}
    if len(keys) > begin + PAGE:
        answer["NextToken"] = str(begin + PAGE)
    return answer


def _page_begin(token: object) -> int:
    if token is None:
        return 0
    if not isinstance(token, str) or not token.isdecimal():
        raise invalid_value("Invalid nextToken")
    return int(token)


def _is_wanted(key: MetricKey, request: MetricMembers, wanted: list[MetricMembers]) -> bool:
    if request.get("Namespace", key.namespace) != key.namespace:
        return False
    if request.get("MetricName", key.name) != key.name:
        return False
    has = dict(key.dimensions)
    return all(
        has.get(name := _text(filter_, "Name")) is not None
        and filter_.get("Value", has[name]) == has[name]
        for filter_ in wanted
    )


# MetricMembers of requests


def _text(members: MetricMembers, name: str) -> str:
    given = members.get(name)
    if not isinstance(given, str) or not given:
        raise _missing(name)
    return given


def _list(members: MetricMembers, name: str) -> list[MetricMembers]:
    given = members.get(name, [])
    if not isinstance(given, list) or not all(
        isinstance(item, Mapping) for item in cast("list[object]", given)
    ):
        raise invalid_value(f"The parameter {name} must be a list of structures.")
    return cast("list[MetricMembers]", given)


def _texts(members: MetricMembers, name: str) -> list[str]:
    given = members.get(name, [])
    if not isinstance(given, list) or not all(
        isinstance(item, str) for item in cast("list[object]", given)
    ):
        raise invalid_value(f"The parameter {name} must be a list of texts.")
    return cast("list[str]", given)


def _mapping(members: MetricMembers, name: str) -> MetricMembers:
    given = members.get(name)
    if not isinstance(given, Mapping):
        raise _missing(name)
    return cast("MetricMembers", given)


_OPERATIONS: Final[dict[str, Callable[[MetricMembers, MetricStore], dict[str, object]]]] = {
    "GetMetricStatistics": _metric_statistics,
    "GetMetricData": _metric_data,
    "ListMetrics": _list_metrics,
}
