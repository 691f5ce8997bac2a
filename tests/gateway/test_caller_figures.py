"""Metrics and charges of function URLs and HTTP APIs, alone and behind a distribution."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw import Gateway
from edgegw.gateway.figures.costs import assumed_month, front_requests, month_charges
from tests.conftest import FUNCTIONS, PYTHON

pytestmark = pytest.mark.anyio

APP = {"code": ".", "handler": "http_handlers.echo", "runtime": PYTHON}
CONFIG: dict[str, Any] = {
    "functions": {
        "app": {**APP, "aliases": {"live": {"version": "1"}}, "url": {"qualifier": "live"}},
        "busy": {**APP, "url": {}, "reserved_concurrency": 0},
    },
    "http_apis": {
        "api": {"routes": {"GET /items": "app", "GET /busy": "busy"}, "stages": {"prod": {}}}
    },
}
BEHIND: dict[str, Any] = {
    **CONFIG,
    "distributions": {
        "site": {
            "listen": 8081,
            "origins": {"fn": {"function_url": "app"}},
            "default_behavior": {
                "origin": "fn",
                "cache_policy": "CachingDisabled",
                "origin_request_policy": "AllViewerExceptHostHeader",
            },
        }
    },
}


def answering(event: Any, context: Any) -> Any:
    path = event["rawPath"]
    if path == "/boom":
        raise ValueError("no")
    return {"statusCode": 404 if path == "/missing" else 200, "body": "x" * 600_000}


def gateway_of(config: dict[str, Any]) -> Gateway:
    return Gateway.from_dict(config, base=FUNCTIONS, functions={"app": answering})


def total(gateway: Gateway, namespace: str, name: str, **dimensions: str) -> float | None:
    """The sum of a metric; None where there is none of that name under `dimensions`."""
    for key, series in gateway.figures.gather():
        if key[:2] == (namespace, name) and dict(key.dimensions) == dimensions:
            return series.whole.total
    return None


async def test_requests_at_function_urls() -> None:
    gateway = gateway_of(CONFIG)
    async with gateway.client("app:live") as client:
        statuses = [(await client.get(path)).status_code for path in ("/", "/missing", "/boom")]
    async with gateway.client("busy") as client:
        statuses.append((await client.get("/")).status_code)
    assert statuses == [200, 404, 502, 429]

    def of(name: str, **dimensions: str) -> float | None:
        return total(gateway, "AWS/Lambda", name, **dimensions)

    app = {"FunctionName": "app"}
    live = {**app, "Resource": "app:live"}
    for dimensions in (app, live, {**live, "ExecutedVersion": "1"}):
        assert of("UrlRequestCount", **dimensions) == 3
        assert of("Url4xxCount", **dimensions) == 1
        assert of("Url5xxCount", **dimensions) == 1
        assert (of("UrlRequestLatency", **dimensions) or 0) > 0
    busy = {"FunctionName": "busy"}
    assert of("Url4xxCount", **busy) == 1
    assert of("UrlRequestCount", **busy, Resource="busy:$LATEST") == 1
    assert gateway.figures.figures.usage.calls == 4
    assert gateway.figures.figures.usage.metered == 0


async def test_requests_at_http_apis() -> None:
    gateway = gateway_of(CONFIG)
    paths = ("/prod/items", "/prod/busy", "/prod/nothing", "/elsewhere")
    async with gateway.client("api") as client:
        statuses = [(await client.get(path)).status_code for path in paths]
    assert statuses == [200, 503, 404, 404]
    api = {"ApiId": gateway.config.http_apis[0].api.api_id}

    def of(name: str, **dimensions: str) -> float | None:
        return total(gateway, "AWS/ApiGateway", name, **api, **dimensions)

    assert (of("Count"), of("4xx"), of("5xx")) == (4, 2, 1)
    assert of("Count", Stage="prod") == 2
    assert (of("Latency") or 0) >= (of("IntegrationLatency") or 0) > 0
    assert (of("DataProcessed") or 0) > 600_000
    usage = gateway.figures.figures.usage
    assert (usage.calls, usage.metered) == (4, 5)  # the large answer counts twice


async def test_a_request_behind_a_distribution_counts_at_both_and_comes_from_outside_once() -> None:
    gateway = gateway_of(BEHIND)
    async with gateway.client("site") as client:
        exchange = gateway.exchange(await client.get("/missing"))
    assert total(gateway, "AWS/Lambda", "UrlRequestCount", FunctionName="app") == 1
    assert total(gateway, "AWS/Lambda", "Url4xxCount", FunctionName="app") == 1
    assert front_requests(gateway.figures.figures.usage) == 1
    (inner,) = exchange.inner
    assert inner.response_bytes == 600_000
    assert [each.kind for each in gateway.exchanges] == ["distribution"]


async def test_what_one_exchange_costs() -> None:
    gateway = gateway_of(CONFIG)
    async with gateway.client("api") as client:
        exchange = gateway.exchange(await client.get("/prod/items"))
    charge = exchange.charges[-1]
    assert (charge.service, charge.quantity) == ("API Gateway", 2)
    async with gateway.client("app:live") as client:
        exchange = gateway.exchange(await client.get("/"))
    assert [charge.service for charge in exchange.charges] == ["Lambda", "Lambda"]


def test_a_month_of_what_has_not_run() -> None:
    config = gateway_of(CONFIG).config
    month = assumed_month(config, 3e6)
    assert month.callers.metered == 1e6  # two URLs and one API share the requests
    charges = {charge.service: charge for charge in month_charges(config, month)}
    assert charges["API Gateway"].amount == pytest.approx(1.00)
    by_name = {usage.name: 0.0 for usage in month.functions}
    for usage in month.functions:
        by_name[usage.name] += usage.requests
    assert by_name == {"app": 1.5e6, "busy": 1.5e6}
    assert assumed_month(gateway_of(BEHIND).config, 3e6).callers.metered == 0
