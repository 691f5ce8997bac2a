"""An A/B test in two Python hooks, right by default, and with each of its mistakes on demand."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgegw.testing.simulation import SimulationReport, simulate

SAMPLE = Path(__file__).parents[3] / "sample_functions" / "ab_test_cached"
FUNCTION = {"runtime": "python3.13", "code": str(SAMPLE), "handler": "handler.assign"}
Hook = Callable[[Any, Any], Any]


def configuration(**triggers: str) -> dict[str, Any]:
    """A site with the bucket in its cache key, and functions at `viewer_request` and the like."""
    triggers = triggers or {"viewer_request": "assign", "viewer_response": "remember"}
    at = {trigger.replace("_", "-"): name for trigger, name in triggers.items()}
    behavior = {"origin": "app", "cache_policy": "pages", "lambda_functions": at}
    return {
        "functions": dict.fromkeys(triggers.values(), FUNCTION),
        "cache_policies": {
            "pages": {
                "default_ttl": 60,
                "cookies": {"behavior": "whitelist", "items": ["bucket"]},
            }
        },
        "distributions": {
            "site": {
                "listen": 8081,
                "origins": {"app": {"url": "http://127.0.0.1:3000"}},
                "default_behavior": behavior,
            }
        },
    }


def cookie_of(request: Any, name: str = "bucket") -> str | None:
    for line in request["headers"].get("cookie", []):
        for pair in line["value"].split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
    return None


def assign(event: Any, context: Any, *, share_of_a: float = 0.5) -> Any:
    """At viewer-request: who has no bucket gets one, for this request."""
    request = event["Records"][0]["cf"]["request"]
    if cookie_of(request) is None:
        bucket = "a" if random.random() < share_of_a else "b"
        lines = request["headers"].setdefault("cookie", [])
        lines.append({"key": "Cookie", "value": f"bucket={bucket}"})
    bucket = cookie_of(request)
    request["uri"] = request["uri"].replace("/page", f"/page-{bucket}")
    return request


def remember(event: Any, context: Any) -> Any:
    """At viewer-response: the viewer gets the cookie of its bucket."""
    exchange = event["Records"][0]["cf"]
    response, bucket = exchange["response"], cookie_of(exchange["request"])
    response["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": bucket}]
    cookie = f"bucket={bucket}; Path=/; Max-Age=86400"
    response["headers"]["set-cookie"] = [{"key": "Set-Cookie", "value": cookie}]
    return response


def run(
    assign: Hook = assign,
    remember: Hook = remember,
    *,
    config: Any = None,
    functions: dict[str, Hook] | None = None,
    **options: Any,
) -> SimulationReport:
    """Some 800 requests of an hour at two edge locations; the same for the same options."""
    return simulate(
        config or configuration(),
        **{
            "requests": 800,
            "paths": {"/page": 3, "/about": 1},
            "variant_by": "header:x-bucket",
            "sticky_cookie": "bucket",
            "weights": {"a": 50, "b": 50},
            "duration": 3600,
            "edges": 2,
            "origin_stub": "max-age=60",
            "processes": 1,
            **options,
        },
        functions=functions or {"assign": assign, "remember": remember},
    )
