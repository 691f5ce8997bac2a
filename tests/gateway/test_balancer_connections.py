"""Connections of a load balancer's clients: how long they live, and requests that break off."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

from edgegw.wire.front import ViewerGoneError
from tests.conftest import PYTHON, Serving
from tests.gateway.test_balancer import config, group, lines, sites, until
from tests.loop_time import LoopTime
from tests.tls_clients import trusting_anyone

SHORT = {"idle_timeout.timeout_seconds": 1}
LAMBDA = {"web": {"target_type": "lambda", "function": "f"}}
FUNCTIONS = {"f": {"runtime": PYTHON, "code": ".", "handler": "hooks.target"}}


class Http2:
    """A client that shows what comes, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._state.initiate_connection()
        self.goaway: int | None = None
        self.statuses: dict[int, str] = {}
        self.refused: set[int] = set()
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self._begun = b""
        self.is_closed = False

    def ask(self, path: str = "/", *, ends: bool = True, **headers: str) -> int:
        number = self._state.get_next_available_stream_id()
        asked = {":method": "GET", ":path": path, ":scheme": "https", ":authority": "h", **headers}
        self._state.send_headers(number, list(asked.items()), end_stream=ends)
        return number

    def send(self, number: int, data: bytes, *, ends: bool = False) -> None:
        self._state.send_data(number, data, end_stream=ends)

    async def until(self, condition: Any) -> None:
        """Sends what waits, and reads until `condition` or the end."""
        async with asyncio.timeout(30):
            while True:
                self._writer.write(self._state.data_to_send())
                if condition() or self.is_closed:
                    return
                try:
                    data = await self._reader.read(65536)
                except ConnectionResetError:  # what it still sent found nobody
                    data = b""
                if not data:
                    self.is_closed = True
                    return
                for event in self._received(data):
                    self._take(event)

    def _received(self, data: bytes) -> list[Any]:
        # h2 takes nothing behind a GOAWAY, while a server sends the answers that it owes: the
        # frame is taken out before h2 sees it.
        out, rest = b"", self._begun + data
        while len(rest) >= 9 and len(rest) >= (size := int.from_bytes(rest[:3], "big") + 9):
            if rest[3] == 7:
                self.goaway = int.from_bytes(rest[9:13], "big")
            else:
                out += rest[:size]
            rest = rest[size:]
        self._begun = rest
        return self._state.receive_data(out)

    def _take(self, event: Any) -> None:
        match event:
            case h2.events.ResponseReceived():
                self.statuses[event.stream_id] = dict(event.headers)[":status"]
            case h2.events.DataReceived():
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.ended.add(event.stream_id)
            case h2.events.StreamReset():
                self.refused.add(event.stream_id)
            case _:
                pass

    @property
    def settings(self) -> Any:
        """What the server asks of its clients."""
        return self._state.remote_settings

    def room(self, number: int) -> int:
        """How many bytes the server takes now."""
        return self._state.local_flow_control_window(number)

    def reset(self, number: int) -> None:
        self._state.reset_stream(number)


@asynccontextmanager
async def http2(front: Serving) -> AsyncIterator[Http2]:
    context = trusting_anyone("h2")
    host, port = front.address("web")
    reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="h")
    client = Http2(reader, writer)
    try:
        yield client
    finally:
        writer.close()


def hold_to(front: Serving, **attributes: Any) -> None:
    """Gives the load balancer attributes that no configuration may have."""
    door = front.gateway.config.listeners[0]
    balancer = door.listener.load_balancer
    given = replace(balancer, attributes=replace(balancer.attributes, **attributes))
    listener = replace(door.listener, load_balancer=given)
    front.gateway.route(
        replace(front.gateway.config, listeners=(replace(door, listener=listener),))
    )


HTTPS = {"protocol": "HTTPS", "public_port": 443}
PLAIN = {"default_actions": [{"fixed_response": {"status_code": "200"}}]}


async def test_an_old_http2_connection_takes_leave_and_answers_what_it_has(serving) -> None:
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, listener=HTTPS)) as front,
    ):
        time = LoopTime()
        hold_to(front, client_keep_alive=30.0)
        async with http2(front) as client:
            first = client.ask()
            await client.until(lambda: first in client.ended)
            assert client.goaway is None
            await time.forward(31)
            a.delay = 0.3
            slow = client.ask("/slow")
            await client.until(lambda: client.goaway is not None)
            assert client.goaway == slow
            late = client.ask()
            await client.until(lambda: False)
            assert client.is_closed
            assert client.statuses == {first: "200", slow: "200"}
            assert client.bodies[slow] == b"a"
            assert client.refused == {late}


async def test_an_http2_connection_takes_so_many_requests(serving, monkeypatch) -> None:
    monkeypatch.setattr("edgegw.alb.front_rules.HTTP2_REQUESTS", 3)
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, listener=HTTPS)) as front,
    ):
        async with http2(front) as client:
            asked = [client.ask() for _ in range(4)]
            await client.until(lambda: False)
            assert client.goaway == asked[2]
            assert client.ended == set(asked[:3])
            assert client.refused == {asked[3]}


async def test_http2_clients_are_offered_no_websockets(serving) -> None:
    async with serving(config({}, listener={**HTTPS, **PLAIN})) as front:
        async with http2(front) as client:
            number = client.ask()
            await client.until(lambda: number in client.ended)
            assert client.settings.enable_connect_protocol == 0
            assert client.settings.max_concurrent_streams == 128


async def test_an_upload_that_nobody_takes_holds_up_nothing_else(serving, raw_origin) -> None:
    """Neither other requests on its connection, nor the memory, nor the end of the gateway."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            await asyncio.sleep(30)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with raw_origin(script) as origin:
        address = origin.url.removeprefix("http://")
        groups = {"web": {"targets": [address], "health_check": {"enabled": False}}}
        async with serving(config(groups, listener=HTTPS)) as front, http2(front) as client:
            up, sent = client.ask("/up", ends=False, **{":method": "POST"}), 0
            with contextlib.suppress(TimeoutError):
                while sent < 50_000_000:
                    async with asyncio.timeout(1):
                        await client.until(lambda: client.room(up) >= 16_000)
                    client.send(up, b"x" * 16_000)
                    sent += 16_000
            assert sent < 50_000_000
            other = client.ask("/other")
            await client.until(lambda: other in client.ended)
            assert client.statuses == {other: "200"}


async def test_an_http2_connection_without_requests_ends_after_the_idle_timeout(serving) -> None:
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, listener=HTTPS, attributes=SHORT)) as front,
    ):
        async with http2(front) as client:
            first = client.ask()
            await client.until(lambda: first in client.ended)
            malformed = client.ask(**{"content-length": "5"})
            await client.until(lambda: malformed in client.refused)
            await client.until(lambda: False)
            assert client.is_closed


@pytest.mark.parametrize("kind", ["ip", "lambda"])
@pytest.mark.parametrize("length", ["5", None])
async def test_an_http2_client_that_stops_in_the_middle_gets_408(
    serving, tmp_path: Path, kind: str, length: str | None
) -> None:
    file = tmp_path / "access"
    more = {"listener": HTTPS, "attributes": SHORT, "access_log": str(file)}
    async with sites("a") as (a,):
        given = config({"web": group(a)} if kind == "ip" else LAMBDA, **more)
        given["functions"] = FUNCTIONS
        async with serving(given) as front, http2(front) as client:
            headers = {} if length is None else {"content-length": length}
            number = client.ask("/up", ends=False, **headers)
            client.send(number, b"ab")
            await client.until(lambda: number in client.ended)
            assert client.statuses == {number: "408"}
            assert b"408 Request Time-out" in client.bodies[number]
            again = client.ask()
            await client.until(lambda: again in client.ended)
            assert client.statuses[again] == "200"  # the connection goes on
            await until(lambda: len(lines(file)) == 2)
    fields = shlex.split(lines(file)[0])
    assert fields[8] == "408"
    assert fields[12].startswith("GET https://h:443/up HTTP/2.0")


async def test_an_http2_request_that_is_taken_back_never_reaches_the_target(
    serving, tmp_path: Path
) -> None:
    file = tmp_path / "access"
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, listener=HTTPS, access_log=str(file))) as front,
    ):
        async with http2(front) as client:
            number = client.ask("/never", ends=False)
            await client.until(lambda: True)
            await asyncio.sleep(0.1)
            client.reset(number)
            await client.until(lambda: True)
            await until(lambda: len(lines(file)) == 1)
            assert shlex.split(lines(file)[0])[8] == "400"
            assert a.served == 0


async def test_a_stream_that_its_http2_client_resets_ends_at_the_target(
    serving, raw_origin, tmp_path: Path
) -> None:
    gone = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await reader.read(-1)
        gone.set()

    file = tmp_path / "access"
    async with raw_origin(script) as origin:
        address = origin.url.removeprefix("http://")
        groups = {"web": {"targets": [address], "health_check": {"enabled": False}}}
        given = config(groups, listener=HTTPS, access_log=str(file))
        async with serving(given) as front, http2(front) as client:
            number = client.ask()
            await client.until(lambda: client.bodies.get(number) == b"x")
            client.reset(number)
            await client.until(lambda: True)
            async with asyncio.timeout(30):
                await gone.wait()
            await until(lambda: bool(lines(file)))
    assert shlex.split(lines(file)[0])[8] == "460"


@pytest.mark.parametrize("kind", ["ip", "lambda"])
@pytest.mark.parametrize(
    ("sent", "closes", "status"),
    [
        (b"Content-Length: 5\r\n\r\nab", False, "408"),
        (b"Content-Length: 5\r\n\r\nab", True, "400"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", False, "408"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", True, "400"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n", False, "400"),
    ],
)
async def test_a_request_without_its_end_is_one_line_of_the_access_log(
    serving, tmp_path: Path, kind: str, sent: bytes, closes: bool, status: str
) -> None:
    file = tmp_path / "access"
    more = {"attributes": SHORT, "access_log": str(file)}
    async with sites("a") as (a,):
        given = config({"web": group(a)} if kind == "ip" else LAMBDA, **more)
        given["functions"] = FUNCTIONS
        async with serving(given) as front:
            reader, writer = await asyncio.open_connection(*front.address("web"))
            writer.write(b"POST /up HTTP/1.1\r\nHost: h\r\n" + sent)
            if closes:
                await asyncio.sleep(0.1)
            else:
                answer = await reader.read(-1)
                assert answer.startswith(f"HTTP/1.1 {status} ".encode())
                assert answer.count(b"HTTP/1.1 ") == 1
                assert b"\r\nConnection: close\r\n" in answer
            writer.close()
            await until(lambda: bool(lines(file)))
            [exchange] = [e for e in front.gateway.exchanges if e.request.target.path == b"/up"]
            assert exchange.reason
        assert len(lines(file)) == 1
    fields = shlex.split(lines(file)[0])
    assert fields[4:10] == ["-", "-1", "-1", "-1", status, "-"]
    assert fields[12] == "POST http://h:80/up HTTP/1.1"
    assert fields[16].startswith("arn:aws:elasticloadbalancing:")


async def test_a_body_that_breaks_behind_its_answer_gets_no_second_one(serving) -> None:
    async with serving(config({}, listener=PLAIN)) as front:
        reader, writer = await asyncio.open_connection(*front.address("web"))
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        first = await reader.readuntil(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 200 ")
        writer.write(b"zz\r\n\r\n")
        assert await reader.read(-1) == b""
        writer.close()


async def test_an_answer_under_way_is_not_cut_by_a_silent_client(serving, raw_origin) -> None:
    """The idle timeout counts silence of both sides."""

    time = LoopTime()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(8):
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await time.forward(20)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with raw_origin(script) as origin:
        target = origin.url.removeprefix("http://")
        groups = {"web": {"targets": [target], "health_check": {"enabled": False}}}
        async with serving(config(groups)) as front:  # with an idle timeout of 60 s
            reader, writer = await asyncio.open_connection(*front.address("web"))
            writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            body = await reader.readuntil(b"0\r\n\r\n")
            assert body.count(b"1\r\nx\r\n") == 8
            writer.close()


async def test_records_keep_no_body_that_nobody_read(serving) -> None:
    async with serving(config({}, listener={**HTTPS, **PLAIN})) as front:
        async with http2(front) as client:
            number = client.ask("/up", ends=False, **{":method": "POST"})
            client.send(number, b"x" * 16_000, ends=True)
            await client.until(lambda: number in client.ended)
        await until(lambda: bool(front.gateway.exchanges))
        [exchange] = front.gateway.exchanges
        with pytest.raises(ViewerGoneError):
            async for _ in exchange.request.body.chunks:
                pass


async def test_a_request_behind_a_late_body_is_refused_with_a_page(serving) -> None:
    """The first is answered before its body comes; what is wrong with the second is its own."""
    async with serving(config({}, listener=PLAIN)) as front:
        reader, writer = await asyncio.open_connection(*front.address("web"))
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"ab")
        await asyncio.sleep(0.1)
        writer.write(b"GET /x HTTP/1.1\r\n\r\n")  # without a Host
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 400 ")
        writer.close()
