"""HTTP APIs on real sockets: routes, stages, both payloads, CORS, limits."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from edgegw.gateway.explaining import explained
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.reached_door import DescribedRequest
from tests.conftest import FUNCTIONS, PYTHON, Serving


def function(handler: str, **given: Any) -> dict[str, Any]:
    return {"runtime": PYTHON, "code": ".", "handler": f"http_handlers.{handler}", **given}


FUNCTIONS_OF_ALL = {
    "items": function("echo"),
    "app": function("echo"),
    "answers": function("answers"),
    "raises": function("raises"),
    "slow": function("slow", timeout=5),
    "busy": function("echo", reserved_concurrency=0),
    "private": function(
        "echo", permissions=[{"principal": "*", "source_arn": "arn:aws:execute-api:*/GET/other"}]
    ),
}
ROUTES = {
    "GET /items/{id}": "items",
    "ANY /v1/{proxy+}": {"function": "app", "payload": "1.0"},
    "GET /answers": "answers",
    "GET /v1-answers": {"function": "answers", "payload": "1.0"},
    "GET /raises": "raises",
    "GET /slow": {"function": "slow", "timeout": 0.1},
    "GET /busy": "busy",
    "GET /private": "private",
}


def config(**api: Any) -> dict[str, Any]:
    return {
        "functions": FUNCTIONS_OF_ALL,
        "http_apis": {"api": {"listen": 0, "routes": ROUTES, **api}},
    }


async def got(served: Serving, path: str, method: str = "GET", **given: Any) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, served.urls["api"] + path, **given)


async def test_routes_lead_to_functions_with_their_payload(serving: Any) -> None:
    async with serving(config()) as served:
        event = (await got(served, "/items/a%20b?x=1")).json()["event"]
        assert (event["version"], event["routeKey"]) == ("2.0", "GET /items/{id}")
        assert event["pathParameters"] == {"id": "a b"}
        event = (await got(served, "/v1/a/b?x=1&x=2", "PUT", content=b"\xff")).json()["event"]
        assert (event["version"], event["resource"]) == ("1.0", "/v1/{proxy+}")
        assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
        assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)
        missing = await got(served, "/items/1", "POST")
        assert (missing.status_code, missing.json()) == (404, {"message": "Not Found"})
        assert "no route takes POST /items/1" in missing.headers["x-edgegw-reason"]


async def test_the_record_of_an_exchange_names_the_route(serving: Any) -> None:
    async with serving(config()) as served:
        answer = await got(served, "/items/1")
        exchange = served.gateway.exchange(answer)
        assert exchange is served.gateway.exchanges.get(answer.headers["apigw-requestid"])
        record = exchange.to_dict()
        assert (record["kind"], record["route"], record["verdict"]) == (
            "http-api",
            "GET /items/{id}",
            "forwarded",
        )
        assert record["functions"][0]["function"] == "items"
        assert answer.json()["event"]["requestContext"]["requestId"] == exchange.id


PAGES = [
    ("/raises", 500, "Internal Server Error"),
    ("/slow", 503, "Service Unavailable"),
    ("/busy", 503, "Service Unavailable"),
    ("/private", 500, "Internal Server Error"),
    ("/answers?result=%7B%22statusCode%22%3A%20700%7D", 500, "Internal Server Error"),
    ("/v1-answers?result=%22text%22", 500, "Internal Server Error"),
    ("/none", 404, "Not Found"),
]


async def test_failures_have_awss_pages(serving: Any) -> None:
    async with serving(config()) as served:
        for path, status, message in PAGES:
            answer = await got(served, path)
            assert (answer.status_code, answer.json()) == (status, {"message": message}), path
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-edgegw-reason"]


async def test_multi_value_headers_of_payload_1(serving: Any) -> None:
    result = {
        "statusCode": 200,
        "headers": {"X-A": "s"},
        "multiValueHeaders": {"X-A": ["m"], "Set-Cookie": ["a=b", "c=d"]},
    }
    async with serving(config()) as served:
        answer = await got(served, "/v1-answers", params={"result": json.dumps(result)})
        assert answer.headers.get_list("x-a") == ["m", "s"]
        assert answer.headers.get_list("set-cookie") == ["a=b", "c=d"]


async def test_stages(serving: Any) -> None:
    stages = {"dev": {"variables": {"table": "t-dev"}}, "prod": {}}
    async with serving(config(stages=stages)) as served:
        event = (await got(served, "/dev/items/1")).json()["event"]
        assert (event["rawPath"], event["requestContext"]["stage"]) == ("/dev/items/1", "dev")
        assert event["stageVariables"] == {"table": "t-dev"}
        assert (await got(served, "/prod/items/1")).json()["event"]["pathParameters"] == {"id": "1"}
        assert (await got(served, "/items/1")).status_code == 404


async def test_cors(serving: Any) -> None:
    cors = {
        "allow_origins": ["https://a.example"],
        "allow_methods": ["*"],
        "allow_credentials": True,
    }
    async with serving(config(cors=cors)) as served:
        asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
        preflight = await got(served, "/whatever", "OPTIONS", headers=asked)
        assert (preflight.status_code, preflight.content) == (204, b"")
        assert preflight.headers["access-control-allow-credentials"] == "true"
        result = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
        answer = await got(
            served,
            "/answers",
            params={"result": json.dumps(result)},
            headers={"Origin": "https://a.example"},
        )
        assert answer.headers.get_list("access-control-allow-origin") == ["https://a.example"]


async def test_in_process_and_explained() -> None:
    gateway = Gateway.from_dict(config(listen=8091), base=FUNCTIONS)
    async with gateway.client("api") as client:
        answer = await client.get("/items/7")
        assert gateway.exchange(answer).route == "GET /items/{id}"
    answer = explained(gateway.config, DescribedRequest("http://localhost:8091/items/7"))
    assert answer["kind"] == "http-api"
    assert [row["route"] for row in answer["routes"] if row["matches"]] == ["GET /items/{id}"]
    assert answer["notes"] == ["function items runs with payload 2.0", "{id} is 7"]
    answer = explained(gateway.config, DescribedRequest("http://localhost:8091/none"))
    assert answer["notes"][0].startswith("answers 404 itself: no route takes GET /none")


@pytest.mark.parametrize("mode", ["http://", "https://"])
async def test_the_summary_names_routes(mode: str) -> None:
    from edgegw.cli.render import Style, summary

    gateway = Gateway.from_dict(config(), base=FUNCTIONS)
    text = summary(gateway.config, {"http-api api": [f"{mode}127.0.0.1:1"]}, {}, Style())
    assert f"api  {mode}127.0.0.1:1" in text
    assert "GET /items/{id}   → function items" in text


async def test_a_reload_brings_other_routes_to_the_same_socket(serving: Any) -> None:
    from edgegw.config.resolve import load_dict

    async with serving(config()) as served:
        before = served.urls["api"]
        other = load_dict(
            {
                **config(routes={"GET /new": "items"}),
                "gateway": {"state": served.gateway.config.state},
            },
            FUNCTIONS,
        )
        await served.gateway.apply(other)
        assert served.urls["api"] == before
        assert (await got(served, "/new")).status_code == 200
        assert (await got(served, "/items/1")).status_code == 404
