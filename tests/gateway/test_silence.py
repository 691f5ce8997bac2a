"""What would be silent says one line, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.awslambda.model import FunctionRef, Invocation
from edgegw.config.resolve import load_dict
from edgegw.execution import environment_process
from edgegw.execution.service import LambdaService
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins import http1_connection, http2_target, silence
from edgegw.gateway.origins.http2_client import Http2Client
from edgegw.gateway.origins.httpx_client import HttpxClient
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts
from edgegw.http.message import Body, Headers, Request
from edgegw.http.target import RequestTarget
from tests.conftest import PYTHON, read_head
from tests.loop_time import LoopTime


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


def asking(port: int, read: float, body: Body | None = None) -> Outgoing:
    headers = Headers([(b"Host", b"target.test")])
    request = Request("POST", RequestTarget(b"/"), headers, body=body or Body.of(b"x"))
    return Outgoing(("http", "127.0.0.1", port), request, Timeouts(5, read, 5))


@pytest.mark.parametrize(
    ("patience", "read", "lines"), [(0.1, 0.5, 1), (5.0, 0.05, 0)], ids=["in time", "too late"]
)
async def test_a_target_of_http2_that_lets_wait_is_told_once(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    raw_origin: Any,
    patience: float,
    read: float,
    lines: int,
) -> None:
    monkeypatch.setattr(http2_target, "PATIENCE", patience)

    async def answers_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass

    time, client = LoopTime(), Http2Client()
    async with raw_origin(answers_nothing) as origin:
        port = int(origin.port)
        for _ in range(2):
            with pytest.raises(SendError, match="did not answer in time"):
                await client.send(asking(port, read))
        await time.forward(10)
        await client.close()
    texts = warnings(caplog)
    assert len(texts) == lines
    for text in texts:
        assert text.startswith(f"http://127.0.0.1:{port} has not answered a request for")
        assert f"it has {read} s (said once)" in text


async def streamed(time: LoopTime) -> AsyncIterator[bytes]:
    yield b"a"
    await time.forward(10)  # a viewer that is slow
    yield b"b"


@pytest.mark.parametrize(
    ("waits", "read", "is_streamed", "lines"),
    [
        (10, 30, False, 1),
        (10, 30, True, 1),
        (0, 30, True, 0),
        (0, 30, False, 0),
        (10, 2, False, 0),
    ],
    ids=["slow", "slow behind a stream", "a slow viewer", "quick", "its time is up before"],
)
async def test_a_mock_that_lets_wait_is_told_once(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    waits: float,
    read: float,
    lines: int,
    *,
    is_streamed: bool,
) -> None:
    monkeypatch.setattr(silence, "PATIENCE", 5.0)
    time = LoopTime()

    async def answer(request: httpx.Request) -> httpx.Response:
        await request.aread()
        await time.forward(waits)
        return httpx.Response(200)

    client = HttpxClient(httpx.MockTransport(answer))
    for _ in range(2):
        body = Body(None, streamed(time)) if is_streamed else None
        await client.send(asking(3000, read, body))
    await time.forward(10)  # what was answered is not silent
    assert len(warnings(caplog)) == lines
    await client.close()


async def test_an_origin_in_process_that_lets_wait_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "PATIENCE", 0.1)

    async def answer(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.3)
        return httpx.Response(200)

    config = load_dict({"distributions": {"site": site("http://origin.test")}})
    running = Gateway(config, transport=lambda _: httpx.MockTransport(answer))
    async with running, running.client("site") as client:
        for path in ("/a", "/b"):
            await client.get(path)
    (text,) = warnings(caplog)
    assert text.startswith("http://origin.test:80 has not answered a request for 0.1 s")


async def test_an_import_that_hangs_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environment_process, "INIT_PATIENCE", 0.3)
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
