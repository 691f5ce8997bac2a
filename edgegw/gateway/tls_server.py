"""Front doors with TLS: HTTP/1.1 on our own protocol, HTTP/2 and HTTP/3 on hypercorn's.

Which one a connection gets is agreed in the handshake (ALPN).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final, cast

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.udp_server import UDPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework

from edgegw.errors import EnvironmentProblem
from edgegw.gateway.asgi import TLS, FrontDoorApp, Message, Receive, Scope, Send
from edgegw.gateway.certificates import DoorTls
from edgegw.gateway.http1 import FrontDoorProtocol
from edgegw.gateway.hypercorn_server import (
    HypercornConfig,
    bear_early_answers,
    hypercorn_headers,
    name_reasons,
)
from edgegw.gateway.uvicorn_server import UvicornServer

_FULL: Final = "fullHandshake"
_RESUMED: Final = "sessionResumed"
_AGAIN: Final = "connectionReused"


class _Handshake:
    """What one connection agreed on, as CloudFront-Viewer-TLS tells it."""

    def __init__(self, version: str, cipher: str, *, is_resumed: bool) -> None:
        self._agreed = f"{version}:{cipher}"
        self._last = _RESUMED if is_resumed else _FULL

    def told(self) -> str:
        """`TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake` for the next request."""
        last, self._last = self._last, _AGAIN
        return f"{self._agreed}:{last}"


def _handshake(transport: asyncio.Transport) -> _Handshake:
    found = cast("ssl.SSLObject", transport.get_extra_info("ssl_object"))
    cipher = found.cipher()
    return _Handshake(
        found.version() or "", cipher[0] if cipher else "", is_resumed=bool(found.session_reused)
    )


class _Http1(FrontDoorProtocol):
    """HTTP/1.1 on TLS."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._handshake = _handshake(transport)

    def _scope(self, version: str, method: str) -> dict[str, Any]:
        scope = super()._scope(version, method)
        scope["extensions"][TLS] = self._handshake.told()
        return scope


class TlsServer(UvicornServer):
    """One front door with TLS; with `http3` also on the UDP port of the same number."""

    def __init__(
        self, app: FrontDoorApp, sock: socket.socket, tls: DoorTls, *, http3: bool = False
    ) -> None:
        super().__init__(app, sock, self._protocol)
        name_reasons()
        bear_early_answers()
        self._app = app
        self._tls = tls
        self._udp = _bind_udp(sock) if http3 else None
        self._serving_udp: asyncio.Task[None] | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self._hypercorn = HypercornConfig(None)
        self._context = WorkerContext(None)
        self._http2: set[asyncio.Transport] = set()

    def _protocol(self, **options: Any) -> asyncio.Protocol:
        return _Agreed(self, options)

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Accepts connections from here on."""
        await super().start(context or self._tls.context)
        if self._udp is not None:
            await self._start_udp(self._udp)

    async def _start_udp(self, sock: socket.socket) -> None:
        from hypercorn.protocol import quic

        certificate, key = self._tls.whole()
        self._hypercorn.certfile, self._hypercorn.keyfile = certificate, key
        loop = asyncio.get_running_loop()
        cast("Any", quic).H3Protocol = _told_h3
        self._datagrams, protocol = await loop.create_datagram_endpoint(
            lambda: UDPServer(
                cast("Any", self._app), loop, self._hypercorn, self._context, cast("Any", {})
            ),
            sock=sock,
        )
        self._serving_udp = asyncio.ensure_future(protocol.run())

    def speak_http2(self, transport: asyncio.Transport) -> asyncio.Protocol:
        """The protocol for a connection that agreed on HTTP/2."""
        loop = asyncio.get_running_loop()
        state = self._server.server_state
        told = _Told(self._app, _handshake(transport))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server = TCPServer(
                ASGIWrapper(cast("ASGIFramework", told)),
                loop,
                self._hypercorn,
                self._context,
                cast("Any", {}),
                reader,
                writer,
            )
            task = cast("asyncio.Task[None]", asyncio.current_task())
            state.tasks.add(task)
            self._http2.add(transport)
            try:
                await server.run()
            except (OSError, asyncio.CancelledError):
                pass  # the client went while the connection was being closed, or the grace is over
            finally:
                self._http2.discard(transport)
                state.tasks.discard(task)

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), serve, loop=loop)

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        await self._context.terminated.set()
        if self._serving_udp is not None:
            self._serving_udp.cancel()
            await asyncio.gather(self._serving_udp, return_exceptions=True)
        if self._datagrams is not None:
            self._datagrams.close()
        tasks = list(self._server.server_state.tasks)
        await super().stop(grace)
        for transport in list(self._http2):  # whose clients never said goodbye
            transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # so that what they aborted is closed


class _Agreed(asyncio.Protocol):
    """Waits for the handshake, then hands the connection to the protocol that was agreed on."""

    def __init__(self, server: TlsServer, options: dict[str, Any]) -> None:
        self._server = server
        self._options = options

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast("asyncio.Transport", transport)
        found = cast("ssl.SSLObject", connection.get_extra_info("ssl_object"))
        if found.selected_alpn_protocol() == "h2":
            protocol = self._server.speak_http2(connection)
        else:
            protocol = cast("asyncio.Protocol", _Http1(**self._options))
        connection.set_protocol(protocol)
        protocol.connection_made(connection)


class _Told:
    """The application on HTTP/2 and HTTP/3: told of the handshake, header names in lower case."""

    def __init__(self, app: FrontDoorApp, handshake: _Handshake) -> None:
        self._app = app
        self._handshake = handshake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = hypercorn_headers(message["headers"])
                message = {**message, "headers": [(n.lower(), v) for n, v in headers]}
            await send(message)

        extensions: dict[str, Any] = {
            **(scope.get("extensions") or {}),
            TLS: self._handshake.told(),
        }
        await self._app({**scope, "extensions": extensions}, receive, sending)


def _told_h3(
    app: FrontDoorApp, config: Any, context: Any, group: Any, state: Any, *rest: Any
) -> Any:
    """Hypercorn's H3Protocol, for an application that is told of the connection's handshake."""
    from hypercorn.protocol.h3 import H3Protocol

    quic = rest[2]  # client, server, connection, send
    schedule = quic.tls.key_schedule
    cipher = f"TLS_{schedule.cipher_suite.name}" if schedule is not None else ""
    handshake = _Handshake("TLSv1.3", cipher, is_resumed=bool(quic.tls.session_resumed))
    told = ASGIWrapper(cast("ASGIFramework", _Told(app, handshake)))
    return H3Protocol(told, config, context, group, state, *rest)


def _bind_udp(sock: socket.socket) -> socket.socket:
    """The UDP port of the same number. Raises EnvironmentProblem."""
    try:
        import aioquic  # noqa: F401  # type: ignore[reportUnusedImport] - whether it is there
    except ImportError:
        text = "HTTP/3 needs the package aioquic: pip install 'edgegw[h3]', or choose http2"
        raise EnvironmentProblem(text) from None
    udp = socket.socket(sock.family, socket.SOCK_DGRAM)
    # The server that this one replaces may not have let go yet; the TCP port is ours already.
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        udp.bind(sock.getsockname())
    except OSError as error:
        udp.close()
        where = ":".join(map(str, cast("Sequence[object]", sock.getsockname()[:2])))
        raise EnvironmentProblem(f"UDP {where} cannot be used for HTTP/3: {error}") from None
    udp.setblocking(False)  # noqa: FBT003
    return udp
