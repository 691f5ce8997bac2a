"""An answer on its way to whoever waits for it, over whatever version of HTTP.

A protocol offers an `Outlet` per request; `answer` waits for the front door's response and carries
it there. Backpressure is the outlet's: while `write` is awaited, nothing more is read from the
origin. A client that leaves in the middle of a stream cancels the carrying, and with it whatever
the stream holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from typing import Protocol

from edgegw.http.message import CutOffError, Headers, Request, Response, has_body
from edgegw.wire.front import Delivery, ForeignError, Front, ViewerGoneError

logger = logging.getLogger(__name__)


class Outlet(Protocol):
    """Where one answer goes out. What a call answers is to be awaited before the next one.

    ViewerGoneError is raised at most by what is awaited; `is_gone` tells, too.

    `pump` is the task that streams into it: whoever notices that the client left cancels it.
    `splice` answers 101 and moves bytes until both sides have ended: how many went to the origin,
    how many to the client; None where no protocol can be switched.
    """

    is_gone: bool
    pump: asyncio.Task[object] | None

    @property
    def splice(self) -> Callable[[Response], Awaitable[tuple[int, int]]] | None: ...

    def whole(self, response: Response) -> Awaitable[None] | None:
        """Sends the response, whose content is at hand, or that has none by its status."""
        ...

    def start(self, response: Response) -> Awaitable[None] | None:
        """Sends the head; the body follows by `write` and `end`."""
        ...

    def write(self, chunk: bytes) -> Awaitable[None] | None:
        """Sends a part of the body."""
        ...

    def end(self, trailers: Headers | None) -> Awaitable[None] | None:
        """The body is complete."""
        ...

    def cut(self) -> None:
        """There is no more of the answer: the client must not take it for complete."""
        ...


class IncomingBody(Protocol):
    """The body of the request while it comes in."""

    is_answered: bool
    received: int

    def forget(self) -> None:
        """The request is over: what nobody took is not kept."""
        ...


async def answer(
    front: Front,
    accepted: Response | Awaitable[Response],
    request: Request,
    outlet: Outlet,
    body: IncomingBody | None = None,
) -> None:
    """Waits for the response to `request` and sends it.

    Raises nothing but CancelledError, and what replaced functions and mocks of a test raise.
    """
    try:
        response = await _awaited(accepted, outlet)
        if response is not None:
            delivery = Delivery()
            try:
                await deliver(response, request, outlet, delivery, body)
            finally:
                if body is not None:
                    delivery.received += body.received
                front.done(response, delivery)
    finally:
        if body is not None:
            body.forget()


async def _awaited(accepted: Response | Awaitable[Response], outlet: Outlet) -> Response | None:
    """The response; None where there is none, and the outlet is cut."""
    try:
        return accepted if isinstance(accepted, Response) else await accepted
    except ViewerGoneError:
        outlet.cut()
    except ForeignError:
        outlet.cut()
        raise
    except Exception:
        logger.exception("a fault of edgegw itself, please report it")
        outlet.cut()
    except BaseException:
        outlet.cut()
        raise
    return None


async def deliver(
    response: Response,
    request: Request,
    outlet: Outlet,
    delivery: Delivery,
    body: IncomingBody | None = None,
) -> None:
    """Sends `response` and notes in `delivery` how that went."""
    try:
        await _carry(response, request, outlet, delivery, body)
    except ViewerGoneError:
        delivery.is_gone = True
        outlet.cut()
    except CutOffError as error:
        delivery.cut = str(error)
        outlet.cut()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if not outlet.is_gone or task is None or task.uncancel():
            outlet.cut()
            raise
        delivery.is_gone = True
    except ForeignError as error:
        delivery.cut = f"its origin's stand-in raised {error}"
        outlet.cut()
        raise
    except Exception:
        logger.exception("a fault of edgegw itself, please report it")
        outlet.cut()
    except BaseException:
        outlet.cut()
        raise
    finally:
        if response.body.release is not None:
            response.body.release()


async def _carry(
    response: Response,
    request: Request,
    outlet: Outlet,
    delivery: Delivery,
    body: IncomingBody | None,
) -> None:
    payload = response.body
    may_have_body = has_body(request.method, response.status)
    if outlet.is_gone:
        delivery.is_gone = True
    elif response.upgraded is not None and outlet.splice is not None:
        delivery.received, delivery.sent = await outlet.splice(response)
    elif payload.content is not None or not may_have_body:
        if payload.content and may_have_body:
            delivery.note(payload.content)
        if (waiting := outlet.whole(response)) is not None:
            await waiting
    else:
        if body is not None:
            body.is_answered = True
        if (waiting := outlet.start(response)) is not None:
            await waiting
        await _stream(payload.chunks, outlet, delivery)
        trailers = payload.trailers() if payload.trailers is not None else None
        if (waiting := outlet.end(trailers)) is not None:
            await waiting


async def _stream(chunks: AsyncIterable[bytes] | None, outlet: Outlet, delivery: Delivery) -> None:
    """Part by part, as fast as the client takes them."""
    if chunks is None:
        return
    outlet.pump = asyncio.current_task()
    try:
        async for chunk in chunks:
            if not chunk:
                continue
            delivery.note(chunk)
            waiting = outlet.write(chunk)
            if waiting is not None:
                await waiting
    except BaseException:
        if isinstance(chunks, AsyncGenerator):  # it may stand behind a part that was not taken
            await chunks.aclose()
        raise
    finally:
        outlet.pump = None
