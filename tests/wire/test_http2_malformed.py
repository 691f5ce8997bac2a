"""What no client should send over HTTP/2, fed to a connection without a socket.

The rows are those that also run against `serve`; here every one of them is fed byte by byte, too.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.http.message import Request, Response
from edgegw.wire.frame_allowance import ALLOWANCE
from edgegw.wire.front import ViewerGoneError
from edgegw.wire.http2_frames import LONGEST, PREFACE, FrameReader
from tests.gateway.test_malformed_http2 import CLOSED, RESET, ROWS, Line
from tests.loop_time import LoopTime
from tests.wire.http2_peers import Conversation, Door, fixed, ok, streamed

CALM, FRAME_SIZE, PROTOCOL, FLOW = 11, 6, 1, 3
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    size = len(payload).to_bytes(3, "big")
    return size + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def block(lines: list[Line]) -> bytes:
    """A header block without anything indexed."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in lines)


def _text(data: bytes) -> bytes:
    if len(data) < 127:
        return bytes((len(data),)) + data
    size, rest = b"\x7f", len(data) - 127
    while rest >= 128:
        size += bytes((rest % 128 + 128,))
        rest //= 128
    return size + bytes((rest,)) + data


def asking(**more: str) -> list[Line]:
    told = {":method": "GET", ":scheme": "https", ":authority": "h", ":path": "/", **more}
    return [(name.encode(), value.encode()) for name, value in told.items()]


async def reading(request: Request) -> Response:
    """A front door that takes the whole body."""
    assert request.body.chunks is not None
    async for _ in request.body.chunks:
        pass
    return ok(b"")


HELLO = PREFACE + frame(SETTINGS)
ASK = frame(HEADERS, 0x5, 1, block(asking()))


def outcome(talk: Conversation, number: int) -> str:
    client = talk.client
    if client.goaway is not None and client.goaway[1]:
        return CLOSED
    if number in client.resets:
        return RESET
    return str(client.status(number)) if number in client.ended else "-"


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("by_byte", [False, True], ids=["at once", "byte by byte"])
async def test_malformed_requests(name: str, by_byte: bool, caplog: Any) -> None:
    lines, of_site, _, arrives = ROWS[name]
    expected = of_site if of_site in (CLOSED, RESET) else "200"  # what the front door says
    talk = Conversation(door := Door(fixed), is_raw=True)
    size = 16_000
    parts = [block(lines)[at : at + size] for at in range(0, len(block(lines)), size)]
    data = HELLO + frame(HEADERS, 0x1 if len(parts) > 1 else 0x5, 1, parts[0])
    for part in parts[1:]:
        data += frame(CONTINUATION, 0x4, 1, part)
    with caplog.at_level(logging.ERROR):
        for piece in [bytes((byte,)) for byte in data] if by_byte else [data]:
            talk.server.data_received(piece)
        talk.client.state.send_headers(1, asking(), end_stream=True)  # that it knows the stream
        talk.client.state.data_to_send()
        await talk.settle()
    assert outcome(talk, 1) == expected
    assert talk.wire.is_closed == (expected == CLOSED)
    assert len(door.requests) == (expected == "200")
    if arrives is not None:
        [request] = door.requests
        assert request.method.encode() + b" " + request.target.raw == arrives
    assert not caplog.records


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (asking(te="trailers"), "200"),
        (asking(te="gzip"), CLOSED),
        (asking(**{":status": "200"}), CLOSED),
        (asking(**{":unknown": "1"}), CLOSED),
        ([*asking(a="1"), (b":path", b"/")], CLOSED),
        ([(b"a", b"1"), *asking()], CLOSED),
        (asking(**{":path": "/a b"}), RESET),
        (asking(**{":path": "/a\x7f"}), RESET),
        (asking(**{"content-length": "0"}), "200"),
        (asking(**{"content-length": "x"}), RESET),
        (asking(**{"content-length": "1_0"}), RESET),
        ([*asking(), (b"content-length", b"0"), (b"content-length", b"1")], RESET),
        (asking()[:1], CLOSED),
        (asking(host="h"), "200"),
        ([*asking(), (b"host", b"h"), (b"host", b"h")], CLOSED),
        (asking(**{"x\x01": "1"}), CLOSED),
        (asking(x="\x01"), "200"),
    ],
)
async def test_more_malformed_requests(lines: list[Line], expected: str) -> None:
    for warm in (False, True):  # the second time the block may be remembered
        talk = Conversation(Door(fixed))
        if warm:
            talk.ask()
        numbers = [talk.ask_so(lines), talk.ask_so(lines)]
        await talk.settle()
        assert outcome(talk, numbers[0]) == expected
        if expected != CLOSED:
            assert outcome(talk, numbers[1]) == expected


@pytest.mark.parametrize("sent", [b"abc", b"abcdefg"])
async def test_a_body_that_is_not_what_was_promised_ends_its_stream(sent: bytes) -> None:
    broken: list[ViewerGoneError] = []

    async def read(request: Request) -> Response:
        assert request.body.chunks is not None
        try:
            return ok(b"".join([chunk async for chunk in request.body.chunks]))
        except ViewerGoneError as error:
            broken.append(error)
            raise

    talk = Conversation(Door(read))
    number = talk.ask(b"/", (b"content-length", b"5"), ends=False, method=b"POST")
    talk.send(number, sent, ends=True)
    other = talk.ask(b"/", (b"content-length", b"2"), ends=False, method=b"POST")
    talk.send(other, b"ok", ends=True)
    await talk.settle()
    assert outcome(talk, number) == RESET
    assert outcome(talk, other) == "200"
    assert len(broken) == 1


async def test_malformed_trailers_end_the_connection() -> None:
    talk = Conversation(Door(fixed))
    number = talk.ask(b"/", (b"content-length", b"2"), ends=False)
    talk.send(number, b"ab")
    talk.client.state.send_headers(number, [(b":path", b"/")], end_stream=True)
    await talk.settle()
    assert outcome(talk, number) == CLOSED


async def test_what_is_complete_before_an_error_is_answered() -> None:
    talk = Conversation(Door(fixed))
    talk.ask()
    garbage = frame(WINDOW, 0, 0, bytes(4))
    await talk.feed(talk.client.state.data_to_send() + garbage)
    assert talk.client.bodies == {1: b"ok"}
    assert talk.client.goaway is not None
    assert talk.wire.is_closed


class TestFrames:
    async def test_a_frame_beyond_the_limit_is_not_waited_for(self) -> None:
        talk = Conversation(Door(fixed), is_raw=True)
        head = frame(DATA, 0, 1, b"x" * (LONGEST + 1))[:9]
        await talk.feed(HELLO + head)
        assert talk.client.goaway == (0, FRAME_SIZE)
        assert talk.wire.is_closed

    @pytest.mark.parametrize(
        "data",
        [
            b"GET / HTTP/1.1\r\n\r\n",
            PREFACE[:-1] + b"x",
            PREFACE + frame(PING, payload=bytes(8)),
            HELLO + frame(SETTINGS, payload=bytes(5)),
            HELLO + frame(SETTINGS, payload=struct.pack(">HI", 4, 2**31)),
            HELLO + frame(SETTINGS, payload=struct.pack(">HI", 5, 1)),
            HELLO + frame(PING, payload=bytes(7)),
            HELLO + frame(WINDOW, payload=bytes(4)),
            HELLO + frame(WINDOW, payload=struct.pack(">I", 2**31 - 1)),
            HELLO + frame(DATA, 0, 0, b"x"),
            HELLO + frame(DATA, 0, 1, b"x"),
            HELLO + frame(DATA, 8, 1, b"\xff"),
            HELLO + frame(RST, 0, 1, bytes(4)),
            HELLO + frame(PUSH, 4, 1, bytes(8)),
            HELLO + frame(CONTINUATION, 4, 1, b""),
            HELLO + frame(HEADERS, 5, 2, block(asking())),
            HELLO + frame(HEADERS, 5, 0, block(asking())),
            HELLO + frame(HEADERS, 1, 1, b"") + frame(PING, payload=bytes(8)),
            HELLO + frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff"),
            HELLO + frame(HEADERS, 5, 1, b""),
        ],
    )
    async def test_what_breaks_the_protocol_ends_the_connection(self, data: bytes) -> None:
        async def never(_: Request) -> Response:
            await asyncio.sleep(3600)
            raise AssertionError

        talk = Conversation(Door(never), is_raw=True)
        for byte in data:
            talk.server.data_received(bytes((byte,)))
        await talk.settle()
        assert talk.wire.is_closed
        if data.startswith(PREFACE):  # what speaks no HTTP/2 is told nothing
            assert talk.client.goaway is not None
            assert talk.client.goaway[1] != 0
        assert talk.connections == set()
        talk.server.data_received(ASK)  # it is deaf from here on

    async def test_a_second_head_on_a_stream_ends_it(self) -> None:
        async def never(_: Request) -> Response:
            await asyncio.sleep(3600)
            raise AssertionError

        talk = Conversation(Door(never))
        talk.ask()
        await talk.settle()
        await talk.feed(frame(HEADERS, 5, 1, block(asking())))
        assert 1 in talk.client.resets
        assert talk.server.streams == {}
        assert not talk.wire.is_closed

    async def test_frames_that_nobody_knows_are_passed_over(self) -> None:
        talk = Conversation(Door(fixed))
        await talk.settle()
        number = talk.ask()
        await talk.feed(frame(0xBE, 0xFF, 7, b"?") + talk.client.state.data_to_send())
        assert number in talk.client.ended

    async def test_a_header_block_that_unpacks_to_more_than_anybody_wants(self) -> None:
        talk = Conversation(Door(fixed), is_raw=True)
        bomb = b"\x40" + _text(b"x") + _text(b"y" * 4000) + b"\xbe" * 16_000
        await talk.feed(HELLO + frame(HEADERS, 5, 1, bomb[:LONGEST]))
        assert talk.client.goaway is not None
        assert talk.client.goaway[1] in (PROTOCOL, CALM)
        assert talk.wire.is_closed

    async def test_a_head_that_drips_is_not_waited_for_longer_than_the_limit(self) -> None:
        for start in (frame(HEADERS, 1, 1, block(asking())), ASK[:20]):
            talk = Conversation(Door(fixed, head=0.05), is_raw=True)
            await talk.feed(HELLO + start)
            for _ in range(10):
                await asyncio.sleep(0.02)
                if talk.wire.is_closed:
                    break
                if start is not ASK[:20]:
                    talk.server.data_received(frame(CONTINUATION, 0, 1, b"\0\x01x\x01y"))
            assert talk.wire.is_closed
            await talk.settle()

    async def test_a_head_in_pieces_that_comes_in_time(self) -> None:
        time = LoopTime()
        talk = Conversation(Door(fixed, head=300.0, keep_alive=3000.0), is_raw=True)
        payload = block(asking())
        talk.ask()
        talk.client.state.data_to_send()  # it is written here instead, in pieces
        for part in (
            HELLO,
            frame(HEADERS, 1, 1, payload[:5]),
            frame(CONTINUATION, 0, 1, payload[5:9]),
        ):
            talk.server.data_received(part)
            await time.forward(60)
        await talk.feed(frame(CONTINUATION, 4, 1, payload[9:]))
        assert talk.client.bodies == {1: b"ok"}
        await time.forward(1000)
        assert not talk.wire.is_closed

    async def test_a_window_too_wide_ends_its_stream(self) -> None:
        async def endless() -> Any:
            while True:
                yield b"x" * 16_000

        talk = Conversation(Door(lambda _: streamed(endless())))
        talk.client.reads = False
        number = talk.ask()
        await talk.settle()
        await talk.feed(frame(WINDOW, 0, number, struct.pack(">I", 2**31 - 1)) * 2)
        assert talk.client.resets == {number: FLOW}
        assert talk.server.streams == {}


FLOODS = {
    "SETTINGS": frame(SETTINGS),
    "PING": frame(PING, payload=bytes(8)),
    "PING answered": frame(PING, 1, payload=bytes(8)),
    "WINDOW_UPDATE": frame(WINDOW, payload=struct.pack(">I", 1)),
    "WINDOW_UPDATE of a stream": frame(WINDOW, 0, 1, struct.pack(">I", 1)),
    "empty DATA": frame(DATA, 0, 1),
    "DATA of padding alone": frame(DATA, 0x8, 1, b"\x05" + bytes(5)),
    "DATA of no padding": frame(DATA, 0x8, 1, b"\0"),
    "PRIORITY": frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1)),
    "RST_STREAM": frame(RST, 0, 1, bytes(4)),
    "what nobody knows": frame(0xBE, 0, 0, b"?"),
    "GOAWAY": frame(GOAWAY, payload=bytes(8)),
}


class TestFloods:
    @pytest.mark.parametrize("name", FLOODS)
    async def test_of_one_kind(self, name: str) -> None:
        async def never(_: Request) -> Response:
            await asyncio.sleep(3600)
            raise AssertionError

        talk = Conversation(Door(never), is_raw=True)
        begun = frame(HEADERS, 4, 1, block(asking(**{"content-length": "5"})))
        await talk.feed(HELLO + begun)
        for _ in range(30):
            if talk.wire.is_closed:
                break
            talk.server.data_received(FLOODS[name] * 100)
            talk.wire.take()
            await asyncio.sleep(0)
        assert talk.wire.is_closed
        talk.server.abort()

    async def test_the_client_is_told_to_calm_down(self) -> None:
        talk = Conversation(Door(fixed), is_raw=True)
        await talk.feed(HELLO)
        talk.server.data_received(FLOODS["PING"] * 3 * ALLOWANCE)
        await talk.settle()
        assert talk.client.goaway == (0, CALM)

    async def test_of_requests_that_are_taken_back(self) -> None:
        async def never(_: Request) -> Response:
            await asyncio.sleep(3600)
            raise AssertionError

        before = asyncio.all_tasks()
        talk = Conversation(door := Door(never), is_raw=True)
        await talk.feed(HELLO)
        for number in range(1, 20_000, 2):
            if talk.wire.is_closed:
                break
            asked = frame(HEADERS, 5, number, block(asking()))
            talk.server.data_received(asked + frame(RST, 0, number, struct.pack(">I", 8)))
            await asyncio.sleep(0)
        assert talk.wire.is_closed
        assert len(door.requests) <= ALLOWANCE + 500
        rest = asyncio.all_tasks() - {asyncio.current_task(), *before}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    @pytest.mark.parametrize("padding", [None, 200], ids=["bare", "padded"])
    async def test_of_bytes_that_come_one_by_one(self, padding: int | None) -> None:
        """A body with a promised length, which somebody reads as it comes."""
        talk = Conversation(Door(reading), is_raw=True)
        await talk.feed(HELLO + frame(HEADERS, 4, 1, block(asking(**{"content-length": "90000"}))))
        crumb = frame(DATA, 0, 1, b"a")
        if padding is not None:
            crumb = frame(DATA, 0x8, 1, bytes((padding,)) + b"a" + bytes(padding))
        sent = 0
        while not talk.wire.is_closed and sent < 80_000:
            talk.server.data_received(crumb * 100)
            sent += 100
            talk.wire.take()
            await asyncio.sleep(0)
        assert talk.wire.is_closed
        assert sent > 20_000
        talk.server.abort()

    async def test_of_small_messages_is_none(self) -> None:
        """A client may stream a hundred thousand messages of gRPC with four bytes in each."""
        talk = Conversation(Door(reading), is_raw=True)
        await talk.feed(HELLO + frame(HEADERS, 4, 1, block(asking())))
        for _ in range(1_000):
            talk.server.data_received(frame(DATA, 0, 1, b"\0\0\0\0\4abcd") * 100)
            talk.wire.take()
            await asyncio.sleep(0)
        assert not talk.wire.is_closed
        talk.server.abort()

    @pytest.mark.parametrize(
        ("lines", "is_kept"),
        [(asking(), True), (asking(**{"content-length": "x"}), False)],
        ids=["one too many", "malformed"],
    )
    async def test_of_requests_that_are_refused(self, lines: list[Line], is_kept: bool) -> None:
        """To ask costs less than to refuse."""

        async def never(_: Request) -> Response:
            await asyncio.sleep(3600)
            raise AssertionError

        talk = Conversation(Door(never, streams=1), is_raw=True)
        await talk.feed(HELLO + (ASK if is_kept else b""))
        number = 3
        while not talk.wire.is_closed and number < 20_000:
            talk.server.data_received(frame(HEADERS, 0x5, number, block(lines)))
            talk.wire.take()
            number += 2
        assert talk.wire.is_closed
        assert number // 2 > ALLOWANCE - 10
        talk.server.abort()

    async def test_of_requests_that_break_a_rule(self) -> None:
        """More of a body than was promised: the stream ends, and what was begun for it is lost."""
        talk = Conversation(Door(reading), is_raw=True)
        await talk.feed(HELLO)
        lines = block(asking(**{"content-length": "1"}))
        number = 1
        while not talk.wire.is_closed and number < 20_000:
            asked = frame(HEADERS, 4, number, lines)
            talk.server.data_received(asked + frame(DATA, 0, number, b"more than one"))
            talk.wire.take()
            await asyncio.sleep(0)
            number += 2
        assert talk.wire.is_closed

    async def test_much_work_is_no_flood(self) -> None:
        """A client that opens its windows frame by frame, and asks again and again."""
        talk = Conversation(Door(lambda _: ok(b"x" * 20_000)))
        for _ in range(3):
            for _ in range(100):
                talk.ask()
            await talk.settle(100)
            for number, size in list(talk.client.unread.items()):
                talk.client.state.acknowledge_received_data(size, number)
        small = frame(WINDOW, payload=struct.pack(">I", 1))
        for _ in range(600):
            talk.ask()
            await talk.feed(talk.client.state.data_to_send() + small * 6)
        assert talk.client.goaway is None


class TestReader:
    def test_time_fills_the_allowance(self) -> None:
        now = 0.0
        reader = FrameReader(lambda: now, preface=False)
        list(reader.feed(FLOODS["SETTINGS"]))
        for _ in range(50):
            now += 60.0
            list(reader.feed(FLOODS["PING"] * ALLOWANCE))

    @given(st.binary(max_size=400), st.integers(1, 40))
    def test_any_cut_of_any_bytes_gives_the_same_frames(self, noise: bytes, size: int) -> None:
        data = PREFACE + frame(SETTINGS) + frame(0xBE, 3, 7, noise) + ASK + frame(PING, 0, 0, noise)
        whole, pieces = (FrameReader(lambda: 0.0, preface=True) for _ in range(2))
        found = [
            part for at in range(0, len(data), size) for part in pieces.feed(data[at : at + size])
        ]
        assert found == list(whole.feed(data))
        assert found[1] == (0xBE, 3, 7, noise)
        assert len(found) == 4
        assert not pieces.is_in_head


@given(
    st.lists(
        st.tuples(
            st.integers(0, 11),
            st.integers(0, 255),
            st.sampled_from([0, 1, 1, 1, 2, 3, 5]),
            st.one_of(
                st.binary(max_size=40),
                st.just(block(asking())),
                st.just(block(asking(**{"content-length": "3"}))),
            ),
        ),
        max_size=12,
    ),
    st.integers(1, 60),
)
def test_no_frames_whatever_are_a_fault_of_ours(
    frames: list[tuple[int, int, int, bytes]], size: int
) -> None:
    async def run() -> None:
        async def read(request: Request) -> Response:
            if request.body.chunks is not None:
                async for _ in request.body.chunks:
                    pass
            return ok()

        talk = Conversation(Door(read))
        data = HELLO + b"".join(frame(*parts) for parts in frames)
        for at in range(0, len(data), size):
            talk.server.data_received(data[at : at + size])
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        talk.server.connection_lost(None)
        for _ in range(5):
            await asyncio.sleep(0)
        assert talk.server.streams == {}
        assert talk.connections == set()

    asyncio.run(run())
