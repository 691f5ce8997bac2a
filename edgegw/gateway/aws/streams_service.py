"""What the APIs of Kinesis and DynamoDB Streams have in common as services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from starlette.types import ASGIApp

from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json
from edgegw.execution.embedded_streams import EmbeddedStreams
from edgegw.gateway.aws.json_service import JsonCall, JsonService
from edgegw.gateway.world import WallClock
from edgegw.messaging.stream_calls import CallMembers
from edgegw.messaging.stream_errors import StreamError

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

StreamOperation: TypeAlias = Callable[[CallMembers], Awaitable[dict[str, Json] | None]]
OperationsByName: TypeAlias = Mapping[str, StreamOperation]
MakeOperations: TypeAlias = Callable[[EmbeddedStreams, Account, WallClock], OperationsByName]


def streams_app(gateway: Gateway, title: str, media_type: bytes, make: MakeOperations) -> ASGIApp:
    """An API over the embedded streams, guarded against web pages."""

    async def operations() -> OperationsByName:
        from edgegw.gateway.workers.streams import Streams

        streams = await gateway.workers.of(Streams)
        return make(streams, gateway.config.account, gateway.world.now)

    return JsonService(
        title=title,
        media_type=media_type,
        operations=operations,
        read=_members,
        error=StreamError,
    ).app()


def _members(call: JsonCall) -> CallMembers:
    return CallMembers(call.members)
