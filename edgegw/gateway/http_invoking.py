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
from typing import Protocol

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
from edgegw.background import Background
from edgegw.execution.channel import Sink
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Body, CutOffError


class InvokeFunction(Protocol):
    """How the step's function is invoked, faults on demand included."""

    def __call__(self, sink: Sink | None = None) -> Awaitable[Outcome]: ...


async def invoked(
    step: InvokeHttp, invoke: InvokeFunction, exchange: Exchange, background: Background
) -> HttpReply:
    """What the function of `step` answers, or the beginning of it; `background` has streams."""
    if step.is_streamed:
        return await _streamed(invoke, exchange, background)
    if step.timeout is None:
        return await invoke()
    try:
        return await asyncio.wait_for(invoke(), step.timeout)
    except TimeoutError:
        return IntegrationTimeout()


async def _streamed(
    invoke: InvokeFunction, exchange: Exchange, background: Background
) -> HttpReply:
    stream = _HttpStream()
    background.start(stream.carry(invoke))
    await stream.until(lambda: stream.has_begun or stream.has_ended)
    if not stream.has_begun:
        return stream.outcome()
    prelude: bytes | None = None
    if stream.content_type.partition(";")[0].strip() == PRELUDE_TYPE:
        try:
            prelude = await _prelude(stream)
        except ValueError as error:
            return BrokenStream(f"the function's stream: {error}")
        if prelude is None:
            outcome = stream.outcome()
            if isinstance(outcome, FunctionError):
                return outcome
            return BrokenStream("the function's stream ended within its metadata")
    body = Body.streaming(stream.chunks(exchange))
    return StreamedReply(stream.content_type, prelude, body, stream.outcome_so_far)


async def _prelude(stream: _HttpStream) -> bytes | None:
    """The prelude, once it is there; None where the stream ends before. Raises ValueError."""
    reader = PreludeReader()
    while True:
        for at, piece in enumerate(pieces := stream.take()):
            both = reader.feed(piece)
            if both is not None:
                prelude, rest = both
                stream.give_back([rest, *pieces[at + 1 :]])
                return prelude
        if stream.has_ended and not stream.has_pieces:
            return None
        await stream.until(lambda: stream.has_pieces or stream.has_ended)


class _HttpStream:
    """A streamed answer between the function and the client; a `Sink`."""

    def __init__(self) -> None:
        self.content_type = ""
        self.has_begun = False
        self.has_ended = False
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._more = asyncio.Event()

    async def carry(self, invoke: InvokeFunction) -> None:
        """Invokes the function and hears it to its end, whoever listens meanwhile."""
        try:
            self._outcome = await invoke(self)
        except BaseException as error:
            self._error = error
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self.has_ended = True
            self._more.set()

    def begin(self, content_type: str) -> None:
        self.content_type = content_type
        self.has_begun = True
        self._more.set()

    def write(self, chunk: bytes) -> None:
        """The next bytes; what is beyond the most that may be streamed is dropped."""
        self._size += len(chunk)
        if self._size <= MAX_STREAMED:
            self._pieces.append(chunk)
        self._more.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._more.clear()
            await self._more.wait()

    def outcome(self) -> Outcome:
        """What became of the invocation, which has ended. Raises what a replaced function did."""
        if self._outcome is None:
            raise self._error or CutOffError("the invocation was given up")
        return self._outcome

    def outcome_so_far(self) -> Outcome | None:
        """What became of the invocation; None while it runs."""
        return self._outcome

    @property
    def has_pieces(self) -> bool:
        return bool(self._pieces)

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def give_back(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece] + self._pieces

    async def chunks(self, exchange: Exchange) -> AsyncIterator[bytes]:
        """The body as it comes, until the invocation has ended.

        An error that the handler raised in the middle ends the body as if all were well, as on AWS;
        where the environment was lost, or the function timed out, the body is cut off.
        """
        while True:
            await self.until(lambda: self.has_pieces or self.has_ended)
            for piece in self.take():
                yield piece
            if self.has_ended and not self.has_pieces:
                break
        outcome = self.outcome()
        if self._size > MAX_STREAMED:
            exchange.reason = f"the function streamed more than {MAX_STREAMED} bytes"
            raise CutOffError(exchange.reason)
        if isinstance(outcome, FunctionError):
            exchange.reason = f"{outcome.error_type}: {outcome.message}"
            if outcome.report.status != "success":
                raise CutOffError(exchange.reason)
