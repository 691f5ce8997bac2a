"""`edgegw kvs`, as typed: without a gateway, and beside one that runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from edgegw.cli.main import main
from tests.cli.test_commands import running, wait_for_announcements
from tests.conftest import free_port

CODE = """async function handler(event) {
  const store = require('cloudfront').kvs();
  return { statusCode: 200, body: await store.get(event.request.uri.slice(1)) };
}"""


def project(folder: Path, port: int = 0) -> None:
    (folder / "store.js").write_text(CODE)
    (folder / "flags.json").write_text(json.dumps({"data": [{"key": "share", "value": "0.1"}]}))
    config = {
        "edge_functions": {"ab": {"code": "store.js", "key_value_store": "flags"}},
        "key_value_stores": {"flags": {"source": "flags.json"}, "empty": {}},
        "distributions": {
            "site": {
                "listen": port,
                "origins": {"app": {"url": "http://127.0.0.1:9"}},
                "default_behavior": {"origin": "app", "edge_functions": {"viewer-request": "ab"}},
            }
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))


def typed(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["kvs", *words], input=given)


def answer(*words: str, given: str | None = None) -> str:
    result = typed(*words, given=given)
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    return result.stdout


def refusal(*words: str, given: str | None = None) -> str:
    result = typed(*words, given=given)
    assert result.exit_code == 2, result.output
    line, rest = result.stderr.split("\n", 1)
    assert rest == "", "one sentence"
    return line


def told(*words: str, **given: Any) -> dict[str, Any]:
    return json.loads(answer(*words, "--json", **given))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check_every_command(folder: Path) -> None:
    """What is typed, and what is printed, whether a gateway runs or not."""
    assert answer("flags", "list") == "share  0.1\n"
    assert answer("flags", "get", "share") == "0.1\n"
    before = told("flags", "list")
    assert before["pairs"] == {"share": "0.1"}
    assert before["arn"].startswith("arn:aws:cloudfront::123456789012:key-value-store/")
    assert answer(before["arn"], "get", "share") == "0.1\n"

    assert answer("flags", "put", "share", "0.5").startswith("flags: 1 key, 8 B, ETag KV")
    assert told("flags", "put", "a/b é\n", "1")["keys"] == 2
    assert told("flags", "get", "a/b é\n") == {"key": "a/b é\n", "value": "1"}
    assert answer("flags", "list") == '"a/b \\u00e9\\n"  1\nshare  0.5\n'
    assert told("flags", "list")["etag"] != before["etag"]

    assert told("flags", "put", "-1", "--no", "--config", "edgegw.yaml")["keys"] == 3
    assert told("--config", "edgegw.yaml", "flags", "get", "-1")["value"] == "--no"
    assert told("flags", "delete", "-1")["keys"] == 2

    exported = answer("flags", "export")
    assert json.loads(exported)["data"][1] == {"key": "share", "value": "0.5"}
    assert answer("flags", "export", "out.json") == ""
    assert (folder / "out.json").read_text() == exported
    assert told("flags", "delete", "share", "a/b é\n")["keys"] == 0
    assert told("flags", "import", "out.json")["keys"] == 2
    assert answer("flags", "export") == exported
    one = '{"data": [{"key": "share", "value": "1"}]}'
    assert told("flags", "import", "-", given=one)["keys"] == 1
    assert answer("empty", "list") == ""

    assert refusal("flag", "list") == (
        "edgegw: there is no key value store 'flag'; did you mean 'flags'?"
    )
    assert refusal("flags", "get", "shar") == (
        "edgegw: the store flags has no key 'shar'; did you mean 'share'?"
    )
    assert "no key 'other'" in refusal("flags", "delete", "share", "other")
    said = refusal("flags", "put", "k", "v" * 1500)
    assert "Maximum size of the value in a key value pair (1,500 bytes, at most 1,024)" in said
    assert "cannot be read" in refusal("flags", "import", "missing.json")
    assert "no JSON" in refusal("flags", "import", "-", given="{")
    assert answer("flags", "list") == "share  1\n", "what is refused changes nothing"


def test_every_command_without_a_gateway(folder: Path) -> None:
    project(folder)
    check_every_command(folder)


def test_a_folder_without_a_configuration(folder: Path) -> None:
    assert folder.exists()
    assert "there is no edgegw.yaml in this folder" in refusal("flags", "list")


def test_every_command_beside_a_gateway_whose_next_request_sees_it(folder: Path) -> None:
    port = free_port()
    project(folder, port)
    answer("flags", "put", "before", "it started")
    with running("serve", cwd=folder, doors=1), httpx.Client(trust_env=False) as client:
        wait_for_announcements(folder)
        assert client.get(f"http://127.0.0.1:{port}/before").text == "it started"
        answer("flags", "delete", "before")
        check_every_command(folder)
        assert client.get(f"http://127.0.0.1:{port}/share").text == "1"
        (folder / "flags.json").write_text('{"data": [{"key": "share", "value": "9"}]}')
        for _ in range(600):
            if client.get(f"http://127.0.0.1:{port}/share").text == "9":
                break
            time.sleep(0.05)
        assert answer("flags", "get", "share") == "9\n"
    assert answer("flags", "get", "share") == "9\n"
