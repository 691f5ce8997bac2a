"""What tests with the fixtures of the plugin cost: many of them, with a gateway as new for each.

    python benchmarks/fixture.py [--tests 200] [--limit 8]

Runs pytest over tests that send one request through a function in a process; for Python and
Node.js, for the fixtures `sync_edge_client` and `edge_client`, whose functions stay warm, and for
`client`, `sync_client` and `with gateway:`. Then the example project of the tests
(`tests/testing/example_project`), each test of which goes through the whole pipeline.
Prints the seconds of each run and its processor time, that of a run of one test too, which is what
pytest and its plugins take; fails where a run of Python functions takes more processor time than
`--limit`. Seconds by the clock count on a quiet machine only.

All runs have compiled bytecode, in a folder of their own that a run before them fills, as an
installed package has: where an environment forbids to write it, a run would compile hundreds of
modules first, and take half as long again.
"""

from __future__ import annotations

import argparse
import atexit
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from time import perf_counter

CONFIG = """
functions:
  hook: {{runtime: {runtime}, code: ., handler: hook.handler}}
distributions:
  site:
    listen: 8081
    origins: {{app: {{url: http://origin.test}}}}
    default_behavior: {{origin: app, lambda_functions: {{viewer-request: hook}}}}
"""
EXAMPLE = Path(__file__).parents[1] / "tests" / "testing" / "example_project"
PYTHON_HOOK = "def handler(event, context):\n    return {'status': '204'}\n"
NODE_HOOK = "exports.handler = async () => ({ status: '204' });\n"
BODIES = {
    "sync_edge_client": """
def test_it(sync_edge_client, number):
    assert sync_edge_client.get("/").status_code == 204
""",
    "edge_client": """
async def test_it(edge_client, number):
    assert (await edge_client.get("/")).status_code == 204
""",
    "sync_client": """
def test_it(gateway, number):
    with gateway.sync_client("site") as client:
        assert client.get("/").status_code == 204
""",
    "with gateway": """
def test_it(gateway, number):
    with gateway, gateway.sync_client("site") as client:
        assert client.get("/").status_code == 204
""",
    "client": """
async def test_it(gateway, number):
    async with gateway.client("site") as client:
        assert (await client.get("/")).status_code == 204
""",
}


def write(folder: Path, runtime: str, body: str, tests: int) -> None:
    (folder / "pytest.ini").write_text(
        "[pytest]\nanyio_mode = auto\nedgegw_config = edgegw.yaml\naddopts = -p no:cacheprovider\n"
    )
    (folder / "edgegw.yaml").write_text(CONFIG.format(runtime=runtime))
    (folder / "hook.py").write_text(PYTHON_HOOK)
    (folder / "hook.js").write_text(NODE_HOOK)
    (folder / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    mark = f'import pytest\n\n@pytest.mark.parametrize("number", range({tests}))'
    (folder / "test_it.py").write_text(mark + body)


def seconds(runtime: str, body: str, tests: int) -> tuple[float, float]:
    """By the clock, and of processor time, of a run of so many tests."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), runtime, body, tests)
        return run_in(Path(folder))


def run_in(folder: Path) -> tuple[float, float]:
    """The same of the tests in a folder."""
    began, before = perf_counter(), _processor()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"],
        cwd=folder,
        env=_with_bytecode(),
        capture_output=True,
        text=True,
        check=False,
    )
    took = perf_counter() - began, _processor() - before
    if run.returncode:
        sys.exit(run.stdout[-3000:] + run.stderr[-1000:])
    return took


@cache
def _with_bytecode() -> dict[str, str]:
    """The environment of runs: bytecode is written, and read by the next one."""
    folder = tempfile.mkdtemp(prefix="edgegw-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description="What tests with the fixture `gateway` cost")
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--limit", type=float, default=8.0, help="processor seconds for 200 tests")
    options = parser.parse_args()
    limit = options.limit * options.tests / 200
    runtimes = [f"python3.{sys.version_info[1]}", *(["nodejs22.x"] if shutil.which("node") else [])]
    is_slow = False
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "pytest.ini").write_text("[pytest]\n")
        (Path(empty) / "test_it.py").write_text("def test_it(): pass\n")
        run_in(Path(empty))  # compiles
        _, plain = run_in(Path(empty))
    run_in(EXAMPLE)  # compiles
    took, spent = run_in(EXAMPLE)
    print(
        f"example project, 26 tests     {took:5.1f} s   processor {spent:5.1f} s, "
        f"of which pytest and its plugins alone {plain:4.1f} s",
        flush=True,
    )
    for runtime in runtimes:
        for way, body in BODIES.items():
            _, alone = seconds(runtime, body, 1)
            took, spent = seconds(runtime, body, options.tests)
            is_slow |= spent > limit and runtime.startswith("python")
            each = (spent - alone) / max(1, options.tests - 1) * 1000
            print(
                f"{runtime:12} {way:16} {took:5.1f} s   processor {spent:5.1f} s, one test "
                f"{alone:4.1f} s, each further one {each:3.0f} ms",
                flush=True,
            )
    if is_slow:
        sys.exit(f"more than {limit:g} s of a processor for {options.tests} tests")


if __name__ == "__main__":
    main()
