"""Key value stores in a file of the state folder: SQLite, which several processes may have open.

    change ──▶ BEGIN IMMEDIATE ─ read what others wrote ─ decide ─ write ─ COMMIT ──▶ on disk
    look ────▶ data_version ─ as before? ──▶ the states in memory
                            └ another ─────▶ read the pairs whose ETag is another

Functions read from memory, as a query for each key would cost as much as the function itself. That
what is in memory is the present is asked of SQLite with each look: `data_version` of a connection
is another number as soon as any other connection, of this or another process, has committed. It
takes some microseconds. So a write that was acknowledged is seen by whatever looks from then on.

A store of 5 MB takes tenths of a second to read, so on an event loop it is only asked whether there
is something to read (`look_at_once`); what has to be read is read in a thread.

Readers have a connection of their own, since the writer's is busy while the disk is. Only looks put
states in place, one at a time, and each asks for the number before it reads: what is committed
meanwhile is another number for the next look. A writer hands over what it wrote, so that a look
behind it finds the state of its ETag and need not read a store of 5 MB again.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgegw.cloudfront.key_value_stores.state import StoreState, size_of_pairs
from edgegw.errors import StateProblem
from edgegw.execution.key_value_shelf import Decide, ShelfChange, StoreStates, after
from edgegw.wire.state_folder import state_folder

logger = logging.getLogger(__name__)

STORES_FILE: Final = "key-value-stores.sqlite"
"""In the state folder."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS store (
  name TEXT PRIMARY KEY, etag TEXT NOT NULL, resource_etag TEXT NOT NULL, rest TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS pair (
  store TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (store, key)
) STRICT, WITHOUT ROWID;
"""
_REST: Final = (
    "id",
    "created",
    "modified",
    "described",
    "comment",
    "source",
    "is_edited",
    "is_made",
    "tags",
)
_BUSY: Final = 10.0
"""Seconds that a write waits for another process."""


class FileShelf:
    """The stores in the file `STORES_FILE` of a state folder; it is made with the first write."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / STORES_FILE
        self._states: StoreStates = {}
        self._written: StoreStates = {}
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._version = -1
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._is_unreadable = False

    def look(self) -> StoreStates:
        """The stores as they are now; as they were, while the file cannot be read."""
        try:
            with self._reading:
                self._catch_up()
        except (sqlite3.Error, OSError, ValueError) as error:
            if not self._is_unreadable:
                logger.warning("%s cannot be read, key value stores stay: %s", self.path, error)
            self._is_unreadable = True
        else:
            self._is_unreadable = False
        return self._states

    def look_at_once(self) -> StoreStates | None:
        """The stores as they are now; None where they have to be read first."""
        if not self._reading.acquire(blocking=False):
            return None  # a thread reads
        try:
            is_present = self._reader is not None and self._version == _version_of(self._reader)
        except sqlite3.Error:
            return None
        finally:
            self._reading.release()
        return self._states if is_present else None

    def change(self, decide: Decide) -> StoreStates:
        """Does what `decide` answers; it is on disk when this returns. Raises StateProblem."""
        with self._writing:
            try:
                if self._writer is None:
                    state_folder(self.path.parent)
                    self._writer = _opened(self.path)
                self._written = self._committed(self._writer, decide)
            except (sqlite3.Error, OSError) as error:
                raise StateProblem(self.path, str(error)) from None
            self.look()
            return self._written

    def close(self) -> None:
        with self._reading, self._writing:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None
            self._version = -1

    def _catch_up(self) -> None:
        if self._reader is None:
            if not self.path.exists():
                return
            self._reader = _opened(self.path)
        version = _version_of(self._reader)
        if version == self._version:
            return
        self._reader.execute("BEGIN")
        try:
            self._states = _present(self._reader, self._states, self._written)
        finally:
            self._reader.execute("COMMIT")
        self._version = version

    def _committed(self, connection: sqlite3.Connection, decide: Decide) -> StoreStates:
        connection.execute("BEGIN IMMEDIATE")
        try:
            states = _present(connection, self._states, self._written)
            change = decide(states)
            if change is not None:
                _write(connection, change)
                states = after(states, change)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return states


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _version_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return version


def _present(connection: sqlite3.Connection, *known: StoreStates) -> StoreStates:
    """The stores in the file; pairs of `known` with the same ETag are not read again."""
    by_etag = {(name, state.etag): state for states in known for name, state in states.items()}
    rows = connection.execute("SELECT name, etag, resource_etag, rest FROM store").fetchall()
    return {row[0]: _read(connection, row, by_etag.get(row[:2])) for row in rows}


def _read(
    connection: sqlite3.Connection, row: tuple[str, str, str, str], known: StoreState | None
) -> StoreState:
    """The store in `row`, with the pairs of `known` where there is one."""
    name, etag, resource_etag, rest = row
    fields: dict[str, Any] = json.loads(rest)
    state = StoreState(name=name, etag=etag, resource_etag=resource_etag, **fields)
    if known is not None:
        return replace(state, pairs=known.pairs, size=known.size)
    pairs = dict(connection.execute("SELECT key, value FROM pair WHERE store = ?", (name,)))
    return replace(state, pairs=pairs, size=size_of_pairs(pairs))


def _write(connection: sqlite3.Connection, change: ShelfChange) -> None:
    name, state, pairs = change.name, change.state, change.pairs
    if state is None or pairs.is_whole:
        connection.execute("DELETE FROM pair WHERE store = ?", (name,))
    if state is None:
        connection.execute("DELETE FROM store WHERE name = ?", (name,))
        return
    rest = json.dumps({member: getattr(state, member) for member in _REST})
    row = (name, state.etag, state.resource_etag, rest)
    connection.execute("INSERT OR REPLACE INTO store VALUES (?, ?, ?, ?)", row)
    deletes = [(name, key) for key in pairs.deletes]
    connection.executemany("DELETE FROM pair WHERE store = ? AND key = ?", deletes)
    puts = [(name, key, text) for key, text in pairs.puts.items()]
    connection.executemany("INSERT OR REPLACE INTO pair VALUES (?, ?, ?)", puts)
