"""The end of a connection behind an answer that its client takes slowly.

`close` of a plain transport sends what is buffered however long that takes. Over TLS it begins the
farewell at once, and the farewell has a time of its own (`ssl_shutdown_timeout`): when that is over
everything unsent is thrown away. So a large answer that closes the connection would be cut for each
client that is not done by then. Here the farewell begins when the buffers are empty; a client has
no time for all of it, only for some of it.

There are two buffers: what TLS has not encrypted yet, and what is encrypted and waits for the
socket. Only the raw transport below TLS knows of the second, and most of an answer is there.
"""

from __future__ import annotations

import asyncio
from typing import Final

_BEAT: Final = 0.05
"""Seconds after which the buffer is looked at again."""
PATIENCE: Final = 60.0
"""Seconds in which a client has to take some of what is buffered."""
_LINGER: Final = 1.0
"""Seconds that a client may go on sending a request that is answered already."""


def unsent(transport: asyncio.Transport, raw: asyncio.Transport | None) -> int:
    """Bytes that were written and have not left; `raw` is what TLS is on, None without TLS."""
    if raw is None:
        return transport.get_write_buffer_size()
    if transport.is_closing() or raw.is_closing():
        return 0
    return transport.get_write_buffer_size() + raw.get_write_buffer_size()


def close_behind(transport: asyncio.Transport, raw: asyncio.Transport | None) -> None:
    """Closes once everything is taken that was written; aborts where nothing is for long."""
    if raw is None or not unsent(transport, raw):
        transport.close()
    else:
        _Emptying(transport, raw).look_later()


def close_gently(
    transport: asyncio.Transport, raw: asyncio.Transport | None = None, *, unread: bool
) -> None:
    """As `close_behind`; with bytes of the client `unread`, a moment later, so that it can read.

    To close at once would reset the connection, and take the answer from the client.
    """
    if transport.is_closing():  # asyncio's TLS cannot be ended any more once it is closed twice
        return
    if not unread or not transport.can_write_eof():
        close_behind(transport, raw)
        return
    try:
        transport.write_eof()
    except OSError:  # the client has reset the connection, which nobody has noticed yet
        transport.close()
        return
    asyncio.get_running_loop().call_later(_LINGER, transport.close)


class _Emptying:
    """A TLS connection whose last bytes are on their way."""

    def __init__(self, transport: asyncio.Transport, raw: asyncio.Transport) -> None:
        self._transport = transport
        self._raw = raw
        self._unsent = unsent(transport, raw)
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    def look_later(self) -> None:
        self._loop.call_later(_BEAT, self._look)

    def _look(self) -> None:
        transport, now = self._transport, self._loop.time()
        if transport.is_closing():
            return
        left = unsent(transport, self._raw)
        if not left:
            transport.close()
            return
        if left < self._unsent:
            self._unsent, self._since = left, now
        if now - self._since > PATIENCE:
            transport.abort()
        else:
            self.look_later()
