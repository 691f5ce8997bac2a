"""What the terminal shows while front doors run."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from edgegw import Gateway
from edgegw.cli.logs import GatheringHandler, LineFormatter, wants_colors
from edgegw.cli.render import Style, summary
from edgegw.config.resolve import load_dict
from tests.cli.stderr import Stderr
from tests.cli.test_commands import EDGEGW, running
from tests.conftest import PYTHON, free_port

HOOK = """\
import time
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    print("hello from", request["uri"])
    if request["uri"] == "/boom":
        return request["nothing"]
    if request["uri"] == "/slow":
        time.sleep(1.4)
    return {"status": "200", "body": "x"}
"""


def project(folder: Path, port: int, runtime: str = PYTHON) -> None:
    (folder / "hook.py").write_text(HOOK)
    config = {
        "functions": {
            "hook": {"runtime": runtime, "code": "hook.py", "handler": "hook.handler", "timeout": 5}
        },
        "distributions": {
            "site": {
                "listen": port,
                "origins": {"app": {"url": "http://127.0.0.1:9"}},
                "default_behavior": {
                    "origin": "app",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))


def has_requests(count: int) -> Callable[[str], bool]:
    return lambda text: text.count(" GET ") >= count


def served(
    folder: Path,
    *flags: str,
    paths: tuple[str, ...],
    until: Callable[[str], bool] | None = None,
) -> tuple[str, str]:
    """What stdout and stderr had when `paths` had been asked for, the ready line aside."""
    port = free_port()
    project(folder, port)
    with running("serve", *flags, cwd=folder, doors=1) as (process, lines):
        stderr = Stderr(process)
        for path in paths:
            httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=60)
        stderr.until(until or has_requests(len(paths)))
        process.terminate()
        err = stderr.whole()
        assert process.stdout is not None
        out = process.stdout.read()
    return "\n".join([*lines, out]), err


def test_requests_are_aligned_lines_with_prints_below(tmp_path: Path) -> None:
    _, err = served(tmp_path, paths=("/", "/other?x=1"))
    requests = [line for line in err.splitlines() if " GET " in line]
    assert len(requests) == 2
    first, second = requests
    assert first.index(" 200 ") == second.index(" 200 ")
    assert first[:12].count(":") == 2
    assert "GET     /  " in first
    assert "200 GeneratedResponse" in first
    assert " hook " in first
    assert " cold " in first
    assert " cold " not in second
    below = err.splitlines()[err.splitlines().index(second) + 1]
    assert below == "    hook │ hello from /other"


def test_an_exception_shows_the_line_of_the_hook(tmp_path: Path) -> None:
    _, err = served(tmp_path, paths=("/boom",))
    assert '    hook.py:6  return request["nothing"]' in err
    assert "lambda-edge.execution-error: KeyError: 'nothing'" in err
    assert "ExecutionError" in err
    assert "    hook │ [ERROR] KeyError: 'nothing'\n    hook │ Traceback" not in err
    assert "\r" not in err


def test_a_slow_function_prints_before_its_request_ends(tmp_path: Path) -> None:
    _, err = served(tmp_path, paths=("/slow",))
    lines = err.splitlines()
    printed = next(at for at, line in enumerate(lines) if "hook │ hello from /slow" in line)
    request = next(at for at, line in enumerate(lines) if " GET " in line)
    assert printed < request
    assert sum("hello from /slow" in line for line in lines) == 1


def test_the_summary_tells_what_runs_where(tmp_path: Path) -> None:
    out, err = served(tmp_path, paths=("/",), until=lambda text: "Python 3." in text)
    assert out.startswith("ready  distribution site  http://127.0.0.1:")
    assert "*  → http://127.0.0.1:9  viewer-request: hook" in err
    assert ": hook\n" in err
    assert "Python 3." in err


def test_the_summary_tells_the_listeners_of_a_load_balancer_apart() -> None:
    answer = {"default_actions": [{"fixed_response": {"status_code": 200}}]}
    listeners = [{"listen": 8080, **answer}, {"listen": 8443, "protocol": "HTTPS", **answer}]
    config = load_dict({"load_balancers": {"web": {"listeners": listeners}}})
    urls = {"load-balancer web": ["http://127.0.0.1:8080", "https://127.0.0.1:8443"]}
    text = summary(config, urls, {}, Style())
    assert [each for each in text.splitlines() if "//" in each] == [
        "  web  http://127.0.0.1:8080",
        "  web  https://127.0.0.1:8443",
    ]


def test_the_summary_tells_what_stands_before_a_target() -> None:
    token = {"issuer": "https://a.test", "jwks_endpoint": "https://a.test/keys"}
    actions = [
        {"jwt_validation": token, "order": 1},
        {"fixed_response": {"status_code": 200}, "order": 2},
    ]
    listener = {"listen": 8443, "protocol": "HTTPS", "default_actions": actions}
    config = load_dict({"load_balancers": {"web": {"listeners": [listener]}}})
    assert "    default  → jwt-validation, then answers 200" in summary(config, {}, {}, Style())


EDGE = """\
function handler(event) {
  console.log('saw ' + event.request.uri);
  if (event.request.uri === '/boom') { throw new Error('no'); }
  return event.response;
}
"""


def edge_site(folder: Path) -> Gateway:
    (folder / "edge.js").write_text(EDGE)
    site = {
        "listen": 8081,
        "origins": {"app": {"url": "http://app.test"}},
        "default_behavior": {"origin": "app", "edge_functions": {"viewer-response": "headers"}},
    }
    functions = {"headers": {"code": str(folder / "edge.js")}}
    return Gateway.from_dict({"edge_functions": functions, "distributions": {"site": site}})


def test_an_edge_function_stands_in_the_lines_of_its_request(tmp_path: Path) -> None:
    gateway, text, objects = edge_site(tmp_path), io.StringIO(), io.StringIO()
    assert "*  → http://app.test  viewer-response: headers" in summary(
        gateway.config, {}, {}, Style()
    )
    handlers = GatheringHandler(text), GatheringHandler(objects, as_json=True)
    with respx.mock, gateway.sync_client("site") as client:
        respx.get("http://app.test/a").respond(200)
        respx.get("http://app.test/boom").respond(200)
        for path in ("/a", "/boom"):
            exchange = gateway.exchange(client.get(path))
            for handler in handlers:
                handler.take(exchange)
                handler.flush()
    lines = text.getvalue().splitlines()
    assert re.fullmatch(r".* GET     /a .* 200 Miss .* headers \d+\.\dms \d+%", lines[0])
    assert lines[1] == "    headers │ saw /a"
    assert re.fullmatch(r".* 503 FunctionExecutionError .* headers \S+ \d+% failed", lines[2])
    record = json.loads(objects.getvalue().splitlines()[0])
    (run,) = record["functions"]
    assert run["function"] == "headers"
    assert 0 < run["utilization"] <= 100
    assert record["printed"] == [{"function": "headers", "text": "saw /a"}]


def test_a_summary_never_exceeds_a_screen() -> None:
    behaviors = [{"path_pattern": f"/p{number}", "origin": "app"} for number in range(40)]
    site = {
        "listen": 8081,
        "origins": {"app": {"url": "http://127.0.0.1:9"}},
        "default_behavior": {"origin": "app"},
        "behaviors": behaviors,
    }
    config = load_dict({"distributions": {"a": site, "b": {**site, "listen": 8082}}})
    found = {f"runtime {number}": ["f"] for number in range(30)}
    text = summary(config, {"distribution a": ["http://127.0.0.1:8081"]}, found, Style())
    assert len(text.splitlines()) <= 20
    assert "… and " in text


def test_quiet_shows_neither_requests_nor_summary(tmp_path: Path) -> None:
    _, err = served(tmp_path, "--quiet", paths=("/", "/boom"), until=lambda _: True)
    assert err == ""


def test_json_logs_are_objects_on_lines(tmp_path: Path) -> None:
    both = ("/", "/boom")
    out, err = served(tmp_path, "--json", paths=both, until=lambda text: text.count("GET") >= 2)
    ready = json.loads(out.splitlines()[0])
    assert ready["ready"] == "distribution"
    assert ready["name"] == "site"
    entries: list[dict[str, Any]] = [json.loads(line) for line in err.splitlines()]
    fine, failed = (each for each in entries if each["kind"] == "request")
    assert (fine["method"], fine["path"], fine["status"]) == ("GET", "/", 200)
    assert fine["printed"] == [{"function": "hook", "text": "hello from /"}]
    assert fine["functions"][0]["cold"] is True
    assert fine["functions"][0]["trigger"] == "viewer-request"
    assert failed["functions"][0]["error"] == "KeyError: 'nothing'"
    assert failed["functions"][0]["source"] == 'hook.py:6  return request["nothing"]'


@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal_unless_no_color(
    tmp_path: Path, variables: dict[str, str], colored: bool
) -> None:
    port = free_port()
    project(tmp_path, port)
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [*EDGEGW, "serve"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**environment, "TERM": "xterm", **variables},
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        text = ""
        while "hello from /" not in text:  # below the line of its request
            text += os.read(ours, 65536).decode()
        assert ("\x1b[32m200\x1b[0m" in text) == colored
        assert ("\x1b" in text) == colored
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
        os.close(theirs)


def test_colours_are_for_terminals() -> None:
    assert not wants_colors(io.StringIO(), {})


def test_what_is_printed_outside_a_request_has_its_lines() -> None:
    stream = io.StringIO()
    handler = GatheringHandler(stream)
    printed = ("us-east-1.hook", "", "[ERROR] KeyError: 'a'\rTraceback:\r  File")
    handler.handle(
        logging.LogRecord("edgegw.printed", logging.INFO, "", 1, "%s%s%s", printed, None)
    )
    handler.flush(waiting=0.0)
    first, *more = stream.getvalue().splitlines()
    assert first.endswith("  hook │ [ERROR] KeyError: 'a'")
    assert more == ["    Traceback:", "      File"]


def test_log_records_and_failures_to_render() -> None:
    stream = io.StringIO()
    handler = GatheringHandler(stream)
    handler.setFormatter(LineFormatter(Style()))
    handler.handle(logging.LogRecord("a", logging.WARNING, "", 1, "first\nsecond", (), None))
    handler.handle(logging.LogRecord("a", logging.INFO, "", 1, "%d", ("x",), None))
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("  warning: first")
    assert lines[1] == "    second"
    assert "could not be rendered" in lines[2]


async def test_many_lines_leave_in_slices_and_in_order() -> None:
    written: list[str] = []
    stream = io.StringIO()
    stream.write = written.append  # type: ignore[method-assign,assignment]
    handler = GatheringHandler(stream)
    for number in range(1000):
        handler.take(number)
    while sum(part.count("\n") for part in written) < 1000:
        await asyncio.sleep(0)
    assert max(part.count("\n") for part in written) <= 16
    numbers = [int(line.split()[1]) for line in "".join(written).splitlines()]
    assert numbers == list(range(1000))


async def test_what_is_written_at_the_end_overtakes_no_slice() -> None:
    stream = io.StringIO()
    handler = GatheringHandler(stream)
    for number in range(100):
        handler.take(number)
    while not stream.getvalue():
        await asyncio.sleep(0)
    handler.flush()
    await asyncio.sleep(0)
    numbers = [int(line.split()[1]) for line in stream.getvalue().splitlines()]
    assert numbers == list(range(100))


def test_nothing_of_others_acts_on_the_terminal(tmp_path: Path) -> None:
    port = free_port()
    project(tmp_path, port)
    hook = tmp_path / "hook.py"
    evil = "a\\rb\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07\\b."
    hook.write_text(
        f"def handler(event, context):\n    print('{evil}')\n    raise ValueError('{evil}')\n"
    )
    with running("serve", cwd=tmp_path, doors=1) as (process, _):
        stderr = Stderr(process)
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=60)
        stderr.until(lambda text: "execution-error" in text)
        hook.write_text(f"raise ValueError('{evil}')\n")  # a broken save
        stderr.until(lambda text: "its last version stays" in text)
        process.terminate()
        err = stderr.whole()
    shown = [line for line in err.split("\n") if "bred" in line]
    assert any("hook │" in line for line in err.split("\n"))
    assert any("execution-error" in line for line in err.split("\n"))
    assert any("its last version stays" in line for line in err.split("\n"))
    assert len(shown) >= 3
    assert not set("\r\x1b\x07\x08") & set(err)
