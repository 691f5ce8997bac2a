"""The blocking client: requests run on an event loop of its own in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from edgegw.gateway.in_process import InProcessTransport
from edgegw.wire.front import Front

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


P = ParamSpec("P")
T = TypeVar("T")


def _called(
    portal: BlockingPortal, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """What `work` answers over there, or what it raises, in the thread that calls.

    A portal takes KeyboardInterrupt, SystemExit and the outcomes of pytest for its own end, and the
    caller would wait for ever. They go home as values.
    """

    async def settled() -> tuple[T, None] | tuple[None, BaseException]:
        try:
            return await work(*args, **kwargs), None
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            return None, error

    answer, error = portal.call(settled)
    if error is not None:
        raise error
    return cast("T", answer)


class BlockingTransport(httpx.BaseTransport):
    """Sends requests of an `httpx.Client` into a front door."""

    def __init__(self, gateway: Gateway, front: Front) -> None:
        self._gateway = gateway
        self._front = front
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._transport: InProcessTransport | None = None

    def _started(self) -> tuple[BlockingPortal, InProcessTransport]:
        if self._portal is None or self._transport is None:
            self._portal = self._stack.enter_context(start_blocking_portal("asyncio"))
            self._portal.call(self._gateway.start)
            self._transport = InProcessTransport(self._front, self._gateway.stop)
        return self._portal, self._transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        portal, transport = self._started()
        request.read()
        asynchronous = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=httpx.ByteStream(request.content),
            extensions=request.extensions,
        )
        answer = _called(portal, transport.handle_async_request, asynchronous)
        stream = _BlockingStream(portal, cast("httpx.AsyncByteStream", answer.stream))
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=stream,
            extensions=answer.extensions,
        )

    def close(self) -> None:
        if self._portal is not None and self._transport is not None:
            self._portal.call(self._transport.aclose)
        self._portal = None
        self._stack.close()


class _BlockingStream(httpx.SyncByteStream):
    def __init__(self, portal: BlockingPortal, stream: httpx.AsyncByteStream) -> None:
        self._portal = portal
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        chunks = aiter(self._stream)

        async def following() -> bytes | None:
            return await anext(chunks, None)

        while (chunk := _called(self._portal, following)) is not None:
            yield chunk

    def close(self) -> None:
        self._portal.call(self._stream.aclose)
