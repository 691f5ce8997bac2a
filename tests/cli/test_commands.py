"""The commands as a user types them, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgegw.gateway.announcement import Announcement, announcements
from tests.conftest import FUNCTIONS, PYTHON, free_port

EDGEGW = [sys.executable, "-m", "edgegw"]


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDGEGW, *arguments], capture_output=True, text=True, cwd=cwd, timeout=60, check=False
    )


@contextmanager
def running(
    *arguments: str, cwd: Path, doors: int, env: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    process = subprocess.Popen(
        [*EDGEGW, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while len(lines) < doors:
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"it ended: {process.communicate()}")
            lines.append(line.strip())
        yield process, lines
    finally:
        process.kill()
        process.communicate()


def wait_for_announcements(folder: Path, count: int = 1) -> list[Announcement]:
    """The gateways that run in `folder`, newest first, once there are `count` of them."""
    end = time.monotonic() + 60
    while len(found := announcements(folder / ".edgegw")) < count:
        assert time.monotonic() < end, "no gateway has announced itself"
        time.sleep(0.02)
    return found


def config(tmp_path: Path, port: int, runtime: str = PYTHON, handler: str = "hooks.target") -> Path:
    path = tmp_path / "edgegw.yaml"
    path.write_text(
        json.dumps(
            {
                "functions": {
                    "f": {
                        "runtime": runtime,
                        "code": str(FUNCTIONS),
                        "handler": handler,
                        "timeout": 20,
                    }
                },
                "target_groups": {"t": {"target_type": "lambda", "function": "f"}},
                "load_balancers": {
                    "web": {"listeners": [{"listen": port, "default_actions": [{"forward": "t"}]}]}
                },
            }
        )
    )
    return path


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def children(pid: int) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found |= {int(path.parent.name)} | children(int(path.parent.name))
        except OSError:
            continue
    return found


def test_help_and_version() -> None:
    assert run("--version").stdout.startswith("edgegw, version 0")
    for command in ([], ["serve"], ["demo"], ["check"], ["schema"]):
        shown = run(*command, "--help")
        assert shown.returncode == 0
        assert "Example: edgegw" in shown.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['edgegw', '--help']\n"
        "from edgegw.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('httpx', 'hypercorn', 'uvicorn', 'cryptography', 'pydantic', 'yaml', 'asyncio')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stderr.strip() == "[]"


def test_serving_plain_http_imports_only_what_it_uses() -> None:
    code = (
        "import sys, edgegw.cli.run, edgegw.gateway.server, edgegw.gateway.gateway\n"
        "heavy = ('httpx', 'anyio', 'hypercorn', 'starlette', 'aioquic', 'edgegw.wire.http2')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_wrong_use_exits_with_2() -> None:
    assert run("serv").returncode == 2
    assert run("serve", "nowhere.yaml").returncode == 2


def test_serve_prints_ready_lines_logs_requests_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    config(tmp_path, port)
    with running("serve", cwd=tmp_path, doors=1) as (process, lines):
        assert lines == [f"ready  load-balancer web  http://127.0.0.1:{port}"]
        assert json.loads(get(f"http://127.0.0.1:{port}/x?y=1"))["path"] == "/x"
        started = children(process.pid)
        assert started
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=60)
        assert process.returncode == 0
    line = next(line for line in log.splitlines() if " GET " in line)
    assert line.split()[1:5] == ["GET", "/x?y=1", "200", "forwarded"]
    assert " f " in line
    assert "Traceback" not in log
    end = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def test_children_end_when_the_gateway_is_killed(tmp_path: Path) -> None:
    port = free_port()
    config(tmp_path, port)
    with running("serve", cwd=tmp_path, doors=1) as (process, _):
        get(f"http://127.0.0.1:{port}/")
        started = children(process.pid)
        process.kill()
        process.communicate()
    end = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def test_a_killed_gateway_leaves_no_folder(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    port = free_port()
    env = {**os.environ, "TMPDIR": str(temporary)}
    with running("serve", str(config(tmp_path, port)), cwd=tmp_path, doors=1, env=env) as (gone, _):
        get(f"http://127.0.0.1:{port}/")
        assert list(temporary.iterdir())
        gone.kill()
        gone.wait()
        for _ in range(600):
            if not list(temporary.iterdir()):
                break
            time.sleep(0.05)
    assert not list(temporary.iterdir())


def test_a_port_in_use_is_one_sentence_and_exit_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config(tmp_path, port)
        out = run("serve", cwd=tmp_path)
    assert out.returncode == 1
    assert (
        out.stderr.strip()
        == f"edgegw: 127.0.0.1:{port} is in use: stop what listens there, or change 'listen' of web"
    )


def test_a_missing_interpreter_is_one_sentence_and_exit_1(tmp_path: Path) -> None:
    path = config(tmp_path, 0, "nodejs22.x", "common.handler")
    env = {**os.environ, "PATH": str(tmp_path)}
    out = subprocess.run(
        [*EDGEGW, "serve", str(path)],
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
        check=False,
    )
    assert out.returncode == 1
    assert out.stderr.startswith("edgegw: Node.js 20 or newer was not found on PATH")
    assert len(out.stderr.strip().splitlines()) == 1


def test_a_wrong_configuration_prints_its_findings_and_exit_1(tmp_path: Path) -> None:
    path = config(tmp_path, 0)
    path.write_text(path.read_text().replace('"function": "f"', '"function": "g"'))
    out = run("serve", str(path))
    assert out.returncode == 1
    assert "error: config.reference there is no function 'g'" in out.stderr
    assert "Traceback" not in out.stderr


@pytest.mark.timeout(300)  # others may have the ports first
@pytest.mark.usefixtures("usual_ports")
@pytest.mark.parametrize("with_node", [True, False])
def test_the_demo_runs_in_an_empty_folder_with_and_without_node(
    tmp_path: Path, *, with_node: bool
) -> None:
    import shutil

    if with_node and shutil.which("node") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Node.js is not installed")
    env = dict(os.environ)
    if not with_node:
        env["PATH"] = str(tmp_path)
    for port in (8080, 8081):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} of the demo is in use")
    (tmp_path / "empty").mkdir()
    with running("demo", cwd=tmp_path / "empty", doors=2 if with_node else 3, env=env) as (
        _,
        lines,
    ):
        assert "ready  distribution site  http://127.0.0.1:8081" in lines
        assert "ready  load-balancer web  http://127.0.0.1:8080" in lines
        left_out = [line for line in lines if line.startswith("left out")]
        assert bool(left_out) is not with_node
        if left_out:
            assert "function hello-node: Node.js 20 or newer was not found" in left_out[0]
        assert b"Hello you from Python" in get("http://127.0.0.1:8080/python?name=you")
        if with_node:
            assert b"Hello you from Node.js" in get("http://127.0.0.1:8080/node?name=you")
        request = urllib.request.Request(
            "http://127.0.0.1:8081/", headers={"Authorization": "Basic ZGVtbzpkZW1v"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.headers["X-Bucket"] in ("a", "b")
            assert b"This page came through the edge" in answer.read()
        shown = run("functions", cwd=tmp_path / "empty")
        assert "viewer-auth" in shown.stdout, shown.stderr
