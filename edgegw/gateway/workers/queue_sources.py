"""Queues as event sources: those embedded here, and real ones that the configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from edgegw.awslambda.source_mapping import EventSourceMapping, KnownSource
from edgegw.awslambda.sqs_source import InFlight
from edgegw.config.events.event_source_make import remote_source
from edgegw.errors import StateProblem
from edgegw.execution.clock import ScaledClock
from edgegw.execution.event_sources.endpoint_queue import EndpointQueue
from edgegw.execution.event_sources.queue_client import QueueClient, QueueProblem
from edgegw.execution.event_sources.sqs import SqsPoller
from edgegw.execution.recursion import invoke_in_chain
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.workers.mapping_counts import counting
from edgegw.gateway.workers.queues import Queues
from edgegw.messaging.queue import RemoteQueue
from edgegw.messaging.queue_errors import QueueError
from edgegw.messaging.receiving import MAX_VISIBILITY

_DAY: Final = 86_400.0
"""Seconds of one receive that waits until something comes."""


async def known(arn: str, around: WorkerContext) -> KnownSource | None:
    """The queue with this ARN: an embedded one, else a real one of the configuration."""
    config = around.config()
    for queue in config.queues.values():
        if isinstance(queue, RemoteQueue):
            source = remote_source(queue, config.account)
            if source.arn == arn:
                return source
    queues = await around.workers.of(Queues)
    try:
        settings = queues.settings(arn)
    except QueueError:
        return None
    return KnownSource(
        kind="sqs-fifo" if settings.is_fifo else "sqs",
        name=settings.name,
        arn=queues.arn(settings.name),
        visibility_timeout=settings.visibility_timeout,
    )


async def poller(mapping: EventSourceMapping, around: WorkerContext) -> SqsPoller:
    """What reads a queue for a mapping."""
    queue: QueueClient
    if mapping.is_embedded:
        queue = EmbeddedQueue(await around.workers.of(Queues), mapping.source, around.clock)
    else:
        region = around.config().account.region
        queue = EndpointQueue(mapping.source, mapping.endpoint_url, region)
    deployed = around.service.functions.get(mapping.function.name)
    timeout = 0.0 if deployed is None else deployed.latest.timeout
    invoke = partial(invoke_in_chain, around.service)
    count = counting(mapping, around)
    return SqsPoller(mapping, queue, invoke, around.clock, timeout, count)


class EmbeddedQueue:
    """An embedded queue as a poller uses it: it wakes whoever waits, so nobody polls.

    Functions take the time they take, however fast the clock of queues runs. So where it runs
    faster, messages are hidden for their timeout in seconds of this machine while they run, and
    those that failed for their timeout by the queue's clock.
    """

    def __init__(self, queues: Queues, name: str, clock: ScaledClock) -> None:
        self._queues = queues
        self._name = name
        self._clock = clock

    async def receive(self, most: int, wait: float) -> Sequence[InFlight]:
        """Up to `most` messages, as soon as there is one."""
        seconds = min(wait * self._clock.scale, _DAY)
        try:
            visibility = self._hidden() if self._clock.scale > 1 else None
            return await self._queues.receive(self._name, most, visibility=visibility, wait=seconds)
        except (QueueError, StateProblem) as error:
            raise self._problem(error) from error

    async def delete(self, messages: Sequence[InFlight]) -> None:
        """Deletes messages."""
        try:
            await self._queues.delete(self._name, [message.receipt_handle for message in messages])
        except (QueueError, StateProblem) as error:
            raise self._problem(error) from error

    async def fail(self, messages: Sequence[InFlight]) -> None:
        """Messages come again when their visibility timeout is over."""
        if self._clock.scale > 1:
            await self._hide(messages, await self.visibility_timeout())

    async def release(self, messages: Sequence[InFlight]) -> None:
        """Makes messages visible again at once."""
        await self._hide(messages, 0)

    async def visibility_timeout(self) -> float:
        """Seconds that a message is in flight, by the queue's clock."""
        try:
            return self._queues.settings(self._name).visibility_timeout
        except QueueError as error:
            raise self._problem(error) from error

    async def close(self) -> None:
        """The queue is the gateway's."""

    def _hidden(self) -> float:
        timeout = self._queues.settings(self._name).visibility_timeout
        return min(MAX_VISIBILITY, timeout * self._clock.scale)

    async def _hide(self, messages: Sequence[InFlight], seconds: float) -> None:
        try:
            handles = [(message.receipt_handle, seconds) for message in messages]
            await self._queues.change_visibility(self._name, handles)
        except (QueueError, StateProblem) as error:
            raise self._problem(error) from error

    def _problem(self, error: QueueError | StateProblem) -> QueueProblem:
        text = error.text if isinstance(error, QueueError) else str(error)
        return QueueProblem(f"{self._name}: {text}")
