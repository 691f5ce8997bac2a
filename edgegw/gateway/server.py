"""Front doors on sockets: their ports, servers and changes, behind one seam."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from edgegw.config.model import Config, DistributionDoor, Door, Listen
from edgegw.errors import EnvironmentProblem
from edgegw.gateway.gateway import Gateway, by_key
from edgegw.gateway.reload import Load, Reloader
from edgegw.gateway.uvicorn_server import UvicornServer

if TYPE_CHECKING:
    from edgegw.gateway.certificates import DoorTls
    from edgegw.gateway.control_channel import ControlChannel

GRACE: Final = 5.0
"""Seconds that requests under way get when the gateway stops."""


logger = logging.getLogger(__name__)


class Server(Protocol):
    """What serves one front door."""

    async def start(self) -> None:
        """Accepts connections from here on."""
        ...

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        ...


@dataclass(frozen=True, slots=True)
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


def bind(listen: Listen, name: str) -> socket.socket:
    """A listening socket for `name`. Raises EnvironmentProblem in one plain sentence."""
    family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((listen.address, listen.port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        where = f"{listen.address}:{listen.port}"
        if error.errno == errno.EADDRINUSE:
            text = f"{where} is in use: stop what listens there, or change 'listen' of {name}"
        elif error.errno == errno.EACCES:
            text = f"{where} needs more rights: choose a port above 1023 for {name}"
        else:
            text = f"{where} cannot be listened on: {error.strerror or error}"
        raise EnvironmentProblem(text) from None
    sock.setblocking(False)  # noqa: FBT003
    return sock


@dataclass(slots=True)
class _Opened:
    """A front door, or the Lambda API (`door` None), that accepts connections."""

    key: object
    door: Door | None
    sock: socket.socket
    server: Server


class FrontDoors:
    """The sockets and servers of a gateway's front doors, and of its Lambda API."""

    def __init__(
        self, gateway: Gateway, on_ready: Callable[[Ready], None], *, hypercorn: bool, grace: float
    ) -> None:
        self._gateway = gateway
        self._on_ready = on_ready
        self._hypercorn = hypercorn
        self._grace = grace
        self._open: list[_Opened] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._control: ControlChannel | None = None
        self._serving_control: _Opened | None = None

    async def open(self) -> None:
        """Opens all. Ports are taken before anything is started, so a taken one costs nothing."""
        sockets = self._bind(self._gateway.config, [])
        try:
            await self._gateway.start()
        except BaseException:
            _close(sockets.values())
            raise
        self._gateway.pin()
        self._gateway.check_targets()
        await self._start(self._gateway.config, sockets)

    async def open_control(self) -> None:
        """Opens the control channel. Raises EnvironmentProblem."""
        from edgegw.gateway.control_channel import ControlChannel

        sock = bind(Listen("127.0.0.1", 0), "the control channel")
        self._control = ControlChannel(self._gateway, self._urls)
        server = UvicornServer(self._control, sock.dup(), "httptools")
        await server.start()
        self._serving_control = _Opened(None, None, sock, server)
        self._control.announce(sock)

    def _urls(self) -> dict[str, str]:
        """Where the front doors are."""
        readies = [_ready(each.door, each.sock) for each in self._open]
        return {f"{each.kind} {each.name}".strip(): each.url for each in readies}

    async def apply(self, config: Config) -> None:
        """Changes over to `config`; what listens at the same place goes on as it is.

        Raises EnvironmentProblem, and then nothing has changed.
        """
        wanted = _listening(config)
        leaving = [each for each in self._open if each.key not in wanted]
        sockets = self._bind(config, leaving)
        try:
            await self._gateway.reload(config)
        except BaseException:
            _close(sockets.values())
            raise
        self._open = [each for each in self._open if each.key in wanted]
        for each in leaving:
            task = asyncio.ensure_future(self._end(each))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        await self._start(config, sockets)

    def _bind(self, config: Config, leaving: Sequence[_Opened]) -> dict[object, socket.socket]:
        """Sockets for what does not listen yet; what only changes its kind keeps its port."""
        open_keys = {each.key for each in self._open}
        sockets: dict[object, socket.socket] = {}
        try:
            for key, (door, listen) in _listening(config).items():
                if key in open_keys:
                    continue
                name = "gateway.lambda_api" if door is None else door.name
                place = (listen.address, listen.port)
                same = [
                    each.sock
                    for each in leaving
                    if each.sock.getsockname()[:2] == place
                    or (each.door and (each.door.name, each.door.listen) == (name, listen))
                ]
                sockets[key] = same[0].dup() if same else bind(listen, name)
        except BaseException:
            _close(sockets.values())
            raise
        return sockets

    async def _start(self, config: Config, sockets: dict[object, socket.socket]) -> None:
        listening = _listening(config)
        for key, sock in sockets.items():
            door = listening[key][0]
            own = sock.dup()  # the servers close theirs
            server = self._server(door, own)
            await server.start()
            self._open.append(_Opened(key, door, sock, server))
            self._on_ready(_ready(door, sock))

    def _server(self, door: Door | None, sock: socket.socket) -> Server:
        if door is None:
            return UvicornServer(self._gateway.lambda_api, sock, "httptools")
        app = self._gateway.app_of(door)
        tls = self._tls(door) if door.listen.tls else None
        if self._hypercorn:
            from edgegw.gateway.hypercorn_server import HypercornServer

            return HypercornServer(app, sock, tls and tls.context)
        if tls is not None:
            from edgegw.gateway.tls_server import TlsServer

            return TlsServer(app, sock, tls, http3="3" in _http_version(door))
        from edgegw.gateway.http1 import FrontDoorProtocol

        return UvicornServer(app, sock, FrontDoorProtocol)

    def _tls(self, door: Door) -> DoorTls:
        """The certificates of a front door: its own one, or local ones for its aliases."""
        from edgegw.gateway.certificates import Certificates, DoorTls

        listen = door.listen
        own: list[tuple[str, str]] = []
        if listen.certificate is not None and listen.key is not None:
            own = [(listen.certificate, listen.key)]
        own += listen.more
        names = [listen.address] if listen.address not in _ANY else []
        if isinstance(door, DistributionDoor):
            names.append(door.distribution.domain_name)
        else:
            names.append(door.listener.load_balancer.dns_name)
        protocols = ["h2", "http/1.1"] if "2" in _http_version(door) else ["http/1.1"]
        certificates = Certificates(self._gateway.config.state)
        return DoorTls(
            certificates,
            partial(self._aliases, door),
            protocols,
            own,
            names,
            listen.client_certificates,
        )

    def _aliases(self, door: Door) -> Sequence[str]:
        """The names of a front door that have certificates, as they are now.

        A distribution's aliases; of a load balancer the hosts that its rules name in full.
        """
        for each in self._gateway.config.doors:
            if each.name == door.name and each.listen == door.listen:
                if isinstance(each, DistributionDoor):
                    return each.distribution.aliases
                return each.listener.index.hosts
        return ()

    async def _end(self, opened: _Opened) -> None:
        opened.sock.close()
        await opened.server.stop(self._grace)

    async def close(self) -> None:
        """Finishes what is under way within the grace."""
        if self._control is not None:
            self._control.retire()
        opened = [*self._open]
        if self._serving_control is not None:
            opened.append(self._serving_control)
        await asyncio.gather(*map(self._end, opened), *self._closing)
        self._open = []


_ANY: Final = ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not chosen


def _http_version(door: Door) -> str:
    """The HTTP versions of a front door with TLS."""
    if isinstance(door, DistributionDoor):
        return door.distribution.http_version
    return "http2" if door.listener.load_balancer.attributes.http2 else "http1.1"


def _fixed(door: Door) -> object:
    """What a running server cannot change: HTTP versions, and HTTP/3's one certificate."""
    version = _http_version(door)
    if isinstance(door, DistributionDoor) and "3" in version:
        return version, door.distribution.aliases
    return version, ()


def _listening(config: Config) -> dict[object, tuple[Door | None, Listen]]:
    """What listens, by what stays the same when only its values change."""
    found: dict[object, tuple[Door | None, Listen]] = {
        (key, _fixed(door)): (door, door.listen) for key, door in by_key(config.doors).items()
    }
    if config.lambda_api is not None:
        found[config.lambda_api] = (None, config.lambda_api)
    return found


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _ready(door: Door | None, sock: socket.socket) -> Ready:
    if door is None:
        return Ready("lambda", "", f"http://{_address(sock)}")
    scheme = "https" if door.listen.tls else "http"
    kind = "distribution" if isinstance(door, DistributionDoor) else "load-balancer"
    return Ready(kind, door.name, f"{scheme}://{_address(sock)}")


def _address(sock: socket.socket) -> str:
    address, port = sock.getsockname()[:2]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


async def serve(
    gateway: Gateway,
    *,
    on_ready: Callable[[Ready], None],
    hypercorn: bool = False,
    grace: float = GRACE,
    stopping: asyncio.Event | None = None,
    reload: bool = False,
    load: Load | None = None,
    control: bool = False,
) -> None:
    """Serves every front door of `gateway` until a signal (or `stopping`) says to stop.

    With `reload` functions whose code changes are loaded anew, and the configuration by `load`;
    with `control` commands can be given while it runs.
    Raises EnvironmentProblem.
    """
    stop = stopping or asyncio.Event()
    doors = FrontDoors(gateway, on_ready, hypercorn=hypercorn, grace=grace)
    watching: asyncio.Task[None] | None = None
    try:
        await doors.open()
        with _stopping_by_signal(stop):
            if control:
                try:
                    await doors.open_control()
                except (EnvironmentProblem, OSError) as error:  # such as a folder to read only
                    logger.warning("commands cannot reach this gateway: %s", error)
            if reload:
                watching = asyncio.ensure_future(Reloader(gateway, load, doors.apply).run())
            await stop.wait()
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await doors.close()
        if gateway.is_running:
            await gateway.stop()


@contextlib.contextmanager
def _stopping_by_signal(stop: asyncio.Event) -> Any:
    """Ctrl-C and SIGTERM set `stop`; a second one ends at once."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and main is not None:
            main.cancel()
        stop.set()

    installed: list[signal.Signals] = []
    for each in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(each, on_signal)
            installed.append(each)
    try:
        yield
    finally:
        for each in installed:
            loop.remove_signal_handler(each)
