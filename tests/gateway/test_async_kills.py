"""Events of a real gateway process that is killed again and again, or whose disk is full."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FUNCTIONS, PYTHON, free_port

EVENTS = 500
KILLS = 10
RETRIES = 1


class Site:
    """A gateway of `folder` as a process of its own, on a port that stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.file = folder / "edgegw.yaml"
        self.log = folder / "calls.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.file.write_text(json.dumps(self._config()))

    def _config(self) -> dict[str, Any]:
        return {
            "functions": {
                "f": {
                    "runtime": PYTHON,
                    "code": str(FUNCTIONS),
                    "handler": "async_handlers.notes",
                    "timeout": 30,
                    "environment": {"LOG": str(self.log)},
                    "event_invoke": {
                        "maximum_retry_attempts": RETRIES,
                        "on_success": "file:done.jsonl",
                        "on_failure": "file:failed.jsonl",
                        "dead_letter": "file:dead.jsonl",
                    },
                }
            },
            "gateway": {"lambda_api": self.port, "time_scale": 60, "inspector": None},
        }

    def start(self) -> None:
        command = [sys.executable, "-m", "edgegw", "serve", str(self.file), "--no-reload"]
        output = (self.folder / "serve.log").open("ab")
        self.process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True
        )
        output.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "serve.log").read_text()
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.connect()
                connection.close()
                return
            time.sleep(0.02)
        pytest.fail((self.folder / "serve.log").read_text())

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def send(self, event: dict[str, Any]) -> tuple[int, str]:
        """Status and request id. Raises OSError, HTTPException when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"X-Amz-Invocation-Type": "Event", "Content-Type": "application/json"}
            path = "/2015-03-31/functions/f/invocations"
            connection.request("POST", path, json.dumps(event).encode(), headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("x-amzn-RequestId", "")
        finally:
            connection.close()

    def calls(self) -> Counter[str]:
        """How often the function was called, by request id."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return Counter(line.split()[1] for line in lines)

    def records(self, name: str) -> list[Any]:
        file = self.folder / name
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def left(self) -> int:
        """Events and messages that are still under way."""
        with contextlib.closing(sqlite3.connect(self.folder / ".edgegw" / "events.sqlite")) as db:
            events = db.execute("SELECT count(*) FROM events").fetchone()[0]
            messages = db.execute("SELECT count(*) FROM deliveries").fetchone()[0]
        return events + messages

    def until(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, (self.folder / "serve.log").read_text()[-3000:]
            time.sleep(0.005)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.kill()


class Senders:
    """Threads that send all events, each until it was answered; `accepted` has ids by number."""

    def __init__(self, site: Site, count: int) -> None:
        self.site = site
        self.accepted: dict[int, str] = {}
        self._left = iter(range(count))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                number = next(self._left, None)
            if number is None:
                return
            self._send(number)
            time.sleep(0.01)

    def _send(self, number: int) -> None:
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, request_id = self.site.send({"n": number, "fails": number % 5 == 0})
                if status == 202:
                    self.accepted[number] = request_id
                    return
            time.sleep(0.05)

    @property
    def are_done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)


@pytest.mark.timeout(240)
def test_no_event_is_lost_however_often_the_gateway_is_killed(site: Site) -> None:
    """Every one is handled at least once, and its end is recorded once, as it was counted."""
    site.start()
    senders, dice = Senders(site, EVENTS), random.Random()
    for life in range(KILLS):  # each one accepts its share, and is killed in the middle of it
        share = (life + dice.random()) * EVENTS / KILLS
        site.until(lambda share=share: len(senders.accepted) > share)
        time.sleep(dice.uniform(0, 0.1))
        site.kill()
        site.start()
    site.until(lambda: senders.are_done)
    site.until(lambda: site.left() == 0)
    site.stop()

    calls = site.calls()
    assert set(senders.accepted.values()) <= set(calls)
    done, failed = site.records("done.jsonl"), site.records("failed.jsonl")
    ends = Counter(record["requestContext"]["requestId"] for record in [*done, *failed])
    assert set(ends.values()) == {1}, "an end was recorded twice"
    assert set(senders.accepted.values()) <= set(ends)
    for record in failed:
        context = record["requestContext"]
        assert record["requestPayload"]["fails"]
        assert context["condition"] == "RetriesExhausted"
        assert context["approximateInvokeCount"] == RETRIES + 1
        assert calls[context["requestId"]] >= RETRIES + 1
    for record in done:
        assert not record["requestPayload"]["fails"]
    dead = Counter(letter["attributes"]["RequestID"] for letter in site.records("dead.jsonl"))
    assert dead == Counter(record["requestContext"]["requestId"] for record in failed)


@pytest.mark.timeout(120)
def test_what_no_disk_can_take_is_not_accepted(site: Site) -> None:
    """5xx, never 202; what was accepted before is handled, and goes on once there is room."""
    site.start()
    status, first = site.send({"n": -1})
    assert status == 202
    site.until(lambda: site.calls()[first] == 1)
    assert site.process is not None
    full = (100 * 1024, resource.RLIM_INFINITY)  # no file may be larger: the disk says no
    resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE, full)
    accepted, refused = [], 0
    for number in range(40):
        status, request_id = site.send({"n": number, "filling": "x" * 20_000})
        assert status in (202, 500)
        if status == 202:
            accepted.append(request_id)
        else:
            refused += 1
    assert refused > 10
    without = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE, without)
    status, last = site.send({"n": 99})
    assert status == 202
    site.until(lambda: site.left() == 0)
    site.kill()
    assert set(site.calls()) == {first, *accepted, last}
    assert os.path.exists(site.folder / "done.jsonl")
    recorded = Counter(
        record["requestContext"]["requestId"] for record in site.records("done.jsonl")
    )
    assert recorded == Counter([first, *accepted, last])
