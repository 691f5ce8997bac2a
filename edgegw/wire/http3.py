"""HTTP/3 for a front door: requests on a UDP port (RFC 9114).

    datagram ─▶ QuicServer ─▶ QuicConnection ─events─▶ Http3Connection ─▶ Http3Stream ─▶ front
               (aioquic: packets, TLS, loss, streams)  (frames: http3_frames)  (one request)

QUIC is aioquic's, by its public names alone; HTTP/3 on top is our own, because aioquic's ends the
whole connection for one malformed request. Two things aioquic's API does not offer:

- It does not say how much of what it was given is unsent. Its log does (`sent_frames`).
- It does not wait: a client may send as much again as it has sent, whether anybody took it or not.
  Above `MOST_HELD` bytes that nobody takes the largest upload of a connection ends.

Importing this module needs aioquic (the extra `h3`); without it EnvironmentProblem is raised.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any, Final

from edgegw.background import Background
from edgegw.errors import EnvironmentProblem
from edgegw.wire.front import Front

try:
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.asyncio.server import QuicServer
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection
    from aioquic.quic.events import QuicEvent

    from edgegw.wire.http3_connection import Http3Connection
    from edgegw.wire.http3_frames import Http3Code, Http3Error
    from edgegw.wire.sent_frames import FrameLog
except ImportError:
    _MISSING = "HTTP/3 needs the package aioquic: pip install 'edgegw[h3]', or choose http2"
    raise EnvironmentProblem(_MISSING) from None

logger = logging.getLogger(__name__)

_VANISHED: Final = 60.0
"""Seconds after which a client that nothing is heard of is gone."""
_LAST_MOMENT: Final = 1.0
"""Seconds for what was cancelled behind the grace."""


class Http3Server:
    """One front door over HTTP/3, on a UDP socket that is bound already.

    `certificate` is a file with the whole chain in PEM, `key` one with its private key.
    """

    def __init__(self, front: Front, certificate: Path, key: Path, sock: socket.socket) -> None:
        self.front = front
        self.connections: set[Http3Connection] = set()
        self.tasks = Background()
        self.is_stopping = False
        self._sock = sock
        self._log = FrameLog()
        self._quic = QuicConfiguration(
            alpn_protocols=["h3"],
            is_client=False,
            idle_timeout=max(_VANISHED, front.limits().keep_alive + 1),
            quic_logger=self._log,
        )
        self._quic.load_cert_chain(str(certificate), str(key))  # pyright: ignore[reportUnknownMemberType] - aioquic leaves a PathLike open
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Accepts connections from here on."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: QuicServer(configuration=self._quic, create_protocol=self._connect),
            sock=self._sock,
        )

    def _connect(self, quic: QuicConnection, stream_handler: object = None) -> _QuicEnd:
        end = _QuicEnd(quic)
        sent = self._log.begun.pop(quic.original_destination_connection_id)
        end.http3 = Http3Connection(self, end, quic, sent)
        self.connections.add(end.http3)
        return end

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        self.is_stopping = True
        leaving = Background()
        for client in self.connections:
            leaving.start(client.leave())
        await leaving.settled(grace)
        leaving.interrupt()
        await self.tasks.cancel(_LAST_MOMENT)
        for connection in list(self.connections):
            connection.close(Http3Code.NO_ERROR, "the server stops")
        # Those that learn from it that their clients are gone.
        await self.tasks.settled(_LAST_MOMENT)
        if self._transport is not None:
            self._transport.close()


class _QuicEnd(QuicConnectionProtocol):
    """aioquic's end of a connection, and what it does with its datagrams."""

    http3: Http3Connection

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        self.http3.seen_at(addr)
        try:
            super().datagram_received(data, addr)
        except Exception:  # a packet that aioquic has not thought of must not end more than this
            logger.warning("a datagram over HTTP/3 cannot be read", exc_info=True)
            self.http3.close(Http3Code.INTERNAL_ERROR, "a datagram cannot be read")

    def quic_event_received(self, event: QuicEvent) -> None:
        try:
            self.http3.on_event(event)
        except Http3Error as fault:
            logger.info("a connection over HTTP/3 is ended: %s", fault)
            self.http3.close(fault.code, str(fault))
        except Exception:
            logger.exception("a fault of edgegw itself, please report it")
            self.http3.close(Http3Code.INTERNAL_ERROR, "a fault of the server")
