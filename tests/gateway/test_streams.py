"""Streams through both front doors: nothing is held back, nothing is gathered."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_commands import running
from tests.conftest import FUNCTIONS, PYTHON, free_port
from tests.tls_clients import trusting_anyone

DOORS = ["site", "hooked", "web", "through", "secure"]
ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def config(origin: str, *, port: Callable[[], int] = lambda: 0) -> dict[str, Any]:
    """Front doors of every kind in front of one origin."""

    def site(source: dict[str, Any], listen: Any = 0, **triggers: str) -> dict[str, Any]:
        return {
            "listen": listen,
            "origins": {"app": source},
            "default_behavior": {
                "origin": "app",
                "cache_policy": "CachingDisabled",
                "origin_request_policy": "AllViewer",
                "allowed_methods": ALL_METHODS,
                "lambda_functions": triggers,
            },
        }

    hooks = {
        name: {"runtime": PYTHON, "code": str(FUNCTIONS), "handler": f"hooks.{name}"}
        for name in ("pass_request", "pass_response")
    }
    requests = {"viewer-request": "pass_request", "origin-request": "pass_request"}
    responses = {"viewer-response": "pass_response", "origin-response": "pass_response"}
    return {
        "functions": hooks,
        "distributions": {
            "site": site({"url": origin}, port()),
            "hooked": site({"url": origin}, port(), **requests, **responses),
            "through": site({"load_balancer": "web"}, port()),
            "secure": site({"url": origin}, {"port": port(), "tls": True}),
        },
        "target_groups": {
            "app": {
                "targets": [origin.removeprefix("http://")],
                "health_check": {"enabled": False},  # the script counts its requests
            }
        },
        "load_balancers": {
            "web": {"listeners": [{"listen": port(), "default_actions": [{"forward": "app"}]}]}
        },
    }


@pytest.fixture
def client() -> Any:
    context = trusting_anyone()
    return lambda: httpx.AsyncClient(verify=context, trust_env=False, timeout=20)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain"])
async def test_a_chunk_arrives_before_the_next_is_made(
    serving: Any, raw_origin: Any, client: Any, door: str, kind: str
) -> None:
    received = asyncio.Semaphore(0)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode())
        await received.acquire()  # the head has to arrive before any body is made
        for number in range(5):
            event = b"id: %d\n\n" % number
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await received.acquire()
        writer.write(b"0\r\n\r\n")

    async with raw_origin(script) as origin, serving(config(origin.url)) as front, client() as web:
        got: list[bytes] = []
        async with asyncio.timeout(30), web.stream("GET", front.urls[door]) as answer:
            received.release()
            async for chunk in answer.aiter_raw():
                got.append(chunk)
                received.release()
        assert got == [b"id: %d\n\n" % number for number in range(5)]
        assert answer.headers["content-type"] == kind


async def test_event_streams_over_http2(serving: Any, raw_origin: Any) -> None:
    """Chunk by chunk: curl shows the first event while the origin waits with the second."""
    received = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await received.wait()
        writer.write(b"data: 2\n\n")
        writer.close()

    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        process = await asyncio.create_subprocess_exec(
            "curl", "-skN", "--http2", front.urls["secure"], stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readexactly(9) == b"data: 1\n\n"
            received.set()
            assert await process.stdout.read() == b"data: 2\n\n"
        await process.wait()


@pytest.mark.parametrize("door", DOORS)
async def test_an_upload_arrives_while_it_is_sent(
    serving: Any, raw_origin: Any, client: Any, door: str
) -> None:
    arrived = asyncio.Semaphore(0)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(4):
            await reader.readuntil(b"part")
            arrived.release()
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def parts() -> Any:
        for _ in range(4):
            yield b"part"
            await arrived.acquire()

    async with raw_origin(script) as origin, serving(config(origin.url)) as front, client() as web:
        async with asyncio.timeout(30):
            answer = await web.post(front.urls[door], content=parts())
        assert answer.text == "ok"


@pytest.mark.parametrize("door", DOORS)
async def test_long_polling(serving: Any, raw_origin: Any, client: Any, door: str) -> None:
    """Two polls that wait do not keep a third request waiting."""
    released = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/poll" in head:
            await released.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with raw_origin(script) as origin, serving(config(origin.url)) as front, client() as web:
        polls = [asyncio.ensure_future(web.get(f"{front.urls[door]}/poll")) for _ in range(2)]
        await asyncio.sleep(0.3)
        assert (await web.get(f"{front.urls[door]}/other")).text == "ok"
        assert not any(each.done() for each in polls)
        released.set()
        assert [(await each).text for each in polls] == ["ok", "ok"]


@pytest.mark.parametrize("door", ["site", "hooked", "web", "through"])
async def test_interim_answers_of_the_origin_stay_behind(
    serving: Any, raw_origin: Any, door: str
) -> None:
    """103 is dropped (what AWS does is not documented), and so is an origin's own 100."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
            b"HTTP/1.1 100 Continue\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        )

    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        sent = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = await front.raw(door, sent)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        head = answer.partition(b"\r\n\r\n")[0]
        assert head.count(b"HTTP/1.1 ") == 1
        assert b"\r\nlink:" not in head.lower()
        assert answer.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("door", ["site", "web"])
async def test_expect_is_answered_by_the_door_and_stays_behind(
    serving: Any, raw_origin: Any, door: str
) -> None:
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(4)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        reader, writer = await asyncio.open_connection(*front.address(door))
        writer.write(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        async with asyncio.timeout(30):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"body")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"expect" not in heads[0].lower()
        writer.close()


@pytest.mark.parametrize("door", ["site", "hooked", "web", "through"])
async def test_trailers_are_dropped_both_ways(serving: Any, raw_origin: Any, door: str) -> None:
    received: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        received.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            b"2\r\nok\r\n0\r\nX-Sum: 9\r\n\r\n"
        )

    async with raw_origin(script) as origin, serving(config(origin.url)) as front:
        answer = await front.raw(
            door,
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Up\r\n"
            b"Connection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Up: 1\r\n\r\n",
        )
    assert b"x-up" not in b"".join(received).lower()
    assert b"x-sum" not in answer.lower()
    assert answer.endswith(b"2\r\nok\r\n0\r\n\r\n")


@pytest.mark.parametrize("door", ["site", "web"])
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"other/1"])
@pytest.mark.parametrize(
    ("framing", "body"),
    [(b"Content-Length: 5", b"hello"), (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")],
)
async def test_a_body_beside_an_upgrade_is_an_ordinary_request(
    serving: Any, echo_origin: Any, door: str, protocol: bytes, framing: bytes, body: bytes
) -> None:
    """As `curl --http2 -d hello http://…` sends it."""
    sent = (
        b"POST /x HTTP/1.1\r\nHost: a\r\n%b\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: %b\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n%b"
    ) % (framing, protocol, body)
    async with echo_origin() as origin, serving(config(origin.url)) as front:
        for at in (len(sent), sent.index(b"\r\n\r\n") + 4, len(sent) - 2):
            reader, writer = await asyncio.open_connection(*front.address(door))
            writer.write(sent[:at])
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(sent[at:])
            async with asyncio.timeout(30):
                answer = await reader.read(-1)
            writer.close()
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), (at, answer)
            assert b"hello" in answer.rpartition(b"\r\n\r\n")[2] or b"5\r\nhello" in answer
            assert b"POST /x HTTP/1.1\r\n" in answer


SOURCE = """\
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        count = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(count << 20))
        self.end_headers()
        part = b"x" * (1 << 20)
        for _ in range(count):
            self.wfile.write(part)
    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("door", ["hooked", "web"])
async def test_a_large_body_takes_constant_memory(tmp_path: Path, door: str) -> None:
    """300 MB each way here; benchmarks/streams.py moves 10 GB."""
    count = 300
    origin = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SOURCE, stdout=asyncio.subprocess.PIPE
    )
    assert origin.stdout is not None
    try:
        port = int(await origin.stdout.readline())
        described = config(f"http://127.0.0.1:{port}", port=free_port)
        (tmp_path / "edgegw.yaml").write_text(json.dumps(described))
        with running("serve", cwd=tmp_path, doors=5) as (process, lines):
            url = next(line for line in lines if f" {door} " in line).rpartition("  ")[2]
            async with httpx.AsyncClient(trust_env=False, timeout=60) as web:
                assert (await web.get(f"{url}/1")).status_code == 200
                before = peak_mb(process.pid)
                size = 0
                async with web.stream("GET", f"{url}/{count}") as answer:
                    async for chunk in answer.aiter_raw(1 << 20):
                        size += len(chunk)
                assert size == count << 20

                async def upload() -> Any:
                    for _ in range(count):
                        yield b"x" * (1 << 20)

                length = {"Content-Length": str(count << 20)}
                sent = await web.post(f"{url}/", content=upload(), headers=length)
                assert sent.text == "ok"
            assert peak_mb(process.pid) - before < 60
    finally:
        origin.kill()
        await origin.wait()
