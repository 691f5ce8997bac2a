"""Commands that only look at a project run none of its code.

As the command `edgegw` does, and not `python -m`, Python does not look into the current folder here.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PYTHON


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A project whose code would leave a file behind, wherever Python finds it first."""
    trap = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
    for name in ("hook", "sitecustomize", "yaml", "pydantic", "trustme"):
        (tmp_path / f"{name}.py").write_text(f"{trap}def handler(event, context): return event\n")
    (tmp_path / "edgegw.yaml").write_text(
        "functions:\n"
        f"  hook: {{runtime: {PYTHON}, code: ., handler: hook.handler}}\n"
        "distributions:\n"
        "  site:\n"
        "    listen: {port: 0, tls: true}\n"
        '    origins: {app: {url: "http://127.0.0.1:9"}}\n'
        "    default_behavior: {origin: app, lambda_functions: {viewer-request: hook}}\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "command", [["check"], ["check", "--deploy"], ["trust"], ["functions"], ["logs", "hook"]]
)
def test_nothing_of_the_project_runs(clone: Path, command: list[str]) -> None:
    words = [sys.executable, "-P", "-m", "edgegw", *command]
    answered = subprocess.run(words, capture_output=True, text=True, cwd=clone, check=False)
    assert "Traceback" not in answered.stderr
    assert sorted(path.name for path in clone.glob("*.ran")) == []
