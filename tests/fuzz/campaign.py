"""A run of a fuzzer: inputs until the time is over or a promise is broken, and what it leaves.

A fuzzer opens lanes: places where one input at a time is tried, side by side, on one event loop.
What breaks a promise raises `Flaw`. Then the lanes come to rest, the inputs that were under way are
tried again one by one (a traceback in the log tells nobody whose it is), and the one that fails
again is made shorter.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

Case = dict[str, Any]
"""An input in values that JSON has; bytes are text in Latin-1."""

SHRINKING = 30.0
"""Seconds that an input is made shorter for."""

_T = TypeVar("_T", bound=Sequence[Any])


class Flaw(Exception):
    """A promise is broken; the text says which."""


class Lane(Protocol):
    """Where inputs are tried, one at a time."""

    async def attempt(self, case: Case) -> str:
        """What became of `case`, in a word for the counts. Raises Flaw."""
        ...


class Fuzzer(Protocol):
    """Makes inputs and the lanes that try them."""

    name: str

    def generate(self, dice: random.Random) -> Case:
        """An input, by `dice` alone."""
        ...

    def shorter(self, case: Case) -> Iterator[Case]:
        """Inputs that are simpler than `case`, the boldest first."""
        ...

    def lanes(self) -> AbstractAsyncContextManager[Sequence[Lane]]:
        """Opens what inputs are tried on."""
        ...


@dataclass
class Failure:
    """A broken promise: how to make its input again, and the shortest one that breaks it."""

    number: int
    detail: str
    case: Case
    is_repeatable: bool = True


@dataclass
class Report:
    """What a run tried and what became of it."""

    fuzzer: str
    seed: int
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failure: Failure | None = None

    @property
    def tried(self) -> int:
        return self.outcomes.total()

    def __str__(self) -> str:
        rate = self.tried / self.seconds if self.seconds else 0
        lines = [
            f"{self.fuzzer}: {self.tried:,} inputs in {self.seconds:.0f} s "
            f"({rate:,.0f} a second), seed {self.seed}"
        ]
        lines += [f"  {number:>9,}  {outcome}" for outcome, number in self.outcomes.most_common()]
        if self.failure is not None:
            again = "" if self.failure.is_repeatable else " (did not fail again by itself)"
            lines.append(f"  FAILED with seed {self.seed}, input {self.failure.number}{again}:")
            lines.append(f"  {self.failure.detail}")
            lines.append(json.dumps(self.failure.case, indent=2))
        return "\n".join(lines)

    def save(self, folder: Path) -> Path:
        """Writes the failure to a file that `--replay` takes."""
        assert self.failure is not None
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.fuzzer}-{self.seed}-{self.failure.number}.json"
        content = {"fuzzer": self.fuzzer, "seed": self.seed, "number": self.failure.number}
        content |= {"detail": self.failure.detail, "case": self.failure.case}
        file.write_text(json.dumps(content, indent=2) + "\n")
        return file


def case_of(fuzzer: Fuzzer, seed: int, number: int) -> Case:
    """Input `number` of the run with `seed`."""
    return fuzzer.generate(random.Random(f"{seed}:{number}"))


async def run(fuzzer: Fuzzer, *, seed: int, seconds: float, most: int | None = None) -> Report:
    """Tries inputs for so many seconds, or until one fails."""
    report = Report(fuzzer.name, seed)
    numbers = iter(range(most)) if most is not None else count()
    began = time.monotonic()
    under_way: dict[int, int] = {}
    failed: list[tuple[int, str]] = []

    async def work(position: int, lane: Lane) -> None:
        for number in numbers:
            if failed or time.monotonic() - began >= seconds:
                return
            under_way[position] = number
            try:
                report.outcomes[await lane.attempt(case_of(fuzzer, seed, number))] += 1
            except Flaw as flaw:
                failed.append((number, str(flaw)))
            await asyncio.sleep(0)  # a lane that never waits leaves the others their turn

    async with fuzzer.lanes() as lanes:
        await asyncio.gather(*[work(position, lane) for position, lane in enumerate(lanes)])
        report.seconds = time.monotonic() - began
        if failed:
            number, detail = failed[0]
            suspects = dict.fromkeys([number, *under_way.values()])
            report.failure = await _explained(fuzzer, lanes[0], seed, list(suspects), detail)
    return report


async def _explained(
    fuzzer: Fuzzer, lane: Lane, seed: int, suspects: list[int], detail: str
) -> Failure:
    """Which of `suspects` fails by itself, made as short as it can be."""
    for number in suspects:
        case = case_of(fuzzer, seed, number)
        again = await _flaw(lane, case)
        if again is not None:
            case, again = await _shortest(fuzzer, lane, case, again)
            return Failure(number, again, case)
    return Failure(suspects[0], detail, case_of(fuzzer, seed, suspects[0]), is_repeatable=False)


async def _shortest(fuzzer: Fuzzer, lane: Lane, case: Case, detail: str) -> tuple[Case, str]:
    until = time.monotonic() + SHRINKING
    while True:
        for candidate in fuzzer.shorter(case):
            if time.monotonic() > until:
                return case, detail
            flaw = await _flaw(lane, candidate)
            if flaw is not None:
                case, detail = candidate, flaw
                break
        else:
            return case, detail


async def _flaw(lane: Lane, case: Case) -> str | None:
    try:
        await lane.attempt(case)
    except Flaw as flaw:
        return str(flaw)
    return None


async def replay(fuzzer: Fuzzer, case: Case) -> str:
    """Tries one input. Raises Flaw."""
    async with fuzzer.lanes() as lanes:
        return await lanes[0].attempt(case)


def without_parts(whole: _T) -> Iterator[_T]:
    """`whole` without a part of it: halves first, single items last."""
    size = len(whole)
    step = size
    while step > 1:
        step = (step + 1) // 2
        for at in range(0, size, step):
            yield whole[:at] + whole[at + step :]  # type: ignore[operator]
    if size == 1:
        yield whole[:0]  # type: ignore[misc]
