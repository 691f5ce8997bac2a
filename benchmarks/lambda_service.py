"""Invocations per second and latency of the Lambda service, beside the limit of this machine.

    python benchmarks/lambda_service.py [--seconds 1] [--rounds 3]

The limit is a bare ping-pong of the same bytes between two processes on a socket pair, by the same
event loop; `alone` is what the service's own Python takes where the answer is there at once, without
any process. boto3 is compared with the same boto3 against a bare ASGI answer. Everything runs on
loopback, bounded in time, and in turns: the best round of each counts. Behind rate, share of the
limit and latency stands the processor time of one invocation, here and in the children.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from edgegw.awslambda.model import Function, FunctionRef, Invocation, Returned, Runtime
from edgegw.awslambda.names import Account
from edgegw.awslambda.versions import single
from edgegw.execution.frames import FramesChannel
from edgegw.execution.service import LambdaService

EVENT = json.dumps({"resource": "/", "httpMethod": "GET", "headers": {"a": "b" * 400}}).encode()
CONCURRENCY = (1, 8, 32)
Call = Callable[[], Awaitable[object]]

PONG = """
import socket, sys
sock = socket.socket(fileno=int(sys.argv[1]))
while True:
    data = sock.recv(65536)
    if not data:
        break
    sock.sendall(data)
"""

BARE = """
import asyncio, sys
from hypercorn.asyncio import serve
from hypercorn.config import Config
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers":
                [(b"content-type", b"application/json"), (b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
asyncio.run(serve(app, Config.from_mapping(bind=[f"127.0.0.1:{sys.argv[1]}"])))
"""

BOTO = """
import sys, time, boto3
client = boto3.client("lambda", endpoint_url=sys.argv[1], region_name="us-east-1",
                      aws_access_key_id="x", aws_secret_access_key="y")
call = lambda: client.invoke(FunctionName="python", Payload=b"{}")["Payload"].read()
for _ in range(20):
    call()
end, count = time.perf_counter() + float(sys.argv[2]), 0
while time.perf_counter() < end:
    call()
    count += 1
print(count / float(sys.argv[2]))
"""


class Pong(asyncio.Protocol):
    """Our end of the ping-pong: a future per answer, as the service has it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(data)

    async def ping(self) -> None:
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(EVENT)  # type: ignore[attr-defined]
        await self.waiting


class Load(NamedTuple):
    """Calls per second, p50 and p99 in milliseconds, and processor time of a call in microseconds."""

    rate: float
    p50: float
    p99: float
    own_us: float
    children_us: float


class Instant:
    """A transport behind which a runtime answers at once."""

    def __init__(self, channel: FramesChannel) -> None:
        result = json.dumps({"statusCode": 200, "body": "x" * 400}).encode()
        self._answer = struct.pack(">IcII", 8 + len(result), b"A", 0, 20_000) + result
        self._channel = channel

    def write(self, _: bytes) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(self._channel.data_received, self._answer)


async def alone(call: Call, service: LambdaService, name: str) -> float:
    """Microseconds of this process for one invocation whose answer is there at once."""
    await call()
    channels = [each._channel for each in service.pools(name)["$LATEST"].environments]
    transports = [channel._transport for channel in channels]
    for channel in channels:
        channel._transport = Instant(channel)
    found: list[float] = []
    for _ in range(40):
        started = time.thread_time()
        for _ in range(500):
            await call()
        found.append((time.thread_time() - started) / 500 * 1e6)
    for channel, transport in zip(channels, transports, strict=True):
        channel._transport = transport
    return min(found)


async def ping_pong() -> tuple[list[Pong], list[subprocess.Popen[bytes]]]:
    pongs, children = [], []
    for _ in range(4):  # as many processes as the service gives a handler that only computes
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-S", "-c", PONG, str(theirs.fileno())]
        children.append(subprocess.Popen(command, pass_fds=[theirs.fileno()]))
        theirs.close()
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        _, pong = await loop.create_unix_connection(Pong, sock=ours)
        pongs.append(pong)
    return pongs, children


def children_seconds() -> float:
    """Processor time of all processes below this one, those that live now."""
    total, waiting = 0, [os.getpid()]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            with contextlib.suppress(OSError):
                children = (task / "children").read_text().split()
                waiting += map(int, children)
                for child in children:
                    for each in Path(f"/proc/{child}/task").glob("*"):
                        total += int((each / "schedstat").read_text().split()[0])
    return total / 1e9


async def load(call: Call, concurrency: int, seconds: float) -> Load:
    times: list[float] = []
    children, own = children_seconds(), time.process_time()
    end = time.perf_counter() + seconds

    async def work() -> None:
        while (started := time.perf_counter()) < end:
            await call()
            times.append(time.perf_counter() - started)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    rate = len(times) / (time.perf_counter() - begun)
    own, children = time.process_time() - own, children_seconds() - children
    times.sort()
    count = len(times)
    p50, p99 = times[count // 2] * 1000, times[int(count * 0.99)] * 1000
    return Load(rate, p50, p99, own / count * 1e6, children / count * 1e6)


def functions(folder: Path) -> dict[str, Function]:
    python = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
    (folder / "app.py").write_text("def handler(event, context): return event\n")
    (folder / "index.js").write_text("exports.handler = async (event) => event;\n")
    bootstrap = folder / "bootstrap"
    bootstrap.write_text(f'#!/bin/sh\nexec {sys.executable} -m awslambdaric "$_HANDLER"\n')
    bootstrap.chmod(0o755)
    code = str(folder)
    return {
        "python": Function("python", python, code, "app.handler", 30.0),
        "nodejs": Function("nodejs", Runtime("nodejs22.x", "nodejs", (22,)), code, "index.handler", 30.0),
        "awslambdaric": Function("awslambdaric", Runtime("provided.al2023", "provided", ()), code, "app.handler", 30.0, 512),
    }  # fmt: skip


async def run(seconds: float, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        known = functions(Path(folder))
        account = Account(concurrency=100_000)  # ten requests a second for each would be a bound
        service = LambdaService({name: single(each) for name, each in known.items()}, account)
        await service.start()
        pongs, children = await ping_pong()
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)  # as `edgegw serve` has it
        free = asyncio.Queue[Pong]()
        for pong in pongs:
            free.put_nowait(pong)

        async def bare() -> None:
            pong = await free.get()
            await pong.ping()
            free.put_nowait(pong)

        def invoke(name: str) -> Call:
            ref = FunctionRef(name)

            async def call() -> None:
                outcome = await service.invoke(Invocation(ref, EVENT))
                assert isinstance(outcome, Returned), outcome

            return call

        rows: dict[str, Call] = {"ping-pong": bare, **{name: invoke(name) for name in known}}
        best: dict[tuple[str, int], Load] = {}
        for _ in range(rounds):
            for name, call in rows.items():
                for concurrency in CONCURRENCY:
                    await load(call, concurrency, seconds / 5)
                    found = await load(call, concurrency, seconds)
                    key = (name, concurrency)
                    if key not in best or found.rate > best[key].rate:
                        best[key] = found
        print(f"{'':14}" + "".join(f"{f'{c} concurrent':>48}" for c in CONCURRENCY))
        for name in rows:
            cells = ""
            for concurrency in CONCURRENCY:
                rate, p50, p99, own, theirs = best[name, concurrency]
                share = best["ping-pong", concurrency].rate / rate
                cells += f"{rate:9.0f}/s {share:5.2f}x {p50:6.3f} {p99:6.3f} ms"
                cells += f" {own:4.0f}+{theirs:3.0f} us"
            print(f"{name:14}{cells}")
        print(f"alone python  {await alone(invoke('python'), service, 'python'):8.1f} us")
        for name in known:
            print(f"cold {name:14}{await cold(service, invoke(name), name):8.1f} ms")
        await service.close()
        for child in children:
            child.kill()
            child.wait()


async def cold(service: LambdaService, call: Call, name: str) -> float:
    """The quickest of ten first invocations, in milliseconds."""
    found: list[float] = []
    for _ in range(10):
        service.change(
            single(replace(service.functions[name].latest, description=f"{time.time()}"))
        )
        await asyncio.sleep(0.4)
        started = time.perf_counter()
        await call()
        found.append((time.perf_counter() - started) * 1000)
    return min(found)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"nothing listens on port {port}")


def boto(seconds: float, rounds: int) -> None:
    """Invoke by boto3 through the Lambda API, and by the same boto3 against a bare answer."""
    with tempfile.TemporaryDirectory() as folder:
        functions(Path(folder))
        bare_port, port = free_port(), free_port()
        function = {
            "runtime": f"python3.{sys.version_info[1]}",
            "code": ".",
            "handler": "app.handler",
        }
        config = {"functions": {"python": function}, "gateway": {"lambda_api": port}}
        path = Path(folder, "edgegw.json")
        path.write_text(json.dumps(config))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        commands = (
            [sys.executable, "-c", textwrap.dedent(BARE), str(bare_port)],
            [sys.executable, "-m", "edgegw", "serve", str(path)],
        )
        servers = [subprocess.Popen(command, **quiet) for command in commands]
        try:
            best: dict[int, float] = {}
            for each in (bare_port, port):
                wait_for(each)
            for _ in range(rounds):
                for each in (bare_port, port):
                    command = [sys.executable, "-c", BOTO, f"http://127.0.0.1:{each}", str(seconds)]
                    found = float(subprocess.check_output(command))
                    best[each] = max(found, best.get(each, 0.0))
            share = best[port] / best[bare_port]
            print(f"boto3 on a bare ASGI answer {best[bare_port]:.0f}/s")
            print(f"boto3 Invoke                {best[port]:.0f}/s, {share:.2f} of it")
        finally:
            for server in servers:
                server.terminate()
                server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        import uvloop

        uvloop.run(run(given.seconds, given.rounds))
    except ImportError:
        asyncio.run(run(given.seconds, given.rounds))
    boto(given.seconds * 2, given.rounds)


if __name__ == "__main__":
    main()
