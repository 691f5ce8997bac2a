"""A load balancer behind a distribution of the same gateway keeps its access log and its counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from tests.conftest import FUNCTIONS, PYTHON

pytestmark = pytest.mark.anyio

PIECES = [b"a" * 1000, b"b" * 500]


def config(log: Path) -> dict[str, Any]:
    """A distribution whose origin is a load balancer with a log."""

    def rule(priority: int, path: str, **action: Any) -> dict[str, Any]:
        return {
            "priority": priority,
            "conditions": [{"path_pattern": [path]}],
            "actions": [action],
        }

    return {
        "functions": {"app": {"code": ".", "handler": "http_handlers.echo", "runtime": PYTHON}},
        "target_groups": {
            "app": {"target_type": "lambda", "function": "app"},
            "ip": {"target_type": "ip", "targets": ["127.0.0.1:9"]},
        },
        "load_balancers": {
            "web": {
                "access_log": str(log),
                "listeners": [
                    {
                        "listen": 8080,
                        "default_actions": [{"forward": "ip"}],
                        "rules": [
                            rule(1, "/fixed", fixed_response={"status_code": "203"}),
                            rule(2, "/app", forward="app"),
                        ],
                    }
                ],
            }
        },
        "distributions": {
            "site": {
                "listen": 8081,
                "origins": {"web": {"load_balancer": "web"}},
                "default_behavior": {
                    "origin": "web",
                    "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                    "cache_policy": "CachingOptimized",
                },
            }
        },
        "gateway": {"cache": {"disk": 0}},
    }


class Pieces(httpx.AsyncByteStream):
    """A body of a length that nobody knows before."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in PIECES:
            yield piece


def target(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=Pieces())


def answer(event: Any, context: Any) -> Any:
    return {"statusCode": 201, "body": "made"}


async def uploaded() -> AsyncIterator[bytes]:
    yield b"x" * 30
    yield b"y" * 12


async def test_each_request_that_reaches_it_leaves_one_line(tmp_path: Path) -> None:
    gateway = Gateway(
        load_dict(config(tmp_path / "log"), FUNCTIONS),
        functions={"app": answer},
        transport=lambda _: httpx.MockTransport(target),
    )
    async with gateway.client("site") as client:
        await client.get("/fixed")
        await client.post("/app", content=uploaded())
        await client.head("/app")
        streamed = await client.get("/page")
        assert streamed.content == b"".join(PIECES)
        again = await client.get("/page")
        assert again.headers["x-cache"] == "Hit from cloudfront"
    assert [each.kind for each in gateway.exchanges] == ["distribution"] * 5
    rows = [line.split('"')[0:2] for line in (tmp_path / "log").read_text().splitlines()]
    asked = [" ".join(quoted.split()[:1]) + " " + quoted.split(":8080")[1] for _, quoted in rows]
    assert asked == [
        "GET /fixed HTTP/1.1",
        "POST /app HTTP/1.1",
        "HEAD /app HTTP/1.1",
        "GET /page HTTP/1.1",
    ]
    statuses = [head.split()[8:10] for head, _ in rows]
    assert statuses == [["203", "-"], ["201", "201"], ["201", "201"], ["200", "200"]]
    received, sent = zip(*(map(int, head.split()[10:12]) for head, _ in rows), strict=True)
    assert received[1] > received[2] + 42  # the body of POST, whose length nobody said
    assert sent[3] > 1500 > sent[2]
    processed = {
        key.dimensions[0][1]: series.whole.total
        for key, series in gateway.figures.gather()
        if key[:2] == ("AWS/ApplicationELB", "ProcessedBytes")
    }
    assert list(processed.values()) == [pytest.approx(sum(received) + sum(sent), rel=0.05)]
