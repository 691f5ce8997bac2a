"""What CloudFront writes into `/aws/cloudfront/LambdaEdge/DISTRIBUTION` when it refuses a result.

Source: CloudFront Developer Guide, "Edge function logs"; the wording is the observed one.
"""

from __future__ import annotations

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
    lines += [f"ERROR Validation error: {each.log}" for each in violations if each.is_refused]
    return [f"({request_id}) {line}" for line in lines]
