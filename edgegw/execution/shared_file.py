"""A small file of durable state that several processes read and write: SQLite, opened each time.

    write ──▶ thread: BEGIN IMMEDIATE ─ read what others wrote ─ decide ─ write ─ COMMIT ──▶ on disk
    read ───▶ thread: what is committed at this moment

It is for what is asked seldom and must never be half there: what the CloudFront API made. So
nothing is kept in memory, and what another gateway of the same folder wrote is simply what the next
look finds. A decision (is the name free? is the ETag the present one?) is made inside the
transaction that writes, so of two gateways that decide at once the second one sees what the first
one wrote.

The journal is a file beside it which is deleted with the commit, not one that is written ahead:
that one would have to be cleaned up by whoever closes last, each time. `synchronous=EXTRA` waits
for the folder as well, as until the journal is known to be gone the commit may be taken back.

`read` and `write` wait for the disk, and up to `_BUSY` seconds for other processes. An event loop
calls them in a thread.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from edgegw.errors import StateProblem
from edgegw.wire.state_folder import state_folder

T = TypeVar("T")

_MEMORY: Final = ":memory:"
_PRIVATE: Final = 0o600
_BUSY: Final = 10.0
"""Seconds that a write waits for another process."""


class SharedFile:
    """The file at `path`, made with `schema` (idempotent SQL) by the first write.

    Without a path the same in memory, which ends with this object.
    """

    def __init__(self, path: Path | None, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._turn = threading.Lock()
        self._memory = self._opened(_MEMORY)  # empty for ever where there is a path
        weakref.finalize(self, self._memory.close)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` answers of what is there now. Raises EnvironmentProblem."""
        with self._problems(), self._connected(for_writing=False) as connection:
            return work(connection)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` answers, once all that it wrote is on disk; nobody else writes meanwhile.

        Raises what `work` raises, and EnvironmentProblem: then nothing of it has happened.
        """
        with self._problems(), self._connected(for_writing=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                answer = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return answer

    @contextmanager
    def _problems(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StateProblem(self.path or _MEMORY, str(error)) from None

    @contextmanager
    def _connected(self, *, for_writing: bool) -> Generator[sqlite3.Connection]:
        if self.path is None or not (for_writing or self.path.exists()):
            with self._turn:
                yield self._memory
            return
        if for_writing:
            state_folder(self.path.parent)
            self.path.touch(mode=_PRIVATE)
        with closing(self._opened(self.path)) as connection:
            yield connection

    def _opened(self, place: Path | str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            place, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous=EXTRA")
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection
