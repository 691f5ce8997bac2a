"""Requests per second and latency of the gateway beside references, in one run on loopback.

    python benchmarks/run.py [--seconds 2] [--rounds 5] [--only NAME …] [--json FILE]

Every row has its share of nginx, rows of the gateway also their share of the thin gateway
(`thin_gateway.py`) that does the same without judging, recording and logging. Then HTTP/2 beside
HTTP/1.1, how long a start takes, and the cache of distributions (`cache_rows.py`). `--only` takes
rows, and the words `http2`, `starts`, `cache`, `sources`, `queues`, `async` and `tests`
(`in_process_rows.py`).

Needs `wrk`, `h2load` and `nginx` (Debian packages wrk, nghttp2-client, nginx). Every server listens
on 127.0.0.1, every load is bounded in connections and time, and everything started here ends with
the script.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from async_rows import measure_async, print_async
from cache_rows import measure_cache, print_cache
from configurations import BODY, HERE, HOOKS, gateway_config
from in_process_rows import measure_in_process, print_in_process
from queue_rows import measure_queues, print_queues
from servers import Running, cold, edgegw, environment, free_port, h2load, nginx_config, wrk
from source_rows import measure_sources, print_sources

CONNECTIONS = (1, 16, 64)
STARTS = 5
PARTS = frozenset({"http2", "starts", "cache", "sources", "queues", "async", "tests"})
"""Words of `--only` beside the rows."""

REFERENCES = ("thin gateway", "thin gateway, 2 Python hooks", "thin gateway, 2 Node.js hooks")
FITTING = {
    "gateway": REFERENCES[0],
    "gateway, 2 Python hooks": REFERENCES[1],
    "gateway, 2 Node.js hooks": REFERENCES[2],
    "ALB → ip target": REFERENCES[0],
    "ALB, 10 rules → ip target": REFERENCES[0],
    "ALB, 100 rules → ip target": REFERENCES[0],
}
"""The thin gateway that does the work of a row."""

PRODUCT = {
    "gateway": "plain",
    "gateway, 2 CloudFront Functions": "edge",
    "gateway, 2 Python hooks": "python",
    "gateway, 2 Node.js hooks": "node",
    "ALB, fixed response": "alb-fixed",
    "ALB, redirect": "alb-redirect",
    "ALB → ip target": "alb-ip",
    "ALB, 10 rules → ip target": "alb-rules-10",
    "ALB, 100 rules → ip target": "alb-rules-100",
    "ALB → Python": "alb",
    "ALB → Node.js": "alb-node",
}
"""Rows of the gateway by the kind of their configuration."""


@dataclass
class Server:
    name: str
    command: list[str]
    port: int
    has_functions: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=2, help="of one load in one round")
    parser.add_argument("--rounds", type=int, default=5, help="all servers take turns this often")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for tool in ("wrk", "nginx", "h2load"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is missing: apt-get install wrk nginx nghttp2-client")
    only, rows, outcome = options.only, {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if not only or not PARTS.issuperset(only):
            outcome["rows"] = rows = measure(folder, options.seconds, options.rounds, only)
            print_table(rows)
        if not only or "http2" in only:
            outcome["http2"] = http2 = measure_http2(folder, options.seconds, options.rounds)
            print_http2(http2)
        if not only or "starts" in only:
            outcome["starts"] = starts = measure_starts(folder)
            print_starts(starts)
        if not only or "cache" in only:
            outcome["cache"] = cache = measure_cache(folder, options.seconds, options.rounds)
            print_cache(cache)
        if not only or "queues" in only:
            outcome["queues"] = queues = measure_queues(folder / "queues")
            print_queues(queues)
        if not only or "async" in only:
            outcome["async"] = events = measure_async(folder, options.seconds)
            print_async(events)
        if not only or "tests" in only:
            outcome["tests"] = measure_in_process(
                folder / "tests", options.seconds / 2, options.rounds
            )
            print_in_process(outcome["tests"])
        if not only or "sources" in only:
            outcome["sources"] = shares = measure_sources(folder)
            print_sources(shares)
    if options.json:
        options.json.write_text(json.dumps(outcome, indent=2) + "\n")


# Requests per second


def servers(folder: Path, origin_port: int) -> Iterator[Server]:
    """All but the origin, in the order of the table."""
    proxy_folder, port = folder / "proxy", free_port()
    proxy_folder.mkdir()
    proxy = nginx_config(
        proxy_folder,
        f"upstream o {{ server 127.0.0.1:{origin_port}; keepalive 64; keepalive_requests 1000000000; }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://o; "
        'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; '
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }",
    )
    yield Server("nginx", ["nginx", "-c", str(proxy)], port)
    scripts = {
        "ASGI proxy": ["asgi_proxy.py"],
        REFERENCES[0]: ["thin_gateway.py"],
        REFERENCES[1]: ["thin_gateway.py", "--hooks", "python"],
        REFERENCES[2]: ["thin_gateway.py", "--hooks", "node"],
    }
    for name, (script, *more) in scripts.items():
        port = free_port()
        command = [sys.executable, str(HERE / script), str(port), str(origin_port), *more]
        yield Server(name, command, port)
    for name, kind in PRODUCT.items():
        port = free_port()
        command = edgegw(gateway_config(folder, kind, port, origin_port))
        yield Server(name, command, port, kind in (*HOOKS, "alb", "alb-node"))


def start_origin(folder: Path) -> Running:
    origin_folder, port = folder / "origin", free_port()
    origin_folder.mkdir()
    answer = f'default_type text/plain; location / {{ return 200 "{BODY}"; }}'
    config = nginx_config(origin_folder, f"server {{ listen 127.0.0.1:{port}; {answer} }}")
    command = ["nginx", "-c", str(config)]
    return Running(command, port, folder / "origin.log", environment(folder / "cache"))


def measure(folder: Path, seconds: int, rounds: int, only: list[str]) -> dict[str, dict]:
    origin = start_origin(folder)
    running: dict[str, Running] = {}
    rows: dict[str, dict] = {}
    if not only or "origin alone" in only:
        rows["origin alone"] = {"rounds": []}
    try:
        for server in servers(folder, origin.port):
            if only and server.name not in only:
                continue
            log, env = folder / f"{server.port}.log", environment(folder / "cache")
            started = running[server.name] = Running(server.command, server.port, log, env)
            row = rows[server.name] = {"ready_s": started.ready_after, "rounds": []}
            if server.has_functions:
                row["cold_ms"] = cold(server.port)
            wrk(server.port, 16, 1)  # warm
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for name, row in rows.items():
                    port = running.get(name, origin).port
                    row["rounds"].append({"c": connections, **wrk(port, connections, seconds)})
        for name, server in running.items():
            rows[name]["rss_mb"] = server.rss_mb()
    finally:
        for server in running.values():
            server.stop()
        origin.stop()
    for row in rows.values():
        row["loads"] = {str(each): best(row["rounds"], each) for each in CONNECTIONS}
    return rows


def best(found: list[dict[str, float]], connections: int) -> dict[str, float]:
    """The best of all rounds: what disturbs a machine only ever makes things slower."""
    mine = [each for each in found if each["c"] == connections]
    return {
        "rps": max(each["rps"] for each in mine),
        "p50_ms": min(each["p50_ms"] for each in mine),
        "p99_ms": min(each["p99_ms"] for each in mine),
        "errors": sum(each["errors"] for each in mine),
    }


def share(rows: dict[str, dict], name: str, reference: str | None, connections: int) -> str:
    """How many of the requests of `reference` the row takes; blank if one was not measured."""
    if reference not in rows:
        return ""
    mine, theirs = (rows[each]["loads"][str(connections)]["rps"] for each in (name, reference))
    return f"{mine / theirs:.2f}"


def print_table(rows: dict[str, dict]) -> None:
    print("Requests per second, share of nginx, share of the fitting thin gateway, p50, p99")
    print(f"{'':30}" + "".join(f"{f'{each} connections':>42}" for each in CONNECTIONS))
    for name, row in rows.items():
        cells = []
        for each in CONNECTIONS:
            found = row["loads"][str(each)]
            of_nginx = share(rows, name, "nginx", each)
            of_thin = share(rows, name, FITTING.get(name), each)
            errors = f" !{found['errors']:.0f}" if found["errors"] else ""
            cells.append(
                f"{found['rps']:8.0f}/s {of_nginx:>5} {of_thin:>5} "
                f"{found['p50_ms']:6.2f} {found['p99_ms']:7.2f}ms{errors}"
            )
        print(f"{name:30}" + "".join(f"{cell:>42}" for cell in cells))
    for name, row in rows.items():
        if "ready_s" in row:
            print(
                f"{name:30} ready {row['ready_s']:.2f} s, resident {row['rss_mb']:.0f} MB"
                + (f", cold {row['cold_ms']:.0f} ms" if "cold_ms" in row else "")
            )


# HTTP/2


def measure_http2(folder: Path, seconds: int, rounds: int) -> dict[str, float]:
    """A fixed response over TLS: six streams on one connection beside six connections."""
    port, log = free_port(), folder / "tls.log"
    command = edgegw(gateway_config(folder, "alb-tls", port, port))
    server = Running(command, port, log, environment(folder / "cache"))
    try:
        taken = [
            (h2load(port, seconds, http2=False), h2load(port, seconds, http2=True))
            for _ in range(rounds)
        ]
    finally:
        server.stop()
    http1, http2 = (max(each) for each in zip(*taken, strict=True))
    return {"http1_rps": http1, "http2_rps": http2, "ratio": http2 / http1}


def print_http2(found: dict[str, float]) -> None:
    print(
        f"fixed response over TLS: {found['http1_rps']:.0f}/s on six connections of HTTP/1.1, "
        f"{found['http2_rps']:.0f}/s in six streams of HTTP/2: {found['ratio']:.2f}"
    )


# Starts


def measure_starts(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds from the command to the open port: without remembered configuration, and with."""
    taken: dict[str, list[float]] = {"first": [], "remembered": []}
    for at in range(STARTS + 1):
        for kind in taken:
            port, cache = free_port(), folder / f"cache-{at}"
            config = folder / f"start-{at}.json"
            if kind == "first":
                gateway_config(folder, "python", port, port).rename(config)
            else:
                port = int(json.loads(config.read_text())["distributions"]["site"]["listen"])
            server = Running(edgegw(config), port, folder / "start.log", environment(cache))
            server.stop()
            if at > 0:  # the first one may still have to compile
                taken[kind].append(server.ready_after)
    return {
        kind: {"min_s": min(each), "median_s": statistics.median(each)}
        for kind, each in taken.items()
    }


def print_starts(found: dict[str, dict[str, float]]) -> None:
    for kind, each in found.items():
        print(f"ready, {kind} start: best {each['min_s']:.2f} s, median {each['median_s']:.2f} s")


if __name__ == "__main__":
    main()
