"""What the local API answers about asynchronous invocations: new ones, listings, redrives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edgegw.awslambda.api import check_payload
from edgegw.awslambda.model import Invocation
from edgegw.errors import UsageError
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
        events, function = await self._events(), call.query.get("function", "")
        listing = await events.listing(function)
        if not (listing["events"] or listing["failed"] or listing["messages"]):
            self._check_function(function)
        return json_answer(dict(listing))

    async def redrive(self, call: Call) -> Response:
        """`{"function"?, "request_id"?}` → how many `{"events", "messages"}` are tried anew."""
        events = await self._events()
        function, request_id = call.member("function", str, ""), call.member("request_id", str, "")
        redriven = await events.redrive(function, request_id)
        if not any(redriven.values()):
            self._check_function(function)
            if request_id:
                text = f"no failed event has the request id {request_id!r}: see `edgegw queue`"
                raise UsageError(text)
        return json_answer(dict(redriven))

    def _check_function(self, name: str) -> None:
        """Raises UsageError for a function that is not there, of which there is nothing either."""
        known = self._gateway.service.functions
        if name and name.partition(":")[0] not in known:
            from edgegw.config.spelling import nearest

            raise UsageError(f"there is no function {name!r}{nearest(name, sorted(known))}")
