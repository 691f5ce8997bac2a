"""Origins that write head and body in two pieces are not kept waiting for an acknowledgement.

With the option the kernel acknowledges at once; without it a connection that was used before does
so after 40 ms, for which Nagle's algorithm at the origin waits. Of times nothing is asserted.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import edgegw.cli
from edgegw.gateway.origins import acknowledging
from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.origins.http1_connection import Http1Connection
from edgegw.gateway.origins.http1_pool import Http1Pool
from edgegw.gateway.origins.http2_client import _head
from edgegw.gateway.origins.http2_target import TargetConnection
from edgegw.gateway.origins.transport import Timeouts
from tests.conftest import read_head
from tests.gateway.origins.sending import content_of, outgoing
from tests.gateway.origins.test_http2_target import AT, asking
from tests.wire.http2_peers import Peer

QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
TIMES = Timeouts(5, 5, 5, 5)

linux = pytest.mark.skipif(QUICKACK is None, reason="only Linux has TCP_QUICKACK")


class Socketed(asyncio.Transport):
    """A transport that leads nowhere, over a socket that is a real one."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock})
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


@pytest.fixture
def sock() -> AsyncIterator[socket.socket]:
    """A socket that is connected, and delays its acknowledgements."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            delay(client)
            yield client


def delay(sock: socket.socket) -> None:
    assert QUICKACK is not None
    sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 0)
    assert not is_quick(sock)


def is_quick(sock: socket.socket) -> bool:
    assert QUICKACK is not None
    return bool(sock.getsockopt(socket.IPPROTO_TCP, QUICKACK))


def asked(sock: socket.socket) -> Http1Connection:
    """A connection over `sock` that waits for an answer."""
    loop = asyncio.get_running_loop()
    pool = Http1Pool(loop, ("http", "a", 80), lambda _: None)
    connection = Http1Connection(loop, pool)
    connection.connection_made(Socketed(sock))
    pool.add(connection)
    connection.ask("GET", b"GET / HTTP/1.1\r\n\r\n", TIMES)
    return connection


@linux
@pytest.mark.parametrize(
    "part",
    [
        pytest.param(HEAD, id="head without body"),
        pytest.param(HEAD[:20], id="part of a head"),
        pytest.param(HEAD + b"bo", id="part of the body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunks to come"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="until the end"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="interim answer"),
    ],
)
async def test_what_came_is_acknowledged_where_more_is_awaited(
    sock: socket.socket, part: bytes
) -> None:
    asked(sock).data_received(part)
    assert is_quick(sock)


@linux
async def test_each_part_anew_as_the_option_does_not_last(sock: socket.socket) -> None:
    connection = asked(sock)
    for part in (HEAD, b"b", b"o"):
        connection.data_received(part)
        assert is_quick(sock)
        delay(sock)
    connection.data_received(b"dy")
    assert not is_quick(sock)


@linux
async def test_a_whole_answer_costs_no_call(sock: socket.socket) -> None:
    asked(sock).data_received(HEAD + b"body")
    assert not is_quick(sock)


@linux
async def test_targets_of_http2_too(sock: socket.socket) -> None:
    connection, target = TargetConnection(lambda _limit: None), Peer(is_client=False)
    wire = Socketed(sock)
    connection.connection_made(wire)
    connection.open(_head(AT, asking()), asking(), 5.0)
    await asyncio.sleep(0)
    target.take(wire.written)
    target.state.send_headers(1, [(b":status", b"200")])
    connection.data_received(target.state.data_to_send())
    assert is_quick(sock)
    delay(sock)
    target.state.send_data(1, b"body", end_stream=True)
    connection.data_received(target.state.data_to_send())
    assert not is_quick(sock)


@linux
async def test_a_kept_connection_to_an_origin_of_two_pieces(raw_origin) -> None:
    """The second piece leaves only when the first one was acknowledged, which nobody delays."""
    answers = 0

    async def script(reader, writer) -> None:
        nonlocal answers
        own = writer.get_extra_info("socket")
        while await read_head(reader):
            answers += 1
            writer.write(HEAD)
            while unacknowledged(own):
                await asyncio.sleep(0)
            writer.write(b"body")

    client = Http1Client()
    async with raw_origin(script) as origin:
        for _ in range(5):
            response = await client.send(outgoing(origin.url))
            assert await content_of(response) == b"body"
        assert (answers, origin.connections) == (5, 1)
    await client.close()


def unacknowledged(sock: socket.socket) -> int:
    """Segments that were sent and not acknowledged (`tcpi_unacked` of TCP_INFO)."""
    size = 28
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
    return int.from_bytes(told[24:28], sys.byteorder)


async def test_where_the_platform_has_no_such_option_nothing_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acknowledging, "_QUICKACK", None)
    with socket.socket() as sock:
        assert acknowledging.socket_of(Socketed(sock)) is None
        acknowledging.acknowledge(sock)


async def test_a_socket_that_is_closed_is_no_fault() -> None:
    sock = socket.socket()
    sock.close()
    acknowledging.acknowledge(sock)


async def test_the_demos_own_origin_writes_in_one_piece() -> None:
    """Whatever is read first is the whole answer."""
    file = Path(edgegw.cli.__file__).parent / "demo" / "origin.py"
    with subprocess.Popen(
        [sys.executable, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            answer = await reader.read(256 * 1024)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"Content-Length: %d" % len(body) in head
            assert body
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        assert process.stdin is not None
        process.stdin.close()
