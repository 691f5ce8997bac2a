"""The Lambda API over HTTP, for boto3, the AWS CLI and every SDK with an `endpoint_url`.

Credentials are not checked; who may call is (`api_guard`).
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda import api
from edgegw.awslambda import lambda_api as lambda_calls
from edgegw.awslambda.async_invocation import MAX_EVENT
from edgegw.awslambda.event_stream import invoke_complete, payload_chunk
from edgegw.awslambda.lifecycle import MAX_PAYLOAD, MAX_STREAMED
from edgegw.awslambda.logs import invocation_lines, log_tail
from edgegw.awslambda.model import (
    FunctionError,
    FunctionRef,
    Invocation,
    InvokeRefusal,
    Outcome,
    Returned,
    Throttled,
)
from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.service_errors import ServiceError, invalid
from edgegw.background import Background
from edgegw.execution.api_answers import (
    Endpoint,
    answered,
    body_within,
    json_response,
    lambda_app,
)
from edgegw.execution.control import ControlPlane
from edgegw.execution.log_store import iso_time
from edgegw.execution.policy_routes import policy_routes
from edgegw.execution.recursion import in_chain
from edgegw.execution.service import LambdaService
from edgegw.execution.shifting import Shifter

logger = logging.getLogger(__name__)

_F: Final = "/functions/{name}"

InvokeAction = Literal["Invoke", "InvokeWithResponseStream"]
AcceptEvent = Callable[[Invocation], Awaitable[str]]
"""Keeps an event for later and answers its request id. Raises ServiceError."""


def lambda_api(service: LambdaService, shifter: Shifter, accept: AcceptEvent) -> ASGIApp:
    """The API of `service` as an ASGI application, guarded against web pages."""
    return lambda_app(_Api(service, shifter, accept).routes())


class _Api:
    def __init__(self, service: LambdaService, shifter: Shifter, accept: AcceptEvent) -> None:
        self._service = service
        self._accept = accept
        self._shifter = shifter
        self._control = ControlPlane(service)
        self._streaming = Background()

    def routes(self) -> list[Route]:
        return [
            *self._data_plane(),
            *self._function_routes(),
            *self._alias_routes(),
            *self._concurrency_routes(),
            *policy_routes(self._service),
            Route("/", answered(self._other_service), methods=["POST"]),
        ]

    def _data_plane(self) -> list[Route]:
        invocations = f"/2015-03-31{_F}/invocations"
        streams = f"/2021-11-15{_F}/response-streaming-invocations"
        old = f"/2014-11-13{_F}/invoke-async"
        return [
            Route(old, answered(self._invoke_async), methods=["POST"]),
            Route(f"{old}/", answered(self._invoke_async), methods=["POST"]),
            Route(invocations, answered(self._invoke), methods=["POST"]),
            Route(streams, answered(self._stream), methods=["POST"]),
        ]

    def _function_routes(self) -> list[Route]:
        control = self._control

        async def get_function(request: Request, ref: FunctionRef) -> Json:
            return await control.get_function(ref)

        async def get_configuration(request: Request, ref: FunctionRef) -> Json:
            return await control.get_function_configuration(ref)

        async def list_functions(request: Request) -> Response:
            return json_response(await control.list_functions(request.query_params))

        async def list_versions(request: Request, ref: FunctionRef) -> Json:
            return await control.list_versions(ref, request.query_params)

        async def publish(request: Request, ref: FunctionRef) -> Json:
            return await control.publish_version(ref, api.request_body(await request.body()))

        async def settings(request: Request) -> Response:
            return json_response(await control.account_settings())

        base = f"/2015-03-31{_F}"
        return [
            Route("/2015-03-31/functions", answered(list_functions), methods=["GET"]),
            Route("/2015-03-31/functions/", answered(list_functions), methods=["GET"]),
            Route(base, self._about(get_function), methods=["GET"]),
            Route(f"{base}/configuration", self._about(get_configuration), methods=["GET"]),
            Route(f"{base}/versions", self._about(list_versions), methods=["GET"]),
            Route(f"{base}/versions", self._about(publish, 201), methods=["POST"]),
            Route("/2016-08-19/account-settings", answered(settings), methods=["GET"]),
            Route("/2016-08-19/account-settings/", answered(settings), methods=["GET"]),
        ]

    def _alias_routes(self) -> list[Route]:
        control = self._control

        async def listed(request: Request, ref: FunctionRef) -> Json:
            return control.list_aliases(ref, request.query_params)

        async def got(request: Request, ref: FunctionRef) -> Json:
            return control.get_alias(ref, request.path_params["alias"])

        async def created(request: Request, ref: FunctionRef) -> Json:
            return control.create_alias(ref, api.request_body(await request.body()))

        async def updated(request: Request, ref: FunctionRef) -> Json:
            body = api.request_body(await request.body())
            return control.update_alias(ref, request.path_params["alias"], body)

        async def deleted(request: Request, ref: FunctionRef) -> Json:
            control.delete_alias(ref, request.path_params["alias"])
            return None

        base = f"/2015-03-31{_F}/aliases"
        return [
            Route(base, self._about(listed), methods=["GET"]),
            Route(base, self._about(created, 201), methods=["POST"]),
            Route(f"{base}/{{alias}}", self._about(got), methods=["GET"]),
            Route(f"{base}/{{alias}}", self._about(updated), methods=["PUT"]),
            Route(f"{base}/{{alias}}", self._about(deleted, 204), methods=["DELETE"]),
        ]

    def _concurrency_routes(self) -> list[Route]:
        control = self._control

        async def put(request: Request, ref: FunctionRef) -> Json:
            return control.put_concurrency(ref, api.request_body(await request.body()))

        async def got(request: Request, ref: FunctionRef) -> Json:
            return control.get_concurrency(ref)

        async def deleted(request: Request, ref: FunctionRef) -> Json:
            control.delete_concurrency(ref)
            return None

        async def provisioned(request: Request, ref: FunctionRef) -> Json:
            return control.put_provisioned(ref, api.request_body(await request.body()))

        async def provision(request: Request, ref: FunctionRef) -> Json:
            return control.get_provisioned(ref)

        async def unprovisioned(request: Request, ref: FunctionRef) -> Json:
            control.delete_provisioned(ref)
            return None

        old, new = f"/2017-10-31{_F}/concurrency", f"/2019-09-30{_F}/concurrency"
        more = f"/2019-09-30{_F}/provisioned-concurrency"
        return [
            Route(old, self._about(put), methods=["PUT"]),
            Route(old, self._about(deleted, 204), methods=["DELETE"]),
            Route(new, self._about(got), methods=["GET"]),
            Route(more, self._about(provisioned, 202), methods=["PUT"]),
            Route(more, self._about(provision), methods=["GET"]),
            Route(more, self._about(unprovisioned, 204), methods=["DELETE"]),
        ]

    # Requests

    def _about(
        self,
        operation: Callable[[Request, FunctionRef], Awaitable[Json]],
        status: int = 200,
    ) -> Endpoint:
        """An operation on one function: its reference parsed, its answer as JSON."""

        async def endpoint(request: Request) -> Response:
            answer = await operation(request, self._ref(request))
            return Response(status_code=status) if answer is None else json_response(answer, status)

        return answered(endpoint)

    def _ref(self, request: Request) -> FunctionRef:
        return self._service.account.function_ref(
            request.path_params["name"], request.query_params.get("Qualifier")
        )

    # Invoke

    def _head(self, request: Request, action: InvokeAction) -> lambda_calls.InvokeHead:
        name, qualifier = request.path_params["name"], request.query_params.get("Qualifier")
        call = lambda_calls.InvokeCall(action, name, qualifier, request.headers)
        return lambda_calls.check_head(call, self._service.account, self._service.functions)

    async def _invoke(self, request: Request) -> Response:
        head = self._head(request, "Invoke")
        if head.kind == "Event":
            return await self._event(head, request)
        invocation = self._in_chain(head.invocation(await _body(request)))
        if head.kind == "DryRun":
            return Response(status_code=204)
        outcome = await self._service.invoke(invocation)
        if isinstance(outcome, (Throttled, InvokeRefusal)):
            raise lambda_calls.refusal(outcome)
        headers = lambda_calls.outcome_headers(outcome)
        if head.wants_tail:
            headers["X-Amz-Log-Result"] = self._tail(invocation, outcome)
        return Response(outcome.payload, headers=headers, media_type="application/json")

    async def _event(self, head: lambda_calls.InvokeHead, request: Request) -> Response:
        """202 once the event is kept."""
        body = await _body(request, MAX_EVENT)
        request_id = await self._accept(head.invocation(body))
        return Response(status_code=202, headers={"x-amzn-RequestId": request_id})

    async def _invoke_async(self, request: Request) -> Response:
        """InvokeAsync, which AWS keeps for old callers."""
        await self._event(self._head(request, "Invoke"), request)
        return json_response({"Status": 202}, 202)

    def _in_chain(self, invocation: Invocation) -> Invocation:
        """With the function's turn in the chain that calls it. Raises ServiceError for a loop."""
        counted = in_chain(self._service, invocation)
        if isinstance(counted, InvokeRefusal):
            raise lambda_calls.refusal(counted)
        return counted

    def _tail(self, invocation: Invocation, outcome: Outcome) -> str:
        deployed = self._service.functions[invocation.function.name]
        settings, now = deployed.latest.logs, time.time()
        times = iso_time(now - outcome.report.duration), iso_time(now)
        lines = invocation_lines(outcome.report, settings, times)
        return base64.b64encode(log_tail(lines)).decode()

    async def _stream(self, request: Request) -> Response:
        head = self._head(request, "InvokeWithResponseStream")
        invocation = self._in_chain(head.invocation(await _body(request)))
        if head.kind == "DryRun":
            return Response(status_code=204)
        sink = _StreamedResponse()
        running = self._streaming.start(self._service.invoke(invocation, sink))
        running.add_done_callback(lambda _: sink.wake())
        await sink.begun.wait()
        if running.done():
            outcome = running.result()
            if isinstance(outcome, (Throttled, InvokeRefusal)):
                raise lambda_calls.refusal(outcome)
        frames = self._frames(sink, running, invocation, tail=head.wants_tail)
        deployed = self._service.functions[invocation.function.name]
        targets = deployed.targets(invocation.function)
        headers = {"X-Amz-Executed-Version": targets[0][0]}
        if running.done():
            headers["X-Amz-Executed-Version"] = running.result().report.version
        headers["Content-Type"] = sink.content_type
        return StreamingResponse(frames, headers=headers)

    async def _frames(
        self,
        sink: _StreamedResponse,
        running: asyncio.Future[Outcome],
        invocation: Invocation,
        *,
        tail: bool,
    ) -> AsyncIterator[bytes]:
        async for chunk in sink.chunks(running):
            yield payload_chunk(chunk)
        outcome = running.result()
        log_result = self._tail(invocation, outcome) if tail else ""
        if isinstance(outcome, FunctionError):
            details = outcome.payload.decode("utf-8", "replace")
            yield invoke_complete(outcome.error_type, details, log_result)
            return
        if isinstance(outcome, Returned) and not sink.has_streamed and outcome.payload:
            yield payload_chunk(outcome.payload)
        yield invoke_complete(log_result=log_result)

    async def _other_service(self, request: Request) -> Response:
        """CodeDeploy's one action that hooks call; JSON 1.1 with the action in a header."""
        target = request.headers.get("x-amz-target", "")
        if target != "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus":
            raise ServiceError("UnknownOperationException", f"edgegw does not know {target!r}")
        body = api.request_body(await request.body())
        execution_id = api.text_member(body, "lifecycleEventHookExecutionId", "")
        if not self._shifter.report(execution_id, api.text_member(body, "status", "")):
            raise invalid(f"no hook runs with the execution id {execution_id!r}")
        answer = {"lifecycleEventHookExecutionId": execution_id}
        return Response(encode_payload(answer), media_type="application/x-amz-json-1.1")


class _StreamedResponse:
    """A streamed response on its way from the function to the caller."""

    def __init__(self) -> None:
        self.content_type = "application/octet-stream"
        self.has_streamed = False
        self.begun = asyncio.Event()
        self._chunks: list[bytes] = []
        self._size = 0
        self._more = asyncio.Event()

    def begin(self, content_type: str) -> None:
        self.content_type = content_type
        self.has_streamed = True
        self.wake()

    def write(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= MAX_STREAMED:
            self._chunks.append(chunk)
        self._more.set()

    def wake(self) -> None:
        self.begun.set()
        self._more.set()

    async def chunks(self, running: asyncio.Future[Any]) -> AsyncIterator[bytes]:
        """The chunks as they come, until `running` is done."""
        while True:
            await self._more.wait()
            self._more.clear()
            found, self._chunks = self._chunks, []
            for chunk in found:
                yield chunk
            if running.done() and not self._chunks:
                return


async def _body(request: Request, most: int = MAX_PAYLOAD) -> bytes:
    body = await body_within(request, most)
    if body is None:
        raise lambda_calls.payload_too_large(most)
    return body
