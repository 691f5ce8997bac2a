"""A large answer that ends its TLS connection reaches a client that takes its time."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgegw.http.message import Body, Headers, Request, Response
from edgegw.wire import closing, passthrough_tls, tls
from edgegw.wire.certificates import Certificates, DoorTls
from edgegw.wire.listeners import TcpListener, bind
from edgegw.wire.tls_options import ClientCertificates
from tests.conftest import need_module
from tests.tls_clients import trusting_anyone
from tests.wire import test_http1
from tests.wire.test_arriving import loops

SIZE = 6_000_000
FAREWELL = 0.2
"""Seconds that TLS has for its end; the client takes nothing for longer."""


def large(_: Request) -> Response:
    body = Body.of(b"x" * SIZE)
    return Response(200, b"OK", Headers([(b"Content-Length", b"%d" % SIZE)]), body)


def take_slowly(address: tuple[str, int], takes: bool) -> int:
    """Bytes of the answer that come; a client that does not take it at all stays for a while."""
    context = trusting_anyone()
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        plain.connect(address)
        with context.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            time.sleep(5 * FAREWELL)
            if not takes:
                return 0
            count = 0
            try:
                while part := client.recv(65536):
                    count += len(part)
            except OSError:
                pass
            return count


async def answered(folder: Path, asks: ClientCertificates | None, *, takes: bool) -> int:
    door, sock = test_http1.Door(large), bind("127.0.0.1", 0, "the door")
    side = DoorTls(Certificates(folder), list, ["http/1.1"], [], ["localhost"], asks)
    listener = TcpListener(door, sock, side)
    address = sock.getsockname()
    await listener.start()
    try:
        return await asyncio.to_thread(take_slowly, address, takes)
    finally:
        async with asyncio.timeout(30):
            await listener.stop(1)


@pytest.fixture(autouse=True)
def short_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_SHUTDOWN", FAREWELL)
    monkeypatch.setattr(passthrough_tls, "_CLOSING", FAREWELL)


@pytest.mark.parametrize("at", [0, 1], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("passes_through", [False, True], ids=["", "certificates unchecked"])
def test_all_of_it_comes(at: int, passes_through: bool, tmp_path: Path) -> None:
    if passes_through:
        need_module("OpenSSL")
    asks = ClientCertificates(None) if passes_through else None
    factory: Callable[[], Any] = loops()[at]
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(answered(tmp_path, asks, takes=True)) > SIZE


@pytest.mark.parametrize("at", [0, 1], ids=["asyncio", "uvloop"])
def test_who_takes_nothing_is_let_go(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "PATIENCE", FAREWELL)
    factory: Callable[[], Any] = loops()[at]
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(answered(tmp_path, None, takes=False)) == 0
