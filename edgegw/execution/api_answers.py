"""How the APIs of the Lambda service answer: JSON, their errors, a request id on everything."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.service_errors import ServiceError

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def answered(endpoint: Endpoint) -> Endpoint:
    """`endpoint` with the service's errors as answers, and a request id on each."""

    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except ServiceError as error:
            response = error_response(error)
        except ClientDisconnect:
            return Response(status_code=499)
        response.headers.setdefault("x-amzn-RequestId", str(uuid.uuid4()))
        return response

    return answer


def json_response(value: Json, status: int = 200) -> Response:
    return Response(encode_payload(value), status, media_type="application/json")


def error_response(error: ServiceError) -> Response:
    headers = {"x-amzn-ErrorType": error.code, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(error.body, error.status, headers, media_type="application/json")


async def unknown_operation(request: Request, _error: Exception) -> Response:
    """The answer to a path or method that stands for no operation here."""
    text = f"edgegw does not know the operation {request.method} {request.url.path}"
    return error_response(ServiceError("UnknownOperationException", text))
