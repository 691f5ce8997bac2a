"""`edgegw event`, `explain`, `check` and `serve` with function URLs and HTTP APIs, as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PYTHON, free_port

HANDLER = "def handler(event, context):\n    return event['rawPath']\n"
CONFIG = """\
functions:
  app: {{runtime: {python}, code: ., handler: app.handler, url: {{listen: {url}, auth_type: AWS_IAM}}}}
http_apis:
  api:
    listen: {api}
    routes: {{"GET /items/{{id}}": app, "ANY /v1/{{p+}}": {{function: app, payload: "1.0"}}}}
"""


def edgegw(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgegw", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, int, int]:
    """A folder with a configuration; the ports of the URL and the API."""
    url, api = free_port(), free_port()
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "edgegw.yaml").write_text(CONFIG.format(python=PYTHON, url=url, api=api))
    return tmp_path, url, api


def event(*arguments: str, cwd: Path) -> dict[str, Any]:
    done = edgegw("event", *arguments, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_events_without_a_configuration(tmp_path: Path) -> None:
    asked = (
        "--url",
        "https://x.example/items/7?a=1",
        "--header",
        "Content-Type: text/plain",
        "--body",
        "hi",
    )
    url = event("function-url", *asked, cwd=tmp_path)
    assert (url["version"], url["rawPath"], url["body"]) == ("2.0", "/items/7", "hi")
    assert url["requestContext"]["domainName"].endswith(".lambda-url.us-east-1.on.aws")
    two = event("apigw-v2", *asked, "--route", "POST /items/{id}", cwd=tmp_path)
    assert (two["routeKey"], two["pathParameters"]) == ("POST /items/{id}", {"id": "7"})
    one = event("apigw-v1", *asked, cwd=tmp_path)
    assert (one["version"], one["resource"], one["queryStringParameters"]) == (
        "1.0",
        "$default",
        {"a": "1"},
    )


def test_events_of_a_configuration(project: tuple[Path, int, int]) -> None:
    folder, _, _ = project
    known = ("--config", "edgegw.yaml")
    url = event("function-url", *known, "--function", "app", cwd=folder)
    assert url["requestContext"]["authorizer"]["iam"]["accessKey"].startswith("ASIA")
    two = event("apigw-v2", *known, "--url", "http://h/items/7", cwd=folder)
    assert two["routeKey"] == "GET /items/{id}"
    one = event("apigw-v1", *known, "--http-api", "api", "--url", "http://h/v1/a/b", cwd=folder)
    assert one["pathParameters"] == {"p": "a/b"}


REFUSED = [
    (("apigw-v2", "--route", "GTE /"), "--route: 'GTE' is no method of a route"),
    (
        ("apigw-v2", "--route", "GET /a", "--url", "http://h/b"),
        "no function is reached: no route takes GET /b",
    ),
    (
        ("function-url", "--config", "edgegw.yaml", "--function", "ap"),
        "there is no 'ap' with --function (known: app)",
    ),
    (
        ("apigw-v1", "--config", "edgegw.yaml", "--http-api", "x"),
        "there is no 'x' with --http-api (known: api)",
    ),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_what_cannot_be_shown_is_said(
    project: tuple[Path, int, int], arguments: tuple[str, ...], said: str
) -> None:
    done = edgegw("event", *arguments, cwd=project[0])
    assert done.returncode == 2
    assert said in done.stderr


def test_explain_and_check(project: tuple[Path, int, int]) -> None:
    folder, url, api = project
    done = edgegw("explain", f"http://localhost:{api}/items/7", cwd=folder)
    assert done.stdout.splitlines()[0] == "GET /items/7"
    assert "✓ GET /items/{id}  function app" in done.stdout
    assert "✗ ANY /v1/{p+}  function app  the path /items/7 is another one" in done.stdout
    assert "→ {id} is 7" in done.stdout
    done = edgegw("explain", f"http://localhost:{url}/", "--json", cwd=folder)
    assert json.loads(done.stdout)["kind"] == "function-url"
    assert edgegw("check", cwd=folder).returncode == 0
    text = (folder / "edgegw.yaml").read_text()
    (folder / "edgegw.yaml").write_text(text.replace('id}": app', 'id}": ap'))
    done = edgegw("check", cwd=folder)
    assert done.returncode == 1
    assert (
        "6:33: error: config.reference there is no function 'ap'; did you mean 'app'?"
        in done.stdout + done.stderr
    )
