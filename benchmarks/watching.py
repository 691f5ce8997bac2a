"""What files cost that are written beside the code: the share of a processor, and requests.

    python benchmarks/watching.py [--functions 200] [--seconds 10] [--rounds 3]

Two rows, each a ratio within one run, in processor time of the gateway, so that what else the
machine does counts for nothing:

- many functions of one file each in one folder, while nothing is written, then while an unrelated
  file beside them is written ten times a second (appended to, and put anew in its place);
- one function whose folder holds the gateway's own output, and one whose output goes elsewhere,
  both at the same time and asked in turns (by wrk at 16 connections where it is installed):
  processor time of one request, and requests per second.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HOOK = """
import json, re, base64

def handler(event, context):
    return {"status": "200", "body": "hello"}
"""


class Watched:
    """A running `edgegw serve` in `folder`, whose output goes to `output`."""

    def __init__(self, folder: Path, config: str, output: Path) -> None:
        (folder / "edgegw.yaml").write_text(config)
        self._output = output.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgegw", "serve", "edgegw.yaml"],
            cwd=folder,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.port = self._ready(output)

    def _ready(self, output: Path) -> int:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            ready = re.search(r"http://[^:]+:(\d+)", output.read_text())
            if ready:
                return int(ready[1])
            time.sleep(0.05)
        raise SystemExit(f"not ready: {output.read_text()}")

    def processor(self) -> float:
        """Seconds of processor time of the gateway itself, without its functions."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._output.close()


def many(count: int, code: str) -> str:
    functions = "".join(
        f"  f{at}: {{runtime: python3.13, code: {code.format(at)}, handler: f{at}.handler}}\n"
        for at in range(count)
    )
    return f"functions:\n{functions}{site('f0')}"


def site(function: str) -> str:
    return (
        "distributions:\n  site:\n    listen: 0\n"
        '    origins: {nowhere: {url: "http://127.0.0.1:9"}}\n'
        "    default_behavior:\n      origin: nowhere\n      cache_policy: CachingDisabled\n"
        f"      lambda_functions: {{viewer-request: {function}}}\n"
    )


def share(watched: Watched, seconds: float, work: Callable[[int], None]) -> float:
    """Percent of a processor while `work` is done ten times a second."""
    before, began = watched.processor(), time.monotonic()
    for at in range(int(seconds * 10)):
        work(at)
        time.sleep(max(0.0, began + (at + 1) / 10 - time.monotonic()))
    return (watched.processor() - before) / (time.monotonic() - began) * 100


def beside_many(count: int, code: str, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as elsewhere:
        folder = Path(name)
        for at in range(count):
            (folder / f"f{at}.py").write_text(HOOK)
        watched = Watched(folder, many(count, code), Path(elsewhere) / "out")
        unrelated = folder / "notes.txt"

        def append(at: int) -> None:
            with unrelated.open("a") as file:
                file.write(f"{at}\n")

        def replace(at: int) -> None:
            temporary = folder / ".notes.tmp"
            temporary.write_text(str(at))
            temporary.replace(unrelated)

        def new(at: int) -> None:
            (folder / f"notes-{at}.txt").write_text(str(at))

        def module(at: int) -> None:
            (folder / f"other_{at}.py").write_text(str(at))

        try:
            time.sleep(2)
            rows: list[tuple[str, Callable[[int], None]]] = [
                ("nothing is written", lambda _: None),
                ("a file is appended to", append),
                ("a file is replaced", replace),
                ("files with new names", new),
                ("modules with new names", module),
            ]
            for what, work in rows:
                percent = share(watched, seconds, work)
                print(f"{count} functions of {code:6} {what:24} {percent:5.1f} %", flush=True)
        finally:
            watched.stop()


def asked(watched: Watched, seconds: float) -> tuple[int, float, float]:
    """Requests, the seconds they took, and the gateway's processor time for them."""
    before, began, count = watched.processor(), time.monotonic(), 0
    if shutil.which("wrk"):
        command = ["wrk", "-c16", "-t1", f"-d{seconds:.0f}s", f"http://127.0.0.1:{watched.port}/"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        count = int(re.findall(r"(\d+) requests in", printed)[0])
        return count, time.monotonic() - began, watched.processor() - before
    connection = http.client.HTTPConnection("127.0.0.1", watched.port, timeout=10)
    while time.monotonic() - began < seconds:
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.read() == b"hello", answer.status
        count += 1
    took = time.monotonic() - began
    connection.close()
    return count, took, watched.processor() - before


def output_beside_code(seconds: float, rounds: int) -> None:
    config = "functions:\n  hook: {runtime: python3.13, code: ., handler: hook.handler}\n"
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as other:
        folders = {"elsewhere": Path(name), "beside the code": Path(other)}
        running: dict[str, Watched] = {}
        for where, folder in folders.items():
            code = folder / "code"
            code.mkdir()
            (code / "hook.py").write_text(HOOK)
            output = (folder if where == "elsewhere" else code) / "out.log"
            text = config.replace("code: .", "code: code") + site("hook")
            running[where] = Watched(folder, text, output)
        try:
            totals = {where: [0.0, 0.0, 0.0] for where in running}
            for watched in running.values():
                asked(watched, 1)
            for _ in range(rounds):
                for where, watched in running.items():
                    sums = totals[where]
                    totals[where] = [
                        a + b for a, b in zip(sums, asked(watched, seconds), strict=True)
                    ]
            costs = {where: spent / count for where, (count, _, spent) in totals.items()}
            for where, (count, took, _) in totals.items():
                print(
                    f"output {where:16} {costs[where] * 1e6:6.0f} µs of a processor per request, "
                    f"{count / took:6.0f} requests/s"
                )
            print(f"ratio {costs['beside the code'] / costs['elsewhere']:.2f}")
        finally:
            for watched in running.values():
                watched.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--functions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for code in ("f{}.py", "."):
        beside_many(given.functions, code, given.seconds)
    output_beside_code(given.seconds / 2, given.rounds)


if __name__ == "__main__":
    main()
