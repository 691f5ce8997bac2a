"""What a run leaves behind: counts, and of a failure the shortest input and how to try it again."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fuzz.campaign import Case, Flaw, replay, run, without_parts


class Letters:
    """Texts, of which those with a `z` break a promise."""

    name = "letters"

    def generate(self, dice: random.Random) -> Case:
        return {"text": "".join(dice.choice("abcxyz") for _ in range(20))}

    def shorter(self, case: Case) -> Iterator[Case]:
        for text in without_parts(case["text"]):
            yield {"text": text}

    @asynccontextmanager
    async def lanes(self) -> AsyncIterator[list[Letters]]:
        yield [self, self]

    async def attempt(self, case: Case) -> str:
        if "z" in case["text"]:
            raise Flaw("there is a z")
        return "fine"


async def test_a_failure_has_its_number_and_the_shortest_input() -> None:
    report = await run(Letters(), seed=3, seconds=60)
    assert report.failure is not None
    assert report.failure.case == {"text": "z"}
    assert report.failure.is_repeatable
    assert "seed 3" in str(report)
    assert "there is a z" in str(report)


async def test_a_failure_is_kept_in_a_file_and_fails_again(tmp_path: Path) -> None:
    report = await run(Letters(), seed=3, seconds=60)
    kept = json.loads(report.save(tmp_path / "new").read_text())
    assert kept["seed"] == 3
    with pytest.raises(Flaw, match="there is a z"):
        await replay(Letters(), kept["case"])


async def test_what_holds_is_counted() -> None:
    class Fine(Letters):
        async def attempt(self, case: Case) -> str:
            return "one" if case["text"] < "c" else "other"

    report = await run(Fine(), seed=3, seconds=60, most=50)
    assert report.failure is None
    assert report.tried == 50
    assert set(report.outcomes) == {"one", "other"}


def test_parts_are_left_out_from_the_largest_to_single_ones() -> None:
    shorter = list(without_parts("abcd"))
    assert shorter[:2] == ["cd", "ab"]
    assert shorter[-4:] == ["bcd", "acd", "abd", "abc"]
