"""Both ends of an HTTP/2 connection without sockets: a client of a front door, and a target.

`Wire` stands for the transport; what a protocol writes is fed to the other end by hand, which is
h2 and no code of ours. GOAWAY is taken out on the way, as h2 takes nothing behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings

from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Body, Client, Header, Headers, Request, Response
from edgegw.wire.front import Delivery, Handshake
from edgegw.wire.http2 import Http2


class Wire:
    """A transport that keeps what is written. With `mark` it is full beyond so many bytes."""

    def __init__(self, protocol: Any, mark: int | None = None) -> None:
        self.protocol = protocol
        self.mark = mark
        self.waiting = bytearray()
        self.writes = 0
        self.is_closed = self.is_aborted = self._is_paused = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.writes += 1
        self.waiting += data
        if self.mark is not None and len(self.waiting) > self.mark and not self._is_paused:
            self._is_paused = True
            self.protocol.pause_writing()

    def take(self) -> bytes:
        """What was written since, as if the network had taken it."""
        data = bytes(self.waiting)
        self.waiting.clear()
        if self._is_paused:
            self._is_paused = False
            self.protocol.resume_writing()
        return data

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def get_extra_info(self, name: str) -> object:
        return None

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.is_aborted = True
        self.close()


class Door:
    """A front door that answers what a test says, and keeps what it was asked."""

    def __init__(self, answer: Callable[[Request], Response | Awaitable[Response]], **limits: Any):
        self._answer = answer
        self._limits = Limits(**limits)
        self.requests: list[Request] = []
        self.done_with: list[tuple[Response, Delivery]] = []

    def limits(self) -> Limits:
        return self._limits

    def accept(self, request: Request) -> Response | Awaitable[Response]:
        self.requests.append(request)
        return self._answer(request)

    def done(self, response: Response, delivery: Delivery) -> None:
        self.done_with.append((response, delivery))

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        raise AssertionError(why, detail, client)

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        raise AssertionError(client, handshake)


def ok(content: bytes = b"ok", *lines: Header, status: int = 200) -> Response:
    return Response(status, b"OK", Headers(lines), Body.of(content))


def fixed(_: Request) -> Response:
    return ok()


def streamed(
    chunks: AsyncIterator[bytes], *lines: Header, length: int | None = None, **more: Any
) -> Response:
    return Response(200, b"OK", Headers(lines), Body(None, chunks, length, **more))


ASKING: dict[bytes, bytes] = {
    b":method": b"GET",
    b":scheme": b"https",
    b":authority": b"h",
    b":path": b"/",
}


class Peer:
    """One end spoken by h2; what it sees of each stream."""

    def __init__(self, *, is_client: bool, settings: dict[int, int] | None = None) -> None:
        config = h2.config.H2Configuration(
            client_side=is_client,
            header_encoding=None,
            validate_inbound_headers=False,
            normalize_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.state = h2.connection.H2Connection(config)
        self.reads = True
        self.heads: dict[int, list[list[Header]]] = {}
        self.trailers: dict[int, list[Header]] = {}
        self.bodies: dict[int, bytes] = {}
        self.unread: dict[int, int] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.goaway: tuple[int, int] | None = None
        self.state.initiate_connection()
        if settings is not None:
            self.state.update_settings(settings)

    def take(self, data: bytes) -> None:
        frames, rest = b"", data
        while len(rest) >= 9:
            end = 9 + int.from_bytes(rest[:3], "big")
            if rest[3] == 7:
                self.goaway = int.from_bytes(rest[9:13], "big"), int.from_bytes(rest[13:17], "big")
            else:
                frames += rest[:end]
            rest = rest[end:]
        for event in self.state.receive_data(frames):
            self._happened(event)

    def _happened(self, event: Any) -> None:
        match event:
            case h2.events.RequestReceived() | h2.events.ResponseReceived():
                self.heads.setdefault(event.stream_id, []).append(event.headers)
            case h2.events.InformationalResponseReceived():
                self.heads.setdefault(event.stream_id, []).append(event.headers)
            case h2.events.TrailersReceived():
                self.trailers[event.stream_id] = event.headers
            case h2.events.DataReceived():
                number = event.stream_id
                self.bodies[number] = self.bodies.get(number, b"") + event.data
                if self.reads:
                    self.state.acknowledge_received_data(event.flow_controlled_length, number)
                else:
                    self.unread[number] = self.unread.get(number, 0) + event.flow_controlled_length
            case h2.events.StreamEnded():
                self.ended.add(event.stream_id)
            case h2.events.StreamReset():
                self.resets[event.stream_id] = event.error_code
            case _:
                pass

    def read(self, number: int) -> None:
        """Takes what was left unread of a stream."""
        self.state.acknowledge_received_data(self.unread.pop(number, 0), number)

    def status(self, number: int) -> int:
        return int(dict(self.heads[number][-1])[b":status"])


class Conversation:
    """A client and the front door's end of its connection."""

    def __init__(
        self, door: Door, *, mark: int | None = None, is_raw: bool = False, **settings: Any
    ) -> None:
        self.connections: set[Any] = set()
        self.server = Http2(door, self.connections, Client("192.0.2.1", 5), lambda: None)
        self.wire = Wire(self.server, mark)
        self.client = Peer(is_client=True, **settings)
        if is_raw:  # the test writes the client's first bytes itself
            self.client.state.data_to_send()
        self.server.connection_made(self.wire)  # type: ignore[arg-type]

    def ask(
        self, path: bytes = b"/", *lines: Header, ends: bool = True, method: bytes = b"GET"
    ) -> int:
        return self.ask_so(
            [*{**ASKING, b":path": path, b":method": method}.items(), *lines], ends=ends
        )

    def ask_so(self, lines: Iterable[Header], *, ends: bool = True) -> int:
        number = self.client.state.get_next_available_stream_id()
        self.client.state.send_headers(number, list(lines), end_stream=ends)
        return number

    def send(self, number: int, data: bytes, *, ends: bool = False, padding: int | None = None):
        self.client.state.send_data(number, data, end_stream=ends, pad_length=padding)

    async def settle(self, rounds: int = 6) -> None:
        """Moves bytes both ways until nothing moves."""
        for _ in range(rounds):
            await self.turn()

    async def turn(self) -> None:
        data = self.client.state.data_to_send()
        if data and not self.wire.is_closed:
            self.server.data_received(data)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.client.take(self.wire.take())

    async def feed(self, data: bytes) -> None:
        """Sends bytes that no library would."""
        self.server.data_received(data)
        await self.settle()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)
