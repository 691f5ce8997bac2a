"""HTTP/2 to targets, for the protocol versions HTTP2 and GRPC: many streams on one connection.

`Http2Client` keeps the connections, `http2_target` is one of them. Streams go both ways at once,
as gRPC needs: a body that is not at hand is sent by a task of its own while its answer comes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from edgegw.gateway.origins.http2_target import Http2Error, TargetConnection, TargetStream
from edgegw.http.message import EMPTY, Body, CutOffError, Header, Headers, Request, Response
from edgegw.wire.http2_heads import MalformedHeadError, sent_request

At: TypeAlias = tuple[str, str, int]
"""Scheme, host and port."""


class Http2Client:
    """Connections to targets. Certificates are checked except for the hosts in `unverified`."""

    def __init__(self, *, unverified: AbstractSet[str] = frozenset()) -> None:
        self._unverified = unverified
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._connections: dict[At, list[TargetConnection]] = {}
        self._connecting: dict[At, asyncio.Task[None]] = {}

    async def send(self, at: At, request: Request, *, connect: float, idle: float) -> Response:
        """Sends `request`, and answers as soon as the head of its response is there.

        `connect` and `idle` are seconds: to connect, and without a byte either way. Raises
        Http2Error; what the request's own body raises is raised as it is. A request that the
        target says it has not begun is sent once more.
        """
        head = _head(at, request)
        try:
            return await self._ask(at, head, request.body, connect, idle)
        except Http2Error as error:
            if not error.is_untouched or request.body.content is None:
                raise
        return await self._ask(at, head, request.body, connect, idle)

    async def _ask(
        self, at: At, head: list[Header], body: Body, connect: float, idle: float
    ) -> Response:
        connection = await self._connected(at, connect)
        stream = connection.open(head, body, idle)
        try:
            await stream.answered()
        except BaseException:
            stream.give_up()
            if stream.broken is not None:
                raise stream.broken from None
            raise
        return Response(stream.status, b"", stream.headers, _body(stream))

    async def _connected(self, at: At, timeout: float) -> TargetConnection:
        """A connection with room for one more stream. Raises Http2Error."""
        known = self._connections.setdefault(at, [])
        while True:
            known[:] = [connection for connection in known if not connection.is_over]
            for connection in known:
                if connection.has_room:
                    return connection
            connecting = self._connecting.get(at)
            if connecting is None:  # all who wait share it, and how it fails
                connecting = asyncio.ensure_future(self._connect(at, timeout))
                self._connecting[at] = connecting
                connecting.add_done_callback(lambda done: self._connected_to(at, done))
            await asyncio.shield(connecting)

    def _connected_to(self, at: At, done: asyncio.Task[None]) -> None:
        self._connecting.pop(at, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; perhaps nobody did

    async def _connect(self, at: At, timeout: float) -> None:
        scheme, host, port = at
        context = self._context(host) if scheme == "https" else None
        where = f"{scheme}://{host}:{port}"
        try:
            async with asyncio.timeout(timeout):
                _, connection = await asyncio.get_running_loop().create_connection(
                    TargetConnection, host, port, ssl=context, server_hostname=context and host
                )
        except TimeoutError:
            text = f"{where}: no connection within {timeout:g} s"
            raise Http2Error(text, timed_out=True) from None
        except OSError as error:
            raise Http2Error(f"{where} refused the connection: {error}") from None
        self._connections.setdefault(at, []).append(connection)

    def _context(self, host: str) -> ssl.SSLContext:
        is_verified = host not in self._unverified
        context = self._contexts.get(is_verified)
        if context is None:
            context = self._contexts[is_verified] = ssl.create_default_context()
            context.set_alpn_protocols(["h2"])
            if not is_verified:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
        return context

    async def close(self) -> None:
        """Ends every connection."""
        for connecting in list(self._connecting.values()):
            connecting.cancel()
        for known in self._connections.values():
            for connection in known:
                connection.close()
        self._connections.clear()
        await asyncio.sleep(0)


def _head(at: At, request: Request) -> list[Header]:
    """The header block of `request`. Raises Http2Error where it can have none."""
    scheme, host, port = at
    authority = request.headers.get(b"host") or f"{host}:{port}".encode()
    try:
        return sent_request(scheme, authority, request)
    except MalformedHeadError as error:
        raise Http2Error(str(error)) from None


def _body(stream: TargetStream) -> Body:
    """The body of the response whose head is there."""
    if stream.is_empty:
        stream.give_up()
        return EMPTY

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while (part := await stream.part()) is not None:
                yield part
        except Http2Error as error:
            raise CutOffError(f"the response body ends early: {error}") from error
        finally:
            stream.give_up()

    return Body(
        None, chunks(), stream.length, stream.give_up, lambda: Headers(stream.answer_trailers)
    )
