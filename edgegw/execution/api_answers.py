"""The frame of an API of AWS over HTTP: its routes, who is kept out, what stands for no operation.

Every API is the same from outside: an ASGI application behind one guard, which answers a path that
it does not know in its own form. Those of the Lambda service also share how they answer: JSON,
their errors, a request id on everything.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.errors import EnvironmentProblem
from edgegw.execution.api_guard import ApiGuard

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
ErrorResponse: TypeAlias = Callable[[ServiceError], Response]

GONE: Final = 499
"""The status of what nobody gets, as the caller has left."""


def api_app(routes: Sequence[Route], refuse: ErrorResponse) -> ASGIApp:
    """The API of `routes`, guarded against web pages; `refuse` writes errors in its form."""

    async def unknown_operation(request: Request, _error: Exception) -> Response:
        text = f"edgegw does not know the operation {request.method} {request.url.path}"
        return refuse(ServiceError("UnknownOperationException", text))

    handlers = {404: unknown_operation, 405: unknown_operation}
    return ApiGuard(Starlette(routes=routes, exception_handlers=handlers), refuse)


def lambda_app(routes: Sequence[Route]) -> ASGIApp:
    """A part of the Lambda API."""
    return api_app(routes, error_response)


async def body_within(request: Request, most: int) -> bytes | None:
    """The body, None where it has more than `most` bytes; what is too much is not kept."""
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
    return b"".join(chunks) if size <= most else None


def answered(endpoint: Endpoint) -> Endpoint:
    """`endpoint` with the Lambda service's errors as answers, and a request id on each."""

    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except ServiceError as error:
            response = error_response(error)
        except EnvironmentProblem as problem:
            response = error_response(ServiceError("ServiceException", str(problem)))
        except ClientDisconnect:
            return Response(status_code=GONE)
        response.headers.setdefault("x-amzn-RequestId", str(uuid.uuid4()))
        return response

    return answer


def json_response(value: Json, status: int = 200) -> Response:
    return Response(encode_payload(value), status, media_type="application/json")


def error_response(error: ServiceError) -> Response:
    headers = {"x-amzn-ErrorType": error.code, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(error.body, error.status, headers, media_type="application/json")
