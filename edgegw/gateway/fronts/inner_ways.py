"""The ways of a distribution's requests into front doors of the same gateway."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.origins.origin import InnerWays
from edgegw.http.message import Request, Response

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
    accepted = front.accept(request, outer)
    response = accepted if isinstance(accepted, Response) else await accepted
    inner = outer.inner[-1]
    inner.duration = perf_counter() - inner.began
    return response
