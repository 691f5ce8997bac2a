"""Saving a file that is half typed, empty or no configuration: what runs stays, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.test_reload import Served, hook_config, listener, save, serving

GOOD = {
    "load_balancers": {
        "web": {
            "listeners": [
                {
                    "listen": 0,
                    "rules": [
                        {
                            "priority": 1,
                            "conditions": [{"host_header": "a.example"}],
                            "actions": [{"fixed_response": {"status_code": 200}}],
                        }
                    ],
                    "default_actions": [
                        {"fixed_response": {"status_code": 200, "message_body": "one"}}
                    ],
                }
            ]
        }
    }
}
TEXT = yaml.safe_dump(GOOD)


async def until_stale(served: Served, part: str) -> None:
    answer = await served.until_stale(part, "web")
    assert (answer.status_code, answer.text) == (200, "one")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        pytest.param(b"", "config.nothing", id="empty"),
        pytest.param(b"# later\n", "config.nothing", id="comment"),
        pytest.param(b"{}", "no front door is left", id="no door"),
        pytest.param(b"target_groups: {t: {}}", "no front door is left", id="first half"),
        pytest.param(b"load_balancers:\n  web:", "2:3: error: config.empty", id="half typed"),
        pytest.param(TEXT.replace("a.example", "").encode(), "config.empty", id="host_header:"),
        pytest.param(TEXT.replace("a.example", "null").encode(), "alb.condition", id="null"),
        pytest.param(TEXT.encode() + b"gateway: {state: \xff}", "config.encoding", id="bytes"),
        pytest.param(b"a: " + b"[" * 10_000, "config.syntax", id="brackets"),
        pytest.param(
            TEXT.replace("listen: 0", "listen: 99999999").encode(), "config.type", id="port"
        ),
        pytest.param(b"gateway: {concurrency: " + b"9" * 5000 + b"}", "config.type", id="digits"),
    ],
)
async def test_what_runs_stays_and_is_stale(tmp_path: Path, content: bytes, part: str) -> None:
    async with serving(tmp_path, GOOD) as served:
        (tmp_path / "edgegw.yaml").write_bytes(content)
        await until_stale(served, part)
        served.configure({**GOOD, "gateway": {"fault_seed": 1}})
        while (await served.answer("web")).headers.get("x-edgegw-stale"):
            pass


async def test_a_certificate_that_is_none_changes_nothing(tmp_path: Path) -> None:
    """Doors that cannot be opened are found out before others are closed."""
    (tmp_path / "no.pem").write_text("no certificate")
    async with serving(tmp_path, GOOD) as served:
        changed = yaml.safe_load(TEXT)
        listener = changed["load_balancers"]["web"]["listeners"][0]
        listener |= {"protocol": "HTTPS", "certificate": "no.pem", "key": "no.pem"}
        served.configure(changed)
        await until_stale(served, "no.pem")
        served.configure(GOOD)
        while (await served.answer("web")).headers.get("x-edgegw-stale"):
            pass


async def test_a_fault_of_our_own_while_reloading_changes_nothing(
    tmp_path: Path, monkeypatch, caplog
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError("for example")

    async with serving(tmp_path, GOOD) as served:
        with monkeypatch.context() as patch:
            patch.setattr(served.gateway, "reload", fails)
            save(tmp_path / "edgegw.yaml", TEXT + "# changed\n")
            await until_stale(served, "a fault of edgegw itself: ZeroDivisionError")
    assert caplog.text.count("Traceback") == 1


async def test_a_load_balancer_shows_the_port_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text(
        "def handler(event, context):\n"
        "    return {'statusCode': 200, 'body': event['headers']['x-forwarded-port']}\n"
    )
    code = {"runtime": hook_config()["functions"]["hook"]["runtime"], "code": "hook.py"}
    config = {
        "functions": {"f": {**code, "handler": "hook.handler"}},
        "target_groups": {"t": {"target_type": "lambda", "function": "f"}},
        "load_balancers": {
            "web": {
                "listeners": [
                    {
                        "listen": 0,
                        "rules": [
                            {
                                "priority": 1,
                                "conditions": [{"path_pattern": "/moved"}],
                                "actions": [
                                    {"redirect": {"status_code": "HTTP_301", "path": "/new"}}
                                ],
                            }
                        ],
                        "default_actions": [{"forward": "t"}],
                    }
                ]
            }
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"web": {"load_balancer": "web"}},
                "default_behavior": {"origin": "web"},
            }
        },
    }
    async with serving(tmp_path, config) as served:
        port = served.urls["web"].rpartition(":")[2]
        for door in ("web", "site"):
            assert (await served.answer(door)).text == port
        moved = await served.client.get(f"{served.urls['web']}/moved")
        assert moved.headers["location"] == f"http://127.0.0.1:{port}/new"
        config["gateway"] = {"fault_seed": 7}  # a reload keeps it
        served.configure(config)
        while served.gateway.config.fault_seed != 7:
            await served.answer("web")
        assert (await served.answer("web")).text == port


async def test_warnings_that_a_saved_configuration_brings_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "edgegw")
    config = {"load_balancers": {"web": {"listeners": [listener("one")]}}}
    in_vain: dict[str, Any] = {"own": {"cookies": {"items": ["a"]}}}
    async with serving(tmp_path, config) as served:
        for body in ("two", "three"):
            listeners = [listener(body)]
            served.configure(
                {"load_balancers": {"web": {"listeners": listeners}}, "cache_policies": in_vain}
            )
            await served.until(body, "web")
    told = [text for text in caplog.messages if "cloudfront.policy-names" in text]
    assert len(told) == 1
    assert told[0].startswith("the new configuration has warnings:\n    ")
