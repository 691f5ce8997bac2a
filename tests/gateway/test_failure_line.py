"""The header that tells the browser's network panel why a function's failure is an error page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from tests.conftest import PYTHON

SOURCE = """\
import json
def handler(event, context):
    path = event.get("path") or event["Records"][0]["cf"]["request"]["uri"]
    if path == "/raises":
        json.loads("nope")
    if path == "/shape":
        return {"status": "200", "headers": {"a": "b"}}
    if path == "/null":
        return None
    return {"status": "200", "statusCode": 200}
"""


def gateway(folder: Path) -> Gateway:
    (folder / "hook.py").write_text(SOURCE)
    function = {"runtime": PYTHON, "code": "hook.py", "handler": "hook.handler", "timeout": 5}
    config: dict[str, Any] = {
        "functions": {"hook": function},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": "http://127.0.0.1:9"}},
                "default_behavior": {
                    "origin": "app",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
        "target_groups": {"f": {"target_type": "lambda", "function": "hook"}},
        "load_balancers": {
            "web": {"listeners": [{"listen": 0, "default_actions": [{"forward": "f"}]}]}
        },
    }
    return Gateway(load_dict(config, folder))


@pytest.mark.parametrize(
    ("door", "path", "status", "reason"),
    [
        (
            "site",
            "/raises",
            503,
            "viewer-request hook: lambda-edge.execution-error: JSONDecodeError at hook.py:5",
        ),
        ("site", "/shape", 502, "viewer-request hook: lambda-edge.header-array at headers.a"),
        ("site", "/null", 502, "viewer-request hook: lambda-edge.result-not-object at the result"),
        ("site", "/fine", 200, None),
        ("web", "/raises", 502, "target hook: LambdaUnhandled: JSONDecodeError at hook.py:5"),
        (
            "web",
            "/null",
            502,
            "target hook: LambdaInvalidResponse: the answer must be a JSON object, not null: "
            "return one; in Node.js make the handler async or call the callback",
        ),
        ("web", "/fine", 200, None),
    ],
)
async def test_a_failed_function_is_told_with_code_and_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    door: str,
    path: str,
    status: int,
    reason: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    async with gateway(tmp_path) as running, running.client(door) as client:
        response = await client.get(path)
    assert response.status_code == status
    assert response.headers.get("x-edgegw-reason") == reason


async def test_an_origin_that_does_not_answer_is_no_functions_failure(tmp_path: Path) -> None:
    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://127.0.0.1:9"}},
        "default_behavior": {"origin": "app"},
    }
    running = Gateway(load_dict({"distributions": {"site": site}}, tmp_path))
    async with running, running.client("site") as client:
        response = await client.get("/")
    assert response.status_code == 502
    assert "x-edgegw-reason" not in response.headers
