"""Which module reads which kind of source.

Such a module answers two questions: `known(arn, around)` is the source with this ARN, or None, and
`poller(mapping, around)` is what reads it for a mapping, not started.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

from edgegw.awslambda.names import service_of
from edgegw.awslambda.source_mapping import EventSourceMapping, KnownSource
from edgegw.execution.event_sources import SourcePoller
from edgegw.gateway.workers import WorkerContext

_STREAMS: Final = "edgegw.gateway.workers.stream_sources"
SOURCE_KINDS: Final[dict[str, str]] = {
    "sqs": "edgegw.gateway.workers.queue_sources",
    "kinesis": _STREAMS,
    "dynamodb": _STREAMS,
}
"""Modules by the service in the source's ARN, imported with the first mapping that needs them."""


async def known_source(arn: str, around: WorkerContext) -> KnownSource | None:
    """The source with this ARN, if there is one here."""
    module = _module(arn)
    return None if module is None else await module.known(arn, around)


async def make_poller(mapping: EventSourceMapping, around: WorkerContext) -> SourcePoller:
    """The poller of a mapping, not started."""
    module = _module(mapping.arn)
    assert module is not None  # no mapping is made without
    return await module.poller(mapping, around)


def _module(arn: str) -> Any:
    name = SOURCE_KINDS.get(service_of(arn))
    return None if name is None else importlib.import_module(name)
