"""Event sources of the configuration as mappings."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.source_mapping import (
    SOURCE_RULES,
    EventSourceMapping,
    KnownSource,
    StreamMapping,
)
from edgegw.config.events.event_source_keys import EventSource
from edgegw.config.events.queue_keys import Queue
from edgegw.config.events.stream_keys import Stream
from edgegw.config.functions.event_invoke_make import target_from
from edgegw.config.schema import Config
from edgegw.messaging.queue import RemoteQueue
from edgegw.messaging.quotas import FIFO_SUFFIX
from edgegw.messaging.stream import RemoteStream
from edgegw.messaging.stream_names import stream_arn, type_and_region


def configured_sources(config: Config, account: Account) -> dict[str, KnownSource]:
    """What event sources may name, by name."""
    queues = {name: _queue_source(name, queue, account) for name, queue in config.queues.items()}
    streams = {name: _stream_source(name, each, account) for name, each in config.streams.items()}
    return queues | streams


def _stream_source(name: str, stream: Stream, account: Account) -> KnownSource:
    if stream.stream_arn is not None:
        remote = RemoteStream(
            name=name, stream_arn=stream.stream_arn, endpoint_url=stream.endpoint_url
        )
        return remote_stream_source(remote)
    return KnownSource(kind=stream.type, name=name, arn=stream_arn(name, stream.type, account))


def remote_stream_source(stream: RemoteStream) -> KnownSource:
    """A stream of a real service."""
    place = type_and_region(stream.stream_arn)
    return KnownSource(
        kind="kinesis" if place is None else place[0],
        name=stream.stream_arn,
        arn=stream.stream_arn,
        is_embedded=False,
        endpoint_url=stream.endpoint_url or "",
    )


def _queue_source(name: str, queue: Queue, account: Account) -> KnownSource:
    if queue.queue_url is not None:
        return remote_source(RemoteQueue(name, queue.queue_url, queue.endpoint_url), account)
    return KnownSource(
        kind="sqs-fifo" if name.endswith(FIFO_SUFFIX) else "sqs",
        name=name,
        arn=f"arn:aws:sqs:{account.region}:{account.account_id}:{name}",
        visibility_timeout=queue.visibility_timeout,
    )


def remote_source(queue: RemoteQueue, account: Account) -> KnownSource:
    """A real queue. Region, account and name are those in its URL, as far as they are there."""
    url = urlsplit(queue.queue_url)
    parts = [part for part in url.path.split("/") if part]
    host = (url.hostname or "").split(".")
    region = host[1] if host[0] == "sqs" and len(host) > 2 else account.region
    owner = parts[-2] if len(parts) > 1 and parts[-2].isdigit() else account.account_id
    return KnownSource(
        kind="sqs-fifo" if parts[-1].endswith(FIFO_SUFFIX) else "sqs",
        name=queue.queue_url,
        arn=f"arn:aws:sqs:{region}:{owner}:{parts[-1]}",
        is_embedded=False,
        endpoint_url=queue.endpoint_url or "",
    )


def event_sources(config: Config, account: Account, base: Path) -> tuple[EventSourceMapping, ...]:
    """All mappings of a checked configuration in the folder `base`."""
    sources = configured_sources(config, account)
    return tuple([mapping_of(given, sources[given.source], base) for given in config.event_sources])


def mapping_of(given: EventSource, source: KnownSource, base: Path) -> EventSourceMapping:
    """The mapping of `source`. Its UUID is always the same: made of source and function."""
    name, _, qualifier = given.function.partition(":")
    pollers = given.provisioned_pollers
    return EventSourceMapping(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source.arn} {given.function}")),
        kind=source.kind,
        source=source.name,
        arn=source.arn,
        function=FunctionRef(name, qualifier="" if qualifier == LATEST else qualifier),
        batch_size=given.batch_size or SOURCE_RULES[source.kind].default_size,
        is_embedded=source.is_embedded,
        endpoint_url=source.endpoint_url,
        enabled=given.enabled,
        batch_window=given.batch_window,
        filters=tuple(map(filter_text, given.filters)),
        reports_failures=given.report_batch_item_failures,
        maximum_concurrency=given.maximum_concurrency,
        minimum_pollers=pollers.minimum if pollers else 0,
        maximum_pollers=pollers.maximum if pollers else 0,
        stream=_stream(given, base),
    )


def _stream(given: EventSource, base: Path) -> StreamMapping:
    return StreamMapping(
        starting_position=given.starting_position or "",
        starting_timestamp=timestamp_of(given.starting_position_timestamp),
        parallelization_factor=given.parallelization_factor,
        maximum_record_age=given.maximum_record_age,
        maximum_retry_attempts=given.maximum_retry_attempts,
        bisect_on_error=given.bisect_batch_on_function_error,
        tumbling_window=given.tumbling_window,
        on_failure=target_from(given.on_failure, base),
    )


def filter_text(pattern: object) -> str:
    """A filter as JSON text; it may be written as such, or as a mapping."""
    return pattern if isinstance(pattern, str) else json.dumps(pattern, default=str)


def timestamp_of(given: float | str | None) -> float | None:
    """Seconds since 1970 of a number or an ISO 8601 text. Raises ValueError."""
    if not isinstance(given, str):
        return given
    instant = datetime.fromisoformat(given)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
