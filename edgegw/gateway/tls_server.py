"""Front doors with TLS: HTTP/1.1 on our own protocol, HTTP/2 and HTTP/3 on hypercorn's.

Which one a connection gets is agreed in the handshake (ALPN).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.udp_server import UDPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import StreamClosed
from hypercorn.typing import ASGIFramework

from edgegw.errors import EnvironmentProblem
from edgegw.gateway.asgi import FrontDoorApp, Handshake
from edgegw.gateway.certificates import ASKED_NAME, DoorTls
from edgegw.gateway.http1 import FrontDoorProtocol, new_client
from edgegw.gateway.hypercorn_config import HypercornConfig
from edgegw.gateway.hypercorn_http2 import Ends, bend_http2
from edgegw.gateway.hypercorn_server import hypercorn_headers, name_reasons
from edgegw.gateway.incoming import CLIENT, TLS, Message, Receive, Scope, Send
from edgegw.gateway.passthrough_tls import Agreed as PassedThrough
from edgegw.gateway.response_cycle import close_gently, head_and_body
from edgegw.gateway.tls_handshake import (
    UNMAPPED,
    Agreed,
    Arriving,
    agree,
    failure,
    is_plain_http,
)
from edgegw.gateway.uvicorn_server import UvicornServer
from edgegw.http.message import Client, CutOffError

logger = logging.getLogger(__name__)

_LAST_MOMENT: Final = 1.0
"""Seconds for what was cancelled behind the grace."""
_H3_INTERNAL_ERROR: Final = 0x0102
_FULL: Final = "fullHandshake"
_RESUMED: Final = "sessionResumed"
_AGAIN: Final = "connectionReused"


class _Session:
    """What one connection agreed on, as CloudFront-Viewer-TLS tells it, and with whom."""

    def __init__(self, client: Client, agreed: str, *, is_resumed: bool, latency: float) -> None:
        self.client = client
        self._agreed = agreed
        self._last = _RESUMED if is_resumed else _FULL
        self.handshake = Handshake(f"{agreed}:{self._last}", latency)

    def told(self) -> str:
        """`TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake` for the next request."""
        last, self._last = self._last, _AGAIN
        return f"{self._agreed}:{last}"


def _session(transport: asyncio.Transport, latency: float) -> _Session:
    found = cast("ssl.SSLObject | PassedThrough", transport.get_extra_info("ssl_object"))
    cipher = found.cipher()
    if isinstance(found, PassedThrough):
        name, certificates = found.asked_name, found.certificates
    else:
        leaf = found.getpeercert(binary_form=True)
        name, certificates = getattr(found, ASKED_NAME, ""), (leaf,) if leaf else ()
    peer = transport.get_extra_info("peername") or ("", 0)
    client = new_client(peer)._replace(server_name=name or "", certificates=certificates)
    agreed = f"{found.version() or ''}:{cipher[0] if cipher else ''}"
    return _Session(client, agreed, is_resumed=bool(found.session_reused), latency=latency)


class _Http1(FrontDoorProtocol):
    """HTTP/1.1 on TLS."""

    session: _Session

    def _announce(self) -> None:
        self._peer = self.session.client
        self._door.connected(self._peer, self.session.handshake)

    def _told(self) -> str:
        return self.session.told()


class TlsServer(UvicornServer):
    """One front door with TLS; with `http3` also on the UDP port of the same number."""

    def __init__(
        self, app: FrontDoorApp, sock: socket.socket, tls: DoorTls, *, http3: bool = False
    ) -> None:
        super().__init__(app, sock, self._protocol)
        name_reasons()
        bend_http2()
        self._app = app
        self._tls = tls
        self._udp = _bind_udp(sock) if http3 else None
        self._serving_udp: asyncio.Task[None] | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self._hypercorn = HypercornConfig(None)
        self._context = WorkerContext(None)
        self._http2: set[asyncio.Transport] = set()
        self._arriving: set[asyncio.Transport] = set()

    def _protocol(self, **options: Any) -> asyncio.Protocol:
        async def go_on(raw: asyncio.Transport, first: bytes, since: float) -> None:
            if is_plain_http(first):
                self._refuse_plain(raw, since)
            else:
                await self._secure(raw, first, since, options)

        return Arriving(go_on, self._give_up, self._arriving)

    def _refuse_plain(self, raw: asyncio.Transport, since: float) -> None:
        client = self._failed(raw, asyncio.get_running_loop().time() - since)
        page = self._app.refuse("plain HTTP on a port for HTTPS", client=client, why="plain-http")
        raw.write(head_and_body(page))
        raw.resume_reading()  # what the client still sends is thrown away
        close_gently(raw, unread=True)

    def _give_up(self, raw: asyncio.Transport, after: float) -> None:
        self._failed(raw, after)
        raw.abort()

    def _failed(self, raw: asyncio.Transport, after: float, why: str = UNMAPPED) -> Client:
        """Tells the front door of a handshake that failed after some seconds."""
        client = new_client(raw.get_extra_info("peername") or ("", 0))
        self._app.connected(client, Handshake("", after, why))
        return client

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Accepts connections from here on; each handshake is made by itself, to tell of it."""
        await super().start(None)
        if self._udp is not None:
            await self._start_udp(self._udp)

    async def _secure(
        self, raw: asyncio.Transport, first: bytes, since: float, options: dict[str, Any]
    ) -> None:
        """Makes the handshake on a new connection and hands it to the protocol agreed on."""
        loop = asyncio.get_running_loop()
        self._arriving.discard(raw)
        agreed = Agreed()
        try:
            transport = await agree(raw, first, agreed, self._tls)
        except OSError as error:  # ssl.SSLError and time-outs among them
            self._failed(raw, loop.time() - since, failure(error))
            raw.abort()
            return
        except EnvironmentProblem as error:  # such as a certificate that was removed meanwhile
            logger.error("a connection is refused: %s", error)  # noqa: TRY400 - told in a sentence
            raw.abort()
            return
        if transport is None:  # the server stops
            return
        session = _session(transport, loop.time() - since)
        found = cast("ssl.SSLObject", transport.get_extra_info("ssl_object"))
        if transport.is_closing():  # the client has left already
            self._app.connected(session.client, session.handshake)
            return
        if found.selected_alpn_protocol() == "h2":
            self._app.connected(session.client, session.handshake)
            protocol = self._speak_http2(transport, session)
        else:
            http1 = _Http1(**options)
            http1.session = session
            protocol = cast("asyncio.Protocol", http1)
        agreed.hand_over(transport, protocol)

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

    def _speak_http2(self, transport: asyncio.Transport, session: _Session) -> asyncio.Protocol:
        """The protocol for a connection that agreed on HTTP/2."""
        loop = asyncio.get_running_loop()
        state = self._server.server_state
        told = _Told(self._app, session)
        config = self._hypercorn.held_to(self._app.limits())

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if writer.get_extra_info("socket") is None:
                return  # the client has left already
            server = TCPServer(
                ASGIWrapper(cast("ASGIFramework", told)),
                loop,
                config,
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
        for transport in (*self._http2, *self._arriving):  # whose clients never said goodbye
            transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_MOMENT)
        await asyncio.sleep(0)  # so that what they aborted is closed


class _Told:
    """The application on HTTP/2 and HTTP/3: told of the handshake, header names in lower case."""

    def __init__(self, app: FrontDoorApp, session: _Session) -> None:
        self._app = app
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = hypercorn_headers(message["headers"])
                message = {**message, "headers": [(n.lower(), v) for n, v in headers]}
            await send(message)

        extensions: dict[str, Any] = {
            **(scope.get("extensions") or {}),
            TLS: self._session.told(),
            CLIENT: self._session.client,
        }
        with contextlib.suppress(CutOffError):  # the stream is left where it is
            await self._app({**scope, "extensions": extensions}, receive, sending)


def _told_h3(
    app: FrontDoorApp, config: Any, context: Any, group: Any, state: Any, *rest: Any
) -> Any:
    """Hypercorn's H3Protocol, for an application that is told of the connection's handshake."""
    from hypercorn.protocol.h3 import H3Protocol

    quic = rest[2]  # client, server, connection, send
    schedule = quic.tls.key_schedule
    cipher = f"TLS_{schedule.cipher_suite.name}" if schedule is not None else ""
    address = rest[0] or ("", 0)
    session = _Session(
        new_client(address),
        f"TLSv1.3:{cipher}",
        is_resumed=bool(quic.tls.session_resumed),
        latency=0.0,
    )
    told = ASGIWrapper(cast("ASGIFramework", _Told(app, session)))
    protocol = H3Protocol(told, config, context, group, state, *rest)
    cast("Any", protocol).stream_send = _cutting(protocol.stream_send, quic, rest[3])
    return protocol


def _cutting(
    stream_send: Callable[[StreamEvent], Awaitable[None]],
    quic: Any,
    flush: Callable[[], Awaitable[None]],
) -> Callable[[StreamEvent], Awaitable[None]]:
    """`stream_send` of a connection, which also resets streams that are left in the middle."""
    ends = Ends()

    async def send(event: StreamEvent) -> None:
        ends.note(event)
        await stream_send(event)
        if isinstance(event, StreamClosed) and ends.is_cut(event):
            with contextlib.suppress(AssertionError):  # the client has reset it
                quic.reset_stream(event.stream_id, _H3_INTERNAL_ERROR)
            await flush()

    return send


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
