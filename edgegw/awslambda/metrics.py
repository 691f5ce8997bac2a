"""The metrics that Lambda has of functions, by AWS's names, with their units.

Source: Lambda Developer Guide, "Types of metrics for Lambda functions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

NAMESPACE: Final = "AWS/Lambda"

InvocationMetric = Literal["Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"]
"""What every invocation is counted by."""

WorkerMetric = Literal[
    "AsyncEventsReceived",
    "AsyncEventAge",
    "AsyncEventsDropped",
    "DestinationDeliveryFailures",
    "DeadLetterErrors",
    "RecursiveInvocationsDropped",
    "IteratorAge",
    "PolledEventCount",
    "FilteredOutEventCount",
    "InvokedEventCount",
    "FailedInvokeEventCount",
    "DroppedEventCount",
    "OnFailureDestinationDeliveredEventCount",
    "DeletedEventCount",
]
"""What the event queue and the event source mappings count."""

UNITS: Final[Mapping[InvocationMetric | WorkerMetric, str]] = {
    "Invocations": "Count",
    "Errors": "Count",
    "Throttles": "Count",
    "Duration": "Milliseconds",
    "ConcurrentExecutions": "None",
    "AsyncEventsReceived": "Count",
    "AsyncEventAge": "Milliseconds",
    "AsyncEventsDropped": "Count",
    "DestinationDeliveryFailures": "Count",
    "DeadLetterErrors": "Count",
    "RecursiveInvocationsDropped": "Count",
    "IteratorAge": "Milliseconds",
    "PolledEventCount": "Count",
    "FilteredOutEventCount": "Count",
    "InvokedEventCount": "Count",
    "FailedInvokeEventCount": "Count",
    "DroppedEventCount": "Count",
    "OnFailureDestinationDeliveredEventCount": "Count",
    "DeletedEventCount": "Count",
}
"""The units of Lambda's metrics.

Source: Lambda Developer Guide, "Types of metrics for Lambda functions".
"""


def dimension_sets(function: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Under what a value counts: for the function, and for all functions together.

    Source: Lambda Developer Guide, "Viewing metrics for Lambda functions", dimensions.
    """
    return ((("FunctionName", function),), ())
