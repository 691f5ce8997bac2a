"""Front doors on sockets: uvicorn for plain HTTP/1.1, hypercorn for TLS, behind one seam."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from edgegw.config.resolve import DistributionDoor, Door, Listen
from edgegw.errors import EnvironmentProblem
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.reload import watch_code

GRACE: Final = 5.0
"""Seconds that requests under way get when the gateway stops."""


class Server(Protocol):
    """What serves one front door."""

    async def start(self) -> None:
        """Accepts connections from here on."""
        ...

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        ...


class UvicornServer:
    """One plain HTTP/1.1 listener on uvicorn; `protocol` speaks to the connections."""

    def __init__(self, app: Any, sock: socket.socket, protocol: Any) -> None:
        import uvicorn

        self._sock = sock
        self._config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=65,
        )
        self._server = uvicorn.Server(self._config)

    async def start(self) -> None:
        self._config.load()
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self._server.startup(sockets=[self._sock])

    async def stop(self, grace: float) -> None:
        self._config.timeout_graceful_shutdown = max(1, round(grace))
        await self._server.shutdown(sockets=[self._sock])


@dataclass(frozen=True, slots=True)
class Ready:
    """A front door that accepts connections."""

    kind: str
    name: str
    url: str

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


def tls_context(listen: Listen, names: tuple[str, ...]) -> ssl.SSLContext | None:
    """The TLS context of a front door: its own certificate, or one made for this run."""
    if not listen.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    if listen.certificate is not None:
        try:
            context.load_cert_chain(listen.certificate, listen.key)
        except (OSError, ssl.SSLError) as error:
            text = f"the certificate {listen.certificate} cannot be used: {error}"
            raise EnvironmentProblem(text) from None
        return context
    import trustme

    certificate = trustme.CA().issue_cert("localhost", "127.0.0.1", "::1", *names)
    cast("Any", certificate).configure_cert(context)
    return context


def _server(gateway: Gateway, door: Door, sock: socket.socket, *, hypercorn: bool) -> Server:
    app = gateway.app_of(door)
    aliases = door.distribution.aliases if isinstance(door, DistributionDoor) else ()
    context = tls_context(door.listen, aliases)
    if context is None and not hypercorn:
        from edgegw.gateway.http1 import FrontDoorProtocol

        return UvicornServer(app, sock, FrontDoorProtocol)
    from edgegw.gateway.hypercorn_server import HypercornServer

    return HypercornServer(app, sock, context)


def _ready(door: Door, sock: socket.socket) -> Ready:
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
) -> None:
    """Serves every front door of `gateway` until a signal (or `stopping`) says to stop.

    With `reload` functions whose code changes are loaded anew.

    Ports are taken before anything else is started, so a taken one costs nothing.
    Raises EnvironmentProblem.
    """
    stop = stopping or asyncio.Event()
    sockets: list[socket.socket] = []
    servers: list[Server] = []
    try:
        for door in gateway.config.doors:
            sockets.append(bind(door.listen, door.name))  # noqa: PERF401 - closed on failure
        api = gateway.config.lambda_api
        if api is not None:
            sockets.append(bind(api, "gateway.lambda_api"))
        await gateway.start()
        gateway.pin()
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    try:
        with _stopping_by_signal(stop):
            for door, sock in zip(gateway.config.doors, sockets, strict=False):
                server = _server(gateway, door, sock, hypercorn=hypercorn)
                await server.start()
                servers.append(server)
                on_ready(_ready(door, sock))
            if api is not None:
                server = UvicornServer(gateway.lambda_api, sockets[-1], "httptools")
                await server.start()
                servers.append(server)
                on_ready(Ready("lambda", "", f"http://{_address(sockets[-1])}"))
            watching = asyncio.ensure_future(watch_code(gateway.service)) if reload else None
            await stop.wait()
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await asyncio.gather(*(server.stop(grace) for server in servers))
    finally:
        for sock in sockets:
            sock.close()
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
