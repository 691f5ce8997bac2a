"""How front doors show what the Lambda service says: qualifiers, throttles, permissions."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw import Gateway
from tests.conftest import FUNCTIONS, PYTHON


def config(function: str = "f", trigger: str = "edge", **more: Any) -> dict[str, Any]:
    return {
        "functions": {
            "f": {
                "runtime": PYTHON,
                "code": ".",
                "handler": "qualified.target",
                "versions": {"1": {}, "2": {}},
                "aliases": {"live": {"version": "2"}},
                **more,
            },
            "edge": {"runtime": PYTHON, "code": ".", "handler": "qualified.viewer", **more},
        },
        "target_groups": {"t": {"target_type": "lambda", "function": function}},
        "load_balancers": {
            "web": {"listeners": [{"listen": 0, "default_actions": [{"forward": "t"}]}]}
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "lambda_functions": {"viewer-request": trigger},
                },
            }
        },
    }


@pytest.mark.parametrize(
    ("reference", "version", "arn"),
    [
        ("f", "$LATEST", "function:f"),
        ("f:1", "1", "function:f:1"),
        ("f:live", "2", "function:f:live"),
        ("f:$LATEST", "$LATEST", "function:f:$LATEST"),
    ],
)
async def test_a_target_group_names_a_qualifier(reference: str, version: str, arn: str) -> None:
    gateway = Gateway.from_dict(config(reference), base=FUNCTIONS)
    async with gateway.client("web") as client:
        found = (await client.get("/")).json()
        assert found["version"] == version
        assert found["arn"].endswith(arn)


@pytest.mark.parametrize(
    ("reference", "version"), [("edge", "1"), ("edge:1", "1"), ("edge:$LATEST", "$LATEST")]
)
async def test_a_trigger_names_a_version(reference: str, version: str) -> None:
    gateway = Gateway.from_dict(config(trigger=reference), base=FUNCTIONS)
    async with gateway.client("site") as client:
        found = (await client.get("/")).json()
        assert found["version"] == version
        assert found["arn"].endswith(f"function:us-east-1.edge:{version}")


async def test_a_throttle_is_502_from_a_load_balancer_and_503_from_a_distribution() -> None:
    gateway = Gateway.from_dict(config(reserved_concurrency=0), base=FUNCTIONS)
    async with gateway.client("web") as client:
        response = await client.get("/")
        assert response.status_code == 502
        exchange = gateway.exchange(response)
        assert exchange.verdict == "LambdaThrottling"
        assert "reserved concurrency 0" in str(exchange.reason)
    async with gateway.client("site") as client:
        response = await client.get("/")
        assert response.status_code == 503
        assert response.headers["x-cache"] == "LambdaLimitExceeded from cloudfront"
        assert "was throttled" in response.text


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (None, 200),
        ([{"principal": "elasticloadbalancing.amazonaws.com"}], 200),
        (
            [
                {
                    "principal": "elasticloadbalancing.amazonaws.com",
                    "source_arn": "arn:aws:elasticloadbalancing:*:123456789012:targetgroup/t/*",
                }
            ],
            200,
        ),
        ([{"principal": "*"}], 200),
        ([], 502),
        ([{"principal": "events.amazonaws.com"}], 502),
        (
            [
                {
                    "principal": "elasticloadbalancing.amazonaws.com",
                    "source_arn": "arn:aws:elasticloadbalancing:*:*:targetgroup/other/*",
                }
            ],
            502,
        ),
        ([{"principal": "elasticloadbalancing.amazonaws.com", "qualifier": "live"}], 502),
    ],
)
async def test_the_resource_policy_of_a_target(
    permissions: list[dict[str, str]] | None, status: int
) -> None:
    given = config()
    if permissions is not None:
        given["functions"]["f"]["permissions"] = permissions
    gateway = Gateway.from_dict(given, base=FUNCTIONS)
    async with gateway.client("web") as client:
        response = await client.get("/")
        assert response.status_code == status
        if status == 502:
            exchange = gateway.exchange(response)
            assert exchange.verdict == "LambdaAccessDenied"
            assert "no resource-based policy allows" in str(exchange.reason)


async def test_a_policy_hangs_on_its_qualifier() -> None:
    given = config("f:live")
    allowed = {"principal": "elasticloadbalancing.amazonaws.com", "qualifier": "live"}
    given["functions"]["f"]["permissions"] = [allowed]
    gateway = Gateway.from_dict(given, base=FUNCTIONS)
    async with gateway.client("web") as client:
        assert (await client.get("/")).status_code == 200


async def test_an_alias_that_is_gone() -> None:
    gateway = Gateway.from_dict(config("f:live"), base=FUNCTIONS)
    async with gateway.client("web") as client:
        assert (await client.get("/")).status_code == 200
        from edgegw.awslambda.versions import delete_alias

        service = gateway.service
        service.change(delete_alias(service.functions["f"], "live"))
        response = await client.get("/")
        assert response.status_code == 502
        assert gateway.exchange(response).verdict == "LambdaResourceNotFound"


async def test_replaced_functions_have_versions_and_limits_too() -> None:
    def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": context.function_version}

    gateway = Gateway.from_dict(config("f:live"), base=FUNCTIONS, functions={"f": handler})
    async with gateway.client("web") as client:
        assert (await client.get("/")).text == "2"
