"""An API with a JSON protocol: `X-Amz-Target` names the operation, the body has the rest.

    guard ─▶ body ─▶ JSON object ─▶ operation ─▶ JSON
                 └────────┴─────────────┴──────▶ CallError, written as the service writes errors

SQS, Kinesis and DynamoDB Streams differ in what their operations take, in the names of their
errors, and in whether an operation waits for something: such a one ends when its caller goes.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from edgegw.awslambda.payload import Json, decode_payload, encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.errors import StateProblem
from edgegw.execution.api_guard import ApiGuard
from edgegw.messaging.call_errors import CallError
from edgegw.values import value

logger = logging.getLogger(__name__)

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a request: the largest batch of messages or records, as JSON has it."""
_CBOR: Final = (
    "edgegw speaks the JSON protocol of this service, not CBOR: set AWS_CBOR_DISABLE=1, or "
    "-Daws.cborEnabled=false for Java"
)

Call = TypeVar("Call")
JsonAnswer: TypeAlias = dict[str, Json]


@value
class JsonCall:
    """What is asked: the members of the body, the headers, names in lower case, and the scheme."""

    members: Mapping[str, object]
    headers: Mapping[bytes, bytes]
    scheme: str


@value(kw_only=True)
class JsonService(Generic[Call]):
    """One such API. `operations` makes them with the first call; those of `waiting` may wait long.

    `read` makes what operations take of a call, `error` an error of a name (`ValidationException`
    where the body is too large, `SerializationException` where it is no JSON object) and a text.
    """

    title: str
    media_type: bytes
    operations: Callable[
        [], Awaitable[Mapping[str, Callable[[Call], Awaitable[JsonAnswer | None]]]]
    ]
    read: Callable[[JsonCall], Call]
    error: Callable[[str, str], CallError]
    waiting: frozenset[str] = frozenset()

    def app(self) -> ASGIApp:
        """The API as an ASGI application, guarded against web pages."""
        return ApiGuard(ServiceApp(self), self._kept_out)

    def _kept_out(self, error: ServiceError) -> ASGIApp:
        """The guard's refusal in the form of this API."""

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            content = encode_payload({"__type": error.code, "message": error.message})
            await respond(send, error.status, self.media_type, content)

        return app


class _CallerGoneError(Exception):
    """Whoever asked is there no more."""


class ServiceApp(Generic[Call]):
    """One such API as an ASGI application; another protocol reads and writes in its own way."""

    def __init__(self, service: JsonService[Call]) -> None:
        self._service = service
        self._operations: Mapping[str, Callable[[Call], Awaitable[JsonAnswer | None]]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = self._service
        headers = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
        try:
            name, members = self.read_call(scope, headers, await self._body(receive))
            work = self._answer(name, JsonCall(members, headers, scope["scheme"]))
            waits = name in service.waiting
            answer = await (_unless_gone(work, receive) if waits else work)
        except _CallerGoneError:
            return
        except CallError as error:
            await self.refuse(send, error)
        except StateProblem as problem:
            logger.error("%s", problem)  # noqa: TRY400 - the sentence says all
            await self.refuse(send, service.error("ServiceUnavailable", str(problem)))
        else:
            await self.answer(send, name, answer)

    # The protocol

    def read_call(
        self, scope: Scope, headers: Mapping[bytes, bytes], body: bytes
    ) -> tuple[str, Mapping[str, object]]:
        """The operation that is asked for, and its members. Raises CallError."""
        name = headers.get(b"x-amz-target", b"").decode("latin-1").partition(".")[2]
        return name, self._members(headers, body)

    async def answer(self, send: Send, name: str, answer: JsonAnswer | None) -> None:
        """Sends what the operation answers."""
        body = b"" if answer is None else encode_payload(answer)
        await respond(send, 200, self._service.media_type, body)

    async def refuse(self, send: Send, error: CallError) -> None:
        """Sends an error."""
        lines: list[tuple[bytes, bytes]] = []
        if error.query_code is not None:
            fault = "Sender" if error.status < 500 else "Receiver"
            lines.append((b"x-amzn-query-error", f"{error.query_code};{fault}".encode()))
        content = encode_payload({"__type": error.type_name, "message": error.text})
        await respond(send, error.status, self._service.media_type, content, *lines)

    # The way of a call

    async def _answer(self, name: str, call: JsonCall) -> JsonAnswer | None:
        service = self._service
        if self._operations is None:
            self._operations = await service.operations()
        operation = self._operations.get(name)
        if operation is None:
            text = f"edgegw does not know the operation {name!r} of {service.title}"
            raise service.error("UnknownOperationException", text)
        return await operation(service.read(call))

    async def _body(self, receive: Receive) -> bytes:
        chunks, size = list[bytes](), 0
        while True:
            message: Any = await receive()
            if message["type"] == "http.disconnect":
                raise _CallerGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= MAX_BODY:
                chunks.append(chunk)
            if not message.get("more_body", False):
                break
        if size > MAX_BODY:
            text = f"The request is larger than {MAX_BODY} bytes."
            raise self._service.error("ValidationException", text)
        return b"".join(chunks)

    def _members(self, headers: Mapping[bytes, bytes], body: bytes) -> Mapping[str, object]:
        if b"cbor" in headers.get(b"content-type", b""):
            raise self._service.error("SerializationException", _CBOR)
        try:
            content: object = decode_payload(body) if body else {}
        except ValueError:
            content = None
        if not isinstance(content, dict):
            text = "The body must be a JSON object."
            raise self._service.error("SerializationException", text)
        return cast("dict[str, object]", content)


async def _unless_gone(
    work: Coroutine[Any, Any, JsonAnswer | None], receive: Receive
) -> JsonAnswer | None:
    """What `work` answers; it ends when the caller goes, so as not to take messages for nobody."""
    answering, going = asyncio.ensure_future(work), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((answering, going), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise _CallerGoneError
        return answering.result()
    finally:
        answering.cancel()
        going.cancel()


async def respond(
    send: Send, status: int, media_type: bytes, body: bytes, *lines: tuple[bytes, bytes]
) -> None:
    """Sends an answer, with an id of its own."""
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
        *lines,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
