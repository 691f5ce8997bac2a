"""The event source mappings of the Lambda API, for boto3, the AWS CLI and every SDK.

Credentials are not checked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda.api import request_body
from edgegw.awslambda.mapping_api import listed_mappings, mapping_configuration
from edgegw.awslambda.payload import Json
from edgegw.execution.api_answers import Endpoint, answered, json_response, lambda_app
from edgegw.gateway.workers.event_sources import EventSources, MappingRun

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

PATH: Final = "/2015-03-31/event-source-mappings"
"""Where all paths of these operations begin.

Source: Lambda API Reference, "CreateEventSourceMapping", request syntax.
"""

_MappingOperation = Callable[[Request, EventSources], Awaitable[tuple[int, Json]]]


def api(gateway: Gateway) -> ASGIApp:
    """The operations as an ASGI application, guarded against web pages."""
    return lambda_app(_MappingApi(gateway).routes())


class _MappingApi:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def routes(self) -> list[Route]:
        return [
            *(Route(PATH + end, self._answered(self._list), methods=["GET"]) for end in ("", "/")),
            *(
                Route(PATH + end, self._answered(self._create), methods=["POST"])
                for end in ("", "/")
            ),
            Route(f"{PATH}/{{uuid}}", self._answered(self._get), methods=["GET"]),
            Route(f"{PATH}/{{uuid}}", self._answered(self._update), methods=["PUT"]),
            Route(f"{PATH}/{{uuid}}", self._answered(self._delete), methods=["DELETE"]),
        ]

    def _answered(self, operation: _MappingOperation) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            sources = await self._gateway.workers.of(EventSources)
            status, content = await operation(request, sources)
            return json_response(content, status)

        return answered(endpoint)

    async def _create(self, request: Request, sources: EventSources) -> tuple[int, Json]:
        body = request_body(await request.body())
        return 202, self._shown(await sources.create(body))

    async def _get(self, request: Request, sources: EventSources) -> tuple[int, Json]:
        return 200, self._shown(sources.run(request.path_params["uuid"]))

    async def _list(self, request: Request, sources: EventSources) -> tuple[int, Json]:
        account = self._gateway.service.account
        page, more = listed_mappings(
            [run.mapping for run in sources.runs], request.query_params, account
        )
        rows = [self._shown(sources.run(mapping.uuid)) for mapping in page]
        answer: dict[str, Json] = {"EventSourceMappings": rows}
        return 200, answer | more

    async def _update(self, request: Request, sources: EventSources) -> tuple[int, Json]:
        body = request_body(await request.body())
        return 202, self._shown(await sources.update(request.path_params["uuid"], body))

    async def _delete(self, request: Request, sources: EventSources) -> tuple[int, Json]:
        return 202, self._shown(await sources.delete(request.path_params["uuid"]))

    def _shown(self, run: MappingRun) -> dict[str, Json]:
        return mapping_configuration(run.mapping, run.standing, self._gateway.service.account)
