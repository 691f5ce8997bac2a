"""What a simulation takes: requests of a population through two replaced Python hooks.

    python benchmarks/simulation.py [--requests 100000] [--processes N] [--calls]

An A/B test in two hooks, viewer-request and viewer-response, over a stub of the origin: prints the
seconds by the clock and of the processors, and what that is for a request. With `--calls` it counts
Python calls in one process instead, which no load of the machine changes. Issue a run on two quiet
cores: 100,000 requests should be below 40 seconds there.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import resource
from time import perf_counter
from typing import Any

from edgegw.testing.simulation import simulate

CONFIG = {
    "functions": {
        name: {
            "runtime": "python3.13",
            "code": "sample_functions/ab_test",
            "handler": "handler.assign",
        }
        for name in ("assign", "remember")
    },
    "cache_policies": {
        "by-bucket": {
            "default_ttl": 60,
            "cookies": {"behavior": "whitelist", "items": ["bucket"]},
        }
    },
    "distributions": {
        "site": {
            "listen": 8081,
            "origins": {"app": {"url": "http://127.0.0.1:3000"}},
            "default_behavior": {
                "origin": "app",
                "cache_policy": "by-bucket",
                "lambda_functions": {"viewer-request": "assign", "viewer-response": "remember"},
            },
        }
    },
}
PATHS = {"/": 10.0, "/shop": 5.0, **{f"/article/{number}": 0.2 for number in range(50)}}


def bucket_of(request: Any) -> str | None:
    for line in request["headers"].get("cookie", []):
        for pair in line["value"].split(";"):
            name, _, value = pair.strip().partition("=")
            if name == "bucket" and value in ("a", "b"):
                return value
    return None


def assign(event: Any, _context: Any) -> Any:
    request = event["Records"][0]["cf"]["request"]
    if bucket_of(request) is None:
        line = {"key": "Cookie", "value": f"bucket={random.choice('ab')}"}
        request["headers"].setdefault("cookie", []).append(line)
    return request


def remember(event: Any, _context: Any) -> Any:
    exchange = event["Records"][0]["cf"]
    bucket, response = bucket_of(exchange["request"]), exchange["response"]
    cookie = f"bucket={bucket}; Path=/; Max-Age=86400"
    response["headers"]["set-cookie"] = [{"key": "Set-Cookie", "value": cookie}]
    response["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": bucket}]
    return response


def run(requests: int, processes: int | None) -> Any:
    return simulate(
        CONFIG,
        requests=requests,
        paths=PATHS,
        variant_by="header:x-bucket",
        weights={"a": 50, "b": 50},
        sticky_cookie="bucket",
        functions={"assign": assign, "remember": remember},
        origin_stub="max-age=60",
        processes=processes,
    )


def processor() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def main() -> None:
    parser = argparse.ArgumentParser(description="What a simulation takes")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--calls", action="store_true", help="count Python calls, in one process")
    options = parser.parse_args()
    if options.calls:
        run(200, 1)  # imports
        profile = cProfile.Profile()
        profile.runcall(run, options.requests, 1)
        stats = pstats.Stats(profile)
        calls = stats.total_calls / options.requests  # type: ignore[attr-defined]
        stats.sort_stats("tottime").print_stats(40)
        print(f"{calls:,.0f} Python calls a request")
        return
    began, before = perf_counter(), processor()
    report = run(options.requests, options.processes)
    took, spent = perf_counter() - began, processor() - before
    print(
        f"{options.requests:,} requests: {took:.1f} s by the clock, {spent:.1f} s of the "
        f"processors, {spent / options.requests * 1e6:,.0f} µs a request; {report!r}, hit ratio "
        f"{report.hit_ratio:.0%}"
    )


if __name__ == "__main__":
    main()
