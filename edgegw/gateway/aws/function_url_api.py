"""Function URL configurations of the Lambda API, for boto3 and the AWS CLI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda.api import listed_page, request_body
from edgegw.awslambda.http_events.url_config import (
    check_url_qualifier,
    created_url,
    no_function,
    no_url,
    shown_url,
    updated_url,
    url_exists,
)
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.payload import Json
from edgegw.awslambda.service_errors import not_found
from edgegw.execution.api_answers import Endpoint, answered, json_response, lambda_app

if TYPE_CHECKING:
    from edgegw.config.model import FunctionUrlDoor
    from edgegw.gateway.gateway import Gateway

PATHS: Final = "/2021-10-31/functions/"
_PAGE: Final = 50
"""URLs of a page.

Source: Lambda API Reference, "ListFunctionUrlConfigs", MaxItems.
"""

UrlOperation = Callable[[Request, FunctionRef], Awaitable[Response]]


def api(gateway: Gateway) -> ASGIApp:
    """The operations on function URLs as an ASGI application, guarded against web pages."""
    return lambda_app(_FunctionUrlApi(gateway).routes())


class _FunctionUrlApi:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._urls = gateway.on_demand.function_urls
        self._one_by_one = asyncio.Lock()

    def routes(self) -> list[Route]:
        url = f"{PATHS}{{name}}/url"
        return [
            Route(url, self._about(self._create), methods=["POST"]),
            Route(url, self._about(self._get), methods=["GET"]),
            Route(url, self._about(self._update), methods=["PUT"]),
            Route(url, self._about(self._delete), methods=["DELETE"]),
            Route(f"{url}s", self._about(self._list), methods=["GET"]),
        ]

    def _about(self, operation: UrlOperation) -> Endpoint:
        """`operation` on the function that the path names."""

        async def endpoint(request: Request) -> Response:
            return await operation(request, self._ref(request))

        return answered(endpoint)

    def _ref(self, request: Request) -> FunctionRef:
        """The function or alias that is meant. Raises ServiceError where there is none."""
        qualifier = request.query_params.get("Qualifier")
        service = self._gateway.service
        check_url_qualifier(qualifier or "")
        ref = service.account.function_ref(request.path_params["name"], qualifier)
        check_url_qualifier(ref.qualifier)
        deployed = service.functions.get(ref.name)
        if deployed is None:
            raise no_function()
        if not deployed.targets(ref):
            raise not_found(service.account.arn(ref.name, ref.qualifier))
        return ref

    async def _create(self, request: Request, ref: FunctionRef) -> Response:
        account = self._gateway.service.account
        url = created_url(ref, request_body(await request.body()), account)
        async with self._one_by_one:
            if self._urls.find(ref) is not None:
                raise url_exists(account.arn(ref.name, ref.qualifier))
            await self._urls.put(url)
        return self._shown(ref, 201)

    async def _get(self, request: Request, ref: FunctionRef) -> Response:
        return self._shown(ref)

    async def _update(self, request: Request, ref: FunctionRef) -> Response:
        body = request_body(await request.body())
        async with self._one_by_one:
            await self._urls.put(updated_url(self._known(ref).url, body))
        return self._shown(ref)

    async def _delete(self, request: Request, ref: FunctionRef) -> Response:
        async with self._one_by_one:
            self._known(ref)
            await self._urls.delete(ref)
        return Response(status_code=204)

    async def _list(self, request: Request, ref: FunctionRef) -> Response:
        urls = self._urls.listed(ref.name)
        doors, more = listed_page(urls, request.query_params, size=_PAGE, most=_PAGE)
        shown: list[Json] = [self._values(door) for door in doors]
        return json_response({"FunctionUrlConfigs": shown, **more})

    def _known(self, ref: FunctionRef) -> FunctionUrlDoor:
        door = self._urls.find(ref)
        if door is None:
            raise no_url()
        return door

    def _shown(self, ref: FunctionRef, status: int = 200) -> Response:
        return json_response(self._values(self._known(ref), is_new=status == 201), status)

    def _values(self, door: FunctionUrlDoor, *, is_new: bool = False) -> dict[str, Json]:
        times, account = self._urls.times(door.url.function), self._gateway.service.account
        return shown_url(door.url, self._urls.address(door), account, times, is_new=is_new)
