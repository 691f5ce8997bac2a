"""CreateFunction and its siblings: the operations of the CloudFront API on CloudFront Functions.

Functions and the stores that they name are read from disk in a thread, beside the event loop.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgegw.cloudfront.api import API_PATH
from edgegw.cloudfront.api.errors import ApiError, invalid_version
from edgegw.cloudfront.api.functions import (
    FunctionNames,
    decode_create,
    decode_test,
    decode_update,
    encode_list,
    encode_summary,
    encode_trial,
    no_such_function,
    stage_of,
)
from edgegw.cloudfront.edge_functions.model import EdgeFailed
from edgegw.cloudfront.edge_functions.stages import StagedCode, StagedFunction
from edgegw.cloudfront.edge_functions.trial import (
    NoTrialEventError,
    decode_trial_event,
    trial_of,
)
from edgegw.gateway.aws.cloudfront_answers import (
    answered_in_xml,
    body_of,
    in_xml,
    page_of,
)

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_ETAG_OF_UPDATE: Final = "ETtag"
"""How the service model spells the ETag of UpdateFunction's answer, and SDKs look for it.

Source: service model of the AWS SDKs, UpdateFunctionResult.
"""


class FunctionCalls:
    """The operations, over the functions of a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._registry = gateway.edge_registry

    def routes(self) -> list[Route]:
        """Path and method of each.

        Source: CloudFront API Reference, request syntax of each operation.
        """
        all_of_them = f"{API_PATH}function"
        one = f"{all_of_them}/{{name}}"
        table = (
            (all_of_them, "POST", self._create),
            (all_of_them, "GET", self._list),
            (one, "PUT", self._update),
            (one, "GET", self._get),
            (one, "DELETE", self._delete),
            (f"{one}/describe", "GET", self._describe),
            (f"{one}/publish", "POST", self._publish),
            (f"{one}/test", "POST", self._test),
        )
        return [
            Route(path, answered_in_xml(operation), methods=[method])
            for path, method, operation in table
        ]

    async def _create(self, request: Request) -> Response:
        body = await body_of(request)
        function, tags = await self._registry.aside(decode_create, body, self._names)
        created = await self._registry.create(function, tags)
        place = f"{request.url.scheme}://{request.url.netloc}{API_PATH}function"
        headers = {"Location": f"{place}/{function.name}"}
        return await self._summary(created, created.development, 201, headers)

    async def _update(self, request: Request) -> Response:
        body = await body_of(request)
        name = (await self._function(request)).name
        function = await self._registry.aside(decode_update, body, name, self._names)
        after = await self._registry.update(function, _if_match(request))
        headers = {_ETAG_OF_UPDATE: after.development.etag}
        return await self._summary(after, after.development, headers=headers)

    async def _publish(self, request: Request) -> Response:
        after = await self._registry.publish(request.path_params["name"], _if_match(request))
        return await self._summary(after, after.live or after.development)

    async def _delete(self, request: Request) -> Response:
        await self._registry.delete(request.path_params["name"], _if_match(request))
        return Response(status_code=204, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    async def _describe(self, request: Request) -> Response:
        function = await self._function(request)
        return await self._summary(function, _asked_stage(request, function))

    async def _get(self, request: Request) -> Response:
        one = _asked_stage(request, await self._function(request))
        headers = {"ETag": one.etag, "x-amzn-RequestId": str(uuid.uuid4())}
        code = one.function.code.encode()
        return Response(code, headers=headers, media_type="application/octet-stream")

    async def _list(self, request: Request) -> Response:
        stage = request.query_params.get("Stage")
        wanted = None if stage is None else stage_of(stage)
        items = [
            (function, one)
            for function in await self._registry.aside(self._registry.all)
            for one in function.stages
            if wanted in (None, one.stage)
        ]
        page = page_of(request, items, lambda item: f"{item[0].name}:{item[1].stage}")
        return in_xml(await self._registry.aside(encode_list, page, self._names))

    async def _test(self, request: Request) -> Response:
        body = await body_of(request)
        function = await self._function(request)
        stage, raw = decode_test(body)
        one = function.at(stage)
        if one is None:
            raise no_such_function()
        if _if_match(request) != one.etag:
            raise invalid_version()
        try:
            event = decode_trial_event(raw)
        except NoTrialEventError as error:
            raise ApiError("InvalidArgument", f"The event object is not valid: {error}.") from None
        outcome = await self._registry.run(one, event)
        if isinstance(outcome, EdgeFailed) and outcome.is_engine:
            raise ApiError("TestFunctionFailed", outcome.message)
        trial = trial_of(event, outcome)
        return in_xml(await self._registry.aside(encode_trial, function, one, trial, self._names))

    @property
    def _names(self) -> FunctionNames:
        registry = self._registry
        return FunctionNames(
            self._gateway.config.account,
            registry.store_arn,
            registry.store_name,
            registry.is_associated,
        )

    async def _function(self, request: Request) -> StagedFunction:
        function = await self._registry.aside(self._registry.find, request.path_params["name"])
        if function is None:
            raise no_such_function()
        return function

    async def _summary(
        self,
        function: StagedFunction,
        one: StagedCode,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        document = await self._registry.aside(encode_summary, function, one, self._names)
        return in_xml(document, status, {"ETag": one.etag, **(headers or {})})


def _if_match(request: Request) -> str | None:
    """The ETag of `If-Match`; clients may write it in quotes."""
    given = request.headers.get("if-match")
    return None if given is None else given.strip().strip('"')


def _asked_stage(request: Request, function: StagedFunction) -> StagedCode:
    """The stage that the query names, DEVELOPMENT where it names none. Raises ApiError."""
    one = function.at(stage_of(request.query_params.get("Stage", "DEVELOPMENT")))
    if one is None:
        raise no_such_function()
    return one
