"""The event buses of a gateway: what is put on one goes to the targets of the rules that match."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from edgegw.awslambda.bus_events import BusEvent, rule_arn
from edgegw.awslambda.event_rules import targets_of
from edgegw.awslambda.model import Invocation
from edgegw.config.model import Config
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.workers.targets import Targets

logger = logging.getLogger(__name__)

PRINCIPAL = "events.amazonaws.com"
"""Whom a function's policy has to let in."""


class EventBus:
    """Matches events with the rules of the present configuration."""

    def __init__(self, around: WorkerContext) -> None:
        self._around = around

    async def start(self) -> None:
        """Nothing waits here."""

    async def change(self, config: Config) -> None:
        """Rules are looked up anew for each event."""

    async def close(self) -> None:
        """Nothing is held."""

    async def put(self, events: Iterable[BusEvent]) -> set[str]:
        """Sends each event to all targets that want it; the ids of those that could not be kept."""
        targets = await self._around.workers.of(Targets)
        lost = set[str]()
        for event in events:
            config, count = self._around.config(), 0
            for rule, target, payload in targets_of(event, config.event_rules, config.account):
                invocation = Invocation(
                    function=target.function,
                    payload=payload,
                    trace_id=event.trace_id,
                    principal=PRINCIPAL,
                    source_arn=rule_arn(config.account, rule.name, rule.bus),
                )
                if not await targets.invoke(invocation, f"rule {rule.name}"):
                    lost.add(event.id)
                count += 1
            if not count:
                text = "no rule of the bus %s takes the event %s of %s"
                logger.info(text, event.bus, event.detail_type, event.source)
        return lost
