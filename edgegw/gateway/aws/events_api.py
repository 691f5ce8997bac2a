"""The API of EventBridge for boto3, the AWS CLI and every SDK with an `endpoint_url`: JSON 1.1.

Events are put on the buses of the gateway; its rules are those of the configuration, which can be
read here and not written.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda import events_api as calls
from edgegw.awslambda.bus_events import BusEvent
from edgegw.awslambda.events_api import CallBody, EventsApiError, KnownRules
from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.execution.api_answers import GONE, body_within
from edgegw.execution.api_guard import ApiGuard
from edgegw.gateway.workers.event_bus import EventBus
from edgegw.gateway.workers.targets import event_id

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_MOST: Final = 8 * 1024 * 1024
"""Bytes of a call: events are at most 1 MB, and JSON within JSON takes more room."""
_KIND: Final = "application/x-amz-json-1.1"
_READING: Final[dict[str, Callable[[KnownRules, CallBody], dict[str, Json]]]] = {
    "DescribeRule": calls.describe_rule,
    "ListEventBuses": calls.list_buses,
    "ListRules": calls.list_rules,
    "ListTargetsByRule": calls.list_targets,
    "TestEventPattern": lambda _, body: calls.try_pattern(body),
}


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""
    routes = [Route("/", _EventsApi(gateway).answer, methods=["POST"])]
    return ApiGuard(Starlette(routes=routes), _guarded)


class _EventsApi:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def answer(self, request: Request) -> Response:
        """The answer to a call, or its error."""
        operation = request.headers.get("x-amz-target", "").partition(".")[2]
        try:
            return _json(await self._call(operation, await _body(request)))
        except EventsApiError as error:
            return _refused(error)
        except ClientDisconnect:
            return Response(status_code=GONE)

    async def _call(self, operation: str, body: CallBody) -> dict[str, Json]:
        if operation == "PutEvents":
            return await self._put(body)
        reading = _READING.get(operation)
        if reading is None:
            text = f"edgegw does not know the operation {operation!r} of EventBridge"
            raise EventsApiError("UnknownOperationException", text)
        config = self._gateway.config
        return reading(KnownRules(config.event_rules, config.schedules, config.account), body)

    async def _put(self, body: CallBody) -> dict[str, Json]:
        world = self._gateway.world
        results = [
            calls.read_entry(entry, event_id(world), world.now())
            for entry in calls.put_entries(body)
        ]
        bus = await self._gateway.workers.of(EventBus)
        lost = await bus.put([result for result in results if isinstance(result, BusEvent)])
        return calls.put_answer(
            [
                calls.NOT_KEPT if isinstance(result, BusEvent) and result.id in lost else result
                for result in results
            ]
        )


async def _body(request: Request) -> CallBody:
    content = await body_within(request, _MOST)
    if content is None:
        raise EventsApiError("RequestEntityTooLargeException", "the call is too large")
    try:
        body: object = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise EventsApiError("SerializationException", "the body of a call is a JSON object")
    return cast("CallBody", body)


def _json(answer: dict[str, Json], status: int = 200) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    return Response(encode_payload(answer), status, headers, media_type=_KIND)


def _refused(error: EventsApiError) -> Response:
    return _json({"__type": error.code, "message": error.message}, 400)


def _guarded(error: ServiceError) -> ASGIApp:
    answer: dict[str, Json] = {"__type": error.code, "message": error.message}
    return _json(answer, error.status)
