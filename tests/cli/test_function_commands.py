"""`edgegw invoke`, `logs`, `functions` and `shift` as a user types them."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.test_commands import EDGEGW, run, running, wait_for_announcements
from tests.conftest import FUNCTIONS, PYTHON, free_port


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, int]:
    """A folder with a configuration; the port of its Lambda API."""
    port = free_port()
    function = {"runtime": PYTHON, "code": str(FUNCTIONS), "timeout": 10}
    config = {
        "functions": {
            "echo": {
                **function,
                "handler": "api_handlers.echo",
                "versions": {"1": {}, "2": {}},
                "aliases": {"live": {"version": 1}},
            },
            "raises": {**function, "handler": "hooks.raises"},
            "off": {**function, "handler": "hooks.counts", "reserved_concurrency": 0},
            "hook": {
                **function,
                "handler": "api_handlers.reporting_hook",
                "environment": {"CODEDEPLOY": f"http://127.0.0.1:{port}/"},
            },
        },
        "gateway": {"lambda_api": port},
    }
    (tmp_path / "edgegw.json").write_text(json.dumps(config))
    return tmp_path, port


def edgegw(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDGEGW, *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestInvoke:
    def test_result_on_stdout_log_on_stderr(self, project: tuple[Path, int]) -> None:
        folder, _ = project
        done = edgegw("invoke", "echo", "--event", "-", cwd=folder, stdin='{"a": "ü"}')
        assert done.returncode == 0
        assert json.loads(done.stdout)["event"] == {"a": "ü"}
        lines = done.stderr.splitlines()
        assert lines[0].startswith("START RequestId: ")
        assert lines[1] == "echoing"
        assert lines[-1].startswith("REPORT RequestId: ")

    def test_a_qualifier_and_an_event_file(self, project: tuple[Path, int]) -> None:
        folder, _ = project
        (folder / "event.json").write_text("[1]")
        done = edgegw("invoke", "echo", "--qualifier", "2", "--event", "event.json", cwd=folder)
        found = json.loads(done.stdout)
        assert (found["version"], found["event"]) == ("2", [1])
        assert json.loads(edgegw("invoke", "echo:live", cwd=folder).stdout)["version"] == "1"

    def test_a_function_error_is_exit_1(self, project: tuple[Path, int]) -> None:
        folder, _ = project
        done = edgegw("invoke", "raises", "--log-tail", cwd=folder)
        assert done.returncode == 1
        assert json.loads(done.stdout)["errorType"] == "LookupError"
        assert "[ERROR] LookupError" in done.stderr
        assert "\n    Traceback" in done.stderr  # a terminal would overwrite the line for a CR
        throttled = edgegw("invoke", "off", cwd=folder)
        assert throttled.returncode == 1
        assert "ReservedFunctionConcurrentInvocationLimitExceeded" in throttled.stderr

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nothing"], "there is no function 'nothing' (known: echo, raises, off, hook)"),
            (
                ["echo:9"],
                "Function not found: arn:aws:lambda:us-east-1:123456789012:function:echo:9",
            ),
            (["echo:1", "--qualifier", "2"], "does not match the specified qualifier"),
            (["echo", "--event", "bad.json"], "Could not parse request body into json"),
        ],
    )
    def test_wrong_use_is_exit_2(
        self, project: tuple[Path, int], arguments: list[str], said: str
    ) -> None:
        folder, _ = project
        (folder / "bad.json").write_text("{no")
        done = edgegw("invoke", *arguments, cwd=folder)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture
def served(project: tuple[Path, int]) -> Iterator[tuple[Path, int]]:
    folder, port = project
    with running("serve", cwd=folder, doors=1) as (_, lines):
        assert lines == [f"ready  lambda  http://127.0.0.1:{port}"]
        wait_for_announcements(folder)
        yield folder, port


def call(port: int, name: str) -> str:
    from urllib.request import Request, urlopen

    url = f"http://127.0.0.1:{port}/2015-03-31/functions/{name}/invocations"
    with urlopen(Request(url, b"{}", {"Content-Type": "application/json"})) as answer:
        return answer.headers["X-Amz-Executed-Version"]


class TestAgainstAGateway:
    def test_logs(self, served: tuple[Path, int]) -> None:
        folder, port = served
        call(port, "echo")
        done = edgegw("logs", "echo", cwd=folder)
        assert done.returncode == 0
        assert "echoing" in done.stdout
        assert "REPORT RequestId: " in done.stdout
        rows = [
            json.loads(line)
            for line in edgegw("logs", "echo", "--json", cwd=folder).stdout.splitlines()
        ]
        assert {row["stream"] for row in rows} == {rows[0]["stream"]}
        none = edgegw("logs", "echo", "--stream", "other", cwd=folder)
        assert none.stdout == ""

    def test_following_a_log(self, served: tuple[Path, int]) -> None:
        folder, port = served
        process = subprocess.Popen(
            [*EDGEGW, "logs", "echo", "--follow"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            threading.Timer(0.5, call, (port, "echo")).start()
            seen = ""
            while "REPORT" not in seen:
                seen = process.stdout.readline()
                assert seen, "the command ended"
        finally:
            process.kill()
            process.communicate()

    def test_functions(self, served: tuple[Path, int]) -> None:
        folder, port = served
        call(port, "echo")
        head, *rows = edgegw("functions", cwd=folder).stdout.splitlines()
        assert head.split()[:4] == ["NAME", "RUNTIME", "VERSIONS", "ALIASES"]
        [echo] = [row for row in rows if row.startswith("echo")]
        assert echo.split()[1:6] == [PYTHON, "$LATEST,1,2", "live=1", "1", "0"]
        found = json.loads(edgegw("functions", "--json", cwd=folder).stdout)
        assert [row["name"] for row in found] == ["echo", "hook", "off", "raises"]

    def test_shift(self, served: tuple[Path, int]) -> None:
        folder, port = served
        done = edgegw(
            *["shift", "echo", "live", "2", "--preset", "Canary10Percent5Minutes"],
            *["--time-scale", "0.001"],
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr
        assert [line.split(" ", 1)[1] for line in done.stdout.splitlines()] == [
            "echo:live 1 -> 2 by Canary10Percent5Minutes",
            "echo:live 10 % on version 2",
            "echo:live 100 % on version 2",
            "succeeded",
        ]
        assert call(port, "echo:live") == "2"
        wrong = edgegw("shift", "echo", "gone", "2", cwd=folder)
        assert wrong.returncode == 2
        assert "Cannot find alias arn" in wrong.stderr

    def test_a_hook_that_reports_failed_rolls_back(self, served: tuple[Path, int]) -> None:
        folder, port = served
        done = edgegw("shift", "echo", "live", "2", "--after", "hook", cwd=folder)
        assert done.returncode == 1, done.stderr
        assert done.stdout.splitlines()[-1].endswith("AfterAllowTraffic hook; rolled back to 1")
        assert call(port, "echo:live") == "1"

    def test_saved_code_is_run_at_once(self, tmp_path: Path) -> None:
        port = free_port()
        app = tmp_path / "code" / "app.py"
        app.parent.mkdir()
        app.write_text("def handler(e, c): return 'one'\n")
        function = {"runtime": PYTHON, "code": "code", "handler": "app.handler"}
        config = {"functions": {"app": function}, "gateway": {"lambda_api": port}}
        (tmp_path / "edgegw.json").write_text(json.dumps(config))
        with running("serve", cwd=tmp_path, doors=1):
            assert invoke(port) == b'"one"'
            app.write_text("def handler(e, c): return 'two'\n")
            for _ in range(600):
                if invoke(port) == b'"two"':
                    return
                time.sleep(0.05)
        pytest.fail("the old code still runs")


def invoke(port: int) -> bytes:
    from urllib.request import Request, urlopen

    url = f"http://127.0.0.1:{port}/2015-03-31/functions/app/invocations"
    with urlopen(Request(url, b"{}", {"Content-Type": "application/json"})) as answer:
        return answer.read()


@pytest.mark.parametrize(
    "words", [["logs", "echo"], ["functions"], ["shift", "echo", "live", "2"]], ids=" ".join
)
def test_no_gateway_is_one_sentence(project: tuple[Path, int], words: list[str]) -> None:
    folder, _ = project
    done = edgegw(*words, cwd=folder)
    assert done.returncode == 1
    assert done.stderr == (
        f"edgegw: no gateway runs with the state folder {folder / '.edgegw'}: start "
        "`edgegw serve` first, or name another configuration with --config\n"
    )


def test_commands_need_no_lambda_api(project: tuple[Path, int]) -> None:
    folder, _ = project
    config = json.loads((folder / "edgegw.json").read_text())
    del config["gateway"]
    port = free_port()
    group = {"target_type": "lambda", "function": "echo:live"}
    listener = {"listen": port, "default_actions": [{"forward": "echo"}]}
    config["target_groups"] = {"echo": group}
    config["load_balancers"] = {"web": {"listeners": [listener]}}
    (folder / "edgegw.json").write_text(json.dumps(config))
    with running("serve", cwd=folder, doors=1):
        wait_for_announcements(folder)
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        assert "echoing" in edgegw("logs", "echo", cwd=folder).stdout
        assert "live=1" in edgegw("functions", cwd=folder).stdout
        assert edgegw("shift", "echo", "live", "2", cwd=folder).returncode == 0
        assert "live=2" in edgegw("functions", cwd=folder).stdout


def test_help_has_examples() -> None:
    for command in ("invoke", "logs", "functions", "shift"):
        assert f"Example: edgegw {command}" in run(command, "--help").stdout


class TestEvents:
    """`edgegw invoke --async` and `edgegw queue` beside a running gateway."""

    def test_an_event_is_sent_listed_and_tried_anew(self, project: tuple[Path, int]) -> None:
        folder, port = project
        with running("serve", cwd=folder, doors=1):
            sent = edgegw("invoke", "off", "--async", "--event", "-", cwd=folder, stdin='{"n": 1}')
            assert sent.returncode == 0, sent.stderr
            request_id = sent.stdout.strip()
            listing: dict = {"counts": {"failed": 0}}
            deadline = time.monotonic() + 60
            while not listing["counts"]["failed"] and time.monotonic() < deadline:
                listing = json.loads(edgegw("queue", "--json", cwd=folder).stdout)
            (failed,) = listing["failed"]
            assert (failed["request_id"], failed["condition"]) == (
                request_id,
                "ZeroReservedConcurrency",
            )
            table = edgegw("queue", "--function", "off", cwd=folder).stdout
            assert "1 failed" in table
            assert request_id in table
            again = edgegw("queue", "redrive", request_id, "--json", cwd=folder)
            assert json.loads(again.stdout) == {"events": 1, "messages": 0}
            for words, said in (
                (["redrive", "other"], "no failed event has the request id 'other'"),
                (["redrive", "--function", "of"], "there is no function 'of'; did you mean 'off'?"),
                (["--function", "of"], "there is no function 'of'; did you mean 'off'?"),
            ):
                wrong = edgegw("queue", *words, cwd=folder)
                assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr

    @pytest.mark.parametrize(
        ("arguments", "stdin", "said"),
        [
            (["nothing", "--async"], "", "Function not found"),
            (["echo", "--async", "--event", "-"], "{no", "the event is no JSON"),
        ],
    )
    def test_wrong_use(
        self, project: tuple[Path, int], arguments: list[str], stdin: str, said: str
    ) -> None:
        folder, _ = project
        with running("serve", cwd=folder, doors=1):
            done = edgegw("invoke", *arguments, cwd=folder, stdin=stdin)
        assert done.returncode == 2
        assert said in done.stderr

    def test_without_a_gateway_it_says_so(self, project: tuple[Path, int]) -> None:
        folder, _ = project
        for arguments in (["queue"], ["queue", "redrive"], ["invoke", "echo", "--async"]):
            done = edgegw(*arguments, cwd=folder)
            assert done.returncode == 1
            assert "start `edgegw serve` first" in done.stderr
