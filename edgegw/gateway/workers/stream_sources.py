"""Streams as event sources: those embedded here, and real ones that the configuration names."""

from __future__ import annotations

from edgegw.awslambda.source_mapping import EventSourceMapping, KnownSource
from edgegw.awslambda.stream_events import ShardOrigin
from edgegw.config.events.event_source_make import remote_stream_source
from edgegw.execution.event_sources.embedded_stream import EmbeddedStreamClient
from edgegw.execution.event_sources.endpoint_stream import EndpointStreamClient
from edgegw.execution.event_sources.shard_poller import PollerContext
from edgegw.execution.event_sources.stream_client import StreamClient
from edgegw.execution.event_sources.streams import StreamPoller
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.workers.event_sources import EventSources
from edgegw.gateway.workers.mapping_counts import counting
from edgegw.gateway.workers.streams import Streams
from edgegw.messaging.stream import RemoteStream
from edgegw.messaging.stream_errors import StreamError
from edgegw.messaging.stream_names import stream_arn, type_and_region


async def known(arn: str, around: WorkerContext) -> KnownSource | None:
    """The stream with this ARN: an embedded one, else a real one of the configuration."""
    config = around.config()
    for stream in config.streams.values():
        if isinstance(stream, RemoteStream) and stream.stream_arn == arn:
            return remote_stream_source(stream)
    streams = await around.workers.of(Streams)
    try:
        definition = (await streams.describe(arn)).definition
    except StreamError:
        return None
    own = stream_arn(definition.name, definition.type, config.account)
    if own != arn:
        return None
    return KnownSource(kind=definition.type, name=definition.name, arn=own)


async def poller(mapping: EventSourceMapping, around: WorkerContext) -> StreamPoller:
    """What reads a stream for a mapping."""
    place = type_and_region(mapping.arn)
    assert place is not None  # no mapping of a stream is made without
    role = _role(mapping, around)
    origin = ShardOrigin(place[0], mapping.arn, place[1], "", role)
    client: StreamClient
    if mapping.is_embedded:
        streams = await around.workers.of(Streams)
        client = EmbeddedStreamClient(streams, mapping.source, origin, around.clock)
    else:
        client = EndpointStreamClient(origin, mapping.endpoint_url, around.clock)
    sources = await around.workers.of(EventSources)
    context = PollerContext(
        invoke=around.service.invoke,
        deliver=lambda target, body: _deliver(around, target, body),
        clock=around.clock,
        checkpoints=sources.checkpoints,
        function_arn=lambda mapping: _function_arn(mapping, around),
        note_age=lambda name, age: around.service.figures.note(name, "IteratorAge", age * 1000),
        count=counting(mapping, around),
        note_undelivered=lambda name: around.service.figures.note(
            name, "DestinationDeliveryFailures"
        ),
    )
    return StreamPoller(mapping, origin, client, context)


async def _deliver(around: WorkerContext, target: str, body: bytes) -> None:
    from edgegw.gateway.workers.messages import Messages

    messages = await around.workers.of(Messages)
    await messages.deliver(target, body)


def _function_arn(mapping: EventSourceMapping, around: WorkerContext) -> str:
    function = mapping.function
    return around.service.account.arn(function.name, function.qualifier)


def _role(mapping: EventSourceMapping, around: WorkerContext) -> str:
    """The role of the function, which reads the stream in its name."""
    deployed = around.service.functions.get(mapping.function.name)
    return "" if deployed is None else deployed.latest.role
