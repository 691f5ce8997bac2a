"""Expectations that say more than a plain assert would, because they know why it is otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    import httpx

_REFUSALS = (401, 403, 407, 451)


def assert_allowed(response: httpx.Response) -> None:
    """The viewer got to the page: neither refused, nor sent elsewhere, nor an error on the way."""
    status = response.status_code
    if status in _REFUSALS:
        raise AssertionError(f"refused with {status}{_why(response)}")
    if response.has_redirect_location:
        location = response.headers["location"]
        raise AssertionError(f"redirected with {status} to {location}{_why(response)}")
    if status >= 400:
        raise AssertionError(f"not allowed, but failed with {status}{_why(response)}")


def assert_redirects(response: httpx.Response, location: str, *, status: int | None = None) -> None:
    """The viewer is sent to `location`, with `status` where that is named.

    A path stands for the same host; without a query any query is right.
    """
    if not response.has_redirect_location:
        text = f"no redirect but {response.status_code}, to {location} was expected"
        raise AssertionError(text + _why(response))
    sent = urljoin(str(response.request.url), response.headers["location"])
    wanted = urljoin(str(response.request.url), location)
    if not urlsplit(wanted).query:
        sent = urlsplit(sent)._replace(query="").geturl()
    if sent != wanted:
        raise AssertionError(f"redirected to {sent}, not to {wanted}{_why(response)}")
    if status is not None and response.status_code != status:
        raise AssertionError(f"redirected with {response.status_code}, not with {status}")


def _why(response: httpx.Response) -> str:
    """What the gateway knows of it, as a tree; nothing for an answer that is not from one."""
    from edgegw.gateway.exchange import Exchange
    from edgegw.testing.exchange_tree import exchange_tree
    from edgegw.wire.asgi import EXCHANGE

    exchange = response.extensions.get(EXCHANGE)
    return f"\n{exchange_tree(exchange)}" if isinstance(exchange, Exchange) else ""
