"""One invocation after the other in one environment: time-outs, callers that leave, memory."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from edgegw.awslambda.model import Function, Returned, Runtime
from edgegw.awslambda.names import Account
from edgegw.execution.request_ids import RequestIds
from tests.execution.lambda_service import running

FUNCTIONS = str(Path(__file__).parents[1] / "functions")
PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])


def sleeps(**more: Any) -> Function:
    return Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", **{"timeout": 30.0, **more})


def app(folder: Path, text: str, **more: Any) -> Function:
    (folder / "app.py").write_text(text)
    return Function("app", PYTHON, str(folder), "app.handler", **{"timeout": 5.0, **more})


class TestTimeOuts:
    async def test_each_invocation_has_all_of_its_time(self) -> None:
        """The alarm of the first one rings while the second one runs: it is too early."""
        async with running(sleeps(timeout=4.0)) as lambda_:
            for _ in range(2):
                assert await lambda_.result("sleeps", {"seconds": 2.1})

    async def test_an_invocation_after_others_times_out_all_the_same(self) -> None:
        async with running(sleeps(timeout=3.0)) as lambda_:
            await lambda_.result("sleeps", {"seconds": 0.6})
            error = await lambda_.error("sleeps", {"seconds": 30})
            assert error.error_type == "Sandbox.Timedout"
            assert await lambda_.result("sleeps", {"seconds": 0})


class TestCallersThatLeave:
    async def test_one_that_waits_for_an_environment_is_forgotten(self) -> None:
        account = Account(concurrency=1000)
        async with running(sleeps(), account=account) as lambda_:
            await lambda_.result("sleeps", {"seconds": 0})
            pool = lambda_.service.pools("sleeps")["$LATEST"]
            pool.limit = 1
            busy = asyncio.ensure_future(lambda_.result("sleeps", {"seconds": 0.5}))
            await asyncio.sleep(0)
            leaves = asyncio.ensure_future(lambda_.invoke("sleeps", {"seconds": 9}))
            await asyncio.sleep(0)
            assert pool.in_flight == 2
            leaves.cancel()
            await busy
            assert isinstance(await lambda_.invoke("sleeps", {"seconds": 0}), Returned)
            assert sum(line.startswith("START") for line in lambda_.log("sleeps")) == 3
            assert pool.in_flight == 0

    async def test_the_next_invocation_waits_for_the_abandoned_one(self, tmp_path: Path) -> None:
        text = (
            "import time\ndef handler(event, context):\n    time.sleep(event)\n    print(event)\n"
        )
        async with running(app(tmp_path, text, timeout=3.0)) as lambda_:
            await lambda_.result("app", 0)
            lambda_.service.pools("app")["$LATEST"].limit = 1
            leaves = asyncio.ensure_future(lambda_.invoke("app", 30))
            await lambda_.begun("app", 2)
            leaves.cancel()
            await lambda_.result("app", 0)
            statuses = [line for line in lambda_.log("app") if line.startswith("REPORT")]
            assert [line.endswith("Status: timeout") for line in statuses] == [False, True, False]


async def test_what_was_printed_stands_with_its_invocation(tmp_path: Path) -> None:
    """By whatever way: text streams, the descriptor, a process of its own."""
    text = (
        "import os, subprocess, sys\n"
        "def handler(event, context):\n"
        "    print('stream', event)\n"
        "    print('error', event, file=sys.stderr)\n"
        "    sys.stdout.write(f'part {event}')\n"
        "    sys.stdout.flush()\n"
        "    os.write(1, f' descriptor {event}\\n'.encode())\n"
        "    subprocess.run(['echo', 'process', str(event)], check=True)\n"
    )
    async with running(app(tmp_path, text)) as lambda_:
        for event in range(3):
            outcome = await lambda_.invoke("app", event)
            assert outcome.report.logs == (
                f"stream {event}",
                f"error {event}",
                f"part {event} descriptor {event}",
                f"process {event}",
            )


async def test_memory_is_that_of_the_process_that_runs(tmp_path: Path) -> None:
    """One that was ended for its memory does not count against the next."""
    text = (
        "import time\n"
        "def handler(event, context):\n"
        "    kept = bytearray(b'x') * (event * 1024 * 1024)\n"
        "    time.sleep(0.4)\n"
    )
    async with running(app(tmp_path, text, memory_mb=256)) as lambda_:
        small = await lambda_.invoke("app", 1)
        error = await lambda_.error("app", 400)
        assert error.error_type == "Runtime.OutOfMemory"
        assert error.report.max_memory_used_mb == 256
        again = await lambda_.invoke("app", 1)
        assert isinstance(again, Returned)
        assert again.report.max_memory_used_mb < small.report.max_memory_used_mb + 50


async def test_short_invocations_that_hold_more_and_more_end_as_well(tmp_path: Path) -> None:
    text = (
        "KEPT = []\n"
        "def handler(event, context):\n"
        "    KEPT.append(bytearray(b'x') * (4 * 1024 * 1024))\n"
    )
    async with running(app(tmp_path, text, memory_mb=256)) as lambda_:
        for _ in range(1000):
            outcome = await lambda_.invoke("app")
            if not isinstance(outcome, Returned):
                break
            await asyncio.sleep(0.001)
        assert not isinstance(outcome, Returned)
        assert outcome.error_type == "Runtime.OutOfMemory"


class TestIds:
    def test_request_ids_are_uuids_of_version_4(self) -> None:
        ids = RequestIds()
        made = {ids.request_id() for _ in range(10_000)}
        assert len(made) == 10_000
        pattern = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
        assert all(re.fullmatch(pattern, each) for each in made)

    def test_trace_headers_name_their_second(self) -> None:
        ids = RequestIds()
        seconds = (1.0, 1.5, 2.0, 3e9)
        made = {ids.trace_id(ids.request_id(), each) for each in seconds for _ in range(1000)}
        assert len(made) == 4000
        pattern = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0"
        assert all(re.fullmatch(pattern, each) for each in made)
        assert ids.trace_id(ids.request_id(), 255.0).startswith("Root=1-000000ff-")
