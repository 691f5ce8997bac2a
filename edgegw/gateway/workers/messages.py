"""Messages for destinations, dead-letter queues and other targets: what is embedded goes first."""

from __future__ import annotations

import json

from edgegw.awslambda.destinations import MessageAttributes, TargetKind
from edgegw.awslambda.model import FunctionRef, Invocation
from edgegw.awslambda.service_errors import ServiceError
from edgegw.config.model import Config
from edgegw.errors import StateProblem
from edgegw.execution.aws_deliveries import AwsDeliveries
from edgegw.execution.deliveries import (
    NO_ATTRIBUTES,
    Deliveries,
    DeliveryFailure,
    LocalDelivery,
)
from edgegw.gateway.workers import WorkerContext


class Messages:
    """`deliver` for whoever has something for a target (`execution.deliveries` lists them)."""

    def __init__(self, around: WorkerContext) -> None:
        self._around = around
        local: dict[TargetKind, LocalDelivery] = {
            "function": self._to_function,
            "sqs": self._to_queue,
            "events": self._to_bus,
        }
        self._deliveries = Deliveries(local, self._remote)

    async def start(self) -> None:
        """Nothing waits here."""

    async def change(self, config: Config) -> None:
        """Names are looked up anew for each message."""

    async def close(self) -> None:
        """Ends connections to services."""
        await self._deliveries.close()

    async def deliver(
        self,
        target: str,
        body: bytes,
        attributes: MessageAttributes = NO_ATTRIBUTES,
        trace_id: str = "",
    ) -> None:
        """Returns once the message has arrived. Raises DeliveryFailure."""
        await self._deliveries.deliver(target, body, attributes, trace_id)

    @property
    def deliveries(self) -> Deliveries:
        return self._deliveries

    def _remote(self) -> AwsDeliveries:
        return AwsDeliveries(self._around.config().account)

    async def _to_queue(
        self, name: str, body: bytes, attributes: MessageAttributes, trace_id: str
    ) -> bool:
        """To an embedded queue of this name, URL or ARN, where there is one."""
        from edgegw.gateway.workers.queues import Queues
        from edgegw.messaging.queue import MessageAttribute, RemoteQueue, SendMessage
        from edgegw.messaging.queue_errors import QueueError

        configured = self._around.config().queues.get(name)
        if isinstance(configured, RemoteQueue):
            await self.deliver(f"sqs:{configured.queue_url}", body, attributes, trace_id)
            return True
        queues = await self._around.workers.of(Queues)
        if queues.registry.find(name) is None:
            return False
        given = {
            key: MessageAttribute(kind, content)
            for key, (kind, content) in attributes.items()
            if content
        }
        text = body.decode("utf-8", "replace")
        message = SendMessage(text, given, trace_header=trace_id or None)
        try:
            await queues.send(name, message)
        except QueueError as error:
            raise DeliveryFailure(error.text, is_final=True) from error
        except StateProblem as problem:
            raise DeliveryFailure(str(problem)) from problem
        return True

    async def _to_bus(
        self, name: str, body: bytes, _attributes: MessageAttributes, _trace_id: str
    ) -> bool:
        """To the rules of the configuration, where there are any of this bus."""
        config = self._around.config()
        if not any(rule.bus == name for rule in config.event_rules):
            return False
        from edgegw.awslambda.bus_events import BusEvent
        from edgegw.awslambda.events_api import read_entry
        from edgegw.gateway.workers.event_bus import EventBus
        from edgegw.gateway.workers.targets import event_id

        entry = {**json.loads(body), "EventBusName": name}
        event = read_entry(entry, event_id(self._around.world), self._around.clock.now())
        if not isinstance(event, BusEvent):
            raise DeliveryFailure(event.message, is_final=True)
        if await (await self._around.workers.of(EventBus)).put([event]):
            raise DeliveryFailure("the event could not be kept")
        return True

    async def _to_function(
        self, name: str, body: bytes, _attributes: MessageAttributes, trace_id: str
    ) -> bool:
        from edgegw.gateway.workers.async_events import AsyncEvents

        function, _, qualifier = name.partition(":")
        events = await self._around.workers.of(AsyncEvents)
        try:
            ref = FunctionRef(function, qualifier=qualifier)
            await events.accept(Invocation(ref, body, trace_id))
        except ServiceError as error:
            is_final = error.status in {400, 413}
            raise DeliveryFailure(error.message or error.code, is_final=is_final) from error
        return True
