"""What `serve` makes of the descriptors it is started with."""

from __future__ import annotations

import contextlib
import json
import resource
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.test_commands import EDGEGW, wait_for_announcements
from tests.conftest import FUNCTIONS, PYTHON, free_port

MANY = 1_100
JAVASCRIPT = "exports.handler = async () => ({ statusCode: 200, body: process.version });"


def project(folder: Path) -> int:
    """A load balancer with a fixed answer at `/` and functions behind it; its port."""
    port = free_port()
    code = folder / "code"
    code.mkdir()
    (code / "index.js").write_text(JAVASCRIPT)
    functions = {
        "py": {"runtime": PYTHON, "code": str(FUNCTIONS), "handler": "hooks.target"},
        "js": {"runtime": "nodejs22.x", "code": str(code), "handler": "index.handler"},
    }
    rules = [
        {
            "priority": at,
            "conditions": [{"path_pattern": f"/{name}"}],
            "actions": [{"forward": name}],
        }
        for at, name in enumerate(functions, 1)
    ]
    fixed = {"fixed_response": {"status_code": 200, "message_body": "here"}}
    described = {
        "functions": functions,
        "target_groups": {name: {"target_type": "lambda", "function": name} for name in functions},
        "load_balancers": {
            "web": {"listeners": [{"listen": port, "default_actions": [fixed], "rules": rules}]}
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(described))
    return port


@contextlib.contextmanager
def served(folder: Path, before: str = "", behind: str = "") -> Iterator[int]:
    """`serve` in a shell that does something `before`; its process id, once it is ready."""
    command = f"{before} exec {shlex.join([*EDGEGW, 'serve'])} {behind}"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_for_announcements(folder)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


def ask(port: int, path: str = "/") -> tuple[int, str]:
    answer = httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=60)
    return answer.status_code, answer.text


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>&-"])
def test_closed_standard_streams_become_no_sockets(tmp_path: Path, closed: str, node: str) -> None:
    port = project(tmp_path)
    with served(tmp_path, behind=closed) as process:
        assert ask(port) == (200, "here")
        assert ask(port, "/py")[0] == 200
        assert ask(port, "/js")[0] == 200
        standard = Path(f"/proc/{process}/fd")
        if standard.exists():
            assert not [n for n in "012" if "socket" in (standard / n).readlink().name]


def test_more_than_a_thousand_connections(tmp_path: Path, node: str) -> None:
    """However few descriptors a shell allows at first; functions start behind them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * MANY:
        pytest.skip("the hard limit of open files is low")
    port = project(tmp_path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    try:
        with contextlib.ExitStack() as stack:
            process = stack.enter_context(served(tmp_path, before="ulimit -Sn 200;"))
            idle = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                for _ in range(MANY)
            ]
            for path in ("/", "/py", "/js"):
                assert ask(port, path)[0] == 200
            idle[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert idle[-1].recv(65536).startswith(b"HTTP/1.1 200")
            descriptors = Path(f"/proc/{process}/fd")
            if descriptors.exists():
                assert len(list(descriptors.iterdir())) > MANY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
