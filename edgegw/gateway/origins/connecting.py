"""What it takes to connect: contexts of TLS, and why there is no connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from edgegw.gateway.origins.transport import Address, SendError
from edgegw.http.authority import authority_of


class TlsContexts:
    """Made when they are needed, as certificates take their time to load.

    Certificates are checked except for the hosts in `unverified`, and where a request says not to.
    """

    def __init__(self, unverified: AbstractSet[str], protocols: Sequence[str] = ()) -> None:
        self._unverified = unverified
        self._protocols = list(protocols)
        self._contexts: dict[bool, ssl.SSLContext] = {}

    def to(self, at: Address, *, verifies: bool = True) -> ssl.SSLContext | None:
        """The context for connections to this place; None without TLS."""
        scheme, host, _ = at
        if scheme != "https":
            return None
        is_verified = verifies and host not in self._unverified
        context = self._contexts.get(is_verified)
        if context is None:
            context = self._contexts[is_verified] = ssl.create_default_context()
            if self._protocols:
                context.set_alpn_protocols(self._protocols)
            if not is_verified:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
        return context


_LOOK: Final = 0.3
"""Seconds that are spent on looking for a server at the other address of this machine."""


async def no_connection(at: Address, error: OSError | UnicodeError, timeout: float) -> SendError:
    """Why there was no connection to `at` within `timeout` seconds.

    Development servers listen on one of 127.0.0.1 and ::1 alone, and which one changes with their
    version: where the one refuses and the other answers, the text says so.
    """
    failure = unreachable(error, timeout)
    _, host, port = at
    other = _other_address(host)
    if other is None or not isinstance(error, ConnectionRefusedError):
        return failure
    if not await _answers(other, port):
        return failure
    advice = authority_of(other if host == "localhost" else "localhost", port)
    text = f"{failure}; {authority_of(other, port)} answers, so write {advice}"
    return SendError("refused", text, was_connected=False)


def _other_address(host: str) -> str | None:
    """The address of this machine that `host` is not; None where it is another machine."""
    if host == "localhost" or host.startswith("127."):
        return "::1"
    return "127.0.0.1" if host == "::1" else None


async def _answers(host: str, port: int) -> bool:
    """Whether something takes connections there."""
    try:
        async with asyncio.timeout(_LOOK):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def unreachable(error: OSError | UnicodeError, timeout: float) -> SendError:
    """Why there was no connection within `timeout` seconds."""
    match error:
        case TimeoutError():
            text = f"did not answer in time: no connection within {timeout:g} s"
            return SendError("timeout", text, was_connected=False)
        case socket.gaierror():
            return SendError("dns", f"cannot be resolved: {error}", was_connected=False)
        case ssl.SSLError():
            text = f"failed the TLS handshake: {error}"
            return SendError("closed", text, was_connected=False)
        case UnicodeError():
            return SendError("invalid", f"cannot be asked: {error}", was_connected=False)
        case _:
            return SendError("refused", f"refused the connection: {error}", was_connected=False)
