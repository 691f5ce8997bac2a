"""The beginning of a connection on a port with TLS, until its protocol takes over.

The first bytes are read before TLS begins: they tell a client that speaks plain HTTP, and none of
them gets lost, however busy the event loop is. Then the handshake is made, which also tells by
ALPN what the connection speaks.

    accepted ─▶ Arriving ─first bytes─▶ handshake ─▶ Early ─▶ the protocol agreed on
                        └─ no TLS: the front door's page, or HTTP/1 where it takes that

uvloop and asyncio hand a connection over in two steps (`start_tls`, `set_protocol`): what comes
between is kept by `Early`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final, Protocol, cast, runtime_checkable

from edgegw.errors import EnvironmentProblem
from edgegw.http.message import NegotiatedTls
from edgegw.wire import http1_writer, passthrough_tls
from edgegw.wire.certificates import ASKED_NAME, ServerTls
from edgegw.wire.closing import close_gently
from edgegw.wire.connection import Connection, new_client
from edgegw.wire.front import Front, Handshake
from edgegw.wire.http1 import Http1

logger = logging.getLogger(__name__)

HANDSHAKE: Final = 10.0
"""Seconds that a handshake may take."""
_SHUTDOWN: Final = 5.0


class Session:
    """What one connection agreed on, and with whom; TLS is on the transport `raw`."""

    def __init__(
        self,
        transport: asyncio.Transport,
        raw: asyncio.Transport,
        peer: tuple[str, int],
        latency: float,
    ) -> None:
        self.raw = raw
        agreed = cast(
            "ssl.SSLObject | passthrough_tls.Agreed", transport.get_extra_info("ssl_object")
        )
        cipher = agreed.cipher()
        if isinstance(agreed, passthrough_tls.Agreed):
            name, certificates = agreed.asked_name, agreed.certificates
        else:
            leaf = agreed.getpeercert(binary_form=True)
            name, certificates = getattr(agreed, ASKED_NAME, ""), (leaf,) if leaf else ()
        self.client = new_client(peer)._replace(server_name=name or "", certificates=certificates)
        self.protocol = agreed.selected_alpn_protocol() or ""
        is_resumed = bool(agreed.session_reused)
        first = NegotiatedTls(
            agreed.version() or "",
            cipher[0] if cipher else "",
            "resumed" if is_resumed else "full",
        )
        self.handshake = Handshake(first, latency)
        self._next = first
        self._later = first._replace(negotiation="reused")

    def tls(self) -> NegotiatedTls:
        """How TLS was agreed on, for the next request."""
        tls, self._next = self._next, self._later
        return tls


Speak = Callable[[Session], asyncio.Protocol]
"""Makes the protocol for a connection that was agreed on."""


class Arriving(asyncio.Protocol):
    """A new connection, of which nothing is known yet; one of `connections` until TLS begins."""

    def __init__(
        self, front: Front, tls: ServerTls, speak: Speak, connections: set[Connection]
    ) -> None:
        self._front = front
        self._tls = tls
        self._speak = speak
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast("asyncio.Transport", transport)
        # uvloop does not know it any more, and raises, once the connection is lost.
        self._peer: tuple[str, int] = transport.get_extra_info("peername") or ("", 0)
        self._connections.add(self)
        self._since = self._loop.time()
        self._timer = self._loop.call_later(HANDSHAKE, self._give_up)

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            return  # the rest of what is refused
        self._timer.cancel()
        self._timer = None
        if is_plain_http(data):
            if self._front.limits().takes_plain:
                self._speak_plain(data)
            else:
                self._refuse_plain()
            return
        self._raw.pause_reading()
        self._task = self._loop.create_task(self._secure(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._give_up()

    def shutdown(self) -> None:
        """Nothing is under way yet."""
        self.abort()

    def abort(self) -> None:
        """Ends at once."""
        if self._task is not None:
            self._task.cancel()
        self._raw.abort()

    def _give_up(self) -> None:
        self._timer = None
        self._failed(TimeoutError("the client sent nothing"))
        self._raw.abort()

    def _failed(self, error: OSError) -> None:
        """Tells the front door of a handshake that failed."""
        client = new_client(self._peer)
        latency = self._loop.time() - self._since
        self._front.connected(client, Handshake(None, latency, error))

    def _speak_plain(self, first: bytes) -> None:
        """Goes on without TLS."""
        self._connections.discard(self)
        _, port, *_ = self._raw.get_extra_info("sockname") or ("", 0)
        logger.info("plain HTTP came to the port %s, which is for HTTPS", port)
        protocol = Http1(self._front, self._connections)
        self._raw.set_protocol(protocol)
        protocol.connection_made(self._raw)
        protocol.data_received(first)

    def _refuse_plain(self) -> None:
        self._failed(ConnectionError("plain HTTP"))
        client = new_client(self._peer)
        page = self._front.page("plain-http", "plain HTTP on a port for HTTPS", client)
        self._raw.write(http1_writer.page(page))
        close_gently(self._raw, unread=True)

    async def _secure(self, first: bytes) -> None:
        """Makes the handshake and hands the connection to the protocol agreed on."""
        early = Early()
        try:
            transport = await agree(self._raw, first, early, self._tls)
        except OSError as error:  # ssl.SSLError and time-outs among them
            self._failed(error)
            self._raw.abort()
            return
        except EnvironmentProblem as error:  # such as a certificate that was removed meanwhile
            logger.error("a connection is refused: %s", error)  # noqa: TRY400 - told in a sentence
            self._raw.abort()
            return
        finally:
            self._connections.discard(self)
        if transport is None:  # the server stops
            return
        session = Session(transport, self._raw, self._peer, self._loop.time() - self._since)
        self._front.connected(session.client, session.handshake)
        if not transport.is_closing():  # else the client has left already
            early.hand_over(transport, self._speak(session))


def is_plain_http(first: bytes) -> bool:
    """Whether a client that begins with these bytes speaks HTTP without TLS.

    A method begins with a letter, TLS with the byte 22 (RFC 8446 section 5.1).
    """
    return first[:1].isalpha()


async def agree(
    raw: asyncio.Transport, first: bytes, protocol: asyncio.Protocol, tls: ServerTls
) -> asyncio.Transport | None:
    """Makes the handshake on `raw`, whose `first` bytes are read already and which is paused.

    None when the server stops meanwhile. Raises OSError when the handshake fails.
    """
    loop = asyncio.get_running_loop()
    if tls.passes_through:
        context = tls.passing(None)
        making = passthrough_tls.start_tls(raw, protocol, context, HANDSHAKE)
    else:
        making = loop.start_tls(
            raw,
            protocol,
            tls.context,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE,
            ssl_shutdown_timeout=_SHUTDOWN,
        )
    task = asyncio.ensure_future(making)
    # The first step of the task puts TLS on the connection, in the next round of the loop, and
    # lets it read in the round behind that one: the bytes come right behind, before any others.
    loop.call_soon(loop.call_soon, _feed, raw, first)
    return await task


@runtime_checkable
class _TakesBuffers(Protocol):
    """What `asyncio.BufferedProtocol` has; uvloop's own protocol of TLS is none by inheritance."""

    def get_buffer(self, sizehint: int, /) -> memoryview | bytearray: ...

    def buffer_updated(self, nbytes: int, /) -> None: ...


def _feed(raw: asyncio.Transport, data: bytes) -> None:
    """Hands bytes to the protocol of `raw` as if they had just come."""
    if raw.is_closing():
        return
    protocol = raw.get_protocol()
    raw.resume_reading()
    if not isinstance(protocol, _TakesBuffers):
        cast("asyncio.Protocol", protocol).data_received(data)
        return
    while data:
        buffer = protocol.get_buffer(len(data))
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


class Early(asyncio.Protocol):
    """Keeps what comes between the end of the handshake and the protocol that takes over."""

    def __init__(self) -> None:
        self._early: list[bytes] = []
        self._lost: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.append(exc)

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """From here on `protocol` speaks."""
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        for data in self._early:
            protocol.data_received(data)
        for exc in self._lost:
            protocol.connection_lost(exc)
