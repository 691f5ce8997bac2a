"""The cache of distributions beside nginx, and beside what needs no cache (`run.py --only cache`).

    row                 what is asked                         what stands beside it
    hit                 one URL, stored                       nginx `proxy_cache`, a fixed response
    revalidated hit     1,000 URLs, stored, always stale      nginx `proxy_cache`, a miss
    miss                a URL of its own each time            CachingDisabled, nginx, a miss

The origin is nginx with files. nginx stores nothing that is stale at once, so what stands beside a
revalidated hit is its miss, which asks the origin too. Where each request has a URL of its own the
script for wrk makes it (`urls.lua`), in all rows that are compared. All front doors of edgegw are in
one process, with its defaults: log lines on, exchanges recorded.

Beside rates stands the processor time that a request takes of the server, which another load on
the machine disturbs least.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from configurations import BODY, HERE
from servers import Running, edgegw, environment, free_port, nginx_config, wrk

CONNECTIONS = (1, 16, 64)
SIZES = {"1k": BODY, "100k": BODY * 100}
STALE = 1000
"""URLs that are revalidated: more than there are connections, so that no two wait for one."""
MANY = 1_000_000_000


@dataclass
class CacheRow:
    """`prefix` with a number behind it is asked; the same one always where `count` is 0.

    The goals are shares of other rows' requests per second.
    """

    name: str
    server: str
    prefix: str
    count: int = 0
    beside: tuple[str, ...] = ()
    goals: tuple[float | None, ...] = ()


ROWS = (
    CacheRow("nginx, hit of 1 KB", "nginx", "/fresh/1k/"),
    CacheRow("nginx, hit of 100 KB", "nginx", "/fresh/100k/"),
    CacheRow("nginx, miss", "nginx", "/fresh/1k/", MANY),
    CacheRow("ALB, fixed response", "fixed", "/"),
    CacheRow(
        "hit of 1 KB",
        "cached",
        "/fresh/1k/",
        beside=("ALB, fixed response", "nginx, hit of 1 KB"),
        goals=(1.0, 0.4),
    ),
    CacheRow("hit of 100 KB", "cached", "/fresh/100k/", beside=("nginx, hit of 100 KB",)),
    CacheRow(
        "revalidated hit", "revalidated", "/stale/1k/", STALE, ("CachingDisabled", "nginx, miss")
    ),
    CacheRow("CachingDisabled", "disabled", "/fresh/1k/", MANY, ("nginx, miss",)),
    CacheRow("miss", "cached", "/fresh/1k/", MANY, ("CachingDisabled", "nginx, miss"), (0.9, None)),
)


def measure_cache(folder: Path, seconds: int, rounds: int) -> dict[str, dict]:
    """Each row's best round, by number of connections."""
    origin = _origin(folder)
    servers: dict[str, tuple[Running, int]] = {}
    rounds_of: dict[str, dict[int, list[dict[str, float]]]] = {}
    try:
        for name, running, port in _servers(folder, origin.port):
            servers[name] = running, port
        for row in ROWS:
            wrk(servers[row.server][1], 16, 1, f"{row.prefix}1", _script(row, row.prefix + "warm"))
        for at in range(rounds):
            for connections in CONNECTIONS:
                for row in ROWS:
                    part = f"{at}-{connections}-" if row.count == MANY else ""
                    load = _load(*servers[row.server], row, part, connections, seconds)
                    rounds_of.setdefault(row.name, {}).setdefault(connections, []).append(load)
    finally:
        for running, _ in servers.values():
            running.stop()
        origin.stop()
    return {
        name: {str(connections): _best(loads) for connections, loads in by_connections.items()}
        for name, by_connections in rounds_of.items()
    }


def _load(
    server: Running, port: int, row: CacheRow, part: str, connections: int, seconds: int
) -> dict[str, float]:
    before = server.cpu_s()
    script = _script(row, f"{row.prefix}{part}")
    load = wrk(port, connections, seconds, f"{row.prefix}1", script)
    load["cpu_us"] = (server.cpu_s() - before) / max(1, load["requests"]) * 1e6
    return load


def _script(row: CacheRow, prefix: str) -> tuple[str, ...]:
    return (str(HERE / "urls.lua"), prefix, str(row.count)) if row.count else ()


def _best(loads: list[dict[str, float]]) -> dict[str, float]:
    """The best of all rounds: what disturbs a machine only ever makes things slower."""
    best = {name: min(load[name] for load in loads) for name in ("p50_ms", "p99_ms", "cpu_us")}
    errors = sum(load["errors"] for load in loads)
    return {"rps": max(load["rps"] for load in loads), **best, "errors": errors}


# Servers


def _origin(folder: Path) -> Running:
    """Files by size, whatever the URL ends with; `/fresh` for an hour, `/stale` not at all."""
    origin_folder, port = folder / "cache-origin", free_port()
    origin_folder.mkdir()
    for name, content in SIZES.items():
        (origin_folder / name).write_text(content)
    locations = "".join(
        f"location /{kind}/{name}/ {{ root {origin_folder}; default_type text/plain; "
        f'add_header Cache-Control "max-age={age}"; rewrite ^ /{name} break; }}\n'
        for kind, age in (("fresh", 3600), ("stale", 0))
        for name in SIZES
    )
    config = nginx_config(origin_folder, f"server {{ listen 127.0.0.1:{port}; {locations} }}")
    log = folder / "cache-origin.log"
    return Running(["nginx", "-c", str(config)], port, log, environment(folder / "cache"))


def _servers(folder: Path, origin: int) -> Iterator[tuple[str, Running, int]]:
    env = environment(folder / "cache")
    port = free_port()
    command = ["nginx", "-c", str(_nginx(folder, port, origin))]
    yield "nginx", Running(command, port, folder / "cache-nginx.log", env), port
    ports = {name: free_port() for name in ("cached", "revalidated", "disabled", "fixed")}
    config = folder / "cache.json"
    config.write_text(json.dumps(_gateway(ports, origin)))
    gateway = Running(edgegw(config), ports["fixed"], folder / "cache-gateway.log", env)
    for name, port in ports.items():
        yield name, gateway, port


def _nginx(folder: Path, port: int, origin: int) -> Path:
    nginx_folder = folder / "cache-nginx"
    nginx_folder.mkdir()
    return nginx_config(
        nginx_folder,
        f"proxy_cache_path {nginx_folder}/kept keys_zone=kept:64m max_size=256m;\n"
        f"upstream o {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 1000000000; }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://o; proxy_cache kept; "
        'proxy_http_version 1.1; proxy_set_header Connection ""; } }',
    )


def _gateway(ports: dict[str, int], origin: int) -> dict[str, object]:
    def site(name: str, policy: str) -> dict[str, object]:
        behavior = {"origin": "files", "cache_policy": policy}
        return {
            "listen": ports[name],
            "origins": {"files": {"url": f"http://127.0.0.1:{origin}"}},
            "default_behavior": behavior,
        }

    fixed = {"fixed_response": {"status_code": 200, "message_body": BODY}}
    return {
        "cache_policies": {"as-the-origin-says": {"min_ttl": 0, "default_ttl": 86400}},
        "distributions": {
            "cached": site("cached", "CachingOptimized"),
            "revalidated": site("revalidated", "as-the-origin-says"),
            "disabled": site("disabled", "CachingDisabled"),
        },
        "load_balancers": {
            "fixed": {"listeners": [{"listen": ports["fixed"], "default_actions": [fixed]}]}
        },
    }


# The table


def print_cache(rows: dict[str, dict]) -> None:
    print("\nThe cache: requests per second, p50, p99, processor time of the server a request")
    print(f"{'':22}" + "".join(f"{f'{at} connections':>43}" for at in CONNECTIONS))
    for name, loads in rows.items():
        print(f"{name:22}" + "".join(f"{_cell(loads[str(at)]):>43}" for at in CONNECTIONS))
    print("\nShares of requests per second, and of processor time")
    for row in ROWS:
        for at, other in enumerate(row.beside):
            goal = row.goals[at] if row.goals else None
            told = f"  (goal {goal})" if goal else ""
            shares = "".join(f"{_share(rows, row.name, other, str(c)):>18}" for c in CONNECTIONS)
            print(f"{f'{row.name} / {other}':42}{shares}{told}")


def _cell(load: dict[str, float]) -> str:
    errors = f" !{load['errors']:.0f}" if load["errors"] else ""
    times = f"{load['p50_ms']:6.2f} {load['p99_ms']:7.2f}ms {load['cpu_us']:6.1f}µs"
    return f"{load['rps']:8.0f}/s {times}{errors}"


def _share(rows: dict[str, dict], name: str, other: str, connections: str) -> str:
    mine, theirs = rows[name][connections], rows[other][connections]
    of_time = mine["cpu_us"] / theirs["cpu_us"] if theirs["cpu_us"] else 0.0
    return f"{mine['rps'] / theirs['rps']:.2f} ({of_time:.2f})"
