"""The SQS API of a gateway: embedded queues for boto3, the AWS CLI and every SDK.

Errors have two names, the older one in a header, which is the one that boto3 shows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp

from edgegw.awslambda.payload import Json
from edgegw.gateway.aws.json_service import JsonCall, JsonService
from edgegw.gateway.aws.sqs_operations import SqsCall, SqsOperations
from edgegw.messaging.queue_errors import QueueError

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_NAMES: Final = {
    "SerializationException": "InvalidParameterValueException",
    "ValidationException": "InvalidParameterValueException",
}
"""What SQS calls the errors of a body that cannot be read."""


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""
    return service_of(gateway).app()


def service_of(gateway: Gateway) -> JsonService[SqsCall]:
    """The operations of SQS, and what they take of a call."""

    async def operations() -> Mapping[str, Callable[[SqsCall], Awaitable[dict[str, Json]]]]:
        from edgegw.gateway.workers.queues import Queues

        return SqsOperations(await gateway.workers.of(Queues)).by_name

    def read(call: JsonCall) -> SqsCall:
        trace = call.headers.get(b"x-amzn-trace-id", b"").decode("latin-1")
        host = call.headers.get(b"host", b"").decode("latin-1")
        url = f"{call.scheme}://{host}/{gateway.config.account.account_id}/"
        return SqsCall(call.members, url, trace or None)

    return JsonService(
        title="SQS",
        media_type=b"application/x-amz-json-1.0",
        operations=operations,
        read=read,
        error=named_error,
        waiting=frozenset({"ReceiveMessage"}),
    )


def named_error(name: str, text: str) -> QueueError:
    return QueueError(_NAMES.get(name, name), text)
