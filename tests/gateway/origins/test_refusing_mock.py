"""Origins that a mock lets refuse: whatever the exceptions hang together by, there is an answer."""

from __future__ import annotations

import asyncio
import gc
import socket

import httpx
import pytest

from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins.httpx_client import HttpxClient
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget

SITE = {
    "distributions": {
        "site": {
            "listen": 8081,
            "origins": {"app": {"url": "http://origin.test"}},
            "default_behavior": {"origin": "app", "cache_policy": "CachingDisabled"},
        }
    }
}


class Refusing(httpx.AsyncBaseTransport):
    """Raises the same object for every request, as `side_effect=error` of a mock does."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        raise self.error


def circle(*errors: Exception, by: str) -> Exception:
    """The first of `errors`, which hang together in a circle."""
    for at, error in enumerate(errors):
        setattr(error, by, errors[(at + 1) % len(errors)])
    return errors[0]


def refused() -> httpx.ConnectError:
    return httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(refused(), "refused", id="alone"),
        pytest.param(circle(refused(), by="__context__"), "refused", id="its own context"),
        pytest.param(circle(refused(), by="__cause__"), "refused", id="its own cause"),
        pytest.param(
            circle(refused(), ValueError(), by="__context__"), "refused", id="context of two"
        ),
        pytest.param(
            circle(refused(), OSError(), ValueError(), by="__cause__"), "refused", id="causes"
        ),
        pytest.param(
            circle(refused(), OSError(), socket.gaierror(), by="__context__"), "dns", id="name"
        ),
    ],
)
async def test_what_refuses_is_an_answer(error: Exception, kind: str) -> None:
    client = HttpxClient(Refusing(error))
    request = Request("GET", RequestTarget.parse(b"/"), Headers([(b"Host", b"origin.test")]))
    outgoing = Outgoing(("http", "origin.test", 80), request, Timeouts(1, 1, 1))
    for _ in range(3):
        async with asyncio.timeout(30):
            with pytest.raises(SendError) as raised:
                await client.send(outgoing)
        assert raised.value.kind == kind


async def test_a_viewer_of_an_origin_that_refuses_again_and_again_gets_502() -> None:
    mock = Refusing(refused())
    gateway = Gateway(load_dict(SITE), transport=lambda _: mock)
    async with gateway.client("site") as client, asyncio.timeout(30):
        for _ in range(20):
            assert (await client.get("/")).status_code == 502
    assert mock.requests >= 20


async def test_an_exception_that_is_raised_again_and_again_does_not_grow() -> None:
    error = refused()
    gateway = Gateway(load_dict(SITE), transport=lambda _: Refusing(error))
    lengths: list[int] = []
    async with gateway.client("site") as client:
        for _ in range(3):
            await client.get("/")
            lengths.append(len(list(frames(error))))
    gc.collect()
    assert lengths[0] == lengths[-1]


def frames(error: BaseException):
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next
