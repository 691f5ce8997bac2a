"""An API with a JSON protocol: `X-Amz-Target` names the operation, the body has the rest."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from edgegw.awslambda.payload import Json, decode_payload, encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.errors import StateProblem
from edgegw.messaging.stream_calls import CallMembers
from edgegw.messaging.stream_errors import StreamError

logger = logging.getLogger(__name__)

_MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a request: the largest PutRecords, as base64."""
_CBOR: Final = (
    "edgegw speaks the JSON protocol of this service, not CBOR: set AWS_CBOR_DISABLE=1, or "
    "-Daws.cborEnabled=false for Java"
)

JsonOperation: TypeAlias = Callable[[CallMembers], Awaitable[dict[str, Json] | None]]
Operations: TypeAlias = Mapping[str, JsonOperation]


class JsonService:
    """The API as an ASGI application. `operations` makes them with the first call."""

    def __init__(
        self, title: str, media_type: str, operations: Callable[[], Awaitable[Operations]]
    ):
        self._title = title
        self._media_type = media_type.encode()
        self._make = operations
        self._operations: Operations | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
        try:
            answer = await self._answer(headers, await _body(receive))
        except ConnectionError:
            return
        except StreamError as error:
            await self._refuse(send, error)
        except StateProblem as problem:
            logger.error("%s", problem)  # noqa: TRY400 - the sentence says all
            await self._refuse(send, StreamError("ServiceUnavailable", str(problem)))
        else:
            body = b"" if answer is None else encode_payload(answer)
            await _respond(send, 200, self._media_type, body)

    async def _answer(self, headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Json] | None:
        if b"cbor" in headers.get(b"content-type", b""):
            raise StreamError("SerializationException", _CBOR)
        if self._operations is None:
            self._operations = await self._make()
        name = headers.get(b"x-amz-target", b"").decode("latin-1").partition(".")[2]
        operation = self._operations.get(name)
        if operation is None:
            text = f"edgegw does not know the operation {name!r} of {self._title}"
            raise StreamError("UnknownOperationException", text)
        return await operation(CallMembers(_decoded(body)))

    async def _refuse(self, send: Send, error: StreamError) -> None:
        content = encode_payload({"__type": error.code, "message": error.text})
        await _respond(send, error.status, self._media_type, content)

    def kept_out(self, error: ServiceError) -> ASGIApp:
        """The guard's refusal in the form of this API."""

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            content = encode_payload({"__type": error.code, "message": error.message})
            await _respond(send, error.status, self._media_type, content)

        return app


async def _body(receive: Receive) -> bytes:
    chunks, size = list[bytes](), 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= _MAX_BODY:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    if size > _MAX_BODY:
        raise StreamError("ValidationException", f"the request is larger than {_MAX_BODY} bytes")
    return b"".join(chunks)


def _decoded(body: bytes) -> Mapping[str, object]:
    try:
        content: object = decode_payload(body) if body else {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise StreamError("SerializationException", "the body must be a JSON object")
    return cast("dict[str, object]", content)


async def _respond(send: Send, status: int, media_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
