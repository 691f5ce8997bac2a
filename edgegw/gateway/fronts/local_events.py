"""What the local API answers about asynchronous invocations: new ones, listings, redrives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edgegw.awslambda.api import check_payload
from edgegw.awslambda.model import Invocation
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.gateway.workers.async_events import AsyncEvents


class EventOperations:
    """Events of the gateway's functions, whether or not the Lambda API is served."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def _events(self) -> AsyncEvents:
        from edgegw.gateway.workers.async_events import AsyncEvents

        return await self._gateway.workers.of(AsyncEvents)

    async def invoke(self, call: Call) -> Response:
        """Keeps an event: `{"function", "qualifier"?, "payload"?}` → `{"request_id"}`."""
        account = self._gateway.service.account
        ref = account.function_ref(
            call.member("function", str), call.member("qualifier", str, "") or None
        )
        payload = call.body.get("payload")
        event = check_payload(json.dumps(payload, ensure_ascii=False).encode())
        request_id = await (await self._events()).accept(Invocation(ref, event))
        return json_answer({"request_id": request_id}, 202)

    async def listing(self, call: Call) -> Response:
        """What waits, runs and failed; `?function=NAME` of one function."""
        events = await self._events()
        return json_answer(dict(await events.listing(call.query.get("function", ""))))

    async def redrive(self, call: Call) -> Response:
        """`{"function"?, "request_id"?}` → how many `{"events", "messages"}` are tried anew."""
        events = await self._events()
        function, request_id = call.member("function", str, ""), call.member("request_id", str, "")
        return json_answer(dict(await events.redrive(function, request_id)))
