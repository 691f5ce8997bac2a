"""A page of another site that is led here by its own name (DNS rebinding) gets CloudFront's 403."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw import Gateway
from edgegw.config.resolve import load_dict
from tests.conftest import AUTHORITY, FUNCTIONS, need

UNKNOWN = "attacker.example"


def config(origin: str = "http://127.0.0.1:9", **more: Any) -> dict[str, Any]:
    """A distribution in front of `origin`, with two aliases; `more` is for the gateway."""
    site = {
        "listen": 0,
        "aliases": ["www.site.test", "*.shop.test"],
        "origins": {"app": {"url": origin}},
        "default_behavior": {"origin": "app", "cache_policy": "CachingDisabled"},
    }
    return {"distributions": {"site": site}, "gateway": {"accept_any_host": False, **more}}


def head(host: str, target: str = "/") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


def own_name() -> str:
    return load_dict(config()).distributions[0].distribution.domain_name


class TestByASocket:
    @pytest.mark.parametrize(
        "host",
        ["localhost", "127.0.0.1:1", "a.localhost", "www.site.test", "a.b.shop.test", own_name()],
    )
    async def test_its_own_names_reach_the_origin(
        self, serving: Any, echo_origin: Any, host: str
    ) -> None:
        async with echo_origin() as origin, serving(config(origin.url)) as front:
            assert (await front.raw("site", head(host))).startswith(b"HTTP/1.1 200 OK\r\n")
            assert len(origin.heads) == 1

    async def test_another_one_gets_403_and_nothing_reaches_the_origin(
        self, serving: Any, echo_origin: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with echo_origin() as origin, serving(config(origin.url)) as front:
            with caplog.at_level(logging.WARNING):
                answers = [await front.raw("site", head(f"{UNKNOWN}:80")) for _ in range(2)]
            for answer in answers:
                assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\nServer: CloudFront\r\n")
                assert b"\r\nX-Cache: Error from cloudfront\r\n" in answer
                assert b"\nBad request.\n" in answer
            assert origin.heads == []
            last = list(front.gateway.exchanges)[-1]
            assert f"the Host {UNKNOWN!r} is neither an alias" in str(last.reason)
        warnings = [text for text in caplog.messages if "answered 403 to the Host" in text]
        assert len(warnings) == 1  # once for each name
        assert f"site answered 403 to the Host {UNKNOWN!r}" in warnings[0]
        assert "accept_any_host: true" in warnings[0]

    async def test_no_custom_error_page_stands_for_it(self, serving: Any, echo_origin: Any) -> None:
        async with echo_origin() as origin:
            described = config(origin.url)
            described["distributions"]["site"]["custom_error_responses"] = [
                {"error_code": 403, "response_page_path": "/index.html", "response_code": 200}
            ]
            async with serving(described) as front:
                assert (await front.raw("site", head(UNKNOWN))).startswith(b"HTTP/1.1 403 ")
                assert origin.heads == []

    async def test_a_target_that_names_another_one_is_refused(self, serving: Any) -> None:
        async with serving(config()) as front:
            request = head("localhost", f"http://{UNKNOWN}/")
            assert (await front.raw("site", request)).startswith(b"HTTP/1.1 403 ")

    async def test_a_websocket_of_such_a_page_is_refused(self, serving: Any) -> None:
        async with serving(config()) as front:
            upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            request = f"GET / HTTP/1.1\r\nHost: {UNKNOWN}\r\n{upgrade}{key}\r\n".encode()
            answer = await front.raw("site", request, until_close=False)
            assert answer.startswith(b"HTTP/1.1 403 ")

    async def test_over_http2_the_authority_counts(self, serving: Any) -> None:
        curl = need("curl", "HTTP/2 is not tested with it")
        described = config()
        described["distributions"]["site"]["listen"] = {
            "address": "127.0.0.1", "port": 0, "tls": True
        }  # fmt: skip
        async with serving(described) as front:
            url = front.urls["site"]
            words = ["-sS", "--http2", "--cacert", str(AUTHORITY), "-o", "/dev/null"]
            told = ["-w", "%{http_version} %{http_code}", "-H", f"Host: {UNKNOWN}", url]
            running = await asyncio.create_subprocess_exec(curl, *words, *told, stdout=-1)
            assert (await running.communicate())[0] == b"2 403"

    async def test_the_switch_lets_any_in(self, serving: Any, echo_origin: Any) -> None:
        async with (
            echo_origin() as origin,
            serving(config(origin.url, accept_any_host=True)) as front,
        ):
            assert (await front.raw("site", head(UNKNOWN))).startswith(b"HTTP/1.1 200 OK\r\n")

    async def test_a_changed_alias_counts_for_heads_that_were_refused(
        self, serving: Any, echo_origin: Any
    ) -> None:
        async with echo_origin() as origin:
            described = config(origin.url)
            async with serving(described) as front:
                assert (await front.raw("site", head(UNKNOWN))).startswith(b"HTTP/1.1 403 ")
                described["distributions"]["site"]["aliases"] = [UNKNOWN]
                state = {"state": front.gateway.config.state}
                await front.gateway.reload(load_dict({**described, "gateway": state}, FUNCTIONS))
                assert (await front.raw("site", head(UNKNOWN))).startswith(b"HTTP/1.1 200 ")
                assert (await front.raw("site", head("www.site.test"))).startswith(b"HTTP/1.1 403 ")


class TestInProcess:
    """No page of a browser gets there, and tests name hosts at will."""

    @pytest.mark.parametrize("base", ["http://testserver", "https://anything.example", None])
    async def test_clients_may_use_any_name(self, base: str | None, tmp_path: Path) -> None:
        options = {} if base is None else {"base_url": base}
        gateway = redirecting(tmp_path)
        async with gateway.client("site", **options) as client:
            assert (await client.get("/")).status_code == 418
            named = await client.get("/", headers={"Host": UNKNOWN})
            assert named.status_code == 418
        with gateway.sync_client("site", **options) as client:
            assert client.get("/").status_code == 418

    @pytest.mark.parametrize("name", ["testserver", UNKNOWN])
    async def test_a_test_client_of_an_application(self, name: str, tmp_path: Path) -> None:
        transport = httpx.ASGITransport(redirecting(tmp_path).app("site"))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{name}") as client:
            assert (await client.get("/")).status_code == 418

    async def test_a_server_with_an_address_asks_for_the_host(self, tmp_path: Path) -> None:
        gateway = redirecting(tmp_path)
        transport = httpx.ASGITransport(gateway.app("site"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/")).status_code == 418
            assert (await client.get("/", headers={"Host": UNKNOWN})).status_code == 403
            assert (await client.get("/", headers={"Host": "a.shop.test"})).status_code == 418


def redirecting(tmp_path: Path) -> Gateway:
    """A distribution whose hook answers 418 itself."""
    (tmp_path / "hook.py").write_text("")
    described = config()
    described["functions"] = {
        "hook": {"runtime": "python3.11", "code": str(tmp_path), "handler": "hook.handler"}
    }
    behavior = described["distributions"]["site"]["default_behavior"]
    behavior["lambda_functions"] = {"viewer-request": "hook"}
    return Gateway.from_dict(described, functions={"hook": lambda *_: {"status": "418"}})
