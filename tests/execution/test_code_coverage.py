"""Coverage of functions in their processes, where this process says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import coverage
import pytest

from edgegw import Gateway
from edgegw.awslambda.model import Function, Runtime
from edgegw.execution.code_coverage import coverage_folder, covered
from tests.conftest import PYTHON

PYTHON_FUNCTION = Function("f", Runtime("python3.13", "python", (3, 13)), "", "")
NODE_FUNCTION = Function("f", Runtime("nodejs22.x", "nodejs", (22,)), "", "")
BOTH = {"COVERAGE_PROCESS_START": "/p/.coveragerc", "NODE_V8_COVERAGE": "/p/v8"}


def test_a_function_gets_what_starts_coverage_in_its_language() -> None:
    python = dict(covered(PYTHON_FUNCTION, BOTH).local_environment)
    assert python["COVERAGE_PROCESS_START"] == "/p/.coveragerc"
    assert python["COVERAGE_FILE"] == str(Path(".coverage").absolute())
    assert covered(NODE_FUNCTION, BOTH).local_environment == (("NODE_V8_COVERAGE", "/p/v8"),)


@pytest.mark.parametrize("environ", [{}, {"COVERAGE_PROCESS_START": ""}, {"OTHER": "1"}])
def test_without_it_nothing_changes(environ: dict[str, str]) -> None:
    assert covered(PYTHON_FUNCTION, environ) is PYTHON_FUNCTION
    assert covered(NODE_FUNCTION, environ) is NODE_FUNCTION
    assert coverage_folder(environ) == ""


def asked(folder: Path, runtime: str, handler: str) -> None:
    """Sends one request through the function in `folder`."""
    config: dict[str, Any] = {
        "functions": {"hook": {"runtime": runtime, "code": ".", "handler": handler}},
        "distributions": {
            "site": {
                "listen": 8081,
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {
                    "origin": "app",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
    }
    gateway = Gateway.from_dict(config, base=folder)
    with gateway.sync_client("site") as client:
        assert client.get("/").status_code == 403


def test_lines_of_a_python_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hook.py").write_text(
        "def handler(event, context):\n    if event:\n        return {'status': '403'}\n    return 1\n"
    )
    settings = tmp_path / "coverage.ini"
    settings.write_text("[run]\nparallel = true\n")
    monkeypatch.setenv("COVERAGE_PROCESS_START", str(settings))
    monkeypatch.setenv("COVERAGE_FILE", str(tmp_path / "data"))
    asked(tmp_path, PYTHON, "hook.handler")
    seen = coverage.Coverage(data_file=str(tmp_path / "data"), config_file=str(settings))
    seen.combine([str(tmp_path)])
    lines = seen.get_data().lines(str(tmp_path / "hook.py"))
    assert sorted(lines or []) == [1, 2, 3]


def test_functions_of_a_node_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    (tmp_path / "hook.js").write_text(
        "exports.handler = async () => ({ status: '403' });\nexports.other = () => 1;\n"
    )
    monkeypatch.setenv("NODE_V8_COVERAGE", str(tmp_path / "v8"))
    asked(tmp_path, "nodejs22.x", "hook.handler")
    counts = {
        function["functionName"]: function["ranges"][0]["count"]
        for file in (tmp_path / "v8").glob("*.json")
        for script in json.loads(file.read_text())["result"]
        if script["url"] == (tmp_path / "hook.js").as_uri()
        for function in script["functions"]
    }
    assert counts["exports.handler"] == 1
    assert counts["exports.other"] == 0
