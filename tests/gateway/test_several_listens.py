"""A distribution that listens at several places: plain HTTP and HTTPS at once, as on AWS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from edgegw import ConfigError, Gateway
from edgegw.config.resolve import load_dict
from edgegw.gateway.server import Ready, serve
from tests.conftest import free_port
from tests.tls_clients import trusting_anyone


def config(policy: str, *listen: Any) -> dict[str, Any]:
    behavior = {
        "origin": "app",
        "cache_policy": "CachingDisabled",
        "viewer_protocol_policy": policy,
    }
    site = {
        "listen": list(listen),
        "origins": {"app": {"url": "http://app.test"}},
        "default_behavior": behavior,
    }
    return {"distributions": {"site": site}}


@contextlib.asynccontextmanager
async def running(folder: Path, policy: str) -> AsyncGenerator[tuple[int, int]]:
    """The ports for plain HTTP and for HTTPS."""
    plain, secure = free_port(), free_port()
    given = config(policy, plain, {"port": secure, "tls": True})
    gateway = Gateway.from_dict(given, base=folder)
    opened: list[Ready] = []
    both, stopping = asyncio.Event(), asyncio.Event()

    def on_ready(ready: Ready) -> None:
        opened.append(ready)
        if len(opened) == 2:
            both.set()

    task = asyncio.ensure_future(serve(gateway, on_ready=on_ready, stopping=stopping))
    async with asyncio.timeout(30):
        await both.wait()
    assert [ready.url for ready in opened] == [
        f"http://127.0.0.1:{plain}",
        f"https://127.0.0.1:{secure}",
    ]
    try:
        yield plain, secure
    finally:
        stopping.set()
        await task


async def get(url: str) -> httpx.Response:
    context = trusting_anyone()
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        return await client.get(url)


@pytest.fixture
def origin() -> Any:
    with respx.mock(assert_all_called=False) as mocked:
        mocked.get("http://app.test/a").respond(200, text="the app")
        mocked.route(host="127.0.0.1").pass_through()
        yield mocked


async def test_plain_viewers_are_led_to_the_port_for_https(tmp_path: Path, origin: Any) -> None:
    async with running(tmp_path, "redirect-to-https") as (plain, secure):
        redirect = await get(f"http://127.0.0.1:{plain}/a?b=1")
        assert redirect.status_code == 301
        assert redirect.headers["location"] == f"https://127.0.0.1:{secure}/a?b=1"
        assert (await get(f"https://127.0.0.1:{secure}/a")).text == "the app"


async def test_plain_viewers_are_refused(tmp_path: Path, origin: Any) -> None:
    async with running(tmp_path, "https-only") as (plain, secure):
        assert (await get(f"http://127.0.0.1:{plain}/a")).status_code == 403
        assert (await get(f"https://127.0.0.1:{secure}/a")).status_code == 200


@pytest.mark.parametrize(
    ("policy", "status"), [("allow-all", 200), ("redirect-to-https", 301), ("https-only", 403)]
)
async def test_plain_http_on_the_port_for_https_gets_the_policys_answer(
    tmp_path: Path, origin: Any, policy: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edgegw")
    async with running(tmp_path, policy) as (_, secure):
        answer = await get(f"http://127.0.0.1:{secure}/a")
        assert answer.status_code == status
        assert answer.headers.get("location", "").startswith(
            f"https://127.0.0.1:{secure}/" if status == 301 else ""
        )
        assert f"plain HTTP came to the port {secure}, which is for HTTPS" in caplog.text


async def test_tls_on_the_port_for_plain_http_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edgegw")
    async with running(tmp_path, "allow-all") as (plain, _):
        with pytest.raises(httpx.ConnectError):
            await get(f"https://127.0.0.1:{plain}/a")
        assert "TLS came to a port for plain HTTP" in caplog.text


def test_in_process_the_first_place_is_meant(tmp_path: Path) -> None:
    gateway = Gateway.from_dict(config("allow-all", 8081, {"port": 8443, "tls": True}))
    assert str(gateway.sync_client("site").base_url) == "http://127.0.0.1:8081"
    assert str(gateway.sync_client("site:8443").base_url) == "https://127.0.0.1:8443"


@pytest.mark.parametrize(
    ("listen", "code"),
    [
        ([], "config.type"),
        ([8081, 8081], "config.duplicate-listener"),
        ([8081, "x"], "config.type"),
    ],
)
def test_wrong_places(listen: list[Any], code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_dict(config("allow-all", *listen))
    assert code in [finding.code for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("policy", "listen", "codes"),
    [
        ("redirect-to-https", [8081], ["cloudfront.no-https"]),
        ("https-only", [8081], ["cloudfront.no-https"]),
        ("https-only", [8081, {"port": 8443, "tls": True}], []),
        ("allow-all", [8081], []),
    ],
)
def test_a_policy_that_nothing_can_meet(policy: str, listen: list[Any], codes: list[str]) -> None:
    assert [finding.code for finding in load_dict(config(policy, *listen)).warnings] == codes
