"""What CloudFront writes into `/aws/cloudfront/LambdaEdge/DISTRIBUTION` when it refuses a result.

Source: CloudFront Developer Guide, "Edge function logs"; the wording is the observed one.
"""

from __future__ import annotations

from edgegw.cloudfront.edge_rule import Violation
from edgegw.cloudfront.model import Distribution
from edgegw.cloudfront.trigger_result import Violations


def log_group(distribution: Distribution) -> str:
    """The log group of a distribution's validation errors."""
    return f"/aws/cloudfront/LambdaEdge/{distribution.id}"


def log_lines(
    request_id: str, arn: str, region: str, lambda_request_id: str, violations: Violations
) -> list[str]:
    """The lines of one refused result; `request_id` is CloudFront's, `arn` the function's."""
    lines = [
        f"INFO Invoking LambdaFunctionARN: {arn} Region: {region}",
        f"INFO Response received from Lambda: RequestId: {lambda_request_id}",
    ]
    refused = [violation for violation in violations if violation.is_refused]
    lines += [f"ERROR Validation error: {_what_is_wrong(violation)}" for violation in refused]
    return [f"({request_id}) {line}" for line in lines]


def _what_is_wrong(violation: Violation) -> str:
    """CloudFront's own sentence where it is known, and what was found where."""
    where = violation.path or "the result"
    found = f"{where}: found {violation.actual}; {violation.expected}"
    is_known = violation.log and violation.log != violation.rule.demands
    return f"{violation.log.rstrip('.')} ({found})" if is_known else found
