"""The Runtime API on its socket: what arrives of requests, however they are sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from edgegw.awslambda.lifecycle import MAX_RESPONSE
from edgegw.awslambda.runtime_api_messages import ApiRequest, Reply
from edgegw.execution.runtime_api_front import LoopbackListener, RuntimeApiFront
from edgegw.wire.peer_user import NOBODY, peer_user

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

    def __init__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.address = address
        self.reader = reader
        self.writer = writer

    def post(self, *lines: str, path: str = RESPONSE) -> bytes:
        return head(f"POST {path} HTTP/1.1", f"Host: {self.address}", *lines)

    def get_next(self) -> bytes:
        return head("GET /next HTTP/1.1", f"Host: {self.address}")

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head.partition(b"\r\n")[0] + b" | " + await self.reader.readexactly(length)


Lookup = Callable[[socket.socket], int | None]


@asynccontextmanager
async def listening(
    peer_user: Lookup = peer_user,
) -> AsyncIterator[tuple[Environment, Runtime]]:
    environment = Environment()
    listener = LoopbackListener(environment.front, peer_user)
    address = listener.listen()
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield environment, Runtime(address, reader, writer)
    finally:
        listener.close()
        environment.front.close()
        writer.close()
        for _ in range(3):
            await asyncio.sleep(0)


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


async def test_a_request_and_its_answer() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(runtime.post("Content-Length: 4", "X-Name: \u00fc") + b'"ok"')
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"
        request = await environment.requests.get()
        assert (request.method, request.path, request.body) == ("POST", RESPONSE, b'"ok"')
        assert request.headers["x-name"] == "\u00fc"


async def test_next_is_answered_when_there_is_an_event() -> None:
    async with listening() as (environment, runtime):
        environment.waits = lambda request: request.method == "GET"
        runtime.writer.write(runtime.get_next())
        request = await environment.requests.get()
        environment.reply(request.ticket)
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"
        runtime.writer.write(runtime.post("Content-Length: 0"))  # on the same connection
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"


async def test_what_comes_behind_a_chunked_body() -> None:
    trailer = "Lambda-Runtime-Function-Error-Type"
    async with listening() as (environment, runtime):
        environment.streams = True
        begun = runtime.post("Transfer-Encoding: chunked", f"Trailer: {trailer}")
        runtime.writer.write(begun + b"3\r\none\r\n3\r\ntwo\r\n0\r\n")
        runtime.writer.write(f"{trailer}: Runtime.Odd\r\n\r\n".encode())
        await runtime.answer()
        request = await environment.requests.get()
        assert b"".join(environment.parts) == b"onetwo"
        assert request.body == b""
        assert request.trailers == {trailer.lower(): "Runtime.Odd"}


async def test_a_body_that_is_too_large_is_read_and_not_kept() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(runtime.post(f"Content-Length: {MAX_RESPONSE + 1}"))
        runtime.writer.write(b"x" * (MAX_RESPONSE + 1))
        assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"
        request = await environment.requests.get()
        assert request.too_large
        assert len(request.body) <= MAX_RESPONSE


async def test_a_body_that_breaks_off_is_told_though_nobody_waits() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(runtime.post("Content-Length: 9") + b'"cut')
        await asyncio.sleep(0.05)
        runtime.writer.close()
        request = await environment.requests.get()
        assert request.is_truncated


async def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    async with listening() as (environment, runtime):
        runtime.writer.write(runtime.post("Content-Length: 2", "Expect: 100-continue"))
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
        runtime.writer.write(runtime.get_next())
        await environment.requests.get()
    assert runtime.writer.is_closing()


class TestWhoMayTalk:
    """Events hold the viewers' secrets, and whoever answers speaks for the function."""

    @pytest.mark.parametrize(
        "lines",
        [
            pytest.param(["Host: attacker.example"], id="a name that was rebound to this address"),
            pytest.param(["Host: localhost:{port}"], id="another name of this machine"),
            pytest.param(["Host: 127.0.0.1"], id="another port"),
            pytest.param([], id="no Host"),
            pytest.param(["Host: {host}", "Host: {host}"], id="two Hosts"),
            pytest.param(["Host: {host}", "Origin: https://a.example"], id="a script of a page"),
            pytest.param(["Host: {host}", "Origin: null"], id="a sandboxed page"),
            pytest.param(["Host: {host}", "Sec-Fetch-Site: cross-site"], id="an image of a page"),
            pytest.param(["Host: {host}", "Sec-Fetch-Site: none"], id="a link that was opened"),
        ],
    )
    @pytest.mark.parametrize("streams", [False, True])
    async def test_a_page_gets_no_event_and_answers_none(
        self, lines: list[str], *, streams: bool
    ) -> None:
        async with listening() as (environment, runtime):
            environment.streams = streams
            known = {"host": runtime.address, "port": runtime.address.split(":")[1]}
            told = [line.format(**known) for line in lines]
            begun = head(f"POST {RESPONSE} HTTP/1.0", *told, "Content-Length: 2")
            runtime.writer.write(begun + b"{}")
            answered = await runtime.reader.read()
            assert answered.startswith((b"HTTP/1.1 403 Forbidden\r\n", b"HTTP/1.1 400 "))
            assert environment.requests.empty()
            assert environment.parts == []

    async def test_a_target_with_another_authority_is_refused(self) -> None:
        async with listening() as (environment, runtime):
            target = "http://attacker.example/next"
            runtime.writer.write(head(f"GET {target} HTTP/1.1", f"Host: {runtime.address}"))
            assert (await runtime.reader.read()).startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert environment.requests.empty()

    async def test_the_log_says_once_that_a_page_was_refused(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with listening() as (_, runtime):
            host, port = runtime.address.split(":")
            with caplog.at_level(logging.WARNING):
                for _ in range(2):
                    reader, writer = await asyncio.open_connection(host, int(port))
                    writer.write(head("GET /next HTTP/1.1", "Host: attacker.example"))
                    await reader.read()
                    writer.close()
        texts = [record.getMessage() for record in caplog.records]
        assert texts == [
            "the Runtime API of a function refused a request whose Host is not its address"
        ]

    @pytest.mark.parametrize(
        ("user", "is_let_in"),
        [
            pytest.param(os.geteuid(), True, id="the gateway's user"),
            pytest.param(os.geteuid() + 1, False, id="another user"),
            pytest.param(NOBODY, False, id="a client that has closed, or cannot be seen"),
            pytest.param(None, True, id="a system that does not tell"),
        ],
    )
    async def test_only_the_user_of_the_gateway_is_let_in(
        self, user: int | None, *, is_let_in: bool
    ) -> None:
        async with listening(lambda _: user) as (environment, runtime):
            runtime.writer.write(runtime.post("Content-Length: 0"))
            if is_let_in:
                assert await runtime.answer() == b"HTTP/1.1 202 Accepted | taken"
                return
            with contextlib.suppress(ConnectionError):
                assert await runtime.reader.read() == b""
            assert environment.requests.empty()

    async def test_a_process_of_another_user_is_refused(self) -> None:
        async with listening() as (environment, runtime):
            host, port = runtime.address.split(":")
            script = f"""
import socket
with socket.create_connection(({host!r}, {port})) as sock:
    try:
        sock.sendall({runtime.post("Content-Length: 0")!r})
        print(sock.recv(100))
    except ConnectionError:
        print(b"")
"""
            command = [*as_nobody(), sys.executable, "-S", "-c", script]
            running = await asyncio.create_subprocess_exec(
                *command, stdout=subprocess.PIPE, cwd="/"
            )
            printed, _ = await running.communicate()
            assert printed == b"b''\n"
            assert environment.requests.empty()


def as_nobody() -> list[str]:
    """The beginning of a command that runs as another user, if this one may do so."""
    if os.geteuid() == 0 and shutil.which("setpriv"):
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if shutil.which("sudo"):
        asked = subprocess.run(["sudo", "-n", "-u", "nobody", "true"], check=False)
        if asked.returncode == 0:
            return ["sudo", "-n", "-u", "nobody"]
    pytest.skip("no command can be run as another user here")
