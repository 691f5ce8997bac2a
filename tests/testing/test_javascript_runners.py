"""The example of docs/testing.md in Vitest and in Jest, as a project in Node.js would have it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import IN_CI, need, one_at_a_time

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".third_party" / "npm-runners"
RUNNERS = ("vitest@3", "jest@29")
HANDLER = """\
export const handler = async (event) => {
  const { response } = event.Records[0].cf;
  response.headers['x-frame-options'] = [{ key: 'X-Frame-Options', value: 'DENY' }];
  return response;
};
"""


@pytest.fixture(scope="module")
def runners() -> Path:
    """The `node_modules` with both; installed once."""
    need("node", "tests in JavaScript do not run")
    npm = need("npm", "tests in JavaScript do not run")
    with one_at_a_time("npm runners"):
        if not (INSTALLED / "complete").exists():
            INSTALLED.mkdir(parents=True, exist_ok=True)
            install = [npm, "install", "--silent", "--no-audit", "--no-fund", *RUNNERS]
            done = subprocess.run(
                install, cwd=INSTALLED, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode:
                reason = f"npm could not install: {done.stderr.strip()[-300:]}"
                (pytest.fail if IN_CI else pytest.skip)(reason)
            (INSTALLED / "complete").touch()
    return INSTALLED / "node_modules"


@pytest.fixture
def project(runners: Path, tmp_path: Path) -> Path:
    """What the page says, saved under the names that its blocks begin with."""
    page = (ROOT / "docs" / "testing.md").read_text()
    for block in re.findall(r"```javascript\n(.*?)```", page, re.S):
        name = re.match(r"// (\S+)\n", block)
        assert name is not None
        (tmp_path / name[1]).write_text(block)
    (tmp_path / "handler.mjs").write_text(HANDLER)
    (package,) = re.findall(r"```json\n(.*?)```", page, re.S)
    (tmp_path / "package.json").write_text(package)
    (tmp_path / "node_modules").symlink_to(runners)
    command = tmp_path / "bin" / "edgegw"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m edgegw "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(project: Path, script: str) -> str:
    """What `npm run SCRIPT` says, that of a failure too."""
    path = os.pathsep.join([str(project / "bin"), os.environ["PATH"]])
    npm = shutil.which("npm")
    assert npm is not None
    done = subprocess.run(
        [npm, "run", script],
        cwd=project,
        env={**os.environ, "PATH": path, "CI": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def test_the_example_runs_in_vitest_and_tells_a_refusal(project: Path) -> None:
    assert json.loads((project / "package.json").read_text())["scripts"].keys() == {
        "vitest",
        "jest",
    }
    said = run(project, "vitest")
    assert said.startswith("0\n"), said
    assert "1 passed" in said
    refused = HANDLER.replace("x-frame-options'] ", "x-cache'] ")
    (project / "handler.mjs").write_text(refused.replace("X-Frame-Options", "X-Cache"))
    text = (project / "handler.test.mjs").read_text()
    lines = [line for line in text.splitlines() if "x-frame-options" not in line]
    (project / "handler.test.mjs").write_text("\n".join(lines))
    said = run(project, "vitest")
    assert not said.startswith("0\n")
    assert "lambda-edge." in said


def test_the_example_runs_in_jest(project: Path) -> None:
    file = project / "handler.test.mjs"
    text = file.read_text().replace("from 'vitest'; // with Jest: ", "from ")
    assert "from '@jest/globals'" in text
    file.write_text(text)
    said = run(project, "jest")
    assert said.startswith("0\n"), said
