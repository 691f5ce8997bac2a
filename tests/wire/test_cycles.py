"""What is over is freed at once: a server that keeps the collector rare must not leave it cycles."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from edgegw.http.message import Request, Response
from edgegw.wire.http1 import Http1
from edgegw.wire.http1_outlet import Http1Outlet
from edgegw.wire.http1_reader import Http1Reader
from edgegw.wire.http2 import Http2
from edgegw.wire.http2_outlet import StreamOutlet
from edgegw.wire.request_body import RequestBody
from tests.wire.http2_peers import Conversation, Door, ok
from tests.wire.test_http1 import GET, connections, listening, until

OURS = (Http1, Http1Reader, Http1Outlet, Http2, StreamOutlet, RequestBody)
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
UPGRADE = GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive() -> list[str]:
    return [type(kept).__name__ for kept in gc.get_objects() if type(kept) in OURS]


async def later(request: Request) -> Response:
    if request.body.chunks is not None:
        async for _ in request.body.chunks:
            pass
    await asyncio.sleep(0)
    return ok()


@pytest.mark.parametrize("answer", [lambda _: ok(), later], ids=["at once", "later"])
@pytest.mark.parametrize(
    "sent", [b"", GET, GET * 3, GET[:9], POST, UPGRADE, b"\r\n" * 99, b"\0\r\n\r\n"]
)
async def test_of_a_connection_over_http1_nothing_stays(sent: bytes, answer: Any) -> None:
    async with listening(answer) as (door, listener, address):
        with without_collector():
            before = alive()
            for _ in range(3):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(sent)
                writer.write_eof()
                await reader.read(-1)
                writer.close()
            await until(lambda: not connections(listener))
            door.requests.clear()
            door.done_with.clear()
            await until(lambda: alive() == before)


@pytest.mark.parametrize("answer", [lambda _: ok(), later], ids=["at once", "later"])
async def test_of_a_connection_over_http2_nothing_stays(answer: Any) -> None:
    with without_collector():
        before = alive()
        await _talk(answer)
        assert alive() == before


async def _talk(answer: Any) -> None:
    talk = Conversation(Door(answer))
    for _ in range(3):
        talk.ask()
    await talk.settle()
    talk.server.shutdown()
    await talk.settle()
    assert talk.wire.is_closed
    talk.wire.protocol = None  # what the test itself holds
