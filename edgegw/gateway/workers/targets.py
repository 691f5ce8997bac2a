"""Functions that schedules, rules and notifications invoke: nobody waits for their outcome."""

from __future__ import annotations

import logging
import uuid

from edgegw.awslambda.model import FunctionError, Invocation, InvokeRefusal, Throttled
from edgegw.background import Background
from edgegw.config.model import Config
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.world import World

logger = logging.getLogger(__name__)


class Targets:
    """Invokes asynchronously, as every service of AWS does that invokes by itself."""

    def __init__(self, around: WorkerContext) -> None:
        self._service = around.service
        self._background = Background()

    async def start(self) -> None:
        """Nothing waits here."""

    async def change(self, config: Config) -> None:
        """Functions are looked up anew for each invocation."""

    async def close(self) -> None:
        """Ends what runs."""
        await self._background.cancel()

    async def invoke(self, invocation: Invocation, cause: str) -> None:
        """Hands the invocation over; `cause` says for people who invokes."""
        logger.info("%s invokes %s", cause, invocation.function)
        self._background.start(self._run(invocation, cause))

    async def _run(self, invocation: Invocation, cause: str) -> None:
        outcome = await self._service.invoke(invocation)
        match outcome:
            case FunctionError() | InvokeRefusal():
                logger.warning("%s: %s failed: %s", cause, invocation.function, outcome.message)
            case Throttled():
                logger.warning("%s: %s throttled: %s", cause, invocation.function, outcome.detail)
            case _:
                pass


def event_id(world: World) -> str:
    """A UUID, from the dice of `world`."""
    return str(uuid.UUID(bytes=world.token(16), version=4))
