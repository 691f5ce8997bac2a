"""What commands, metrics, costs and the API say of CloudFront Functions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw import Gateway
from edgegw.cloudfront.edge_functions.model import (
    EdgeFailed,
    EdgeOutcome,
    EdgeReport,
    EdgeReturned,
)
from edgegw.cloudfront.edge_functions.run_metrics import (
    EdgeRuns,
    function_samples,
    result_kind,
)
from edgegw.cloudfront.metrics import NAMESPACE
from edgegw.config.gateway.faults import set_faults
from edgegw.config.resolve import load_dict
from edgegw.errors import UsageError
from edgegw.gateway.explaining import explained
from edgegw.gateway.figures.costs import assumed_month, measured_month, month_charges
from edgegw.gateway.figures.figures import EdgeUsage
from edgegw.gateway.fronts.local_edge_functions import edge_log_group, edge_rows
from edgegw.gateway.reached_door import DescribedRequest
from tests.aws_clients import aws_client
from tests.conftest import Serving, serving_in
from tests.gateway.cached_site import Origin

ROUTE = """function handler(event) {
  console.log('route ' + event.request.uri);
  if (event.request.uri === '/throw') throw new Error('no');
  if (event.request.uri === '/upper') event.request.headers['X-A'] = { value: '1' };
  return event.request;
}"""
STAMP = "function handler(event) { return event.response; }"
BROKEN = "function handler(event) { for (const a of []) {} }"


def config(folder: Path) -> dict[str, Any]:
    code = {"route": ROUTE, "stamp": STAMP, "broken": BROKEN}
    for name, text in code.items():
        (folder / f"{name}.js").write_text(text)
    both = {"viewer-request": "route", "viewer-response": "stamp"}
    return {
        "edge_functions": {name: {"code": str(folder / f"{name}.js")} for name in code},
        "distributions": {
            "site": {
                "listen": 0,
                "id": "E1EDGE",
                "origins": {"app": {"url": "http://origin.test"}},
                "behaviors": [
                    {
                        "path_pattern": "/broken",
                        "origin": "app",
                        "edge_functions": {"viewer-request": "broken"},
                    }
                ],
                "default_behavior": {"origin": "app", "edge_functions": both},
            }
        },
        "gateway": {"lambda_api": 0, "fault_seed": 1},
    }


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving_in(tmp_path, config(tmp_path), transport=lambda _: Origin()) as served:
        yield served


async def asked(served: Serving, *paths: str) -> list[httpx.Response]:
    async with httpx.AsyncClient(base_url=served.urls["site"], trust_env=False) as client:
        return [await client.get(path) for path in paths]


def figures(gateway: Gateway, function: str) -> dict[str, tuple[int, float]]:
    """Count and sum of every metric of a function."""
    return {
        key.name: (series.whole.count, series.whole.total)
        for key, series in gateway.figures.gather()
        if key.namespace == NAMESPACE
        and key.dimensions == (("FunctionName", function), ("Region", "Global"))
    }


async def test_metrics(served: Serving) -> None:
    answers = await asked(served, "/a", "/b", "/throw", "/upper", "/broken")
    assert [answer.status_code for answer in answers] == [200, 200, 503, 502, 503]
    gateway = served.gateway
    route = figures(gateway, "route")
    assert route["FunctionInvocations"] == (4, 4)
    assert route["FunctionValidationErrors"] == route["FunctionExecutionErrors"] == (1, 1)
    assert "FunctionThrottles" not in route
    count, total = route["FunctionComputeUtilization"]
    assert count == 4
    assert 4 <= total <= 200
    assert figures(gateway, "stamp")["FunctionInvocations"] == (2, 2)
    assert figures(gateway, "broken") == {"FunctionThrottles": (1, 1)}

    usage = gateway.figures.figures.usage
    assert usage.edge_runs == 6
    exchange = gateway.exchange(answers[0])
    charges = {charge.item: charge for charge in exchange.charges}
    assert charges["CloudFront Functions"].quantity == 2
    assert charges["CloudFront Functions"].amount == pytest.approx(2e-7)

    cloudwatch = aws_client("cloudwatch", served.urls["lambda"])
    listed = await asyncio.to_thread(
        cloudwatch.list_metrics, Namespace=NAMESPACE, MetricName="FunctionInvocations"
    )
    cloudwatch.close()
    named = {one["Dimensions"][0]["Value"] for one in listed["Metrics"]}
    assert named == {"route", "stamp"}


@pytest.mark.parametrize(
    ("outcome", "is_refused", "names"),
    [
        (EdgeReturned({}, EdgeReport()), False, set()),
        (EdgeReturned({}, EdgeReport()), True, {"FunctionValidationErrors"}),
        (EdgeFailed("unreadable", "", EdgeReport()), True, {"FunctionValidationErrors"}),
        (EdgeFailed("execution", "", EdgeReport()), False, {"FunctionExecutionErrors"}),
        (EdgeFailed("throttled", "", EdgeReport()), False, {"FunctionThrottles"}),
    ],
)
def test_what_a_run_counts_as(outcome: EdgeOutcome, is_refused: bool, names: set[str]) -> None:
    kind = result_kind(outcome, is_refused=is_refused)
    counted = {name: count for name, _, _, count in function_samples(EdgeRuns(kind, 12, 3))}
    usual = {"FunctionInvocations", "FunctionComputeUtilization"}
    assert counted == dict.fromkeys(names if kind == "throttled" else usual | names, 3)


def test_costs(tmp_path: Path) -> None:
    loaded = load_dict(config(tmp_path))
    charges = {charge.item: charge for charge in month_charges(loaded, assumed_month(loaded, 5e6))}
    assert charges["CloudFront Functions"].quantity == 10e6  # two at the default behavior
    assert charges["CloudFront Functions"].amount == pytest.approx(0.80)  # 2 million are free
    usage = EdgeUsage()
    usage.https_requests, usage.edge_runs = 10, 20
    assert measured_month(usage, [], 1.0, 100).viewers.function_runs == 200


async def test_explain_functions_and_logs(served: Serving) -> None:
    await asked(served, "/a")
    gateway = served.gateway
    asked_for = DescribedRequest("http://site.test/a", distribution="site")
    runs = explained(gateway.config, asked_for)["functions"]
    assert [(run["trigger"], run["function"]) for run in runs] == [
        ("viewer-request", "route"),
        ("viewer-response", "stamp"),
    ]
    assert [(row["name"], row["versions"]) for row in await edge_rows(gateway)] == [
        ("broken", ["DEVELOPMENT", "LIVE"]),
        ("route", ["DEVELOPMENT", "LIVE"]),
        ("stamp", ["DEVELOPMENT", "LIVE"]),
    ]
    for name in ("route", "/aws/cloudfront/function/route"):
        assert edge_log_group(gateway, name) == "/aws/cloudfront/function/route"
    assert edge_log_group(gateway, "nobody") is None


async def test_get_distribution_has_the_associations(served: Serving) -> None:
    client = aws_client("cloudfront", served.urls["lambda"])
    got = await asyncio.to_thread(client.get_distribution, Id="E1EDGE")
    client.close()
    behavior = got["Distribution"]["DistributionConfig"]["DefaultCacheBehavior"]
    arn = "arn:aws:cloudfront::123456789012:function/"
    assert behavior["FunctionAssociations"] == {
        "Quantity": 2,
        "Items": [
            {"FunctionARN": f"{arn}route", "EventType": "viewer-request"},
            {"FunctionARN": f"{arn}stamp", "EventType": "viewer-response"},
        ],
    }


@pytest.mark.parametrize(
    ("setting", "status", "cache", "rule"),
    [
        ("route.error", 503, "FunctionExecutionError", "execution-error"),
        ("edge_function:route.throttle", 503, "FunctionThrottledError", "throttled"),
        ("stamp.error", 503, "FunctionExecutionError", "execution-error"),
        ("stamp.throttle", 503, "FunctionThrottledError", "throttled"),
        ("route.error=0%", 200, "Miss", ""),
    ],
)
async def test_faults_on_demand(
    served: Serving, setting: str, status: int, cache: str, rule: str
) -> None:
    gateway = served.gateway
    targets = gateway.config.fault_targets
    gateway.faults.put(set_faults({}, [setting], targets))
    [answer] = await asked(served, "/fault")
    assert (answer.status_code, answer.headers["x-cache"]) == (status, f"{cache} from cloudfront")
    exchange = gateway.exchange(answer)
    assert bool(exchange.faults) == (status == 503)
    if status == 503:
        reason = exchange.reason or ""
        assert f": edge-function.{rule}: a fault on demand of edgegw" in reason
        assert "x-edgegw-fault" in answer.headers


async def test_the_dice_are_thrown_once_a_run(served: Serving) -> None:
    gateway = served.gateway
    gateway.faults.put(set_faults({}, ["route.error=50%"], gateway.config.fault_targets), 7)
    first = [answer.status_code for answer in await asked(served, *["/x"] * 12)]
    gateway.faults.put(gateway.faults.plans, 7)
    # by now the function runs on the event loop; before its first run was handed to a thread
    assert [answer.status_code for answer in await asked(served, *["/x"] * 12)] == first
    assert {200, 503} == set(first)


def test_faults_of_the_configuration(tmp_path: Path) -> None:
    given = config(tmp_path)
    given["edge_functions"]["route"]["faults"] = {"error": 0.5}
    plans = Gateway.from_dict(given).faults.plans
    assert plans["edge_function:route"].error == 0.5
    with pytest.raises(UsageError, match="'latency' is no fault of a CloudFront Function"):
        set_faults({}, ["route.latency=1s"], load_dict(given).fault_targets)
    assert json.dumps(plans["edge_function:route"].to_dict()) == '{"error": 0.5}'
