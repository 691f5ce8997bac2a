"""What event source mappings cost while nothing comes (`run.py --only sources`).

Twenty embedded queues lead to a function each. A gateway that polled them would wake up all the
time; here the queue wakes the poller. Processor time is that of the whole gateway, as a share of
one processor, beside a gateway without mappings.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from servers import Running, edgegw, environment, free_port

MAPPINGS = 20
SETTLING = 3.0
"""Seconds after the start that do not count."""
GOAL = 0.01
"""Share of a processor that an idle gateway may take."""


def measure_sources(folder: Path, seconds: int = 20) -> dict[str, float]:
    """Shares of a processor: idle with mappings, and idle without."""
    place = folder / "sources"
    place.mkdir()
    (place / "handler.py").write_text("def handler(event, context):\n    return None\n")
    return {
        name: _idle_share(place, name, count, seconds)
        for name, count in (("idle, no mappings", 0), (f"idle, {MAPPINGS} mappings", MAPPINGS))
    }


def _idle_share(place: Path, name: str, mappings: int, seconds: int) -> float:
    port = free_port()
    queues = {f"queue-{number}": {} for number in range(mappings)}
    config = {
        "functions": {"worker": {"runtime": "python3.13", "code": str(place)}},
        "queues": queues,
        "event_sources": [{"source": queue, "function": "worker"} for queue in queues],
        "gateway": {"lambda_api": port, "state": str(place / f"state-{mappings}")},
    }
    file = place / f"{mappings}.json"
    file.write_text(json.dumps(config))
    running = Running(edgegw(file), port, place / f"{mappings}.log", environment(place / "cache"))
    try:
        time.sleep(SETTLING)
        before, began = running.cpu_s(), time.monotonic()
        time.sleep(seconds)
        return (running.cpu_s() - before) / (time.monotonic() - began)
    finally:
        running.stop()


def print_sources(shares: dict[str, float]) -> None:
    print("\nEvent sources, of a processor")
    for name, share in shares.items():
        goal = f"   goal: under {GOAL:.0%}" if "no mappings" not in name else ""
        print(f"  {name:<24}{share:8.3%}{goal}")
