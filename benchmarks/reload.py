"""How long an edit takes: save → the first new answer; and what serving costs while nothing happens.

    python benchmarks/reload.py [--edits 20] [--seconds 10]

Edits a Python hook, a Node.js hook and the configuration of a running `edgegw serve`, as an editor
does (a new file renamed over the old one), and asks until the answer is the new one.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PYTHON_HOOK = """
def handler(event, context):
    return {"status": "200", "body": "version 0"}
"""
NODE_HOOK = """
exports.handler = async () => ({ status: "200", body: "version 0" });
"""
CONFIG = """
functions:
  python-hook: {runtime: python3.13, code: python_hook, handler: hook.handler}
  node-hook: {runtime: nodejs22.x, code: node_hook, handler: hook.handler}
distributions:
  python:
    listen: 0
    origins: {nowhere: {url: "http://127.0.0.1:9"}}
    default_behavior:
      origin: nowhere
      lambda_functions: {viewer-request: python-hook}
  node:
    listen: 0
    origins: {nowhere: {url: "http://127.0.0.1:9"}}
    default_behavior:
      origin: nowhere
      lambda_functions: {viewer-request: node-hook}
load_balancers:
  config:
    listeners:
      - listen: 0
        default_actions: [{fixed_response: {status_code: 200, message_body: version 0}}]
gateway: {lambda_api: null}
"""


class Serving:
    """A running `edgegw serve`."""

    def __init__(self, folder: Path, doors: int) -> None:
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgegw", "serve", "edgegw.yaml", "--quiet"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.ports: dict[str, int] = {}
        assert self._process.stdout is not None
        while len(self.ports) < doors:
            found = re.search(
                r"ready +\S+ (\S+) +http://[^:]+:(\d+)", self._process.stdout.readline()
            )
            if found:
                self.ports[found[1]] = int(found[2])
        self.ready = time.perf_counter() - started

    def cpu_seconds(self) -> float:
        """Processor time of the gateway and all its children."""
        total, pids = 0.0, [self._process.pid]
        while pids:
            pid = pids.pop()
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                for task in Path(f"/proc/{pid}/task").iterdir():
                    pids += map(int, (task / "children").read_text().split())
            except OSError:
                continue
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def save(file: Path, text: str) -> None:
    """As an editor saves: all or nothing."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(text)
    temporary.replace(file)


def edits(port: int, file: Path, count: int) -> list[float]:
    """Seconds from each save to the first new answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)

    def answer() -> str:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()

    assert answer() == "version 0", answer()
    took: list[float] = []
    for version in range(1, count + 1):
        time.sleep(0.3)
        save(file, re.sub(r"version \d+", f"version {version}", file.read_text()))
        saved = time.perf_counter()
        while answer() != f"version {version}":
            if time.perf_counter() - saved > 5:
                raise SystemExit(f"{file} was not reloaded: {answer()!r}")
            time.sleep(0.001)
        took.append(time.perf_counter() - saved)
    connection.close()
    return took


def under_load(serving: Serving, folder: Path) -> str:
    """wrk at 16 connections while the hook is saved 20 times and the configuration 5 times."""
    url = f"http://127.0.0.1:{serving.ports['python']}/"
    load = subprocess.Popen(["wrk", "-c16", "-t1", "-d8s", url], stdout=subprocess.PIPE, text=True)
    hook, config = folder / "python_hook/hook.py", folder / "edgegw.yaml"
    for number in range(1, 21):
        time.sleep(0.3)
        save(hook, re.sub(r"version \d+", f"version {number}", hook.read_text()))
        if number % 4 == 0:
            save(config, re.sub(r"version \d+", f"version {number}", config.read_text()))
    printed, _ = load.communicate()
    failed = re.findall(r"(?:Socket errors|Non-2xx).*", printed)
    total = re.search(r"(\d+) requests in", printed)
    count = total[1] if total else "?"
    return f"{count} requests, {'; '.join(failed) if failed else 'none failed'}"


def idle(seconds: float, functions: int) -> tuple[float, float]:
    """Percent of a processor while nothing happens, and seconds until ready."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = ["functions:"]
        for number in range(functions):
            code = folder / f"f{number}"
            code.mkdir()
            (code / "hook.py").write_text(PYTHON_HOOK)
            lines.append(
                f"  f{number}: {{runtime: python3.13, code: f{number}, handler: hook.handler}}"
            )
        text = CONFIG.partition("functions:")[2].partition("distributions:")
        (folder / "edgegw.yaml").write_text("\n".join(lines) + text[0] + text[1] + text[2])
        for kind, source in (
            ("python_hook/hook.py", PYTHON_HOOK),
            ("node_hook/hook.js", NODE_HOOK),
        ):
            (folder / kind).parent.mkdir()
            (folder / kind).write_text(source)
        serving = Serving(folder, 3)
        try:
            time.sleep(2)
            before = serving.cpu_seconds()
            time.sleep(seconds)
            return (serving.cpu_seconds() - before) / seconds * 100, serving.ready
        finally:
            serving.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--edits", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "edgegw.yaml").write_text(CONFIG)
        for kind, source in (
            ("python_hook/hook.py", PYTHON_HOOK),
            ("node_hook/hook.js", NODE_HOOK),
        ):
            (folder / kind).parent.mkdir()
            (folder / kind).write_text(source)
        starts: list[float] = []
        for _ in range(6):
            serving = Serving(folder, 3)
            starts.append(serving.ready * 1000)
            serving.stop()
        later = statistics.median(starts[1:])
        print(f"ready after {later:.0f} ms with 2 functions ({starts[0]:.0f} ms the first time)")
        serving = Serving(folder, 3)
        rows: list[tuple[str, Callable[[], list[float]]]] = [
            (
                "Python hook",
                lambda: edits(serving.ports["python"], folder / "python_hook/hook.py", given.edits),
            ),
            (
                "Node.js hook",
                lambda: edits(serving.ports["node"], folder / "node_hook/hook.js", given.edits),
            ),
            (
                "configuration",
                lambda: edits(serving.ports["config"], folder / "edgegw.yaml", given.edits),
            ),
        ]
        try:
            for what, run in rows:
                took = sorted(run())
                median, most = statistics.median(took) * 1000, took[-1] * 1000
                print(f"{what:14} save to new answer: p50 {median:5.1f} ms  max {most:5.1f} ms")
            if shutil.which("wrk"):
                print(f"under load (25 saves): {under_load(serving, folder)}")
        finally:
            serving.stop()
    percent, ready = idle(given.seconds, 50)
    print(
        f"idle with 50 functions watched: {percent:.2f} % of a processor; ready {ready * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
