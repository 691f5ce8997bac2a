"""A hook that does not load is told at start, and found by `check --load`."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.cli.test_commands import run, running
from tests.cli.test_dev_and_init import TARGET, dev_server
from tests.conftest import PYTHON, free_port

BROKEN = {
    "syntax": ("def handler(event, context):\n    x = [1 2]\n", "hook.py:2", "UserCodeSyntaxError"),
    "handler": ("def other(event, context): ...\n", "", "Handler 'handler' missing on module"),
    "import": ("import nothing_of_that_name\n", "", "No module named 'nothing_of_that_name'"),
    "exits": (
        "import os\nos._exit(3)\n",
        "",
        "ExitError: Runtime exited with error: exit status 3",
    ),
    "raises": ("def f():\n    raise ValueError('a\\rb')\nf()\n", "hook.py:2", "ValueError: a b"),
}


def project(folder: Path, source: str) -> int:
    port = free_port()
    (folder / "hook.py").write_text(source)
    config = {
        "functions": {"hook": {"runtime": PYTHON, "code": "hook.py", "handler": "hook.handler"}},
        "distributions": {
            "site": {
                "listen": port,
                "origins": {"app": {"url": "http://127.0.0.1:9"}},
                "default_behavior": {
                    "origin": "app",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))
    return port


@pytest.mark.parametrize("kind", BROKEN)
def test_serve_warns_at_start_of_what_does_not_load(tmp_path: Path, kind: str) -> None:
    source, place, text = BROKEN[kind]
    project(tmp_path, source)
    with running("serve", cwd=tmp_path, doors=1) as (process, _):
        assert process.stderr is not None
        line = next(line for line in process.stderr if "does not load" in line)
    assert "warning: hook does not load: " in line
    assert text in line
    assert place in line


def test_dev_warns_at_start_of_a_handler_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text("def check(event, context): ...\n")
    with dev_server() as origin:
        words = ["dev", str(origin), "--port", str(free_port()), "--viewer-request"]
        with running(*words, "hook.py", cwd=tmp_path, doors=1) as (process, _):
            assert process.stderr is not None
            line = next(line for line in process.stderr if "does not load" in line)
    assert "Handler 'handler' missing on module 'hook'" in line


def test_what_loads_is_not_spoken_of_and_the_first_request_is_cold(tmp_path: Path) -> None:
    source = "print('loaded')\ndef handler(event, context):\n    return {'status': '204'}\n"
    port = project(tmp_path, source)
    with running("serve", cwd=tmp_path, doors=1) as (process, _):
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=60)
        assert process.stderr is not None
        seen: list[str] = []
        for line in process.stderr:
            seen.append(line)
            if " GET " in line:
                break
    assert " cold " in seen[-1]
    assert not any("does not load" in line for line in seen)


@pytest.mark.parametrize("kind", BROKEN)
def test_check_loads_where_it_is_asked_to(tmp_path: Path, kind: str) -> None:
    source, place, text = BROKEN[kind]
    project(tmp_path, source)
    assert run("check", cwd=tmp_path).returncode == 0
    found = run("check", "--load", cwd=tmp_path)
    assert found.returncode == 1
    (line,) = found.stdout.splitlines()
    assert line.startswith(f"{place or 'edgegw.yaml:1'}:1: error: function.load hook does not load")
    assert text in line


def test_check_load_of_what_loads(tmp_path: Path) -> None:
    project(tmp_path, TARGET)
    found = run("check", "--load", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (0, "")


BROKEN_EDGE = """function handler(event) {
  const a = 1; const a = 2
  return event.request
}
"""


def edge_project(folder: Path) -> None:
    (folder / "broken.js").write_text(BROKEN_EDGE)
    (folder / "refused.js").write_text("function handler(event) { return event?.request }\n")
    (folder / "fine.js").write_text("function handler(event) { return event.request }\n")
    behavior = {"origin": "app", "edge_functions": {"viewer-request": "broken"}}
    config = {
        "edge_functions": {name: {"code": f"{name}.js"} for name in ("broken", "refused", "fine")},
        "distributions": {
            "site": {
                "listen": free_port(),
                "origins": {"app": {"url": "http://127.0.0.1:9"}},
                "default_behavior": behavior,
            }
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))


def test_check_load_compiles_edge_functions(tmp_path: Path) -> None:
    edge_project(tmp_path)
    assert run("check", cwd=tmp_path).returncode == 0
    found = run("check", "--load", cwd=tmp_path)
    refused, broken = found.stdout.splitlines()
    assert refused.startswith("refused.js:1:39: warning: edge-function.syntax")
    assert broken.startswith("broken.js:2:1: error: function.load broken does not load: SyntaxErr")
    assert found.returncode == 1


def test_serve_warns_at_start_of_an_edge_function_that_does_not_compile(tmp_path: Path) -> None:
    edge_project(tmp_path)
    with running("serve", cwd=tmp_path, doors=1) as (process, _):
        assert process.stderr is not None
        line = next(line for line in process.stderr if "does not load" in line)
    assert "warning: broken does not load: SyntaxError: " in line
    assert "(broken.js:2)" in line
