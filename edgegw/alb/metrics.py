"""The metrics that a load balancer has, by AWS's names, and under which dimensions they count.

Source: ELB User Guide for ALB, "CloudWatch metrics for your Application Load Balancer".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from edgegw.values import value

NAMESPACE: Final = "AWS/ApplicationELB"

BalancerSample: TypeAlias = tuple[str, str, float, int]
"""Metric, unit, value, and how many times it came."""

_INTERNAL_ERRORS: Final = frozenset(
    {
        "LambdaConnectionError",
        "LambdaConnectionTimeout",
        "LambdaServiceException",
        "LambdaUnhandledException",
    }
)
"""Reasons that are not the function's fault; every other reason of Lambda counts as the user's.

Source: ELB User Guide for ALB, "Access logs", error reason codes.
"""
_GUARD_METRICS: Final[Mapping[str, str]] = {
    "authenticated": "ELBAuthSuccess",
    "provider-denied": "ELBAuthFailure",
    "provider-error": "ELBAuthError",
    "refreshed": "ELBAuthRefreshTokenSuccess",
    "token-validated": "JWTValidationSuccessCount",
    "AuthUserinfoResponseSizeExceeded": "ELBAuthUserClaimsSizeExceeded",
    **dict.fromkeys(
        (
            "AuthMissingHostHeader",
            "AuthTokenEpRequestFailed",
            "AuthTokenEpRequestTimeout",
            "AuthUserinfoEpRequestFailed",
            "AuthUserinfoEpRequestTimeout",
        ),
        "ELBAuthError",
    ),
    **dict.fromkeys(
        (
            "AuthInvalidCookie",
            "AuthInvalidGrantError",
            "AuthInvalidIdToken",
            "AuthInvalidStateParam",
            "AuthInvalidTokenResponse",
            "AuthInvalidUserinfoResponse",
            "AuthMissingCodeParam",
            "AuthMissingStateParam",
        ),
        "ELBAuthFailure",
    ),
    **dict.fromkeys(
        (
            "JWTHeaderNotPresent",
            "JWTRequestFormatInvalid",
            "JWTSignatureValidationError",
            "JWTClaimNotPresent",
            "JWTClaimFormatInvalid",
            "JWTClaimValueInvalid",
            "JWKSRequestTimeout",
            "JWKSResponseSizeExceeded",
            "JWKSRequestFailed",
            "JWKSResponseInvalid",
        ),
        "JWTValidationFailureCount",
    ),
}
"""Metrics of sign-ins and bearer tokens, by what became of the request.

Source: ELB User Guide for ALB, "CloudWatch metrics for your Application Load Balancer",
user authentication metrics; "Access logs", error reason codes.
"""
PROVIDER_LATENCY: Final = "ELBAuthLatency"
"""Milliseconds in which an identity provider was asked for tokens and claims.

Source: ELB User Guide for ALB, "CloudWatch metrics for your Application Load Balancer",
user authentication metrics.
"""
_OWN_STATUSES: Final = (500, 502, 503, 504)
"""Statuses of the load balancer itself with a count of their own.

Source: ELB User Guide for ALB, "CloudWatch metrics for your Application Load Balancer",
HTTPCode_ELB_500_Count and so on.
"""


@value(kw_only=True)
class ClientRequests:
    """Requests of one minute that were alike, with the bytes of all of them.

    `verdict` is `forwarded`, `redirect`, `fixed-response` or an error reason; `guard` what came of
    the action before (`GuardOutcome.mark`); `is_lambda` None where no target group was chosen.
    """

    status: int
    verdict: str
    count: int
    processed: int
    is_lambda: bool | None = None
    guard: str = ""


def balancer_dimensions(
    balancer_id: str, target_group_arn: str | None
) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Under what a request counts: the load balancer, and with it the target group.

    Source: ELB User Guide for ALB, "CloudWatch metrics for your Application Load Balancer",
    metric dimensions.
    """
    balancer = ("LoadBalancer", balancer_id)
    if target_group_arn is None:
        return ((balancer,),)
    group = ("TargetGroup", target_group_arn.rpartition(":")[2])
    return ((balancer,), (balancer, group))


def samples(requests: ClientRequests) -> Iterator[BalancerSample]:
    """What `requests` count as at the load balancer."""
    count, verdict, hundreds = requests.count, requests.verdict, requests.status // 100
    guard_metric = _GUARD_METRICS.get(verdict) or _GUARD_METRICS.get(requests.guard)
    if guard_metric is not None:
        yield guard_metric, "Count", 1, count
    yield "ProcessedBytes", "Bytes", requests.processed / count, count
    if verdict == "fixed-response":
        yield "HTTP_Fixed_Response_Count", "Count", 1, count
    elif verdict == "redirect":
        yield "HTTP_Redirect_Count", "Count", 1, count
        yield "HTTPCode_ELB_3XX_Count", "Count", 1, count
    elif verdict != "forwarded" and hundreds == 3:  # to the identity provider, and back
        yield "HTTPCode_ELB_3XX_Count", "Count", 1, count
    elif verdict != "forwarded" and hundreds in (4, 5):
        yield f"HTTPCode_ELB_{hundreds}XX_Count", "Count", 1, count
        if requests.status in _OWN_STATUSES:
            yield f"HTTPCode_ELB_{requests.status}_Count", "Count", 1, count
        if requests.status == 507:
            yield "HTTP_Redirect_Url_Limit_Exceeded_Count", "Count", 1, count


def target_samples(requests: ClientRequests) -> Iterator[BalancerSample]:
    """What `requests` count as at the target group too."""
    count, verdict, hundreds = requests.count, requests.verdict, requests.status // 100
    if requests.is_lambda is None:
        return
    yield "RequestCount", "Count", 1, count
    if requests.is_lambda:
        yield "LambdaTargetProcessedBytes", "Bytes", requests.processed / count, count
        if verdict in _INTERNAL_ERRORS:
            yield "LambdaInternalError", "Count", 1, count
        elif verdict.startswith("Lambda"):
            yield "LambdaUserError", "Count", 1, count
    if verdict == "forwarded" and 2 <= hundreds <= 5:
        yield f"HTTPCode_Target_{hundreds}XX_Count", "Count", 1, count
