"""Functions that schedules, rules and notifications invoke: nobody waits for their outcome."""

from __future__ import annotations

import logging
import uuid

from edgegw.awslambda.model import Invocation
from edgegw.awslambda.service_errors import ServiceError
from edgegw.config.model import Config
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.workers.async_events import AsyncEvents
from edgegw.gateway.world import World

logger = logging.getLogger(__name__)


class Targets:
    """Invokes asynchronously, as every service of AWS does that invokes by itself."""

    def __init__(self, around: WorkerContext) -> None:
        self._around = around

    async def start(self) -> None:
        """Nothing waits here."""

    async def change(self, config: Config) -> None:
        """Functions are looked up anew for each invocation."""

    async def close(self) -> None:
        """What was handed over waits on disk."""

    async def invoke(self, invocation: Invocation, cause: str) -> bool:
        """Hands the invocation over; `cause` says for people who invokes.

        False where nothing could be kept of it, as the disk is full; what a function's own
        settings refuse is no fault of whoever invokes.
        """
        logger.info("%s invokes %s", cause, invocation.function)
        events = await self._around.workers.of(AsyncEvents)
        try:
            await events.accept(invocation)
        except ServiceError as error:
            text = error.message or error.code
            logger.warning("%s: %s was not invoked: %s", cause, invocation.function, text)
            return error.status < 500
        return True


def event_id(world: World) -> str:
    """A UUID, from the dice of `world`."""
    return str(uuid.UUID(bytes=world.token(16), version=4))
