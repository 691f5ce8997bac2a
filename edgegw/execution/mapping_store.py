"""The event source mappings that the API made, kept in `mappings.sqlite` of the state folder.

Beside them stand the checkpoints of all mappings of streams.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path
from typing import Final

from edgegw.awslambda.source_mapping import EventSourceMapping, decode_mapping, encode_mapping
from edgegw.execution.event_sources.checkpoints import CHECKPOINT_SCHEMA, StoredCheckpoints
from edgegw.execution.state_file import StateFile

logger = logging.getLogger(__name__)

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS mapping (uuid TEXT PRIMARY KEY, settings TEXT) STRICT;"
    + CHECKPOINT_SCHEMA
)


class MappingStore:
    """Mappings by UUID, in the file `path`. All of it raises StateProblem."""

    def __init__(self, path: Path) -> None:
        self._file = StateFile(path, _SCHEMA)
        self.checkpoints = StoredCheckpoints(self._file)
        """How far mappings of streams are, those of the configuration too."""

    async def load(self) -> list[EventSourceMapping]:
        """What is kept; a folder that has none stays as it is."""
        if not self._file.path.exists():
            return []
        rows = await self._file.run(_rows)
        return [mapping for row in rows if (mapping := _decoded(*row)) is not None]

    async def save(self, mapping: EventSourceMapping) -> None:
        """Keeps a mapping; it is on disk when this returns."""
        settings = json.dumps(encode_mapping(mapping))

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO mapping VALUES (?, ?)", (mapping.uuid, settings)
            )

        await self._file.run(write)

    async def remove(self, uuid: str) -> None:
        """Forgets a mapping."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM mapping WHERE uuid = ?", (uuid,))

        await self._file.run(write)

    async def close(self) -> None:
        await self._file.close()


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT uuid, settings FROM mapping ORDER BY uuid").fetchall()


def _decoded(uuid: str, settings: str) -> EventSourceMapping | None:
    try:
        return decode_mapping(json.loads(settings))
    except (ValueError, TypeError, KeyError) as error:  # another version wrote it
        logger.warning(
            "the event source mapping %s cannot be read, it is left out: %r", uuid, error
        )
        return None
