"""Snapshots of exchanges, events and trees stay as they are from run to run."""

from __future__ import annotations

import pytest

from tests.conftest import need_module
from tests.testing.test_plugin_fixtures import ALONE, CONFIG, HOOK

EXCHANGE = """
def shown(exchange):
    record = exchange.to_dict()
    for run in record["functions"]:
        run["duration"] = run["cold"] = None
    record["duration"] = None
    return record
"""
SYRUPY = f"""
import pytest, respx
{EXCHANGE}

@pytest.mark.edgegw(clock="2030-01-01T00:00:00Z", seed=7)
@respx.mock
def test_an_exchange(gateway, sync_edge_client, snapshot):
    respx.get("http://origin.test/a").respond(text="hello")
    response = sync_edge_client.get("/a")
    assert dict(response.headers) == snapshot
    assert shown(gateway.exchange(response)) == snapshot
"""
INLINE = """
import pytest
from inline_snapshot import snapshot

def in_place(event, context):
    return {"status": "302", "headers": {"location": [{"value": "/" + context.aws_request_id}]}}

@pytest.mark.edgegw(clock="2030-01-01T00:00:00Z", seed=7, functions={"hook": in_place})
def test_an_answer(sync_edge_client):
    response = sync_edge_client.get("/a")
    assert (response.status_code, dict(response.headers)) == snapshot()
"""


@pytest.mark.parametrize(
    ("module", "test", "update"),
    [
        ("syrupy", SYRUPY, "--snapshot-update"),
        ("inline_snapshot", INLINE, "--inline-snapshot=create"),
    ],
)
def test_a_snapshot_is_the_same_again(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    test: str,
    update: str,
) -> None:
    need_module(module)
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)  # this suite's workers are not those of the inner
    pytester.makefile(".yaml", edgegw=CONFIG)
    pytester.makeini("[pytest]\nedgegw_config = edgegw.yaml\n")
    pytester.makepyfile(hook=HOOK, test_snapshot=test)
    pytester.runpytest_inprocess(*ALONE, update)
    again = pytester.runpytest_inprocess(*ALONE)
    again.assert_outcomes(passed=1)
    assert "Tue, 01 Jan 2030 00:00:00 GMT" in "".join(
        file.read_text()
        for file in pytester.path.rglob("test_snapshot.*")
        if file.is_file() and file.suffix != ".pyc"
    )
