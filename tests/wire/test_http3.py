"""HTTP/3 of the wire: aioquic's client against a front door that does what a test wants."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Body, Client, CutOffError, Headers, Request, Response
from edgegw.wire.front import Delivery, Handshake, ViewerGoneError
from tests.conftest import IN_CI
from tests.loop_time import LoopTime
from tests.wire.test_frame_allowance import unspent

try:
    from aioquic.asyncio import QuicConnectionProtocol
    from aioquic.asyncio import connect as quic_connect
    from aioquic.h3.connection import H3_ALPN, H3Connection
    from aioquic.h3.events import DataReceived, HeadersReceived
    from aioquic.quic import events as quic_events
    from aioquic.quic.configuration import QuicConfiguration

    from edgegw.wire import http3_connection
    from edgegw.wire.http3 import Http3Server
    from edgegw.wire.http3_frames import HEADERS, HeaderBlocks, RequestFrames
    from edgegw.wire.sent_frames import SentFrames
except Exception as error:
    if IN_CI:
        raise
    pytest.skip(f"HTTP/3 is not tested: {error}", allow_module_level=True)

Line = tuple[bytes, bytes]
Accept = Callable[[Request], "Response | Awaitable[Response]"]


# The front door


class Door:
    """A front door that answers as it is told, and keeps what it hears."""

    def __init__(self, accept: Accept, limits: Limits) -> None:
        self._accept = accept
        self._limits = limits
        self.requests: list[Request] = []
        self.deliveries: list[Delivery] = []
        self.handshakes: list[tuple[Client, Handshake | None]] = []

    def limits(self) -> Limits:
        return self._limits

    def accept(self, request: Request) -> Response | Awaitable[Response]:
        self.requests.append(request)
        return self._accept(request)

    def done(self, response: Response, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        return text(f"page: {why}", 400)

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        self.handshakes.append((client, handshake))


def text(content: str, status: int = 200, *lines: Line) -> Response:
    return Response(status, b"", Headers(lines), Body.of(content.encode()))


def hello(_: Request) -> Response:
    return text("hello", 200, (b"Content-Type", b"text/plain"))


async def echo(request: Request) -> Response:
    """Method, target and body, once the body is read."""
    body = await whole(request)
    return text(f"{request.method} {request.target.raw.decode('latin-1')} {body.decode()}")


async def whole(request: Request) -> bytes:
    if request.body.content is not None:
        return request.body.content
    assert request.body.chunks is not None
    return b"".join([part async for part in request.body.chunks])


def streaming(chunks: AsyncIterator[bytes], *lines: Line, length: int | None = None) -> Response:
    return Response(200, b"", Headers(lines), Body.streaming(chunks, length))


# The client


@dataclass
class Answer:
    """What has come on one stream."""

    headers: list[Line] = field(default_factory=list)
    interim: list[bytes] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: list[Line] = field(default_factory=list)
    reset: int | None = None
    stopped: int | None = None
    is_complete: bool = False

    @property
    def status(self) -> str:
        return dict(self.headers).get(b":status", b"").decode()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class Viewer(QuicConnectionProtocol):
    """aioquic's client, which can also say what no client should."""

    def __init__(self, *rest: Any, **more: Any) -> None:
        super().__init__(*rest, **more)
        self.http = H3Connection(self._quic)
        self.answers: dict[int, Answer] = {}
        self.closed: tuple[int, str] | None = None
        self.goaway = b""
        self.unread: dict[int, bytearray] = {}
        """Streams whose bytes are only kept."""
        self.is_deaf = False
        self._missed: list[tuple[Any, Any]] = []

    def datagram_received(self, data: Any, addr: Any) -> None:
        if self.is_deaf:
            self._missed.append((data, addr))
        else:
            super().datagram_received(data, addr)

    def listen_again(self) -> None:
        self.is_deaf, missed = False, self._missed
        self._missed = []
        for data, addr in missed:
            super().datagram_received(data, addr)

    def quic_event_received(self, event: Any) -> None:
        match event:
            case quic_events.ConnectionTerminated():
                self.closed = (event.error_code, event.reason_phrase)
            case quic_events.StreamReset():
                self.answers[event.stream_id].reset = event.error_code
            case quic_events.StopSendingReceived():
                self.answers[event.stream_id].stopped = event.error_code
            case quic_events.StreamDataReceived() if event.stream_id in self.unread:
                self.unread[event.stream_id] += event.data
                self.answers[event.stream_id].is_complete |= event.end_stream
                return
            case quic_events.StreamDataReceived() if event.stream_id == 3:
                self.goaway += event.data
            case _:
                pass
        for heard in self.http.handle_event(event):
            answer = self.answers[heard.stream_id]  # type: ignore[attr-defined]
            if isinstance(heard, HeadersReceived):
                status = dict(heard.headers).get(b":status", b"")
                if status.startswith(b"1"):
                    answer.interim.append(status)
                elif answer.headers:
                    answer.trailers = list(heard.headers)
                else:
                    answer.headers = list(heard.headers)
            elif isinstance(heard, DataReceived):
                answer.body += heard.data
            answer.is_complete = answer.is_complete or heard.stream_ended  # type: ignore[attr-defined]

    def new_stream(self) -> int:
        stream = self._quic.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self._quic.send_stream_data(stream, b"")
        return stream

    def ask(self, lines: list[Line], body: bytes = b"", *, end: bool = True) -> int:
        """Sends a request, or the beginning of one."""
        stream = self.new_stream()
        self.http.send_headers(stream, lines, end_stream=end and not body)
        if body:
            self.http.send_data(stream, body, end_stream=end)
        self.transmit()
        return stream

    def send(self, stream: int, body: bytes, *, end: bool = False) -> None:
        self.http.send_data(stream, body, end_stream=end)
        self.transmit()

    def raw(self, stream: int, data: bytes, *, end: bool = False) -> None:
        self._quic.send_stream_data(stream, data, end)
        self.transmit()

    def stop(self, stream: int, code: int = 0x10C) -> None:
        self._quic.stop_stream(stream, code)
        self.transmit()

    def reset(self, stream: int, code: int = 0x10C) -> None:
        self._quic.reset_stream(stream, code)
        self.transmit()

    async def answer(self, stream: int) -> Answer:
        """What comes on a stream, when it has come to its end."""
        answer = self.answers[stream]
        await until(lambda: answer.is_complete or answer.reset is not None or self.closed)
        return answer

    async def get(self, path: str = "/", *more: Line) -> Answer:
        return await self.answer(self.ask(asks(*more, path=path.encode())))


GET: dict[bytes, bytes] = {b":method": b"GET", b":scheme": b"https"}
GET |= {b":authority": b"h", b":path": b"/x"}


def asks(*more: Line, **pseudo: bytes) -> list[Line]:
    """The lines of a GET with other pseudo headers, and more lines behind them."""
    lines = {**GET, **{f":{name}".encode(): value for name, value in pseudo.items()}}
    return [*lines.items(), *more]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("http3")
    issued = trustme.CA().issue_cert("localhost")
    (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return folder


@dataclass
class Serving:
    door: Door
    server: Http3Server
    port: int

    @contextlib.asynccontextmanager
    async def viewer(self, **options: Any) -> AsyncGenerator[Viewer]:
        configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=True, **options)
        configuration.verify_mode = ssl.CERT_NONE
        configuration.server_name = "localhost"
        async with quic_connect(
            "127.0.0.1", self.port, configuration=configuration, create_protocol=Viewer
        ) as viewer:
            yield viewer  # type: ignore[misc]


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Serving]]


@pytest.fixture
def serve(certificate: Path) -> Serve:
    @contextlib.asynccontextmanager
    async def serving(accept: Accept = hello, **limits: Any) -> AsyncGenerator[Serving]:
        door = Door(accept, Limits(**limits))
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        files = certificate / "cert.pem", certificate / "key.pem"
        server = Http3Server(door, *files, sock)
        await server.start()
        try:
            yield Serving(door, server, sock.getsockname()[1])
        finally:
            await server.stop(1)

    return serving


# What a front door gets, and what a client gets


async def test_a_request_brings_all_that_a_front_door_asks_for(serve: Serve) -> None:
    async with serve() as serving, serving.viewer() as viewer:
        await viewer.get("/a%2Fb?c=\xe9&?", (b"cookie", b"a=1"), (b"cookie", b"b=2"))
        await viewer.get("/again")
        first, again = serving.door.requests
        assert (first.method, first.target.raw) == ("GET", "/a%2Fb?c=é&?".encode())
        assert first.headers.raw == ((b"host", b"h"), (b"cookie", b"a=1; b=2"))
        assert (first.scheme, first.http_version, first.body.content) == ("https", "3", b"")
        assert first.client.address == "127.0.0.1"
        assert first.client.connection.startswith("TID_")
        assert first.client == again.client
        assert first.tls is not None
        assert (first.tls.protocol, first.tls.negotiation) == ("TLSv1.3", "full")
        assert first.tls.cipher.startswith("TLS_AES_")
        assert again.tls == first.tls._replace(negotiation="reused")
        ((client, handshake),) = serving.door.handshakes
        assert client == first.client
        assert handshake is not None
        assert handshake.tls == first.tls


async def test_an_answer_leaves_nothing_that_http3_forbids(serve: Serve) -> None:
    lines = [
        (b"Content-Type", b"text/plain"),
        (b"Connection", b"close"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Location", b"/a\r\nSet-Cookie: evil=1\x00"),
        (b"a b", b"no name"),
        (b":status", b"500"),
        (b"X-Blanks", b"  a "),
    ]
    async with serve(lambda _: text("hello", 302, *lines)) as serving, serving.viewer() as viewer:
        answer = await viewer.get()
    assert answer.headers == [
        (b":status", b"302"),
        (b"content-type", b"text/plain"),
        (b"location", b"/a  Set-Cookie: evil=1"),
        (b"x-blanks", b"a"),
    ]
    assert answer.body == b"hello"


@pytest.mark.parametrize(
    ("method", "status", "has_length"),
    [(b"HEAD", 200, True), (b"GET", 304, True), (b"GET", 204, False)],
)
async def test_an_answer_without_a_body_has_a_head_alone(
    serve: Serve, method: bytes, status: int, has_length: bool
) -> None:
    def accept(_: Request) -> Response:
        return text("12345", status, (b"Content-Length", b"5"))

    async with serve(accept) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(method=method))
        received = viewer.unread[stream] = bytearray()  # aioquic's own client takes it for broken
        await viewer.answer(stream)
        ((kind, block),) = RequestFrames(unspent()).feed(bytes(received))
        assert kind == HEADERS
        lines = HeaderBlocks().read(stream, block)
        assert ((b"content-length", b"5") in lines) == has_length
        assert serving.door.deliveries[0].sent == 0


async def test_a_streamed_answer_arrives_with_its_trailers(serve: Serve) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for part in (b"one ", b"", b"two"):
            yield part

    async def accept(_: Request) -> Response:
        trailers = Headers([(b"Grpc-Status", b"0"), (b"x", b"a\nb")])
        return Response(200, b"", Headers(), Body(None, chunks(), None, None, lambda: trailers))

    async with serve(accept) as serving, serving.viewer() as viewer:
        answer = await viewer.get()
        assert answer.body == b"one two"
        assert answer.trailers == [(b"grpc-status", b"0"), (b"x", b"a b")]
        await until(lambda: serving.door.deliveries)
        assert serving.door.deliveries[0].sent == 7


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(
    ("sent", "is_whole"), [(b"12345", True), (b"12345678", True), (b"12", False)]
)
async def test_a_body_is_never_longer_or_shorter_than_its_head_says(
    serve: Serve, sent: bytes, is_whole: bool, is_streamed: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield sent[:1]
        yield sent[1:]

    async def accept(_: Request) -> Response:
        line = (b"Content-Length", b"5")
        return streaming(chunks(), line) if is_streamed else text(sent.decode(), 200, line)

    async with serve(accept) as serving, serving.viewer() as viewer:
        answer = await viewer.get()
    if is_whole:
        assert answer.body == b"12345"
    else:
        assert answer.reset == 0x102


async def test_an_answer_that_breaks_off_resets_its_stream_alone(serve: Serve) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"half"
        raise CutOffError("it ends early")

    async def accept(request: Request) -> Response:
        return streaming(chunks()) if request.target.path == b"/cut" else text("hello")

    async with serve(accept) as serving, serving.viewer() as viewer:
        cut = await viewer.get("/cut")
        assert cut.reset == 0x102
        assert not cut.is_complete
        assert (await viewer.get()).body == b"hello"
    assert [delivery.cut for delivery in serving.door.deliveries] == ["it ends early", None]


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_fault_of_our_own_ends_its_stream_alone(
    serve: Serve, caplog: pytest.LogCaptureFixture, is_late: bool
) -> None:
    async def late() -> Response:
        raise RuntimeError

    def accept(request: Request) -> Response | Awaitable[Response]:
        if request.target.path != b"/fault":
            return text("hello")
        if is_late:
            return late()
        raise RuntimeError

    async with serve(accept) as serving, serving.viewer() as viewer:
        assert (await viewer.get("/fault")).reset == 0x102
        assert (await viewer.get()).body == b"hello"
    assert "please report it" in caplog.text


async def test_a_header_that_http3_cannot_carry_cuts_the_answer(serve: Serve) -> None:
    async def late(response: Response) -> Response:
        return response

    def accept(request: Request) -> Response | Awaitable[Response]:
        response = text("hello", 200, (b"x", b"y" * 70_000))
        return late(response) if request.target.path == b"/late" else response

    async with serve(accept) as serving, serving.viewer() as viewer:
        assert (await viewer.get()).reset == 0x102
        assert (await viewer.get("/late")).reset == 0x102
        assert all("cannot carry" in (delivery.cut or "") for delivery in serving.door.deliveries)


async def test_a_status_that_is_not_final_cuts_the_answer(serve: Serve) -> None:
    async with serve(lambda _: text("", 101)) as serving, serving.viewer() as viewer:
        assert (await viewer.get()).reset == 0x102


async def test_what_answers_no_viewer_is_cut(serve: Serve) -> None:
    async def accept(_: Request) -> Response:
        raise ViewerGoneError

    async with serve(accept) as serving, serving.viewer() as viewer:
        assert (await viewer.get()).reset == 0x102


async def test_many_requests_at_once_are_answered_as_they_get_ready(serve: Serve) -> None:
    gate = asyncio.Event()

    async def accept(request: Request) -> Response:
        if request.target.path == b"/0":
            await gate.wait()
        return text(request.target.path.decode())

    async with serve(accept) as serving, serving.viewer() as viewer:
        streams = [viewer.ask(asks(path=b"/%d" % number)) for number in range(60)]
        answers = [await viewer.answer(stream) for stream in streams[1:]]
        gate.set()
        answers.insert(0, await viewer.answer(streams[0]))
        assert [answer.body for answer in answers] == [b"/%d" % number for number in range(60)]


# Bodies of requests


async def test_an_upload_arrives_part_by_part(serve: Serve) -> None:
    seen = asyncio.Queue[bytes]()

    async def accept(request: Request) -> Response:
        assert request.body.chunks is not None
        assert request.body.length is None
        async for part in request.body.chunks:
            await seen.put(part)
        assert request.body.trailers is not None
        return text(f"{request.body.trailers().raw}")

    async with serve(accept) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(method=b"POST"), b"one", end=False)
        assert await seen.get() == b"one"
        viewer.send(stream, b"two")
        assert await seen.get() == b"two"
        viewer.http.send_headers(stream, [(b"x-sum", b"1")], end_stream=True)
        viewer.transmit()
        assert (await viewer.answer(stream)).body == b"((b'x-sum', b'1'),)"
        await until(lambda: serving.door.deliveries)
        assert serving.door.deliveries[0].received == 6


async def test_a_megabyte_comes_back(serve: Serve) -> None:
    async def accept(request: Request) -> Response:
        assert request.body.chunks is not None
        return streaming(aiter(request.body.chunks))

    content = bytes(range(256)) * 4096
    async with serve(accept) as serving, serving.viewer() as viewer:
        lines = asks((b"content-length", b"%d" % len(content)), method=b"PUT")
        answer = await viewer.answer(viewer.ask(lines, content))
        assert bytes(answer.body) == content
        assert serving.door.requests[0].body.length == len(content)
        await until(lambda: serving.door.deliveries)
        assert (
            serving.door.deliveries[0].received == serving.door.deliveries[0].sent == len(content)
        )


async def test_an_early_answer_ends_the_upload_without_blame(serve: Serve) -> None:
    async with serve(lambda _: text("too large", 413)) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(method=b"POST"), b"x" * 1000, end=False)
        answer = await viewer.answer(stream)
        assert (answer.status, answer.body) == ("413", b"too large")
        await until(lambda: answer.stopped is not None)
        assert answer.stopped == 0x100
        viewer.reset(stream, 0x100)
        assert (await viewer.get()).status == "413"
        assert serving.door.deliveries[0].received == 1000
        (connection,) = serving.server.connections
        assert connection.held == 0


async def test_a_client_that_waits_for_100_gets_it_when_the_body_is_wanted(serve: Serve) -> None:
    async with serve(echo) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks((b"expect", b"100-continue"), method=b"POST"), end=False)
        await until(lambda: viewer.answers[stream].interim)
        assert viewer.answers[stream].interim == [b"100"]
        viewer.send(stream, b"body", end=True)
        assert (await viewer.answer(stream)).body == b"POST /x body"


async def test_the_end_of_a_request_may_come_behind_its_head(serve: Serve) -> None:
    async with serve() as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(), end=False)
        assert (await viewer.get()).status == "200"
        assert len(serving.door.requests) == 1
        viewer.raw(stream, b"", end=True)
        assert (await viewer.answer(stream)).status == "200"
        assert serving.door.requests[1].body.content == b""


async def test_a_client_of_grpc_may_wait_for_an_answer_first(serve: Serve) -> None:
    async with serve() as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks((b"content-type", b"application/grpc")), end=False)
        assert (await viewer.answer(stream)).status == "200"


async def test_an_upload_that_its_client_gives_up_has_no_end(serve: Serve) -> None:
    errors: list[BaseException] = []

    async def accept(request: Request) -> Response:
        try:
            await whole(request)
        except ViewerGoneError as error:
            errors.append(error)
            raise
        return text("never")

    async with serve(accept) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(method=b"POST"), b"half", end=False)
        await until(lambda: serving.door.requests)
        viewer.reset(stream)
        assert (await viewer.answer(stream)).reset == 0x102
        assert len(errors) == 1


@pytest.mark.parametrize("leave", ["reset", "stop", "close"])
async def test_a_request_that_breaks_off_behind_its_head_is_one_all_the_same(
    serve: Serve, leave: str
) -> None:
    async with serve(echo) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(method=b"POST"), end=False)
        await viewer.ping()
        assert not serving.door.requests
        if leave == "reset":
            viewer.reset(stream)
        elif leave == "stop":
            viewer.stop(stream)
        else:
            viewer.close()
        await until(lambda: serving.door.requests)
        with pytest.raises(ViewerGoneError):
            await whole(serving.door.requests[0])
        await until(lambda: not serving.server.tasks)
        assert all(not connection.streams for connection in serving.server.connections)


async def test_a_complete_upload_is_read_to_its_end_though_its_client_left(serve: Serve) -> None:
    gate, bodies = asyncio.Event(), list[bytes]()

    async def accept(request: Request) -> Response:
        await gate.wait()
        bodies.append(await whole(request))
        return text("too late")

    async with serve(accept) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(method=b"POST"), b"complete")
        await until(lambda: serving.door.requests)
        viewer.stop(stream)
        await viewer.ping()
        gate.set()
        await until(lambda: serving.door.deliveries)
        assert bodies == [b"complete"]
        assert serving.door.deliveries[0].is_gone


async def test_uploads_that_nobody_takes_are_not_kept_without_limit(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http3_connection, "MOST_HELD", 100_000)
    gate, errors = asyncio.Event(), list[str]()

    async def accept(request: Request) -> Response:
        if request.target.path != b"/large":
            return text((await whole(request)).decode())
        await gate.wait()
        try:
            await whole(request)
        except ViewerGoneError as error:
            errors.append(error.detail)
        return text("never")

    async with serve(accept) as serving, serving.viewer() as viewer:
        small = viewer.ask(asks(method=b"POST"), b"small", end=False)
        large = viewer.ask(asks(method=b"POST", path=b"/large"), b"x" * 300_000, end=False)
        assert (await viewer.answer(large)).reset == 0x107
        assert viewer.answers[large].stopped == 0x107
        (connection,) = serving.server.connections
        assert connection.held < 100_000
        gate.set()
        viewer.send(small, b" one", end=True)
        assert (await viewer.answer(small)).body == b"small one"
    assert len(errors) == 1
    assert "uploads that nobody takes" in errors[0]
    assert "uploads that nobody takes" in caplog.text


# Malformed requests

RESET, CLOSED = "reset", "closed"
LONG = b"y" * 70_000
ROWS: dict[str, tuple[list[Line], str, bytes | None]] = {
    "a plain request": (asks(), "200", b"GET /x"),
    "no method": ([line for line in asks() if line[0] != b":method"], RESET, None),
    "no path": ([line for line in asks() if line[0] != b":path"], RESET, None),
    "no scheme": ([line for line in asks() if line[0] != b":scheme"], RESET, None),
    "no authority": ([line for line in asks() if line[0] != b":authority"], RESET, None),
    "host alone": (
        [*(line for line in asks() if line[0] != b":authority"), (b"host", b"h")], "200", b"GET /x",
    ),
    "host as well": (asks((b"host", b"h")), "200", b"GET /x"),
    "another host": (asks((b"host", b"evil")), RESET, None),
    "two hosts": (asks((b"host", b"h"), (b"host", b"h")), RESET, None),
    "an empty authority": (asks(authority=b""), RESET, None),
    "an authority in no ASCII": (asks(authority=b"h\xe9"), "200", b"GET /x"),
    "a name in capitals": (asks((b"X-Up", b"1")), RESET, None),
    "a Connection header": (asks((b"connection", b"close")), RESET, None),
    "chunked": (asks((b"transfer-encoding", b"chunked")), RESET, None),
    "an upgrade": (asks((b"upgrade", b"websocket")), RESET, None),
    "trailers allowed": (asks((b"te", b"trailers")), "200", None),
    "te of HTTP/1": (asks((b"te", b"gzip")), RESET, None),
    "an empty path": (asks(path=b""), RESET, None),
    "a path in UTF-8": (asks(path=b"/\xc3\xa9"), "200", b"GET /\xc3\xa9"),
    "a path that is no UTF-8": (asks(path=b"/\xe9"), "200", b"GET /\xe9"),
    "an empty query": (asks(path=b"/x?"), "200", b"GET /x?"),
    "NUL in the path": (asks(path=b"/a\x00b"), RESET, None),
    "a blank in the path": (asks(path=b"/a b"), RESET, None),
    "a line in the path": (asks(path=b"/ HTTP/1.1\r\nEvil: 1"), RESET, None),
    "a method in small letters": (asks(method=b"get"), "200", b"get /x"),
    "a method of its own": (asks(method=b"FROB"), "200", b"FROB /x"),
    "a request as its method": (asks(method=b"GET /evil HTTP/1.1"), RESET, None),
    "a method that is none": (asks(method=b"G@T"), RESET, None),
    "a method in no ASCII": (asks(method=b"G\xc3T"), RESET, None),
    "an empty method": (asks(method=b""), RESET, None),
    "CONNECT": ([(b":method", b"CONNECT"), (b":authority", b"h:1")], "200", b"CONNECT h:1"),
    "CONNECT with a path": (asks(method=b"CONNECT"), RESET, None),
    "a WebSocket by CONNECT": (
        [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *asks()[1:]], "200", b"CONNECT /x",
    ),
    "two methods": ([*asks(), (b":method", b"GET")], RESET, None),
    "a pseudo header behind others": ([(b"x", b"1"), *asks()], RESET, None),
    "an unknown pseudo header": ([(b":evil", b"1"), *asks()], RESET, None),
    "a status": ([(b":status", b"200"), *asks()], RESET, None),
    "a length without a body": (asks((b"content-length", b"5")), RESET, None),
    "length zero": (asks((b"content-length", b"0")), "200", b"GET /x"),
    "two lengths": (asks((b"content-length", b"0"), (b"content-length", b"1")), RESET, None),
    "a length with a sign": (asks((b"content-length", b"+0")), RESET, None),
    "a line in a value": (asks((b"x", b"a\r\nevil: 1")), RESET, None),
    "NUL in a value": (asks((b"x", b"a\x00b")), RESET, None),
    "a value in no ASCII": (asks((b"x", b"\xe9")), "200", b"GET /x"),
    "a blank in a name": (asks((b"a b", b"1")), RESET, None),
    "a colon in a name": (asks((b"a:b", b"1")), RESET, None),
    "a name in no ASCII": (asks((b"n\xe9", b"1")), RESET, None),
    "blanks around a value": (asks((b"x", b" a")), RESET, None),
    "a header of 17 K": (asks((b"x", b"y" * 17_000)), "200", None),
    "a head of 300 K": (asks(*[(b"x", b"y" * 30_000)] * 10), "page: too-large", None),
    "a million lines": (asks(*[(b"cookie", b"")] * 20_000), "page: too-large", None),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
async def test_a_malformed_request_ends_its_stream_alone(
    serve: Serve, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    lines, expected, arrives = ROWS[name]
    async with serve() as serving, serving.viewer() as viewer:
        early = viewer.ask(asks(method=b"POST"), end=False)
        answer = await viewer.answer(viewer.ask(lines))
        if expected == RESET:
            assert answer.reset == 0x10E
            assert not serving.door.requests
        elif expected.startswith("page"):
            assert (answer.status, answer.body) == ("400", expected.encode())
            assert not serving.door.requests
        else:
            assert answer.status == expected
        if arrives is not None:
            request = serving.door.requests[0]
            assert request.method.encode() + b" " + request.target.raw == arrives
        viewer.send(early, b"goes on", end=True)
        assert (await viewer.answer(early)).status == "200"
        assert viewer.closed is None
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_body_longer_than_its_length_ends_its_stream_alone(serve: Serve) -> None:
    async with serve(echo) as serving, serving.viewer() as viewer:
        lines = asks((b"content-length", b"3"), method=b"POST")
        assert (await viewer.answer(viewer.ask(lines, b"1234"))).reset == 0x10E
        stream = viewer.ask(lines, b"12", end=False)
        await until(lambda: serving.door.requests)
        viewer.send(stream, b"34", end=True)
        assert (await viewer.answer(stream)).reset == 0x10E
        assert (await viewer.answer(viewer.ask(lines, b"123"))).body == b"POST /x 123"


@pytest.mark.parametrize("trailers", [[(b":path", b"/")], [(b"A", b"1")], [(b"a", b"1\n")]])
async def test_malformed_trailers_end_their_stream_alone(
    serve: Serve, trailers: list[Line]
) -> None:
    async with serve(echo) as serving, serving.viewer() as viewer:
        stream = viewer.ask(asks(method=b"POST"), b"body", end=False)
        viewer.http.send_headers(stream, trailers, end_stream=True)
        viewer.transmit()
        assert (await viewer.answer(stream)).reset == 0x10E
        assert (await viewer.get()).status == "200"


async def test_a_stream_without_a_request_is_reset(serve: Serve) -> None:
    async with serve() as serving, serving.viewer() as viewer:
        for leave in (lambda stream: viewer.raw(stream, b"", end=True), viewer.reset):
            stream = viewer.new_stream()
            leave(stream)
            assert (await viewer.answer(stream)).reset == 0x10D
        assert (await viewer.get()).status == "200"
        assert len(serving.door.requests) == 1


ILLEGAL: dict[str, tuple[str, bytes, bool, int]] = {
    "a body without a head": ("request", b"\x00\x01x", False, 0x105),
    "SETTINGS in a request": ("request", b"\x04\x00", False, 0x105),
    "a frame of HTTP/2 in a request": ("request", b"\x02\x00", False, 0x105),
    "a promise of a client": ("request", b"\x05\x01\x00", False, 0x105),
    "a frame cut short": ("request", b"\x01\x05ab", True, 0x106),
    "a block that is no QPACK": ("request", b"\x01\x03\xff\xff\xff", True, 0x200),
    "a block that needs a table": ("request", b"\x01\x03\x02\x00\x80", True, 0x200),
    "a second control stream": ("way", b"\x00", False, 0x103),
    "a push stream": ("way", b"\x01", False, 0x103),
    "a second encoder stream": ("way", b"\x02", False, 0x103),
    "SETTINGS twice": ("control", b"\x04\x00", False, 0x105),
    "a request on the control stream": ("control", b"\x01\x00", False, 0x105),
    "a frame of HTTP/2 on the control stream": ("control", b"\x06\x00", False, 0x105),
    "an end of the control stream": ("control", b"", True, 0x104),
    "an entry of a table of no bytes": ("encoder", b"\xc1\x01a", False, 0x201),
    "an acknowledgement of nothing": ("decoder", b"\x80", False, 0x202),
}


@pytest.mark.parametrize("name", ILLEGAL)
async def test_what_breaks_http3_closes_its_connection_alone(
    serve: Serve, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    where, data, end, code = ILLEGAL[name]
    async with serve() as serving, serving.viewer() as other, serving.viewer() as viewer:
        assert (await viewer.get()).status == "200"
        if where == "request":
            stream = viewer.new_stream()
        elif where == "way":
            stream = viewer._quic.get_next_available_stream_id(is_unidirectional=True)
        else:
            stream = {"control": 2, "encoder": 6, "decoder": 10}[where]
        viewer.raw(stream, data, end=end)
        await until(lambda: viewer.closed)
        assert viewer.closed is not None
        assert viewer.closed[0] == code
        assert (await other.get()).status == "200"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_what_nobody_knows_is_ignored(serve: Serve) -> None:
    async with serve(echo) as serving, serving.viewer() as viewer:
        way = viewer._quic.get_next_available_stream_id(is_unidirectional=True)
        viewer.raw(way, b"\x40\x54" + b"x" * 5000, end=True)
        viewer.raw(2, b"\x0d\x01\x00" + b"\x21\x05hello" + b"\x07\x01\x00")
        stream = viewer.new_stream()
        viewer.raw(stream, b"\x21\x44\x00")
        viewer.raw(stream, b"y" * 1024)
        viewer.http.send_headers(stream, asks(method=b"POST"))
        viewer.raw(stream, b"\x21\x00")
        viewer.http.send_data(stream, b"body", end_stream=False)
        viewer.raw(stream, b"\x21\x01z", end=True)
        assert (await viewer.answer(stream)).body == b"POST /x body"


async def test_datagrams_that_are_no_quic_disturb_nobody(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as serving, serving.viewer() as viewer:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", serving.port))
            initial = b"\xc0\x00\x00\x00\x01\x08" + b"c" * 8 + b"\x08" + b"d" * 8 + b"\x00\x44\x00"
            for data in (b"", b"\x00", b"\xc0" * 40, b"hello" * 300, initial + b"e" * 1500):
                stranger.send(data)
        assert (await viewer.get()).status == "200"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# Flow, and clients that leave


class Source:
    """A body without end, and how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0
        self.is_released = False

    async def answer(self, _: Request | None = None) -> Response:
        return Response(200, body=Body(None, self._chunks(), None, self._release))

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += 50_000
            yield b"x" * 50_000
            await asyncio.sleep(0)

    def _release(self) -> None:
        self.is_released = True


async def at_rest(count: Callable[[], int]) -> int:
    """What `count` says when it has stopped growing."""
    last = -1
    async with asyncio.timeout(30):
        while last != count():
            last = count()
            await asyncio.sleep(0.2)
    return last


async def test_no_more_is_read_than_a_slow_client_takes(serve: Serve) -> None:
    source = Source()
    async with (
        serve(source.answer) as serving,
        serving.viewer() as viewer,
    ):
        stream = viewer.ask(asks())
        await until(lambda: viewer.answers[stream].body)
        viewer.is_deaf = True
        taken = await at_rest(lambda: source.taken)
        viewer.listen_again()
        await until(lambda: len(viewer.answers[stream].body) > taken)
        viewer.stop(stream)
        await until(lambda: source.is_released)
        await until(lambda: serving.door.deliveries)
        assert serving.door.deliveries[0].is_gone


async def test_a_window_that_is_closed_stops_the_reading(serve: Serve) -> None:
    source = Source()
    async with serve(source.answer) as serving:
        async with serving.viewer(max_stream_data=100_000) as viewer:
            viewer._quic._write_stream_limits = lambda **_: None  # type: ignore[method-assign]
            stream = viewer.ask(asks())
            answer = viewer.answers[stream]
            await until(lambda: len(answer.body) > 90_000)
            assert await at_rest(lambda: source.taken) <= 500_000
            assert (await viewer.answer(viewer.ask(asks(method=b"HEAD")))).status == "200"
        await until(lambda: source.is_released)


@pytest.mark.parametrize("leave", ["stop", "close"])
async def test_a_client_that_leaves_frees_everything(serve: Serve, leave: str) -> None:
    sources = [Source() for _ in range(5)]
    free = iter(sources)

    async with serve(lambda _: next(free).answer()) as serving, serving.viewer() as viewer:
        streams = [viewer.ask(asks()) for _ in sources]
        await until(lambda: all(viewer.answers[stream].body for stream in streams))
        (connection,) = serving.server.connections
        if leave == "stop":
            for stream in streams:
                viewer.stop(stream)
        else:
            viewer.close()
        await until(lambda: not (connection.streams or serving.server.tasks))
        assert all(source.is_released for source in sources)
        assert [delivery.is_gone for delivery in serving.door.deliveries] == [True] * 5
        if leave == "close":
            assert not serving.server.connections
        else:
            await until(lambda: not connection.quic._streams.keys() & set(streams))


async def test_a_log_that_tells_nothing_keeps_nobody_waiting(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SentFrames, "log_event", lambda *_, **__: None)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 100_000

    async with (
        serve(lambda _: asyncio.sleep(0, streaming(chunks()))) as serving,
        serving.viewer() as viewer,
    ):
        assert len((await viewer.get()).body) == 1_000_000
        (connection,) = serving.server.connections
        assert not connection.streams


# Limits


async def test_a_stream_too_many_is_rejected_untouched(serve: Serve) -> None:
    async with serve(echo, streams=2) as serving, serving.viewer() as viewer:
        busy = [viewer.ask(asks(method=b"POST"), b"x", end=False) for _ in range(2)]
        assert (await viewer.get()).reset == 0x10B
        for stream in busy:
            viewer.send(stream, b"", end=True)
            assert (await viewer.answer(stream)).status == "200"
        assert (await viewer.get()).status == "200"
        assert len(serving.door.requests) == 3


async def test_what_clients_give_up_counts_until_its_work_has_ended(serve: Serve) -> None:
    gate = asyncio.Event()

    async def accept(_: Request) -> Response:
        await gate.wait()
        return text("hello")

    async with serve(accept, streams=2) as serving, serving.viewer() as viewer:
        for _ in range(2):
            viewer.stop(viewer.ask(asks()))
        await until(lambda: len(serving.door.requests) == 2)
        assert (await viewer.get()).reset == 0x10B
        gate.set()
        await until(lambda: len(serving.door.deliveries) == 2)
        assert (await viewer.get()).status == "200"


def goaway(last: int) -> bytes:
    return b"\x07\x01" + bytes((last,))


async def test_a_connection_takes_so_many_requests(serve: Serve) -> None:
    async with serve(requests=2) as serving, serving.viewer() as viewer:
        assert (await viewer.get()).status == "200"
        assert (await viewer.get()).status == "200"
        await until(lambda: viewer.closed)
        assert viewer.goaway.endswith(goaway(8))
        assert viewer.closed == (0x100, "nothing more is taken")


async def test_a_connection_that_is_old_takes_one_more_request(serve: Serve) -> None:
    async with serve(age=0.0) as serving, serving.viewer() as viewer:
        assert (await viewer.get()).status == "200"
        await until(lambda: viewer.closed)
        assert viewer.goaway.endswith(goaway(4))


async def test_a_connection_at_rest_ends(serve: Serve) -> None:
    async with serve(keep_alive=0.3) as serving, serving.viewer() as viewer:
        assert (await viewer.get()).status == "200"
        await until(lambda: viewer.closed)
        assert viewer.closed == (0x100, "nothing was asked for a while")
        assert not serving.server.connections


async def test_a_head_without_an_end_gets_the_page_for_it(serve: Serve) -> None:
    async with serve(head=0.1) as serving, serving.viewer() as viewer:
        stream = viewer.new_stream()
        viewer.raw(stream, b"\x01\x20abc")
        answer = await viewer.answer(stream)
        assert (answer.status, answer.body) == ("400", b"page: idle")
        assert not serving.door.requests


async def test_a_client_that_sends_nothing_of_a_body_is_idle(serve: Serve) -> None:
    async def accept(request: Request) -> Response:
        try:
            await whole(request)
        except ViewerGoneError as error:
            return text(f"{error.why}", 408)
        return text("never")

    async with serve(accept, idle=0.1, head=0.1) as serving, serving.viewer() as viewer:
        for body in (b"x", b""):
            stream = viewer.ask(asks(method=b"POST"), body, end=False)
            answer = await viewer.answer(stream)
            assert (answer.status, answer.body) == ("408", b"idle")


async def test_a_client_that_takes_nothing_of_an_answer_is_gone(serve: Serve) -> None:
    source = Source()
    async with (
        serve(source.answer, idle=0.5) as serving,
        serving.viewer() as viewer,
    ):
        stream = viewer.ask(asks())
        await until(lambda: viewer.answers[stream].body)
        viewer.is_deaf = True
        await until(lambda: serving.door.deliveries)
        assert serving.door.deliveries[0].is_gone
        viewer.listen_again()
        assert (await viewer.answer(stream)).reset == 0x10C


async def test_a_long_wait_keeps_the_connection_open(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http3_connection, "_BEAT", 5.0)
    time, gate = LoopTime(), asyncio.Event()

    async def accept(_: Request) -> Response:
        await gate.wait()
        return text("at last")

    async with serve(accept) as serving, serving.viewer(idle_timeout=20.0) as viewer:
        stream = viewer.ask(asks())
        for _ in range(40):
            await time.forward(5)
        gate.set()
        assert (await viewer.answer(stream)).body == b"at last"


# The end


async def test_stop_lets_answers_arrive_and_takes_no_more_requests(serve: Serve) -> None:
    gate = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        await gate.wait()
        yield b"two" * 100_000

    async with serve(lambda _: asyncio.sleep(0, streaming(chunks()))) as serving:
        async with serving.viewer() as viewer, serving.viewer() as idle:
            busy = viewer.ask(asks())
            await until(lambda: viewer.answers[busy].body)
            stopping = asyncio.ensure_future(serving.server.stop(10))
            await until(lambda: viewer.goaway.endswith(goaway(4)))
            assert (await viewer.get()).reset == 0x10B
            await until(lambda: idle.closed)
            gate.set()
            answer = await viewer.answer(busy)
            assert len(answer.body) == 4 + 300_000
            assert answer.is_complete
            await stopping
            await until(lambda: viewer.closed)
            assert viewer.closed == (0x100, "nothing more is taken")


async def test_stop_ends_what_takes_longer_than_the_grace(serve: Serve) -> None:
    source = Source()

    async def forever(_: Request) -> Response:
        await asyncio.Event().wait()
        return text("never")

    def accept(request: Request) -> Awaitable[Response]:
        if request.target.path == b"/wait":
            return forever(request)
        return source.answer()

    async with serve(accept) as serving, serving.viewer() as viewer:
        waiting, streams = viewer.ask(asks(path=b"/wait")), viewer.ask(asks())
        await until(lambda: viewer.answers[streams].body)
        await serving.server.stop(0.1)
        assert source.is_released
        assert not serving.server.tasks
        assert not serving.server.connections
        assert not viewer.answers[waiting].is_complete
        assert not viewer.answers[streams].is_complete


async def test_stop_while_a_client_has_vanished_ends(serve: Serve) -> None:
    async with serve() as serving, serving.viewer() as viewer:
        assert (await viewer.get()).status == "200"
        viewer.is_deaf = True
        await serving.server.stop(0.3)
        assert not serving.server.connections
        viewer.listen_again()


async def test_a_handshake_that_fails_is_told(serve: Serve) -> None:
    async with serve() as serving:
        configuration = QuicConfiguration(alpn_protocols=["other"], is_client=True)
        configuration.verify_mode = ssl.CERT_NONE
        with pytest.raises(ConnectionError):
            async with quic_connect("127.0.0.1", serving.port, configuration=configuration):
                pass
        await until(lambda: serving.door.handshakes)
        ((client, handshake),) = serving.door.handshakes
        assert client.address == "127.0.0.1"
        assert handshake is not None
        assert handshake.failure is not None


# The browser


async def test_chromium_speaks_it(serve: Serve, certificate: Path, chromium: str) -> None:
    async def accept(request: Request) -> Response:
        if request.target.path == b"/cut":
            return streaming(aiter(cut()), (b"content-length", b"9"))
        if request.method == "POST":
            return text(str(len(await whole(request))))
        return text("<h1>hello</h1>", 200, (b"Content-Type", b"text/html"))

    async def cut() -> AsyncIterator[bytes]:
        yield b"half"

    async with serve(accept) as serving:
        from playwright.async_api import async_playwright

        origin = f"front.test:{serving.port}"
        options = [
            *("--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * 127.0.0.1"),
            f"--origin-to-force-quic-on={origin}",
            f"--ignore-certificate-errors-spki-list={pin(certificate / 'cert.pem')}",
        ]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=options)
            page = await browser.new_page()
            shown = await page.goto(f"https://{origin}/")
            assert shown is not None
            assert await shown.text() == "<h1>hello</h1>"
            kind = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
            assert await page.evaluate(kind) == "h3"
            post = "fetch('/', {method: 'POST', body: 'y'.repeat(300000)}).then(r => r.text())"
            assert await page.evaluate(post) == "300000"
            many = "Promise.all([...Array(150)].map((_, i) => fetch('/' + i))).then(a => a.length)"
            assert await page.evaluate(many) == 150
            failed = await page.evaluate("fetch('/cut').then(r => r.text()).catch(String)")
            assert failed == "TypeError: Failed to fetch"
            await browser.close()


def pin(file: Path) -> str:
    """The key of a certificate, as Chromium takes it for one to be trusted."""
    key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


# What may be missing


def test_without_aioquic_one_sentence_says_what_to_do() -> None:
    code = "import sys; sys.modules['aioquic'] = None; import edgegw.wire.http3"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = process.stderr.strip().splitlines()[-1]
    assert said == (
        "edgegw.errors.EnvironmentProblem: "
        "HTTP/3 needs the package aioquic: pip install 'edgegw[h3]', or choose http2"
    )
