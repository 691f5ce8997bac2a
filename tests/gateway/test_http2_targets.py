"""Target groups with the protocol versions HTTP2 and GRPC, behind a listener with TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.conftest import AUTHORITY, Serving, free_port

CHECK = {"interval": 1.1, "timeout": 1.0}


def config(target: str, version: str, **group: Any) -> dict:
    return {
        "target_groups": {
            "web": {
                "targets": [target],
                "protocol_version": version,
                "health_check": CHECK,
                **group,
            }
        },
        "load_balancers": {
            "web": {
                "listeners": [
                    {"listen": 0, "protocol": "HTTPS", "default_actions": [{"forward": "web"}]}
                ]
            }
        },
    }


class Echo(grpc.GenericRpcHandler):
    """A service without a schema: bytes in, bytes out."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        kinds = {
            "/echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/echo/Down": grpc.unary_stream_rpc_method_handler(self.down),
            "/echo/Both": grpc.stream_stream_rpc_method_handler(self.both),
            "/echo/Fails": grpc.unary_unary_rpc_method_handler(self.fails),
        }
        return kinds.get(details.method)

    async def unary(self, request: bytes, context: Any) -> bytes:
        metadata = dict(context.invocation_metadata())
        context.set_trailing_metadata((("x-proto", metadata["x-forwarded-proto"]),))
        return request[::-1]

    async def down(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for at in range(3):
            yield request + b"%d" % at

    async def both(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for each in requests:
            yield each.upper()

    async def fails(self, request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        raise AssertionError


@asynccontextmanager
async def grpc_server() -> AsyncIterator[str]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def channel(front: Serving, tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    root = AUTHORITY.read_bytes()
    host, port = front.address("web")
    options = [("grpc.ssl_target_name_override", "localhost")]
    credentials = grpc.ssl_channel_credentials(root)
    async with grpc.aio.secure_channel(f"{host}:{port}", credentials, options) as found:
        yield found


async def healthy(front: Serving) -> None:
    async with asyncio.timeout(30):
        while front.gateway.target_groups.describe("web")[0]["state"] != "healthy":
            await asyncio.sleep(0.01)


async def test_all_kinds_of_grpc_calls(serving, tmp_path: Path) -> None:
    async with grpc_server() as target, serving(config(target, "GRPC")) as front:
        await healthy(front)  # by grpc-status 12
        async with channel(front, tmp_path) as found:
            call = found.unary_unary("/echo/Unary")(b"abc")
            assert await call == b"cba"
            assert dict(await call.trailing_metadata())["x-proto"] == "https"
            assert [each async for each in found.unary_stream("/echo/Down")(b"x")] == [
                b"x0",
                b"x1",
                b"x2",
            ]
            both = found.stream_stream("/echo/Both")()
            for word in (b"one", b"two"):  # each answer before the next question
                await both.write(word)
                assert await both.read() == word.upper()
            await both.done_writing()
            assert await both.read() == grpc.aio.EOF
            large = b"x" * 3_000_000
            assert await found.unary_unary("/echo/Unary")(large) == large


async def test_grpc_statuses_pass_and_a_dead_target_is_unavailable(serving, tmp_path: Path) -> None:
    async with grpc_server() as target, serving(config(target, "GRPC")) as front:
        async with channel(front, tmp_path) as found:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await found.unary_unary("/echo/Fails")(b"")
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            assert caught.value.details() == "no such thing"
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await found.unary_unary("/echo/Missing")(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    dead = f"127.0.0.1:{free_port()}"
    async with serving(config(dead, "GRPC")) as front, channel(front, tmp_path) as found:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await found.unary_unary("/echo/Unary")(b"")
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def app(scope, receive, send) -> None:
    """Tells what it got, over whichever version."""
    if scope["type"] == "lifespan":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = dict(scope["headers"])
    text = (
        f"{scope['http_version']} {scope['path']} {len(body)} {headers.get(b'x-forwarded-proto')}"
    )
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
    for each in text:
        await send({"type": "http.response.body", "body": each.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def http2_server() -> AsyncIterator[str]:
    settings, stopping = Config(), asyncio.Event()
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    address = f"127.0.0.1:{sock.getsockname()[1]}"
    settings.bind, settings.loglevel = [f"fd://{sock.detach()}"], "WARNING"
    serving = asyncio.ensure_future(serve(app, settings, shutdown_trigger=stopping.wait))
    try:
        yield address
    finally:
        stopping.set()
        await serving


def client(tmp_path: Path, **options: Any) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=str(AUTHORITY))
    return httpx.AsyncClient(verify=context, trust_env=False, **options)


async def test_http2_targets(serving, tmp_path: Path) -> None:
    async with http2_server() as target, serving(config(target, "HTTP2")) as front:
        await healthy(front)
        url = front.urls["web"].replace("127.0.0.1", "localhost")
        async with client(tmp_path, http2=True) as over2:
            answers = await asyncio.gather(
                *(over2.post(f"{url}/x{at}", content=b"y" * at * 1000) for at in range(20))
            )
            for at, answer in enumerate(answers):
                assert answer.text == f"2 /x{at} {at * 1000} b'https'"
                assert answer.headers["x-a"] == "1"
            big = await over2.post(url, content=b"z" * 2_000_000)
            assert big.text == "2 / 2000000 b'https'"


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
async def test_http1_clients_get_464(serving, tmp_path: Path, version: str) -> None:
    async with http2_server() as target, serving(config(target, version)) as front:
        url = front.urls["web"].replace("127.0.0.1", "localhost")
        async with client(tmp_path) as over1:
            answer = await over1.get(url)
            assert (answer.status_code, answer.content) == (464, b"")
        if version == "GRPC":
            async with client(tmp_path, http2=True) as over2:
                assert (await over2.get(url)).status_code == 464


async def test_grpc_to_an_http1_group_gets_464(serving, tmp_path: Path) -> None:
    async with serving(config("127.0.0.1:1", "HTTP1")) as front:
        async with channel(front, tmp_path) as found:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await found.unary_unary("/echo/Unary")(b"")
            assert "464" in str(caught.value.details())


async def test_a_target_that_does_not_speak_http2(serving, raw_origin, tmp_path: Path) -> None:
    async def script(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await asyncio.sleep(1)

    async with raw_origin(script) as origin:
        async with serving(config(f"127.0.0.1:{origin.port}", "HTTP2")) as front:
            url = front.urls["web"].replace("127.0.0.1", "localhost")
            async with client(tmp_path, http2=True) as over2:
                assert (await over2.get(url)).status_code == 502
