"""TLS that asks clients for certificates without checking them: mutual TLS in mode passthrough.

Python's ssl can only ask and check at once, so this speaks OpenSSL through pyOpenSSL, between two
memory buffers and asyncio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

from edgegw.errors import EnvironmentProblem

if TYPE_CHECKING:
    from OpenSSL import SSL

_PART: Final = 64 * 1024
_CLOSING: Final = 5.0
"""Seconds for a client to take what is written when its connection closes."""


@dataclass
class Agreed:
    """What a handshake came to; speaks as much of `ssl.SSLObject` as front doors ask for."""

    protocol: str
    cipher_name: str
    alpn: str
    certificates: tuple[bytes, ...]
    asked_name: str
    session_reused: bool = False

    def version(self) -> str:
        return self.protocol

    def cipher(self) -> tuple[str, str, int]:
        return self.cipher_name, self.protocol, 0

    def selected_alpn_protocol(self) -> str:
        return self.alpn


def load_openssl() -> ModuleType:
    """The module `OpenSSL.SSL`. Raises EnvironmentProblem without pyOpenSSL."""
    try:
        from OpenSSL import SSL
    except ImportError:
        text = (
            "mutual authentication in mode passthrough needs pyOpenSSL: pip install 'edgegw[mtls]'"
        )
        raise EnvironmentProblem(text) from None
    return SSL


def make_context(
    certificate: str,
    key: str,
    protocols: Sequence[str],
    by_name: Callable[[str | None], SSL.Context],
) -> SSL.Context:
    """A server's context that takes every client certificate. Raises EnvironmentProblem.

    `by_name` answers the context for the server name that a client asks for.
    """
    load_openssl()
    from OpenSSL import SSL as ssl  # noqa: N811

    context = ssl.Context(ssl.TLS_SERVER_METHOD)
    context.set_min_proto_version(ssl.TLS1_2_VERSION)
    context.set_session_cache_mode(ssl.SESS_CACHE_OFF)
    context.set_options(ssl.OP_NO_TICKET)
    try:
        context.use_certificate_chain_file(certificate)
        context.use_privatekey_file(key)
    except ssl.Error as error:
        raise EnvironmentProblem(f"the certificate {certificate} cannot be used: {error}") from None

    def accept(*_: object) -> bool:
        return True

    def choose(_: object, offered: list[bytes]):
        for protocol in protocols:
            if protocol.encode() in offered:
                return protocol.encode()
        return ssl.NO_OVERLAPPING_PROTOCOLS

    def switch(connection: SSL.Connection) -> None:
        name = connection.get_servername()
        connection.set_context(by_name(None if name is None else name.decode("latin-1")))

    context.set_tlsext_servername_callback(switch)
    context.set_verify(ssl.VERIFY_PEER, accept)
    context.set_alpn_select_callback(choose)
    return context


async def start_tls(
    raw: asyncio.Transport, protocol: asyncio.Protocol, context: SSL.Context, timeout: float
) -> asyncio.Transport:
    """Makes the handshake on `raw`. Raises OSError when it fails."""
    from OpenSSL import SSL as ssl  # noqa: N811

    connection = ssl.Connection(context, None)
    connection.set_accept_state()
    records = _Records(raw, connection, protocol)
    raw.set_protocol(records)
    try:
        async with asyncio.timeout(timeout):
            await records.agreed
    except TimeoutError:
        raise TimeoutError("the handshake took too long") from None
    return records.transport


class _Records(asyncio.Protocol):
    """Between the bytes on the wire and the protocol above."""

    def __init__(
        self, raw: asyncio.Transport, connection: SSL.Connection, protocol: asyncio.Protocol
    ) -> None:
        from OpenSSL import SSL as ssl  # noqa: N811

        self.raw = raw
        self.connection = connection
        self.protocol = protocol
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport = _PassthroughTransport(self)
        self._wants_more, self._is_over, self._failed = (
            ssl.WantReadError,
            ssl.ZeroReturnError,
            ssl.Error,
        )

    def data_received(self, data: bytes) -> None:
        self.connection.bio_write(data)
        try:
            if not self.agreed.done():
                self.connection.do_handshake()
                self.transport.facts = _facts(self.connection)
                self.agreed.set_result(None)
            while True:
                self.protocol.data_received(self.connection.recv(_PART))
        except self._wants_more:
            pass
        except self._is_over:
            self.flush()
            self.transport.close()
        except self._failed as error:
            self._fail(OSError(f"TLS failed: {error}"))
        self.flush()

    def _fail(self, error: OSError) -> None:
        if not self.agreed.done():
            self.flush()  # the alert
            self.agreed.set_exception(error)
        self.raw.abort()

    def flush(self) -> None:
        """Sends what OpenSSL has ready."""
        if self.raw.is_closing():
            return
        try:
            while True:
                self.raw.write(self.connection.bio_read(_PART))
        except self._wants_more:
            return

    def pause_writing(self) -> None:
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        self.protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.agreed.done():
            self.agreed.set_exception(ConnectionResetError("the client left the handshake"))
            return
        self.protocol.connection_lost(exc)


class _PassthroughTransport(asyncio.Transport):
    """What the protocol above writes to."""

    def __init__(self, records: _Records) -> None:
        super().__init__()
        self._records = records
        self.facts: Agreed | None = None

    def get_extra_info(self, name: str, default: object = None) -> object:
        if name in ("ssl_object", "sslcontext"):
            return self.facts
        return self._records.raw.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self.is_closing():
            view = memoryview(data)
            while view:
                sent = self._records.connection.send(bytes(view[:_PART]))
                view = view[sent:]
            self._records.flush()

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._records.raw.is_closing()

    def close(self) -> None:
        if not self.is_closing():
            self._records.connection.shutdown()
            self._records.flush()
            self._records.raw.close()
            # A client may take nothing of what is written.
            asyncio.get_running_loop().call_later(_CLOSING, self._records.raw.abort)

    def abort(self) -> None:
        self._records.raw.abort()

    def pause_reading(self) -> None:
        self._records.raw.pause_reading()

    def resume_reading(self) -> None:
        self._records.raw.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._records.raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._records.raw.get_write_buffer_size()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._records.protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._records.protocol


def _facts(connection: SSL.Connection) -> Agreed:
    from cryptography.hazmat.primitives.serialization import Encoding

    leaf = connection.get_peer_certificate()
    chain = [leaf, *(connection.get_peer_cert_chain() or ())] if leaf is not None else []
    encoded = [certificate.to_cryptography().public_bytes(Encoding.DER) for certificate in chain]
    name = connection.get_servername()
    return Agreed(
        connection.get_protocol_version_name(),
        connection.get_cipher_name() or "",
        (connection.get_alpn_proto_negotiated() or b"").decode("latin-1"),
        tuple(dict.fromkeys(encoded)),
        "" if name is None else name.decode("latin-1"),
    )
