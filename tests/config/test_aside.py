"""A configuration judged in a process beside: the same outcome, and nothing of what it took.

Nothing forks beside the threads that tests have: each case runs in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ONE = "os.cpu_count, os.sched_getaffinity = lambda: 1, lambda _: {0}"
TWO = "os.cpu_count, os.sched_getaffinity = lambda: 2, lambda _: {0, 1}"

CODE = """
import os, sys, threading
from pathlib import Path
from edgegw.config.aside import load_aside
from edgegw.errors import ConfigError

us = os.getpid()

def load():
    {first}
    from edgegw.config.resolve import load_file
    return load_file(Path({file!r}))

def meanwhile():
    print("meanwhile")

{setting}
try:
    config = load_aside(load, meanwhile)
except ConfigError as error:
    print(*error.findings, sep="\\n")
else:
    print("imported pydantic" if "pydantic" in sys.modules else "without pydantic")
    print("equal" if load() == config else "another")
"""


def lines(file: Path, *, first: str = "pass", setting: str = "pass") -> list[str]:
    """What a process prints that loads `file` aside; `first` stands on top of its loading."""
    code = CODE.format(file=str(file), first=first, setting=setting)
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not out.stderr
    return out.stdout.splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    listener = {"listen": 0, "default_actions": [{"fixed_response": {"status_code": 200}}]}
    config = {"load_balancers": {"web": {"listeners": [listener]}}}
    path = tmp_path / "edgegw.yaml"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_the_outcome_is_equal_and_pydantic_stays_outside(file: Path) -> None:
    assert lines(file, setting=TWO) == [
        "meanwhile",
        "without pydantic",
        "equal",
    ]


def test_findings_are_told_with_their_places(file: Path) -> None:
    file.write_text("functions:\n  hook: {runtime: python3.13, cod: x}\n")
    told = lines(file)[-2:]
    assert told == lines(file, setting=ONE)[-2:]
    assert f"{file}:2:31: error: config.unknown-key" in told[1]


@pytest.mark.parametrize(
    ("first", "setting"),
    [
        pytest.param("os.getpid() == us or os._exit(3)", "pass", id="the child ends"),
        pytest.param("os.getpid() == us or 1 / 0", "pass", id="the child fails"),
        pytest.param("pass", ONE, id="one processor"),
        pytest.param("pass", "del os.fork", id="no fork"),
        pytest.param(
            "pass",
            "threading.Thread(target=threading.Event().wait, daemon=True).start()",
            id="other threads",
        ),
    ],
)
def test_where_it_does_not_work_it_is_judged_here(file: Path, first: str, setting: str) -> None:
    assert lines(file, first=first, setting=setting)[-2:] == ["imported pydantic", "equal"]
