"""One suite over both transports, against an origin that is written byte by byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from edgegw.gateway.origins import httpx_transport
from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.origins.transport import SendError, Transport
from edgegw.http.message import CutOffError, Headers
from tests.conftest import read_body, read_head
from tests.gateway.origins.sending import (
    HOST,
    OK,
    Chunks,
    answering,
    content_of,
    fetch,
    outgoing,
)

UNVERIFIED = frozenset({"127.0.0.1"})


@pytest.fixture(params=["httpx", "http1"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    made = (
        httpx_transport(UNVERIFIED)
        if request.param == "httpx"
        else Http1Client(unverified=UNVERIFIED)
    )
    yield made
    await made.close()


@pytest.mark.parametrize(
    "target", [b"/", b"//a/../b", b"/%2F%zz", b'/"<>^{}|`', b"/a?b=c&&d", b"/x?"]
)
async def test_the_target_is_exact(transport, raw_origin, target: bytes) -> None:
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(OK)

    async with raw_origin(script) as origin:
        await fetch(transport, origin.url, target=target)
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

    headers = [HOST, (b"X-B", b"1"), (b"cookie", b"a=1"), (b"x-A", b"2"), (b"Cookie", b"b=2")]
    own = ((b"X-b", b"3"),)
    async with raw_origin(script) as origin:
        response = await transport.send(outgoing(origin.url, headers=headers, lines=own))
        await content_of(response)
    lines = heads[0].split(b"\r\n")[1:-2]
    assert lines == [b"%b: %b" % line for line in (*headers, *own)]
    assert response.headers.raw[:3] == ((b"X-B", b"1"), (b"x-A", b"2"), (b"X-b", b"3"))
    assert response.reason == b"Very Fine"


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
        response = await transport.send(outgoing(origin.url))
        assert await content_of(response) == expected
        assert b"link" not in response.headers
        assert b"trailer" not in response.headers


async def test_head_has_no_body_and_the_connection_lives_on(transport, raw_origin) -> None:
    script = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", OK, OK)
    async with raw_origin(script) as origin:
        head = await transport.send(outgoing(origin.url, "HEAD"))
        assert await content_of(head) == b""
        assert head.headers.get(b"content-length") == b"500"
        for _ in range(2):
            assert await fetch(transport, origin.url) == b"ok"
        assert origin.connections == 1


async def test_connections_are_kept_and_reused(transport, raw_origin) -> None:
    async with raw_origin(answering(*[OK] * 20)) as origin:
        for _ in range(20):
            assert await fetch(transport, origin.url) == b"ok"
        assert origin.connections == 1


async def test_many_at_once(transport, raw_origin) -> None:
    async with raw_origin(answering(*[OK] * 50)) as origin:
        answers = await asyncio.gather(*[fetch(transport, origin.url) for _ in range(50)])
        assert answers == [b"ok"] * 50


async def test_a_connection_the_origin_closed_is_replaced(transport, raw_origin) -> None:
    async with raw_origin(answering(OK)) as origin:
        for _ in range(3):
            assert await fetch(transport, origin.url) == b"ok"
            await asyncio.sleep(0.05)
        assert origin.connections == 3


async def test_a_body_cut_short_is_an_error(transport, raw_origin) -> None:
    async with raw_origin(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")) as origin:
        response = await transport.send(outgoing(origin.url))
        with pytest.raises(CutOffError):
            await content_of(response)


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
        with pytest.raises(SendError) as caught:
            await transport.send(outgoing(origin.url, "POST"))
    assert caught.value.kind in ("closed", "invalid")
    assert caught.value.was_connected


@pytest.mark.parametrize(
    ("host", "kind"), [("http://127.0.0.1", "refused"), ("http://origin.invalid", "dns")]
)
async def test_refused_and_unresolvable(transport, free_port, host: str, kind: str) -> None:
    with pytest.raises(SendError) as caught:
        await transport.send(outgoing(f"{host}:{free_port()}"))
    assert (caught.value.kind, caught.value.was_connected) == (kind, False)


async def test_a_name_that_cannot_be_one_is_a_failure(transport) -> None:
    with pytest.raises(SendError) as caught:
        await transport.send(outgoing("http://" + "a" * 70 + ".test:80"))
    assert caught.value.kind in ("invalid", "dns")


async def test_read_timeout_before_the_head_and_within_the_body(transport, raw_origin) -> None:
    async def silent(reader, writer):
        await reader.read(-1)

    async def stalls(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await reader.read(-1)

    async with raw_origin(silent) as origin:
        with pytest.raises(SendError) as caught:
            await transport.send(outgoing(origin.url, read=0.1))
        assert (caught.value.kind, caught.value.was_connected) == ("timeout", True)
    async with raw_origin(stalls) as origin:
        response = await transport.send(outgoing(origin.url, read=0.1))
        with pytest.raises(CutOffError):
            await content_of(response)


@pytest.mark.parametrize("length", [None, 6])
async def test_uploads_stream(transport, raw_origin, length: int | None) -> None:
    got = []

    async def script(reader, writer):
        head = await read_head(reader)
        got.append(await read_body(head, reader))
        writer.write(OK)

    async with raw_origin(script) as origin:
        body = Chunks(b"abc", b"", b"def").body(length)
        assert await fetch(transport, origin.url, "POST", body=body) == b"ok"
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
        response = await transport.send(outgoing(origin.url))
        chunks = aiter(response.body.chunks)
        assert await anext(chunks) == b"one"
        gate.set()
        assert await anext(chunks) == b"two"
        assert await anext(chunks, None) is None


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
        response = await transport.send(outgoing(origin.url))
        await asyncio.sleep(0.3)
        assert sent < 30_000_000
        total = 0
        async for chunk in response.body.chunks:
            total += len(chunk)
        assert total == 50_000_000


async def test_an_origin_that_does_not_read_holds_the_upload_back(transport, raw_origin) -> None:
    async def script(reader, writer):
        reader._transport.pause_reading()
        await asyncio.sleep(30)

    chunks = Chunks(*[b"x" * 100_000] * 500)
    async with raw_origin(script) as origin:
        with pytest.raises(SendError) as caught:
            body = chunks.body(50_000_000)
            await transport.send(outgoing(origin.url, "POST", body=body, write=0.3))
    assert caught.value.kind == "timeout"
    assert chunks.sent < 30_000_000


async def test_giving_up_early_closes_the_connection(transport, raw_origin) -> None:
    gone = asyncio.Event()

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await reader.read(-1)
        gone.set()

    async with raw_origin(script) as origin:
        response = await transport.send(outgoing(origin.url))
        assert await anext(aiter(response.body.chunks)) == b"one"
        response.body.release()
        async with asyncio.timeout(30):
            await gone.wait()


@pytest.mark.parametrize("bad", [b"a\r\nX-Evil: 1", b"a\nb", b"a\0b", b"a\rb"])
async def test_header_values_that_break_the_framing_are_refused(
    transport, raw_origin, bad: bytes
) -> None:
    async with raw_origin(answering(OK)) as origin:
        with pytest.raises(SendError) as caught:
            await transport.send(outgoing(origin.url, headers=[HOST, (b"X", bad)]))
    assert caught.value.kind == "invalid"


async def test_no_cookie_is_remembered(transport, raw_origin) -> None:
    heads = []

    async def script(reader, writer):
        while head := await read_head(reader):
            heads.append(head)
            writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n")

    async with raw_origin(script) as origin:
        for _ in range(2):
            await fetch(transport, origin.url)
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
        with pytest.raises(SendError, match="failed the TLS handshake") as caught:
            await transport.send(outgoing(f"https://localhost:{port}"))
        assert caught.value.kind == "closed"
        assert await fetch(transport, f"https://127.0.0.1:{port}") == b"ok"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        pytest.param("GET", b"*", id="an asterisk"),
        pytest.param("GET", b"http://h/", id="a whole URL"),
        pytest.param("CONNECT", b"h:443", id="an authority"),
        pytest.param("GET", b"", id="nothing"),
        pytest.param("GET", b"/a b", id="a blank"),
        pytest.param("GET", b"/a\r\nX: y", id="a line end"),
        pytest.param("GET", b"/\x7f", id="a control byte"),
        pytest.param("GÉT", b"/", id="a method beyond ASCII"),
        pytest.param("GE T", b"/", id="a method of two words"),
        pytest.param("", b"/", id="no method"),
        pytest.param("GET\r\n", b"/", id="a method with a line end"),
    ],
)
async def test_a_request_line_that_cannot_be_is_a_failure(
    transport, raw_origin, method: str, target: bytes
) -> None:
    async with raw_origin(answering(OK)) as origin:
        with pytest.raises(SendError) as caught:
            await transport.send(outgoing(origin.url, method, target))
        assert caught.value.kind == "invalid"
        assert origin.connections == 0


@pytest.mark.parametrize(
    ("method", "target"), [("OPTIONS", b"*"), ("PURGE", b"/"), ("M-SEARCH", b"/x?y")]
)
async def test_unusual_request_lines_pass(
    transport, raw_origin, method: str, target: bytes
) -> None:
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(OK)

    async with raw_origin(script) as origin:
        assert await fetch(transport, origin.url, method, target=target) == b"ok"
    assert heads[0].startswith(b"%b %b HTTP/1.1\r\n" % (method.encode(), target))


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        pytest.param([], [], id="no framing where nobody asks for one"),
        pytest.param([(b"content-length", b"0")], [b"content-length: 0"], id="an empty body"),
        pytest.param(
            [(b"Transfer-Encoding", b"chunked")],
            [b"Content-Length: 0"],
            id="a promise of chunks that nobody has any more",
        ),
        pytest.param([(b"Content-Length", b"7")], [b"Content-Length: 0"], id="a wrong length"),
        pytest.param(
            [(b"Content-Length", b"0"), (b"content-length", b"0"), (b"transfer-encoding", b"x")],
            [b"Content-Length: 0"],
            id="all at once",
        ),
    ],
)
async def test_a_request_without_body_promises_none(
    transport, raw_origin, headers: list[tuple[bytes, bytes]], sent: list[bytes]
) -> None:
    heads = []

    async def script(reader, writer):
        while head := await read_head(reader):
            heads.append(head)
            writer.write(OK)

    async with raw_origin(script) as origin:
        for _ in range(2):  # the second on the connection of the first
            assert await fetch(transport, origin.url, "POST", headers=[HOST, *headers]) == b"ok"
        assert origin.connections == 1
    for head in heads:
        lines = Headers(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        framing = [line for line in head.split(b"\r\n")[1:-2] if not line.startswith(b"Host")]
        assert framing == sent
        assert b"transfer-encoding" not in lines
