"""Servers that end with the benchmark, and bounded loads on them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from configurations import HERE


def environment(cache: Path) -> dict[str, str]:
    """Of all servers; what edgegw remembers of its configurations is in `cache`.

    Python keeps what it compiled, as it does for whoever installs edgegw.
    """
    env = {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "XDG_CACHE_HOME": str(cache),
        "XDG_DATA_HOME": str(cache / "data"),  # not the user's own authority
    }
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def edgegw(config: Path) -> list[str]:
    return [sys.executable, "-m", "edgegw", "serve", str(config)]


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
    raise TimeoutError


class Running:
    """A server process that ends with the block."""

    def __init__(self, command: list[str], port: int, log: Path, env: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, env=env
            )
        try:
            wait_for(port)
        except TimeoutError:
            self.stop()
            raise SystemExit(f"{' '.join(command)} is not ready:\n{log.read_text()}") from None
        self.ready_after = time.perf_counter() - self.started
        self.port = port

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_s(self) -> float:
        """Seconds of processor time that it and its children took so far."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid:  # its group
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

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


TARGET = "/some/path?a=1&b=2"


def wrk(
    port: int, connections: int, seconds: int, target: str = TARGET, script: tuple[str, ...] = ()
) -> dict[str, float]:
    """One load. `script` is a file for wrk and its arguments: it may choose other targets."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout", "10s"]
    headers = ["-H", "Accept: */*", "-H", "User-Agent: wrk", "-H", "Accept-Encoding: gzip"]
    headers += ["-H", "Cookie: session=abc; theme=dark", "-H", "Accept-Language: en"]
    url = f"http://127.0.0.1:{port}{target}"
    scripted = ["-s", script[0], url, "--", *script[1:]] if script else [url]
    out = subprocess.run(
        [*command, *headers, *scripted],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])}
    found["requests"] = int(re.search(r"(\d+) requests in", out)[1])
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


def h2load(port: int, seconds: float, *, http2: bool) -> float:
    """Requests per second as a browser connects: one connection, or six with HTTP/1.1.

    So many requests that a load balancer does not end the connection: it takes 10,000 over HTTP/2.
    """
    how = ["-c1", "-m6"] if http2 else ["--h1", "-c6", "-m1"]
    count = min(9000, max(1, round(4500 * seconds)))
    command = ["h2load", *how, f"-n{count}", f"https://127.0.0.1:{port}/a"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    if codes is None or int(codes[1]) == 0 or int(codes[3]) + int(codes[4]):
        raise SystemExit(f"h2load got other answers than 200:\n{out}")
    return float(re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", out)[1])
