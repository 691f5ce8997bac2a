"""HTTP/2 to targets, for the protocol versions HTTP2 and GRPC: many streams on one connection.

`Http2Client` keeps the connections, `http2_target` is one of them. Streams go both ways at once,
as gRPC needs: a body that is not at hand is sent by a task of its own while its answer comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from functools import partial

from edgegw.background import Background
from edgegw.gateway.origins.connecting import TlsContexts, no_connection
from edgegw.gateway.origins.http2_target import TargetConnection, TargetStream
from edgegw.gateway.origins.silence import Silence
from edgegw.gateway.origins.transport import (
    Address,
    Outgoing,
    SendError,
    Timeouts,
    UntouchedError,
    cut_off,
)
from edgegw.http.authority import authority_of
from edgegw.http.message import EMPTY, Body, Header, Headers, Request, Response
from edgegw.wire.http2_heads import MalformedHeadError, sent_request


class Http2Client:
    """Connections to targets. Certificates are checked except for the hosts in `unverified`."""

    def __init__(self, *, unverified: AbstractSet[str] = frozenset()) -> None:
        self._contexts = TlsContexts(unverified, ["h2"])
        self._connections: dict[Address, list[TargetConnection]] = {}
        self._background = Background()
        self._connecting: dict[Address, asyncio.Task[SendError | None]] = {}
        self._silence = Silence()

    async def send(self, outgoing: Outgoing) -> Response:
        """The response, as soon as its head is there. Raises SendError.

        What the request's own body raises is raised as it is. A request that the target says it
        has not begun is sent once more.
        """
        at, request, timeouts = outgoing.at, outgoing.request, outgoing.timeouts
        head = _head(at, request)
        try:
            return await self._ask(at, head, request, timeouts)
        except UntouchedError:
            if request.body.content is None:
                raise
        return await self._ask(at, head, request, timeouts)

    async def _ask(
        self, at: Address, head: list[Header], request: Request, timeouts: Timeouts
    ) -> Response:
        connection = await self._connected(at, timeouts.connect)
        stream = connection.open(head, request, timeouts.read)
        try:
            await stream.answered()
        except BaseException:
            stream.give_up()
            if stream.broken is not None:
                raise stream.broken from None
            raise
        return Response(stream.status, b"", stream.headers, _body(stream))

    async def _connected(self, at: Address, timeout: float) -> TargetConnection:
        """A connection with room for one more stream. Raises SendError."""
        known = self._connections.setdefault(at, [])
        while True:
            known[:] = [connection for connection in known if not connection.is_over]
            for connection in known:
                if connection.has_room:
                    return connection
            connecting = self._connecting.get(at)
            if connecting is None:  # all who wait share it, and how it fails
                connecting = self._background.start(self._connect(at, timeout))
                self._connecting[at] = connecting
                connecting.add_done_callback(lambda _: self._connecting.pop(at, None))
            if (failure := await asyncio.shield(connecting)) is not None:
                raise failure

    async def _connect(self, at: Address, timeout: float) -> SendError | None:
        """Makes one more connection; why that failed."""
        _, host, port = at
        context = self._contexts.to(at)
        on_silent = partial(self._silence.tell, at)
        try:
            async with asyncio.timeout(timeout):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: TargetConnection(on_silent),
                    host,
                    port,
                    ssl=context,
                    server_hostname=context and host,
                )
        except (OSError, UnicodeError) as error:
            return await no_connection(at, error, timeout)
        self._connections.setdefault(at, []).append(connection)
        return None

    async def close(self) -> None:
        """Ends every connection."""
        self._background.interrupt()
        for known in self._connections.values():
            for connection in known:
                connection.close()
        self._connections.clear()
        await asyncio.sleep(0)


def _head(at: Address, request: Request) -> list[Header]:
    """The header block of `request`. Raises SendError where it can have none."""
    scheme, host, port = at
    authority = request.headers.get(b"host") or authority_of(host, port).encode()
    try:
        return sent_request(scheme, authority, request)
    except MalformedHeadError as error:
        raise SendError("invalid", f"cannot be sent this request: {error}") from None


def _body(stream: TargetStream) -> Body:
    """The body of the response whose head is there."""
    if stream.is_empty:
        stream.give_up()
        return EMPTY

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while (part := await stream.part()) is not None:
                yield part
        except SendError as error:
            raise cut_off(error) from error
        finally:
            stream.give_up()

    return Body(
        None, chunks(), stream.length, stream.give_up, lambda: Headers(stream.answer_trailers)
    )
