"""How embedded streams stand in their file: three tables, and what is read and written of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from edgegw.messaging.sharding import reshard
from edgegw.messaging.stream import EmbeddedStream, StreamDefinition, StreamShard

NOBODY: Final = "nobody"
"""The owner of a stream that stands in the configuration no more."""
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS streams (
    name TEXT PRIMARY KEY, type TEXT NOT NULL, retention REAL NOT NULL, created_at REAL NOT NULL,
    next INTEGER NOT NULL, arrived_at REAL NOT NULL, trimmed_at REAL NOT NULL,
    owner TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS shards (
    stream TEXT NOT NULL, shard INTEGER NOT NULL, first_hash TEXT NOT NULL, last_hash TEXT NOT NULL,
    opened INTEGER NOT NULL, closed INTEGER, parents TEXT NOT NULL, PRIMARY KEY (stream, shard)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    stream TEXT NOT NULL, shard INTEGER NOT NULL, number INTEGER NOT NULL, key TEXT NOT NULL,
    arrived_at REAL NOT NULL, data BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS records_in_order ON records (stream, shard, number);
"""


def stored(
    connection: sqlite3.Connection, name: str, *, hidden: bool = False
) -> EmbeddedStream | None:
    """The stream of this name; with `hidden` also one that nobody has any more."""
    row = connection.execute(
        "SELECT type, retention, created_at, owner FROM streams WHERE name = ?", (name,)
    ).fetchone()
    if row is None or (row[3] == NOBODY and not hidden):
        return None
    shards = tuple(
        _shard(each)
        for each in connection.execute(
            "SELECT shard, first_hash, last_hash, opened, closed, parents FROM shards "
            "WHERE stream = ? ORDER BY shard",
            (name,),
        )
    )
    count = sum(shard.closed is None for shard in shards)
    definition = StreamDefinition(name=name, type=row[0], shards=count, retention=row[1])
    return EmbeddedStream(definition=definition, created_at=row[2], shards=shards)


def owner_of(connection: sqlite3.Connection, name: str) -> str:
    """Who wants the stream of this name, which is there, to be there."""
    (owner,) = connection.execute("SELECT owner FROM streams WHERE name = ?", (name,)).fetchone()
    return owner


def _shard(row: Sequence[Any]) -> StreamShard:
    return StreamShard(
        index=row[0],
        first_hash=int(row[1]),
        last_hash=int(row[2]),
        opened=row[3],
        closed=row[4],
        parents=tuple(json.loads(row[5])),
    )


def write_shards(connection: sqlite3.Connection, name: str, shards: Iterable[StreamShard]) -> None:
    connection.execute("DELETE FROM shards WHERE stream = ?", (name,))
    connection.executemany(
        "INSERT INTO shards VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                name,
                shard.index,
                str(shard.first_hash),
                str(shard.last_hash),
                shard.opened,
                shard.closed,
                json.dumps(shard.parents),
            )
            for shard in shards
        ],
    )


def write_reshard(connection: sqlite3.Connection, stream: EmbeddedStream, count: int) -> None:
    """Closes the open shards of a stream and opens `count` others."""
    number = next_number(connection, stream.name)
    write_shards(connection, stream.name, reshard(stream.shards, count, number))


def remove(connection: sqlite3.Connection, name: str) -> None:
    """Removes a stream with all that it has."""
    connection.execute("DELETE FROM records WHERE stream = ?", (name,))
    connection.execute("DELETE FROM shards WHERE stream = ?", (name,))
    connection.execute("DELETE FROM streams WHERE name = ?", (name,))


def next_number(connection: sqlite3.Connection, name: str) -> int:
    """The number that the next record of a stream gets."""
    return connection.execute("SELECT next FROM streams WHERE name = ?", (name,)).fetchone()[0]


def number_at(connection: sqlite3.Connection, name: str, shard: int, at: float) -> int:
    """The number of the first record at or after `at`, or the one that comes next."""
    row = connection.execute(
        "SELECT number FROM records WHERE stream = ? AND shard = ? AND arrived_at >= ? "
        "ORDER BY number LIMIT 1",
        (name, shard, at),
    ).fetchone()
    return next_number(connection, name) if row is None else row[0]
