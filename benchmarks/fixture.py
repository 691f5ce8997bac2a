"""What tests with the fixture `gateway` cost: many of them, each with a gateway of its own.

    python benchmarks/fixture.py [--tests 200] [--limit 8]

Runs pytest over tests that load a configuration, open a client and send one request through a
function in a process; for Python and Node.js, for `client`, `sync_client` and `with gateway:`.
Prints the seconds of each run, and fails where a run of Python functions takes more than `--limit`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
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
PYTHON_HOOK = "def handler(event, context):\n    return {'status': '204'}\n"
NODE_HOOK = "exports.handler = async () => ({ status: '204' });\n"
BODIES = {
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


def seconds(runtime: str, body: str, tests: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), runtime, body, tests)
        began = perf_counter()
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        took = perf_counter() - began
    if run.returncode:
        sys.exit(run.stdout[-3000:] + run.stderr[-1000:])
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description="What tests with the fixture `gateway` cost")
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--limit", type=float, default=8.0, help="seconds for 200 tests")
    options = parser.parse_args()
    limit = options.limit * options.tests / 200
    runtimes = [f"python3.{sys.version_info[1]}", *(["nodejs22.x"] if shutil.which("node") else [])]
    is_slow = False
    for runtime in runtimes:
        for way, body in BODIES.items():
            took = seconds(runtime, body, options.tests)
            is_slow |= took > limit and runtime.startswith("python")
            each = took / options.tests * 1000
            print(f"{runtime:12} {way:14} {took:6.1f} s   {each:5.0f} ms a test")
    if is_slow:
        sys.exit(f"more than {limit:g} s for {options.tests} tests")


if __name__ == "__main__":
    main()
