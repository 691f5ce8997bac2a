"""Clients that fall silent, drip or take nothing: front doors of every kind wait only so long.

Before TLS, within its handshake and behind it; over HTTP/1 and HTTP/2. That nothing of them is
left afterwards is what counts: no connection here, and none to the origin.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import h2.config
import h2.connection
import pytest

from edgegw.gateway.fronts import distribution
from edgegw.http.limits import Limits
from edgegw.wire import tls as wire_tls
from tests.conftest import read_head
from tests.tls_clients import trusting_anyone

DOORS = ["site", "web"]
SECURE = ["secure", "tls", "mutual"]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000 04 00 00000000")
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(distribution, "LIMITS", Limits(keep_alive=1.0, head=1.0, idle=1.0))
    monkeypatch.setenv("CAROOT", str(tmp_path / "no-mkcert"))


def config(url: str) -> dict[str, Any]:
    def site(listen: Any) -> dict[str, Any]:
        behavior = {"origin": "app", "cache_policy": "CachingDisabled"}
        return {"listen": listen, "origins": {"app": {"url": url}}, "default_behavior": behavior}

    def balancer(**listener: Any) -> dict[str, Any]:
        forward = {"listen": 0, "default_actions": [{"forward": "app"}], **listener}
        return {
            "attributes": {"idle_timeout.timeout_seconds": 1},
            "listeners": [forward],
        }

    return {
        "distributions": {"site": site(0), "secure": site({"port": 0, "tls": True})},
        "target_groups": {
            "app": {"targets": [url.removeprefix("http://")], "health_check": {"enabled": False}}
        },
        "load_balancers": {
            "web": balancer(),
            "tls": balancer(protocol="HTTPS"),
            "mutual": balancer(protocol="HTTPS", mutual_authentication={"mode": "passthrough"}),
        },
    }


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """A byte every tenth of a second, in all far longer than anybody waits."""
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)
    await asyncio.sleep(5)


async def last_words(
    address: tuple[str, int], script: Script, protocol: str | None = None
) -> bytes:
    """All that a client hears until the front door closes; it speaks TLS with a `protocol`."""
    context: ssl.SSLContext | None = None
    if protocol is not None:
        context = trusting_anyone(protocol)
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    talking = asyncio.ensure_future(script(writer))
    try:
        async with asyncio.timeout(10):
            return await reader.read(-1)
    except ConnectionError:
        return b"reset"
    finally:
        talking.cancel()
        writer.close()


def saying(data: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return script


def dripping(data: bytes) -> Script:
    return lambda writer: drip(writer, data)


@contextlib.asynccontextmanager
async def fronts(serving: Any, raw_origin: Any) -> AsyncIterator[Any]:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_head(reader):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        yield front


class TestSilence:
    @pytest.mark.parametrize("door", DOORS)
    async def test_a_client_that_says_nothing(self, serving, raw_origin, door: str) -> None:
        async with fronts(serving, raw_origin) as front:
            assert await last_words(front.address(door), saying(b"")) == b""
            answered = await last_words(front.address(door), saying(GET))
            assert answered.count(b"HTTP/1.1 ") == 1

    @pytest.mark.parametrize("door", [*DOORS, *SECURE])
    @pytest.mark.parametrize("way", [saying, dripping])
    async def test_a_head_without_an_end(self, serving, raw_origin, door: str, way: Any) -> None:
        async with fronts(serving, raw_origin) as front:
            protocol = "http/1.1" if door in SECURE else None
            heard = await last_words(front.address(door), way(GET[:-2]), protocol)
            assert heard.startswith(b"HTTP/1.1 408 ")

    @pytest.mark.parametrize("door", SECURE)
    @pytest.mark.parametrize("way", [saying, dripping])
    @pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
    async def test_a_handshake_without_an_end(
        self, serving, raw_origin, door: str, way: Any, begun: bytes, monkeypatch
    ) -> None:
        monkeypatch.setattr(wire_tls, "HANDSHAKE", 1.0)
        async with fronts(serving, raw_origin) as front:
            assert await last_words(front.address(door), way(begun)) in (b"", b"reset")

    @pytest.mark.parametrize("door", SECURE)
    @pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
    async def test_nothing_behind_the_handshake(
        self, serving, raw_origin, door: str, protocol: str
    ) -> None:
        async with fronts(serving, raw_origin) as front:
            heard = await last_words(front.address(door), saying(b""), protocol)
            assert b"HTTP/1.1" not in heard

    @pytest.mark.parametrize("door", SECURE)
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param(saying(PREFACE[:10]), id="half a preface"),
            pytest.param(dripping(PREFACE), id="a preface that drips"),
            pytest.param(
                saying(PREFACE + SETTINGS + bytes.fromhex("000001 01 01 00000001 82")),
                id="a header block without its end",
            ),
            pytest.param(
                saying(PREFACE + SETTINGS + bytes.fromhex("000010 01 05 00000001 82")),
                id="a frame without its end",
            ),
            pytest.param(
                dripping(PREFACE + SETTINGS + bytes.fromhex("004000 01 05 00000001") + bytes(99)),
                id="a head that drips",
            ),
            pytest.param(
                dripping(PREFACE + SETTINGS + bytes.fromhex("000008 06 00 00000000") + bytes(8)),
                id="a ping that drips",
            ),
        ],
    )
    async def test_frames_without_an_end(
        self, serving, raw_origin, door: str, script: Script
    ) -> None:
        async with fronts(serving, raw_origin) as front:
            assert b":status" not in await last_words(front.address(door), script, "h2")


class TestTakingNothing:
    """The origin sends for ever; a client takes nothing of it, and both are let go."""

    @pytest.mark.parametrize("door", [*DOORS, *SECURE, "secure h2", "tls h2", "mutual h2"])
    async def test_it_ends(self, serving: Any, raw_origin: Any, door: str) -> None:
        sent, ended = 0, asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    writer.write(b"10000\r\n%b\r\n" % bytes(65_536))
                    await writer.drain()
                    sent += 65_536
            finally:
                ended.set()

        door, _, protocol = door.partition(" ")
        async with raw_origin(script) as origin, serving(config(origin.url)) as front:
            with deaf(front.address(door)) as sock:
                if door in DOORS:
                    sock.sendall(GET)
                else:
                    await ask_over_tls(sock, protocol or "http/1.1")
                async with asyncio.timeout(60):
                    await ended.wait()
        assert sent < 20_000_000  # what the system's own buffers take


@contextlib.contextmanager
def deaf(address: tuple[str, int]) -> Any:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(address)
        yield sock


async def ask_over_tls(sock: socket.socket, protocol: str) -> None:
    """Makes the handshake, asks, and opens the windows as far as they go; reads nothing more."""
    context = trusting_anyone(protocol)
    asked = GET
    if protocol == "h2":
        state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        state.local_settings.initial_window_size = 2**31 - 1
        state.initiate_connection()
        state.increment_flow_control_window(2**30)
        lines = {":method": "GET", ":path": "/", ":scheme": "https", ":authority": "h"}
        state.send_headers(1, list(lines.items()), end_stream=True)
        asked = state.data_to_send()

    def talk() -> None:
        secure = context.wrap_socket(sock, server_hostname="h", do_handshake_on_connect=True)
        secure.sendall(asked)
        kept.append(secure)

    kept: list[ssl.SSLSocket] = []
    await asyncio.to_thread(talk)
    _deaf.append(kept[0])  # open until the end of the test run


_deaf: list[ssl.SSLSocket] = []
