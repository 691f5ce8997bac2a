"""The Runtime API on its socket: what arrives of requests, however they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from edgegw.awslambda.lifecycle import MAX_RESPONSE
from edgegw.awslambda.runtime_api import ApiRequest, Reply
from edgegw.execution.runtime_api_front import LoopbackListener, RuntimeApiFront

RESPONSE = "/2018-06-01/runtime/invocation/1/response"


class Environment:
    """Takes requests; what `answers` names is answered at once, the rest waits for `reply`."""

    def __init__(self) -> None:
        self.front = RuntimeApiFront(self)
        self.requests: asyncio.Queue[ApiRequest] = asyncio.Queue()
        self.parts: list[bytes] = []
        self.streams = False
        self.waits: Callable[[ApiRequest], bool] = lambda _: False

    def begins_stream(self, path: str, headers: dict[str, str]) -> bool:
        return self.streams

    def streamed(self, chunk: bytes) -> None:
        self.parts.append(chunk)

    def received(self, request: ApiRequest) -> None:
        self.requests.put_nowait(request)
        if not self.waits(request):
            self.reply(request.ticket)

    def reply(self, ticket: int) -> None:
        self.front.reply(Reply(ticket, 202, (("Content-Type", "text/plain"),), b"taken"))


class Runtime:
    """A client that sends bytes as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head.partition(b"\r\n")[0] + b" | " + await self.reader.readexactly(length)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Environment, Runtime]]:
    environment = Environment()
    listener = LoopbackListener(environment.front)
    host, port = listener.listen().split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield environment, Runtime(reader, writer)
    finally:
        listener.close()
        environment.front.close()
        writer.close()
        for _ in range(3):
            await asyncio.sleep(0)


def post(*lines: str, path: str = RESPONSE) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: api", *lines, "", ""]).encode()


async def test_a_request_and_its_answer() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(post("Content-Length: 4", "X-Name: \u00fc") + b'"ok"')
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"
        request = await environment.requests.get()
        assert (request.method, request.path, request.body) == ("POST", RESPONSE, b'"ok"')
        assert request.headers["x-name"] == "\u00fc"


async def test_next_is_answered_when_there_is_an_event() -> None:
    async with listening() as (environment, runtime):
        environment.waits = lambda request: request.method == "GET"
        runtime.writer.write(b"GET /next HTTP/1.1\r\nHost: api\r\n\r\n")
        request = await environment.requests.get()
        environment.reply(request.ticket)
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"
        runtime.writer.write(post("Content-Length: 0"))  # on the same connection
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"


async def test_what_comes_behind_a_chunked_body() -> None:
    trailer = "Lambda-Runtime-Function-Error-Type"
    async with listening() as (environment, runtime):
        environment.streams = True
        head = post("Transfer-Encoding: chunked", f"Trailer: {trailer}")
        runtime.writer.write(head + b"3\r\none\r\n3\r\ntwo\r\n0\r\n")
        runtime.writer.write(f"{trailer}: Runtime.Odd\r\n\r\n".encode())
        await runtime.answer()
        request = await environment.requests.get()
        assert b"".join(environment.parts) == b"onetwo"
        assert request.body == b""
        assert request.trailers == {trailer.lower(): "Runtime.Odd"}


async def test_a_body_that_is_too_large_is_read_and_not_kept() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(post(f"Content-Length: {MAX_RESPONSE + 1}"))
        runtime.writer.write(b"x" * (MAX_RESPONSE + 1))
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"
        request = await environment.requests.get()
        assert request.too_large
        assert len(request.body) <= MAX_RESPONSE


async def test_a_body_that_breaks_off_is_told_though_nobody_waits() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(post("Content-Length: 9") + b'"cut')
        await asyncio.sleep(0.05)
        runtime.writer.close()
        request = await environment.requests.get()
        assert request.is_truncated


async def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(post("Content-Length: 2", "Expect: 100-continue"))
        assert b"100 Continue" in await runtime.reader.readuntil(b"\r\n\r\n")
        runtime.writer.write(b"{}")
        await runtime.answer()
        assert (await environment.requests.get()).body == b"{}"


async def test_what_is_no_http_gets_400_and_the_end() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(b"no http at all\r\n\r\n")
        assert (await runtime.reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert environment.requests.empty()


async def test_those_who_wait_are_let_go_when_the_environment_ends() -> None:
    async with listening() as (environment, runtime):
        environment.waits = lambda _: True
        runtime.writer.write(b"GET /next HTTP/1.1\r\nHost: api\r\n\r\n")
        await environment.requests.get()
    assert runtime.writer.is_closing()
