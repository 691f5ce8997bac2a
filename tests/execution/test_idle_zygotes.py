"""Zygotes go from one gateway of a process to the next, with nothing left of what came from them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edgegw.awslambda.model import Function
from edgegw.awslambda.versions import single
from edgegw.execution.idle_zygotes import end_idle_zygotes
from edgegw.execution.service import LambdaService
from tests.execution.lambda_service import Running, running
from tests.execution.test_faults import (
    FUNCTIONS,
    PYTHON,
    gone,
    is_running,
    processes_below,
    python,
    zygote_of,
)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="processes are read from /proc"
)
SLEEPS = Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", 20.0)


@pytest.fixture(autouse=True)
def none_idle() -> Iterator[None]:
    end_idle_zygotes()
    yield
    end_idle_zygotes()


async def zygote() -> int:
    """The zygote of a service that lives for one invocation."""
    async with running(SLEEPS) as lambda_:
        return zygote_of((await lambda_.result("sleeps", {"seconds": 0}))["pid"])


async def test_the_next_service_has_the_zygote_of_the_last() -> None:
    assert await zygote() == await zygote()


def test_on_other_event_loops_and_in_other_threads() -> None:
    seen: list[int] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: seen.append(asyncio.run(zygote())))
        thread.start()
        thread.join()
    seen.append(asyncio.run(zygote()))
    assert len(set(seen)) == 1


async def test_a_zygote_belongs_to_one_service_at_a_time() -> None:
    async with running(SLEEPS) as first:
        one = zygote_of((await first.result("sleeps", {"seconds": 0}))["pid"])
        assert await zygote() != one
        await first.result("sleeps", {"seconds": 0})


@pytest.mark.parametrize("handler", ["leaves_child", "leaves_daemon", "leaves_daemon_and_dies"])
async def test_what_a_function_left_behind_ends_with_its_service(
    tmp_path: Path, handler: str
) -> None:
    record = tmp_path / "record"
    function = replace(python(handler), environment=(("RECORD", str(record)),))
    async with running(function, SLEEPS) as lambda_:
        kept = zygote_of((await lambda_.result("sleeps", {"seconds": 0}))["pid"])
        await lambda_.invoke(handler)
        pids = [int(line) for line in record.read_text().split()]
    assert await gone(pids)
    assert is_running(kept)
    assert await zygote() == kept


async def test_what_still_runs_when_the_service_ends_is_ended() -> None:
    async with running(SLEEPS) as lambda_:
        pid = (await lambda_.result("sleeps", {"seconds": 0}))["pid"]
        busy = asyncio.ensure_future(lambda_.result("sleeps", {"seconds": 60}))
        await asyncio.sleep(0.1)
    assert await gone([pid])
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)


async def test_one_that_was_killed_meanwhile_is_not_taken() -> None:
    killed = await zygote()
    os.kill(killed, signal.SIGKILL)
    assert await gone([killed])
    assert await zygote() != killed


async def test_a_search_path_of_libraries_has_a_zygote_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = await zygote()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{os.environ.get('LD_LIBRARY_PATH', '')}:{tmp_path}")
    assert await zygote() != first


@asynccontextmanager
async def lazily(*functions: Function) -> AsyncIterator[Running]:
    service = LambdaService({each.name: single(each) for each in functions})
    try:
        await service.start(ahead=False)
        yield Running(service)
    finally:
        await service.close()


async def test_the_first_invocation_that_needs_one_starts_it() -> None:
    before = processes_below()
    async with lazily(SLEEPS) as lambda_:
        await asyncio.sleep(0.1)
        assert processes_below() <= before
        await lambda_.result("sleeps", {"seconds": 0})
        assert processes_below() - before


PROGRAM = """
import asyncio, json, os
from tests.execution.test_idle_zygotes import zygote
seen = asyncio.run(zygote())
if os.fork() == 0:
    print(json.dumps(asyncio.run(zygote())), flush=True)
    os._exit(0)
os.wait()
print(json.dumps(seen), flush=True)
print(json.dumps(asyncio.run(zygote())), flush=True)
"""


async def test_a_forked_process_has_its_own_and_all_end_with_the_program() -> None:
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    forked, first, second = map(json.loads, ran.stdout.split())
    assert forked != first == second
    assert await gone([forked, first])
