"""Embedded metric format: what a line counts as, and what breaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudwatch.embedded import embedded_metrics


def line(directives: Any, **members: Any) -> str:
    about = {"Timestamp": 1574109732004, "CloudWatchMetrics": directives}
    return json.dumps({"_aws": about, **members})


def metrics(text: str) -> list[tuple[str, str, dict[str, str], str, float, float]]:
    return [
        (*key[:2], dict(key.dimensions), unit, at, statistics.total)
        for key, unit, at, statistics in embedded_metrics(text)
    ]


ONE = {
    "Namespace": "shop",
    "Dimensions": [["kind"]],
    "Metrics": [{"Name": "time", "Unit": "Milliseconds"}],
}
AT = 1574109732.004


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            line([ONE], kind="book", time=100),
            [("shop", "time", {"kind": "book"}, "Milliseconds", AT, 100)],
            id="one metric",
        ),
        pytest.param(
            line([{**ONE, "Metrics": [{"Name": "time"}]}], kind="book", time=[1, 2.5]),
            [("shop", "time", {"kind": "book"}, "None", AT, 3.5)],
            id="several values, no unit",
        ),
        pytest.param(
            line(
                [{**ONE, "Dimensions": [["kind"], ["kind", "size"], []]}], kind="b", size=2, time=1
            ),
            [
                ("shop", "time", {"kind": "b"}, "Milliseconds", AT, 1),
                ("shop", "time", {"kind": "b", "size": "2"}, "Milliseconds", AT, 1),
                ("shop", "time", {}, "Milliseconds", AT, 1),
            ],
            id="each set of dimensions",
        ),
        pytest.param(
            line([{"Namespace": "shop", "Metrics": [{"Name": "time"}]}], time=1),
            [("shop", "time", {}, "None", AT, 1)],
            id="no dimensions",
        ),
        pytest.param(
            line([ONE, {**ONE, "Namespace": "other"}], kind="b", time=1),
            [
                ("shop", "time", {"kind": "b"}, "Milliseconds", AT, 1),
                ("other", "time", {"kind": "b"}, "Milliseconds", AT, 1),
            ],
            id="each directive",
        ),
        pytest.param(line([ONE], kind="b"), [], id="the value is missing"),
        pytest.param(line([ONE], time=1), [], id="the dimension is missing"),
        pytest.param(line([ONE], kind=["b"], time=1), [], id="a dimension that is no text"),
        pytest.param(line([ONE], kind="b", time="1"), [], id="a value that is no number"),
        pytest.param(line([ONE], kind="b", time=True), [], id="nor a truth"),
        pytest.param(line([ONE], kind="b", time=float("inf")), [], id="nor an infinity"),
        pytest.param(line([ONE], kind="b", time=2**361), [], id="nor beyond 2 to the 360"),
        pytest.param(line([ONE], kind="b", time=[1] * 101), [], id="more than 100 values"),
        pytest.param(
            line(
                [{**ONE, "Dimensions": [[f"d{at}" for at in range(31)]]}],
                time=1,
                **{f"d{at}": "x" for at in range(31)},
            ),
            [],
            id="more than 30 dimensions",
        ),
        pytest.param('{"_aws": 1}', [], id="no directives"),
        pytest.param('{"_aws": {"CloudWatchMetrics": []}}', [], id="no time"),
        pytest.param('{"_aws": ', [], id="no JSON"),
        pytest.param('text "_aws"', [], id="text"),
        pytest.param('["_aws"]', [], id="an array"),
    ],
)
def test_lines(text: str, expected: list[Any]) -> None:
    assert metrics(text) == expected


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_no_line_raises(directives: Any, dimensions: Any, value: Any) -> None:
    metrics(line(directives, kind=dimensions, time=value))
    metrics(line([ONE], kind="b", time=value))
    metrics(line([{**ONE, "Dimensions": dimensions, "Metrics": directives}], kind="b", time=value))
