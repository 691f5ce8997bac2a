"""While there is work Python looks for no cycles; what they can take of memory is bounded."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edgegw.cli.announcing import let_the_loop_in_soon
from edgegw.cli.collecting import (
    BUSY_TICK,
    CAUTION,
    ENOUGH,
    GROWTH,
    IDLE_TICK,
    LONGEST,
    MUCH,
    QUIET,
    Collecting,
)


class Machine:
    """A process whose time and memory a test moves; it notes what becomes of its garbage."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now: float = 0.0
        self.used: float = 0.0
        self.memory = 100_000_000
        self.accounted = 0
        self.garbage = 0
        self.deeds: list[str] = []
        monkeypatch.setattr(gc, "freeze", lambda: self.deeds.append("freeze"))
        monkeypatch.setattr(gc, "unfreeze", lambda: self.deeds.append("unfreeze"))
        monkeypatch.setattr(gc, "collect", self._collect)
        self.collecting = Collecting(
            lambda: self.accounted, lambda: self.memory, lambda: self.now, lambda: self.used
        )

    def _collect(self) -> int:
        self.deeds.append("collect")
        return self.garbage

    def passes(self, seconds: float, share: float = 0.0) -> list[str]:
        """What is done in so many seconds, in which so much of a processor is used."""
        self.deeds.clear()
        end = self.now + seconds
        while self.now < end:
            wait = self.collecting.tick()
            self.now += wait
            self.used += wait * share
        return list(self.deeds)


LOOK = ["unfreeze", "collect", "freeze"]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    yield Machine(monkeypatch)
    monkeypatch.undo()


def test_nothing_is_done_while_nothing_happens(machine: Machine) -> None:
    assert machine.passes(1000, share=0.001) == []
    assert machine.collecting.tick() == IDLE_TICK


def test_work_is_not_looked_at(machine: Machine) -> None:
    assert set(machine.passes(LONGEST / 2, share=0.9)) == {"freeze"}
    assert machine.collecting.tick() == BUSY_TICK


def test_a_pause_behind_enough_work_is_used(machine: Machine) -> None:
    machine.passes(2 * ENOUGH, share=0.9)
    assert machine.passes(QUIET + 3)[-3:] == LOOK
    assert machine.passes(100) == []


def test_a_pause_behind_a_page_load_is_not(machine: Machine) -> None:
    machine.passes(ENOUGH / 2, share=0.9)
    assert "collect" not in machine.passes(100)


def test_work_without_end_is_looked_at_now_and_then(machine: Machine) -> None:
    deeds = machine.passes(3.5 * LONGEST, share=0.9)
    assert deeds.count("collect") == 3


def test_memory_that_grows_is_looked_at_at_once(machine: Machine) -> None:
    machine.passes(1, share=0.9)
    machine.memory += GROWTH
    assert "collect" not in machine.passes(1, share=0.9)
    machine.memory += 1
    assert machine.passes(0.1, share=0.9) == LOOK
    assert "collect" not in machine.passes(1, share=0.9)  # it counts from there


def test_what_the_cache_takes_is_no_reason_to_look(machine: Machine) -> None:
    machine.passes(1, share=0.9)
    machine.memory, machine.accounted = machine.memory + 3 * GROWTH, 3 * GROWTH
    assert "collect" not in machine.passes(1, share=0.9)


def test_where_there_is_much_garbage_python_looks_for_itself(machine: Machine) -> None:
    machine.passes(1, share=0.9)
    machine.memory, machine.garbage = machine.memory + 2 * GROWTH, MUCH + 1
    assert machine.passes(0.1, share=0.9) == LOOK
    assert machine.passes(CAUTION - 2, share=0.9) == []
    machine.garbage = 0
    assert "freeze" in machine.passes(10, share=0.9)


_CYCLES = """
import asyncio, gc, resource, sys
from edgegw.cli.collecting import Collecting

class Failed:
    def __init__(self):
        self.itself, self.body = self, bytearray(300_000)

async def main():
    gc.set_threshold(20_000, 20, 50)
    Collecting().start()
    for _ in range(2_000):  # 600 MB
        Failed()
        await asyncio.sleep(0.002)

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
asyncio.run(main())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nobody says there how much memory it is")
def test_garbage_in_cycles_does_not_fill_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CYCLES], capture_output=True, text=True, check=True, timeout=60
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 300_000_000


def test_threads_that_compute_let_the_event_loop_in_soon() -> None:
    before = sys.getswitchinterval()
    try:
        let_the_loop_in_soon()
        assert sys.getswitchinterval() < before
    finally:
        sys.setswitchinterval(before)
