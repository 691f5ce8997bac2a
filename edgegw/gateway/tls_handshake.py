"""The beginning of a connection on a port with TLS, until its handshake is made.

The first bytes are read before TLS begins: they tell a client that speaks plain HTTP, and none of
them gets lost, however busy the event loop is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from edgegw.gateway import passthrough_tls
from edgegw.gateway.certificates import DoorTls

HANDSHAKE: Final = 10.0
"""Seconds that a handshake may take."""
UNMAPPED: Final = "UnmappedConnectionError"
"""What the connection log calls a handshake that failed otherwise."""
_SHUTDOWN: Final = 5.0


class Arriving(asyncio.Protocol):
    """A new connection, of which nothing is known yet.

    `on_first` goes on with it and its first bytes, `on_silence` when none came, told how long.
    Until TLS begins, or it is lost, the connection is one of `all_arriving`.
    """

    def __init__(
        self,
        on_first: Callable[[asyncio.Transport, bytes, float], Awaitable[None]],
        on_silence: Callable[[asyncio.Transport, float], None],
        all_arriving: set[asyncio.Transport],
    ) -> None:
        self._on_first = on_first
        self._on_silence = on_silence
        self._all = all_arriving
        self._task: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        loop = asyncio.get_running_loop()
        self._raw = cast("asyncio.Transport", transport)
        self._all.add(self._raw)
        self._since = loop.time()
        self._timer = loop.call_later(HANDSHAKE, self._give_up)

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            return  # the rest of what is refused
        self._raw.pause_reading()
        self._timer.cancel()
        self._timer = None
        self._task = asyncio.ensure_future(self._on_first(self._raw, data, self._since))

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self._raw)
        if self._timer is not None:
            self._timer.cancel()
            self._give_up()

    def _give_up(self) -> None:
        self._timer = None
        self._on_silence(self._raw, asyncio.get_running_loop().time() - self._since)


def is_plain_http(first: bytes) -> bool:
    """Whether a client that begins with these bytes speaks HTTP without TLS.

    A method begins with a letter, TLS with the byte 22 (RFC 8446 section 5.1).
    """
    return first[:1].isalpha()


async def agree(
    raw: asyncio.Transport, first: bytes, protocol: asyncio.Protocol, tls: DoorTls
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


def _feed(raw: asyncio.Transport, data: bytes) -> None:
    """Hands bytes to the protocol of `raw` as if they had just come."""
    if raw.is_closing():
        return
    protocol = cast("Any", raw.get_protocol())
    raw.resume_reading()
    if not hasattr(protocol, "get_buffer"):  # what `asyncio.BufferedProtocol` has
        protocol.data_received(data)
        return
    while data:
        buffer = protocol.get_buffer(len(data))
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


class Agreed(asyncio.Protocol):
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


_FAILURES: Final = {
    9: "ClientCertNotYetValid",
    10: "ClientCertExpired",
    22: "ClientCertMaxChainDepthExceeded",
    26: "ClientCertPurposeInvalid",
    **dict.fromkeys((2, 18, 19, 20, 21), "ClientCertUntrusted"),
}
"""OpenSSL's verify codes in the words of the load balancer's connection log."""


def failure(error: OSError) -> str:
    """Why a handshake failed, in the words of the load balancer's connection log."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _FAILURES.get(error.verify_code, "ClientCertInvalid")
    if isinstance(error, ssl.SSLError) and "PEER_DID_NOT_RETURN" in (error.reason or ""):
        return "ClientCertRejected"
    return UNMAPPED
