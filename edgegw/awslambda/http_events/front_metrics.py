"""The metrics of function URLs and HTTP APIs, by AWS's names, and under what they count.

Source: Lambda Developer Guide, "Monitoring Lambda function URLs", CloudWatch metrics; API Gateway
Developer Guide, "Working with metrics for HTTP APIs".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.values import value

API_NAMESPACE: Final = "AWS/ApiGateway"
"""The namespace of HTTP APIs; function URLs count under that of Lambda."""

URL_LATENCY: Final = "UrlRequestLatency"
"""How long a function URL took from the request to the end of its answer.

Source: Lambda Developer Guide, "Monitoring Lambda function URLs", CloudWatch metrics.
"""
API_LATENCY: Final = "Latency"
"""How long an HTTP API took from the request to the end of its answer.

Source: API Gateway Developer Guide, "Working with metrics for HTTP APIs".
"""
INTEGRATION_LATENCY: Final = "IntegrationLatency"
"""How long the function behind an HTTP API took.

Source: API Gateway Developer Guide, "Working with metrics for HTTP APIs".
"""

CallerSample: TypeAlias = tuple[str, str, float, int]
"""Metric, unit, value, and how many times it came."""
MetricDimensions: TypeAlias = tuple[tuple[str, str], ...]


@value
class CallerRequests:
    """Requests of one minute that were alike, with the bytes of all of them both ways."""

    status: int
    count: int
    processed: int


def url_samples(requests: CallerRequests) -> Iterator[CallerSample]:
    """What requests count as at a function URL; for errors all of them, with 1 or 0 (uncertain).

    Source: Lambda Developer Guide, "Monitoring Lambda function URLs", CloudWatch metrics.
    """
    count, hundreds = requests.count, requests.status // 100
    yield "UrlRequestCount", "Count", 1, count
    yield "Url4xxCount", "Count", float(hundreds == 4), count
    yield "Url5xxCount", "Count", float(hundreds == 5), count


def url_dimensions(function: FunctionRef, version: str) -> tuple[MetricDimensions, ...]:
    """The function; with it whose URL it is; with both the version that ran, where one did.

    Source: Lambda Developer Guide, "Monitoring Lambda function URLs", dimensions.
    """
    name = ("FunctionName", function.name)
    resource = ("Resource", f"{function.name}:{function.qualifier or LATEST}")
    sets: tuple[MetricDimensions, ...] = ((name,), (name, resource))
    return (*sets, (("ExecutedVersion", version), name, resource)) if version else sets


def api_samples(requests: CallerRequests) -> Iterator[CallerSample]:
    """What requests count as at an HTTP API; a request counts for errors too, with 1 or 0.

    Source: API Gateway Developer Guide, "Working with metrics for HTTP APIs".
    """
    count, hundreds = requests.count, requests.status // 100
    yield "Count", "Count", 1, count
    yield "4xx", "Count", float(hundreds == 4), count
    yield "5xx", "Count", float(hundreds == 5), count
    yield "DataProcessed", "Bytes", requests.processed / count, count


def api_dimensions(api_id: str, stage: str) -> tuple[MetricDimensions, ...]:
    """The API, and with it the stage, where one was chosen; routes count only where AWS is asked.

    Source: API Gateway Developer Guide, "Working with metrics for HTTP APIs", dimensions.
    """
    api = ("ApiId", api_id)
    return ((api,), (api, ("Stage", stage))) if stage else ((api,),)
