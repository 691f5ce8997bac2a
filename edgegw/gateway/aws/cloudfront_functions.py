"""CreateFunction and its siblings: the operations of the CloudFront API on CloudFront Functions."""

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
    check_version,
    decode_create,
    decode_test,
    decode_update,
    encode_list,
    encode_summary,
    encode_trial,
    function_exists,
    function_in_use,
    no_such_function,
    stage_of,
    too_many_functions,
)
from edgegw.cloudfront.edge_functions.model import EdgeFailed
from edgegw.cloudfront.edge_functions.stages import (
    MAX_EDGE_FUNCTIONS,
    StagedCode,
    StagedFunction,
)
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
        function = decode_create(await body_of(request), self._names)
        if self._registry.find(function.name) is not None:
            raise function_exists()
        if len(self._registry.all()) >= MAX_EDGE_FUNCTIONS:
            raise too_many_functions(MAX_EDGE_FUNCTIONS)
        created = self._registry.create(function)
        place = f"{request.url.scheme}://{request.url.netloc}{API_PATH}function"
        headers = {"Location": f"{place}/{function.name}"}
        return self._summary(created, created.development, 201, headers)

    async def _update(self, request: Request) -> Response:
        body = await body_of(request)
        before = self._function(request)  # as it is now: another update may have come before
        function = decode_update(body, before.name, self._names)
        check_version(_if_match(request), before.development.etag)
        after = self._registry.update(before, function)
        headers = {_ETAG_OF_UPDATE: after.development.etag}
        return self._summary(after, after.development, headers=headers)

    async def _publish(self, request: Request) -> Response:
        before = self._function(request)
        check_version(_if_match(request), before.development.etag)
        after = self._registry.publish(before)
        return self._summary(after, after.live or after.development)

    async def _delete(self, request: Request) -> Response:
        function = self._function(request)
        check_version(_if_match(request), function.development.etag)
        if self._registry.is_associated(function.name):
            raise function_in_use()
        if self._registry.is_configured(function.name):
            text = "The configuration of the gateway has this function: remove it there."
            raise ApiError("UnsupportedOperation", text)
        self._registry.delete(function)
        return Response(status_code=204, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    async def _describe(self, request: Request) -> Response:
        function = self._function(request)
        return self._summary(function, _asked_stage(request, function))

    async def _get(self, request: Request) -> Response:
        one = _asked_stage(request, self._function(request))
        headers = {"ETag": one.etag, "x-amzn-RequestId": str(uuid.uuid4())}
        code = one.function.code.encode()
        return Response(code, headers=headers, media_type="application/octet-stream")

    async def _list(self, request: Request) -> Response:
        stage = request.query_params.get("Stage")
        wanted = None if stage is None else stage_of(stage)
        items = [
            (function, one)
            for function in self._registry.all()
            for one in function.stages
            if wanted in (None, one.stage)
        ]
        page = page_of(request, items, lambda item: f"{item[0].name}:{item[1].stage}")
        return in_xml(encode_list(page, self._names))

    async def _test(self, request: Request) -> Response:
        body = await body_of(request)
        function = self._function(request)
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
        return in_xml(encode_trial(function, one, trial_of(event, outcome), self._names))

    @property
    def _names(self) -> FunctionNames:
        registry = self._registry
        return FunctionNames(
            self._gateway.config.account,
            registry.store_arn,
            registry.store_name,
            registry.is_associated,
        )

    def _function(self, request: Request) -> StagedFunction:
        function = self._registry.find(request.path_params["name"])
        if function is None:
            raise no_such_function()
        return function

    def _summary(
        self,
        function: StagedFunction,
        one: StagedCode,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        document = encode_summary(function, one, self._names)
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
