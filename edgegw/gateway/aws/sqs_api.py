"""The SQS API of a gateway: embedded queues for boto3, the AWS CLI and every SDK.

The JSON protocol: the operation stands in `X-Amz-Target`, the rest in the body. Errors have two
names, the older one in a header, which is the one that boto3 shows.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from edgegw.awslambda.payload import Json, decode_payload, encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.errors import StateProblem
from edgegw.execution.api_guard import ApiGuard
from edgegw.gateway.aws.sqs_operations import SqsCall, SqsOperations
from edgegw.messaging.queue_errors import QueueError
from edgegw.messaging.sqs_json import error_json

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

logger = logging.getLogger(__name__)

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a request: the largest batch, with everything in it escaped."""
_TYPE: Final = b"application/x-amz-json-1.0"
_Doing: TypeAlias = Callable[[SqsCall], Awaitable[dict[str, Json]]]


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""
    return ApiGuard(_SqsApi(gateway), _guarded)


class _SqsApi:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._operations: SqsOperations | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
        try:
            work = self._answer(headers, await _body(receive), scope)
            is_long = headers.get(b"x-amz-target", b"").endswith(b".ReceiveMessage")
            answer = await (_unless_gone(work, receive) if is_long else work)
        except _ClientGoneError:
            return
        except QueueError as error:
            await _refuse(send, error)
        except StateProblem as problem:
            logger.error("%s", problem)  # noqa: TRY400 - the sentence says all
            await _refuse(send, QueueError("ServiceUnavailable", str(problem)))
        else:
            await _respond(send, 200, encode_payload(answer))

    async def _answer(
        self, headers: Mapping[bytes, bytes], body: bytes, scope: Scope
    ) -> dict[str, Json]:
        name = headers.get(b"x-amz-target", b"").decode("latin-1").partition(".")[2]
        operation = await self._operation(name)
        trace = headers.get(b"x-amzn-trace-id", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        url = f"{scope['scheme']}://{host}/{self._gateway.config.account.account_id}/"
        return await operation(SqsCall(_decoded(body), url, trace or None))

    async def _operation(self, name: str) -> _Doing:
        if self._operations is None:
            from edgegw.gateway.workers.queues import Queues

            self._operations = SqsOperations(await self._gateway.workers.of(Queues))
        operation = self._operations.by_name.get(name)
        if operation is None:
            text = f"edgegw does not know the operation {name!r} of SQS"
            raise QueueError("UnknownOperationException", text)
        return operation


class _ClientGoneError(Exception):
    """Whoever asked is there no more."""


async def _unless_gone(
    work: Coroutine[Any, Any, dict[str, Json]], receive: Receive
) -> dict[str, Json]:
    """What `work` answers; it ends when the caller goes, so as not to take messages for nobody."""
    answering, going = asyncio.ensure_future(work), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((answering, going), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise _ClientGoneError
        return answering.result()
    finally:
        answering.cancel()
        going.cancel()


async def _body(receive: Receive) -> bytes:
    chunks, size = list[bytes](), 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    if size > MAX_BODY:
        text = f"The request is larger than {MAX_BODY} bytes."
        raise QueueError("InvalidParameterValueException", text)
    return b"".join(chunks)


def _decoded(body: bytes) -> Mapping[str, object]:
    try:
        content: object = decode_payload(body) if body else {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise QueueError("InvalidParameterValueException", "The body must be a JSON object.")
    return cast("dict[str, object]", content)


async def _refuse(send: Send, error: QueueError) -> None:
    fault = b"Sender" if error.status < 500 else b"Receiver"
    old = (b"x-amzn-query-error", error.code.encode() + b";" + fault)
    await _respond(send, error.status, encode_payload(error_json(error)), old)


async def _respond(send: Send, status: int, body: bytes, *lines: tuple[bytes, bytes]) -> None:
    headers = [
        (b"content-type", _TYPE),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
        *lines,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _guarded(error: ServiceError) -> ASGIApp:
    """The guard's refusal in the form of this API."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        content = {"__type": error.code, "message": error.message}
        await _respond(send, error.status, encode_payload(content))

    return app
