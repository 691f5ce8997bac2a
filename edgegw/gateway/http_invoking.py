"""Functions behind URLs and HTTP APIs: invoked, and streamed on while they still run.

    service.invoke ─▶ _HttpStream (a sink) ─▶ the prelude, if its type promises one ─▶ StreamedReply
                                           └▶ chunks, taken by the wire as they come

The step gets its reply with the first bytes: status and headers are known then. The invocation is
no part of the request from there on, and of nobody's task: a client that leaves does not stop a
function, on AWS neither. What is not taken meanwhile is kept, up to what a stream may have at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from edgegw.awslambda.http_events.prelude import PRELUDE_TYPE, PreludeReader
from edgegw.awslambda.http_events.steps import (
    BrokenStream,
    HttpReply,
    IntegrationTimeout,
    InvokeHttp,
    StreamedReply,
)
from edgegw.awslambda.lifecycle import MAX_STREAMED
from edgegw.awslambda.model import FunctionError, Outcome
from edgegw.execution.channel import Sink
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Body, CutOffError

_RUNNING: Final = set[asyncio.Future[Outcome]]()
"""Invocations whose clients may have left: somebody has to hold them."""


class InvokeFunction(Protocol):
    """How the step's function is invoked, faults on demand included."""

    def __call__(self, sink: Sink | None = None) -> Awaitable[Outcome]: ...


async def invoked(step: InvokeHttp, invoke: InvokeFunction, exchange: Exchange) -> HttpReply:
    """What the function of `step` answers, or the beginning of it."""
    if step.is_streamed:
        return await _streamed(invoke, exchange)
    if step.timeout is None:
        return await invoke()
    try:
        return await asyncio.wait_for(invoke(), step.timeout)
    except TimeoutError:
        return IntegrationTimeout()


async def _streamed(invoke: InvokeFunction, exchange: Exchange) -> HttpReply:
    sink = _HttpStream()
    running = asyncio.ensure_future(invoke(sink))
    _RUNNING.add(running)
    running.add_done_callback(_RUNNING.discard)
    running.add_done_callback(lambda _: sink.wake())
    prelude: bytes | None = None
    await sink.until(lambda: sink.has_begun or running.done())
    if not sink.has_begun:
        return running.result()
    if sink.content_type.partition(";")[0].strip() == PRELUDE_TYPE:
        reader = PreludeReader()
        try:
            prelude = await _prelude(reader, sink, running)
        except ValueError as error:
            return BrokenStream(f"the function's stream: {error}")
        if prelude is None:
            outcome = running.result()
            if isinstance(outcome, FunctionError):
                return outcome
            return BrokenStream("the function's stream ended within its metadata")

    def outcome_so_far() -> Outcome | None:
        return running.result() if running.done() and not running.cancelled() else None

    body = Body.streaming(sink.chunks(running, exchange))
    return StreamedReply(sink.content_type, prelude, body, outcome_so_far)


async def _prelude(
    reader: PreludeReader, sink: _HttpStream, running: asyncio.Future[Outcome]
) -> bytes | None:
    """The prelude, once it is there; None where the stream ends before. Raises ValueError."""
    while True:
        for at, piece in enumerate(pieces := sink.take()):
            both = reader.feed(piece)
            if both is not None:
                prelude, rest = both
                sink.give_back([rest, *pieces[at + 1 :]])
                return prelude
        if running.done() and not sink.has_pieces:
            return None
        await sink.until(lambda: sink.has_pieces or running.done())


class _HttpStream:
    """A streamed answer between the function and the client; a `Sink`."""

    def __init__(self) -> None:
        self.content_type = ""
        self.has_begun = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._more = asyncio.Event()

    def begin(self, content_type: str) -> None:
        self.content_type = content_type
        self.has_begun = True
        self.wake()

    def write(self, chunk: bytes) -> None:
        """The next bytes; what is beyond the most that may be streamed is dropped."""
        self._size += len(chunk)
        if self._size <= MAX_STREAMED:
            self._pieces.append(chunk)
        self.wake()

    def wake(self) -> None:
        self._more.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._more.clear()
            await self._more.wait()

    @property
    def has_pieces(self) -> bool:
        return bool(self._pieces)

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def give_back(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece] + self._pieces

    async def chunks(
        self, running: asyncio.Future[Outcome], exchange: Exchange
    ) -> AsyncIterator[bytes]:
        """The body as it comes, until the invocation has ended.

        An error that the handler raised in the middle ends the body as if all were well, as on AWS;
        where the environment was lost, or the function timed out, the body is cut off.
        """
        while True:
            await self.until(lambda: self.has_pieces or running.done())
            for piece in self.take():
                yield piece
            if running.done() and not self.has_pieces:
                break
        outcome = running.result()
        if self._size > MAX_STREAMED:
            exchange.reason = f"the function streamed more than {MAX_STREAMED} bytes"
            raise CutOffError(exchange.reason)
        if isinstance(outcome, FunctionError):
            exchange.reason = f"{outcome.error_type}: {outcome.message}"
            if outcome.report.status != "success":
                raise CutOffError(exchange.reason)
