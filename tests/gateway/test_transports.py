"""One suite over both transports, against an origin that is written byte by byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest
import trustme

from edgegw.gateway.gateway import httpx_transport
from edgegw.gateway.transport import HttptoolsTransport
from tests.conftest import read_body, read_head

TIMEOUT = {"connect": 2.0, "read": 2.0, "write": 2.0, "pool": 2.0}


@pytest.fixture(params=["httpx", "httptools"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncBaseTransport]:
    made = (
        httpx_transport(frozenset({"127.0.0.1"}))
        if request.param == "httpx"
        else HttptoolsTransport(unverified=frozenset({"127.0.0.1"}))
    )
    yield made
    await made.aclose()


def build(
    url: str,
    method: str = "GET",
    target: bytes | None = None,
    headers: list[tuple[bytes, bytes]] | None = None,
    stream: httpx.AsyncByteStream | None = None,
    **timeouts: float | None,
) -> httpx.Request:
    extensions: dict = {"timeout": {**TIMEOUT, **timeouts}}
    if target is not None:
        extensions["target"] = target
    return httpx.Request(
        method,
        url,
        headers=headers or [(b"Host", b"h")],
        stream=stream or httpx.ByteStream(b""),
        extensions=extensions,
    )


async def body_of(response: httpx.Response) -> bytes:
    content = b"".join([chunk async for chunk in response.stream])
    await response.aclose()
    return content


def answering(*answers: bytes):
    """A script that sends one answer per request, then closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await read_head(reader)
            if not head:
                return
            await read_body(head, reader)
            writer.write(answer)
            await writer.drain()

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    "target", [b"/", b"//a/../b", b"/%2F%zz", b'/"<>^{}|`', b"/a?b=c&&d", b"/x?"]
)
async def test_the_target_is_exact(transport, raw_origin, target: bytes) -> None:
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(OK)

    async with raw_origin(script) as origin:
        await body_of(await transport.handle_async_request(build(origin.url, target=target)))
    assert heads[0].split(b"\r\n")[0] == b"GET " + target + b" HTTP/1.1"


async def test_headers_keep_order_case_and_repeats_and_nothing_is_added(
    transport, raw_origin
) -> None:
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(
            b"HTTP/1.1 200 Very Fine\r\nX-B: 1\r\nx-A: 2\r\nX-b: 3\r\nContent-Length: 0\r\n\r\n"
        )

    headers = [
        (b"Host", b"h"),
        (b"X-B", b"1"),
        (b"cookie", b"a=1"),
        (b"x-A", b"2"),
        (b"Cookie", b"b=2"),
        (b"X-b", b"3"),
    ]
    async with raw_origin(script) as origin:
        response = await transport.handle_async_request(build(origin.url, headers=headers))
        await body_of(response)
    lines = heads[0].split(b"\r\n")[1:-2]
    assert lines == [b"%b: %b" % line for line in headers]
    assert response.headers.raw[:3] == [(b"X-B", b"1"), (b"x-A", b"2"), (b"X-b", b"3")]
    assert response.extensions["reason_phrase"] == b"Very Fine"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(OK, b"ok", id="content-length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
            b"abcde",
            id="chunked with trailer",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end", id="close-delimited"
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nold", b"old", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"", id="204"),
        pytest.param(
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", id="304 with a length"
        ),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
            b"ok",
            id="1xx first",
        ),
    ],
)
async def test_framings(transport, raw_origin, answer: bytes, expected: bytes) -> None:
    async with raw_origin(answering(answer)) as origin:
        response = await transport.handle_async_request(build(origin.url))
        assert await body_of(response) == expected
        assert "link" not in response.headers
        assert "trailer" not in response.headers


async def test_head_has_no_body_and_the_connection_lives_on(transport, raw_origin) -> None:
    script = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", OK, OK)
    async with raw_origin(script) as origin:
        head = await transport.handle_async_request(build(origin.url, "HEAD"))
        assert await body_of(head) == b""
        assert head.headers["content-length"] == "500"
        for _ in range(2):
            assert await body_of(await transport.handle_async_request(build(origin.url))) == b"ok"
        assert origin.connections == 1


async def test_connections_are_kept_and_reused(transport, raw_origin) -> None:
    async with raw_origin(answering(*[OK] * 20)) as origin:
        for _ in range(20):
            assert await body_of(await transport.handle_async_request(build(origin.url))) == b"ok"
        assert origin.connections == 1


async def test_many_at_once(transport, raw_origin) -> None:
    async with raw_origin(answering(*[OK] * 50)) as origin:

        async def one() -> bytes:
            return await body_of(await transport.handle_async_request(build(origin.url)))

        assert await asyncio.gather(*[one() for _ in range(50)]) == [b"ok"] * 50


async def test_a_connection_the_origin_closed_is_replaced(transport, raw_origin) -> None:
    async with raw_origin(answering(OK)) as origin:
        for _ in range(3):
            assert await body_of(await transport.handle_async_request(build(origin.url))) == b"ok"
            await asyncio.sleep(0.05)
        assert origin.connections == 3


async def test_a_body_cut_short_is_an_error(transport, raw_origin) -> None:
    async with raw_origin(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")) as origin:
        response = await transport.handle_async_request(build(origin.url))
        with pytest.raises(httpx.HTTPError):
            await body_of(response)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_invalid_answers_are_errors(transport, raw_origin, answer: bytes) -> None:
    async with raw_origin(answering(answer)) as origin:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(build(origin.url, "POST"))


async def test_refused_and_unresolvable(transport, free_port) -> None:
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(build(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(build("http://origin.invalid"))


async def test_read_timeout_before_the_head_and_within_the_body(transport, raw_origin) -> None:
    async def silent(reader, writer):
        await reader.read(-1)

    async def stalls(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await reader.read(-1)

    async with raw_origin(silent) as origin:
        with pytest.raises(httpx.ReadTimeout):
            await transport.handle_async_request(build(origin.url, read=0.1))
    async with raw_origin(stalls) as origin:
        response = await transport.handle_async_request(build(origin.url, read=0.1))
        with pytest.raises(httpx.ReadTimeout):
            await body_of(response)


class Chunks(httpx.AsyncByteStream):
    def __init__(self, *chunks: bytes, delay: float = 0) -> None:
        self.chunks = chunks
        self.delay = delay
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await asyncio.sleep(self.delay)
            self.sent += len(chunk)
            yield chunk


@pytest.mark.parametrize("chunked", [True, False])
async def test_uploads_stream(transport, raw_origin, *, chunked: bool) -> None:
    got = []

    async def script(reader, writer):
        head = await read_head(reader)
        got.append(await read_body(head, reader))
        writer.write(OK)

    framing = (b"Transfer-Encoding", b"chunked") if chunked else (b"Content-Length", b"6")
    async with raw_origin(script) as origin:
        request = build(
            origin.url,
            "POST",
            headers=[(b"Host", b"h"), framing],
            stream=Chunks(b"abc", b"", b"def"),
        )
        assert await body_of(await transport.handle_async_request(request)) == b"ok"
    assert got == [b"abcdef"]


async def test_a_response_streams_as_it_is_made(transport, raw_origin) -> None:
    gate = asyncio.Event()

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await writer.drain()
        await gate.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async with raw_origin(script) as origin:
        response = await transport.handle_async_request(build(origin.url))
        chunks = aiter(response.stream)
        assert await anext(chunks) == b"one"
        gate.set()
        assert await anext(chunks) == b"two"
        assert await anext(chunks, None) is None
        await response.aclose()


async def test_a_slow_reader_holds_the_origin_back(transport, raw_origin) -> None:
    sent = 0

    async def script(reader, writer):
        nonlocal sent
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(500):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async with raw_origin(script) as origin:
        response = await transport.handle_async_request(build(origin.url))
        await asyncio.sleep(0.3)
        assert sent < 30_000_000
        total = 0
        async for chunk in response.stream:
            total += len(chunk)
        assert total == 50_000_000
        await response.aclose()


async def test_an_origin_that_does_not_read_holds_the_upload_back(transport, raw_origin) -> None:
    async def script(reader, writer):
        reader._transport.pause_reading()
        await asyncio.sleep(30)

    stream = Chunks(*[b"x" * 100_000] * 500)
    async with raw_origin(script) as origin:
        request = build(
            origin.url,
            "POST",
            headers=[(b"Host", b"h"), (b"Content-Length", b"50000000")],
            stream=stream,
            write=0.3,
        )
        with pytest.raises((httpx.WriteTimeout, httpx.ReadTimeout)):
            await transport.handle_async_request(request)
    assert stream.sent < 30_000_000


async def test_closing_early_closes_the_connection(transport, raw_origin) -> None:
    gone = asyncio.Event()

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await reader.read(-1)
        gone.set()

    async with raw_origin(script) as origin:
        response = await transport.handle_async_request(build(origin.url))
        assert await anext(aiter(response.stream)) == b"one"
        await response.stream.aclose()
        async with asyncio.timeout(2):
            await gone.wait()


@pytest.mark.parametrize("bad", [b"a\r\nX-Evil: 1", b"a\nb", b"a\0b"])
async def test_header_values_that_break_the_framing_are_refused(
    transport, free_port, bad: bytes
) -> None:
    request = build(f"http://127.0.0.1:{free_port()}", headers=[(b"Host", b"h"), (b"X", bad)])
    with pytest.raises((httpx.LocalProtocolError, httpx.ConnectError)):
        await transport.handle_async_request(request)


async def test_no_cookie_is_remembered(transport, raw_origin) -> None:
    heads = []

    async def script(reader, writer):
        while head := await read_head(reader):
            heads.append(head)
            writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n")

    async with raw_origin(script) as origin:
        for _ in range(2):
            await body_of(await transport.handle_async_request(build(origin.url)))
    assert b"cookie" not in heads[1].lower()


async def test_tls_is_verified_unless_the_host_is_exempt(transport) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)

    async def connected(reader, writer):
        await read_head(reader)
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(build(f"https://localhost:{port}"))
        exempt = build(f"https://127.0.0.1:{port}")
        assert await body_of(await transport.handle_async_request(exempt)) == b"ok"


async def test_connections_are_capped_per_origin(raw_origin) -> None:
    gate = asyncio.Event()

    async def script(reader, writer):
        while await read_head(reader):
            await gate.wait()
            writer.write(OK)

    transport = HttptoolsTransport(max_connections=2)
    async with raw_origin(script) as origin:

        async def one() -> bytes:
            return await body_of(await transport.handle_async_request(build(origin.url)))

        tasks = [asyncio.ensure_future(one()) for _ in range(6)]
        await asyncio.sleep(0.1)
        assert origin.connections == 2
        with pytest.raises(httpx.PoolTimeout):
            await transport.handle_async_request(build(origin.url, pool=0.05))
        gate.set()
        assert await asyncio.gather(*tasks) == [b"ok"] * 6
        assert origin.connections == 2
    await transport.aclose()


async def test_a_post_is_not_sent_twice_and_a_get_is(raw_origin) -> None:
    """The origin closes a kept connection just as the next request arrives."""
    requests = []

    async def script(reader, writer):
        first = await read_head(reader)
        requests.append(first.split()[0])
        writer.write(OK)
        await writer.drain()
        second = await read_head(reader)
        requests.append(second.split()[0] if second else b"")

    transport = HttptoolsTransport()
    async with raw_origin(script) as origin:
        await body_of(await transport.handle_async_request(build(origin.url)))
        response = await transport.handle_async_request(build(origin.url))
        assert await body_of(response) == b"ok"
        assert requests == [b"GET", b"GET", b"GET"]
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(build(origin.url, "POST"))
        assert requests == [b"GET", b"GET", b"GET", b"POST"]
    await transport.aclose()


async def test_unasked_bytes_close_an_idle_connection(raw_origin) -> None:
    async def script(reader, writer):
        await read_head(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await reader.read(-1)

    transport = HttptoolsTransport()
    async with raw_origin(script) as origin:
        for _ in range(2):
            response = await transport.handle_async_request(build(origin.url))
            assert response.status_code == 200
            await body_of(response)
            await asyncio.sleep(0.15)
        assert origin.connections == 2
    await transport.aclose()


async def test_bytes_above_ascii_pass_in_the_target(raw_origin) -> None:
    """httpx's own transport refuses them (h11 does)."""
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(OK)

    transport = HttptoolsTransport()
    async with raw_origin(script) as origin:
        request = build(origin.url, target=b"/\xc3\xbc\xff")
        await body_of(await transport.handle_async_request(request))
    await transport.aclose()
    assert heads[0].startswith(b"GET /\xc3\xbc\xff HTTP/1.1")
