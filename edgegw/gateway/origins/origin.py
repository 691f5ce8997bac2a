"""The seam for whatever a distribution fetches from: a kind of origin is a class that has it.

A kind stands in a file of its own and in the list of `Origins`; nothing else asks which it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeAlias

from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Request, Response

Enter: TypeAlias = Callable[[Request, Exchange], Awaitable[Response]]
"""How a request enters a front door of this gateway: the request and the outer exchange."""


class InnerWays(NamedTuple):
    """The ways into front doors of this gateway by host and port: load balancers, and the rest."""

    balancers: dict[tuple[str, int], Enter]
    urls: dict[tuple[str, int], Enter]


class OriginKind(Protocol):
    """What answers for some of the origins."""

    def takes(self, origin: Origin) -> bool:
        """Whether `origin` is of this kind."""
        ...

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure:
        """The origin's response to `request`, or why there is none."""
        ...
