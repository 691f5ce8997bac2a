"""Connections over HTTP/1 on real sockets: clients that leave, fall silent, drip, take nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from edgegw.http.limits import Trouble
from edgegw.http.message import Client, Request, Response
from edgegw.wire.front import Handshake, ViewerGoneError
from edgegw.wire.http1 import Http1
from edgegw.wire.listeners import TcpListener, bind
from edgegw.wire.request_body import RequestBody
from tests.loop_time import LoopTime
from tests.wire import http2_peers
from tests.wire.http2_peers import fixed, ok, streamed

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PAGES: dict[Trouble, int] = {"malformed": 400, "too-large": 431, "idle": 408, "plain-http": 400}


class Door(http2_peers.Door):
    """One that has a page for what is no request."""

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        return ok(b"", (b"Connection", b"close"), status=PAGES[why])

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        pass


@contextlib.asynccontextmanager
async def listening(
    answer: Callable[[Request], Response | Awaitable[Response]], **limits: Any
) -> AsyncIterator[tuple[Door, TcpListener, tuple[str, int]]]:
    door = Door(answer, **limits)
    sock = bind("127.0.0.1", 0, "the door")
    listener = TcpListener(door, sock)
    address = sock.getsockname()[:2]
    await listener.start()
    try:
        yield door, listener, address
    finally:
        await listener.stop(0)


def connections(listener: TcpListener) -> set[Any]:
    return listener._connections


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def reading_nothing(address: tuple[str, int]) -> Any:
    """A client with as little room for answers as the system allows."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(address)
        sock.setblocking(False)
        yield sock


async def all_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(30):
        return await reader.read(-1)


async def all_before_a_reset(reader: asyncio.StreamReader) -> bytes:
    """A client that still sends as it is closed may see a reset, behind all that it was sent."""
    received = b""
    async with asyncio.timeout(30):
        with contextlib.suppress(ConnectionResetError):
            while data := await reader.read(65_536):
                received += data
    return received


class TestSilentClients:
    async def test_one_that_takes_nothing_of_its_last_answer_is_ended(self) -> None:
        """Closing alone would wait until it takes what is written."""
        answers = [
            lambda _: ok(b"x" * 20_000_000, (b"Connection", b"close")),
            lambda _: ok(b"x" * 20_000_000, (b"Connection", b"close"), status=404),
            lambda _: ok(b"x" * 20_000_000),
        ]
        for answer in answers:
            async with listening(answer, idle=0.3, keep_alive=5.0) as (_, listener, address):
                with reading_nothing(address) as client:
                    client.send(GET)
                    await until(lambda: len(connections(listener)) == 1)
                    await until(lambda: not connections(listener))

    async def test_one_that_takes_its_answer_slowly_gets_all_of_it(self) -> None:
        size = 20_000_000
        time = LoopTime()
        async with listening(lambda _: ok(b"x" * size), idle=300.0) as (_, _, address):
            reader, writer = await asyncio.open_connection(*address, limit=100_000)
            writer.write(GET)
            received = 0
            while received < size:
                data = await reader.read(200_000)
                assert data, received
                received += len(data)
                await time.forward(10)
            writer.close()

    async def test_a_pipeline_that_always_ends_within_a_head_is_no_drip(self) -> None:
        time = LoopTime()
        async with listening(fixed, head=300.0, idle=300.0) as (door, _, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET[:10])
            for _ in range(20):
                writer.write(GET[10:] + GET[:10])
                await time.forward(60)
            writer.write(GET[10:].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert (await all_of(reader)).count(b"HTTP/1.1 200 ") == len(door.requests) == 21
            writer.close()

    async def test_a_head_that_drips_gets_408(self) -> None:
        async with listening(fixed, head=0.3, idle=5.0) as (door, _, address):
            reader, writer = await asyncio.open_connection(*address)
            answering = asyncio.ensure_future(all_of(reader))
            for byte in GET:
                if answering.done():
                    break
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)
            assert (await answering).startswith(b"HTTP/1.1 408 ")
            assert not door.requests
            writer.close()

    @pytest.mark.parametrize("before", [b"", GET], ids=["at first", "behind a request"])
    async def test_blank_lines_keep_no_connection_open(self, before: bytes) -> None:
        async with listening(fixed, keep_alive=0.5) as (_, listener, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(before)
            answering = asyncio.ensure_future(all_before_a_reset(reader))
            for _ in range(30):  # fewer than are too many
                if answering.done():
                    break
                writer.write(b"\r\n")
                await asyncio.sleep(0.1)
            assert answering.done()
            assert (await answering).count(b"HTTP/1.1 ") == bool(before), "it was no error"
            assert not connections(listener)
            writer.close()

    async def test_a_flood_of_blank_lines_is_refused(self) -> None:
        async with listening(fixed, keep_alive=5.0) as (door, _, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"\r\n" * 1_000)
            assert (await all_of(reader)).startswith(b"HTTP/1.1 400 ")
            assert not door.requests
            writer.close()


class TestCrumbs:
    """Bodies in chunks of a single byte cost no more than others of their size."""

    async def test_neighbours_are_answered_meanwhile(self) -> None:
        async def reading(request: Request) -> Response:
            size = 0
            if request.body.chunks is not None:
                async for part in request.body.chunks:
                    size += len(part)
            return ok(b"%d bytes" % size)

        async with listening(reading) as (door, _, address):
            reader, writer = await asyncio.open_connection(*address)
            post = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(post + b"1\r\na\r\n" * 1_000_000 + b"0\r\n\r\n")
            answering = asyncio.ensure_future(reader.readuntil(b"1000000 bytes"))
            await until(lambda: len(door.requests) == 1)
            neighbour, asking = await asyncio.open_connection(*address)
            answers = 0
            while not answering.done():
                asking.write(GET)
                await asyncio.wait_for(neighbour.readuntil(b"\r\n0 bytes"), 30)
                answers += 1
            assert answers >= 3, "the loop was held"
            writer.close()
            asking.close()

    async def test_what_nobody_takes_is_joined(self) -> None:
        body = RequestBody(lambda _: None)
        for _ in range(100_000):
            body.put(b"a")
        body.end()
        parts = [part async for part in body]
        assert b"".join(parts) == b"a" * 100_000
        assert len(parts) < 50


class TestLastAnswers:
    """What came in one packet behind the last request that is answered."""

    @pytest.mark.parametrize("status", [200, 404])
    async def test_nothing_is_asked_behind_it(self, status: int, caplog: Any) -> None:
        def answer(_: Request) -> Response:
            return ok(b"ok", (b"Connection", b"close"), status=status)

        async with listening(answer) as (door, _, address):
            reader, writer = await asyncio.open_connection(*address)
            post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
            writer.write(GET + post + GET)
            assert (await all_of(reader)).count(b"HTTP/1.1") == 1
            assert len(door.requests) == 1
            writer.close()
        assert not caplog.records

    async def test_what_is_no_request_is_refused_behind_the_answers_to_those_before_it(
        self, caplog: Any
    ) -> None:
        release = asyncio.Event()

        async def later(_: Request) -> Response:
            await release.wait()
            return ok()

        async with listening(later) as (door, _, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET + GET + b"\0\r\n\r\n")
            await until(lambda: bool(door.requests))
            release.set()
            received = await all_of(reader)
            assert received.count(b"HTTP/1.1 200 ") == 2
            assert received.rindex(b"HTTP/1.1 200 ") < received.index(b"HTTP/1.1 400 ")
            assert len(door.requests) == 2
            writer.close()
        assert not caplog.records

    async def test_a_broken_body_behind_others_gets_one_refusal(self, caplog: Any) -> None:
        release = asyncio.Event()

        async def reading(request: Request) -> Response:
            await release.wait()
            if request.body.chunks is not None:
                try:
                    async for _ in request.body.chunks:
                        pass
                except ViewerGoneError:
                    return ok(status=400)
            return ok()

        async with listening(reading) as (door, _, address):
            reader, writer = await asyncio.open_connection(*address)
            post = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(GET + post + b"2\r\nab\r\nzz\r\n" + GET)
            await until(lambda: bool(door.requests))
            release.set()
            received = await all_of(reader)
            assert received.count(b"HTTP/1.1 200 ") == 1
            assert received.count(b"HTTP/1.1 400 ") == 1
            assert len(door.requests) == 2
            writer.close()
        assert not caplog.records

    @pytest.mark.parametrize("status", [200, 404])
    async def test_nothing_is_refused_behind_it(self, status: int, caplog: Any) -> None:
        def answer(_: Request) -> Response:
            return ok(b"ok", (b"Connection", b"close"), status=status)

        async with listening(answer) as (_, _, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET + b"\0\r\n\r\n")
            assert (await all_of(reader)).count(b"HTTP/1.1") == 1
            writer.close()
        assert not caplog.records

    @pytest.mark.parametrize("at_once", [True, False])
    async def test_a_lenient_request_costs_nobody_before_it_an_answer(self, at_once: bool) -> None:
        """The connection ends behind it, which its client cannot know: what it sends is thrown away."""

        async def later(_: Request) -> Response:
            await asyncio.sleep(0)
            return ok()

        async with listening(fixed if at_once else later, is_lenient=True) as (_, _, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET)
            await reader.readuntil(b"ok")
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n")
            await reader.readuntil(b"ok")
            for _ in range(5):
                writer.write(GET)
                await writer.drain()
                await asyncio.sleep(0.01)
            assert b"HTTP/1.1" not in await all_of(reader)
            writer.close()

    async def test_a_door_that_stops_begins_nothing_more(self, caplog: Any) -> None:
        release = asyncio.Event()

        async def later(_: Request) -> Response:
            await release.wait()
            return ok()

        async with listening(later) as (door, listener, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET * 10)
            await until(lambda: bool(door.requests))
            stopping = asyncio.ensure_future(listener.stop(5))
            await asyncio.sleep(0)
            release.set()
            assert (await all_of(reader)).count(b"HTTP/1.1 200") == len(door.requests) == 1
            await stopping
            writer.close()
        assert not caplog.records


class HalfOpen(http2_peers.Wire):
    """A transport that can be closed on our side alone; who closes the whole takes answers away."""

    is_half_closed = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_half_closed = True

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)


class TestBodiesThatBreak:
    """Behind them the client may still be sending: closing at once would reset the connection."""

    HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    @pytest.mark.parametrize("before", [b"", GET, GET + GET])
    async def test_what_was_answered_before_can_be_read(self, before: bytes) -> None:
        connection = Http1(Door(lambda _: ok()), set())
        transport: Any = HalfOpen(connection)
        connection.connection_made(transport)
        connection.data_received(before + self.HEAD + b"2\r\nab\r\n")
        await asyncio.sleep(0)  # what waits in the queue is answered
        await asyncio.sleep(0)
        connection.data_received(b"zz\r\n")
        answers = transport.take()
        assert answers.count(b"HTTP/1.1 200") == before.count(b"GET") + 1
        assert answers.count(b"HTTP/1.1") == before.count(b"GET") + 1, "and no page behind it"
        assert transport.is_half_closed
        assert not transport.is_closed


class TestFlow:
    async def test_a_slow_client_has_little_of_a_stream_in_memory(self) -> None:
        made = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal made
            while True:
                made += 65_536
                yield b"x" * 65_536

        async with listening(lambda _: streamed(endless())) as (_, _, address):
            with reading_nothing(address) as client:
                client.send(GET)
                before = -1
                while made != before or not made:  # until it stands still
                    before = made
                    await asyncio.sleep(0.2)
                assert 0 < made < 8_000_000  # what the system's own buffers take

    async def test_a_flood_of_requests_is_read_as_it_is_answered(self) -> None:
        release = asyncio.Event()

        async def later(_: Request) -> Response:
            await release.wait()
            return ok()

        async with listening(later) as (door, listener, address):
            reader, writer = await asyncio.open_connection(*address)
            long = GET.replace(b"\r\n\r\n", b"\r\nX: %b\r\n\r\n" % (b"x" * 1000))
            count = 8_000
            writing = asyncio.ensure_future(_write(writer, [long] * count))
            await until(lambda: bool(door.requests))
            await asyncio.sleep(0.3)
            (connection,) = connections(listener)
            assert isinstance(connection, Http1)
            waiting = len(connection._queue)
            assert waiting < 256 * 1024 // len(long) + 100
            assert len(door.requests) == 1
            release.set()
            received = 0
            async with asyncio.timeout(30):
                while received < count:
                    received += (await reader.read(1 << 20)).count(b"HTTP/1.1 200 ")
            await writing
            writer.close()


async def _write(writer: asyncio.StreamWriter, parts: list[bytes]) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()


class TestClientsThatLeave:
    @pytest.mark.parametrize("how", ["close", "reset"])
    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"GET ",
            GET,
            GET * 3,
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab",
            b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nab",
            b"\0",
        ],
    )
    async def test_nothing_of_them_stays(self, sent: bytes, how: str, caplog: Any) -> None:
        """At once, a moment later, and while the answer is on its way."""

        async def stream() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 10_000
                await asyncio.sleep(0)

        async def reads(request: Request) -> Response:
            async for _ in request.body.chunks or stream():
                break
            await asyncio.sleep(0.02)
            return streamed(stream())

        before = asyncio.all_tasks()
        for answer in (fixed, lambda _: streamed(stream()), reads):
            async with listening(answer, idle=5.0) as (door, listener, address):
                for pause in (None, 0, 0.01, 0.05):
                    sock = socket.create_connection(address)
                    if how == "reset":
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    sock.sendall(sent)
                    if pause is not None:
                        await asyncio.sleep(pause)
                    sock.close()
                await until(lambda: not connections(listener) and asyncio.all_tasks() == before)
                assert len(door.done_with) <= len(door.requests)
        assert not caplog.records
