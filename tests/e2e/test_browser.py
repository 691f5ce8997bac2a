"""Pages in a real browser, through real processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.cli.test_commands import running
from tests.conftest import FUNCTIONS, IN_CI, PYTHON, free_port

VITE_SITE = Path(__file__).parent / "vite_site"


def lacking(reason: str) -> None:
    (pytest.fail if IN_CI else pytest.skip)(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        lacking("Chromium is not installed: pages are not tested in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        launched = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield launched
        launched.close()


def wait_for(port: int, host: str = "127.0.0.1") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as sock:
            if sock.connect_ex((host, port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"nothing listens on {port}")


@pytest.fixture
def vite() -> Iterator[int]:
    """A real Vite dev server; its port."""
    if shutil.which("node") is None:
        lacking("Node.js is not installed: Vite is not tested")
    program = VITE_SITE / "node_modules" / "vite" / "bin" / "vite.js"
    if not program.exists():
        lacking(f"Vite is not installed: npm install --prefix {VITE_SITE}")
    port = free_port()
    process = subprocess.Popen(
        ["node", str(program), "--port", str(port), "--strictPort", "--host", "127.0.0.1"],
        cwd=VITE_SITE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def test_a_vite_page_loads_behind_a_distribution_with_a_hook(
    tmp_path: Path, vite: int, browser: Any
) -> None:
    port = free_port()
    (tmp_path / "edgegw.yaml").write_text(f"""
functions:
  hook: {{runtime: {PYTHON}, code: {FUNCTIONS}, handler: hooks.pass_request}}
distributions:
  site:
    listen: {port}
    origins: {{app: {{url: "http://127.0.0.1:{vite}"}}}}
    default_behavior:
      origin: app
      cache_policy: CachingDisabled
      origin_request_policy: AllViewer
      lambda_functions: {{viewer-request: hook}}
""")
    with running("serve", cwd=tmp_path, doors=1):
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        response = page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_function("document.getElementById('title').textContent !== 'not yet'")
        assert page.text_content("#title") == "hello from vite through the edge"
        color = page.evaluate("getComputedStyle(document.getElementById('title')).color")
        assert color == "rgb(12, 34, 56)"
        assert response.headers["x-cache"] == "Miss from cloudfront"
        page.close()
    assert problems == []


@pytest.fixture
def echoing() -> Iterator[int]:
    """A page, and an echo of WebSocket messages beside it; their port."""

    def page(connection: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" in request.headers:
            return None
        answer = connection.respond(200, "<!doctype html><title>echo</title>")
        answer.headers["Content-Type"] = "text/html"
        return answer

    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(echo, "127.0.0.1", 0, process_request=page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


def test_a_page_over_http2_opens_websockets(tmp_path: Path, echoing: int, browser: Any) -> None:
    """A browser that is told of RFC 8441 would open them on the page's connection."""
    site, web = free_port(), free_port()
    (tmp_path / "edgegw.yaml").write_text(f"""
distributions:
  site:
    listen: {{port: {site}, tls: true}}
    origins: {{app: {{url: "http://127.0.0.1:{echoing}"}}}}
    default_behavior: {{origin: app, cache_policy: CachingDisabled, origin_request_policy: AllViewer}}
target_groups:
  app: {{targets: ["127.0.0.1:{echoing}"], health_check: {{enabled: false}}}}
load_balancers:
  web:
    listeners: [{{listen: {web}, protocol: HTTPS, default_actions: [{{forward: app}}]}}]
""")
    with running("serve", cwd=tmp_path, doors=2):
        for port in (site, web):
            page = browser.new_page(ignore_https_errors=True)
            page.goto(f"https://localhost:{port}/")
            entry = "performance.getEntriesByType('navigation')[0]"
            assert page.evaluate(f"{entry}.nextHopProtocol") == "h2"
            answer = page.evaluate(f"""new Promise((resolve) => {{
                const socket = new WebSocket("wss://localhost:{port}/ws");
                socket.onopen = () => socket.send("hello");
                socket.onmessage = (event) => resolve(event.data);
                socket.onclose = (event) => resolve("closed with " + event.code);
            }})""")
            assert answer == "hello"
            page.close()


@pytest.mark.timeout(300)  # others may have the ports first
@pytest.mark.usefixtures("usual_ports")
def test_the_demo_page_went_through_both_hooks(tmp_path: Path, browser: Any) -> None:
    for port in (8080, 8081):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} of the demo is in use")
    with running("demo", cwd=tmp_path, doors=2):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen("http://127.0.0.1:8081/", timeout=10)
        context = browser.new_context(
            http_credentials={"username": "demo", "password": "demo"},
            viewport={"width": 1100, "height": 960},
        )
        page = context.new_page()
        response = page.goto("http://127.0.0.1:8081/")
        page.wait_for_selector("html[data-ready=yes]")
        bucket = response.headers["x-bucket"]
        assert page.text_content(".tag") == f"Bucket {bucket.upper()}"
        assert any(
            cookie["name"] == "bucket" and cookie["value"] == bucket for cookie in context.cookies()
        )
        assert "Hello browser from Python" in page.text_content("#python")
        assert "Hello browser from Node.js" in page.text_content("#node")
        assert "x-frame-options: SAMEORIGIN" in page.text_content("#headers")
        for _ in range(3):
            page.reload()
            assert page.text_content(".tag") == f"Bucket {bucket.upper()}"
        picture = os.environ.get("EDGEGW_SCREENSHOT")
        if picture:
            page.wait_for_selector("html[data-ready=yes]")
            page.screenshot(path=picture)
        context.close()


if sys.platform == "win32":
    pytest.skip("browser tests run on POSIX systems", allow_module_level=True)
