"""What a script may do right behind "ready", and how `serve` ends, whoever reads its logs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_commands import EDGEGW, run
from tests.conftest import PYTHON, free_port

SLOW = """\
import time
def handler(event, context):
    time.sleep(20)
"""


def project(folder: Path, **balancer: str) -> Path:
    """A load balancer with a function that takes its time, and one rule that answers at once."""
    (folder / "slow.py").write_text(SLOW)
    function = {"runtime": PYTHON, "code": "slow.py", "handler": "slow.handler", "timeout": 30}
    answer = {"fixed_response": {"status_code": 200, "message_body": "here"}}
    rule = {"priority": 1, "conditions": [{"path_pattern": "/now"}], "actions": [answer]}
    listener = {"listen": 0, "rules": [rule], "default_actions": [{"forward": "t"}]}
    config = {
        "functions": {"slow": function},
        "target_groups": {"t": {"target_type": "lambda", "function": "slow"}},
        "load_balancers": {"web": {"listeners": [listener], **balancer}},
        "gateway": {"lambda_api": 0},
    }
    file = folder / "edgegw.json"
    file.write_text(json.dumps(config))
    return file


class Serving:
    """`edgegw serve` in a process of its own."""

    def __init__(self, file: Path, *flags: str) -> None:
        self.process = subprocess.Popen(
            [*EDGEGW, "serve", str(file), *flags],
            cwd=file.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ports: dict[str, int] = {}

    def until_ready(self, doors: int = 2) -> None:
        assert self.process.stdout is not None
        for _ in range(doors):
            words = self.process.stdout.readline().split()
            assert words, self.process.communicate()
            self.ports[words[1]] = int(words[-1].rpartition(":")[2])

    def ask(self, door: str, head: str) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.ports[door]), timeout=30)
        sock.sendall(head.replace("\n", "\r\n").encode())
        return sock

    def ended(self) -> str:
        """What it said on stderr."""
        try:
            _, err = self.process.communicate(timeout=30)
        finally:
            self.process.kill()
        return err


GET = "GET / HTTP/1.1\nHost: localhost\n\n"
INVOKE = (
    "POST /2015-03-31/functions/slow/invocations HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 2\n\n{}"
)


def noise(text: str) -> list[str]:
    words = ("never retrieved", "Traceback", "was destroyed", "KeyboardInterrupt")
    return text.splitlines() if any(word in text for word in words) else []


def test_a_command_right_behind_ready_finds_the_gateway(tmp_path: Path) -> None:
    serving = Serving(project(tmp_path), "-q")
    serving.until_ready(1)
    try:
        found = run("targets", "--config", "edgegw.json", cwd=tmp_path)
        assert found.returncode == 0, found.stderr
    finally:
        serving.process.send_signal(signal.SIGTERM)
    assert serving.ended() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_right_behind_the_first_ready_ends_it_in_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    serving = Serving(project(tmp_path), "-q")
    serving.until_ready(1)
    serving.process.send_signal(number)
    assert noise(serving.ended()) == []
    assert serving.process.returncode == 0
    assert list((tmp_path / ".edgegw" / "control").iterdir()) == []


@pytest.mark.parametrize("busy", [("load-balancer", GET), ("lambda", INVOKE)], ids=["web", "api"])
@pytest.mark.parametrize("signals", [1, 2, 3])
def test_signals_end_it_without_a_word(tmp_path: Path, busy: tuple[str, str], signals: int) -> None:
    """One with no grace; or a second one while the first waits for a request, and so on."""
    serving = Serving(project(tmp_path), "-q", "--grace", "0" if signals == 1 else "30")
    serving.until_ready()
    with serving.ask(*busy):
        time.sleep(0.5)
        for _ in range(signals):
            serving.process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        assert noise(serving.ended()) == []
    assert serving.process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_log_that_nobody_reads_keeps_nothing_from_ending(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "access.log")
    os.mkfifo(tmp_path / "connections.log")
    logs = {"access_log": "access.log", "connection_log": "connections.log"}
    serving = Serving(project(tmp_path, **logs), "-q")
    serving.until_ready()
    for _ in range(3):
        with serving.ask("load-balancer", GET.replace("/ ", "/now ")) as sock:
            assert sock.recv(1000).startswith(b"HTTP/1.1 200")
    serving.process.send_signal(signal.SIGINT)
    said = serving.ended()
    assert serving.process.returncode == 0
    for name in logs.values():
        assert said.count(f"{name} cannot be written") == 1


# Ports of `edgegw dev`


@pytest.mark.timeout(300)  # others may have the ports first
@pytest.mark.usefixtures("usual_ports")  # they take the first ones that are free
def test_two_that_start_at_the_same_moment_have_ports_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text("def handler(event, context):\n    return event\n")
    with socket.create_server(("127.0.0.1", 0)) as origin:
        words = ["dev", str(origin.getsockname()[1]), "--viewer-request", "hook.py"]
        started = [
            subprocess.Popen(
                [*EDGEGW, *words],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        try:
            lines = [process.stdout.readline() for process in started if process.stdout]
            assert all(line.startswith("ready  distribution site") for line in lines), lines
            assert len(set(lines)) == len(started)
        finally:
            for process in started:
                process.kill()
                process.communicate()


def test_a_port_that_was_chosen_and_is_taken_is_said() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        found = run("dev", "5173", "--port", str(port))
    assert found.returncode == 1
    assert f"127.0.0.1:{port} is in use" in found.stderr
