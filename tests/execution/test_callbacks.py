"""How handlers up to Node.js 22 say their result, judged by AWS's own client of that time.

It runs as published; only its native part, which speaks HTTP, is a stub of ours (`judge.mjs`).
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import Function, FunctionError, Returned, Runtime
from tests.conftest import IN_CI, need, one_at_a_time
from tests.execution.lambda_service import running

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

FUNCTIONS = Path(__file__).parents[1] / "functions"
JUDGE = Path(__file__).with_name("judge.mjs")
NODE = Runtime("nodejs22.x", "nodejs", (22,))
INSTALLED = Path(__file__).parents[2] / ".node" / "ric3"
PACKAGE = "aws-lambda-ric@3.3.0"
PATIENCE = 2.0
"""Seconds after which a handler is said to wait for ever."""

HANDLERS = re.findall(r"^  (\w+): ", (FUNCTIONS / "callbacks.cjs").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def client() -> Path:
    """The folder of AWS's client; CI installs it, and nobody else has to have it."""
    found = INSTALLED / "node_modules" / "aws-lambda-ric"
    install = ["install", "--silent", "--ignore-scripts", "--prefix", str(INSTALLED), PACKAGE]
    with one_at_a_time("AWS's client of Node.js 22"):
        if not (found / "dist" / "index.mjs").exists():
            if not IN_CI:
                pytest.skip(f"AWS's client is not installed: npm {' '.join(install)}")
            npm = need("npm", "AWS's client of Node.js 22 is not installed")
            subprocess.run([npm, *install], check=True, timeout=180)
    return found


async def judged(node: str, client: Path, name: str, report: Path) -> Any:
    """What AWS's client reports of a handler: kind and value, or that it waits or exits."""
    process = await asyncio.create_subprocess_exec(
        node, str(JUDGE), str(client), str(FUNCTIONS), f"callbacks.{name}", str(report),
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()  # from here on it runs
    try:
        async with asyncio.timeout(PATIENCE + 1):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        return "waits", None
    if not report.exists():
        return "exits", None
    [[kind, value]] = json.loads(report.read_text())
    return kind, _comparable(kind, value)


async def ours(name: str) -> Any:
    function = Function("app", NODE, str(FUNCTIONS), f"callbacks.{name}", PATIENCE, 512)
    async with running(function) as lambda_:
        outcome = await lambda_.invoke("app", {})
    if isinstance(outcome, FunctionError) and outcome.error_type == "Sandbox.Timedout":
        return "waits", None
    if isinstance(outcome, FunctionError) and outcome.error_type == "Runtime.ExitError":
        return "exits", None
    assert isinstance(outcome, Returned | FunctionError)
    kind = "result" if isinstance(outcome, Returned) else "error"
    return kind, _comparable(kind, json.loads(outcome.payload))


def _comparable(kind: str, value: Any) -> Any:
    """An error without its frames, which are of different files."""
    if kind == "result":
        return value
    trace = [line for line in value.get("trace", []) if not line.startswith("    at ")]
    return {**value, "trace": trace}


def test_the_table_is_read() -> None:
    assert len(HANDLERS) > 50


@pytest.mark.parametrize("name", HANDLERS)
async def test_results_are_as_under_the_client_of_aws(
    node: str, client: Path, name: str, tmp_path: Path
) -> None:
    judging = judged(node, client, name, tmp_path / "report")
    expected, actual = await asyncio.gather(judging, ours(name))
    assert actual == expected


async def test_an_async_handler_that_calls_back_has_answered(node: str) -> None:
    """As published hooks do it; without the judge, so that it holds everywhere."""
    assert await ours("asyncCallback") == ("result", 1)
    assert await ours("asyncUndefinedThenCallback") == ("result", None)
    assert await ours("asyncCallbackAndReturn") == ("result", 1)
    assert await ours("neverSettles") == ("result", None)
    assert await ours("succeed") == ("result", 1)


async def test_the_next_invocation_has_a_flag_of_its_own(node: str) -> None:
    function = Function("app", NODE, str(FUNCTIONS), "callbacks.callbackTwice", 5.0, 512)
    async with running(function) as lambda_:
        assert [await lambda_.result("app", {}) for _ in range(3)] == [1, 1, 1]
