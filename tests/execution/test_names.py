"""Names of `gateway.hosts` lead the connections that functions open themselves, TLS included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import FunctionRef, Invocation, Returned
from tests.conftest import AUTHORITY, PYTHON, free_port

POOL = "cognito-idp.eu-west-1.amazonaws.com"
PAGES = "example.auth.eu-west-1.amazoncognito.com"
IN_PYTHON = """
import json, ssl, urllib.request

def handler(event, context):
    answers = []
    for url in event["urls"]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answers.append(len(json.load(answer)["keys"]))
        except OSError as error:
            answers.append(type(error).__name__)
    return answers
"""
IN_NODE = """
const https = require("node:https");
const viaAgent = (url) => new Promise((resolve) => https.get(url, (answer) => {
  let text = "";
  answer.on("data", (chunk) => (text += chunk)).on("end", () => resolve(JSON.parse(text).keys.length));
}).on("error", (error) => resolve(error.code)));
const viaFetch = async (url) => (await (await fetch(url)).json()).keys.length;
exports.handler = async (event) => Promise.all(
  event.urls.flatMap((url) => [viaAgent(url), viaFetch(url).catch((error) => error.cause.code)]));
"""


@pytest.mark.usefixtures("node")
async def test_functions_reach_a_provider_under_awss_names(serving: Any, tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text(IN_PYTHON)
    (tmp_path / "hook.js").write_text(IN_NODE)
    port = free_port()
    trusted = {"NODE_EXTRA_CA_CERTS": str(AUTHORITY), "SSL_CERT_FILE": str(AUTHORITY)}
    function = {"code": str(tmp_path), "handler": "hook.handler", "timeout": 20}
    config = {
        "functions": {
            "py": {**function, "runtime": PYTHON},
            "js": {**function, "runtime": "nodejs20.x"},
        },
        "identity_providers": {
            "pool": {
                "listen": {"port": port, "tls": True},
                "user_pool": {"id": "eu-west-1_Example1", "domain": "example"},
            }
        },
        "gateway": {
            "hosts": {
                POOL: f"https://127.0.0.1:{port}",
                "*.auth.eu-west-1.amazoncognito.com": f"https://127.0.0.1:{port}",
            },
            "local_environment": trusted,
        },
    }
    path = "/eu-west-1_Example1/.well-known/jwks.json"
    urls = [f"https://{POOL}{path}", f"https://{PAGES}{path}"]
    async with serving(config) as served:
        service = served.gateway.service
        for name, expected in (("py", [1, 1]), ("js", [1, 1, 1, 1])):
            payload = json.dumps({"urls": urls}).encode()
            outcome = await service.invoke(Invocation(FunctionRef(name), payload))
            assert isinstance(outcome, Returned), outcome
            assert json.loads(outcome.payload) == expected, name
