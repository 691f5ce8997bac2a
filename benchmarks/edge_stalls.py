"""How long hostile CloudFront Functions hold up the event loop: at most 10 ms, on a quiet machine.

    python benchmarks/edge_stalls.py [--times 20]

Each function of the tests' tables runs some times as requests run it: on the loop where that is
tried, in its thread else. Those with one long step are quick until they come to the loop, and long
there. Meanwhile the loop is to wake up every millisecond. Told is how late it does at worst, and how
much processor time the loop's thread took at most between two looks, which does not depend on what
else the machine does. Ends with 1 where the loop was more than ALLOWED ms late, which a busy machine
does by itself: the first line and the last say how late it is with nothing to do.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgegw.execution.edge_js import EdgeEngine
from tests.execution.test_edge_engine import HOSTILE, call, function
from tests.execution.test_edge_long_steps import SELF_MADE
from tests.execution.test_edge_long_steps import call as call_of

ALLOWED: Final = 10.0
TICK: Final = 0.001


class LoopWatch:
    """Wakes up every millisecond; keeps how late it was at worst, and how busy its thread (ms)."""

    def __init__(self) -> None:
        self.worst = 0.0
        self.busiest = 0.0
        self._due = 0.0
        self._busy = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._due = time.perf_counter() + TICK
        self._busy = time.thread_time()
        self._handle = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self.worst = max(self.worst, (time.perf_counter() - self._due) * 1000)
        self.busiest = max(self.busiest, (time.thread_time() - self._busy) * 1000)
        self.start()

    def stop(self) -> None:
        assert self._handle is not None
        self._handle.cancel()


async def watched(name: str, times: int) -> LoopWatch:
    """What the loop was like while the function `name` ran `times` times."""
    bad, good = function(HOSTILE[name]), function("return 1")
    engine, watch = EdgeEngine({"f": bad}, {}), LoopWatch()
    watch.start()
    for _ in range(times):
        for one in (bad, good):
            if engine.run_now(one, call()) is None:
                await engine.run(one, call())
            await asyncio.sleep(0)
    watch.stop()
    engine.close()
    return watch


async def watched_suddenly(name: str, times: int) -> LoopWatch:
    """What the loop was like while `name` came to it as it was quick, and then was not."""
    code, _ = SELF_MADE[name]
    quick = "if (event.request.uri === '/') return 1; "
    if "handler()" in code:
        code = code.replace("handler() {", f"handler(event) {{ {quick}")
    else:
        code = quick + code
    sudden = function(code)
    engine, watch = EdgeEngine({"f": sudden}, {}), LoopWatch()
    watch.start()
    for _ in range(times):
        while engine.run_now(sudden, call_of("/")) is None:
            await engine.run(sudden, call_of("/"))
        await asyncio.sleep(0)
        if engine.run_now(sudden, call_of("/long")) is None:
            await engine.run(sudden, call_of("/long"))
        await asyncio.sleep(0)
    watch.stop()
    engine.close()
    return watch


async def idle(seconds: float) -> LoopWatch:
    watch = LoopWatch()
    watch.start()
    await asyncio.sleep(seconds)
    watch.stop()
    return watch


def _show(watch: LoopWatch, name: str) -> LoopWatch:
    print(f"{watch.worst:6.2f}  {watch.busiest:6.2f}  {name}", flush=True)
    return watch


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    print("  late    busy  (ms)")
    _show(asyncio.run(idle(1.0)), "nothing runs")
    watches = [_show(asyncio.run(watched(name, times)), name) for name in HOSTILE]
    watches += [_show(asyncio.run(watched_suddenly(name, times)), name) for name in SELF_MADE]
    _show(asyncio.run(idle(1.0)), "nothing runs")
    worst = max(watch.worst for watch in watches)
    print(f"{worst:.2f} ms late at worst, {ALLOWED:.0f} allowed")
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
