"""Why a viewer gets an error page: a function failed, or an origin did.

Source: CloudFront Developer Guide, "HTTP 502 status code" and "HTTP 503 status code".
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from edgegw.awslambda.model import (
    FunctionError,
    FunctionRef,
    InvokeRefusal,
    Outcome,
    Report,
    Returned,
    Throttled,
)
from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.edge_functions.model import EdgeFailed, EdgeOutcome, EdgeReport
from edgegw.cloudfront.edge_functions.rules import EXECUTION_ERROR as EDGE_EXECUTION_ERROR
from edgegw.cloudfront.edge_functions.rules import NOT_COMPILED, UNREADABLE
from edgegw.cloudfront.edge_functions.rules import THROTTLED as EDGE_THROTTLED
from edgegw.cloudfront.edge_rule import EdgeRule, Violation
from edgegw.cloudfront.rule_table import (
    EXECUTION_ERROR,
    NOT_INVOCABLE,
    THROTTLED,
    TIMED_OUT,
    TOO_LARGE,
)
from edgegw.cloudfront.trigger_result import InvalidResult, Violations
from edgegw.cloudfront.triggers import Trigger, ViewerTrigger
from edgegw.values import value

FailedVerdict: TypeAlias = Literal[
    Verdict.LAMBDA_VALIDATION_ERROR, Verdict.LAMBDA_EXECUTION_ERROR, Verdict.LAMBDA_LIMIT_EXCEEDED
]

FailedEdgeVerdict: TypeAlias = Literal[
    Verdict.FUNCTION_VALIDATION_ERROR,
    Verdict.FUNCTION_EXECUTION_ERROR,
    Verdict.FUNCTION_THROTTLED_ERROR,
]


@value
class FailedOutcome:
    """A function failed at a trigger: `kind` is the X-Cache value, `detail` the exact reason.

    `rule` is the one that CloudFront's page speaks of, `violations` are all that were found.
    """

    trigger: Trigger
    function: FunctionRef
    kind: FailedVerdict
    detail: str
    rule: EdgeRule
    report: Report
    violations: Violations = ()

    @property
    def status(self) -> int:
        """502 for what the function returned, 503 for what kept it from returning."""
        return 502 if self.kind is Verdict.LAMBDA_VALIDATION_ERROR else 503


@value
class FailedEdgeFunction:
    """A CloudFront Function failed at a trigger; as `FailedOutcome`, in its own words."""

    trigger: ViewerTrigger
    function: str
    kind: FailedEdgeVerdict
    detail: str
    rule: EdgeRule
    report: EdgeReport
    violations: Violations = ()

    @property
    def status(self) -> int:
        """502 for what the function returned, 503 for what kept it from returning."""
        return 502 if self.kind is Verdict.FUNCTION_VALIDATION_ERROR else 503


@value
class OriginFailure:
    """The origin gave no usable answer; `detail` says what was tried and what happened.

    `was_connected` unless no connection stood; `is_too_large` where its head is beyond all
    limits.
    """

    kind: Literal["refused", "dns", "closed", "invalid", "timeout"]
    detail: str
    was_connected: bool = True
    is_too_large: bool = False

    @property
    def status(self) -> int:
        """What the viewer gets."""
        return _ORIGIN_PAGES[self.kind][0]

    @property
    def text(self) -> str:
        """The reason line of CloudFront's page."""
        return _ORIGIN_PAGES[self.kind][1]

    @property
    def failover_code(self) -> int:
        """The code that an origin group must list to go on with its second origin.

        503 where no connection could be made, also when that took too long; 504 for an answer that
        did.
        Source: CloudFront Developer Guide, "Optimize high availability with origin failover".
        """
        is_unconnected = self.kind in ("refused", "dns") or not self.was_connected
        return 503 if is_unconnected else self.status


ErrorCause: TypeAlias = FailedOutcome | FailedEdgeFunction | OriginFailure | DistributionRefusal

_CLOSED_TEXT: Final = (
    "CloudFront attempted to establish a connection with the origin, but either the attempt "
    "failed or the origin closed the connection."
)
_ORIGIN_PAGES: Final = {
    "refused": (502, "CloudFront wasn't able to connect to the origin."),
    "dns": (502, "CloudFront wasn't able to resolve the origin domain name."),
    "closed": (502, _CLOSED_TEXT),
    "invalid": (502, _CLOSED_TEXT),
    "timeout": (504, _CLOSED_TEXT),
}
"""Status and reason line of the page, by how the origin failed; the texts are observed.

Source: CloudFront Developer Guide, "HTTP 502 status code" and "HTTP 504 status code".
"""


def failed_outcome(
    trigger: Trigger, function: FunctionRef, outcome: Outcome, answer: InvalidResult | None
) -> FailedOutcome:
    """Why `outcome` is an error page; `answer` when the function returned and was refused."""

    def failed(kind: FailedVerdict, rule: EdgeRule, what: str) -> FailedOutcome:
        detail = f"{rule.code}: {what} ({rule.source})"
        return FailedOutcome(trigger, function, kind, detail, rule, outcome.report)

    match outcome:
        case Throttled():
            what = f"{outcome.message} {outcome.reason}: {outcome.detail}"
            return failed(Verdict.LAMBDA_LIMIT_EXCEEDED, THROTTLED, what)
        case InvokeRefusal():
            return failed(
                Verdict.LAMBDA_EXECUTION_ERROR, NOT_INVOCABLE, f"{outcome.code}: {outcome.message}"
            )
        case FunctionError(error_type="Function.ResponseSizeTooLarge"):
            violation = Violation(
                TOO_LARGE, "", outcome.message, "return less", log=TOO_LARGE.demands
            )
            answer = InvalidResult((violation,))
        case FunctionError():
            rule = TIMED_OUT if outcome.report.status == "timeout" else EXECUTION_ERROR
            return failed(
                Verdict.LAMBDA_EXECUTION_ERROR, rule, f"{outcome.error_type}: {outcome.message}"
            )
        case Returned():
            pass
    assert answer is not None  # a function that returned fails by its answer only
    refused = [each for each in answer.violations if each.is_refused]
    return FailedOutcome(
        trigger,
        function,
        Verdict.LAMBDA_VALIDATION_ERROR,
        "\n".join(map(str, refused)),
        refused[0].rule,
        outcome.report,
        answer.violations,
    )


def failed_edge_function(
    trigger: ViewerTrigger, function: str, outcome: EdgeOutcome, answer: InvalidResult | None
) -> FailedEdgeFunction:
    """Why `outcome` is an error page; `answer` when the function returned and was refused."""
    if isinstance(outcome, EdgeFailed) and outcome.kind != "unreadable":
        is_throttled = outcome.kind == "throttled"
        rule = EDGE_EXECUTION_ERROR
        kind: FailedEdgeVerdict = Verdict.FUNCTION_EXECUTION_ERROR
        if is_throttled:
            rule = EDGE_THROTTLED if outcome.is_on_demand else NOT_COMPILED
            kind = Verdict.FUNCTION_THROTTLED_ERROR
        place = f", in line {outcome.line}" if outcome.line else ""
        detail = f"{rule.code}: {outcome.message}{place} ({rule.source})"
        return FailedEdgeFunction(trigger, function, kind, detail, rule, outcome.report)
    if isinstance(outcome, EdgeFailed):
        violation = Violation(UNREADABLE, "", outcome.message, "return plain objects")
        answer = InvalidResult((violation,))
    assert answer is not None  # a function that returned fails by its answer only
    refused = [each for each in answer.violations if each.is_refused]
    return FailedEdgeFunction(
        trigger,
        function,
        Verdict.FUNCTION_VALIDATION_ERROR,
        "\n".join(map(str, refused)),
        refused[0].rule,
        outcome.report,
        answer.violations,
    )
