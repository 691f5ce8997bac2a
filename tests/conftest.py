"""Fixtures of the whole suite: raw origins, gateways on real sockets, and what a machine has."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import fcntl
import gc
import importlib
import inspect
import os
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from hypothesis import HealthCheck, settings

from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.server import Ready, serve
from tests.tls_clients import share_usual_trust

pytest_plugins = ["pytester"]
collect_ignore = ["testing/example_project"]
"""A project of its own, whose tests run in a pytest of its own."""
os.environ["PYTEST_ADDOPTS"] = "-p no:asyncio"
"""What runs pytest again does so without pytest-asyncio, which warns where no option is set."""

share_usual_trust()
gc.disable()
"""Until all is collected: what is made before, lives as long as the suite, and is looked at in vain."""

# HYPOTHESIS_PROFILE=thorough looks longer for what breaks.
# A machine that stalls makes inputs slowly, which is no fault of the test.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("thorough", max_examples=3000, **_PATIENT)
settings.register_profile("usual", **_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))

# Clients in tests wait for as long as a busy machine takes; httpx's 5 seconds are a calm one's.
inspect.signature(httpx.Client).parameters["timeout"].default.__init__(60.0)

OWN_DATA = Path(tempfile.mkdtemp(prefix="edgegw-tests-data-"))
atexit.register(shutil.rmtree, OWN_DATA, ignore_errors=True)
"""What the tests have in the place of the user's data folder; programs they start inherit it."""
os.environ["XDG_DATA_HOME"] = str(OWN_DATA)
os.environ["XDG_CACHE_HOME"] = str(OWN_DATA / "cache")
os.environ["CAROOT"] = str(OWN_DATA / "no-mkcert")
AUTHORITY = OWN_DATA / "edgegw" / "ca" / "rootCA.pem"
"""The certificate of the authority that signs for front doors in tests."""

FUNCTIONS = Path(__file__).parent / "functions"
IN_CI = bool(os.environ.get("CI"))
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
"""The runtime that surely is there: the interpreter that runs the tests."""


def pytest_collection_finish() -> None:
    """Leaves the tests themselves out of every later collection: a tenth of the suite's time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)
    gc.enable()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def need(tool: str, reason: str) -> str:
    """The path of `tool`; without it the test is skipped, and fails under CI."""
    found = shutil.which(tool)
    if found is None:
        (pytest.fail if IN_CI else pytest.skip)(f"{tool} is not installed: {reason}")
    return found


def need_module(name: str) -> ModuleType:
    """The module `name`; without it the test is skipped, and fails under CI."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        (pytest.fail if IN_CI else pytest.skip)(f"{name} cannot be imported: {error}")


@pytest.fixture(scope="session")
def node() -> str:
    return need("node", "functions in Node.js are not tested")


@pytest.fixture
def chromium() -> str:
    return need("chromium", "pages are not tested in a browser")


@contextlib.contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Waits until no other process of any test run here does what `name` says."""
    with (Path(tempfile.gettempdir()) / f"edgegw-tests-{name.replace(' ', '-')}.lock").open(
        "w"
    ) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def usual_ports() -> Iterator[None]:
    """The ports 8080, 8081 and above of `demo` and `dev`, for one test at a time."""
    with one_at_a_time("usual ports"):
        yield


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawOrigin:
    """An origin that a test writes byte by byte; keeps every request head it received."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.heads: list[bytes] = []
        self.connections = 0


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Request line and headers up to the empty line; empty bytes when the client is gone."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def read_body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """The body that belongs to `head`, chunks joined."""
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while True:
            size = int(await reader.readline(), 16)
            chunk = await reader.readexactly(size + 2)
            if size == 0:
                return body
            body += chunk[:-2]
    for line in lower.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    return b""


@pytest.fixture
def raw_origin() -> Callable[[Script], contextlib.AbstractAsyncContextManager[RawOrigin]]:
    """`async with raw_origin(script) as origin`: `script(reader, writer)` runs per connection."""

    @asynccontextmanager
    async def start(script: Script) -> AsyncIterator[RawOrigin]:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            origin.connections += 1
            try:
                await script(reader, writer)
            except (
                ConnectionError,
                asyncio.IncompleteReadError,
                asyncio.CancelledError,
                ValueError,
            ):
                pass
            finally:
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        origin = RawOrigin(server.sockets[0].getsockname()[1])
        try:
            yield origin
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return start


@pytest.fixture
def echo_origin(raw_origin):
    """An origin that answers 200 with the received head and body as its body."""

    @asynccontextmanager
    async def start() -> AsyncIterator[RawOrigin]:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await read_head(reader):
                body = await read_body(head, reader)
                origin.heads.append(head)
                content = head + body
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(content) + content
                )
                await writer.drain()

        async with raw_origin(script) as origin:
            yield origin

    return start


@asynccontextmanager
async def serving_in(folder: Path, config: dict, **options) -> AsyncIterator[Serving]:
    """Front doors on real sockets, in this event loop, their state in `folder`."""
    config = {
        **config,
        "gateway": {
            "state": str(folder / "state"),
            "accept_any_host": True,  # requests name hosts at will: test_hosts.py says otherwise
            **config.get("gateway", {}),
        },
    }
    gateway = Gateway(
        load_dict(config, FUNCTIONS),
        **{"transport": lambda unverified: Http1Client(unverified=unverified), **options},
    )
    ready: list[Ready] = []
    stopping, all_ready = asyncio.Event(), asyncio.Event()

    def on_ready(each: Ready) -> None:
        ready.append(each)
        config = gateway.config
        others = len(config.identity_providers) + (config.lambda_api is not None)
        others += config.public_keys is not None
        if len(ready) == len(config.doors) + others:
            all_ready.set()

    task = asyncio.ensure_future(serve(gateway, on_ready=on_ready, grace=2, stopping=stopping))
    waiting = asyncio.ensure_future(all_ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    try:
        yield Serving(gateway, {each.name or each.kind: each.url for each in ready})
    finally:
        stopping.set()
        await task


@pytest.fixture
def serving(tmp_path: Path):
    """`async with serving(config) as urls`: front doors on real sockets, in this event loop."""
    return partial(serving_in, tmp_path)


class Serving:
    """A gateway that serves: `url(name)`, and `raw(name, bytes)` for bytes over a socket."""

    def __init__(self, gateway: Gateway, urls: dict[str, str]) -> None:
        self.gateway = gateway
        self.urls = urls

    def address(self, name: str) -> tuple[str, int]:
        host, _, port = self.urls[name].rpartition("//")[2].rpartition(":")
        return host, int(port)

    async def raw(self, name: str, sent: bytes, *, until_close: bool = True) -> bytes:
        """Sends bytes and answers with everything that comes back until the door closes."""
        reader, writer = await asyncio.open_connection(*self.address(name))
        writer.write(sent)
        try:
            async with asyncio.timeout(30):
                return await (reader.read(-1) if until_close else reader.readuntil(b"\r\n\r\n"))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


_PORTS = 400
"""Ports that a process which runs tests has for itself."""


def _is_locked(first: int) -> bool:
    """Whether the part of the ports from `first` on is for this process, as long as it runs."""
    path = Path(tempfile.gettempdir()) / f"edgegw-tests-ports-{first}.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # another user's
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    return True


def _own_ports() -> int:
    """The first port of a part that no other process has which runs tests on this machine.

    They lie below what systems hand out by themselves. A port is free from when it is picked until
    something listens on it, whichever other runs of the tests are under way.
    """
    parts = list(range(20_000, 32_000, _PORTS))
    random.shuffle(parts)
    return next(filter(_is_locked, parts), parts[0])


def _ports(first: int) -> Iterator[int]:
    at = random.randrange(_PORTS)
    while True:
        yield first + at
        at = (at + 1) % _PORTS


_next_port = _ports(_own_ports())


def free_port() -> int:
    """A port on which nothing listens, and that nothing else is about to be given."""
    for port in _next_port:
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError


@pytest.fixture(name="free_port")
def a_free_port() -> Callable[[], int]:
    return free_port
