"""Asynchronous invocation: what a 202 costs, what is handled, what waits (`run.py --only async`).

    row                     what is measured
    202, one caller         each event waits for a commit of its own: one fsync each
    202, 64 callers         events that come meanwhile share a commit
    handled                 events per second by a warm Python function, from disk to gone
    1,000,000 waiting       how long a start takes beside them, and the memory that they cost

What a commit takes is the disk's: `fsync` says how many a plain file takes a second, alone.
202s are measured while the function is busy with others and takes none of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import time
from pathlib import Path

from servers import Running, edgegw, environment, free_port, wrk

from edgegw.awslambda.async_invocation import AsyncEvent
from edgegw.awslambda.model import FunctionRef
from edgegw.execution import event_store

WAITING = 1_000_000
HANDLED = 20_000
GOALS = {"waiting_rss_mb": 150.0, "waiting_ready_s": 1.0}
_PYTHON = f"python3.{sys.version_info[1]}"
_CODE = """\
import time


def quick(event, context):
    return event


def busy(event, context):
    time.sleep(600)
"""
_POST = """\
wrk.method = "POST"
wrk.body = '{"n": 1, "text": "an event as they usually are, some hundred bytes of JSON"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Amz-Invocation-Type"] = "Event"
"""


def measure_async(folder: Path, seconds: int, *, waiting: int = WAITING) -> dict[str, float]:
    """All rows, by name."""
    return {
        "fsync_s": plain_commits(folder),
        **accepted(folder / "accepted", seconds),
        "handled_s": handled(folder / "handled"),
        **beside_waiting(folder / "waiting", waiting),
    }


def plain_commits(folder: Path) -> float:
    """How many writes of 4 KB a second are on disk, one after the other."""
    with (folder / "plain").open("wb", buffering=0) as file:
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < 1:
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            count += 1
    return count / (time.perf_counter() - begun)


def start(folder: Path) -> Running:
    """A gateway of `folder` with its two functions."""
    function = {"runtime": _PYTHON, "code": ".", "timeout": 900}
    port = free_port()
    config = {
        "functions": {
            name: {**function, "handler": f"handler.{name}"} for name in ("quick", "busy")
        },
        "gateway": {"lambda_api": port},
    }
    (folder / "handler.py").write_text(_CODE)
    (folder / "edgegw.json").write_text(json.dumps(config))
    command = edgegw(folder / "edgegw.json")
    return Running(command, port, folder / "serve.log", environment(folder / "cache"))


def accepted(folder: Path, seconds: int) -> dict[str, float]:
    folder.mkdir()
    script = folder / "post.lua"
    script.write_text(_POST)
    server = start(folder)
    path = "/2015-03-31/functions/busy/invocations"
    try:
        rows: dict[str, float] = {}
        for connections in (1, 64):
            load = wrk(server.port, connections, seconds, path, (str(script),))
            rows[f"accepted_{connections}_s"] = load["rps"]
            rows[f"accepted_{connections}_p99_ms"] = load["p99_ms"]
            rows[f"accepted_{connections}_errors"] = load["errors"]
    finally:
        server.stop()
    return rows


def fill(folder: Path, function: str, count: int, due: float) -> Path:
    """A state folder with so many events that wait."""
    (folder / ".edgegw").mkdir(parents=True)
    file = folder / ".edgegw" / "events.sqlite"
    now = time.time()
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.executescript(event_store.SCHEMA)
        db.execute("BEGIN")
        for number in range(count):
            event = AsyncEvent(
                request_id=f"00000000-0000-4000-8000-{number:012x}",
                function=FunctionRef(function),
                payload=b'{"n": 1, "text": "an event as they usually are"}',
                trace_id="Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
                accepted=now,
            )
            event_store.insert_event(db, event, due)
        db.execute("COMMIT")
    return file


def handled(folder: Path) -> float:
    """Events per second, from the first that is gone to the last."""
    file = fill(folder, "quick", HANDLED, 0.0)
    server = start(folder)
    try:
        with contextlib.closing(sqlite3.connect(file)) as db:
            warm = HANDLED - 2000
            while (left := _left(db)) > warm:
                time.sleep(0.02)
            begun, first = time.perf_counter(), left
            while _left(db):
                time.sleep(0.02)
            return first / (time.perf_counter() - begun)
    finally:
        server.stop()


def _left(db: sqlite3.Connection) -> int:
    return db.execute("SELECT count(*) FROM events").fetchone()[0]


def beside_waiting(folder: Path, waiting: int) -> dict[str, float]:
    fill(folder, "quick", waiting, time.time() + 3600)
    start(folder).stop()  # the first start of a configuration judges it, whatever waits
    server = start(folder)
    try:
        time.sleep(1)
        return {
            "waiting": waiting,
            "waiting_ready_s": server.ready_after,
            "waiting_rss_mb": server.rss_mb(),
        }
    finally:
        server.stop()


def print_async(rows: dict[str, float]) -> None:
    print("\nAsynchronous invocation")
    print(f"{'a plain fsync, one after the other':44}{rows['fsync_s']:>10,.0f} /s")
    for connections, name in ((1, "202, one caller"), (64, "202, 64 callers")):
        rate, p99 = rows[f"accepted_{connections}_s"], rows[f"accepted_{connections}_p99_ms"]
        errors = rows[f"accepted_{connections}_errors"]
        more = f"  !{errors:.0f}" if errors else ""
        print(f"{name:44}{rate:>10,.0f} /s   p99 {p99:.1f} ms{more}")
    print(f"{'handled by a warm Python function':44}{rows['handled_s']:>10,.0f} /s")
    waiting = f"{rows['waiting']:,.0f} waiting"
    ready, rss = rows["waiting_ready_s"], rows["waiting_rss_mb"]
    goals = f"goals {GOALS['waiting_ready_s']:.0f} s, {GOALS['waiting_rss_mb']:.0f} MB"
    print(f"{waiting:44}{ready:>10.2f} s    {rss:.0f} MB   ({goals})")
