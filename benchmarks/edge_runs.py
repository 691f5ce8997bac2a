"""Many runs of CloudFront Functions in one gateway's engine: memory stays as it is.

    python benchmarks/edge_runs.py [--runs 1000000]

Runs those of the benchmark, some that ask a store, throw or print, and now and then a hostile one,
and looks at the memory of the process. Ends with 1 where the last fifth of the looks has more than
ALLOWED MB over the first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Final

from edgegw.cloudfront.edge_functions.key_values import MemoryKeyValues
from edgegw.cloudfront.edge_functions.model import EdgeCall, EdgeFunction
from edgegw.execution.edge_js import EdgeEngine

HERE: Final = Path(__file__).parent
ALLOWED: Final = 4.0
"""MB that may be more at the end; what a fragmented heap does by itself."""
LOOKS: Final = 100
HOSTILE_EVERY: Final = 500
PAGE: Final = 4096

USUAL: Final = {
    "request": (HERE / "functions" / "edge_request.js").read_text(),
    "store": "async function handler(event) {"
    " event.request.uri = await require('cloudfront').kvs().get('a'); return event.request }",
    "throws": "function handler(event) { throw new Error('no ' + event.request.uri) }",
    "prints": "function handler(event) { console.log(JSON.stringify(event)); return event.request }",
    "cycles": "function handler(event) { var a = []; for (var i = 0; i < 20; i++) a.push({a: a});"
    " return event.request }",
}
HOSTILE: Final = {
    "endless": "function handler() { for (;;); }",
    "large": "function handler() { var s = 'ab'; for (;;) s += s }",
    "deep": "function handler() { return (function f() { return f() + 1 })() }",
    "never": "async function handler() { await new Promise(function () {}) }",
}


def event(number: int) -> str:
    header = {"value": f"v{number % 1000}"}
    return json.dumps(
        {
            "version": "1.0",
            "context": {"eventType": "viewer-request", "requestId": f"id{number}"},
            "viewer": {"ip": "192.0.2.1"},
            "request": {
                "method": "GET",
                "uri": f"/page/{number}/",
                "querystring": {"a": {"value": "1"}},
                "headers": {"host": {"value": "www.example.com"}, "x-number": header},
                "cookies": {"session": {"value": "abc"}},
            },
        }
    )


def resident() -> float:
    """MB that the process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


async def run_all(runs: int) -> list[float]:
    """Memory at each look."""
    codes = {**USUAL, **HOSTILE}
    functions = {
        name: EdgeFunction(name, code=code, key_value_store="s") for name, code in codes.items()
    }
    engine = EdgeEngine(functions, {"s": MemoryKeyValues({"a": "/b"})})
    usual, hostile = list(USUAL), list(HOSTILE)
    looks: list[float] = []
    for number in range(runs):
        name = usual[number % len(usual)]
        if number % HOSTILE_EVERY == 0:
            name = hostile[number // HOSTILE_EVERY % len(hostile)]
        call = EdgeCall(name, event(number), "a=1")
        if engine.run_now(functions[name], call) is None:
            await engine.run(functions[name], call)
        if number % max(1, runs // LOOKS) == 0:
            looks.append(resident())
    engine.close()
    return looks


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    runs = parser.parse_args().runs
    started = time.perf_counter()
    looks = asyncio.run(run_all(runs))
    fifth = max(1, len(looks) // 5)
    warm = looks[len(looks) // 20 :]  # the first looks are of a process that still starts
    first, last = statistics.median(warm[:fifth]), statistics.median(warm[-fifth:])
    took = time.perf_counter() - started
    print(f"{runs:,} runs in {took:.0f} s; first fifth {first:.1f} MB, last {last:.1f} MB")
    return int(last - first > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
