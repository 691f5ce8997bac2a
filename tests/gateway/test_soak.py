"""Many requests of all kinds, and clients that leave in the middle: nothing of them stays."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import pytest

from edgegw.gateway.origins.http1_connection import Http1Connection
from edgegw.wire.http1 import Http1
from edgegw.wire.http2 import Http2
from edgegw.wire.http2_streams import Http2Stream
from edgegw.wire.tls import Arriving
from tests.conftest import PYTHON, read_body, read_head
from tests.tls_clients import trusting_anyone

COUNT = 400
AT_ONCE = 40
POST = b"POST /%b HTTP/1.1\r\nHost: h\r\n"
REQUESTS = [
    b"GET /now HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /now HTTP/1.1\r\nHost: h\r\n\r\n" * 3,
    b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /fixed HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /f HTTP/1.1\r\nHost: h\r\n\r\n",
    POST % b"now" + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
    POST % b"slow" + b"Content-Length: 900000\r\n\r\n" + b"x" * 300_000,
    POST % b"now" + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    POST % b"f" + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    b"GET /now HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nab",
    b"GET /broken HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nHo",
    b"\0\r\n\r\n",
]


def config(url: str) -> dict[str, Any]:
    def site(listen: Any) -> dict[str, Any]:
        behavior = {
            "origin": "app",
            "cache_policy": "CachingDisabled",
            "origin_request_policy": "AllViewer",
            "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        }
        return {"listen": listen, "origins": {"app": {"url": url}}, "default_behavior": behavior}

    fixed = {"fixed_response": {"status_code": 200, "message_body": "here"}}
    rules = [
        {"priority": 1, "conditions": [{"path_pattern": "/fixed"}], "actions": [fixed]},
        {"priority": 2, "conditions": [{"path_pattern": "/f"}], "actions": [{"forward": "f"}]},
    ]
    listener = {"listen": 0, "default_actions": [{"forward": "app"}], "rules": rules}
    return {
        "functions": {"f": {"runtime": PYTHON, "code": ".", "handler": "hooks.target"}},
        "distributions": {"site": site(0), "secure": site({"port": 0, "tls": True})},
        "target_groups": {
            "app": {"targets": [url.removeprefix("http://")], "health_check": {"enabled": False}},
            "f": {"target_type": "lambda", "function": "f"},
        },
        "load_balancers": {
            "web": {"listeners": [listener]},
            "tls": {"listeners": [{**listener, "protocol": "HTTPS"}]},
        },
    }


async def origin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await read_head(reader):
        if b" /ws " in head:
            await asyncio.sleep(0.03)
            writer.write(
                b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"
            )
            await reader.read(-1)
            return
        await read_body(head, reader)
        if b" /slow " in head:
            await asyncio.sleep(0.1)
        if b" /stream " in head:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(100):
                writer.write(b"4000\r\n%b\r\n" % bytes(0x4000))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        elif b" /broken " in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
            return
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


HTTP1, HTTP2 = trusting_anyone("http/1.1"), trusting_anyone("h2")


def frames(dice: random.Random) -> bytes:
    """A few requests over HTTP/2, some taken back, some without their ends."""
    state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    state.initiate_connection()
    for number in range(1, 2 * dice.randrange(2, 12), 2):
        path = dice.choice(["/now", "/slow", "/stream", "/fixed", "/f", "/broken"])
        lines = {":method": "POST", ":path": path, ":scheme": "https", ":authority": "h"}
        how = dice.random()
        state.send_headers(number, list(lines.items()), end_stream=how < 0.4)
        if how >= 0.4:
            state.send_data(number, b"x" * 3_000, end_stream=how < 0.7)
        if dice.random() < 0.2:
            state.reset_stream(number, 8)
    return state.data_to_send()


async def once(front: Any, dice: random.Random) -> None:
    """One connection: some requests, and then it goes, at some moment, in some way."""
    door = dice.choice(["site", "web", "secure", "tls"])
    is_secure = door in ("secure", "tls")
    speaks = dice.choice([HTTP1, HTTP2]) if is_secure else None
    sent = frames(dice) if speaks is HTTP2 else dice.choice(REQUESTS)
    if is_secure and dice.random() < 0.1:
        speaks, sent = None, dice.choice([b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
    reader, writer = await asyncio.open_connection(*front.address(door), ssl=speaks)
    sock = writer.get_extra_info("socket")
    if dice.random() < 0.3:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.write(sent)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(dice.choice([0, 0.001, 0.02, 0.2, 0.5])):
            while await reader.read(65_536):
                pass
    if dice.random() < 0.3:
        writer.transport.abort()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def counted() -> Counter[str]:
    """What is alive of what connections and requests are made of."""
    gc.collect()
    kinds = (Http1, Http2, Http2Stream, Http1Connection, Arriving)
    return Counter(_name(kept) for kept in gc.get_objects() if type(kept) in kinds)


def _name(kept: object) -> str:
    """A connection to the origin may rest, but not where it has switched protocols."""
    if isinstance(kept, Http1Connection) and not kept.is_closed and kept.reader.state != "idle":
        return kept.reader.state
    return type(kept).__name__


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are read from /proc")
async def test_nothing_stays(serving: Any, raw_origin: Any, caplog: Any) -> None:
    dice, problems = random.Random(17), list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: problems.append(told))
    async with raw_origin(origin) as source, serving(config(source.url)) as front:
        gate = asyncio.Semaphore(AT_ONCE)

        async def limited() -> None:
            async with gate:
                await once(front, dice)

        await asyncio.gather(*[limited() for _ in range(100)])
        await settled()
        before = counted(), len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
        await asyncio.gather(*[limited() for _ in range(COUNT)])
        await settled()
        after = counted(), len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
        alive, descriptors, tasks = after
        resting = before[0]["Http1Connection"] + AT_ONCE
        assert alive.pop("Http1Connection", 0) <= resting
        assert not alive
        assert tasks <= before[2] + AT_ONCE  # the origin's, for connections that rest
        assert descriptors <= before[1] + 3 * AT_ONCE
    assert not problems
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def settled() -> None:
    """Until all answers have found that nobody waits for them."""
    for _ in range(600):
        await asyncio.sleep(0.1)
        if not {kind for kind in counted() if kind != "Http1Connection"}:
            return
