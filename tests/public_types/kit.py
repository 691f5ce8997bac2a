"""Type-checked by pyright: how users write tests of one function, and what pytest gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from edgegw import Gateway
from edgegw.testing import Clock, assert_redirects, invoke, validate, viewer_request

if TYPE_CHECKING:
    from edgegw.types import LambdaContext, LambdaEdgeRequestEvent, LambdaEdgeRequestResult


def handler(event: LambdaEdgeRequestEvent, context: LambdaContext) -> LambdaEdgeRequestResult:
    request = event["Records"][0]["cf"]["request"]
    if request["uri"] == "/old":
        return {"status": "301", "headers": {"location": [{"value": "/new"}]}}
    request["headers"]["x-id"] = [{"value": context.aws_request_id}]
    return request


def test_unit() -> None:
    event = viewer_request("/old", headers={"X-A": ["1", "2"]})
    result = invoke(handler, event)
    assert validate("viewer-request", event, result)


async def test_pipeline(
    gateway: Gateway, edge_client: httpx.AsyncClient, sync_edge_client: httpx.Client
) -> None:
    response = await edge_client.get("/old")
    assert_redirects(sync_edge_client.get("/old"), "/new", status=301)
    gateway.clock.advance(60)
    exchange = gateway.exchange(response)
    assert exchange.cache is not None
    assert exchange.cache.verdict == "Miss"
    assert exchange.origin is not None
    headers: httpx.Headers = exchange.origin.request.headers
    assert headers["host"] == "origin.test"
    gateway.reset(functions={"auth": handler}, clock=0.0, seed=1)


def made() -> Gateway:
    return Gateway.from_file("edgegw.yaml", clock=Clock("2030-01-01"), seed=3)
