"""Faults on demand at functions, origins and target groups, and the command that sets them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_commands import running
from tests.conftest import FUNCTIONS, PYTHON, free_port
from tests.gateway.test_reload import serving as reloading


def config(url: str, **faults: Any) -> dict[str, Any]:
    function = {"runtime": PYTHON, "code": str(FUNCTIONS), "timeout": 1}
    return {
        "functions": {
            "hook": {
                **function,
                "handler": "hooks.pass_request",
                "faults": faults.get("hook"),
            },
            "api": {**function, "handler": "hooks.target", "faults": faults.get("api")},
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {
                    "app": {
                        "url": url,
                        "read_timeout": 1,
                        "connection_attempts": 1,
                        "faults": faults.get("app"),
                    }
                },
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
        "target_groups": {
            "web": {
                "targets": [url.removeprefix("http://")],
                "faults": faults.get("web"),
            },
            "api": {"target_type": "lambda", "function": "api"},
        },
        "load_balancers": {
            "web": {"listeners": [{"listen": 0, "default_actions": [{"forward": "web"}]}]},
            "api": {"listeners": [{"listen": 0, "default_actions": [{"forward": "api"}]}]},
        },
        "gateway": {"fault_seed": faults.get("seed")},
    }


@pytest.mark.parametrize(
    ("faults", "door", "status", "header", "cache"),
    [
        ({"hook": {"error": 1}}, "site", 503, "hook error", "LambdaExecutionError"),
        ({"hook": {"throttle": 1}}, "site", 503, "hook throttle", "LambdaLimitExceeded"),
        ({"hook": {"timeout": 1}}, "site", 503, "hook timeout", "LambdaExecutionError"),
        ({"hook": {"latency": 2}}, "site", 503, "hook latency 2000ms", "LambdaExecutionError"),
        ({"hook": {"latency": 0.05}}, "site", 200, "hook latency 50ms", "Miss"),
        ({"app": {"error": 1}}, "site", 503, "site/app error", "Error"),
        ({"app": {"error": 1, "status": 500}}, "site", 500, "site/app error", "Error"),
        ({"app": {"reset": 1}}, "site", 502, "site/app reset", "Error"),
        ({"app": {"timeout": 1}}, "site", 504, "site/app timeout", "Error"),
        ({"web": {"error": 1}}, "web", 503, "web error", None),
        ({"web": {"reset": 1}}, "web", 502, "web reset", None),
        ({"web": {"latency": 0.05}}, "web", 200, "web latency 50ms", None),
        ({"api": {"error": 1}}, "api", 502, "api error", None),
        ({"api": {"throttle": 1}}, "api", 502, "api throttle", None),
        ({"api": {"timeout": 1}}, "api", 502, "api timeout", None),
    ],
)
async def test_a_fault_looks_as_on_aws(
    serving: Any,
    echo_origin: Any,
    faults: dict[str, Any],
    door: str,
    status: int,
    header: str,
    cache: str | None,
) -> None:
    async with echo_origin() as origin, serving(config(origin.url, **faults)) as front:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.get(front.urls[door])
        assert answer.status_code == status
        assert answer.headers["x-edgegw-fault"] == header
        if cache is not None:
            assert answer.headers["x-cache"] == f"{cache} from cloudfront"
        exchange = list(front.gateway.exchanges)[-1]
        assert exchange.faults == (header,)
        assert exchange.to_dict()["faults"] == [header]
        assert f"fault on demand: {header}" in str(exchange)


@pytest.mark.parametrize("door", ["site", "web"])
async def test_a_truncated_body_breaks_off(serving: Any, raw_origin: Any, door: str) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)
        await writer.drain()

    faults = {"app": {"truncate": 1}, "web": {"truncate": 1}}
    async with raw_origin(script) as origin, serving(config(origin.url, **faults)) as front:
        answer = await front.raw(door, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"Content-Length: 1000" in head
        assert b"x-edgegw-fault: " in head
        assert body == b"x" * 500


async def test_the_same_seed_gives_the_same_sequence(serving: Any, echo_origin: Any) -> None:
    sequences: list[list[int]] = []
    async with echo_origin() as origin:
        for seed in (7, 7, 8):
            faulty = config(origin.url, app={"error": 0.5}, seed=seed)
            async with serving(faulty) as front, httpx.AsyncClient(trust_env=False) as client:
                found = [await client.get(front.urls["site"]) for _ in range(30)]
                sequences.append([each.status_code for each in found])
                for each in found:
                    assert ("x-edgegw-fault" in each.headers) == (each.status_code == 503)
    assert sequences[0] == sequences[1] != sequences[2]
    assert set(sequences[0]) == {200, 503}


async def test_an_edit_of_the_configuration_sets_and_clears_faults(
    tmp_path: Path, echo_origin: Any
) -> None:
    async with echo_origin() as origin:
        calm = config(origin.url)
        async with reloading(tmp_path, calm) as served:
            assert (await served.answer()).status_code == 200
            served.configure(config(origin.url, app={"error": 1}))
            async with asyncio.timeout(30):
                while (await served.answer()).status_code != 503:
                    await asyncio.sleep(0.01)
            served.configure(calm)
            async with asyncio.timeout(30):
                while (await served.answer()).status_code != 200:
                    await asyncio.sleep(0.01)


# The command


def edgegw(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgegw", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def fixed(tmp_path: Path, port: int) -> None:
    answer = [{"fixed_response": {"status_code": 200, "message_body": "hello"}}]
    listener = {"listen": port, "default_actions": answer}
    api = {"runtime": PYTHON, "code": str(FUNCTIONS), "handler": "hooks.target"}
    (tmp_path / "edgegw.yaml").write_text(
        json.dumps(
            {
                "functions": {"api": api},
                "target_groups": {"api": {"target_type": "lambda", "function": "api"}},
                "load_balancers": {
                    "web": {
                        "listeners": [
                            {
                                **listener,
                                "rules": [
                                    {
                                        "priority": 1,
                                        "conditions": [{"path_pattern": ["/api"]}],
                                        "actions": [{"forward": "api"}],
                                    }
                                ],
                            }
                        ]
                    }
                },
            }
        )
    )


def test_the_command_sets_shows_and_clears(tmp_path: Path) -> None:
    port = free_port()
    fixed(tmp_path, port)
    url = f"http://127.0.0.1:{port}/api"
    nothing = edgegw(tmp_path, "fault", "api.error")
    assert nothing.returncode == 1
    assert "no gateway runs" in nothing.stderr
    with running("serve", cwd=tmp_path, doors=1):
        assert edgegw(tmp_path, "fault").stdout == "no faults\n"
        assert httpx.get(url, trust_env=False).status_code == 200
        shown = edgegw(tmp_path, "fault", "api.error=100%", "api.latency=10ms", "--seed", "3")
        assert shown.stdout == "function:api  error=100% latency=10ms\n"
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 502
        assert answer.headers["x-edgegw-fault"] == "api error latency 10ms"
        found = json.loads(edgegw(tmp_path, "fault", "--json").stdout)
        assert found == {"faults": {"function:api": {"error": 1, "latency": 0.01}}, "seed": 3}
        wrong = edgegw(tmp_path, "fault", "apy.error")
        assert wrong.returncode == 2
        assert "did you mean 'api'?" in wrong.stderr
        assert edgegw(tmp_path, "fault", "clear").stdout == "no faults\n"
        assert httpx.get(url, trust_env=False).status_code == 200


def test_without_a_state_folder_the_gateway_serves_all_the_same(tmp_path: Path) -> None:
    port = free_port()
    fixed(tmp_path, port)
    (tmp_path / ".edgegw").write_text("no folder")
    with running("serve", cwd=tmp_path, doors=1) as (process, _):
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text == "hello"
        process.terminate()
        _, log = process.communicate(timeout=60)
    assert "warning: commands cannot reach this gateway" in log
    assert "Traceback" not in log
