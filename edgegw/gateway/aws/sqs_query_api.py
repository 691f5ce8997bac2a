"""The SQS API in the older Query protocol: forms in, XML out; the operations are those of JSON.

A form that no signature comes with may be a page's, and is kept out.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from edgegw.awslambda.service_errors import ServiceError
from edgegw.execution.api_guard import ApiGuard
from edgegw.gateway.aws.json_service import JsonAnswer, ServiceApp, respond
from edgegw.gateway.aws.sqs_api import service_of
from edgegw.gateway.aws.sqs_operations import SqsCall
from edgegw.messaging.call_errors import CallError
from edgegw.messaging.queue_errors import QueueError
from edgegw.messaging.sqs_query import query_answer, query_call, query_error

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_XML = b"text/xml"


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""
    return ApiGuard(_QueryApp(service_of(gateway)), _kept_out, takes_signed_forms=True)


class _QueryApp(ServiceApp[SqsCall]):
    def read_call(
        self, scope: Scope, headers: Mapping[bytes, bytes], body: bytes
    ) -> tuple[str, Mapping[str, object]]:
        return query_call(scope["path"], body)

    async def answer(self, send: Send, name: str, answer: JsonAnswer | None) -> None:
        await respond(send, 200, _XML, query_answer(name, answer or {}, str(uuid.uuid4())))

    async def refuse(self, send: Send, error: CallError) -> None:
        assert isinstance(error, QueueError)
        await respond(send, error.status, _XML, query_error(error, str(uuid.uuid4())))


def _kept_out(error: ServiceError) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, error.status, b"application/json", error.body)

    return app
