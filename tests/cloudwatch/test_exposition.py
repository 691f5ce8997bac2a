"""Prometheus text: names, labels, kinds of metrics."""

from __future__ import annotations

import pytest

from edgegw.cloudwatch.exposition import exposition, snake_case
from edgegw.cloudwatch.statistics import Statistics, repeated
from edgegw.cloudwatch.store import MetricKey, MetricStore


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Invocations", "invocations"),
        ("AWS/ApplicationELB", "aws_application_elb"),
        ("HTTPCode_Target_2XX_Count", "http_code_target_2_xx_count"),
        ("4xxErrorRate", "_4xx_error_rate"),
        ("my app.v2", "my_app_v2"),
        ("ä", "_"),
    ],
)
def test_names(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_counts_are_counters_measures_are_summaries_and_health_is_a_gauge() -> None:
    store, health = MetricStore(), MetricKey("AWS/ApplicationELB", "HealthyHostCount", ())
    store.add(
        MetricKey("AWS/Lambda", "Errors", (("FunctionName", "f"),)), "Count", 0, repeated(1, 2)
    )
    measured = Statistics()
    measured.add(1.5)
    measured.add(2.0)
    store.add(MetricKey("AWS/Lambda", "Duration", ()), "Milliseconds", 0, measured)
    store.add(health, "Count", 0, repeated(3, 1))
    assert exposition(store, {health: 2}).splitlines() == [
        "# HELP aws_lambda_duration_milliseconds Duration of AWS/Lambda, Milliseconds",
        "# TYPE aws_lambda_duration_milliseconds summary",
        "aws_lambda_duration_milliseconds_sum 3.5",
        "aws_lambda_duration_milliseconds_count 2",
        "# HELP aws_lambda_errors_total Errors of AWS/Lambda, Count",
        "# TYPE aws_lambda_errors_total counter",
        'aws_lambda_errors_total{function_name="f"} 2',
        "# HELP aws_application_elb_healthy_host_count HealthyHostCount of AWS/ApplicationELB",
        "# TYPE aws_application_elb_healthy_host_count gauge",
        "aws_application_elb_healthy_host_count 2",
    ]


def test_labels_are_escaped_and_stand_once() -> None:
    store = MetricStore()
    dimensions = (("A B", 'x"\\\n'), ("AB", "2"), ("a_b", "3"))
    store.add(MetricKey("n", "m", dimensions), "Count", 0, repeated(1, 1))
    assert exposition(store, {}).splitlines()[-1] == r'n_m_total{a_b="x\"\\\n",ab="2"} 1'


def test_values_that_are_no_numbers_are_written_as_prometheus_has_them() -> None:
    store = MetricStore()
    store.add(MetricKey("n", "m", ()), "Count", 0, repeated(float("inf"), 1))
    store.add(MetricKey("n", "o", ()), "Count", 0, repeated(float("nan"), 1))
    assert [line for line in exposition(store, {}).splitlines() if line[0] != "#"] == [
        "n_m_total +Inf",
        "n_o_total NaN",
    ]
