"""The asynchronous invocations of a gateway: their queue, and the messages of their ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from edgegw.awslambda.async_invocation import EventSettings
from edgegw.awslambda.event_invoke import event_settings
from edgegw.awslambda.lambda_api import function_not_found
from edgegw.awslambda.metrics import WorkerMetric
from edgegw.awslambda.model import FunctionRef, Invocation
from edgegw.awslambda.permissions import access_denied, is_allowed
from edgegw.awslambda.service_errors import ServiceError
from edgegw.config.model import Config
from edgegw.execution import event_listing, event_store
from edgegw.execution.async_queue import AsyncQueue, QueueSurroundings
from edgegw.execution.outbox import Outbox
from edgegw.execution.state_file import StateFile
from edgegw.execution.state_lock import StateLock
from edgegw.gateway.workers import EVENTS_FILE, WorkerContext
from edgegw.gateway.workers.messages import Messages


class AsyncEvents:
    """Takes events, runs them, sends what comes of them; the service notes Lambda's figures."""

    def __init__(self, around: WorkerContext) -> None:
        self._around = around
        self._file = StateFile(around.state / EVENTS_FILE, event_store.SCHEMA)
        surroundings = QueueSurroundings(
            invoke=around.service.invoke,
            settings=self._settings,
            account=lambda: around.service.account,
            concurrency=self._concurrency,
            count=self._count,
        )
        self._lock = StateLock(self._file.path)
        self._queue = AsyncQueue(self._file, around.clock, surroundings, self._lock)
        self._outbox: Outbox | None = None

    # Life

    async def start(self) -> None:
        """Takes up the events and messages that a former run has left."""
        messages = await self._around.workers.of(Messages)
        self._outbox = Outbox(
            self._file,
            self._around.clock,
            messages.deliveries,
            self._count,
            self._lock,
        )
        self._queue.on_messages = self._outbox.wake
        await self._queue.start()
        await self._outbox.start()

    async def change(self, config: Config) -> None:
        """What holds for events is asked for when something is decided; time may go faster."""
        await self._queue.look_again()

    async def close(self) -> None:
        """What waits stays on disk."""
        await self._queue.close()
        if self._outbox is not None:
            await self._outbox.close()
        await self._file.close()
        self._lock.release()

    # Events

    async def accept(self, invocation: Invocation) -> str:
        """The request id of an event that is on disk from now on; its payload was judged before.

        Raises ServiceError: no such function, nobody may invoke it so, too large, nothing can be
        kept.
        """
        service, ref = self._around.service, invocation.function
        deployed = service.functions.get(ref.name)
        if deployed is None or not deployed.targets(ref):
            raise function_not_found(service.account, ref)
        if not is_allowed(deployed.policy, invocation):
            arn = service.account.arn(ref.name, ref.qualifier)
            refusal = access_denied(invocation, arn, deployed.policy)
            raise ServiceError(refusal.code, refusal.message)
        return await self._queue.accept(invocation)

    def _settings(self, ref: FunctionRef) -> EventSettings:
        return event_settings(self._around.service.functions.get(ref.name), ref)

    def _concurrency(self, name: str) -> int:
        deployed = self._around.service.functions.get(name)
        if deployed is None or deployed.reserved is None:
            return self._around.service.account.concurrency
        return deployed.reserved

    def _count(self, metric: WorkerMetric, function: FunctionRef, amount: float) -> None:
        self._around.service.figures.note(function.deployed_name, metric, amount)

    # For people

    async def listing(self, function: str = "") -> Mapping[str, Any]:
        """What waits, runs and failed, of one function or of all. Raises StateProblem."""
        running = self._queue.running()
        counts, events, failures, deliveries = await asyncio.gather(
            self._file.run(event_listing.count_events),
            self._file.run(lambda db: event_listing.list_events(db, function, running)),
            self._file.run(lambda db: event_listing.list_failures(db, function)),
            self._file.run(lambda db: event_listing.list_deliveries(db, function)),
        )
        return {
            "counts": {
                "waiting": counts.waiting - len(running),
                "running": len(running),
                "failed": counts.failed,
                "delivering": counts.delivering,
                "undelivered": counts.undelivered,
            },
            "events": events,
            "failed": failures,
            "messages": deliveries,
        }

    async def redrive(self, function: str = "", request_id: str = "") -> Mapping[str, int]:
        """Has what failed tried anew: how many events and messages. Raises StateProblem."""
        now = self._around.clock.now()
        events, messages = await self._file.run(
            lambda db: event_listing.redrive(db, function, request_id, now)
        )
        await self._queue.look_again()
        if self._outbox is not None:
            self._outbox.wake()
        return {"events": events, "messages": messages}
