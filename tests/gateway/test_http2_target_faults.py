"""HTTP/2 targets that break off, fall silent, or take leave; and requests that do."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest
from hyperframe.frame import GoAwayFrame

from tests.gateway.test_balancer import config as balancer
from tests.gateway.test_balancer import lines, until
from tests.gateway.test_balancer_connections import HTTPS, SHORT, http2
from tests.loop_time import LoopTime


class Peer:
    """A connection as its target sees it; `asked` are the streams in their order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.state = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        self.asked: list[int] = []
        self.paths: list[str] = []
        self.reset: list[int] = []
        self.received: dict[int, int] = {}
        self.reads = True

    def head(self, number: int, *, ends: bool = False) -> None:
        self.state.send_headers(number, [(":status", "200")], end_stream=ends)
        self.flush()

    def data(self, number: int, data: bytes, *, ends: bool = False) -> None:
        self.state.send_data(number, data, end_stream=ends)
        self.flush()

    def goaway(self, last: int, code: int = 0) -> None:
        self.writer.write(GoAwayFrame(0, last_stream_id=last, error_code=code).serialize())

    def flush(self) -> None:
        self.writer.write(self.state.data_to_send())

    async def run(self, script: Script) -> None:
        self.state.initiate_connection()
        self.flush()
        under_way: set[asyncio.Task[None]] = set()
        while data := await self.reader.read(65536):
            for event in self.state.receive_data(data):
                match event:
                    case h2.events.RequestReceived():
                        self.asked.append(event.stream_id)
                        self.paths.append(dict(event.headers)[":path"])
                        task = asyncio.ensure_future(script(self, event.stream_id))
                        under_way.add(task)
                        task.add_done_callback(under_way.discard)
                    case h2.events.DataReceived():
                        known = self.received.get(event.stream_id, 0)
                        self.received[event.stream_id] = known + len(event.data)
                        if self.reads:
                            self.state.acknowledge_received_data(
                                event.flow_controlled_length, event.stream_id
                            )
                    case h2.events.StreamReset():
                        self.reset.append(event.stream_id)
                    case _:
                        pass
            self.flush()


Script = Callable[[Peer, int], Awaitable[None]]


class Target:
    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.port = 0

    @property
    def group(self) -> dict[str, Any]:
        address = f"127.0.0.1:{self.port}"
        check = {"enabled": False}
        return {"targets": [address], "protocol_version": "HTTP2", "health_check": check}


@asynccontextmanager
async def target(script: Script, *, reads: bool = True) -> AsyncIterator[Target]:
    found, tasks = Target(), set[asyncio.Task[Any]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peer = Peer(reader, writer)
        peer.reads = reads
        found.peers.append(peer)
        try:
            await peer.run(script)
        except (OSError, asyncio.CancelledError, h2.exceptions.ProtocolError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for each in tasks:
            each.cancel()


def config(found: Target, **more: Any) -> dict[str, Any]:
    return balancer({"web": found.group}, listener=HTTPS, **more)


async def ok(peer: Peer, number: int) -> None:
    peer.head(number)
    peer.data(number, b"ok", ends=True)


@pytest.mark.parametrize("length", ["5", None])
@pytest.mark.parametrize(("resets", "status"), [(False, "408"), (True, "400")])
async def test_a_request_that_breaks_off(
    serving, tmp_path: Path, length: str | None, resets: bool, status: str
) -> None:
    file = tmp_path / "access"

    async def silent(peer: Peer, number: int) -> None:
        pass

    async with target(silent) as found:
        given = config(found, attributes=SHORT, access_log=str(file))
        async with serving(given) as front, http2(front) as client:
            headers = {} if length is None else {"content-length": length}
            number = client.ask("/up", ends=False, **headers)
            client.send(number, b"ab")
            if resets:
                await client.until(lambda: True)
                await until(lambda: bool(found.peers and found.peers[0].received))
                client.reset(number)
                await client.until(lambda: True)
            else:
                await client.until(lambda: number in client.ended)
                assert client.statuses == {number: status}
            await until(lambda: len(lines(file)) == 1)
            await until(lambda: found.peers[0].reset == found.peers[0].asked)
    fields = shlex.split(lines(file)[0])
    assert fields[8] == status
    assert fields[12] == "GET https://h:443/up HTTP/2.0"


async def test_an_upload_may_take_longer_than_the_idle_timeout(serving) -> None:
    async def after_the_body(peer: Peer, number: int) -> None:
        await until(lambda: peer.received.get(number) == 10)
        await ok(peer, number)

    time = LoopTime()
    attributes = {"idle_timeout.timeout_seconds": 10}
    async with target(after_the_body) as found:
        async with serving(config(found, attributes=attributes)) as front, http2(front) as client:
            number = client.ask("/up", ends=False)
            for at in range(5):
                client.send(number, b"ab", ends=at == 4)
                await client.until(lambda: True)
                await time.forward(4)
            await client.until(lambda: number in client.ended)
            assert client.statuses == {number: "200"}


async def test_a_target_that_takes_no_more_gives_504(serving) -> None:
    async def full(peer: Peer, number: int) -> None:
        pass

    async with target(full, reads=False) as found:
        async with serving(config(found, attributes=SHORT)) as front, http2(front) as client:
            number = client.ask("/up", ends=False)
            for at in range(10):
                await client.until(lambda: client.room(number) >= 10_000)
                client.send(number, b"x" * 10_000, ends=at == 9)
            await client.until(lambda: number in client.ended)
            assert client.statuses == {number: "504"}
            assert found.peers[0].received == {found.peers[0].asked[0]: 65_535}


async def test_a_target_that_takes_leave_answers_what_it_began(serving) -> None:
    async def leaving(peer: Peer, number: int) -> None:
        if peer.paths[-1] == "/last":
            peer.goaway(number)
            peer.head(number)  # in one packet with the goodbye
            await asyncio.sleep(0.2)
            peer.data(number, b"late", ends=True)
        else:
            await ok(peer, number)

    async with target(leaving) as found, serving(config(found)) as front, http2(front) as client:
        first = client.ask("/first")
        await client.until(lambda: first in client.ended)
        last = client.ask("/last")
        await client.until(lambda: last in client.statuses)
        other = client.ask("/other")
        await client.until(lambda: {last, other} <= client.ended)
        assert client.statuses == {first: "200", last: "200", other: "200"}
        assert client.bodies[last] == b"late"
        assert [each.paths for each in found.peers] == [["/first", "/last"], ["/other"]]


@pytest.mark.parametrize(("last", "code"), [(0, 0), (2**31 - 1, 2)])
async def test_a_target_that_throws_requests_away_gives_502(serving, last: int, code: int) -> None:
    async def leaving(peer: Peer, number: int) -> None:
        peer.goaway(last, code)

    async with target(leaving) as found, serving(config(found)) as front, http2(front) as client:
        number = client.ask()
        await client.until(lambda: number in client.ended)
        assert client.statuses == {number: "502"}


async def test_an_answer_in_one_packet_with_a_goodbye_counts(serving) -> None:
    async def failing(peer: Peer, number: int) -> None:
        peer.state.send_headers(number, [(":status", "200")])
        peer.state.send_data(number, b"ok", end_stream=True)
        goodbye = GoAwayFrame(0, last_stream_id=number, error_code=2).serialize()
        peer.writer.write(peer.state.data_to_send() + goodbye)

    async with target(failing) as found, serving(config(found)) as front, http2(front) as client:
        number = client.ask()
        await client.until(lambda: number in client.ended)
        assert client.statuses == {number: "200"}
        assert client.bodies == {number: b"ok"}


async def test_an_answer_that_breaks_off_is_cut(serving, caplog) -> None:
    async def breaking(peer: Peer, number: int) -> None:
        peer.head(number)
        peer.data(number, b"half")
        await asyncio.sleep(0.1)
        peer.state.reset_stream(number)
        peer.flush()

    async with target(breaking) as found, serving(config(found)) as front, http2(front) as client:
        number = client.ask()
        await client.until(lambda: number in client.bodies)
        await client.until(lambda: number in client.refused or number in client.ended)
        assert number in client.refused
        assert number not in client.ended
        await until(lambda: bool(front.gateway.exchanges))
        [exchange] = front.gateway.exchanges
        assert "its sender reset the request" in exchange.reason
    assert "fault of edgegw" not in caplog.text
