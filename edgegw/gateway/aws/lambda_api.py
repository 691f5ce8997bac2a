"""The Lambda API of a gateway: functions, and what of it runs beside requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from edgegw.awslambda.model import Invocation
from edgegw.execution.invoke_api import lambda_api

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""

    async def accept(invocation: Invocation) -> str:
        from edgegw.gateway.workers.async_events import AsyncEvents

        events = await gateway.workers.of(AsyncEvents)
        return await events.accept(invocation)

    return lambda_api(gateway.service, gateway.shifter, accept)
