"""Real dev servers behind both front doors, in a real browser: pages, hot reload, hooks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.test_commands import running
from tests.conftest import IN_CI, PYTHON, free_port
from tests.e2e.test_browser import browser  # noqa: F401 - a fixture

HERE = Path(__file__).parent
HOOK = """\
def handler(event, context):
    response = event["Records"][0]["cf"]["response"]
    response["headers"]["x-hook"] = [{"key": "X-Hook", "value": "first"}]
    return response
"""
NOTE = """\
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    print(request["method"], request["uri"])
    return request
"""


class DevServer(NamedTuple):
    port: int
    component: Path
    """The file whose edit the browser shows without a reload."""


def lacking(reason: str) -> None:
    (pytest.fail if IN_CI else pytest.skip)(reason)


def copied(name: str, folder: Path) -> Path:
    """The project with its own sources, the packages linked."""
    packages = HERE / name / "node_modules"
    if shutil.which("node") is None or not packages.is_dir():
        lacking(f"the packages are missing: npm install --prefix {HERE / name}")
    project = folder / name
    ignored = shutil.ignore_patterns("node_modules", ".next")
    shutil.copytree(HERE / name, project, ignore=ignored)
    (project / "node_modules").symlink_to(packages)
    return project


def wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"nothing listens on {port}")


@pytest.fixture(params=["vite", "next"])
def dev_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DevServer]:
    """A real dev server of a React project."""
    port = free_port()
    if request.param == "vite":
        project = copied("react_site", tmp_path)
        program = project / "node_modules" / "vite" / "bin" / "vite.js"
        words = [str(program), "--port", str(port), "--strictPort", "--host", "127.0.0.1"]
        component = project / "src" / "Greeting.jsx"
    else:
        # Turbopack does not follow a linked node_modules out of the project.
        project = copied("next_site", tmp_path)
        (project / "node_modules").unlink()
        subprocess.run(
            ["cp", "-al", str(HERE / "next_site" / "node_modules"), str(project)], check=True
        )
        program = project / "node_modules" / "next" / "dist" / "bin" / "next"
        words = [str(program), "dev", "--port", str(port), "--hostname", "127.0.0.1"]
        component = project / "app" / "page.jsx"
    log = tmp_path / "dev-server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["node", *words],
            cwd=project,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "NEXT_TELEMETRY_DISABLED": "1"},
        )
        try:
            wait_for(port)
            yield DevServer(port, component)
        finally:
            os.killpg(process.pid, 9)
            process.wait()


def configure(folder: Path, target: int, port: int, door: str) -> Path:
    """A distribution with hooks in front of the dev server, or a load balancer, or both."""
    for name, source in (("headers", HOOK), ("note", NOTE)):
        (folder / name).mkdir()
        (folder / name / "hook.py").write_text(source)
    functions = {
        name: {"runtime": PYTHON, "code": name, "handler": "hook.handler"}
        for name in ("headers", "note")
    }
    site = {
        "listen": port if door == "distribution" else 0,
        "origins": {"app": {"url": f"http://127.0.0.1:{target}"}},
        "default_behavior": {
            "origin": "app",
            "cache_policy": "CachingDisabled",
            "origin_request_policy": "AllViewer",
            "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
            "lambda_functions": {"viewer-request": "note", "viewer-response": "headers"},
        },
    }
    balancer = {
        "listeners": [
            {
                "listen": port if door == "load-balancer" else 0,
                "default_actions": [{"forward": "app"}],
            }
        ]
    }
    config = {
        "functions": functions,
        "distributions": {"site": site},
        "target_groups": {"app": {"targets": [f"127.0.0.1:{target}"]}},
        "load_balancers": {"web": balancer},
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))
    return folder / "headers" / "hook.py"


@pytest.mark.parametrize("door", ["distribution", "load-balancer"])
def test_a_component_reloads_hot_through_the_gateway(
    tmp_path: Path,
    dev_server: DevServer,
    browser: Any,  # noqa: F811
    door: str,
) -> None:
    port = free_port()
    hook = configure(tmp_path, dev_server.port, port, door)
    with running("serve", cwd=tmp_path, doors=2):
        page = browser.new_page()
        problems: list[str] = []
        talking: set[str] = set()

        def watch(socket: Any) -> None:
            socket.on("framereceived", lambda _: talking.add(socket.url))

        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("websocket", watch)
        response = page.goto(f"http://127.0.0.1:{port}/", timeout=60_000)
        page.wait_for_function("document.querySelector('#count') !== null", timeout=60_000)
        # Once the component answers to clicks, it is alive and not only rendered.
        page.wait_for_function(
            "document.querySelector('#count').click()"
            " || Number(document.querySelector('#count').textContent) > 0",
            timeout=60_000,
        )
        count = page.text_content("#count")
        assert page.text_content("#title") == "first words"
        end = time.monotonic() + 60
        while not talking:  # an edit before that is never told
            assert time.monotonic() < end
            page.wait_for_timeout(50)
        assert next(iter(talking)).startswith(f"ws://127.0.0.1:{port}/")
        if door == "distribution":
            assert response.headers["x-hook"] == "first"
            assert response.headers["x-cache"] == "Miss from cloudfront"

        # A component: the new words come over the WebSocket, the page keeps its state.
        text = dev_server.component.read_text()
        dev_server.component.write_text(text.replace("first words", "second words"))
        page.wait_for_function(
            "document.querySelector('#title').textContent === 'second words'", timeout=60_000
        )
        assert page.text_content("#count") == count

        # A hook: the next response has it.
        if door == "distribution":
            hook.write_text(HOOK.replace('"first"', '"second"'))
            end = time.monotonic() + 60
            while page.request.get(f"http://127.0.0.1:{port}/").headers["x-hook"] != "second":
                assert time.monotonic() < end
        page.close()
    assert problems == []
