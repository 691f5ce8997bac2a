"""Listening sockets: where connections of a front door come from, and how they all end."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from edgegw.errors import EnvironmentProblem
from edgegw.http.authority import authority_of
from edgegw.wire.connection import Connection
from edgegw.wire.front import Front
from edgegw.wire.http1 import Http1

if TYPE_CHECKING:
    from edgegw.wire.certificates import ServerTls
    from edgegw.wire.http3 import Http3Server
    from edgegw.wire.tls import Session

_BACKLOG: Final = 2048
_LAST_MOMENT: Final = 1.0
"""Seconds for what was cancelled behind the grace."""


def bind(address: str, port: int, name: str, setting: str = "listen") -> socket.socket:
    """A listening socket for `name`, whose `setting` says where.

    Raises EnvironmentProblem in one plain sentence.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        where = authority_of(address, port)
        if error.errno == errno.EADDRINUSE:
            text = f"{where} is in use: stop what listens there, or change '{setting}' of {name}"
        elif error.errno == errno.EACCES:
            text = f"{where} needs more rights: choose a port above 1023 for {name}"
        else:
            text = f"{where} cannot be listened on: {error.strerror or error}"
        raise EnvironmentProblem(text) from None
    sock.setblocking(False)  # noqa: FBT003
    return sock


def bind_udp(sock: socket.socket) -> socket.socket:
    """The UDP port of the same number as a bound TCP one. Raises EnvironmentProblem."""
    udp = socket.socket(sock.family, socket.SOCK_DGRAM)
    # The server that this one replaces may not have let go yet; the TCP port is ours already.
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        udp.bind(sock.getsockname())
    except OSError as error:
        udp.close()
        where = ":".join(map(str, cast("tuple[object, ...]", sock.getsockname()[:2])))
        raise EnvironmentProblem(f"UDP {where} cannot be used for HTTP/3: {error}") from None
    udp.setblocking(False)  # noqa: FBT003
    return udp


class TcpListener:
    """One front door on a socket, over HTTP/1.1, and with `tls` also over HTTP/2 (ALPN).

    With `http3` it is also on the UDP port of the same number. Raises EnvironmentProblem where
    that cannot be.
    """

    def __init__(
        self,
        front: Front,
        sock: socket.socket,
        tls: ServerTls | None = None,
        *,
        http3: bool = False,
    ) -> None:
        self._http3: Http3Server | None = None
        if http3 and tls is not None:
            from edgegw.wire.http3 import Http3Server

            certificate, key = map(Path, tls.whole())
            self._http3 = Http3Server(front, certificate, key, bind_udp(sock))
        self._front = front
        self._sock = sock
        self._tls = tls
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    def _accepting(self) -> Callable[[], asyncio.Protocol]:
        """Makes the protocol of a new connection; what TLS needs is imported for it alone."""
        front, connections, tls = self._front, self._connections, self._tls
        if tls is None:
            return lambda: Http1(front, connections)
        from edgegw.wire.tls import Arriving

        return lambda: Arriving(front, tls, self._speak, connections)

    def _speak(self, session: Session) -> asyncio.Protocol:
        if session.protocol != "h2":
            return Http1(self._front, self._connections, session.client, session.tls, session.raw)
        from edgegw.wire.http2 import Http2

        return Http2(self._front, self._connections, session.client, session.tls, session.raw)

    async def start(self) -> None:
        """Accepts connections from here on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._accepting(), sock=self._sock, backlog=_BACKLOG
        )
        if self._http3 is not None:
            await self._http3.start()

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.shutdown()
        datagrams = [] if self._http3 is None else [self._http3.stop(grace)]
        await asyncio.gather(self._drained(grace), *datagrams)
        for connection in list(self._connections):
            connection.abort()
        await self._drained(_LAST_MOMENT)
        await asyncio.sleep(0)  # so that what they aborted is closed

    async def _drained(self, seconds: float) -> None:
        """Waits until no connection is left, or so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._connections and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
