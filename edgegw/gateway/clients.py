"""Clients of httpx that reach a front door in process, and what happened to their requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from edgegw.config.model import Listen
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.exchanges import Exchanges
from edgegw.http.authority import bracketed
from edgegw.wire.asgi import EXCHANGE

if TYPE_CHECKING:
    import httpx

    from edgegw.gateway.blocking_loop import BlockingLoop
    from edgegw.gateway.fronts import FrontDoor
    from edgegw.gateway.fronts.shared_port import SharedPort


_IDS: Final = ("x-amz-cf-id", "x-amzn-requestid", "apigw-requestid")
"""Headers with the id of an exchange, the outermost front door's first."""


def asynchronous_client(
    front: FrontDoor | SharedPort,
    listen: Listen,
    leave: Callable[[], Awaitable[None]],
    options: dict[str, Any],
) -> httpx.AsyncClient:
    """A client of `front`, which would `listen` there; `leave` is awaited when it is closed."""
    import httpx

    from edgegw.gateway.in_process import InProcessTransport

    options.setdefault("base_url", _base_url(listen))
    return httpx.AsyncClient(transport=InProcessTransport(front, leave), **options)


def blocking_client(
    front: FrontDoor | SharedPort, listen: Listen, loop: BlockingLoop, options: dict[str, Any]
) -> httpx.Client:
    """A client of `front`, which would `listen` there; its requests run on `loop`."""
    import httpx

    from edgegw.gateway.blocking import BlockingTransport

    options.setdefault("base_url", _base_url(listen))
    return httpx.Client(transport=BlockingTransport(loop, front), **options)


@contextmanager
def threaded_client(
    front: FrontDoor | SharedPort, listen: Listen, loop: BlockingLoop, options: dict[str, Any]
) -> Generator[httpx.AsyncClient]:
    """A client of `front` on any event loop; its requests run on `loop`."""
    import httpx

    from edgegw.gateway.blocking import ThreadedTransport

    options.setdefault("base_url", _base_url(listen))
    transport = ThreadedTransport(loop, front)
    try:
        yield httpx.AsyncClient(transport=transport, **options)
    finally:
        transport.close()


def exchange_of(response: httpx.Response, exchanges: Exchanges) -> Exchange:
    """What happened to the request that `response` answers: with it, or kept in `exchanges`.

    Raises KeyError when the record is gone or the response is not ours.
    """
    carried = response.extensions.get(EXCHANGE)
    if isinstance(carried, Exchange):
        return carried
    known = [(name, response.headers[name]) for name in _IDS if name in response.headers]
    for _, request_id in known[:1]:  # the outermost front door's
        kept = exchanges.get(request_id)
        if kept is not None:
            return kept
    name, request_id = known[0] if known else (_IDS[0], "")
    raise KeyError(f"no exchange is kept for this response ({name} {request_id!r})")


def _base_url(listen: Listen) -> str:
    scheme = "https" if listen.tls else "http"
    host = "127.0.0.1" if listen.address in ("0.0.0.0", "::", "") else listen.address  # noqa: S104
    port = f":{listen.port}" if listen.port else ""
    return f"{scheme}://{bracketed(host)}{port}"
