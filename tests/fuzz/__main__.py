"""Runs a fuzzer: `python -m tests.fuzz requests --seconds 60 --seed 7`."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import secrets
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from tests.fuzz.campaign import Flaw, Fuzzer, replay, run

_T = TypeVar("_T")
FUZZERS = {
    "requests": "tests.fuzz.requests:Requests",
    "configurations": "tests.fuzz.configurations:Configurations",
    "results": "tests.fuzz.results:Results",
    "answers": "tests.fuzz.answers:Answers",
}


def fuzzer(name: str) -> Fuzzer:
    """The fuzzer of that name."""
    module, _, kind = FUZZERS[name].partition(":")
    return getattr(importlib.import_module(module), kind)()


def on_loop(running: Coroutine[Any, Any, _T]) -> _T:
    """Runs on the event loop that `edgegw serve` runs on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(running)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("fuzzer", choices=[*FUZZERS, "all"], nargs="?", default="all")
    parser.add_argument("--seconds", type=float, default=60, help="for each fuzzer")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--folder", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--replay", type=Path, help="tries the input in a file of a failure")
    given = parser.parse_args()
    if given.replay is not None:
        sys.exit(_replay(given.replay))
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    names = list(FUZZERS) if given.fuzzer == "all" else [given.fuzzer]
    failures = 0
    for name in names:
        report = on_loop(run(fuzzer(name), seed=seed, seconds=given.seconds))
        print(report, flush=True)
        if report.failure is not None:
            failures += 1
            print(
                f"  replay: python -m tests.fuzz --replay {report.save(given.folder)}", flush=True
            )
    sys.exit(1 if failures else 0)


def _replay(file: Path) -> int:
    kept = json.loads(file.read_text())
    try:
        outcome = on_loop(replay(fuzzer(kept["fuzzer"]), kept["case"]))
    except Flaw as flaw:
        print(f"FAILED: {flaw}")
        return 1
    print(f"passed: {outcome}")
    return 0


if __name__ == "__main__":
    main()
