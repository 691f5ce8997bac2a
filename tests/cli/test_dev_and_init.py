"""`edgegw dev` and `edgegw init`, typed literally in an empty folder."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from edgegw.cli.dev_command import dev_config, function_of, origin_url
from edgegw.cli.hook_files import split_export
from edgegw.config.resolve import load_dict
from edgegw.errors import UsageError
from tests.cli.test_commands import EDGEGW, run, running
from tests.conftest import free_port

ADD_HEADER = """\
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["x-hook"] = [{"key": "X-Hook", "value": "one"}]
    return request
"""
ADD_HEADER_JS = """\
exports.handler = async (event) => {
  const response = event.Records[0].cf.response;
  response.headers["x-hook"] = [{ key: "X-Hook", value: "js" }];
  return response;
};
"""
TARGET = 'def handler(event, context):\n    return {"statusCode": 200, "body": event["path"]}\n'


class Echo(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    @classmethod
    @contextmanager
    def paths(cls) -> Iterator[list[str]]:
        """The targets that are asked for meanwhile."""
        cls.asked.clear()
        yield cls.asked

    def do_GET(self) -> None:
        self.asked.append(self.path)
        content = str(self.headers).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def dev_server(port: int = 0) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def url_of(line: str) -> str:
    return line.rpartition("  ")[2]


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=60)


def test_dev_puts_a_hook_in_front_of_a_running_server(tmp_path: Path, node: str) -> None:
    (tmp_path / "hook.py").write_text(ADD_HEADER)
    (tmp_path / "headers.js").write_text(ADD_HEADER_JS)
    with dev_server() as origin:
        words = ["dev", f"http://127.0.0.1:{origin}", "--viewer-request", "hook.py"]
        words += ["--viewer-response", "headers.js", "--port", str(free_port())]
        with running(*words, cwd=tmp_path, doors=1) as (_, lines):
            url = url_of(lines[0])
            answer = get(url)
            assert "x-hook: one" in answer.text.lower()
            assert answer.headers["x-hook"] == "js"
            (tmp_path / "hook.py").write_text(ADD_HEADER.replace('"one"', '"two"'))
            end = time.monotonic() + 60
            while "x-hook: two" not in get(url).text.lower():
                assert time.monotonic() < end


def test_dev_waits_for_the_server_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text(ADD_HEADER)
    port, own = free_port(), free_port()
    process = subprocess.Popen(
        [*EDGEGW, "dev", str(port), "--viewer-request", "hook.py", "--port", str(own)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        told = process.stderr.readline()
        assert told == (
            f"waiting for http://localhost:{port}: start your dev server (Ctrl-C stops)\n"
        )
        with dev_server(port):
            assert process.stderr.readline() == f"http://localhost:{port} is up\n"
            assert process.stdout.readline().startswith("ready  distribution site")
            assert "x-hook: one" in get(f"http://127.0.0.1:{own}/").text.lower()
    finally:
        process.kill()
        process.communicate()


def test_dev_runs_a_function_behind_a_load_balancer(tmp_path: Path) -> None:
    folder = tmp_path / "api"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(TARGET.replace("handler", "lambda_handler"))
    with dev_server() as origin:
        words = ["dev", f"127.0.0.1:{origin}", "--alb", "api", "--port", str(free_port())]
        words += ["--alb-port", str(free_port())]
        with running(*words, cwd=tmp_path, doors=2) as (_, lines):
            assert get(url_of(lines[1]) + "/some/path").text == "/some/path"
            assert get(url_of(lines[0])).status_code == 200


def test_a_chosen_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with dev_server() as origin:
        words = ["dev", str(origin), "--port", str(origin)]
        done = run(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert f"127.0.0.1:{origin} is in use: stop what listens there, or choose" in done.stderr


@pytest.mark.timeout(300)  # others may have the ports first
@pytest.mark.usefixtures("usual_ports")
def test_dev_takes_the_next_port_when_the_usual_one_is_taken(tmp_path: Path) -> None:
    with dev_server() as origin, socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8081))
        except OSError:
            pytest.skip("something else listens on 8081")
        taken.listen()
        with running("dev", str(origin), cwd=tmp_path, doors=1) as (_, lines):
            port = int(lines[0].rpartition(":")[2])
            assert 8081 < port < 8101
            assert get(f"http://127.0.0.1:{port}/").status_code == 200


def test_dev_opens_the_browser(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    with dev_server() as origin:
        environment = {**os.environ, "BROWSER": str(browser)}
        words = ["dev", str(origin), "--open", "--port", str(free_port())]
        with running(*words, cwd=tmp_path, doors=1, env=environment) as (_, lines):
            end = time.monotonic() + 60
            while not opened.exists() or not opened.read_text():
                assert time.monotonic() < end
                time.sleep(0.05)
            assert opened.read_text().strip() == url_of(lines[0])


@pytest.mark.timeout(300)  # others may have the ports first
@pytest.mark.usefixtures("usual_ports")  # it looks whether 8081 is free
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["dev"], "ORIGIN_URL"),
        (["dev", "ftp://x"], "is no URL of a server"),
        (["dev", "http://a/?b"], "no query"),
        (["dev", "1", "--viewer-request", "missing.py"], "there is no file or folder missing.py"),
        (["dev", "1", "--viewer-request", "notes.txt"], "neither Python"),
        (["dev", "1", "--alb", "empty"], "name the file of the handler itself"),
    ],
)
def test_wrong_use_of_dev(tmp_path: Path, words: list[str], text: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    found = run(*words, cwd=tmp_path)
    assert found.returncode == 2
    assert text in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("name", "source", "handler"),
    [
        ("hook.py", "def handler(e, c): ...", "hook.handler"),
        ("hook.py", "async def lambda_handler(e, c): ...", "hook.lambda_handler"),
        ("hook.js", "exports.handler = async () => 1", "hook.handler"),
        ("hook.mjs", "export async function lambda_handler() {}", "hook.lambda_handler"),
        ("hook.mjs", "export const main = () => 1", "hook.main"),
        ("hook.mjs", "const f = () => 1; export { f as handler }", "hook.handler"),
        ("hook.ts", "export const handler = async (e: unknown) => 1", "hook.handler"),
        ("hook.py", "x = 1", "hook.handler"),
    ],
)
def test_the_handler_is_found(tmp_path: Path, name: str, source: str, handler: str) -> None:
    (tmp_path / name).write_text(source)
    assert function_of(tmp_path / name, 5)["handler"] == handler
    assert function_of(tmp_path / name, 5)["code"] == str(tmp_path / name)


def test_what_dev_stands_for_is_a_valid_configuration(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text(ADD_HEADER)
    hooks = dict.fromkeys(
        ("viewer-request", "origin-request", "origin-response", "viewer-response"),
        tmp_path / "hook.py",
    )
    for origin, policy in (
        ("http://localhost:5173", "AllViewerAndCloudFrontHeaders-2022-06"),
        ("https://example.com", "AllViewerExceptHostHeader"),
    ):
        described = dev_config(origin, hooks, tmp_path / "hook.py", (0, 0))
        config = load_dict(described)
        assert config.warnings == ()
        behavior = described["distributions"]["site"]["default_behavior"]
        assert behavior["origin_request_policy"] == policy


def test_origins_may_be_written_short() -> None:
    assert origin_url("5173") == "http://localhost:5173"
    assert origin_url("localhost:3000") == "http://localhost:3000"
    assert origin_url("https://example.com/") == "https://example.com"
    assert origin_url("localhost:3000/app/") == "http://localhost:3000/app"
    with pytest.raises(UsageError):
        origin_url("http://localhost:99999999")


@pytest.mark.parametrize("language", ["python", "node"])
def test_init_writes_a_project_that_works(tmp_path: Path, language: str, node: str) -> None:
    project = tmp_path / "empty"
    project.mkdir()
    written = run("init", "--language", language, cwd=project)
    assert written.returncode == 0, written.stderr
    assert written.stdout.count("wrote  ") == 4
    checked = run("check", "--deploy", cwd=project)
    assert checked.returncode == 0, checked.stdout
    assert "0 errors, 0 warnings" in checked.stderr
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )
    assert tests.returncode == 0, tests.stdout
    assert "2 passed" in tests.stdout
    again = run("init", cwd=project)
    assert again.returncode == 2
    assert "edgegw.yaml, test_hook.py, .gitignore exists" in again.stderr.replace(
        "hook/handler.py, ", ""
    )


def test_the_project_of_init_serves(tmp_path: Path) -> None:
    run("init", "new", cwd=tmp_path)
    text = (tmp_path / "new" / "edgegw.yaml").read_text()
    port = free_port()
    (tmp_path / "new" / "edgegw.yaml").write_text(text.replace("8081", str(port)))
    with dev_server() as origin:
        environment = {**os.environ, "APP": f"http://127.0.0.1:{origin}"}
        with running("serve", cwd=tmp_path / "new", doors=1, env=environment):
            assert get(f"http://127.0.0.1:{port}/old/x").headers["location"] == "/new/x"
            assert "x-bucket: a" in get(f"http://127.0.0.1:{port}/").text.lower()


def test_dev_shows_the_origin_all_headers_and_keeps_the_path_of_its_url(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text(ADD_HEADER)
    with Echo.paths() as paths, dev_server() as origin:
        words = ["dev", f"{origin}/app/", "--port", str(free_port()), "--viewer-request", "hook.py"]
        with running(*words, cwd=tmp_path, doors=1) as (_, lines):
            headers = {"X-Mine": "1", "Cookie": "a=1"}
            answer = httpx.get(f"{url_of(lines[0])}/x?y=1", headers=headers, trust_env=False).text
    assert paths == ["/app/x?y=1"]
    for header in ("X-Mine: 1", "Cookie: a=1", "CloudFront-Viewer-Country: ", "X-Hook: one"):
        assert header in answer


def test_dev_names_the_export_and_hands_over_bodies(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(
        "def check(event, context):\n"
        "    body = event['Records'][0]['cf']['request']['body']['data']\n"
        "    return {'status': '200', 'body': body}\n"
    )
    with dev_server() as origin:
        words = ["dev", str(origin), "--port", str(free_port()), "--include-body"]
        with running(*words, "--viewer-request", "hooks.py:check", cwd=tmp_path, doors=1) as (
            _,
            lines,
        ):
            answer = httpx.post(url_of(lines[0]), content=b"hello", trust_env=False)
    assert answer.text == "aGVsbG8="


@pytest.mark.parametrize(
    ("named", "file", "export"),
    [
        ("hook.py", "hook.py", ""),
        ("hook.py:check", "hook.py", "check"),
        ("a/b.mjs:api.handler", "a/b.mjs", "api.handler"),
        ("C:/x.py", "C:/x.py", ""),
        ("there:here", "there:here", ""),
    ],
)
def test_a_file_may_name_its_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, file: str, export: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there:here").write_text("")
    assert split_export(Path(named)) == (Path(file), export)


def test_the_demo_takes_other_ports(tmp_path: Path) -> None:
    site, alb = free_port(), free_port()
    words = ["demo", "--port", str(site), "--alb-port", str(alb)]
    with running(*words, cwd=tmp_path, doors=2) as (process, lines):
        assert [url_of(line).rpartition(":")[2] for line in lines] == [str(site), str(alb)]
        assert process.stdout is not None
        hints = "".join(next(process.stdout) for _ in range(3))
    assert f"http://127.0.0.1:{site}/" in hints
