"""Clients whose requests run on the event loop of `blocking_loop`: blocking ones, and others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, cast

import httpx

from edgegw.gateway.blocking_loop import BlockingLoop, called, called_from_loop
from edgegw.gateway.in_process import InProcessTransport
from edgegw.wire.front import Front

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal


class BlockingTransport(httpx.BaseTransport):
    """Sends requests of an `httpx.Client` into a front door."""

    def __init__(self, loop: BlockingLoop, front: Front) -> None:
        self._loop = loop
        self._front = front
        self._entered: tuple[BlockingPortal, InProcessTransport] | None = None

    def _enter(self) -> tuple[BlockingPortal, InProcessTransport]:
        if self._entered is None:
            self._entered = self._loop.enter(), InProcessTransport(self._front)
        return self._entered

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        portal, transport = self._enter()
        request.read()
        asynchronous = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=httpx.ByteStream(request.content),
            extensions=request.extensions,
        )
        answer = called(portal, transport.handle_async_request, asynchronous)
        if isinstance(answer.stream, httpx.ByteStream):
            return answer
        stream = _BlockingStream(portal, cast("httpx.AsyncByteStream", answer.stream))
        return _with_stream(answer, stream)

    def close(self) -> None:
        if self._entered is not None:
            (portal, transport), self._entered = self._entered, None
            try:
                called(portal, transport.aclose)
            finally:
                self._loop.leave()


class ThreadedTransport(httpx.AsyncBaseTransport):
    """Sends requests of an `httpx.AsyncClient` on any event loop into a front door.

    They run in the thread of the blocking clients: what is warm there, no test's event loop ends.
    """

    def __init__(self, loop: BlockingLoop, front: Front) -> None:
        self._loop = loop
        self._front = front
        self._entered: tuple[BlockingPortal, InProcessTransport] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._entered is None:
            self._entered = self._loop.enter(), InProcessTransport(self._front)
        portal, transport = self._entered
        asynchronous = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=httpx.ByteStream(await request.aread()),
            extensions=request.extensions,
        )
        answer = await called_from_loop(portal, transport.handle_async_request, asynchronous)
        if isinstance(answer.stream, httpx.ByteStream):
            return answer
        stream = _ThreadedStream(portal, cast("httpx.AsyncByteStream", answer.stream))
        return _with_stream(answer, stream)

    def close(self) -> None:
        """Ends what is still open; the loop may end then."""
        if self._entered is not None:
            (portal, transport), self._entered = self._entered, None
            try:
                called(portal, transport.aclose)
            finally:
                self._loop.leave()

    async def aclose(self) -> None:
        from anyio import to_thread

        await to_thread.run_sync(self.close)


def _with_stream(
    answer: httpx.Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    return httpx.Response(
        answer.status_code, headers=answer.headers, stream=stream, extensions=answer.extensions
    )


class _ThreadedStream(httpx.AsyncByteStream):
    def __init__(self, portal: BlockingPortal, stream: httpx.AsyncByteStream) -> None:
        self._portal = portal
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)

        async def following() -> bytes | None:
            return await anext(chunks, None)

        while (chunk := await called_from_loop(self._portal, following)) is not None:
            yield chunk

    async def aclose(self) -> None:
        await called_from_loop(self._portal, self._stream.aclose)


class _BlockingStream(httpx.SyncByteStream):
    def __init__(self, portal: BlockingPortal, stream: httpx.AsyncByteStream) -> None:
        self._portal = portal
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        chunks = aiter(self._stream)

        async def following() -> bytes | None:
            return await anext(chunks, None)

        while (chunk := called(self._portal, following)) is not None:
            yield chunk

    def close(self) -> None:
        self._portal.call(self._stream.aclose)
