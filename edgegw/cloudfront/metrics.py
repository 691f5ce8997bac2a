"""The metrics that CloudFront has of distributions, by AWS's names.

Each metric has one statistic that means something: Sum of what is counted, Average of rates, whose
values are 100 for a request that counts and 0 for one that does not.

Source: CloudFront Developer Guide, "Types of metrics for CloudFront".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.values import value

NAMESPACE: Final = "AWS/CloudFront"

SampleOf: TypeAlias = tuple[str, str, float, int]
"""Metric, unit, value, and how many times it came."""

_ERRORS: Final = (401, 403, 404, 502, 503, 504)
"""Statuses with a rate of their own.

Source: CloudFront Developer Guide, "Types of metrics for CloudFront", additional metrics.
"""
_DOWNLOADS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods whose answers count as downloaded.

Source: CloudFront Developer Guide, "Types of metrics for CloudFront", bytes downloaded.
"""
_UPLOADS: Final = frozenset({"POST", "PUT"})
"""Methods whose requests count as uploaded.

Source: CloudFront Developer Guide, "Types of metrics for CloudFront", bytes uploaded.
"""
_LAMBDA: Final[Mapping[str, str]] = {
    "LambdaExecutionError": Verdict.LAMBDA_EXECUTION_ERROR,
    "LambdaValidationError": Verdict.LAMBDA_VALIDATION_ERROR,
    "LambdaLimitExceededErrors": Verdict.LAMBDA_LIMIT_EXCEEDED,
}
"""What requests that Lambda@Edge spoiled are counted as.

Source: observed in dashboards and metric lists; CloudFront Developer Guide, "Monitor CloudFront
metrics with Amazon CloudWatch", errors of Lambda@Edge.
"""
_HITS: Final = frozenset({Verdict.HIT, Verdict.REFRESH_HIT})
_CACHEABLE: Final = frozenset({*_HITS, Verdict.MISS})


@value
class ViewerRequests:
    """Requests of one minute that were alike, with the bytes of all of them."""

    method: str
    status: int
    verdict: str
    count: int
    sent: int
    received: int


def dimensions(distribution_id: str) -> tuple[tuple[str, str], ...]:
    """Those of every metric of a distribution.

    Source: CloudFront Developer Guide, "Types of metrics for CloudFront", dimensions.
    """
    return (("DistributionId", distribution_id), ("Region", "Global"))


def samples(requests: ViewerRequests) -> Iterator[SampleOf]:
    """What `requests` count as."""
    count, status = requests.count, requests.status
    yield "Requests", "None", 1, count
    if requests.method in _DOWNLOADS:
        yield "BytesDownloaded", "None", requests.sent / count, count
    if requests.method in _UPLOADS:
        yield "BytesUploaded", "None", requests.received / count, count
    yield "4xxErrorRate", "Percent", _rate(400 <= status < 500), count
    yield "5xxErrorRate", "Percent", _rate(500 <= status < 600), count
    yield "TotalErrorRate", "Percent", _rate(400 <= status < 600), count
    for error in _ERRORS:
        yield f"{error}ErrorRate", "Percent", _rate(status == error), count
    if requests.verdict in _CACHEABLE:
        yield "CacheHitRate", "Percent", _rate(requests.verdict in _HITS), count
    for name, verdict in _LAMBDA.items():
        if requests.verdict == verdict:
            yield name, "None", 1, count


def _rate(counts: bool) -> float:  # noqa: FBT001
    return 100.0 if counts else 0.0
