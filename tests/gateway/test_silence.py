"""What would be silent says one line, once."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.awslambda.model import FunctionRef, Invocation
from edgegw.config.resolve import load_dict
from edgegw.execution import environment
from edgegw.execution.service import LambdaService
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins import http1_connection
from tests.conftest import PYTHON, read_head


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    records = [record for record in caplog.records if record.levelno == logging.WARNING]
    return [record.getMessage() for record in records]


def site(origin: str, **behavior: Any) -> dict[str, Any]:
    return {
        "listen": 0,
        "origins": {"app": {"url": origin}},
        "default_behavior": {"origin": "app", **behavior},
    }


async def test_cookies_that_caching_disabled_drops_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = load_dict(
        {"distributions": {"site": site("http://o", cache_policy="CachingDisabled")}}
    )
    answers = httpx.MockTransport(lambda _: httpx.Response(200))
    running = Gateway(config, transport=lambda _: answers)
    async with running, running.client("site") as client:
        await client.get("/")
        assert warnings(caplog) == []
        for _ in range(3):
            await client.get("/?a=1", headers={"Cookie": "sid=1"})
    (text,) = warnings(caplog)
    assert text.startswith("site: behavior * keeps cookies (sid) and query strings (a) from the")


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_a_handshake_that_policies_spoil_is_told_once(
    caplog: pytest.LogCaptureFixture, serving: Any, echo_origin: Any
) -> None:
    async with echo_origin() as origin:
        async with serving({"distributions": {"site": site(origin.url)}}) as gateway:
            for _ in range(2):
                await gateway.raw("site", HANDSHAKE)
    (text,) = warnings(caplog)
    assert "a WebSocket's handshake comes to the origin as an ordinary request" in text


async def test_an_origin_that_lets_wait_is_told_once(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    serving: Any,
    raw_origin: Any,
) -> None:
    monkeypatch.setattr(http1_connection, "PATIENCE", 0.1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            await asyncio.sleep(0.5 if b"/slow" in head else 0)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with raw_origin(answer) as origin:
        async with serving({"distributions": {"site": site(origin.url)}}) as gateway:
            async with httpx.AsyncClient(trust_env=False) as client:
                for path in ("/", "/", "/slow", "/slow", "/"):
                    await client.get(f"{gateway.urls['site']}{path}")
                await asyncio.sleep(0.3)  # a connection that rests is not silent
    (text,) = warnings(caplog)
    assert text.startswith(f"http://127.0.0.1:{origin.port} has not answered a request for")
    assert "it has 30 s" in text


async def test_an_import_that_hangs_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environment, "INIT_PATIENCE", 0.3)
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(1)\ndef handler(e, c): ...\n")
    function = {"runtime": PYTHON, "code": "slow.py", "handler": "slow.handler", "timeout": 20}
    config = load_dict({"functions": {"slow": function}}, tmp_path)
    service = LambdaService(config.functions, config.account)
    await service.start()
    invocation = Invocation(FunctionRef("slow"), b"{}")
    await asyncio.gather(service.invoke(invocation), service.invoke(invocation))
    await service.close()
    (text,) = warnings(caplog)
    assert text.startswith("slow: its code has not loaded for 0.3 s; it has 10 s")
