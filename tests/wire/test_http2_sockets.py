"""HTTP/2 over real sockets, without TLS: other people's clients, and clients that are slow."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

from edgegw.http.message import Client, Request, Response
from edgegw.wire.http2 import Http2
from tests.conftest import need
from tests.wire.http2_peers import Door, Peer, ok, streamed, until

CHUNK = b"x" * 64_000


@contextlib.asynccontextmanager
async def listening(door: Door) -> AsyncIterator[tuple[int, set[Any]]]:
    """The port, and the connections that are open."""
    connections: set[Any] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Http2(door, connections, Client(), lambda: None), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()
        for connection in list(connections):
            connection.abort()
        await until(lambda: not connections)


async def run(*command: str, stdin: bytes | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if stdin is not None else None,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(stdin)
    return out.decode("latin-1")


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield CHUNK


async def answer(request: Request) -> Response:
    size = 0
    if request.body.chunks is not None:
        async for chunk in request.body.chunks:
            size += len(chunk)
    if request.target.path == b"/large":
        return ok(b"y" * 3_000_000)
    if request.target.path == b"/parts":
        return streamed(_parts(40))
    return ok(json.dumps([request.method, size]).encode(), (b"X-Up", b"1"))


async def _parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(0)
        yield CHUNK


async def test_curl() -> None:
    curl = need("curl", "HTTP/2 is not tested with it")
    ask = (curl, "-sS", "--http2-prior-knowledge")
    async with listening(Door(answer)) as (port, _):
        url = f"http://127.0.0.1:{port}"
        assert "HTTP/2 200" in await run(*ask, "-i", f"{url}/a?b")
        assert await run(*ask, "-I", url) == "HTTP/2 200 \r\nx-up: 1\r\n\r\n"
        assert await run(*ask, "-d", "x" * 100_000, url) == '["POST", 100000]'
        upload = (*ask, "-T", "-", url)
        assert await run(*upload, stdin=b"z" * 3_000_000) == '["PUT", 3000000]'
        assert await run(*upload, stdin=b"") == '["PUT", 0]'
        size = ("-o", "/dev/null", "-w", "%{size_download}")
        assert await run(*ask, *size, f"{url}/large") == "3000000"
        assert await run(*ask, *size, f"{url}/parts") == str(40 * len(CHUNK))


async def test_h2load() -> None:
    h2load = need("h2load", "HTTP/2 is not tested with it")
    async with listening(Door(answer)) as (port, connections):
        for path, flags in (("a", ["-n3000", "-c3", "-m20"]), ("parts", ["-n30", "-c3", "-m10"])):
            out = await run(h2load, *flags, f"http://127.0.0.1:{port}/{path}")
            counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", out)
            assert counts is not None, out
            assert counts.groups() == (flags[0][2:], "0", "0")
        await until(lambda: not connections)


class SlowClient:
    """Asks, and takes what it is told to, and no more."""

    def __init__(self, port: int, *, window: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.peer = Peer(is_client=True, settings={4: window})
        self.peer.reads = False
        self.peer.state.increment_flow_control_window(2**30)

    def ask(self, path: bytes) -> int:
        number = self.peer.state.get_next_available_stream_id()
        head = {b":method": b"GET", b":scheme": b"http", b":authority": b"h", b":path": path}
        self.peer.state.send_headers(number, list(head.items()), end_stream=True)
        return number

    async def read(self, size: int = 65_536) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.socket, self.peer.state.data_to_send())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                self.peer.take(await loop.sock_recv(self.socket, size))


async def test_a_slow_client_has_little_in_memory() -> None:
    """Windows of 1 GB, a client that reads nothing: the transport's mark holds it."""
    read = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal read
        async for chunk in endless():
            read += len(chunk)
            yield chunk

    async with listening(Door(lambda _: streamed(counted()))) as (port, _):
        client = SlowClient(port, window=2**30)
        client.ask(b"/")
        await asyncio.get_running_loop().sock_sendall(
            client.socket, client.peer.state.data_to_send()
        )
        before = -1
        while before != read or not read:
            before = read
            await asyncio.sleep(0.1)
        assert 0 < read < 16_000_000  # most of it in the buffers of two sockets
        client.socket.close()


async def test_slow_streams_make_no_other_wait() -> None:
    def either(request: Request) -> Response:
        return ok(b"quick") if request.target.path == b"/quick" else streamed(endless())

    async with listening(Door(either)) as (port, _):
        client = SlowClient(port, window=30_000)
        slow = [client.ask(b"/slow") for _ in range(100)]
        while sum(map(len, client.peer.bodies.values())) < 100 * 30_000:
            await client.read()
        assert {len(client.peer.bodies[number]) for number in slow} == {30_000}
        quick = client.ask(b"/quick")
        while quick not in client.peer.bodies:
            await client.read()
        assert client.peer.bodies[quick] == b"quick"
        assert {len(client.peer.bodies[number]) for number in slow} == {30_000}
        client.socket.close()


async def test_a_client_that_goes_away_ends_everything() -> None:
    released: list[bool] = []

    def leaving(_: Request) -> Response:
        return streamed(endless(), release=lambda: released.append(True))

    async with listening(door := Door(leaving)) as (port, connections):
        client = SlowClient(port, window=30_000)
        for _ in range(20):
            client.ask(b"/")
        await client.read()
        client.socket.close()
        await until(lambda: not connections and len(released) == 20)
        assert all(delivery.is_gone for _, delivery in door.done_with)
