"""A gateway that begins anew: what runs beside requests, and what the APIs changed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx

from edgegw import Gateway
from edgegw.config.resolve import load_dict
from edgegw.gateway.clock import Clock
from tests.conftest import PYTHON

CONFIG: dict[str, Any] = {
    "functions": {
        "worker": {"runtime": PYTHON, "code": ".", "handler": "worker.handler"},
        "nightly": {"runtime": PYTHON, "code": ".", "handler": "worker.handler"},
    },
    "queues": {"jobs": {}},
    "event_sources": [{"source": "jobs", "function": "worker"}],
    "schedules": {"night": {"expression": "cron(0 3 * * ? *)", "function": "nightly"}},
    "load_balancers": {
        "web": {
            "listeners": [
                {
                    "listen": 1,
                    "default_actions": [
                        {"fixed_response": {"status_code": "200", "message_body": "hello"}}
                    ],
                }
            ]
        }
    },
}
TARGETS: dict[str, Any] = {
    "target_groups": {
        "app": {"targets": ["127.0.0.1:9"], "health_check": {"interval": 5, "timeout": 2}}
    },
    "load_balancers": {
        "web": {"listeners": [{"listen": 1, "default_actions": [{"forward": "app"}]}]}
    },
}
SEND = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}


def until(seen: list[Any], count: int) -> None:
    """Waits for so many, ten seconds at most."""
    last = time.monotonic() + 10
    while len(seen) < count and time.monotonic() < last:
        time.sleep(0.01)
    assert len(seen) == count


def sent(gateway: Gateway, body: str) -> None:
    """A message to the queue, over the API, on the loop of blocking clients."""

    async def send() -> None:
        apis = httpx.ASGITransport(gateway.aws_apis)
        message = {"QueueUrl": "http://localhost/123456789012/jobs", "MessageBody": body}
        async with httpx.AsyncClient(transport=apis, base_url="http://localhost") as client:
            (await client.post("/", headers=SEND, json=message)).raise_for_status()

    gateway._blocking.run(send)


def test_queues_and_schedules_begin_anew_with_other_functions(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("def handler(event, context): pass\n")
    first: list[Any] = []
    nights: list[Any] = []
    gateway = Gateway.from_dict(
        CONFIG,
        base=tmp_path,
        clock=Clock("2030-01-01T00:00:00Z"),
        functions={
            "worker": lambda event, context: first.extend(event["Records"]),
            "nightly": lambda event, context: nights.append(event["time"]),
        },
    )
    with gateway.kept_warm(), gateway.sync_client("web") as client:
        assert client.get("/").text == "hello"
        sent(gateway, "one")
        until(first, 1)
        gateway.clock.set("2030-01-01T03:00:01Z")
        until(nights, 1)
        second: list[Any] = []
        gateway.reset(
            clock="2031-01-01T02:59:59Z",
            functions={
                "worker": lambda event, context: second.extend(event["Records"]),
                "nightly": lambda event, context: nights.append(event["time"]),
            },
        )
        assert client.get("/").text == "hello"
        sent(gateway, "two")
        until(second, 1)
        gateway.clock.advance(2)
        until(nights, 2)
    assert [record["body"] for record in first] == ["one"]
    assert [record["body"] for record in second] == ["two"]
    assert nights == ["2030-01-01T03:00:00Z", "2031-01-01T03:00:00Z"]


def test_what_the_lambda_api_changed_is_undone(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("def handler(event, context): pass\n")
    functions = {"functions": {"worker": CONFIG["functions"]["worker"]}}
    gateway = Gateway.from_dict(
        {**functions, "load_balancers": CONFIG["load_balancers"]}, base=tmp_path, seed=1
    )
    put, get = (f"/{day}/functions/worker/concurrency" for day in ("2017-10-31", "2019-09-30"))

    async def called(method: str, path: str, **options: Any) -> Any:
        apis = httpx.ASGITransport(gateway.aws_apis)
        async with httpx.AsyncClient(transport=apis, base_url="http://localhost") as client:
            return (await client.request(method, path, **options)).json()

    three = {"ReservedConcurrentExecutions": 3}
    with gateway, gateway.sync_client("web") as client:
        client.get("/")
        assert gateway._blocking.run(lambda: called("PUT", put, json=three)) == three
        assert gateway._blocking.run(lambda: called("GET", get)) == three
        gateway.reset(seed=1)
        assert gateway._blocking.run(lambda: called("GET", get)) == {}


async def test_health_checks_end_and_may_begin_again() -> None:
    gateway = Gateway.from_dict(TARGETS)
    async with gateway:
        gateway.check_targets()
        first = gateway._running.here().checks
        gateway.reset()
        assert gateway._running.here().checks is None
        gateway.check_targets()
        (target,) = gateway.target_groups["app"]
        async with asyncio.timeout(30):
            while target.health.state == "initial":
                await asyncio.sleep(0.01)
        assert gateway._running.here().checks is not first


async def test_a_gateway_that_was_reloaded_leads_where_it_led_before(respx_mock) -> None:
    def to(port: int) -> dict[str, Any]:
        return {
            "distributions": {
                "site": {
                    "listen": 8081,
                    "origins": {"app": {"url": "http://app.test"}},
                    "default_behavior": {"origin": "app", "cache_policy": "CachingDisabled"},
                }
            },
            "gateway": {
                "hosts": {"app.test": f"http://127.0.0.1:{port}"},
                "tracing": {"xray": f"127.0.0.1:{port}"},
            },
        }

    for port in (4001, 4002):
        respx_mock.get(f"http://127.0.0.1:{port}/").respond(text=str(port))
    gateway = Gateway.from_dict(to(4001))
    async with gateway.client("site") as client:
        assert (await client.get("/")).text == "4001"
        await gateway.reload(load_dict(to(4002)))
        assert (await client.get("/")).text == "4002"
        gateway.reset()
        assert (await client.get("/")).text == "4001"
