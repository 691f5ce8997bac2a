"""What a month and what one exchange cost."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw import Gateway
from edgegw.awslambda.pricing import FunctionUsage
from edgegw.config.resolve import load_dict
from edgegw.gateway.figures.costs import (
    HOURS,
    assumed_month,
    cost_record,
    front_requests,
    measured_month,
    month_charges,
)
from edgegw.gateway.figures.figures import EdgeUsage, rules_met
from edgegw.gateway.figures.tallies import ClientKind
from edgegw.gateway.sizes import received_bytes, sent_bytes
from tests.conftest import FUNCTIONS, PYTHON

pytestmark = pytest.mark.anyio

GB = 2**30
FUNCTION = {"code": ".", "handler": "figured.handler", "runtime": PYTHON, "memory_size": 512}
RULES = [
    {
        "priority": priority,
        "conditions": [{"path_pattern": [f"/{priority}"]}],
        "actions": [{"fixed_response": {"status_code": "200"}}],
    }
    for priority in range(1, 16)
]
SITE: dict[str, Any] = {
    "functions": {"api": {**FUNCTION, "architectures": ["arm64"]}, "hook": FUNCTION},
    "target_groups": {"api": {"target_type": "lambda", "function": "api"}},
    "load_balancers": {
        "web": {
            "listeners": [{"listen": 8080, "default_actions": [{"forward": "api"}], "rules": RULES}]
        }
    },
    "distributions": {
        "site": {
            "listen": 8081,
            "origins": {"app": {"load_balancer": "web"}},
            "default_behavior": {
                "origin": "app",
                "cache_policy": "CachingDisabled",
                "lambda_functions": {"viewer-request": "hook"},
            },
        }
    },
}


def test_a_month_at_the_same_rate() -> None:
    edge = EdgeUsage()
    edge.https_requests, edge.viewer_bytes = 100, 10 * GB
    totals = edge.balancer("web")
    totals.requests, totals.connections, totals.lambda_bytes = 90, 30, 5 * GB
    totals.seconds = 36.0
    ran = FunctionUsage(name="api", memory_mb=512, requests=90, billed_ms=9000)
    month = measured_month(edge, [ran], 3600.0, None)
    assert month.viewers.https_requests == 100 * HOURS
    assert month.viewers.sent_bytes == 10 * GB * HOURS
    [function], [balancer] = month.functions, month.balancers
    assert (function.requests, function.billed_ms) == (90 * HOURS, 9000 * HOURS)
    assert (balancer.hours, balancer.new_connections) == (HOURS, 30 * HOURS)
    assert balancer.active_connections == pytest.approx(0.01)
    assert month.basis == "100 requests in 60 minutes, scaled to a month at the same rate"


def test_requests_from_outside_are_those_at_distributions_where_there_are_any() -> None:
    edge = EdgeUsage()
    edge.balancer("web").requests = 7
    assert front_requests(edge) == 7
    edge.http_requests = 3
    assert front_requests(edge) == 3


def test_so_many_requests_a_month() -> None:
    edge = EdgeUsage()
    edge.http_requests = 100
    month = measured_month(edge, [], 5.0, 1_000_000)
    assert month.viewers.http_requests == pytest.approx(1_000_000)


def test_invocations_count_where_no_front_door_before_others_was_asked() -> None:
    ran = FunctionUsage(name="worker", memory_mb=128, requests=50, billed_ms=500)
    month = measured_month(EdgeUsage(), [ran], 5.0, 1_000_000)
    [function] = month.functions
    assert (function.requests, function.billed_ms) == (1_000_000, 10_000_000)
    assert month.basis == "50 invocations in 5 seconds, scaled to 1,000,000 invocations a month"
    once = FunctionUsage(name="worker", memory_mb=128, requests=1, billed_ms=500)
    assert measured_month(EdgeUsage(), [once], 5.0, None).basis.startswith("1 invocation in ")


def test_a_configuration_that_has_not_run() -> None:
    config = load_dict(SITE, FUNCTIONS)
    month = assumed_month(config, 1_000_000)
    [hook] = month.functions
    assert (hook.name, hook.at_edge, hook.requests) == ("hook", True, 1_000_000)
    charges = {charge.item: charge for charge in month_charges(config, month)}
    assert charges["Requests"].amount == pytest.approx(0.60)
    assert charges["Duration"].quantity == pytest.approx(1_000_000 * 0.1 * 0.5)
    record = cost_record(config, month)
    assert record["currency"] == "USD"


def test_a_load_balancer_alone_calls_its_default_target() -> None:
    alone = {key: value for key, value in SITE.items() if key != "distributions"}
    config = load_dict(alone, FUNCTIONS)
    month = assumed_month(config, 1000)
    items = {charge.item for charge in month_charges(config, month)}
    assert [usage.name for usage in month.functions] == ["api"]
    assert "Duration, arm64" in items


@pytest.mark.parametrize(("rule", "met"), [(1, 1), (15, 15), (-1, 16), (None, 16)])
def test_rules_that_a_request_met(rule: int | None, met: int) -> None:
    config = load_dict(SITE, FUNCTIONS)
    kind = ClientKind("web", 200, "forwarded", 8080, rule, None)
    assert rules_met(config, kind) == met


async def test_one_exchange_through_all_of_it() -> None:
    def api(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": "x" * 1000}

    def hook(event: Any, context: Any) -> Any:
        return event["Records"][0]["cf"]["request"]

    gateway = Gateway.from_dict(SITE, base=FUNCTIONS, functions={"api": api, "hook": hook})
    async with gateway.client("site") as client:
        exchange = gateway.exchange(await client.get("/"))
    services = [charge.service for charge in exchange.charges]
    assert services == [
        *("Lambda@Edge", "Lambda@Edge", "CloudFront", "CloudFront"),
        *("Lambda", "Lambda", "Load balancer"),
    ]
    edge, _, request, *_ = exchange.charges
    assert edge.amount == pytest.approx(0.60 / 1e6)
    assert request.amount == pytest.approx(0.0075 / 1e4)
    balanced, (inner,) = exchange.charges[-1], exchange.inner
    assert inner.response_bytes == 1000
    processed = received_bytes(inner) + sent_bytes(inner)
    assert balanced.quantity == pytest.approx(processed / 0.4 / GB)  # more than by its 16 rules
    assert exchange.cost == sum(charge.amount for charge in exchange.charges) > 0
