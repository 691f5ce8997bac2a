"""HTTP/2 of a front door, without sockets: what a client asks, and what it gets."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from edgegw.http.message import EMPTY, Headers, Request, Response
from edgegw.wire.front import ViewerGoneError
from edgegw.wire.http2_outlet import StreamOutlet
from tests.wire.http2_peers import Conversation, Door, fixed, ok, streamed, until


async def read(request: Request) -> bytes:
    if request.body.chunks is None:
        return request.body.content or b""
    return b"".join([chunk async for chunk in request.body.chunks])


class TestRequests:
    async def test_pseudo_headers_become_method_target_and_host(self) -> None:
        talk = Conversation(door := Door(fixed))
        talk.ask(b"/a?b=c", (b"x-one", b"1"), method=b"FROB")
        await talk.settle()
        [request] = door.requests
        assert (request.method, request.target.path, request.target.query) == (
            "FROB",
            b"/a",
            b"b=c",
        )
        assert request.headers.raw == ((b"host", b"h"), (b"x-one", b"1"))
        assert (request.scheme, request.http_version) == ("https", "2")
        assert request.client.address == "192.0.2.1"
        assert request.body is EMPTY

    async def test_crumbs_of_a_cookie_are_put_together(self) -> None:
        talk = Conversation(door := Door(fixed))
        talk.ask(b"/", (b"cookie", b"a=1"), (b"x", b"1"), (b"cookie", b"b=2"))
        await talk.settle()
        assert door.requests[0].headers.raw[1:] == ((b"cookie", b"a=1; b=2"), (b"x", b"1"))

    async def test_requests_that_differ_in_their_path_share_their_headers(self) -> None:
        talk = Conversation(door := Door(fixed))
        for path in (b"/a", b"/b", b"/c"):
            talk.ask(path, (b"x", b"1"))
        await talk.settle()
        assert [request.target.path for request in door.requests] == [b"/a", b"/b", b"/c"]
        assert len({id(request.headers) for request in door.requests}) == 1

    @pytest.mark.parametrize("length", [None, b"5"])
    async def test_a_body_comes_as_it_is_sent(self, length: bytes | None) -> None:
        parts: list[bytes] = []

        async def answer(request: Request) -> Response:
            async for chunk in request.body.chunks or _nothing():
                parts.append(chunk)
            return ok()

        talk = Conversation(door := Door(answer))
        lines = [] if length is None else [(b"content-length", length)]
        number = talk.ask(b"/", *lines, ends=False, method=b"POST")
        talk.send(number, b"ab")
        await talk.settle()
        assert parts == [b"ab"]
        assert door.requests[0].body.length == (None if length is None else 5)
        talk.send(number, b"cde", ends=True)
        await talk.settle()
        assert parts == [b"ab", b"cde"]
        assert talk.client.status(number) == 200

    @pytest.mark.parametrize("how", ["empty DATA", "empty DATA with a length", "padded DATA"])
    async def test_a_body_without_bytes_is_none(self, how: str) -> None:
        talk = Conversation(door := Door(fixed))
        lines = [(b"content-length", b"0")] if "length" in how else []
        number = talk.ask(b"/", *lines, ends=False)
        await talk.settle()
        assert len(door.requests) == ("length" in how)
        if how != "empty DATA with a length":
            talk.send(number, b"", ends=True, padding=7 if "padded" in how else None)
        await talk.settle()
        assert door.requests[0].body is EMPTY
        assert talk.client.bodies[number] == b"ok"

    async def test_grpc_is_begun_before_its_first_byte(self) -> None:
        async def echo(request: Request) -> Response:
            assert request.body.chunks is not None
            return streamed(aiter(request.body.chunks), trailers=lambda: Headers([(b"x", b"1")]))

        talk = Conversation(Door(echo))
        number = talk.ask(b"/", (b"content-type", b"application/grpc"), ends=False, method=b"POST")
        await talk.settle()
        assert talk.client.status(number) == 200
        talk.send(number, b"one")
        await talk.settle()
        assert talk.client.bodies[number] == b"one"
        assert number not in talk.client.ended
        talk.send(number, b"two", ends=True)
        await talk.settle()
        assert talk.client.bodies[number] == b"onetwo"
        assert talk.client.trailers[number] == [(b"x", b"1")]

    async def test_trailers_of_a_request_come_behind_its_body(self) -> None:
        async def answer(request: Request) -> Response:
            content = await read(request)
            assert request.body.trailers is not None
            return ok(content, *request.body.trailers().raw)

        talk = Conversation(Door(answer))
        number = talk.ask(b"/", ends=False, method=b"POST")
        talk.send(number, b"ab")
        talk.client.state.send_headers(number, [(b"x-sum", b"7")], end_stream=True)
        await talk.settle()
        assert (b"x-sum", b"7") in talk.client.heads[number][0]

    async def test_100_continue_is_sent_when_the_body_is_wanted(self) -> None:
        async def answer(request: Request) -> Response:
            return ok(await read(request))

        talk = Conversation(Door(answer))
        number = talk.ask(b"/", (b"expect", b"100-continue"), ends=False, method=b"POST")
        await talk.settle()
        assert talk.client.heads[number] == [[(b":status", b"100")]]
        talk.send(number, b"ab", ends=True)
        await talk.settle()
        assert talk.client.bodies[number] == b"ab"

    async def test_a_request_that_is_taken_back_is_begun_without_end(self) -> None:
        broken: list[ViewerGoneError] = []

        async def answer(request: Request) -> Response:
            try:
                await read(request)
            except ViewerGoneError as error:
                broken.append(error)
                raise
            raise AssertionError

        talk = Conversation(Door(answer))
        number = talk.ask(b"/", ends=False)
        await talk.settle()
        talk.client.state.reset_stream(number)
        await talk.settle()
        assert [error.why for error in broken] == [None]
        assert talk.server.streams == {}

    async def test_a_client_that_falls_silent_in_its_request_is_told(self) -> None:
        async def answer(request: Request) -> Response:
            try:
                return ok(await read(request))
            except ViewerGoneError as error:
                return ok(str(error.why).encode(), status=408)

        for lines in ([], [(b"content-length", b"5")]):
            talk = Conversation(Door(answer, idle=0.05))
            number = talk.ask(b"/", *lines, ends=False)
            await talk.settle()
            await until(lambda talk=talk: bool(talk.wire.waiting))
            await talk.settle()
            assert talk.client.status(number) == 408
            assert talk.client.bodies[number] == b"idle"
            again = talk.ask()
            await talk.settle()
            assert again in talk.client.heads  # the connection goes on


class TestAnswers:
    async def test_an_answer_at_hand_is_one_write_without_a_task(self) -> None:
        talk = Conversation(door := Door(fixed))
        numbers = [talk.ask() for _ in range(6)]
        talk.wire.take()
        writes, tasks = talk.wire.writes, len(asyncio.all_tasks())
        talk.server.data_received(talk.client.state.data_to_send())
        assert talk.wire.writes == writes + 1
        assert len(asyncio.all_tasks()) == tasks
        talk.client.take(talk.wire.take())
        assert talk.client.ended == set(numbers)
        assert len(door.done_with) == 6
        assert talk.server.streams == {}

    async def test_head_and_body_of_a_later_answer_are_one_write(self) -> None:
        async def later(_: Request) -> Response:
            await asyncio.sleep(0)
            return ok(b"late")

        talk = Conversation(Door(later))
        number = talk.ask()
        await talk.settle()
        assert talk.client.bodies[number] == b"late"
        before = talk.wire.writes
        talk.ask()
        await talk.settle()
        assert talk.wire.writes == before + 1

    async def test_names_become_small_and_headers_of_connections_are_left_out(self) -> None:
        lines = [
            (b"X-Up", b"1"),
            (b"Connection", b"close"),
            (b"Keep-Alive", b"5"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Upgrade", b"x"),
            (b"Content-Length", b"2"),
        ]
        talk = Conversation(Door(lambda _: ok(b"ok", *lines)))
        number = talk.ask()
        await talk.settle()
        head = [(b":status", b"200"), (b"x-up", b"1"), (b"content-length", b"2")]
        assert talk.client.heads[number] == [head]

    async def test_no_line_break_leaves_in_a_head(self) -> None:
        lines = [(b"location", b"/a\r\nevil: 1\0"), (b"b\r\nad", b"1"), (b"", b"2")]
        talk = Conversation(Door(lambda _: ok(b"", *lines)))
        number = talk.ask()
        await talk.settle()
        head = [(b":status", b"200"), (b"location", b"/a  evil: 1")]
        assert talk.client.heads[number] == [head]

    @pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
    async def test_answers_that_have_no_body(self, method: bytes, status: int) -> None:
        talk = Conversation(Door(lambda _: ok(b"text", (b"content-length", b"4"), status=status)))
        number = talk.ask(method=method)
        await talk.settle()
        assert number in talk.client.ended
        assert number not in talk.client.bodies
        has_length = (b"content-length", b"4") in talk.client.heads[number][0]
        assert has_length == (status != 204)

    async def test_a_head_that_is_all_ends_its_stream(self) -> None:
        """As gRPC wants answers that are trailers only."""
        talk = Conversation(Door(lambda _: ok(b"", (b"grpc-status", b"12"))))
        number = talk.ask()
        talk.server.data_received(talk.client.state.data_to_send())
        data = talk.wire.take()
        kinds = []
        while data:
            kinds.append((data[3], data[4]))
            data = data[9 + int.from_bytes(data[:3], "big") :]
        assert kinds[-1] == (1, 5)  # HEADERS with END_HEADERS and END_STREAM
        assert [kind for kind, _ in kinds].count(0) == 0
        assert number == 1

    @pytest.mark.parametrize("content", [b"abc", b"abcdefg"])
    async def test_a_length_that_is_not_the_bodys(self, content: bytes) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        for response in (
            lambda: ok(content, (b"content-length", b"5")),
            lambda: streamed(chunks(), (b"content-length", b"5")),
        ):
            talk = Conversation(Door(lambda _, response=response: response()))
            number = talk.ask()
            await talk.settle()
            assert talk.client.bodies[number] == content[:5]
            assert (number in talk.client.resets) == (len(content) < 5)

    @pytest.mark.parametrize("value", [b"abc", b"+2", b"-1", b"1_0"])
    async def test_a_length_that_is_none_is_left_out(self, value: bytes) -> None:
        talk = Conversation(Door(lambda _: ok(b"ok", (b"content-length", value))))
        number = talk.ask()
        await talk.settle()
        assert talk.client.heads[number] == [[(b":status", b"200")]]
        assert talk.client.bodies[number] == b"ok"

    async def test_an_answer_before_its_request_is_complete(self) -> None:
        talk = Conversation(Door(fixed))
        number = talk.ask(b"/", (b"content-length", b"600000"), ends=False, method=b"POST")
        await talk.settle()
        assert number in talk.client.ended
        for at in range(60):  # more than the window: what comes is thrown away
            talk.send(number, b"x" * 10_000, ends=at == 59)
            await talk.turn()
        await talk.settle()
        assert talk.server.streams == {}

    async def test_an_answer_that_breaks_off_is_reset(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"half"
            raise OSError("gone")

        talk = Conversation(Door(lambda _: streamed(chunks())))
        number = talk.ask()
        await talk.settle()
        assert talk.client.bodies[number] == b"half"
        assert talk.client.resets == {number: 2}
        assert talk.server.streams == {}


class TestBackpressure:
    async def test_reading_stops_where_the_clients_window_is_closed(self) -> None:
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 16_000
                yield b"x" * 16_000

        talk = Conversation(Door(lambda _: streamed(endless())))
        talk.client.reads = False
        number = talk.ask()
        await talk.settle(20)
        assert len(talk.client.bodies[number]) == 65_535
        assert read <= 65_535 + 2 * 16_000
        talk.client.read(number)
        await talk.settle(20)
        assert len(talk.client.bodies[number]) == 2 * 65_535
        assert read <= 2 * 65_535 + 2 * 16_000

    async def test_reading_stops_where_the_transport_is_full(self) -> None:
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 16_000
                yield b"x" * 16_000

        window = {4: 2**31 - 1}
        talk = Conversation(Door(lambda _: streamed(endless())), mark=100_000, settings=window)
        talk.client.state.increment_flow_control_window(2**30)
        talk.ask()
        talk.server.data_received(talk.client.state.data_to_send())
        for _ in range(100):
            await asyncio.sleep(0)
        assert read < 100_000 + 64 * 1024 + 3 * 16_000
        assert len(talk.wire.waiting) < 100_000 + 2 * 64 * 1024

    async def test_a_large_answer_at_hand_waits_for_its_client_too(self) -> None:
        talk = Conversation(Door(lambda _: ok(b"x" * 1_000_000)))
        talk.client.reads = False
        number = talk.ask()
        await talk.settle()
        assert len(talk.client.bodies[number]) == 65_535
        while number not in talk.client.ended:
            talk.client.read(number)
            await talk.settle()
        assert len(talk.client.bodies[number]) == 1_000_000

    async def test_slow_streams_make_no_other_wait(self) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 64_000

        def answer(request: Request) -> Response:
            return streamed(endless()) if request.target.path == b"/slow" else ok(b"y" * 30_000)

        talk = Conversation(Door(answer), settings={4: 100_000})
        talk.client.state.increment_flow_control_window(2**30)
        talk.client.reads = False
        slow = [talk.ask(b"/slow") for _ in range(100)]
        await talk.settle(20)
        assert {len(talk.client.bodies[number]) for number in slow} == {100_000}
        quick = talk.ask(b"/quick")
        talk.server.data_received(talk.client.state.data_to_send())
        talk.client.take(talk.wire.take())
        assert quick in talk.client.ended

    async def test_those_that_wait_for_one_window_take_turns(self) -> None:
        talk = Conversation(Door(lambda _: ok(b"x" * 60_000)))
        talk.client.reads = False
        numbers = [talk.ask() for _ in range(4)]
        await talk.settle()
        assert len(talk.client.bodies[numbers[0]]) == 60_000  # of 65,535 for all of them
        talk.client.state.increment_flow_control_window(3 * 16_384)
        await talk.settle()
        sizes = [len(talk.client.bodies.get(number, b"")) for number in numbers]
        assert sizes[0] == 60_000
        assert min(sizes[1:]) >= 10_000

    async def test_an_upload_that_nobody_takes_holds_up_nothing_else(self) -> None:
        async def never(request: Request) -> Response:
            if request.target.path == b"/up":
                await asyncio.sleep(3600)
            return ok(await read(request))

        talk = Conversation(Door(never))
        state = talk.client.state
        await talk.settle()
        ups = [talk.ask(b"/up", ends=False, method=b"POST") for _ in range(20)]
        sent = 0
        for number in ups:
            while (room := state.local_flow_control_window(number)) > 0:
                talk.send(number, b"x" * min(room, 16_000))
                sent += min(room, 16_000)
                await talk.turn()
        assert sent == 20 * 256 * 1024
        other = talk.ask(b"/", ends=False, method=b"POST")
        talk.send(other, b"there is room", ends=True)
        await talk.settle()
        assert talk.client.bodies[other] == b"there is room"
        talk.server.abort()

    async def test_bytes_are_acknowledged_when_they_are_taken(self) -> None:
        gate = asyncio.Event()

        async def answer(request: Request) -> Response:
            assert request.body.chunks is not None
            chunks = aiter(request.body.chunks)
            size = len(await anext(chunks))
            await gate.wait()
            async for chunk in chunks:
                size += len(chunk)
            return ok(b"%d" % size)

        talk = Conversation(Door(answer))
        await talk.settle()
        number, sent = talk.ask(b"/", ends=False, method=b"POST"), 0
        while (room := talk.client.state.local_flow_control_window(number)) > 300:
            talk.send(number, b"x" * min(room - 300, 16_000), padding=200)  # padding counts, too
            sent += min(room - 300, 16_000)
            await talk.settle(2)
        assert sent < 512 * 1024
        gate.set()
        await talk.settle()
        assert talk.client.state.local_flow_control_window(number) > 100_000
        talk.send(number, b"", ends=True)
        await talk.settle()
        assert talk.client.bodies[number] == b"%d" % sent

    async def test_a_client_that_takes_nothing_of_its_answer_is_given_up(self) -> None:
        released: list[bool] = []

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 16_000

        for response in (
            lambda: streamed(endless(), release=lambda: released.append(True)),
            lambda: ok(b"x" * 500_000),
        ):
            talk = Conversation(Door(lambda _, response=response: response(), idle=0.05))
            talk.client.reads = False
            number = talk.ask()
            await talk.settle()
            await until(lambda talk=talk: not talk.server.streams)
            await talk.settle()
            assert talk.client.resets == {number: 8}
        assert released == [True]


class TestCancelling:
    async def test_what_a_client_cancels_leaves_nothing_behind(self) -> None:
        released = 0

        async def large() -> AsyncIterator[bytes]:
            content = b"x" * 2_000_000
            for at in range(0, len(content), 64_000):
                yield content[at : at + 64_000]

        def release() -> None:
            nonlocal released
            released += 1

        talk = Conversation(door := Door(lambda _: streamed(large(), release=release)))
        talk.client.reads = False
        for _ in range(150):
            numbers = [talk.ask() for _ in range(10)]
            await talk.settle(2)
            for number in numbers:
                talk.client.state.reset_stream(number, 8)
                talk.client.state.acknowledge_received_data(
                    talk.client.unread.pop(number, 0), number
                )
                talk.client.bodies.pop(number, None)
            await talk.settle(3)
        await talk.settle()
        assert talk.client.goaway is None
        assert talk.server.streams == {}
        assert released == len(door.done_with) == 1_500
        assert all(delivery.is_gone for _, delivery in door.done_with)
        gc.collect()
        assert not [item for item in gc.get_objects() if type(item) is StreamOutlet]

    async def test_the_end_of_a_connection_is_the_end_of_all_its_streams(self) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 16_000
                await asyncio.sleep(0)

        talk = Conversation(door := Door(lambda _: streamed(endless())))
        for _ in range(5):
            talk.ask()
        await talk.settle()
        talk.wire.close()
        await talk.settle()
        assert [delivery.is_gone for _, delivery in door.done_with] == [True] * 5
        assert talk.connections == set()

    async def test_an_answer_that_comes_too_late_is_noted_as_gone(self) -> None:
        gate = asyncio.Event()

        async def late(_: Request) -> Response:
            await gate.wait()
            return ok()

        talk = Conversation(door := Door(late))
        number = talk.ask()
        await talk.settle()
        talk.client.state.reset_stream(number)
        await talk.settle()
        gate.set()
        await talk.settle()
        assert [delivery.is_gone for _, delivery in door.done_with] == [True]


class TestLeave:
    async def test_a_connection_takes_so_many_requests(self) -> None:
        talk = Conversation(Door(fixed, requests=3))
        numbers = [talk.ask() for _ in range(4)]
        await talk.settle()
        assert talk.client.goaway == (numbers[2], 0)
        assert talk.client.ended == set(numbers[:3])
        assert talk.client.resets == {numbers[3]: 7}
        assert talk.wire.is_closed

    async def test_shutdown_answers_what_has_begun(self) -> None:
        gate = asyncio.Event()

        async def late(_: Request) -> Response:
            await gate.wait()
            return ok()

        talk = Conversation(Door(late))
        number = talk.ask()
        await talk.settle()
        talk.server.shutdown()
        late_one = talk.ask()
        await talk.settle()
        assert talk.client.goaway == (number, 0)
        assert talk.client.resets == {late_one: 7}
        assert not talk.wire.is_closed
        gate.set()
        await talk.settle()
        assert talk.client.bodies == {number: b"ok"}
        assert talk.wire.is_closed
        assert talk.connections == set()

    async def test_shutdown_of_a_connection_at_rest_closes_it(self) -> None:
        talk = Conversation(Door(fixed))
        number = talk.ask()
        await talk.settle()
        talk.server.shutdown()
        await talk.settle()
        assert talk.client.goaway == (number, 0)
        assert talk.wire.is_closed

    async def test_abort_cancels_what_is_under_way(self) -> None:
        cancelled: list[bool] = []

        async def never(_: Request) -> Response:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise
            raise AssertionError

        talk = Conversation(Door(never))
        talk.ask()
        await talk.settle()
        talk.server.abort()
        await talk.settle()
        assert cancelled == [True]
        assert talk.wire.is_aborted

    async def test_a_client_that_says_goodbye_gets_its_answers(self) -> None:
        gate = asyncio.Event()

        async def late(_: Request) -> Response:
            await gate.wait()
            return ok()

        talk = Conversation(Door(late))
        number = talk.ask()
        goodbye = b"\0\0\x08\x07\0\0\0\0\0" + bytes(8)
        await talk.feed(talk.client.state.data_to_send() + goodbye)
        assert not talk.wire.is_closed
        gate.set()
        await talk.settle()
        assert talk.client.bodies == {number: b"ok"}
        assert talk.wire.is_closed

    async def test_a_connection_at_rest_ends(self) -> None:
        talk = Conversation(Door(fixed, keep_alive=0.05))
        talk.ask()
        await talk.settle()
        assert not talk.wire.is_closed
        await until(lambda: talk.wire.is_closed)
        await talk.settle()
        assert talk.client.goaway == (1, 0)

    async def test_streams_beyond_the_limit_are_refused(self) -> None:
        async def never(_: Request) -> Response:
            await asyncio.sleep(3600)
            raise AssertionError

        talk = Conversation(door := Door(never, streams=3))
        numbers = [talk.ask() for _ in range(5)]  # it has not read the settings yet
        await talk.settle()
        assert talk.client.resets == {numbers[3]: 7, numbers[4]: 7}
        assert len(door.requests) == 3
        assert talk.client.state.remote_settings.max_concurrent_streams == 3
        assert talk.client.state.remote_settings.enable_connect_protocol == 0
        talk.server.abort()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
