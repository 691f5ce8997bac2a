"""The embedded streams of a gateway: `streams:` of the configuration, and those the API made."""

from __future__ import annotations

from edgegw.config.model import Config
from edgegw.execution.embedded_streams import EmbeddedStreams
from edgegw.execution.state_file import StateFile
from edgegw.execution.stream_rows import SCHEMA
from edgegw.gateway.workers import STREAMS_FILE, WorkerContext
from edgegw.messaging.stream import StreamDefinition


class Streams(EmbeddedStreams):
    """The streams as something that runs beside requests."""

    def __init__(self, around: WorkerContext) -> None:
        self._file = StateFile(around.state / STREAMS_FILE, SCHEMA)
        self._around = around
        super().__init__(self._file, around.clock, around.config().account)

    async def start(self) -> None:
        """Makes the streams of the configuration be there, and takes up the others."""
        await self.change(self._around.config())

    async def change(self, config: Config) -> None:
        """The configuration has other streams, or other numbers of shards."""
        streams = config.streams.values()
        await self.declare(stream for stream in streams if isinstance(stream, StreamDefinition))

    async def close(self) -> None:
        """Lets go of the file."""
        await self._file.close()
