"""The CloudWatch API over HTTP, for boto3, the AWS CLI and every SDK with an `endpoint_url`.

Three operations, in the three protocols that SDKs speak (`cloudwatch/protocols.py`). Forms are what
the guard of the other APIs keeps out, and the oldest protocol is one: here they are taken where
they are signed, as no page of a browser can send `Authorization` without asking beforehand.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda.service_errors import ServiceError
from edgegw.cloudwatch.protocols import metric_call, reply_to
from edgegw.execution.api_answers import GONE
from edgegw.execution.api_guard import ApiGuard

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_LARGEST: Final = 1024 * 1024


def api(gateway: Gateway) -> ASGIApp:
    """The API of the metrics of `gateway` as an ASGI application, guarded against pages."""
    return ApiGuard(_application(gateway), _kept_out, takes_signed_forms=True)


def _application(gateway: Gateway) -> Starlette:
    answer = _answering(gateway)
    return Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])


def _answering(gateway: Gateway) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=GONE)
        if len(body) > _LARGEST:
            return Response(f"the body is larger than {_LARGEST} bytes", 413)
        call = metric_call(request.url.path, dict(request.headers), body)
        if call is None:
            return Response("this is no call of CloudWatch", 400)
        request_id = str(uuid.uuid4())
        reply = reply_to(call, gateway.figures.gather(), request_id)
        headers = {**dict(reply.headers), "x-amzn-RequestId": request_id}
        return Response(reply.body, reply.status, headers)

    return answer


def _kept_out(error: ServiceError) -> ASGIApp:
    return Response(error.body, error.status, media_type="application/json")
