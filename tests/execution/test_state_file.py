"""What is kept on disk: answered after the commit, many works to one, nothing half done."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edgegw.errors import StateProblem
from edgegw.execution.state_file import StateFile, Work

SCHEMA = "CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY, text TEXT)"


@asynccontextmanager
async def opened(path: Path, schema: str = SCHEMA) -> AsyncGenerator[StateFile]:
    file = StateFile(path, schema)
    try:
        yield file
    finally:
        await file.close()


def insert(number: int, text: str = "") -> Work[int | None]:
    row = (number, text)
    return lambda db: db.execute("INSERT INTO numbers VALUES (?, ?)", row).lastrowid


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY number")]


async def test_what_was_answered_is_there_for_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "state.sqlite"
    async with opened(path) as file:
        await asyncio.gather(*(file.run(insert(number)) for number in range(1000)))
    async with opened(path) as file:
        assert await file.run(numbers) == list(range(1000))


async def test_one_work_that_fails_is_undone_alone(tmp_path: Path) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        insert(7)(connection)
        raise ValueError("a fault of the work")

    async with opened(tmp_path / "state.sqlite") as file:
        answers = await asyncio.gather(
            file.run(insert(1)),
            file.run(fails),
            file.run(insert(1)),  # is there already
            file.run(insert(2)),
            return_exceptions=True,
        )
        assert await file.run(numbers) == [1, 2]
    assert [type(answer) for answer in answers] == [int, ValueError, sqlite3.IntegrityError, int]


async def test_many_works_share_commits(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    async with opened(path) as file:
        await file.run(insert(0))
        await asyncio.gather(*(file.run(insert(number)) for number in range(1, 501)))
        # Every commit writes the pages that changed to the journal once; 500 would be 2 MB.
        assert path.with_name("state.sqlite-wal").stat().st_size < 500_000


async def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "state.sqlite") as file:
        await file.run(insert(1))
        await file.run(lambda db: db.execute("PRAGMA max_page_count=3").fetchone())
        with pytest.raises(StateProblem, match=r"cannot keep state in .*full"):
            await file.run(insert(2, "x" * 100_000))
        await file.run(insert(3))
        assert await file.run(numbers) == [1, 3]


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with opened(tmp_path / "file" / "state.sqlite") as file:
        for _ in range(2):
            with pytest.raises(StateProblem, match="cannot keep state in"):
                await file.run(insert(1))
        (tmp_path / "file").unlink()
        await file.run(insert(1))


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"no database" * 1000)
    async with opened(path) as file:
        with pytest.raises(StateProblem, match="not a database"):
            await file.run(insert(1))


async def test_after_its_end_nothing_is_taken(tmp_path: Path) -> None:
    async with opened(tmp_path / "state.sqlite") as file:
        await file.run(insert(1))
    with pytest.raises(StateProblem, match="closed"):
        await file.run(insert(2))


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.execution.test_state_file import SCHEMA, StateFile, insert

async def main():
    file = StateFile(Path(sys.argv[1]), SCHEMA)
    for start in range(0, 1_000_000, 20):
        await asyncio.gather(*(file.run(insert(number)) for number in range(start, start + 20)))
        print(start + 20, flush=True)

asyncio.run(main())
"""


async def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WRITER, str(path)),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    assert writer.stdout is not None
    for _ in range(10):
        await writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    await writer.wait()
    answered = [200, *(int(line) for line in (await writer.stdout.read()).split())][-1]
    async with opened(path) as file:
        assert (await file.run(numbers))[:answered] == list(range(answered))
