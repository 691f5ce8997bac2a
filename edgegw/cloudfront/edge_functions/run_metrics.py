"""The metrics that CloudFront has of its functions, by AWS's names.

Source: CloudFront Developer Guide, "Types of metrics for CloudFront", CloudFront Functions metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.edge_functions.model import EdgeFailed, EdgeOutcome
from edgegw.values import value

EdgeResultKind: TypeAlias = Literal["returned", "validation", "execution", "throttled"]
"""What became of a run: it returned, what it returned is refused, it failed, it was not run."""

_UNHAPPY_RUNS: Final[dict[EdgeResultKind, str]] = {
    "validation": "FunctionValidationErrors",
    "execution": "FunctionExecutionErrors",
    "throttled": "FunctionThrottles",
}
"""What runs that did not go well are counted as.

Source: CloudFront Developer Guide, "Types of metrics for CloudFront", CloudFront Functions metrics.
"""


@value
class EdgeRuns:
    """Runs of one function within a minute that came to the same."""

    kind: EdgeResultKind
    utilization: int
    count: int


def function_dimensions(name: str) -> tuple[tuple[str, str], ...]:
    """Those of every metric of a function.

    Source: CloudFront Developer Guide, "Get metrics using the CloudWatch API".
    """
    return (("FunctionName", name), ("Region", "Global"))


def result_kind(outcome: EdgeOutcome, *, is_refused: bool) -> EdgeResultKind:
    """What `outcome` is counted as; `is_refused` says that CloudFront does not take the result."""
    if isinstance(outcome, EdgeFailed):
        return "validation" if outcome.kind == "unreadable" else outcome.kind
    return "validation" if is_refused else "returned"


def function_samples(runs: EdgeRuns) -> Iterator[tuple[str, str, float, int]]:
    """What `runs` count as: metric, unit, value, and how many times. What is throttled never ran.

    Source: CloudFront Developer Guide, "Types of metrics for CloudFront", CloudFront Functions
    metrics.
    """
    error = _UNHAPPY_RUNS.get(runs.kind)
    if error is not None:
        yield error, "None", 1, runs.count
    if runs.kind != "throttled":
        yield "FunctionInvocations", "None", 1, runs.count
        yield "FunctionComputeUtilization", "Percent", runs.utilization, runs.count
