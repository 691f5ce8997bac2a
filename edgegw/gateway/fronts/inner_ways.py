"""The ways of a distribution's requests into front doors of the same gateway.

Such a front door has no wire that tells it when its answer is out, so that is found out here: an
answer whose length is known counts as out at once, as the distribution takes it as fast as it
comes; of another one the bytes are counted, and it is out with the last of them. Then its exchange
is complete: it is counted, and its logs are written.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.origins.origin import InnerWays
from edgegw.http.message import CutOffError, Request, Response, has_body
from edgegw.wire.front import Delivery

if TYPE_CHECKING:
    from edgegw.gateway.exchange import Exchange
    from edgegw.gateway.origins import Enter


def inner_ways(fronts: Iterable[FrontDoor]) -> InnerWays:
    """The ways into those of `fronts` that AWS reaches by a name of their own: by host and port."""
    balancers: dict[tuple[str, int], Enter] = {}
    urls: dict[tuple[str, int], Enter] = {}
    for front in fronts:
        if front.address is not None:
            ways = urls if front.is_waited_for else balancers
            ways.setdefault(front.address, partial(_enter, front))
    return InnerWays(balancers, urls)


async def _enter(front: FrontDoor, request: Request, outer: Exchange) -> Response:
    delivery = Delivery()
    delivery.received = request.body.length or 0
    if request.body.chunks is not None and request.body.length is None:
        chunks = _counted(request.body.chunks, delivery)
        request = replace(request, body=replace(request.body, chunks=chunks))
    accepted = front.accept(request, outer)
    response = accepted if isinstance(accepted, Response) else await accepted
    body = response.body
    if body.chunks is not None and body.length is None:
        passed_on = _PassedOn(front, response, delivery)
        body = replace(body, chunks=passed_on.chunks(body.chunks), release=passed_on.release)
        return replace(response, body=body)
    if has_body(request.method, response.status):
        delivery.sent = body.length or 0
    front.done(response, delivery)
    return response


async def _counted(chunks: AsyncIterable[bytes], delivery: Delivery) -> AsyncIterator[bytes]:
    """A request's body of unknown length, whose bytes are counted as they come."""
    async for chunk in chunks:
        delivery.received += len(chunk)
        yield chunk


class _PassedOn:
    """An answer of unknown length on its way from one front door to another."""

    def __init__(self, front: FrontDoor, response: Response, delivery: Delivery) -> None:
        self._front = front
        self._response = response
        self._delivery = delivery
        self._is_out = False

    async def chunks(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The body as it comes."""
        delivery = self._delivery
        try:
            async for chunk in chunks:
                delivery.sent += len(chunk)
                yield chunk
        except CutOffError as error:
            delivery.cut = str(error)
            raise
        finally:
            self._out()

    def release(self) -> object:
        """Nobody wants the rest."""
        self._out()
        release = self._response.body.release
        return None if release is None else release()

    def _out(self) -> None:
        if not self._is_out:
            self._is_out = True
            self._front.done(self._response, self._delivery)
