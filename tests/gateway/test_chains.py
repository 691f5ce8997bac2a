"""Distributions in front of distributions, over sockets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import free_port


def config(origin: str, ports: list[int], policy: str) -> dict[str, Any]:
    """Three distributions in a row; `circle` is its own origin, `there` and `back` each other's."""
    names = ["first", "second", "third", "circle", "there", "back"]
    behind = [f"http://127.0.0.1:{ports[at]}" for at in (1, 2, 2, 3, 5, 4)]
    behind[2] = origin
    return {
        "distributions": {
            name: {
                "listen": port,
                "origins": {"app": {"url": url}},
                "default_behavior": {"origin": "app", "cache_policy": policy},
            }
            for name, port, url in zip(names, ports, behind, strict=True)
        }
    }


@pytest.mark.parametrize("policy", ["CachingDisabled", "CachingOptimized"])
@pytest.mark.parametrize(
    ("name", "status", "reached"),
    [
        ("third", 200, 1),
        ("second", 200, 1),
        ("first", 403, 0),
        ("circle", 403, 0),
        ("there", 403, 0),
    ],
)
async def test_two_distributions_may_stand_in_a_row(
    serving: Any, echo_origin: Any, name: str, status: int, reached: int, policy: str
) -> None:
    ports = [free_port() for _ in range(6)]
    async with echo_origin() as origin, serving(config(origin.url, ports, policy)) as front:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.get(front.urls[name])
        assert origin.connections == reached
    assert answer.status_code == status
    assert answer.headers["x-cache"] == f"{'Error' if status == 403 else 'Miss'} from cloudfront"
    assert ("Bad request." in answer.text) is (status == 403)
