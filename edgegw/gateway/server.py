"""Front doors on sockets: their ports, servers and changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgegw.background import Background
from edgegw.config.model import Config
from edgegw.errors import ConfigError, EnvironmentProblem, Finding
from edgegw.gateway.fronts.served import Served, Server
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.reload import LoadConfig, Reloader
from edgegw.http.authority import authority_of
from edgegw.values import value
from edgegw.wire.listeners import TcpListener, bind

if TYPE_CHECKING:
    from edgegw.gateway.fronts.local_api import LocalApi

GRACE: Final = 5.0
"""Seconds that requests under way get when the gateway stops."""


logger = logging.getLogger(__name__)


@value
class Ready:
    """A front door that accepts connections."""

    kind: str
    name: str
    url: str

    def to_dict(self) -> dict[str, str]:
        """For tools: what the line says."""
        return {"ready": self.kind, "name": self.name, "url": self.url}

    def __str__(self) -> str:
        return "  ".join(["ready", f"{self.kind} {self.name}".rstrip(), self.url])


@dataclass(slots=True)
class _Opened:
    """A front door that accepts connections."""

    front: Served
    sock: socket.socket
    server: Server

    @property
    def readies(self) -> list[Ready]:
        """How it is announced."""
        scheme = "https" if self.front.is_secure else "http"
        return [
            Ready(self.front.kind, name, f"{scheme}://{_address(self.sock, host)}")
            for name, host in self.front.names
        ]


class FrontDoors:
    """The sockets and servers of a gateway's front doors."""

    def __init__(
        self,
        gateway: Gateway,
        on_ready: Callable[[Ready], None],
        *,
        grace: float,
        held: Mapping[tuple[str, int], socket.socket] | None = None,
    ) -> None:
        self._gateway = gateway
        self._on_ready = on_ready
        self._grace = grace
        self._held = dict(held or {})
        self._open: list[_Opened] = []
        self._closing = Background()
        self._changing = asyncio.Lock()
        self._local: LocalApi | None = None
        self._serving_local: Server | None = None

    async def open(self, *, control: bool = False) -> None:
        """Opens all. Ports are taken before anything is started, so a taken one costs nothing.

        With `control` the local API comes before the first front door: what a script does right
        behind "ready" finds it.
        """
        fronts = self._gateway.served()
        sockets = self._bind(fronts, [])
        self._gateway.settle(_ports(fronts, sockets))
        try:
            await self._gateway.start()
            servers = self._servers(fronts, sockets)
        except BaseException:
            _close(sockets.values())
            raise
        self._gateway.pin()
        self._gateway.applying = self.apply
        self._gateway.check_targets()
        if control:
            try:
                await self._open_local_api()
            except (EnvironmentProblem, OSError) as error:  # such as a folder to read only
                logger.warning("commands cannot reach this gateway: %s", error)
        await self._start(fronts, sockets, servers)

    async def _open_local_api(self) -> None:
        """Opens the API for commands. Raises EnvironmentProblem, OSError."""
        from edgegw.gateway.fronts.local_api import LocalApi

        sock = bind("127.0.0.1", 0, "the local API")
        local = self._local = LocalApi(self._gateway, self._urls)
        self._serving_local = TcpListener(local, sock)
        await self._serving_local.start()
        local.announce(sock)

    def _urls(self) -> dict[str, str]:
        """Where the front doors are."""
        readies = [ready for opened in self._open for ready in opened.readies]
        return {f"{ready.kind} {ready.name}".strip(): ready.url for ready in readies}

    async def apply(self, config: Config) -> None:
        """Changes over to `config`; what listens at the same place goes on as it is.

        Raises ConfigError and EnvironmentProblem, and then nothing has changed.
        """
        async with self._changing:
            await self._apply(self._gateway.on_demand.with_made_urls(config))

    async def _apply(self, config: Config) -> None:
        fronts = self._gateway.served(config)
        if self._open and not fronts:
            raise ConfigError([_nothing_left(config)])
        leaving = [opened for opened in self._open if opened.front.identity not in fronts]
        sockets = self._bind(fronts, leaving)
        try:
            servers = self._servers(fronts, sockets)
            standing = {opened.front.identity: opened.sock for opened in self._open}
            self._gateway.settle(_ports(fronts, {**standing, **sockets}))
            await self._gateway.reload(config)
        except BaseException:
            _close(sockets.values())
            raise
        self._open = [opened for opened in self._open if opened.front.identity in fronts]
        for opened in leaving:
            self._closing.start(self._end(opened))
        await self._start(fronts, sockets, servers)

    def _bind(
        self, fronts: Mapping[object, Served], leaving: Sequence[_Opened]
    ) -> dict[object, socket.socket]:
        """Sockets for what does not listen yet; what only changes its kind keeps its port."""
        open_fronts = {opened.front.identity for opened in self._open}
        sockets: dict[object, socket.socket] = {}
        try:
            for identity, front in fronts.items():
                if identity in open_fronts:
                    continue
                listen = front.listen
                same = [opened.sock for opened in leaving if _is_same_place(opened, front)]
                if same:
                    sockets[identity] = same[0].dup()
                    continue
                sock = self._held.pop((listen.address, listen.port), None)
                sockets[identity] = sock or bind(listen.address, listen.port, front.title)
        except BaseException:
            _close(sockets.values())
            raise
        return sockets

    @staticmethod
    def _servers(
        fronts: Mapping[object, Served], sockets: Mapping[object, socket.socket]
    ) -> dict[object, Server]:
        """What serves each, not started: a certificate that cannot be used shows here."""
        servers: dict[object, Server] = {}
        own: list[socket.socket] = []  # the servers close theirs
        try:
            for identity, sock in sockets.items():
                own.append(sock.dup())
                servers[identity] = fronts[identity].server(own[-1])
        except BaseException:
            _close(own)
            raise
        return servers

    async def _start(
        self,
        fronts: Mapping[object, Served],
        sockets: Mapping[object, socket.socket],
        servers: Mapping[object, Server],
    ) -> None:
        for identity, sock in sockets.items():
            server = servers[identity]
            await server.start()
            opened = _Opened(fronts[identity], sock, server)
            self._open.append(opened)
            for ready in opened.readies:
                self._on_ready(ready)

    async def _end(self, opened: _Opened) -> None:
        opened.sock.close()
        await opened.server.stop(self._grace)

    async def close(self) -> None:
        """Finishes what is under way within the grace."""
        if self._local is not None:
            self._local.retire()
        local = [] if self._serving_local is None else [self._serving_local.stop(self._grace)]
        try:
            await asyncio.gather(*map(self._end, self._open), *local, self._closing.settled())
        finally:  # also where the waiting is cut short
            self._closing.interrupt()
        self._open = []


def _ports(
    fronts: Mapping[object, Served], sockets: Mapping[object, socket.socket]
) -> dict[object, int]:
    """The real ports, by the keys of what listens."""
    return {
        key: sockets[identity].getsockname()[1]
        for identity, front in fronts.items()
        for key in front.keys
    }


def _nothing_left(config: Config) -> Finding:
    """What is said of a configuration that would close everything: a file that is half written."""
    text = "no front door is left; what runs stays, and ends with the gateway (Ctrl-C)"
    file = config.files[0] if config.files else "<dict>"
    return Finding(file, 1, 1, "error", "config.nothing", text)


def _is_same_place(opened: _Opened, front: Served) -> bool:
    listen = front.listen
    if opened.sock.getsockname()[:2] == (listen.address, listen.port):
        return True
    there, here = opened.front.listen, front.listen
    if here.port and (there.address, there.port) == (here.address, here.port):
        return True
    return (opened.front.title, opened.front.listen) == (front.title, listen)


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _address(sock: socket.socket, host: str) -> str:
    address, port = sock.getsockname()[:2]
    return authority_of(host or address, port)


async def serve(
    gateway: Gateway,
    *,
    on_ready: Callable[[Ready], None],
    grace: float = GRACE,
    stopping: asyncio.Event | None = None,
    reload: bool = False,
    load: LoadConfig | None = None,
    loaded_at: float | None = None,
    control: bool = False,
    held: Mapping[tuple[str, int], socket.socket] | None = None,
) -> None:
    """Serves every front door of `gateway` until a signal (or `stopping`) says to stop.

    With `reload` functions whose code changes are loaded anew, and the configuration by `load`,
    also what was saved since the configuration was read (`loaded_at`, in seconds since 1970);
    with `control` commands can be given while it runs. `held` are sockets that listen already, by
    address and port.
    Raises EnvironmentProblem.
    """
    stop = stopping or asyncio.Event()
    doors = FrontDoors(gateway, on_ready, grace=grace, held=held)
    with _ending_by_signal(stop) as signals:
        try:
            await doors.open(control=control)
            signals.is_open = True
            reloader = Reloader(gateway, load, doors.apply, loaded_at) if reload else None
            async with _following(reloader):
                await stop.wait()
        finally:
            try:
                await doors.close()
            finally:  # a second signal ends the waiting for requests, not the tidying up
                if gateway.is_running:
                    await gateway.stop()


@contextlib.asynccontextmanager
async def _following(reloader: Reloader | None) -> AsyncGenerator[None]:
    """Follows changes of files meanwhile."""
    if reloader is None:
        yield
        return
    watching = Background()
    watching.start(reloader.run())
    try:
        yield
    finally:
        await watching.cancel()


@dataclass(slots=True)
class _Signals:
    """What signals mean now: before all is open they end the start, later they ask to stop."""

    is_open: bool = False


@contextlib.contextmanager
def _ending_by_signal(stop: asyncio.Event) -> Generator[_Signals]:
    """Ctrl-C and SIGTERM set `stop`; a second one, and one during start, ends at once."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    signals = _Signals()

    def on_signal() -> None:
        if main is not None and (stop.is_set() or not signals.is_open):
            main.cancel()
        stop.set()

    installed: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, on_signal)
            installed.append(number)
    try:
        yield signals
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
