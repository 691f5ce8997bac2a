"""The origin's part in an exchange as objects of httpx, for tests: nothing is sent by them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

import httpx

from edgegw.alb.target_steps import ForwardTo
from edgegw.cloudfront.flow import Fetch
from edgegw.cloudfront.model import CustomOrigin, Origin
from edgegw.gateway.origins.httpx_client import IN_URL
from edgegw.http.authority import bracketed
from edgegw.http.message import Request, Response
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.gateway.exchange import Exchange


@value
class OriginPart:
    """One request to an origin or target. `name` is the origin's id, or the target group's name.

    `response` is None where none came. Bodies are not among what is kept.
    """

    name: str
    request: httpx.Request
    response: httpx.Response | None


def origin_part(exchange: Exchange) -> OriginPart | None:
    """The last request to an origin or target; None where none was asked."""
    for step, reply, _ in reversed(exchange.steps):
        if isinstance(step, Fetch):
            origin = step.origin
            name = origin.name.rpartition("/")[2] or origin.domain_name
            return OriginPart(name, _sent(step.sent, _place(origin)), _answered(reply))
        if isinstance(step, ForwardTo):
            place = f"{step.request.scheme}://{step.target}"
            return OriginPart(step.group.name, _sent(step.request, place), _answered(reply))
    return None


def _place(origin: Origin) -> str:
    if isinstance(origin, CustomOrigin):
        return f"{origin.protocol}://{bracketed(origin.domain_name)}:{origin.port}"
    return f"https://{origin.domain_name}"


def _sent(request: Request, place: str) -> httpx.Request:
    """`place` is scheme and authority. Odd bytes of the target are escaped."""
    target = quote_from_bytes(request.target.raw, IN_URL)
    try:
        url = httpx.URL(place).copy_with(raw_path=target.encode())
    except httpx.InvalidURL:  # `*`, or longer than httpx takes
        url = httpx.URL(place)
    extensions = {"target": request.target.raw}
    return httpx.Request(
        request.method, url, headers=list(request.headers.raw), extensions=extensions
    )


def _answered(reply: object) -> httpx.Response | None:
    if not isinstance(reply, Response):
        return None
    return httpx.Response(reply.status, headers=list(reply.headers.raw))
