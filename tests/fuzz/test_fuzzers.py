"""Every fuzzer runs for some seconds with the suite; `make fuzz` runs them for longer.

EDGEGW_FUZZ_SECONDS and EDGEGW_FUZZ_SEED choose another time and other inputs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.fuzz.__main__ import FUZZERS, fuzzer
from tests.fuzz.campaign import run

SECONDS = float(os.environ.get("EDGEGW_FUZZ_SECONDS", "4"))
SEED = int(os.environ.get("EDGEGW_FUZZ_SEED", "1"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FUZZERS)
async def test_no_input_breaks_a_promise(name: str, tmp_path: Path, node: str) -> None:
    report = await run(fuzzer(name), seed=SEED, seconds=SECONDS)
    print(report)
    if report.failure is not None:
        file = report.save(tmp_path)
        pytest.fail(f"{report}\n  the input is in {file}", pytrace=False)
    assert report.tried


@pytest.mark.parametrize("name", FUZZERS)
def test_a_seed_makes_the_same_inputs_again(name: str) -> None:
    from tests.fuzz.campaign import case_of

    first = [case_of(fuzzer(name), 7, number) for number in range(20)]
    again = [case_of(fuzzer(name), 7, number) for number in range(20)]
    assert json.dumps(first) == json.dumps(again)
    assert first != [case_of(fuzzer(name), 8, number) for number in range(20)]
