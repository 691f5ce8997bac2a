"""The same rule rows, returned by real functions in real runtimes, as a viewer sees them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx

from edgegw.cloudfront.rule_table import RESULT_RULES
from edgegw.gateway.gateway import Gateway
from tests.conftest import FUNCTIONS, PYTHON
from tests.functions.edge_rows import ALL, REQUESTS, ROWS, Row

RULES = {rule.code: rule for rule in RESULT_RULES}
SENT = {
    "via": "1.0 proxy",
    "cdn-loop": "other",
    "accept-encoding": "gzip",
    "if-modified-since": "Sat, 21 Nov 2026 00:00:00 GMT",
    "if-none-match": '"1"',
    "if-range": '"1"',
    "if-unmodified-since": "Sat, 21 Nov 2026 00:00:00 GMT",
}
ANSWERED = {
    "content-type": "text/plain",
    "content-encoding": "identity",
    "warning": "110 - stale",
    "via": "1.0 x",
    "x-row": "1",
}


def config(runtime: str, handler: str) -> dict[str, Any]:
    return {
        "functions": {
            "rows": {"runtime": runtime, "code": ".", "handler": handler, "timeout": 20},
        },
        "distributions": {
            trigger: {
                "listen": 0,
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewer",
                    "allowed_methods": [
                        "GET",
                        "HEAD",
                        "OPTIONS",
                        "PUT",
                        "POST",
                        "PATCH",
                        "DELETE",
                    ],
                    "lambda_functions": {
                        trigger: {"function": "rows", "include_body": trigger in REQUESTS}
                    },
                },
            }
            for trigger in ALL
        },
    }


def rule_id(row: Row) -> str:
    code = row.code.removeprefix("lambda-edge.") or "accepted"
    return f"{code}-{row.trigger}-{row.name}"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def python_gateway(anyio_backend: str) -> AsyncIterator[Gateway]:
    gateway = Gateway.from_dict(config(PYTHON, "edge_rows.handler"), base=FUNCTIONS)
    async with gateway:
        yield gateway


@pytest.fixture(scope="module")
async def node_gateway(anyio_backend: str, node: str) -> AsyncIterator[Gateway]:
    gateway = Gateway.from_dict(config("nodejs22.x", "edge_shapes.handler"), base=FUNCTIONS)
    async with gateway:
        yield gateway


async def ask(gateway: Gateway, trigger: str, row: str) -> tuple[httpx.Response, Any]:
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(200, headers=ANSWERED, content=b"hi")
        async with gateway.client(trigger) as client:
            headers = {**SENT, "x-row": row}
            response = await client.post("/a?b=1", headers=headers, content=b"hi")
    return response, gateway.exchange(response)


def check_refusal(response: httpx.Response, exchange: Any, code: str, path: str) -> None:
    rule = RULES[code]
    assert response.status_code == 502
    assert response.headers["x-cache"] == "LambdaValidationError from cloudfront"
    assert response.headers["content-type"] == "text/html"
    assert rule.page in response.text
    record = exchange.to_dict()
    named = [each for each in record["breaches"] if each["code"] == code]
    assert path in [each["path"] for each in named]
    assert all(each["source"] == rule.source and each["refused"] for each in named)
    assert code in record["reason"]
    assert rule.source in str(exchange)
    json.dumps(record)


# httpx in process cannot send a path in UTF-8, `serve` can (tests/gateway/test_sockets.py).
SENDABLE = [row for row in ROWS if row.name != "uri in UTF-8"]


@pytest.mark.anyio
@pytest.mark.parametrize("row", SENDABLE, ids=rule_id)
async def test_row_returned_by_a_python_function(python_gateway: Gateway, row: Row) -> None:
    asked = f"{row.trigger} {ROWS.index(row)}"
    response, exchange = await ask(python_gateway, row.trigger, asked)
    code = row.code if "." in row.code else f"lambda-edge.{row.code.rstrip('?')}"
    if row.code and not row.code.endswith("?"):
        check_refusal(response, exchange, code, row.path)
        return
    assert exchange.reason is None
    assert response.status_code < 600
    warned = [violation.code for _, violation in exchange.breaches]
    assert (code in warned) if row.code else (warned == [])
    assert len(exchange.warnings) == len(warned)


OBJECT, ARRAY, STRING = (
    f"lambda-edge.{name}" for name in ("result-not-object", "header-array", "header-string")
)
EXECUTION = "lambda-edge.execution-error"
SHAPES: list[tuple[str, str, str]] = [
    *((name, OBJECT, "") for name in ("undefined", "null", "text", "number", "nan", "list")),
    *((name, OBJECT, "") for name in ("true", "function", "date")),
    ("event", "lambda-edge.whole-event", ""),
    ("headers list", "lambda-edge.headers-object", "headers"),
    ("headers null", "lambda-edge.read-only-header", "headers.via"),
    ("headers map", "lambda-edge.read-only-header", "headers.via"),
    ("header text", ARRAY, "headers.x-a"),
    ("header object", ARRAY, "headers.x-a"),
    ("header texts", STRING, "headers.x-a[0]"),
    ("value number", STRING, "headers.x-a[0].value"),
    ("value undefined", STRING, "headers.x-a[0].value"),
    ("value list", "", ""),
    ("header undefined", "", ""),
    ("header added", "", ""),
]
REQUEST_SHAPES: list[tuple[str, str, str]] = [
    ("statusCode", "lambda-edge.request-body", "body"),
    ("status number", "", ""),
    ("status nan", "lambda-edge.status", "status"),
    ("status undefined", "", ""),
    ("body null", "lambda-edge.body-string", "body"),
    ("body undefined", "", ""),
    ("body buffer", "lambda-edge.body-string", "body"),
    ("body object", "lambda-edge.body-string", "body"),
    ("lone surrogate", "", ""),
    ("promise", "", ""),
]
FAILURES = [
    ("throw", "TypeError: on purpose"),
    ("reject", "Error: on purpose"),
    ("throw text", "on purpose"),
    ("circular", "Unable to stringify response body"),
    ("bigint", "Unable to stringify response body"),
    ("exit", "Runtime.ExitError"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("trigger", "name", "code", "path"),
    [
        *((trigger, *shape) for trigger in ALL for shape in SHAPES),
        *((trigger, *shape) for trigger in REQUESTS for shape in REQUEST_SHAPES),
        ("origin-response", "status undefined", "lambda-edge.status", "status"),
    ],
)
async def test_shape_returned_by_a_node_function(
    node_gateway: Gateway, trigger: str, name: str, code: str, path: str
) -> None:
    response, exchange = await ask(node_gateway, trigger, f"{trigger} {name}")
    if code:
        check_refusal(response, exchange, code, path)
    else:
        assert exchange.reason is None
        assert response.status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "text"), FAILURES)
@pytest.mark.parametrize("trigger", ALL)
async def test_node_function_without_a_result(
    node_gateway: Gateway, trigger: str, name: str, text: str
) -> None:
    response, exchange = await ask(node_gateway, trigger, f"{trigger} {name}")
    assert response.status_code == 503
    assert response.headers["x-cache"] == "LambdaExecutionError from cloudfront"
    assert "is invalid or doesn't have the required permissions" in response.text
    assert exchange.reason.startswith(f"{trigger}: {EXECUTION}: ")
    assert text in exchange.reason


@pytest.mark.anyio
async def test_node_function_that_is_neither_async_nor_calls_back(node: str) -> None:
    gateway = Gateway.from_dict(config("nodejs22.x", "edge_shapes.forgot"), base=FUNCTIONS)
    async with gateway:
        response, exchange = await ask(gateway, "viewer-request", "viewer-request status number")
    check_refusal(response, exchange, OBJECT, "")
    assert "make the handler async" in exchange.reason


@pytest.mark.anyio
async def test_node_function_that_calls_back(node: str) -> None:
    gateway = Gateway.from_dict(config("nodejs22.x", "edge_shapes.calls"), base=FUNCTIONS)
    async with gateway:
        response, _ = await ask(gateway, "viewer-request", "viewer-request status number")
        failed, exchange = await ask(gateway, "viewer-request", "viewer-request throw")
    assert (response.status_code, response.text) == (200, "made")
    assert (failed.status_code, failed.headers["x-cache"]) == (
        503,
        "LambdaExecutionError from cloudfront",
    )
    assert "TypeError: on purpose" in exchange.reason
