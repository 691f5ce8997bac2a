"""WebSockets to a Node.js server (the package ws) through both front doors."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import IN_CI
from tests.gateway.test_streams import config

HERE = Path(__file__).parent
PACKAGE = HERE / "react_site" / "node_modules" / "ws"
DOORS = ["site", "web", "through"]


@pytest.fixture
async def node_origin(node: str) -> AsyncIterator[str]:
    if not PACKAGE.is_dir():
        reason = f"the package ws is missing: npm ci --prefix {PACKAGE.parents[1]}"
        (pytest.fail if IN_CI else pytest.skip)(reason)
    process = await asyncio.create_subprocess_exec(
        node, str(HERE / "ws_server.cjs"), str(PACKAGE), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    yield f"http://127.0.0.1:{port}"
    process.kill()
    await process.wait()


def to(front: Any, door: str, path: str = "/") -> str:
    return front.urls[door].replace("http://", "ws://") + path


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_echo(serving: Any, node_origin: str, door: str, compression: Any) -> None:
    async with serving(config(node_origin)) as front:
        options = {"compression": compression, "max_size": None, "proxy": None}
        async with connect(to(front, door), subprotocols=["other", "chat"], **options) as viewer:
            assert viewer.subprotocol == "chat"
            for message in ("text", "", b"", b"\x00\xff" * 10, "ü€𝄞" * 1000, os.urandom(1 << 20)):
                await viewer.send(message)
                assert await viewer.recv() == message


@pytest.mark.parametrize("door", DOORS)
async def test_fragments_and_control_frames(serving: Any, node_origin: str, door: str) -> None:
    async with serving(config(node_origin)) as front:
        async with connect(to(front, door), proxy=None) as viewer:
            await viewer.send(["frag", "", "mented"])
            assert await viewer.recv() == "fragmented"
            await viewer.send("in pieces")
            assert [piece async for piece in viewer.recv_streaming()] == ["one ", "", "two"]
            await viewer.send("ping me")
            assert await viewer.recv() == "pong are you there"
            await (await viewer.ping(b"x" * 125))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("path", "code", "reason"),
    [("/code", 4004, "as asked"), ("/plain", 1005, ""), ("/abrupt", 1006, "")],
)
async def test_the_server_ends(
    serving: Any, node_origin: str, door: str, path: str, code: int, reason: str
) -> None:
    async with serving(config(node_origin)) as front:
        async with connect(to(front, door, path), proxy=None) as viewer:
            await viewer.send("end")
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(30):
                    await viewer.recv()
            assert (viewer.close_code, viewer.close_reason) == (code, reason)


@pytest.mark.parametrize("door", DOORS)
async def test_the_viewer_ends(serving: Any, node_origin: str, door: str) -> None:
    async with serving(config(node_origin)) as front:
        async with connect(to(front, door), proxy=None) as first:
            await first.close(4001, "done")
        async with connect(to(front, door), proxy=None) as second:
            await second.send("x")
            assert await second.recv() == "x"
            second.transport.abort()
        async with connect(to(front, door), proxy=None) as third, asyncio.timeout(30):
            found: list[Any] = []
            while len(found) < 2:
                await third.send("how did it end")
                found = json.loads(await third.recv())
            assert found == [[4001, "done"], [1006, ""]]


@pytest.mark.parametrize("door", DOORS)
async def test_ten_thousand_messages_in_order(serving: Any, node_origin: str, door: str) -> None:
    async with serving(config(node_origin)) as front:
        async with connect(to(front, door), proxy=None) as viewer:

            async def send() -> None:
                for number in range(10_000):
                    await viewer.send(str(number))

            sending = asyncio.ensure_future(send())
            async with asyncio.timeout(60):
                for number in range(10_000):
                    assert await viewer.recv() == str(number)
            await sending
