"""How long things run in process: for clients, for `with gateway:`, with and without a loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from edgegw import EnvironmentProblem, Gateway, UsageError
from tests.conftest import FUNCTIONS, PYTHON
from tests.gateway.test_test_tools import tool

CONFIG = {
    "functions": {"target": {"runtime": PYTHON, "code": ".", "handler": "hooks.target"}},
    "target_groups": {"t": {"target_type": "lambda", "function": "target"}},
    "load_balancers": {
        "web": {"listeners": [{"listen": 0, "default_actions": [{"forward": "t"}]}]}
    },
}


def gateway(**options: Any) -> Gateway:
    return Gateway.from_dict(CONFIG, base=FUNCTIONS, **options)


def is_cold(gateway: Gateway, response: httpx.Response) -> bool:
    (run,) = gateway.exchange(response).runs
    return run.is_cold


def test_with_gateway_keeps_environments_warm_between_blocking_clients() -> None:
    running = gateway()
    with running:
        with running.sync_client("web") as client:
            assert is_cold(running, client.get("/"))
        with running.sync_client("web") as client:
            assert not is_cold(running, client.get("/"))
        assert running.is_running
    assert not running.is_running


def test_without_it_they_end_with_the_last_client() -> None:
    running = gateway()
    for _ in range(2):
        with running.sync_client("web") as client:
            assert is_cold(running, client.get("/"))
        assert not running.is_running


def test_blocking_clients_that_live_at_once_share_what_runs() -> None:
    running = gateway()
    with running.sync_client("web") as first, running.sync_client("web") as second:
        assert is_cold(running, first.get("/"))
        assert not is_cold(running, second.get("/"))
        first.close()
        assert not is_cold(running, second.get("/"))
    assert not running.is_running


def test_blocking_clients_work_in_several_threads() -> None:
    running, statuses = gateway(), list[int]()

    def ask() -> None:
        with running.sync_client("web") as client:
            statuses.append(client.get("/").status_code)

    with running:
        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 5


def test_a_failing_start_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    node = {"runtime": "nodejs22.x", "code": ".", "handler": "faults.good"}
    config = {**CONFIG, "functions": {"target": node}}
    monkeypatch.setenv("PATH", "")
    running = Gateway.from_dict(config, base=FUNCTIONS)
    before = threading.active_count()
    with pytest.raises(EnvironmentProblem, match=r"Node\.js"):
        with running:
            pass
    assert threading.active_count() == before
    assert not running.is_running


def test_outside_of_a_loop_a_sentence_says_what_works() -> None:
    with pytest.raises(UsageError, match=r"no running event loop: .* gateway\.sync_client"):
        gateway().client("web")


def test_a_blocking_client_works_inside_of_a_loop() -> None:
    async def ask() -> int:
        with gateway().sync_client("web") as client:
            return client.get("/").status_code

    assert asyncio.run(ask()) == 200


def test_under_trio_a_sentence_says_what_works() -> None:
    trio = tool("trio")

    async def by_client() -> None:
        gateway().client("web")

    async def by_with() -> None:
        async with gateway():
            pass

    async def by_app() -> None:
        transport = httpx.ASGITransport(app=gateway().app("web"))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            await client.get("/")

    for way in (by_client, by_with, by_app):
        with pytest.raises(UsageError, match=r"not on trio: use gateway\.sync_client"):
            trio.run(way)


def test_the_blocking_client_works_under_trio() -> None:
    trio = tool("trio")

    async def ask() -> int:
        with gateway().sync_client("web") as client:
            return (await trio.to_thread.run_sync(client.get, "/")).status_code

    assert trio.run(ask) == 200
