"""Which gateway a command reaches: several in one folder, ended, killed, silent, replaced."""

from __future__ import annotations

import contextlib
import http.server
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.cli.running_gateway import call
from edgegw.errors import EnvironmentProblem
from edgegw.gateway.announcement import announce, announcements
from tests.cli.test_commands import EDGEGW, running, wait_for_announcements
from tests.conftest import FUNCTIONS, PYTHON, free_port


def edgegw(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDGEGW, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def project(folder: Path, name: str, function: str) -> str:
    """A configuration with a load balancer and one function, by whose name it is known."""
    code = {"runtime": PYTHON, "code": str(FUNCTIONS), "handler": "hooks.target"}
    listener = {"listen": free_port(), "default_actions": [{"forward": "all"}]}
    config = {
        "functions": {function: code},
        "target_groups": {"all": {"target_type": "lambda", "function": function}},
        "load_balancers": {"web": {"listeners": [listener]}},
    }
    (folder / name).write_text(json.dumps(config))
    return name


def reached(folder: Path, *words: str) -> str:
    """The function of the gateway that a command reaches; its complaint if it reaches none."""
    done = edgegw(folder, "functions", "--json", *words)
    return json.loads(done.stdout)[0]["name"] if done.returncode == 0 else done.stderr


@contextlib.contextmanager
def two(folder: Path) -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str]]]:
    """Gateways in one folder: `first` of edgegw.yaml, and `second` of other.yaml."""
    project(folder, "edgegw.yaml", "first")
    project(folder, "other.yaml", "second")
    with contextlib.ExitStack() as stack:
        first, _ = stack.enter_context(running("serve", cwd=folder, doors=1))
        wait_for_announcements(folder)
        second, _ = stack.enter_context(running("serve", "other.yaml", cwd=folder, doors=1))
        wait_for_announcements(folder, 2)
        yield first, second


ENDS = pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])


class TestTwoGatewaysInOneFolder:
    @ENDS
    def test_the_first_is_reached_again_when_the_second_ends(
        self, tmp_path: Path, end: signal.Signals
    ) -> None:
        with two(tmp_path) as (first, second):
            assert reached(tmp_path) == "second"
            second.send_signal(end)
            if end == signal.SIGTERM:
                second.wait(60)  # one that was killed may be a zombie: its id is still there
            assert reached(tmp_path) == "first"
            second.wait(60)
            assert reached(tmp_path) == "first"
            assert [each.pid for each in announcements(tmp_path / ".edgegw")] == [first.pid]

    @ENDS
    def test_the_second_is_reached_when_the_first_ends(
        self, tmp_path: Path, end: signal.Signals
    ) -> None:
        with two(tmp_path) as (first, second):
            first.send_signal(end)
            first.wait(60)
            assert reached(tmp_path) == "second"
            assert [each.pid for each in announcements(tmp_path / ".edgegw")] == [second.pid]

    def test_a_configuration_names_its_gateway(self, tmp_path: Path) -> None:
        with two(tmp_path) as (first, _):
            assert reached(tmp_path, "--config", "edgegw.yaml") == "first"
            assert reached(tmp_path, "--config", "other.yaml") == "second"
            first.terminate()
            first.wait(60)
            assert reached(tmp_path, "--config", "edgegw.yaml") == "second"

    def test_both_end(self, tmp_path: Path) -> None:
        with two(tmp_path) as both:
            for process in both:
                process.terminate()
                process.wait(60)
        assert "no gateway runs" in reached(tmp_path)
        assert list((tmp_path / ".edgegw" / "control").iterdir()) == []


def test_dev_beside_serve(tmp_path: Path) -> None:
    project(tmp_path, "edgegw.yaml", "first")
    (tmp_path / "hook.py").write_text("def handler(event, context): ...\n")
    with running("serve", cwd=tmp_path, doors=1), socket.socket() as origin:
        wait_for_announcements(tmp_path)
        origin.bind(("127.0.0.1", 0))
        origin.listen()
        words = ["dev", str(origin.getsockname()[1]), "--viewer-request", "hook.py"]
        words += ["--port", str(free_port())]
        with running(*words, cwd=tmp_path, doors=1) as (dev, _):
            wait_for_announcements(tmp_path, 2)
            assert reached(tmp_path) == "hook-viewer-request"
            dev.terminate()
            dev.wait(60)
            assert reached(tmp_path) == "first"


def test_dev_without_a_configuration_is_reached(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text("def handler(event, context): ...\n")
    with socket.socket() as origin:
        origin.bind(("127.0.0.1", 0))
        origin.listen()
        words = ["dev", str(origin.getsockname()[1]), "--viewer-request", "hook.py"]
        port = free_port()
        with running(*words, "--port", str(port), cwd=tmp_path, doors=1):
            wait_for_announcements(tmp_path)
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
            assert "REPORT" in edgegw(tmp_path, "logs", "hook-viewer-request").stdout
            assert edgegw(tmp_path, "logs", "LambdaEdge/site").returncode == 0


@ENDS
def test_following_a_log_ends_with_the_gateway(tmp_path: Path, end: signal.Signals) -> None:
    project(tmp_path, "edgegw.yaml", "api")
    words = [*EDGEGW, "logs", "api", "-f"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with running("serve", cwd=tmp_path, doors=1) as (gateway, lines):
        wait_for_announcements(tmp_path)
        httpx.get(lines[0].rpartition("  ")[2], trust_env=False)
        with subprocess.Popen(words, cwd=tmp_path, **pipes) as follower:
            assert follower.stdout is not None
            assert follower.stdout.readline()
            gateway.send_signal(end)
            _, said = follower.communicate(timeout=60)
        if end == signal.SIGTERM:
            assert (follower.returncode, said) == (0, "")
        else:
            text = "edgegw: the gateway was stopped before its answer was complete\n"
            assert (follower.returncode, said) == (1, text)


# What else may be found where a gateway was announced


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".edgegw"


def test_a_port_that_another_program_has_got(here: Path) -> None:
    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<p>hello")

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        announce(here, f"http://127.0.0.1:{server.server_address[1]}", "x", None)
        try:
            with pytest.raises(EnvironmentProblem, match="no gateway runs"):
                call(None, "GET", "/status")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("words", [b"nonsense\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 zzz\r\n\r\n"])
def test_a_port_that_speaks_no_http(here: Path, words: bytes) -> None:
    def answer() -> None:
        connection, _ = sock.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(words)

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=answer)
        thread.start()
        announce(here, f"http://127.0.0.1:{sock.getsockname()[1]}", "x", None)
        with pytest.raises(EnvironmentProblem, match="no gateway runs"):
            call(None, "GET", "/status")
        thread.join()


def test_a_gateway_that_says_nothing_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgegw.cli.running_gateway._TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        announce(here, f"http://127.0.0.1:{sock.getsockname()[1]}", "x", None)
        with pytest.raises(EnvironmentProblem, match=r"the process id \d+ does not answer"):
            call(None, "GET", "/status")


def test_another_users_gateway(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgegw.gateway.announcement.is_hidden", lambda _: True)
    with pytest.raises(EnvironmentProblem, match="run this command as that user"):
        call(None, "GET", "/status")
