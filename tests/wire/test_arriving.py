"""Clients that leave, or err, at every moment of a TLS handshake; on both event loops."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgegw.http.message import Client
from edgegw.wire.certificates import Certificates, DoorTls
from edgegw.wire.front import Handshake
from edgegw.wire.listeners import TcpListener, bind
from edgegw.wire.tls import Arriving
from tests.wire import test_http1
from tests.wire.http2_peers import fixed

RESET = b"\1\0\0\0\0\0\0\0"
SENT = [b"", b"\x16\x03\x01", b"\x16\x03\x01\x00\x05abcde", b"GET / HTTP/1.1\r\n\r\n"]


class Door(test_http1.Door):
    """Keeps from where a handshake came, and whether it failed."""

    def __init__(self) -> None:
        super().__init__(fixed)
        self.told: list[tuple[str, bool]] = []

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        has_failed = handshake is not None and handshake.failure is not None
        self.told.append((client.address, has_failed))


def loops() -> list[Any]:
    uvloop = pytest.importorskip("uvloop")
    return [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.mark.parametrize("at", [0, 1], ids=["asyncio", "uvloop"])
def test_a_handshake_that_fails_is_told_once(at: int, tmp_path: Path) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] = loops()[at]
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_fail_in_all_ways(tmp_path))


async def _fail_in_all_ways(folder: Path) -> None:
    problems = list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: problems.append(told))
    tls = DoorTls(Certificates(folder), list, ["h2", "http/1.1"], [], ["localhost"], None)
    door, sock = Door(), bind("127.0.0.1", 0, "the door")
    listener, address, count = TcpListener(door, sock, tls), sock.getsockname(), 0
    await listener.start()
    for data in SENT:
        for resets in (False, True):
            for pause in (0, 0.01, 0.05):
                with socket.create_connection(address) as client:
                    if resets:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    client.sendall(data)
                    await asyncio.sleep(pause)
                    count += 1
    async with asyncio.timeout(30):
        while len(door.told) < count:
            await asyncio.sleep(0.01)
    await listener.stop(0)
    async with asyncio.timeout(30):  # a page may be read for a moment longer
        while [kept for kept in gc.get_objects() if type(kept) is Arriving]:
            await asyncio.sleep(0.1)
            gc.collect()
    assert not problems
    assert len(door.told) == count
    assert all(has_failed for _, has_failed in door.told)
    assert {address for address, _ in door.told} <= {"127.0.0.1", ""}  # reset at once
