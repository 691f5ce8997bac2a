"""Requests over sockets run without a task; who takes one for granted finds one all the same."""

from __future__ import annotations

import asyncio

import httpx

from edgegw.gateway.origins.transport import Outgoing
from edgegw.http.message import Body, Headers, Response
from tests.gateway.test_sockets import balancer, site


class Timed:
    """A transport as somebody else would write it."""

    async def send(self, outgoing: Outgoing) -> Response:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
            return Response(200, b"OK", Headers([(b"Content-Length", b"2")]), Body.of(b"hi"))

    async def close(self) -> None:
        pass


async def test_a_transport_of_somebody_else_runs_in_a_task(serving) -> None:
    config = {**site("http://127.0.0.1:9"), **balancer(targets=["127.0.0.1:9"])}
    async with serving(config, transport=lambda _: Timed()) as running:
        async with httpx.AsyncClient() as client:
            for name in ("site", "web"):
                answer = await client.get(running.urls[name])
                assert (answer.status_code, answer.text) == (200, "hi")


async def test_an_async_handler_in_process_runs_in_a_task(serving) -> None:
    async def handler(event: dict, _context: object) -> dict:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return {"statusCode": 200, "body": event["path"]}

    config = {
        "functions": {"fn": {"runtime": "python3.11", "code": ".", "handler": "a.b"}},
        **balancer("fn"),
    }
    async with serving(config, functions={"fn": handler}) as running:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{running.urls['web']}/x")
    assert (answer.status_code, answer.text) == (200, "/x")
