"""Requests per second and latency of the gateway beside references, in one run on loopback.

    python benchmarks/run.py [--seconds 2] [--rounds 5] [--only NAME …] [--json FILE]

Needs `wrk` and `nginx` (Debian packages of these names). Every server listens on 127.0.0.1, every
load is bounded in connections and time, and everything started here ends with the script.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONNECTIONS = (1, 16, 64)
BODY = "x" * 1024


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(port: int, seconds: int = 10) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.005)
    raise SystemExit(f"nothing listens on port {port}")


class Running:
    """A server process that ends with the block."""

    def __init__(self, command: list[str], port: int, log: Path, env: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, env=env
            )
        wait_for(port)
        self.ready_after = time.perf_counter() - self.started
        self.port = port

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def nginx_config(folder: Path, server: str) -> Path:
    path = folder / "nginx.conf"
    path.write_text(
        f"""
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {server}
}}
"""
    )
    return path


HOOKS = {
    "python": ("python3.11", "hooks.request", "hooks.response"),
    "node": ("nodejs22.x", "hooks.request", "hooks.response"),
}


def balancer_config(kind: str, port: int, origin: int) -> dict[str, object]:
    """A load balancer that answers itself, or forwards to a function or an address."""
    runtime = "nodejs22.x" if kind == "alb-node" else "python3.11"
    function = {"runtime": runtime, "code": str(HERE / "functions"), "handler": "target.handler"}
    actions = {
        "alb-fixed": {"fixed_response": {"status_code": 200, "message_body": BODY}},
        "alb-redirect": {"redirect": {"host": "other.example.com", "status_code": "HTTP_301"}},
        "alb-ip": {"forward": "web"},
        "alb-rules-10": {"forward": "web"},
        "alb-rules-100": {"forward": "web"},
    }
    action = actions.get(kind, {"forward": "fn"})
    count = int(kind.rpartition("-")[2]) if kind.startswith("alb-rules") else 0
    rules = [
        {
            "priority": at + 1,
            "conditions": [{"path_pattern": f"/service-{at}/*"}, {"host_header": "*.example.com"}],
            "actions": [{"fixed_response": {"status_code": 500}}],
        }
        for at in range(count)
    ]
    listener = {"listen": port, "rules": rules, "default_actions": [action]}
    is_lambda = kind in ("alb", "alb-node")
    return {
        "functions": {"fn": function} if is_lambda else {},
        "target_groups": {
            "web": {"targets": [f"127.0.0.1:{origin}"]},
            **({"fn": {"target_type": "lambda", "function": "fn"}} if is_lambda else {}),
        },
        "load_balancers": {"web": {"listeners": [listener]}},
    }


def gateway_config(folder: Path, kind: str, port: int, origin: int) -> Path:
    config: dict[str, object] = {}
    if kind.startswith("alb"):
        config = balancer_config(kind, port, origin)
    else:
        functions, associations = {}, {}
        if kind in HOOKS:
            runtime, request, response = HOOKS[kind]
            for trigger, handler in (("viewer-request", request), ("viewer-response", response)):
                functions[trigger] = {
                    "runtime": runtime,
                    "code": str(HERE / "functions"),
                    "handler": handler,
                }
                associations[trigger] = trigger
        config = {
            "functions": functions,
            "distributions": {
                "site": {
                    "listen": port,
                    "origins": {"app": {"url": f"http://127.0.0.1:{origin}"}},
                    "default_behavior": {
                        "origin": "app",
                        "cache_policy": "CachingDisabled",
                        "origin_request_policy": "AllViewer",
                        "lambda_functions": associations,
                    },
                }
            },
        }
    path = folder / f"{kind}.json"
    path.write_text(json.dumps(config))
    return path


def wrk(port: int, connections: int, seconds: int) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout", "10s"]
    headers = ["-H", "Accept: */*", "-H", "User-Agent: wrk", "-H", "Accept-Encoding: gzip"]
    headers += ["-H", "Cookie: session=abc; theme=dark", "-H", "Accept-Language: en"]
    out = subprocess.run(
        [*command, *headers, f"http://127.0.0.1:{port}/some/path?a=1&b=2"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])}
    for name in ("50", "99"):
        value, unit = re.search(rf"^\s+{name}%\s+([\d.]+)(us|ms|s)", out, re.M).groups()
        found[f"p{name}_ms"] = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    found["errors"] = int(errors[1]) if errors else 0
    if "Socket errors" in out:
        found["errors"] += sum(
            map(int, re.search(r"Socket errors: (.*)", out)[1].replace(",", "").split()[1::2])
        )
    return found


def cold(port: int) -> float:
    """Milliseconds of the first request, half a second after the gateway became ready."""
    time.sleep(0.5)
    started = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cold", timeout=10) as answer:
        answer.read()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=2, help="of one load in one round")
    parser.add_argument("--rounds", type=int, default=5, help="all servers take turns this often")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for tool in ("wrk", "nginx"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is missing: apt-get install {tool}")
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), options.seconds, options.rounds, options.only)
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


def measure(folder: Path, seconds: int, rounds: int, only: list[str]) -> dict[str, dict]:
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    folder.chmod(0o755)
    origin_port, nginx_port = free_port(), free_port()
    origin_folder, proxy_folder = folder / "origin", folder / "proxy"
    origin_folder.mkdir()
    proxy_folder.mkdir()
    origin_config = nginx_config(
        origin_folder,
        f'server {{ listen 127.0.0.1:{origin_port}; default_type text/plain; location / {{ return 200 "{BODY}"; }} }}',
    )
    proxy_config = nginx_config(
        proxy_folder,
        f"upstream o {{ server 127.0.0.1:{origin_port}; keepalive 64; keepalive_requests 1000000000; }}\n"
        f"server {{ listen 127.0.0.1:{nginx_port}; location / {{ proxy_pass http://o; "
        'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; '
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }",
    )
    origin = Running(["nginx", "-c", str(origin_config)], origin_port, folder / "origin.log", env)
    running: dict[str, Running] = {}
    rows: dict[str, dict] = {}
    try:
        for name, command, port, is_function in servers(
            folder, proxy_config, nginx_port, origin_port
        ):
            if only and name not in only:
                continue
            if name == "origin alone":
                rows[name] = {"rounds": []}
                continue
            server = running[name] = Running(command, port, folder / f"{port}.log", env)
            rows[name] = {"ready_s": server.ready_after, "rounds": []}
            if is_function:
                rows[name]["cold_ms"] = cold(port)
            wrk(port, 16, 1)  # warm
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for name, row in rows.items():
                    port = running[name].port if name in running else origin_port
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


def servers(folder: Path, proxy_config: Path, nginx_port: int, origin_port: int):
    yield "origin alone", [], origin_port, False
    yield "nginx", ["nginx", "-c", str(proxy_config)], nginx_port, False
    port = free_port()
    yield (
        "ASGI proxy",
        [sys.executable, str(HERE / "asgi_proxy.py"), str(port), str(origin_port)],
        port,
        False,
    )
    for name, kind in (
        ("gateway", "plain"),
        ("gateway, 2 Python hooks", "python"),
        ("gateway, 2 Node.js hooks", "node"),
        ("ALB, fixed response", "alb-fixed"),
        ("ALB, redirect", "alb-redirect"),
        ("ALB → ip target", "alb-ip"),
        ("ALB, 10 rules → ip target", "alb-rules-10"),
        ("ALB, 100 rules → ip target", "alb-rules-100"),
        ("ALB → Python", "alb"),
        ("ALB → Node.js", "alb-node"),
    ):
        port = free_port()
        config = gateway_config(folder, kind, port, origin_port)
        command = [sys.executable, "-m", "edgegw", "serve", str(config)]
        yield name, command, port, kind in (*HOOKS, "alb", "alb-node")


def print_table(rows: dict[str, dict]) -> None:
    reference = rows.get("nginx", {}).get("loads")
    print(f"{'':26}" + "".join(f"{f'{each} connections':>38}" for each in CONNECTIONS))
    for name, row in rows.items():
        cells = []
        for each in CONNECTIONS:
            found = row["loads"][str(each)]
            share = f"{found['rps'] / reference[str(each)]['rps']:6.1%}" if reference else ""
            errors = f" !{found['errors']:.0f}" if found["errors"] else ""
            cells.append(
                f"{found['rps']:8.0f}/s {share} {found['p50_ms']:6.2f} {found['p99_ms']:7.2f}ms{errors}"
            )
        print(f"{name:26}" + "".join(f"{cell:>38}" for cell in cells))
    for name, row in rows.items():
        if "ready_s" in row:
            print(
                f"{name:26} ready {row['ready_s']:.2f} s, resident {row['rss_mb']:.0f} MB"
                + (f", cold {row['cold_ms']:.0f} ms" if "cold_ms" in row else "")
            )


if __name__ == "__main__":
    main()
