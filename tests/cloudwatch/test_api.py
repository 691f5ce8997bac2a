"""Questions about metrics: periods, units, pages, and what is asked wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudwatch.api import MetricQueryError, answer_to
from edgegw.cloudwatch.cbor import EpochTime
from edgegw.cloudwatch.protocols import metric_call, query_members, reply_to
from edgegw.cloudwatch.statistics import Statistics
from edgegw.cloudwatch.store import MetricKey, MetricStore

BEGIN = 1_700_000_040
"""A whole minute."""
KEY = MetricKey("N", "m", (("A", "1"), ("B", "2")))
ASKED: dict[str, Any] = {
    "Namespace": "N",
    "MetricName": "m",
    "Dimensions": [{"Name": "B", "Value": "2"}, {"Name": "A", "Value": "1"}],
    "StartTime": BEGIN,
    "EndTime": BEGIN + 3600,
    "Period": 60,
    "Statistics": ["Sum"],
}


@pytest.fixture
def store() -> MetricStore:
    store = MetricStore()
    for minute, value in enumerate((1.0, 2.0, 4.0, 8.0)):
        measured = Statistics(sketched=True)
        measured.add(value)
        store.add(KEY, "Seconds", BEGIN + 60 * minute + 30, measured)
    return store


def sums(store: MetricStore, **changed: Any) -> list[tuple[float, Any]]:
    answer: Any = answer_to("GetMetricStatistics", {**ASKED, **changed}, store)
    return [(point["Timestamp"].seconds - BEGIN, point["Sum"]) for point in answer["Datapoints"]]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, [(0, 1), (60, 2), (120, 4), (180, 8)], id="by the minute"),
        pytest.param({"Period": 120}, [(0, 3), (120, 12)], id="by two minutes"),
        pytest.param({"Period": 10}, [(0, 1), (60, 2), (120, 4), (180, 8)], id="never finer"),
        pytest.param(
            {"StartTime": BEGIN + 70}, [(60, 2), (120, 4), (180, 8)], id="start rounded down"
        ),
        pytest.param({"EndTime": BEGIN + 120}, [(0, 1), (60, 2)], id="the end is not in it"),
        pytest.param(
            {"StartTime": BEGIN + 60, "Period": 120}, [(60, 6), (180, 8)], id="from the start on"
        ),
        pytest.param({"Unit": "Seconds"}, [(0, 1), (60, 2), (120, 4), (180, 8)], id="its unit"),
        pytest.param({"Unit": "Count"}, [], id="another unit"),
        pytest.param(
            {"Dimensions": ASKED["Dimensions"][:1]}, [], id="dimensions must all be named"
        ),
        pytest.param(
            {"StartTime": "2023-11-14T22:14:00Z", "EndTime": "2023-11-14T22:15:00Z"},
            [(0, 1)],
            id="times as text",
        ),
    ],
)
def test_periods(store: MetricStore, changed: dict[str, Any], expected: list[Any]) -> None:
    assert sums(store, **changed) == expected


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Period": 61}, "InvalidParameterValue"),
        ({"Period": 0}, "InvalidParameterValue"),
        ({"Period": None}, "MissingParameter"),
        ({"Period": True}, "MissingParameter"),
        ({"Namespace": ""}, "MissingParameter"),
        ({"MetricName": 1}, "MissingParameter"),
        ({"StartTime": "yesterday"}, "InvalidParameterValue"),
        ({"StartTime": None}, "MissingParameter"),
        ({"EndTime": BEGIN}, "ValidationError"),
        ({"Statistics": []}, "InvalidParameterCombination"),
        ({"Statistics": ["Median"]}, "InvalidParameterValue"),
        ({"Statistics": "Sum"}, "InvalidParameterValue"),
        ({"Dimensions": [1]}, "InvalidParameterValue"),
        ({"EndTime": BEGIN + 60 * 1441}, "InvalidParameterCombination"),
    ],
)
def test_what_is_asked_wrongly(store: MetricStore, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(MetricQueryError) as refused:
        sums(store, **changed)
    assert refused.value.code == code


def test_a_day_of_minutes_is_the_most(store: MetricStore) -> None:
    assert len(sums(store, EndTime=BEGIN + 60 * 1440)) == 4


def data(store: MetricStore, query: dict[str, Any], **changed: Any) -> Any:
    metric = {key: ASKED[key] for key in ("Namespace", "MetricName", "Dimensions")}
    stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
    times = {key: ASKED[key] for key in ("StartTime", "EndTime")}
    request = {"MetricDataQueries": [{"Id": "q", "MetricStat": stat, **query}], **times, **changed}
    return answer_to("GetMetricData", request, store)["MetricDataResults"]


def test_data_comes_latest_first_unless_asked_otherwise(store: MetricStore) -> None:
    [latest_first] = data(store, {})
    [ascending] = data(store, {"Label": "mine"}, ScanBy="TimestampAscending")
    assert latest_first["Values"] == [8, 4, 2, 1]
    assert ascending["Values"] == [1, 2, 4, 8]
    assert (latest_first["Label"], ascending["Label"]) == ("m", "mine")
    assert ascending["Timestamps"][0] == EpochTime(BEGIN)
    assert data(store, {"ReturnData": False}) == []


def test_expressions_are_not_computed(store: MetricStore) -> None:
    with pytest.raises(MetricQueryError, match="does not compute the expression of q"):
        data(store, {"Expression": "m1 / m2"})


@pytest.mark.parametrize("ids", [["Q"], ["1"], ["a-b"], ["q", "q"]])
def test_queries_need_ids_of_their_own(store: MetricStore, ids: list[str]) -> None:
    metric = {key: ASKED[key] for key in ("Namespace", "MetricName", "Dimensions")}
    stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": query_id, "MetricStat": stat} for query_id in ids]
    with pytest.raises(MetricQueryError) as refused:
        data(store, {}, MetricDataQueries=queries)
    assert refused.value.code == "ValidationError"


def test_lists_have_pages() -> None:
    store = MetricStore()
    for at in range(501):
        store.add(MetricKey("N", f"m{at:03}", ()), "Count", BEGIN, Statistics())
    first: Any = answer_to("ListMetrics", {}, store)
    second: Any = answer_to("ListMetrics", {"NextToken": first["NextToken"]}, store)
    assert (len(first["Metrics"]), len(second["Metrics"])) == (500, 1)
    assert "NextToken" not in second


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        ({}, 1),
        ({"Namespace": "N"}, 1),
        ({"Namespace": "O"}, 0),
        ({"MetricName": "o"}, 0),
        ({"Dimensions": [{"Name": "A"}]}, 1),
        ({"Dimensions": [{"Name": "A", "Value": "2"}]}, 0),
        ({"Dimensions": [{"Name": "C"}]}, 0),
    ],
)
def test_lists_are_filtered(store: MetricStore, request_: dict[str, Any], count: int) -> None:
    listed: Any = answer_to("ListMetrics", request_, store)
    assert len(listed["Metrics"]) == count


def test_parameters_of_the_query_protocol() -> None:
    pairs = [
        ("Action", "GetMetricStatistics"),
        ("Dimensions.member.1.Name", "A"),
        ("Dimensions.member.1.Value", "1"),
        ("Dimensions.member.2.Name", "B"),
        ("Statistics.member.1", "Sum"),
        ("Period", "60"),
        ("ExtendedStatistics", ""),
    ]
    assert query_members(pairs) == {
        "Action": "GetMetricStatistics",
        "Dimensions": [{"Name": "A", "Value": "1"}, {"Name": "B"}],
        "Statistics": ["Sum"],
        "Period": 60,
    }


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/service/GraniteServiceVersion20100801/operation/ListMetrics", {}, b"\xa0", 200),
        ("/service/GraniteServiceVersion20100801/operation/ListMetrics", {}, b"", 200),
        ("/service/GraniteServiceVersion20100801/operation/ListMetrics", {}, b"\xff", 400),
        ("/service/GraniteServiceVersion20100801/operation/ListMetrics", {}, b"\x01", 400),
        ("/", {"x-amz-target": "GraniteServiceVersion20100801.ListMetrics"}, b"{}", 200),
        ("/", {"x-amz-target": "GraniteServiceVersion20100801.ListMetrics"}, b"{", 400),
        ("/", {"x-amz-target": "GraniteServiceVersion20100801.PutDashboard"}, b"{}", 400),
        ("/", FORM, b"Action=ListMetrics", 200),
        ("/", FORM, b"Action=ListMetrics&Dimensions.member.1=x", 400),
        ("/", FORM, b"A=1&A.b=2&Action=ListMetrics", 400),
    ],
)
def test_calls_in_each_protocol(
    store: MetricStore, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    call = metric_call(path, headers, body)
    assert call is not None
    assert reply_to(call, store, "id").status == status


def test_what_is_no_call_of_cloudwatch() -> None:
    assert metric_call("/", {"x-amz-target": "AmazonSQS.SendMessage"}, b"{}") is None
