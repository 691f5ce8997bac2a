"""`edgegw send` to queues and streams of other services that the configuration names.

One after the other, in the order in which they came. What goes wrong is said with how many were
sent before; nothing is tried twice, so nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from edgegw.errors import EdgegwError, UsageError

if TYPE_CHECKING:
    from edgegw.execution.clock import ScaledClock
    from edgegw.messaging.queue import RemoteQueue, SendMessage
    from edgegw.messaging.stream import NewRecord, RemoteStream

_PATIENCE: Final = 10.0
"""Seconds for a connection, and for an answer."""
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


async def send_to_queue(
    queue: RemoteQueue, messages: Sequence[SendMessage], region: str
) -> list[str]:
    """The ids of the messages, which are sent. Raises UsageError."""
    from edgegw.execution.event_sources.endpoint_queue import EndpointQueue

    endpoint = EndpointQueue(queue.queue_url, queue.endpoint_url or "", region, _PATIENCE)
    try:
        return await _in_order(queue.name, messages, endpoint.send)
    finally:
        await endpoint.close()


async def send_to_stream(
    stream: RemoteStream, records: Sequence[NewRecord], clock: ScaledClock
) -> list[dict[str, str]]:
    """Where each record of a stream of Kinesis went, as PutRecord says it. Raises UsageError."""
    from edgegw.awslambda.stream_events import ShardOrigin
    from edgegw.execution.event_sources.endpoint_stream import EndpointStreamClient
    from edgegw.messaging.stream_names import type_and_region

    place = type_and_region(stream.stream_arn)
    if place is None or place[0] != "kinesis":
        text = f"{stream.name} is the stream of a table: change the table, and records come"
        raise UsageError(text)
    origin = ShardOrigin("kinesis", stream.stream_arn, place[1], "")
    client = EndpointStreamClient(origin, stream.endpoint_url or "", clock, _PATIENCE)
    try:
        placed = await _in_order(stream.name, records, client.put)
    finally:
        await client.close()
    return [{"ShardId": shard, "SequenceNumber": number} for shard, number in placed]


async def _in_order(
    name: str, items: Sequence[_Item], send: Callable[[_Item], Awaitable[_Answer]]
) -> list[_Answer]:
    answers = list[_Answer]()
    for item in items:
        try:
            answers.append(await send(item))
        except EdgegwError as problem:
            before = f" ({len(answers)} of {len(items)} were sent before)" if answers else ""
            raise UsageError(f"{name}: {problem}{before}") from None
    return answers
