"""Streams of the configuration as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgegw.config.events.stream_keys import Stream

if TYPE_CHECKING:
    from edgegw.messaging.stream import RemoteStream, StreamDefinition


def resolved_streams(streams: Mapping[str, Stream]) -> dict[str, StreamDefinition | RemoteStream]:
    """All streams by name."""
    return {name: _resolved(name, stream) for name, stream in streams.items()}


def _resolved(name: str, stream: Stream) -> StreamDefinition | RemoteStream:
    from edgegw.messaging.stream import RemoteStream, StreamDefinition

    if stream.stream_arn is not None:
        return RemoteStream(
            name=name, stream_arn=stream.stream_arn, endpoint_url=stream.endpoint_url
        )
    return StreamDefinition(
        name=name, type=stream.type, shards=stream.shards, retention=float(stream.retention)
    )
