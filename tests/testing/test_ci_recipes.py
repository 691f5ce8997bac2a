"""The recipes of docs/ci.md, run on the example project as a machine for them would.

What installs something is left out: it is there already. Both recipes run the same commands, so
they run once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLE = Path(__file__).parent / "example_project"
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text()
GITHUB, GITLAB = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S))
INSTALLING = ("pip ", "npx ")


def steps() -> list[Mapping[str, Any]]:
    (job,) = GITHUB["jobs"].values()
    return [step for step in job["steps"] if "run" in step]


def test_both_recipes_run_the_same() -> None:
    (job,) = GITLAB.values()
    assert job["script"] == [step["run"] for step in steps()]
    (variables,) = [step["env"] for step in steps() if "env" in step]
    assert job["variables"] == variables


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, node: str) -> tuple[Path, str]:
    """The folder in which the commands ran, and what they said."""
    folder = tmp_path_factory.mktemp("ci")
    project = shutil.copytree(EXAMPLE, folder / "project")
    (settings,) = re.findall(r"```ini\n(.*?)```", PAGE, re.S)
    # What is installed is left out by itself, a checkout is not.
    (project / ".coveragerc").write_text(f"{settings}omit = {ROOT}/edgegw/*\n")
    programs = folder / "bin"
    programs.mkdir()
    for name in ("coverage", "edgegw"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m {name} "$@"\n')
        program.chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    said = ""
    for step in steps():
        if step["run"].startswith(INSTALLING):
            continue
        ran = subprocess.run(
            step["run"],
            shell=True,
            cwd=project,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **step.get("env", {})},
            capture_output=True,
            text=True,
            check=False,
        )
        said += ran.stdout
        assert ran.returncode == 0, f"{step['run']}\n{ran.stdout}{ran.stderr}"
    return project, said


def test_the_tests_of_the_example_project_pass_with_a_junit_file(done: tuple[Path, str]) -> None:
    folder, _ = done
    (suite,) = ElementTree.parse(folder / "junit.xml").getroot()
    assert int(suite.attrib["tests"]) >= 25
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")


def test_functions_in_their_processes_are_covered(done: tuple[Path, str]) -> None:
    folder, said = done
    for name in ("gate", "variant", "headers"):
        assert re.search(rf"functions/{name}\.py +\d+ +0 +100%", said), said
    reports = [json.loads(file.read_text()) for file in (folder / "coverage-js").glob("*.json")]
    urls = {script["url"] for report in reports for script in report["result"]}
    assert (folder / "functions" / "hello.js").as_uri() in urls
