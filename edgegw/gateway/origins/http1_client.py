"""HTTP/1.1 to origins and targets: exact bytes, kept connections, streams both ways.

There is no pool to wait for: every request that finds no idle connection makes one, as many as the
process may have descriptors. AWS has no other bound to a single origin either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from typing import Final

from edgegw.gateway.origins.connecting import TlsContexts, no_connection
from edgegw.gateway.origins.http1_connection import Http1Connection
from edgegw.gateway.origins.http1_pool import CheckedAddress, Http1Pool
from edgegw.gateway.origins.request_head import is_chunked, request_head
from edgegw.gateway.origins.silence import Silence
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts
from edgegw.http.message import Body, Response

_REPLAYABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be sent twice (RFC 9110 section 9.2.2)."""


class Http1Client:
    """A transport of sockets.

    Certificates are checked except for the hosts in `unverified`, and where a request says not to:
    then it has connections that no other request gets.
    At most `max_connections` are open at a time, half of what the process may open unless given:
    the other half is for those who ask.
    """

    def __init__(
        self, *, unverified: AbstractSet[str] = frozenset(), max_connections: int | None = None
    ) -> None:
        self._limit = max_connections or _descriptors() // 2
        self._count = 0
        self._pools: dict[CheckedAddress, Http1Pool] = {}
        self._contexts = TlsContexts(unverified)
        self._silence = Silence()

    async def send(self, outgoing: Outgoing) -> Response:
        """The response, as soon as its head is there. Raises SendError."""
        at, request, timeouts, _, verifies, server_name = outgoing
        way: CheckedAddress = at if verifies else (*at, "unverified", server_name)
        head, content = request_head(outgoing), request.body.content
        data = head + content if content else head
        while True:
            connection = self._idle(way, timeouts)
            if connection is None:
                connection = await self._connect(way, timeouts.connect)
            try:
                answer = connection.ask(
                    request.method, data, timeouts, switch=bool(request.upgrade)
                )
                if content is None:
                    connection.follow(asyncio.ensure_future(_upload(connection, request.body)))
                response = await answer
            except SendError:
                is_stale = connection.was_used and connection.reader.is_untouched
                connection.abandon()
                if not is_stale or content is None or request.method not in _REPLAYABLE:
                    raise
            except BaseException:
                connection.abandon()
                raise
            else:
                if response.body.chunks is None and response.upgraded is None:
                    connection.release()
                return response

    async def close(self) -> None:
        """Ends every connection."""
        for pool in list(self._pools.values()):
            pool.close()
        await asyncio.sleep(0)  # so that the sockets are closed when this returns

    def _idle(self, way: CheckedAddress, timeouts: Timeouts) -> Http1Connection | None:
        """A connection that rests; None where there is none, or the request wants its own."""
        pool = self._pools.get(way)
        return pool.take() if pool is not None and timeouts.keep_alive > 0 else None

    async def _connect(self, way: CheckedAddress, timeout: float) -> Http1Connection:
        self._make_room()
        loop = asyncio.get_running_loop()
        pool = self._pools.get(way)
        if pool is None:
            pool = self._pools[way] = Http1Pool(loop, way, self._lost, self._silence.tell)
        connection = Http1Connection(loop, pool)
        pool.add(connection)
        self._count += 1
        try:
            async with asyncio.timeout(timeout):
                await self._open(connection, way)
        except BaseException as error:
            if connection.transport is None:
                pool.forget(connection)
            else:
                connection.close()
            if isinstance(error, (OSError, UnicodeError)):
                scheme, host, port = way[:3]
                raise await no_connection((scheme, host, port), error, timeout) from error
            raise
        return connection

    async def _open(self, connection: Http1Connection, way: CheckedAddress) -> None:
        scheme, host, port = way[:3]
        context = self._contexts.to((scheme, host, port), verifies=len(way) == 3)
        asked_for = way[4] if len(way) == 5 and way[4] else host
        await asyncio.get_running_loop().create_connection(
            lambda: connection,
            host,
            port,
            ssl=context,
            server_hostname=asked_for if context is not None else None,
        )

    def _make_room(self) -> None:
        """Closes an idle connection where there are too many. Raises SendError if none is idle."""
        if self._count < self._limit:
            return
        if not any(pool.close_idle() for pool in self._pools.values()):
            text = f"got no connection: all {self._limit} that this process may have are in use"
            raise SendError("refused", f"{text} (`ulimit -n` is twice that)", was_connected=False)

    def _lost(self, pool: Http1Pool) -> None:
        """A connection of `pool` is gone; a pool without any is not kept."""
        self._count -= 1
        if not pool.connections:
            self._pools.pop(pool.way, None)


async def _upload(connection: Http1Connection, body: Body) -> None:
    """Sends a body as it comes. Raises SendError, or what the body raises."""
    chunks, left = body.chunks, body.length
    assert chunks is not None  # a body without content has chunks
    async for chunk in chunks:
        if connection.is_closed:
            return
        if left is None:
            if chunk:
                connection.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        else:
            left -= len(chunk)
            if left < 0:
                break
            connection.write(chunk)
        await connection.drain()
    if left:
        more_or_less = "longer" if left < 0 else "shorter"
        text = f"cannot be sent this request: its body is {more_or_less} than it says"
        raise SendError("invalid", text)
    if is_chunked(body):
        connection.write(b"0\r\n\r\n")


def _descriptors() -> int:
    """How many descriptors this process may have open."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 1024
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1_000_000
