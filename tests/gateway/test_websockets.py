"""WebSockets through both front doors: bytes pass both ways as they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from tests.conftest import PYTHON, read_head
from tests.loop_time import LoopTime

ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


async def echo(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


@contextlib.asynccontextmanager
async def origin(handler: Any = echo, **options: Any) -> AsyncIterator[str]:
    server = await serve_websockets(handler, "127.0.0.1", 0, max_size=None, **options)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def config(url: str, **more: Any) -> dict[str, Any]:
    hooks = more.pop("hooks", {})
    policy = more.pop("policy", "AllViewer")
    return {
        "functions": {
            name: {"runtime": PYTHON, "code": ".", "handler": f"hooks_ws.{name}"}
            for name in hooks.values()
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": url}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": policy,
                    "lambda_functions": hooks,
                },
            }
        },
        "target_groups": {
            "app": {"targets": [url.removeprefix("http://")]},
            "function": {"target_type": "lambda", "function": "target"},
        }
        if "target" not in hooks.values()
        else {},
        "load_balancers": {
            "web": {
                "listeners": [
                    {
                        "listen": 0,
                        "rules": [
                            {
                                "priority": 1,
                                "conditions": [{"path_pattern": "/function"}],
                                "actions": [{"forward": "function"}],
                            }
                        ],
                        "default_actions": [{"forward": "app"}],
                    }
                ]
            }
        },
    }


def with_target(url: str, **more: Any) -> dict[str, Any]:
    found = config(url, **more)
    found["functions"]["target"] = {"runtime": PYTHON, "code": ".", "handler": "hooks.target"}
    return found


DOORS = ["site", "web"]


def url_of(served: Any, door: str, path: str = "/") -> str:
    return served.urls[door].replace("http://", "ws://") + path


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_text_and_binary_messages_come_back(serving: Any, door: str) -> None:
    async with (
        origin() as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), max_size=None, proxy=None) as client,
    ):
        for message in ("hello", "", b"\x00\xff", b"", "ü" * 70_000, bytes(1_000_000)):
            await client.send(message)
            assert await client.recv() == message


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_ten_thousand_messages_stay_in_order(serving: Any, door: str) -> None:
    async with (
        origin() as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), proxy=None) as client,
    ):

        async def send() -> None:
            for at in range(10_000):
                await client.send(str(at))

        sending = asyncio.ensure_future(send())
        assert [await client.recv() for _ in range(10_000)] == [str(at) for at in range(10_000)]
        await sending


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_fragments_stay_fragments(serving: Any, door: str) -> None:
    frames: list[str] = []

    async def fragments(connection: ServerConnection) -> None:
        frames.extend([part async for part in connection.recv_streaming(decode=True)])
        await connection.send(["a", "", "b"])

    async with (
        origin(fragments) as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), proxy=None) as client,
    ):
        await client.send(["x", "", "y", "z"])
        assert [part async for part in client.recv_streaming(decode=True)] == ["a", "", "b", ""]
        assert frames == ["x", "", "y", "z", ""]


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_subprotocol_is_agreed_end_to_end(serving: Any, door: str) -> None:
    async with (
        origin(subprotocols=["two"]) as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), subprotocols=["one", "two"], proxy=None) as client,  # type: ignore[list-item]
    ):
        assert client.subprotocol == "two"


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_pings_reach_the_other_end(serving: Any, door: str) -> None:
    """The pong carries the data of the ping: nobody in between answered it with its own."""
    async with (
        origin() as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), proxy=None, ping_interval=None) as client,
    ):
        await (await client.ping(b"data"))


CLOSES = [(1000, "done"), (1001, ""), (3000, "own"), (4999, "x" * 100)]


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("code", "reason"), CLOSES)
async def test_close_of_the_origin_reaches_the_viewer(
    serving: Any, door: str, code: int, reason: str
) -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(code, reason)

    async with (
        origin(close) as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), proxy=None) as client,
    ):
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (code, reason)


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("code", "reason"), CLOSES)
async def test_close_of_the_viewer_reaches_the_origin(
    serving: Any, door: str, code: int, reason: str
) -> None:
    closed: asyncio.Future[tuple[int | None, str | None]] = asyncio.Future()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        closed.set_result((connection.close_code, connection.close_reason))

    async with (
        origin(wait) as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), proxy=None) as client,
    ):
        await client.close(code, reason)
        assert await asyncio.wait_for(closed, 30) == (code, reason)


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_abrupt_end_of_the_origin_ends_the_viewers_connection(
    serving: Any, door: str
) -> None:
    async def abort(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with (
        origin(abort) as url,
        serving(with_target(url)) as served,
        connect(url_of(served, door), proxy=None) as client,
    ):
        with pytest.raises(ConnectionClosedError):
            await asyncio.wait_for(client.recv(), 30)
        assert client.close_code == 1006


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_abrupt_end_of_the_viewer_ends_the_origins_connection(
    serving: Any, door: str
) -> None:
    closed: asyncio.Future[int | None] = asyncio.Future()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        closed.set_result(connection.close_code)

    async with origin(wait) as url, serving(with_target(url)) as served:
        client = await connect(url_of(served, door), proxy=None)
        client.transport.abort()
        assert await asyncio.wait_for(closed, 30) == 1006


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_origin_is_not_read_while_the_viewer_does_not_read(serving: Any, door: str) -> None:
    sent = 0

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(bytes(100_000))
                sent += 100_000

    async with origin(flood, compression=None) as url, serving(with_target(url)) as served:
        reader, writer = await asyncio.open_connection(*served.address(door))
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        before = -1
        while sent != before:  # until everything on the way is full
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 100_000_000
        writer.close()


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_refused_handshake_is_an_ordinary_answer(serving: Any, door: str) -> None:
    def refuse(connection: ServerConnection, request: Any) -> Any:
        return connection.respond(403, "not you")

    async with (
        origin(process_request=refuse) as url,
        serving(with_target(url)) as served,
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url_of(served, door), proxy=None)
    assert refused.value.response.status_code == 403
    assert refused.value.response.body == b"not you"


@pytest.mark.anyio
async def test_hooks_see_the_handshake_and_may_change_or_refuse_it(serving: Any) -> None:
    asked: list[str] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)
        asked.append(connection.request.headers["X-Hook"])
        await echo(connection)

    hooks = {
        "viewer-request": "admit",
        "origin-request": "mark",
        "origin-response": "never",
        "viewer-response": "never",
    }
    async with origin(note) as url, serving(with_target(url, hooks=hooks)) as served:
        async with connect(url_of(served, "site", "/socket?a=1"), proxy=None) as client:
            await client.send("x")
            assert await client.recv() == "x"
        assert asked == ["/rewritten/socket?a=1", "1"]
        with pytest.raises(InvalidStatus) as refused:
            await connect(url_of(served, "site", "/private"), proxy=None)
        assert refused.value.response.status_code == 401
        exchange = next(iter(served.gateway.exchanges))
        event = exchange.run("viewer-request").event["Records"][0]["cf"]["request"]
        assert {"sec-websocket-key", "sec-websocket-version"} <= set(event["headers"])
        assert not {"upgrade", "connection"} & set(event["headers"])
        assert [run.trigger for run in exchange.runs] == ["viewer-request", "origin-request"]
        assert exchange.response is not None
        assert exchange.response.status == 101
        assert exchange.duration is not None


@pytest.mark.anyio
async def test_policy_that_keeps_the_handshake_from_the_origin(serving: Any) -> None:
    """As on AWS: without Sec-WebSocket-* at the origin it is an ordinary request."""
    async with (
        origin() as url,
        serving(with_target(url, policy="UserAgentRefererHeaders")) as served,
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url_of(served, "site"), proxy=None)
    assert refused.value.response.status_code == 426


@pytest.mark.anyio
async def test_lambda_target_refuses_the_handshake(serving: Any) -> None:
    async with origin() as url, serving(with_target(url)) as served:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url_of(served, "web", "/function"), proxy=None)
        exchange = next(iter(served.gateway.exchanges))
    assert refused.value.response.status_code == 400
    assert exchange.verdict == "LambdaWebsocketNotSupported"


@pytest.mark.anyio
async def test_load_balancer_as_origin_passes_it_on(serving: Any) -> None:
    async with origin() as url:
        found = with_target(url)
        found["distributions"]["site"]["origins"]["app"] = {"load_balancer": "web"}
        async with (
            serving(found) as served,
            connect(url_of(served, "site"), proxy=None) as client,
        ):
            await client.send("through both")
            assert await client.recv() == "through both"


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
async def test_first_frame_may_come_with_the_handshake(serving: Any, door: str) -> None:
    async with origin() as url, serving(with_target(url)) as served:
        reader, writer = await asyncio.open_connection(*served.address(door))
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            b"\x81\x82\x00\x00\x00\x00hi"
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"\r\nUpgrade: websocket\r\n" in head
        assert await reader.readexactly(4) == b"\x81\x02hi"
        writer.close()
        await writer.wait_closed()


@pytest.mark.anyio
async def test_gateway_stops_with_a_websocket_open(serving: Any) -> None:
    async with origin() as url:
        async with serving(with_target(url)) as served:
            client = await connect(url_of(served, "site"), proxy=None)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), 30)


def test_idle_tunnels_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFront counts the origin's bytes only, a load balancer those of both."""
    from edgegw.wire.tunnel import Tunnel

    class Wire(asyncio.Transport):
        def __init__(self, on_close: Callable[[], None] = lambda: None) -> None:
            self.is_closed = False
            self.written = b""
            self.protocol: Any = None

        def set_protocol(self, protocol: Any) -> None:
            self.protocol = protocol

        def is_closing(self) -> bool:
            return self.is_closed

        def write(self, data: Any) -> None:
            self.written += data

        def resume_reading(self) -> None: ...

        def pause_reading(self) -> None: ...

        def close(self) -> None:
            if not self.is_closed:
                self.is_closed = True
                asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    class End:
        rest = b""

        def __init__(self, transport: Wire) -> None:
            self.transport = transport

        def connection_lost(self, exc: Exception | None) -> None: ...

        def close(self) -> None: ...

    async def lived(*, only_origin: bool) -> int:
        viewer, upstream, time = Wire(), Wire(), LoopTime()
        monkeypatch.setattr(
            "edgegw.wire.tunnel.time", SimpleNamespace(monotonic=asyncio.get_running_loop().time)
        )
        tunnel = Tunnel(
            viewer, asyncio.Protocol(), End(upstream), idle=200.0, only_origin=only_origin
        )
        running = asyncio.ensure_future(tunnel.run(from_viewer=b"", from_origin=b""))
        count = 0
        for _ in range(8):
            await time.forward(50)
            if running.done():
                break
            viewer.protocol.data_received(b"x")
            count += 1
        tunnel.close()
        await running
        return count

    assert asyncio.run(lived(only_origin=True)) < 8
    assert asyncio.run(lived(only_origin=False)) == 8


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("answer_first", [False, True])
async def test_viewer_that_leaves_before_the_switch_leaves_no_connection(
    serving: Any, raw_origin: Any, door: str, answer_first: bool
) -> None:
    """The origin answers 101 to nobody, or to somebody who leaves at that very moment."""
    asked, left, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b" /chat " not in await read_head(reader):
            return
        asked.set()
        if not answer_first:
            await left.wait()
        writer.write(b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi")
        await reader.read(-1)
        ended.set()

    async with raw_origin(script) as app, serving(with_target(app.url)) as served:
        _, writer = await asyncio.open_connection(*served.address(door))
        writer.write(
            b"GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        await asked.wait()
        writer.transport.abort()
        await asyncio.sleep(0.1)
        left.set()
        async with asyncio.timeout(30):
            await ended.wait()
