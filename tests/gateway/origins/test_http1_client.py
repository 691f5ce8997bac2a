"""HTTP/1.1 to origins by our own client: what httpx's transport does not do, or does otherwise."""

from __future__ import annotations

import asyncio
import functools
import resource
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.origins.transport import SendError
from edgegw.http.message import CutOffError
from tests.conftest import read_head
from tests.gateway.origins.sending import (
    OK,
    Chunks,
    answering,
    content_of,
    fetch,
    outgoing,
    staying,
    until,
)


@pytest.fixture
async def client() -> AsyncIterator[Http1Client]:
    made = Http1Client()
    yield made
    await made.close()


# What is kept, and what is not


async def test_a_post_is_not_sent_twice_and_a_get_is(client, raw_origin) -> None:
    """The origin closes a kept connection just as the next request arrives."""
    requests = []

    async def script(reader, writer):
        first = await read_head(reader)
        requests.append(first.split()[0])
        writer.write(OK)
        await writer.drain()
        second = await read_head(reader)
        requests.append(second.split()[0] if second else b"")

    async with raw_origin(script) as origin:
        await fetch(client, origin.url)
        assert await fetch(client, origin.url) == b"ok"
        assert requests == [b"GET", b"GET", b"GET"]
        with pytest.raises(SendError) as caught:
            await client.send(outgoing(origin.url, "POST"))
        assert caught.value.kind == "closed"
        assert requests == [b"GET", b"GET", b"GET", b"POST"]


async def test_unasked_bytes_close_an_idle_connection(client, raw_origin) -> None:
    async def script(reader, writer):
        await read_head(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await reader.read(-1)
        closed.release()

    closed = asyncio.Semaphore(0)
    async with raw_origin(script) as origin:
        for _ in range(2):
            assert await fetch(client, origin.url) == b"ok"
            await closed.acquire()
        assert origin.connections == 2


async def test_an_idle_connection_is_closed_when_its_time_is_over(client, raw_origin) -> None:
    gone = asyncio.Event()

    async def script(reader, writer):
        await answering(OK)(reader, writer)
        await reader.read(-1)
        gone.set()

    async with raw_origin(script) as origin:
        assert await fetch(client, origin.url, keep_alive=0.1) == b"ok"
        async with asyncio.timeout(30):
            await gone.wait()


async def test_a_connection_that_is_not_to_be_kept_is_closed_at_once(client, raw_origin) -> None:
    async with raw_origin(answering(*[OK] * 3)) as origin:
        for _ in range(3):
            assert await fetch(client, origin.url, keep_alive=0.0) == b"ok"
        assert origin.connections == 3


EXCESS = [
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\nNope", 204, b"", id="204 with a body"),
    pytest.param(
        b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nNope", 204, b"", id="204 with length"
    ),
    pytest.param(
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        204,
        b"",
        id="204 in chunks",
    ),
    pytest.param(
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nNope", 304, b"", id="304 with body"
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay", 200, b"ok", id="more than it says"
    ),
    pytest.param(OK + OK.replace(b"ok", b"no"), 200, b"ok", id="two answers at once"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore",
        200,
        b"ok",
        id="something behind the last chunk",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 Oh\r\n\r\n",
        200,
        b"",
        id="an answer behind one without body",
    ),
]


@pytest.mark.parametrize(("answer", "status", "content"), EXCESS)
async def test_what_was_complete_counts_and_the_next_request_is_safe(
    client, raw_origin, answer: bytes, status: int, content: bytes
) -> None:
    async with raw_origin(staying(answer)) as origin:
        for count in (1, 2, 3):
            response = await client.send(outgoing(origin.url))
            assert (response.status, await content_of(response)) == (status, content)
            assert origin.connections == count


@pytest.mark.parametrize("late", [b"Nope", b"HTTP/1.1 abc\r\n\r\n"])
async def test_bytes_that_come_late_do_not_answer_the_next_get(
    client, raw_origin, late: bytes
) -> None:
    """They arrive when the next request is under way: that one is sent again."""

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        await read_head(reader)
        writer.write(late)
        await reader.read(-1)

    async with raw_origin(script) as origin:
        for count in (1, 2):
            response = await client.send(outgoing(origin.url))
            assert (response.status, origin.connections) == (304, count)


async def test_head_answered_with_a_body(client, raw_origin) -> None:
    async with raw_origin(staying(OK)) as origin:
        for count in (1, 2):
            response = await client.send(outgoing(origin.url, "HEAD"))
            assert (response.status, await content_of(response)) == (200, b"")
            assert origin.connections == count


async def test_a_body_whose_end_is_not_the_origins_is_cut(raw_origin) -> None:
    """A body that goes on until the connection closes, which we close."""

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nsome")
        await reader.read(-1)

    client = Http1Client()
    async with raw_origin(script) as origin:
        response = await client.send(outgoing(origin.url))
        parts = aiter(response.body.chunks)
        assert await anext(parts) == b"some"
        await client.close()
        with pytest.raises(CutOffError):
            await anext(parts)


# Answers that are none


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 000 OK\r\n", id="status 000"),
        pytest.param(b"HTTP/1.1 099 OK\r\n", id="status 099"),
        pytest.param(b"HTTP/1.1 20 OK\r\n", id="status of two digits"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n", id="status of four digits"),
        pytest.param(b"HTTP/1.1 200 O\0K\r\n", id="NUL in the reason"),
        pytest.param(b"HTTP/1.1 200 O\rK\r\n", id="CR in the reason"),
        pytest.param(b"HTTP/1.1 200 O\x1bK\r\n", id="escape in the reason"),
        pytest.param(b"HTTP/2 200\r\n", id="another version"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n", id="101 that nobody asked for"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n", id="a list of lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n", id="a negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n", id="a length with a sign"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2_0\r\n", id="a length in Python"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length:\r\n", id="an empty length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n", id="two lengths"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            id="a length beside chunks",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", id="gzip"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", id="in chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n", id="of chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n", id="identity"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunkedy\r\n", id="almost chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA : b\r\n", id="a blank before the colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", id="a folded line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\0\r\n", id="NUL in a value"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\rc\r\n", id="CR in a value"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA\r\n", id="a line without colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\n: b\r\n", id="a line without name"),
        pytest.param(b"HTTP/1.1 200 OK\nA: b\n\n", id="lines that end with LF"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6", id="another protocol that waits"),
    ],
)
async def test_answers_that_are_none_fail_at_once(client, raw_origin, answer: bytes) -> None:
    async with raw_origin(staying(answer + b"\r\nok")) as origin:
        with pytest.raises(SendError, match="sent no valid HTTP") as caught:
            await client.send(outgoing(origin.url, read=30))
        assert caught.value.kind == "invalid"
        assert caught.value.was_connected


async def test_a_head_without_end_is_given_up(client, raw_origin) -> None:
    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: y\r\n" * 1000)
            await writer.drain()

    async with raw_origin(script) as origin:
        with pytest.raises(SendError, match="262144 bytes") as caught:
            await client.send(outgoing(origin.url))
        assert caught.value.kind == "invalid"


async def test_interim_answers_without_end_are_given_up(client, raw_origin) -> None:
    async def script(reader, writer):
        await read_head(reader)
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 1000)
            await writer.drain()

    async with raw_origin(script) as origin:
        with pytest.raises(SendError, match="262144 bytes"):
            await client.send(outgoing(origin.url))


@pytest.mark.parametrize(
    "chunk", [b"zz\r\n", b"2\r\nokay\r\n", b"-1\r\n", b"fffffffffffffffff\r\n"]
)
async def test_a_chunk_that_is_none_cuts_the_body(client, raw_origin, chunk: bytes) -> None:
    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        await gate.wait()
        writer.write(chunk)
        await reader.read(-1)

    gate = asyncio.Event()
    async with raw_origin(script) as origin:
        response = await client.send(outgoing(origin.url))
        gate.set()
        with pytest.raises(CutOffError, match="sent no valid HTTP"):
            await content_of(response)


async def test_a_bad_chunk_beside_the_head_is_no_answer(client, raw_origin) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with raw_origin(staying(head + b"zz\r\n")) as origin:
        with pytest.raises(SendError, match="sent no valid HTTP"):
            await client.send(outgoing(origin.url))


# Requests


async def test_bytes_above_ascii_pass_in_the_target(client, raw_origin) -> None:
    """httpx's own transport refuses them (h11 does)."""
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(OK)

    async with raw_origin(script) as origin:
        await fetch(client, origin.url, target=b"/\xc3\xbc\xff")
    assert heads[0].startswith(b"GET /\xc3\xbc\xff HTTP/1.1")


@pytest.mark.parametrize(
    ("parts", "what"), [((b"abc", b"de"), "shorter"), ((b"abc", b"defg"), "longer")]
)
async def test_a_body_that_is_not_as_long_as_it_says_is_never_complete(
    client, raw_origin, parts: tuple[bytes, ...], what: str
) -> None:
    got = []

    async def script(reader, writer):
        await read_head(reader)
        got.append(await reader.read(-1))

    async with raw_origin(script) as origin:
        with pytest.raises(SendError, match=f"{what} than it says") as caught:
            await client.send(outgoing(origin.url, "POST", body=Chunks(*parts).body(6)))
        assert caught.value.kind == "invalid"
        assert origin.connections == 1
    assert got in ([b"abc"], [b"abcde"], [])


async def test_what_the_body_raises_is_raised(client, raw_origin) -> None:
    class Broken(Exception):
        pass

    async def parts():
        yield b"abc"
        raise Broken

    async with raw_origin(staying()) as origin:
        with pytest.raises(Broken):
            body = replace(Chunks().body(), chunks=parts())
            await client.send(outgoing(origin.url, "POST", body=body))


async def test_an_answer_that_comes_early_ends_the_upload(client, raw_origin) -> None:
    gone = asyncio.Event()

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
        await reader.read(-1)
        gone.set()

    chunks = Chunks(*[b"x"] * 1000, delay=0.01)
    async with raw_origin(script) as origin:
        response = await client.send(outgoing(origin.url, "POST", body=chunks.body()))
        assert (response.status, await content_of(response)) == (413, b"no")
        async with asyncio.timeout(30):
            await gone.wait()
        assert chunks.sent < 1000
        assert await fetch(client, origin.url) == b"no"
        assert origin.connections == 2


async def test_the_origins_time_begins_at_the_end_of_the_upload(client, raw_origin) -> None:
    async with raw_origin(answering(OK)) as origin:
        body = Chunks(*[b"x"] * 4, delay=0.1).body()
        assert await fetch(client, origin.url, "POST", body=body, read=0.2) == b"ok"


# Many at once


async def test_connections_are_bounded_and_the_failure_is_clear(raw_origin) -> None:
    gate = asyncio.Event()

    async def script(reader, writer):
        while await read_head(reader):
            await gate.wait()
            writer.write(OK)

    client = Http1Client(max_connections=2)
    async with raw_origin(script) as origin, raw_origin(answering(OK)) as other:
        tasks = [asyncio.ensure_future(fetch(client, origin.url)) for _ in range(2)]
        await until(lambda: origin.connections == 2)
        with pytest.raises(SendError, match="all 2 that this process may have") as caught:
            await client.send(outgoing(origin.url))
        assert (caught.value.kind, caught.value.was_connected) == ("refused", False)
        gate.set()
        assert await asyncio.gather(*tasks) == [b"ok"] * 2
        # One that is idle makes room, for whomever.
        assert await fetch(client, other.url) == b"ok"
    await client.close()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """As many as the system lets this process have, 4,096 at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
async def test_a_thousand_long_polls_do_not_wait_for_each_other(raw_origin) -> None:
    """With both ends in this process that is more descriptors than `select` knows."""
    gate, client = asyncio.Event(), Http1Client()

    async def script(reader, writer):
        await read_head(reader)
        await gate.wait()
        writer.write(OK)

    async with raw_origin(script) as origin:
        polls = list[asyncio.Future[bytes]]()
        for count in range(50, 1001, 50):
            send = functools.partial(fetch, client, origin.url, connect=60, read=60)
            polls += [asyncio.ensure_future(send()) for _ in range(50)]
            await until(lambda count=count: origin.connections == count)
        gate.set()
        assert await asyncio.gather(*polls) == [b"ok"] * 1000
    await client.close()


async def test_mass_cancellation_leaves_nothing_behind(client, raw_origin) -> None:
    async def script(reader, writer):
        while await read_head(reader):
            await asyncio.sleep(0.01)
            writer.write(OK)

    async with raw_origin(script) as origin:
        for _ in range(5):
            tasks = [asyncio.ensure_future(fetch(client, origin.url)) for _ in range(100)]
            await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {asyncio.CancelledError, bytes}
        assert await fetch(client, origin.url) == b"ok"


async def test_a_request_that_is_given_up_does_not_hurt_the_next_one(client, raw_origin) -> None:
    """Cancelled in the very moment in which its answer is there."""

    async def script(reader, writer):
        count = 0
        while await read_head(reader):
            count += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%2d" % count)

    async with raw_origin(script) as origin:
        for rounds in range(30):
            task = asyncio.ensure_future(fetch(client, origin.url))
            for _ in range(rounds):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await fetch(client, origin.url)).strip().isdigit()


# Switching protocols


async def test_an_upgrade_hands_over_the_connection(client, raw_origin) -> None:
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nfirst")
        writer.write((await reader.readexactly(5)).upper())
        await reader.read(-1)

    class Reader(asyncio.Protocol):
        got = b""
        news = asyncio.Event()

        def data_received(self, data: bytes) -> None:
            self.got += data
            self.news.set()

    async with raw_origin(script) as origin:
        response = await client.send(outgoing(origin.url, upgrade=b"x"))
        assert response.status == 101
        assert b"\r\nConnection: Upgrade\r\nUpgrade: x\r\n" in heads[0]
        connection, reader = response.upgraded.connection, Reader()
        connection.transport.set_protocol(reader)
        connection.transport.resume_reading()
        connection.transport.write(b"hello")
        async with asyncio.timeout(30):
            while connection.rest + reader.got != b"firstHELLO":
                await reader.news.wait()
                reader.news.clear()
        connection.close()


async def test_an_upgrade_that_is_declined_is_an_answer(client, raw_origin) -> None:
    async with raw_origin(answering(OK, OK)) as origin:
        for _ in range(2):
            response = await client.send(outgoing(origin.url, upgrade=b"x"))
            assert (response.status, response.upgraded) == (200, None)
            assert await content_of(response) == b"ok"
        assert origin.connections == 1
