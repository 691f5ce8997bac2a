"""The embedded queues of a gateway: `queues:` of the configuration, and those made over the API."""

from __future__ import annotations

import uuid

from edgegw.config.model import Config
from edgegw.execution.embedded_queues import EmbeddedQueues
from edgegw.execution.queue_moves import QueueMoves
from edgegw.execution.queue_store import SCHEMA
from edgegw.execution.state_file import StateFile
from edgegw.gateway.workers import QUEUES_FILE, WorkerContext
from edgegw.messaging.queue import QueueSettings


class Queues(EmbeddedQueues):
    """The queues as something that runs beside requests.

    The file comes to be with the first message or queue; a gateway that only names queues in its
    configuration writes nothing.
    """

    def __init__(self, around: WorkerContext) -> None:
        def new_id() -> str:
            return str(uuid.UUID(bytes=around.world.token(16), version=4))

        self._path = around.state / QUEUES_FILE
        state = StateFile(self._path, SCHEMA)
        config = around.config()
        super().__init__(state, around.clock, config.account, new_id)
        self.moves = QueueMoves(state, around.clock, self.registry, self.ring, new_id)
        self._configure(config)

    def _configure(self, config: Config) -> None:
        queues = config.queues.values()
        embedded = [queue for queue in queues if isinstance(queue, QueueSettings)]
        self.configure(embedded, config.account)

    async def start(self) -> None:
        """Takes up the queues that a former run has made."""
        if self._path.exists():
            await self.take_up()

    async def change(self, config: Config) -> None:
        """The configuration has other queues."""
        self._configure(config)

    async def close(self) -> None:
        """Ends move tasks, lets go of those who wait and of the file."""
        await self.moves.close()
        await super().close()
