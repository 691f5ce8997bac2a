"""In process, beside a bare application: requests per second of `gateway.client` (`run.py --only tests`).

    python benchmarks/in_process_rows.py [--seconds 1] [--rounds 5]

    row                     what answers
    starlette               a bare Starlette application through ASGITransport of httpx
    no hooks                a distribution, which forwards to an origin
    a hit                   the same, out of its cache
    2 replaced hooks        viewer-request and viewer-response are callables of the test
    2 hooks in processes    the same as Python functions in their own processes

All rows take turns in one event loop with one client of httpx each, one request after the other,
as tests send them. The origin answers at once (`AtOnce`), as a mock does; nothing touches a socket.
The goal is a share of the bare application without hooks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

import httpx

from edgegw import Gateway
from edgegw.config.resolve import load_dict
from edgegw.gateway.origins.transport import Outgoing
from edgegw.http.message import Body, Headers, Response

GOAL = 0.6
"""Of the bare application, without hooks."""
ROWS = ("starlette", "no hooks", "a hit", "2 replaced hooks", "2 hooks in processes")
_PAGE = b"x" * 1024
_HOOKS = """\
def request(event, context):
    return event["Records"][0]["cf"]["request"]


def response(event, context):
    return event["Records"][0]["cf"]["response"]
"""


class AtOnce:
    """An origin that is there at once: a transport of the gateway's own kind."""

    def __init__(self, cache_control: bytes) -> None:
        lines = ((b"Content-Type", b"text/plain"), (b"Content-Length", b"1024"))
        self._headers = Headers((*lines, (b"Cache-Control", cache_control)))

    async def send(self, outgoing: Outgoing) -> Response:
        return Response(200, b"OK", self._headers, Body.of(_PAGE))

    async def close(self) -> None:
        pass


def bare() -> httpx.AsyncClient:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.responses import Response as Answer
    from starlette.routing import Route

    async def page(request: Request) -> Answer:
        return PlainTextResponse(_PAGE)

    app = Starlette(routes=[Route("/{path:path}", page)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site.test")


def described(folder: Path, policy: str, *, hooks: bool) -> dict:
    python = f"python3.{sys.version_info[1]}"
    functions = {
        name: {"runtime": python, "code": str(folder), "handler": f"hooks.{name}"}
        for name in ("request", "response")
    }
    triggers = {"viewer-request": "request", "viewer-response": "response"}
    behavior = {"origin": "app", "cache_policy": policy}
    if hooks:
        behavior["lambda_functions"] = triggers
    origins = {"app": {"url": "http://origin.test"}}
    site = {"listen": 8081, "origins": origins, "default_behavior": behavior}
    return {"functions": functions, "distributions": {"site": site}}


def gateway(folder: Path, row: str) -> Gateway:
    policy = "CachingOptimized" if row == "a hit" else "CachingDisabled"
    config = load_dict(described(folder, policy, hooks="hooks" in row and row != "no hooks"))
    replaced: dict[str, Callable] = {}
    if row == "2 replaced hooks":
        names: dict[str, Callable] = {}
        exec(_HOOKS, names)
        replaced = {name: names[name] for name in ("request", "response")}
    control = b"max-age=3600" if row == "a hit" else b"no-store"
    return Gateway(config, functions=replaced, transport=lambda unverified: AtOnce(control))


async def rate(client: httpx.AsyncClient, seconds: float) -> float:
    """Requests a second of a client that sends one after the other."""
    began, count = perf_counter(), 0
    while (spent := perf_counter() - began) < seconds:
        for _ in range(20):
            (await client.get("/page")).raise_for_status()
        count += 20
    return count / spent


async def measured(folder: Path, seconds: float, rounds: int) -> dict[str, float]:
    """The best of all rounds, by row; in each round all rows take turns."""
    (folder / "hooks.py").write_text(_HOOKS)
    best = dict.fromkeys(ROWS, 0.0)
    async with AsyncExitStack() as stack:
        clients = {"starlette": await stack.enter_async_context(bare())}
        for row in ROWS[1:]:
            made = gateway(folder, row).client("site")
            clients[row] = await stack.enter_async_context(made)
        for client in clients.values():
            await rate(client, 0.2)
        for _ in range(rounds):
            for row, client in clients.items():
                best[row] = max(best[row], await rate(client, seconds))
    return best


def measure_in_process(folder: Path, seconds: float, rounds: int) -> dict[str, float]:
    """All rows, by name, in requests a second."""
    folder.mkdir(exist_ok=True)
    return asyncio.run(measured(folder, seconds, rounds))


def print_in_process(rows: dict[str, float]) -> None:
    print("\nin process, one request after the other        requests/s    of starlette")
    for row, figure in rows.items():
        share = figure / rows["starlette"]
        goal = f"  goal {GOAL:.1f}" if row == "no hooks" else ""
        print(f"{row:42} {figure:15,.0f} {share:15.2f}{goal}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="In process, beside a bare application")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure_in_process(Path(folder), options.seconds, options.rounds)
    print_in_process(rows)
    if options.json:
        options.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
