"""The temporary folder and its size: what a function gets that writes more than there is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import Function, Runtime
from edgegw.execution.zygote import Zygote
from tests.execution.lambda_service import running

PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))
MEGABYTE = 1024 * 1024
IN_PYTHON = """
import os, time
from pathlib import Path

FOLDER = Path(os.environ["TMPDIR"])

def handler(event, context):
    written = FOLDER / "written"
    if event == "exit":
        os._exit(1)
    if event == "clean":
        written.unlink()
    elif isinstance(event, int):
        try:
            with written.open("ab") as file:
                for _ in range(event):
                    file.write(bytes(1024 * 1024))
        except OSError as error:
            return [error.strerror, os.getpid()]
        time.sleep(0.6)  # long enough to be looked at
    elif isinstance(event, list):
        (Path(event[1]) / str(os.getpid())).touch()
        while len(os.listdir(event[1])) < 2:
            time.sleep(0.02)
        with written.open("ab") as file:
            file.write(bytes(event[0] * 1024 * 1024))
    return [sum(each.stat().st_size for each in FOLDER.iterdir()) >> 20, os.getpid()]
"""
IN_NODE = """
const fs = require("fs"), path = require("path");
exports.handler = async (event) => {
  try {
    fs.writeFileSync(path.join(process.env.TMPDIR, "written"), Buffer.alloc(event * 1024 * 1024));
    return ["written", process.pid];
  } catch (error) {
    return [error.code, process.pid];
  }
};
"""
WITH_SHELL = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  id=$(curl -sS -o /dev/null -D - "$api/next" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  said=$(dd if=/dev/zero of="$TMPDIR/written" bs=1M count=80 2>&1 | grep -o 'No space left on device')
  curl -sS -o /dev/null -d "\\"$said\\"" "$api/$id/response"
done
"""


def app(folder: Path, runtime: Runtime = PYTHON) -> Function:
    (folder / "app.py").write_text(IN_PYTHON)
    (folder / "app.js").write_text(IN_NODE)
    bootstrap = folder / "bootstrap"
    bootstrap.write_text(WITH_SHELL)
    bootstrap.chmod(0o755)
    more: dict[str, Any] = {"memory_mb": 512, "ephemeral_storage_mb": 64}
    return Function("app", runtime, str(folder), "app.handler", 20.0, **more)


@pytest.fixture
async def limited_here(tmp_path: Path) -> None:
    """Whether this system lets anybody but root mount a file system differs from one to the next."""
    folder = tmp_path / "limited"
    folder.mkdir()
    zygote = Zygote(sys.executable)
    await zygote.start()
    is_limited = await zygote.limit(str(folder), MEGABYTE)
    await zygote.close()
    if not is_limited:
        pytest.skip("this system does not let a user mount file systems")


@pytest.mark.usefixtures("limited_here")
class TestWhereTheSystemLimits:
    async def test_a_write_fails_and_the_function_lives(self, tmp_path: Path) -> None:
        async with running(app(tmp_path)) as lambda_:
            _, pid = await lambda_.result("app", 0)
            for _ in range(3):
                assert await lambda_.result("app", 80) == ["No space left on device", pid]
            assert await lambda_.result("app", "clean") == [0, pid]
            assert await lambda_.result("app", 50) == [50, pid]

    async def test_the_folder_survives_its_process_and_its_limit_too(self, tmp_path: Path) -> None:
        async with running(app(tmp_path)) as lambda_:
            await lambda_.result("app", 50)
            await lambda_.error("app", "exit")
            assert (await lambda_.result("app", ""))[0] == 50
            assert (await lambda_.result("app", 20))[0] == "No space left on device"

    async def test_each_environment_has_its_own(self, tmp_path: Path) -> None:
        async with running(app(tmp_path)) as lambda_:
            (tmp_path / "both").mkdir()
            event = [50, str(tmp_path / "both")]
            first, second = await asyncio.gather(*(lambda_.result("app", event) for _ in range(2)))
            assert (first[0], second[0]) == (50, 50)
            assert first[1] != second[1]
            folder = Path(lambda_.service.packages.root)
        assert not folder.exists()

    async def test_in_nodejs(self, tmp_path: Path, node: str) -> None:
        async with running(app(tmp_path, NODE)) as lambda_:
            _, pid = await lambda_.result("app", 1)
            assert await lambda_.result("app", 80) == ["ENOSPC", pid]
            assert await lambda_.result("app", 10) == ["written", pid]

    async def test_in_a_runtime_of_ones_own(self, tmp_path: Path) -> None:
        own = Runtime("provided.al2023", "provided", ())
        async with running(app(tmp_path, own)) as lambda_:
            assert await lambda_.result("app", 1) == "No space left on device"


async def test_where_it_does_not_the_process_ends_and_the_next_one_starts_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> bool:
        return False

    monkeypatch.setattr(Zygote, "limit", refused)
    async with running(app(tmp_path)) as lambda_:
        for _ in range(2):
            error = await lambda_.error("app", 80)
            assert error.error_type == "Runtime.ExitError"
            assert "signal: killed" in error.message
            assert (await lambda_.result("app", 10))[0] == 10
        said = "the temporary folder holds more than 64 MB"
        assert sum(said in line for line in lambda_.log("app")) == 2
