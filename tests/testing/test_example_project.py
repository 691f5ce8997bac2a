"""The example project: its tests pass, as whoever has pytest and edgegw alone would run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent / "example_project"
ROOT = Path(__file__).parents[2]


def test_the_tests_of_the_example_project_pass(tmp_path: Path) -> None:
    project = shutil.copytree(HERE, tmp_path / "project")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed in", ran.stdout)
    assert passed is not None, ran.stdout
    assert int(passed[1]) >= 25
    assert ran.returncode == 0
