"""What requests at function URLs and HTTP APIs count as, by AWS's names."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from edgegw.awslambda.http_events import front_metrics as metrics
from edgegw.awslambda.http_events.front_metrics import CallerRequests
from edgegw.awslambda.model import FunctionRef


def sums(samples: Iterable[metrics.CallerSample]) -> dict[str, float]:
    return {name: value * count for name, _, value, count in samples}


@pytest.mark.parametrize(
    ("status", "client_errors", "server_errors"),
    [
        pytest.param(200, 0, 0, id="a success"),
        pytest.param(399, 0, 0, id="the last that is no error"),
        pytest.param(400, 3, 0, id="the first error of a client"),
        pytest.param(499, 3, 0, id="the last one"),
        pytest.param(500, 0, 3, id="the first error of a server"),
        pytest.param(599, 0, 3, id="the last one of all"),
        pytest.param(0, 0, 0, id="a client that left before its answer"),
    ],
)
def test_errors_by_status(status: int, client_errors: int, server_errors: int) -> None:
    """Lambda Developer Guide, "Monitoring Lambda function URLs"; API Gateway, "Metrics"."""
    requests = CallerRequests(status, 3, 900)
    assert sums(metrics.url_samples(requests)) == {
        "UrlRequestCount": 3,
        "Url4xxCount": client_errors,
        "Url5xxCount": server_errors,
    }
    assert sums(metrics.api_samples(requests)) == {
        "Count": 3,
        "4xx": client_errors,
        "5xx": server_errors,
        "DataProcessed": 900,
    }


def test_names_and_units() -> None:
    requests = CallerRequests(200, 1, 1)
    assert metrics.API_NAMESPACE == "AWS/ApiGateway"
    assert metrics.URL_LATENCY == "UrlRequestLatency"
    assert (metrics.API_LATENCY, metrics.INTEGRATION_LATENCY) == ("Latency", "IntegrationLatency")
    assert {unit for _, unit, _, _ in metrics.url_samples(requests)} == {"Count"}
    units = {name: unit for name, unit, _, _ in metrics.api_samples(requests)}
    assert units["DataProcessed"] == "Bytes"


@pytest.mark.parametrize(
    ("qualifier", "version", "resource", "sets"),
    [
        pytest.param("", "", "app:$LATEST", 2, id="refused before a version ran"),
        pytest.param("", "$LATEST", "app:$LATEST", 3, id="of the function"),
        pytest.param("live", "7", "app:live", 3, id="of an alias"),
    ],
)
def test_dimensions_of_a_url(qualifier: str, version: str, resource: str, sets: int) -> None:
    found = metrics.url_dimensions(FunctionRef("app", qualifier=qualifier), version)
    assert found[:2] == (
        (("FunctionName", "app"),),
        (("FunctionName", "app"), ("Resource", resource)),
    )
    assert len(found) == sets
    assert dict(found[-1]).get("ExecutedVersion", "") == version
    assert all(list(dimensions) == sorted(dimensions) for dimensions in found)


def test_dimensions_of_an_api() -> None:
    assert metrics.api_dimensions("abc", "") == ((("ApiId", "abc"),),)
    assert metrics.api_dimensions("abc", "$default") == (
        (("ApiId", "abc"),),
        (("ApiId", "abc"), ("Stage", "$default")),
    )
