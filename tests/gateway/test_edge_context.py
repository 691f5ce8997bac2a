"""What a function at the edge finds around it, how it fails, and where that is logged."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import respx

from edgegw.awslambda.variables import RESERVED
from edgegw.gateway.gateway import Gateway
from tests.conftest import FUNCTIONS, PYTHON, need

ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def config(
    function: dict[str, Any], trigger: str = "viewer-request", **gateway: Any
) -> dict[str, Any]:
    return {
        "functions": {"hook": {"code": ".", **function}},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "allowed_methods": ALL_METHODS,
                    "lambda_functions": {trigger: "hook"},
                },
            }
        },
        "gateway": gateway,
    }


LAMBDA_SETS = RESERVED | {
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "LANG",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "NODE_PATH",
    "PATH",
    "PWD",
    "PYTHONPATH",
    "SHLVL",
    "TMPDIR",
    "TZ",
}


@pytest.mark.anyio
@pytest.mark.parametrize("runtime", [PYTHON, "nodejs22.x"])
async def test_context_and_variables_at_the_edge(
    runtime: str, request: pytest.FixtureRequest
) -> None:
    if runtime.startswith("node"):
        request.getfixturevalue("node")
    function = {
        "runtime": runtime,
        "handler": "edge_context.handler",
        "timeout": 60,
        "memory_size": 256,
        "environment": {"SECRET": "x"},
    }
    gateway = Gateway.from_dict(config(function, region="eu-central-1"), base=FUNCTIONS)
    async with gateway.client("site") as client:
        found = (await client.get("/")).json()
    environment = found["environment"]
    assert found["function_name"] == "us-east-1.hook"
    assert found["function_version"] == "1"
    assert found["invoked_function_arn"] == (
        "arn:aws:lambda:eu-central-1:123456789012:function:us-east-1.hook:1"
    )
    assert found["memory_limit_in_mb"] == "256"
    assert found["log_group_name"] == "/aws/lambda/us-east-1.hook"
    assert found["log_stream_name"] == environment["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert "[1]" in found["log_stream_name"]
    assert 29_000 < found["remaining"] <= 30_000
    assert found.get("waits", True) is True
    uuid.UUID(found["aws_request_id"])
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "us-east-1.hook"
    assert environment["AWS_LAMBDA_FUNCTION_VERSION"] == "1"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert set(environment) <= LAMBDA_SETS


@pytest.mark.anyio
async def test_lenient_gateway_gives_variables_and_time() -> None:
    function = {
        "runtime": PYTHON,
        "handler": "edge_context.handler",
        "timeout": 60,
        "environment": {"MODE": "x"},
    }
    gateway = Gateway.from_dict(config(function, strict=False), base=FUNCTIONS)
    async with gateway.client("site") as client:
        found = (await client.get("/")).json()
    assert found["environment"]["MODE"] == "x"
    assert found["remaining"] > 30_000


RULE = "lambda-edge"
EXECUTION_PAGE = "is invalid or doesn't have the required permissions."
PARSE_PAGE = "The Lambda function returned invalid JSON: The JSON output is not parsable."
FAILURES = {
    "exception": (
        "edge_faults.raises",
        {},
        503,
        "LambdaExecutionError",
        EXECUTION_PAGE,
        "execution-error",
    ),
    "exit": (
        "edge_faults.exits",
        {},
        503,
        "LambdaExecutionError",
        EXECUTION_PAGE,
        "execution-error",
    ),
    "no handler": (
        "edge_faults.nothing",
        {},
        503,
        "LambdaExecutionError",
        EXECUTION_PAGE,
        "execution-error",
    ),
    "time-out": (
        "edge_faults.sleeps",
        {"timeout": 1},
        503,
        "LambdaExecutionError",
        EXECUTION_PAGE,
        "timed-out",
    ),
    "throttled": (
        "edge_faults.sleeps",
        {"reserved_concurrency": 0},
        503,
        "LambdaLimitExceeded",
        "The Lambda function associated with the CloudFront distribution was throttled.",
        "throttled",
    ),
    "oversize": (
        "edge_faults.oversize",
        {},
        502,
        "LambdaValidationError",
        PARSE_PAGE,
        "result-too-large",
    ),
    "invalid": (
        "edge_faults.text",
        {},
        502,
        "LambdaValidationError",
        "The JSON output must be an object type.",
        "result-not-object",
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize(
    "trigger", ["viewer-request", "origin-request", "origin-response", "viewer-response"]
)
@pytest.mark.parametrize("name", FAILURES)
async def test_failure_has_its_own_status_x_cache_text_and_code(name: str, trigger: str) -> None:
    handler, settings, status, x_cache, text, code = FAILURES[name]
    function = {"runtime": PYTHON, "handler": handler, "timeout": 10, **settings}
    gateway = Gateway.from_dict(config(function, trigger), base=FUNCTIONS)
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(200, content=b"hi")
        async with gateway.client("site") as client:
            response = await client.get("/")
    exchange = gateway.exchange(response)
    assert response.status_code == status
    assert response.headers["x-cache"] == f"{x_cache} from cloudfront"
    assert response.headers["server"] == "CloudFront"
    assert text in response.text
    assert exchange.reason is not None
    assert exchange.reason.startswith(f"{trigger}: {RULE}.{code}")
    assert "https://docs.aws.amazon.com/" in exchange.reason


BOOTSTRAP = """#!/bin/sh
api="http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation"
while true; do
  head="$(mktemp)"
  curl -sS -o /dev/null -D "$head" "$api/next"
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$head" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -X POST "$api/$id/response" -d "{" > /dev/null
done
"""


@pytest.mark.anyio
async def test_answer_that_is_no_json(tmp_path: Path) -> None:
    """A runtime of one's own can send any bytes; the managed ones always send JSON."""
    need("curl", "a function in shell is not tested")
    (tmp_path / "bootstrap").write_text(BOOTSTRAP)
    (tmp_path / "bootstrap").chmod(0o755)
    function = {"runtime": "provided.al2023", "handler": "any"}
    gateway = Gateway.from_dict(config(function), base=tmp_path)
    async with gateway.client("site") as client:
        response = await client.get("/")
    exchange = gateway.exchange(response)
    assert response.status_code == 502
    assert PARSE_PAGE in response.text
    assert exchange.reason is not None
    assert "lambda-edge.result-not-json" in exchange.reason


@pytest.mark.anyio
async def test_validation_error_stands_in_the_log_group_of_the_distribution() -> None:
    function = {"runtime": PYTHON, "handler": "edge_rows.handler"}
    gateway = Gateway.from_dict(config(function), base=FUNCTIONS)
    async with gateway:
        async with gateway.client("site") as client:
            response = await client.get("/", headers={"x-row": "viewer-request 0"})
        distribution = gateway.exchange(response).behavior
        assert distribution is not None
        (name,) = [each for each in gateway.service.logs.names if "LambdaEdge" in each]
        lines = [
            line for entry in gateway.service.logs.group(name).after(0) for line in entry.lines()
        ]
    request_id = response.headers["x-amz-cf-id"]
    assert name.startswith("/aws/cloudfront/LambdaEdge/E")
    assert lines[0] == (
        f"({request_id}) INFO Invoking LambdaFunctionARN: "
        "arn:aws:lambda:us-east-1:123456789012:function:us-east-1.hook:1 Region: us-east-1"
    )
    assert lines[1].startswith(f"({request_id}) INFO Response received from Lambda: RequestId: ")
    assert lines[2].startswith(f"({request_id}) ERROR Validation error: ")


LOGGED = [
    (
        {"connection": [{"value": "close"}]},
        "Lambda function result failed validation, the function tried to add a blacklisted header "
        "in headers, headerName : connection.",
    ),
    (
        {"via": [{"value": "x"}]},
        "Lambda function result failed validation, the function tried to add read-only header, "
        "headerName : Via.",
    ),
    (
        {"x-n": [{"value": 1}]},
        "The Lambda function returned an invalid entry in the headers object, the value of each "
        "header value must be of string or array of string type, header :x-n has one or more "
        "entries whose value is neither string nor array of strings.",
    ),
    (
        {"Location": [{"value": "/a\rb"}]},
        "Lambda function result validation failed, the function returned an invalid header, "
        "invalid character : '%0D' in header value, headerName : Location.",
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("headers", "text"), LOGGED)
async def test_validation_log_has_the_observed_wording(headers: Any, text: str) -> None:
    def hook(event: Any, context: Any) -> Any:
        return {"status": "200", "headers": headers}

    gateway = Gateway.from_dict(
        config({"runtime": PYTHON, "handler": "edge_faults.raises"}),
        base=FUNCTIONS,
        functions={"hook": hook},
    )
    async with gateway, gateway.client("site") as client:
        await client.get("/")
        (name,) = [each for each in gateway.service.logs.names if "LambdaEdge" in each]
        entries = gateway.service.logs.group(name).after(0)
    assert f"ERROR Validation error: {text.rstrip('.')}" in entries[2].lines()[0]
