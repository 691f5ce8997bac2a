"""Lambda's metrics, held against AWS's list: names, units, dimensions."""

from __future__ import annotations

from typing import get_args

from edgegw.awslambda import metrics

COUNTS = {
    *("Invocations", "Errors", "Throttles", "DeadLetterErrors"),
    *("DestinationDeliveryFailures", "RecursiveInvocationsDropped"),
    *("AsyncEventsReceived", "AsyncEventsDropped"),
    *("PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "FailedInvokeEventCount"),
    *("DroppedEventCount", "OnFailureDestinationDeliveredEventCount", "DeletedEventCount"),
}


def test_names_and_units() -> None:
    """Lambda Developer Guide, "Types of metrics for Lambda functions"."""
    assert metrics.NAMESPACE == "AWS/Lambda"
    assert {
        **dict.fromkeys(COUNTS, "Count"),
        "Duration": "Milliseconds",
        "AsyncEventAge": "Milliseconds",
        "IteratorAge": "Milliseconds",
        "ConcurrentExecutions": "None",
    } == metrics.UNITS
    known = {*get_args(metrics.InvocationMetric), *get_args(metrics.WorkerMetric)}
    assert known == set(metrics.UNITS)


def test_a_value_counts_for_its_function_and_for_all_together() -> None:
    assert metrics.dimension_sets("app") == ((("FunctionName", "app"),), ())
