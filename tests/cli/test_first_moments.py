"""Requests in the first moments of `serve`: what is kept from before it was whole holds nothing up.

Ten invocations wait for each other in the handler. They can only end when ten environments run at
once, so that the number of environments is what is looked at, never a time.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import EDGEGW
from tests.conftest import PYTHON, free_port

TOGETHER = 10
HANDLER = f"""
import os, pathlib, time

HERE = pathlib.Path(os.environ["MEETING"])

def handler(event, context):
    if not event["path"].startswith("/meet"):
        return {{"statusCode": 200, "body": ""}}
    (HERE / context.aws_request_id).touch()
    until = time.monotonic() + 60
    while time.monotonic() < until and len(os.listdir(HERE)) < {TOGETHER}:
        time.sleep(0.02)
    return {{"statusCode": 200, "body": str(os.getpid())}}
"""


def project(folder: Path, function: dict[str, Any], group: dict[str, Any]) -> int:
    """A load balancer in front of a function where ten meet; its port."""
    port = free_port()
    (folder / "meeting").mkdir()
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(HANDLER)
    described = {
        "functions": {
            "meet": {
                "runtime": PYTHON,
                "code": "code",
                "handler": "app.handler",
                "timeout": 90,
                "environment": {"MEETING": str(folder / "meeting")},
                **function,
            }
        },
        "target_groups": {"meet": {"target_type": "lambda", "function": "meet", **group}},
        "load_balancers": {
            "web": {"listeners": [{"listen": port, "default_actions": [{"forward": "meet"}]}]}
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(described))
    return port


@contextlib.contextmanager
def serving_from_now(folder: Path, port: int) -> Iterator[None]:
    """`serve`, from the moment in which its port takes a connection."""
    process = subprocess.Popen(
        [*EDGEGW, "serve"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert time.monotonic() < until, "it does not serve"
            time.sleep(0.002)
        yield
    finally:
        process.terminate()
        process.wait(60)


def environments_that_met(port: int) -> set[str]:
    """Ten requests at once; the process ids that answered them."""
    answers: list[str] = []

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/meet", timeout=100) as response:
            answers.append(response.read().decode())

    threads = [threading.Thread(target=ask) for _ in range(TOGETHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == TOGETHER
    return set(answers)


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize(
    ("function", "group"),
    [
        pytest.param({}, {}, id="plain"),
        pytest.param(
            {
                "versions": {"1": {}},
                "aliases": {"live": {"version": "1"}},
                "provisioned_concurrency": 1,
            },
            {"function": "meet:live"},
            id="provisioned concurrency",
        ),
        pytest.param({}, {"health_check": {"enabled": True}}, id="health checks"),
    ],
)
def test_ten_at_once_run_in_ten_environments(
    tmp_path: Path, function: dict[str, Any], group: dict[str, Any], attempt: int
) -> None:
    port = project(tmp_path, function, group)
    with serving_from_now(tmp_path, port):
        assert len(environments_that_met(port)) == TOGETHER


def test_a_configuration_without_a_front_door_says_so(tmp_path: Path) -> None:
    (tmp_path / "edgegw.yaml").write_text("gateway: {strict: true}\n")
    process = subprocess.Popen(
        [*EDGEGW, "serve"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    process.terminate()
    process.communicate(timeout=60)
    assert line.startswith("edgegw: nothing is served: the configuration has no distribution")
