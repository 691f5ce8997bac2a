"""Acknowledging at once what an origin sent, where more of its answer is awaited.

An origin that writes head and body in two pieces has its second piece held back by its own kernel
until the first one is acknowledged (Nagle's algorithm), and on a connection that was used before
the kernel here delays that acknowledgement by 40 ms, in the hope of something to send along
(RFC 9293 section 3.8.6.3). So whoever has read a part, and waits for more, asks for the
acknowledgement now. The option does not last, so it is set each time; answers that come in one
piece cost nothing. Linux alone has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, Final

_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)


def socket_of(transport: asyncio.BaseTransport) -> socket.socket | None:
    """The socket under `transport` that can `acknowledge`; None where there is none."""
    if _QUICKACK is None:
        return None
    sock: Any = transport.get_extra_info("socket")
    return sock


def acknowledge(sock: socket.socket) -> None:
    """What `sock` has received is acknowledged now."""
    if _QUICKACK is not None:
        with contextlib.suppress(OSError):  # closed meanwhile, or no socket of TCP
            sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
