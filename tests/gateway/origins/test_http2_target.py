"""HTTP/2 to targets, without sockets: what leaves, and what a target may send back.

`tests/gateway/test_http2_target_faults.py` has targets that fall silent or take leave.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edgegw.gateway.origins.http2_client import Http2Client, _body, _head
from edgegw.gateway.origins.http2_target import TargetConnection, TargetStream
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts, UntouchedError
from edgegw.http.message import EMPTY, Body, CutOffError, Header, Headers, Request
from edgegw.http.target import RequestTarget
from tests.wire.http2_peers import Peer, Wire
from tests.wire.test_http2_malformed import DATA, HEADERS, SETTINGS, block, frame

AT = ("http", "target.test", 80)


def asking(path: bytes = b"/", *lines: Header, method: str = "GET", body: Body = EMPTY) -> Request:
    return Request(method, RequestTarget.parse(path), Headers(lines), body)


class Talk:
    """A connection to a target, and the target's end of it."""

    def __init__(self, *, is_raw: bool = False, **settings: Any) -> None:
        self.connection = TargetConnection(lambda _limit: None)
        self.wire = Wire(self.connection)
        self.target = Peer(is_client=False, **settings)
        if is_raw:
            self.target.state.data_to_send()
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]

    def ask(self, request: Request | None = None, idle: float = 5.0) -> TargetStream:
        request = request or asking()
        return self.connection.open(_head(AT, request), request, idle)

    async def settle(self, rounds: int = 6) -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)
            self.target.take(self.wire.take())
            data = self.target.state.data_to_send()
            if data and not self.wire.is_closed:
                self.connection.data_received(data)
            await asyncio.sleep(0)

    def head(self, number: int, *lines: Header, ends: bool = False, status: bytes = b"200") -> None:
        self.target.state.send_headers(number, [(b":status", status), *lines], end_stream=ends)

    def data(self, number: int, data: bytes, *, ends: bool = False, padding: int | None = None):
        self.target.state.send_data(number, data, end_stream=ends, pad_length=padding)


async def whole(stream: TargetStream) -> tuple[int, bytes]:
    await stream.answered()
    parts = []
    while (part := await stream.part()) is not None:
        parts.append(part)
    return stream.status, b"".join(parts)


class TestRequests:
    async def test_a_head_as_http2_wants_it(self) -> None:
        talk = Talk()
        lines = [
            (b"Host", b"shop.test"),
            (b"X-Up", b" 1 "),
            (b"Connection", b"close"),
            (b"Upgrade", b"websocket"),
            (b"TE", b"trailers"),
            (b"te", b"gzip"),
            (b"evil", b"a\r\nb: c"),
            (b"e\r\nvil", b"1"),
        ]
        talk.ask(asking(b"/a?b", *lines, method="FROB"))
        await talk.settle()
        assert talk.target.heads[1] == [
            [
                (b":method", b"FROB"),
                (b":scheme", b"http"),
                (b":authority", b"shop.test"),
                (b":path", b"/a?b"),
                (b"x-up", b"1"),
                (b"te", b"trailers"),
                (b"evil", b"a  b: c"),
            ]
        ]
        assert talk.target.ended == {1}

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("G T", b"/"),
            ("", b"/"),
            ("GÉT", b"/"),
            ("GET", b"/a b"),
            ("GET", b"x"),
            ("GET", b"/\n"),
        ],
    )
    def test_what_cannot_be_asked(self, method: str, path: bytes) -> None:
        with pytest.raises(SendError):
            _head(AT, asking(path, method=method))

    @pytest.mark.parametrize(
        ("body", "declared", "sent"),
        [
            (Body.of(b"abc"), None, b"3"),
            (Body.of(b"abc"), b"99", b"3"),
            (EMPTY, b"5", b"0"),
            (EMPTY, None, None),
            (Body.streaming(None), b"99", None),  # type: ignore[arg-type]
        ],
    )
    def test_the_length_is_that_of_the_body_that_is_there(
        self, body: Body, declared: bytes | None, sent: bytes | None
    ) -> None:
        lines = [] if declared is None else [(b"Content-Length", declared)]
        head = _head(AT, asking(b"/", *lines, method="POST", body=body))
        assert [value for name, value in head if name == b"content-length"] == (
            [] if sent is None else [sent]
        )

    async def test_a_body_goes_out_as_the_target_takes_it(self) -> None:
        read = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal read
            for _ in range(20):
                read += 10_000
                yield b"x" * 10_000

        talk = Talk()
        talk.target.reads = False
        stream = talk.ask(asking(b"/", method="POST", body=Body.streaming(chunks())))
        await talk.settle(20)
        assert len(talk.target.bodies[1]) == 65_535
        assert read == 70_000
        talk.target.reads = True
        talk.target.read(1)
        await talk.settle(30)
        assert len(talk.target.bodies[1]) == 200_000
        assert talk.target.ended == {1}
        stream.give_up()

    async def test_a_target_that_takes_nothing_is_given_up(self) -> None:
        talk = Talk()
        talk.target.reads = False
        body = Body.of(b"x" * 100_000)
        stream = talk.ask(asking(b"/", method="POST", body=body), idle=0.05)
        await talk.settle()
        with pytest.raises(SendError) as caught:
            await stream.answered()
        assert caught.value.kind == "timeout"
        await talk.settle()
        assert talk.target.resets == {1: 8}

    async def test_a_body_that_breaks_off_resets_its_stream(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"half"
            raise OSError("gone")

        talk = Talk()
        stream = talk.ask(asking(b"/", method="POST", body=Body.streaming(chunks())))
        await talk.settle()
        with pytest.raises(SendError):
            await stream.answered()
        assert isinstance(stream.broken, OSError)
        assert talk.target.resets == {1: 8}
        assert talk.connection.streams == {}


class TestAnswers:
    async def test_an_answer_with_body_and_trailers(self) -> None:
        talk = Talk()
        stream = talk.ask()
        await talk.settle()
        talk.head(1, (b"x-a", b"1"), (b"content-length", b"5"))
        talk.data(1, b"ab", padding=9)
        talk.data(1, b"cde")
        talk.target.state.send_headers(1, [(b"x-sum", b"7")], end_stream=True)
        await talk.settle()
        assert await whole(stream) == (200, b"abcde")
        assert stream.headers.get(b"x-a") == b"1"
        assert stream.length == 5
        assert stream.answer_trailers == ((b"x-sum", b"7"),)
        assert talk.connection.streams == {}

    async def test_answers_before_the_answer_are_passed_over(self) -> None:
        talk = Talk()
        stream = talk.ask()
        await talk.settle()
        talk.head(1, status=b"100")
        talk.head(1, (b"link", b"x"), status=b"103")
        await talk.settle()
        assert stream.status == 0
        talk.head(1, ends=True, status=b"204")
        await talk.settle()
        assert await whole(stream) == (204, b"")
        assert _body(stream) is EMPTY

    async def test_an_answer_that_comes_before_its_request_is_complete(self) -> None:
        talk = Talk()
        talk.target.reads = False
        stream = talk.ask(asking(b"/", method="POST", body=Body.of(b"x" * 100_000)))
        await talk.settle()
        talk.head(1)
        talk.data(1, b"early", ends=True)
        await talk.settle()
        assert await whole(stream) == (200, b"early")
        stream.give_up()
        await talk.settle()
        assert 1 in talk.target.resets
        assert talk.connection.streams == {}
        assert not talk.wire.is_closed

    async def test_a_reset_behind_a_complete_answer_takes_nothing_from_it(self) -> None:
        talk = Talk()
        stream = talk.ask(asking(b"/", method="POST", body=Body.streaming(_never())))
        await talk.settle()
        talk.head(1)
        talk.data(1, b"all", ends=True)
        talk.target.state.reset_stream(1, 0)
        await talk.settle()
        assert await whole(stream) == (200, b"all")
        stream.give_up()

    async def test_what_came_before_a_reset_is_read_and_then_cut(self) -> None:
        talk = Talk()
        stream = talk.ask()
        await talk.settle()
        talk.head(1)
        talk.data(1, b"half")
        talk.target.state.reset_stream(1, 2)
        await talk.settle()
        body, parts = _body(stream), []
        assert body.chunks is not None
        with pytest.raises(CutOffError, match="reset the request"):
            async for part in body.chunks:
                parts.append(part)
        assert parts == [b"half"]

    async def test_a_slow_viewer_holds_up_no_other(self) -> None:
        talk = Talk()
        await talk.settle()
        streams = [talk.ask() for _ in range(100)]
        await talk.settle()
        for stream in streams:
            talk.head(stream.number)
        sent = 0
        for stream in streams[:-1]:
            while (room := talk.target.state.local_flow_control_window(stream.number)) > 0:
                talk.data(stream.number, b"x" * min(room, 16_384))
                sent += min(room, 16_384)
        talk.data(streams[-1].number, b"quick", ends=True)
        await talk.settle()
        assert sent == 99 * 256 * 1024
        assert await whole(streams[-1]) == (200, b"quick")
        assert await streams[0].part() is not None
        for stream in streams:
            stream.give_up()

    async def test_bytes_are_acknowledged_when_they_are_taken(self) -> None:
        talk = Talk()
        stream = talk.ask()
        await talk.settle()
        talk.head(1)
        for _ in range(10):
            talk.data(1, b"x" * 16_000, padding=100)
        await talk.settle()
        room = talk.target.state.local_flow_control_window(1)
        assert room < 256 * 1024 - 160_000
        for _ in range(10):
            await stream.part()
        await talk.settle()
        assert talk.target.state.local_flow_control_window(1) > 200_000
        stream.give_up()


async def _never() -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b""


FAULTS: dict[str, bytes] = {
    "no status": block([(b"x", b"1")]),
    "letters": block([(b":status", b"abc")]),
    "an underscore": block([(b":status", b"2_0")]),
    "two digits": block([(b":status", b"20")]),
    "four digits": block([(b":status", b"2000")]),
    "000": block([(b":status", b"000")]),
    "099": block([(b":status", b"099")]),
    "a sign": block([(b":status", b"+20")]),
    "101": block([(b":status", b"101")]),
    "two statuses": block([(b":status", b"200"), (b":status", b"200")]),
    "a path": block([(b":status", b"200"), (b":path", b"/")]),
    "a name in capitals": block([(b":status", b"200"), (b"X", b"1")]),
    "NUL in a value": block([(b":status", b"200"), (b"x", b"a\0")]),
    "a line in a value": block([(b":status", b"200"), (b"x", b"a\r\nb: c")]),
    "a Connection header": block([(b":status", b"200"), (b"connection", b"close")]),
    "a length of letters": block([(b":status", b"200"), (b"content-length", b"abc")]),
    "two lengths": block(
        [(b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"2")]
    ),
}


class TestFaults:
    @pytest.mark.parametrize("name", FAULTS)
    async def test_a_malformed_answer_ends_its_stream_alone(self, name: str) -> None:
        talk = Talk()
        bad, good = talk.ask(), talk.ask()
        await talk.settle()
        talk.connection.data_received(frame(HEADERS, 4, 1, FAULTS[name]))
        with pytest.raises(SendError) as caught:
            await bad.answered()
        assert caught.value.kind == "invalid"
        talk.head(3, ends=True)
        await talk.settle()
        assert await whole(good) == (200, b"")
        assert talk.connection.has_room

    @pytest.mark.parametrize(
        "sent", [b"abc", b"abcdefg"], ids=["shorter than promised", "longer than promised"]
    )
    async def test_a_body_of_another_length_is_cut_and_poisons_nothing(self, sent: bytes) -> None:
        talk = Talk()
        bad, good = talk.ask(), talk.ask()
        await talk.settle()
        talk.head(1, (b"content-length", b"5"))
        talk.data(1, sent, ends=True)
        talk.head(3, ends=True)
        await talk.settle()
        with pytest.raises(SendError):
            await whole(bad)
        assert await whole(good) == (200, b"")
        assert talk.connection.has_room

    async def test_an_oversized_frame_is_not_waited_for(self) -> None:
        talk = Talk()
        done, cut = talk.ask(), talk.ask()
        await talk.settle()
        talk.head(1, ends=True)
        talk.head(3)
        await talk.settle()
        talk.connection.data_received(struct.pack(">BHBBI", 1, 0, DATA, 0, 3))
        assert talk.wire.is_closed
        assert not talk.connection.has_room
        assert await whole(done) == (200, b"")
        with pytest.raises(SendError, match="invalid HTTP/2"):
            await whole(cut)

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            frame(SETTINGS) + frame(HEADERS, 5, 2, block([(b":status", b"200")])),
            frame(SETTINGS) + frame(HEADERS, 5, 7, block([(b":status", b"200")])),
            frame(SETTINGS) + frame(5, 4, 1, struct.pack(">I", 2)),
            frame(SETTINGS) + frame(HEADERS, 5, 1, b"\xff\xff\xff"),
        ],
        ids=["HTTP/1", "a stream of its own", "one that was not asked", "a push", "no block"],
    )
    async def test_what_is_no_http2_ends_the_connection(self, data: bytes) -> None:
        talk = Talk(is_raw=True)
        stream = talk.ask()
        talk.connection.data_received(data)
        with pytest.raises(SendError):
            await stream.answered()
        assert talk.wire.is_closed

    async def test_what_is_complete_before_an_error_in_one_packet_counts(self) -> None:
        talk = Talk(is_raw=True)
        stream = talk.ask()
        answer = frame(HEADERS, 4, 1, block([(b":status", b"200")])) + frame(DATA, 1, 1, b"ok")
        talk.connection.data_received(frame(SETTINGS) + answer + frame(DATA, 0, 0, b"nope"))
        assert await whole(stream) == (200, b"ok")
        assert talk.wire.is_closed

    async def test_data_before_its_head_ends_the_stream(self) -> None:
        talk = Talk()
        stream = talk.ask()
        await talk.settle()
        talk.connection.data_received(frame(DATA, 0, 1, b"x"))
        with pytest.raises(SendError):
            await stream.answered()
        assert not talk.wire.is_closed

    async def test_a_refused_stream_may_be_asked_again(self) -> None:
        talk = Talk()
        stream = talk.ask()
        await talk.settle()
        talk.target.state.reset_stream(1, 7)
        await talk.settle()
        with pytest.raises(UntouchedError):
            await stream.answered()

    async def test_no_more_streams_than_the_target_takes(self) -> None:
        talk = Talk(settings={3: 2})
        for _ in range(100):
            assert talk.connection.has_room  # it has not said yet
            talk.ask()
        assert not talk.connection.has_room
        talk = Talk(settings={3: 2})
        await talk.settle()
        streams = [talk.ask(), talk.ask()]
        assert not talk.connection.has_room
        streams[0].give_up()
        assert talk.connection.has_room


class TestClient:
    async def test_those_who_wait_for_a_connection_share_it_and_its_failure(self) -> None:
        connections = 0

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            writer.close()

        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Http2Client()
        outgoing = Outgoing(("http", "127.0.0.1", port), asking(), Timeouts(5, 5, 5))
        found = await asyncio.gather(
            *(client.send(outgoing) for _ in range(20)), return_exceptions=True
        )
        assert {type(error) for error in found} == {SendError}
        assert connections == 1
        server.close()
        await server.wait_closed()
        found = await asyncio.gather(
            *(client.send(outgoing) for _ in range(20)), return_exceptions=True
        )
        assert {type(error) for error in found} == {SendError}
        await client.close()

    async def test_a_request_that_was_not_begun_is_sent_once_more(self) -> None:
        asked: list[int] = []

        async def target(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer(is_client=False)
            while data := await reader.read(65_536):
                peer.take(data)
                for number in [number for number in peer.ended if number not in asked]:
                    asked.append(number)
                    if len(asked) == 1:
                        peer.state.reset_stream(number, 7)
                    else:
                        peer.state.send_headers(number, [(b":status", b"200")], end_stream=True)
                writer.write(peer.state.data_to_send())
            writer.close()

        server = await asyncio.start_server(target, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Http2Client()
        outgoing = Outgoing(("http", "127.0.0.1", port), asking(), Timeouts(5, 5, 5))
        response = await client.send(outgoing)
        assert response.status == 200
        assert asked == [1, 3]
        await client.close()
        server.close()
