"""Embedded streams: Kinesis and DynamoDB Streams on one machine, in one file of the state folder.

What a record's number, shard and arrival are is decided inside the transaction that writes it, so
several writers, gateways too, make one order: numbers grow with each commit, and arrivals never go
back, even if the machine's clock does. A reader that has seen number N has seen everything before.

Readers wait for the stream's bell, which rings after the commit. It does not ring for what another
process writes; that is seen at the next look, after `LOOK` seconds.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from edgegw.awslambda.names import Account
from edgegw.execution import stream_rows
from edgegw.execution.clock import ScaledClock
from edgegw.execution.state_file import StateFile
from edgegw.execution.stream_rows import NOBODY
from edgegw.messaging import stream_errors
from edgegw.messaging.sharding import (
    first_shards,
    hash_key,
    shard_for,
)
from edgegw.messaging.stream import (
    EmbeddedStream,
    NewRecord,
    PlacedRecord,
    ReadingStart,
    ShardPage,
    StoredRecord,
    StreamDefinition,
)
from edgegw.messaging.stream_names import stream_of
from edgegw.messaging.stream_quotas import MAX_READ, MAX_READ_BYTES

LOOK: Final = 5.0
"""Seconds after which a reader looks without a bell."""
CONFIGURATION: Final = "configuration"
API: Final = "api"
"""Who wants a stream to be there."""
_TRIM_EVERY: Final = 60.0
"""Seconds between two removals of what is too old."""


class EmbeddedStreams:
    """All embedded streams of a gateway. `name` is a stream's name or its ARN.

    Every operation has reached the disk when it returns. Raises StreamError where AWS would refuse,
    StateProblem where the disk does.
    """

    def __init__(self, file: StateFile, clock: ScaledClock, account: Account) -> None:
        self._file = file
        self._clock = clock
        self._account = account
        self._bells: dict[str, set[asyncio.Event]] = {}

    async def declare(self, definitions: Iterable[StreamDefinition]) -> None:
        """Makes the streams of a configuration be there, with so many shards.

        Of streams that a former configuration had, the records are kept, and nobody sees them.
        """
        wanted = {definition.name: definition for definition in definitions}
        await self._file.run(lambda connection: self._declare(connection, wanted))
        for name in wanted:
            self._ring(name)

    def _declare(self, connection: sqlite3.Connection, wanted: dict[str, StreamDefinition]) -> None:
        connection.execute("UPDATE streams SET owner = ? WHERE owner = ?", (NOBODY, CONFIGURATION))
        for definition in wanted.values():
            stream = stream_rows.stored(connection, definition.name, hidden=True)
            if stream is not None and stream.definition.type != definition.type:
                stream_rows.remove(connection, definition.name)
                stream = None
            if stream is None:
                self._insert(connection, definition, owner=CONFIGURATION)
                continue
            connection.execute(
                "UPDATE streams SET owner = ?, retention = ? WHERE name = ?",
                (CONFIGURATION, definition.retention, definition.name),
            )
            if len(stream.open_shards) != definition.shards:
                stream_rows.write_reshard(connection, stream, definition.shards)

    def _insert(
        self, connection: sqlite3.Connection, definition: StreamDefinition, *, owner: str
    ) -> None:
        now = self._clock.now()
        row = (definition.name, definition.type, definition.retention, now, 1, now, now, owner)
        connection.execute("INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        stream_rows.write_shards(connection, definition.name, first_shards(definition.shards))

    async def create(self, definition: StreamDefinition) -> None:
        """Makes a stream that lasts until it is deleted. Raises StreamError: the name is taken."""

        def work(connection: sqlite3.Connection) -> None:
            if stream_rows.stored(connection, definition.name) is not None:
                raise stream_errors.stream_exists(definition.name, self._account.account_id)
            stream_rows.remove(connection, definition.name)  # what a former configuration left
            self._insert(connection, definition, owner=API)

        await self._file.run(work)

    async def delete(self, name: str) -> None:
        """Removes a stream that `create` made, with its records. Raises StreamError."""
        own = stream_of(name)

        def work(connection: sqlite3.Connection) -> None:
            self._needed(connection, own)
            if stream_rows.owner_of(connection, own) == CONFIGURATION:
                raise stream_errors.configured_stream(own, self._account.account_id)
            stream_rows.remove(connection, own)

        await self._file.run(work)
        self._ring(own)

    async def reshard(self, name: str, count: int) -> None:
        """Has a stream take records in `count` new shards. Raises StreamError."""
        own = stream_of(name)
        await self._file.run(
            lambda connection: stream_rows.write_reshard(
                connection, self._needed(connection, own), count
            )
        )
        self._ring(own)

    # What there is

    async def all(self) -> list[EmbeddedStream]:
        """All streams, by name."""

        def work(connection: sqlite3.Connection) -> list[EmbeddedStream]:
            rows = connection.execute(
                "SELECT name FROM streams WHERE owner != ? ORDER BY name", (NOBODY,)
            )
            return [self._needed(connection, name) for (name,) in rows.fetchall()]

        return await self._file.run(work)

    async def describe(self, name: str) -> EmbeddedStream:
        """The stream as it is now. Raises StreamError."""
        own = stream_of(name)
        return await self._file.run(lambda connection: self._needed(connection, own))

    def _needed(self, connection: sqlite3.Connection, name: str) -> EmbeddedStream:
        stream = stream_rows.stored(connection, name)
        if stream is None:
            raise stream_errors.no_such_stream(name, self._account.account_id)
        return stream

    # Records

    async def put(self, name: str, records: Sequence[NewRecord]) -> list[PlacedRecord]:
        """Appends `records` in this order; where each went. Raises StreamError."""
        own = stream_of(name)
        placed = await self._file.run(lambda connection: self._put(connection, own, records))
        self._ring(own)
        return placed

    def _put(
        self, connection: sqlite3.Connection, name: str, records: Sequence[NewRecord]
    ) -> list[PlacedRecord]:
        stream = self._needed(connection, name)
        number, arrived_at, trimmed_at = connection.execute(
            "SELECT next, arrived_at, trimmed_at FROM streams WHERE name = ?", (name,)
        ).fetchone()
        now = max(self._clock.now(), arrived_at)
        placed = list[PlacedRecord]()
        rows = list[tuple[object, ...]]()
        for record in records:
            key = hash_key(record.partition_key) if record.hash_key is None else record.hash_key
            shard = shard_for(stream.shards, key).index
            rows.append((name, shard, number, record.partition_key, now, record.data))
            placed.append(PlacedRecord(shard, number))
            number += 1
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)
        if now - trimmed_at >= _TRIM_EVERY:
            trimmed_at = now
            oldest = now - self._clock.real(stream.definition.retention)
            connection.execute(
                "DELETE FROM records WHERE stream = ? AND arrived_at < ?", (name, oldest)
            )
        connection.execute(
            "UPDATE streams SET next = ?, arrived_at = ?, trimmed_at = ? WHERE name = ?",
            (number, now, trimmed_at, name),
        )
        return placed

    async def begin(self, name: str, shard: int, start: ReadingStart) -> int:
        """The number from which a reader of the shard goes on. Raises StreamError."""
        own = stream_of(name)

        def work(connection: sqlite3.Connection) -> int:
            self._needed(connection, own)
            match start.type:
                case "AT_SEQUENCE_NUMBER":
                    return start.number
                case "AFTER_SEQUENCE_NUMBER":
                    return start.number + 1
                case "TRIM_HORIZON":
                    return 0
                case "LATEST":
                    return stream_rows.next_number(connection, own)
                case "AT_TIMESTAMP":
                    return stream_rows.number_at(connection, own, shard, start.at)

        return await self._file.run(work)

    async def read(self, name: str, shard: int, number: int, limit: int) -> ShardPage:
        """Records of the shard from `number` on, `limit` at most. Raises StreamError."""
        own = stream_of(name)
        return await self._file.run(
            lambda connection: self._read(connection, own, shard, (number, limit))
        )

    def _read(
        self, connection: sqlite3.Connection, name: str, shard: int, asked: tuple[int, int]
    ) -> ShardPage:
        stream, (number, limit) = self._needed(connection, name), asked
        kind, now = stream.definition.type, self._clock.now()
        oldest = now - self._clock.real(stream.definition.retention)
        rows = connection.execute(
            "SELECT number, key, arrived_at, data FROM records WHERE stream = ? AND shard = ? AND "
            "number >= ? AND arrived_at >= ? ORDER BY number",
            (name, shard, number, oldest),
        )
        records, room = list[StoredRecord](), MAX_READ_BYTES[kind]
        more = None
        for row in rows:
            record = StoredRecord(*row)
            room -= len(record.data) + len(record.partition_key)
            if records and (room < 0 or len(records) >= min(limit, MAX_READ[kind])):
                more = record
                break
            records.append(record)
        rows.close()
        following = records[-1].number + 1 if records else number
        if more is not None:
            behind = max(0.0, (now - records[-1].arrived_at) * self._clock.scale)
            return ShardPage(tuple(records), following, behind)
        is_closed = stream.shards[shard].closed is not None
        return ShardPage(tuple(records), None if is_closed else following)

    # Bells

    def bell(self, name: str) -> asyncio.Event:
        """An event that is set whenever the stream gets records or other shards, until `mute`."""
        event = asyncio.Event()
        self._bells.setdefault(stream_of(name), set()).add(event)
        return event

    def mute(self, name: str, event: asyncio.Event) -> None:
        """Nobody waits for `event` any more."""
        self._bells.get(stream_of(name), set()).discard(event)

    def _ring(self, name: str) -> None:
        for event in self._bells.get(name, ()):
            event.set()
