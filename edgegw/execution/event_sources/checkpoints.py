"""How far each mapping is in each shard, on disk."""

from __future__ import annotations

import sqlite3
from typing import Final, Protocol

from edgegw.execution.state_file import StateFile

CHECKPOINT_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checkpoints (
    mapping TEXT NOT NULL, shard TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (mapping, shard)
) WITHOUT ROWID;
"""


class Checkpoints(Protocol):
    """Texts by mapping and shard. Raises StateProblem."""

    async def load(self, mapping: str) -> dict[str, str]:
        """What is kept for a mapping, by shard."""
        ...

    async def save(self, mapping: str, shard: str, state: str) -> None:
        """Keeps the state of a shard; it is on disk when this returns."""
        ...


class StoredCheckpoints:
    """Checkpoints in a state file that was made with `CHECKPOINT_SCHEMA`."""

    def __init__(self, file: StateFile) -> None:
        self._file = file

    async def load(self, mapping: str) -> dict[str, str]:
        """What is kept for a mapping, by shard."""

        def work(connection: sqlite3.Connection) -> dict[str, str]:
            query = "SELECT shard, state FROM checkpoints WHERE mapping = ?"
            return dict(connection.execute(query, (mapping,)).fetchall())

        return await self._file.run(work)

    async def save(self, mapping: str, shard: str, state: str) -> None:
        """Keeps the state of a shard."""

        def work(connection: sqlite3.Connection) -> None:
            query = "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)"
            connection.execute(query, (mapping, shard, state))

        await self._file.run(work)

    async def forget(self, mapping: str) -> None:
        """Drops what is kept for a mapping that was deleted."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM checkpoints WHERE mapping = ?", (mapping,))

        await self._file.run(work)
