"""A file of durable state: SQLite on a thread of its own, many writers to one commit.

    run(work) ──▶ waiting ──▶ thread: BEGIN  work  work  work  COMMIT (on disk) ──▶ answers

Whoever awaits `run` is answered once what `work` wrote is on disk: the journal is written ahead
(WAL) and synchronised with every commit (`synchronous=FULL`). That takes a disk's time, so all
works that wait by then share one commit. Each runs under a savepoint of its own: one that raises
is undone alone. When the commit itself fails (a full disk, a folder that may only be read) nothing
of it happened, and every work of it is told so.

Several processes may use one file; SQLite's locks keep their commits apart.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from edgegw.errors import StateProblem

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_MOST_AT_ONCE: Final = 256
"""Works of one commit: the first ones should not wait for the last ones' time."""
_BUSY: Final = 10.0
"""Seconds that a commit waits for another process."""


class _Job:
    """A work, and the future that its answer goes to, in the loop that asked."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Does the work; what it raises is its answer, and nothing of it stays."""
        connection.execute("SAVEPOINT work")
        try:
            self.result = self.work(connection)
        except sqlite3.OperationalError:  # the disk's: nobody's work of this commit is kept
            raise
        except BaseException as error:
            self.error = error
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")

    def answer(self) -> None:
        """On the loop: hands the answer over, unless nobody waits any more."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class StateFile:
    """The file at `path`, made with `schema` (idempotent SQL) when the first work comes."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    async def run(self, work: Work[T]) -> T:
        """What `work(connection)` answers, once all that it wrote is on disk.

        It runs inside a transaction on another thread and must not commit. Raises what `work`
        raises, and StateProblem when the file cannot be used: nothing of `work` has happened then.
        """
        job = _Job(work)
        with self._wake:
            if self._is_closed:
                raise StateProblem(self.path, "it is closed already")
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self.path.name, daemon=True)
                self._thread.start()
            self._wake.notify()
        return await job.future

    async def close(self) -> None:
        """Does what waits, and lets go of the file."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while jobs := self._next():
            try:
                connection = connection or self._open()
                _commit(connection, jobs)
            except (sqlite3.Error, OSError) as error:
                if connection is not None:
                    connection.close()
                connection = None  # opened anew with the next work: the disk may have room again
                for job in jobs:
                    job.error = StateProblem(self.path, str(error))
            _answer(jobs)
        if connection is not None:
            connection.close()

    def _next(self) -> list[_Job]:
        """The works of the next commit; none once the file is closed."""
        with self._wake:
            while not self._jobs and not self._is_closed:
                self._wake.wait()
            return [self._jobs.popleft() for _ in range(min(len(self._jobs), _MOST_AT_ONCE))]

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection


def _commit(connection: sqlite3.Connection, jobs: list[_Job]) -> None:
    """Runs `jobs` in one transaction; raises sqlite3.Error when nothing of it happened."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for job in jobs:
            job.run(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _answer(jobs: list[_Job]) -> None:
    """Has every loop hand over its answers, with one call a loop."""
    for loop in {job.loop for job in jobs}:
        own = [job for job in jobs if job.loop is loop]
        try:
            loop.call_soon_threadsafe(_hand_over, own)
        except RuntimeError:  # the loop is closed: nobody waits
            continue


def _hand_over(jobs: list[_Job]) -> None:
    for job in jobs:
        job.answer()
