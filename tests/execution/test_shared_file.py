"""A small file that several processes read and write, each change of it whole and on disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgegw.errors import EnvironmentProblem, StateProblem
from edgegw.execution.shared_file import SharedFile

SCHEMA = "CREATE TABLE IF NOT EXISTS pair (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"

WRITER = """
import itertools, pathlib, sys
from edgegw.execution.shared_file import SharedFile
from tests.execution.test_shared_file import SCHEMA, put
file = SharedFile(pathlib.Path(sys.argv[1]), SCHEMA)
for at in itertools.count():
    file.write(lambda connection: (put(connection, "a", str(at)), put(connection, "b", str(at))))
    print(at, flush=True)
"""


@pytest.fixture(params=["memory", "file"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> SharedFile:
    return SharedFile(None if request.param == "memory" else tmp_path / "s" / "kept", SCHEMA)


def put(connection: sqlite3.Connection, key: str, text: str) -> None:
    connection.execute("INSERT OR REPLACE INTO pair VALUES (?, ?)", (key, text))


def pairs(file: SharedFile) -> dict[str, str]:
    return dict(file.read(lambda connection: connection.execute("SELECT * FROM pair").fetchall()))


def test_what_is_written_is_there_for_whoever_reads(kept: SharedFile) -> None:
    assert pairs(kept) == {}
    kept.write(lambda connection: put(connection, "a", "1"))
    assert pairs(kept) == {"a": "1"}
    if kept.path is not None:
        assert pairs(SharedFile(kept.path, SCHEMA)) == {"a": "1"}


def test_nothing_of_a_write_that_fails_is_kept(kept: SharedFile) -> None:
    def refuse(connection: sqlite3.Connection) -> None:
        put(connection, "a", "2")
        raise KeyError("no")

    kept.write(lambda connection: put(connection, "a", "1"))
    with pytest.raises(KeyError, match="no"):
        kept.write(refuse)
    with pytest.raises(StateProblem, match="no such table: none"):
        kept.write(lambda connection: (put(connection, "a", "3"), connection.execute("SELECT * FROM none")))  # fmt: skip
    assert pairs(kept) == {"a": "1"}


def test_reading_makes_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert pairs(SharedFile(folder / "kept", SCHEMA)) == {}
    assert not folder.exists()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = SharedFile(tmp_path / "kept", SCHEMA)
    for at in "ab":
        file.write(lambda connection, at=at: put(connection, at, "1"))
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    assert pairs(file) == {"a": "1", "b": "1"}


def test_a_commit_waits_for_the_disk_and_the_folder(tmp_path: Path) -> None:
    file = SharedFile(tmp_path / "kept", SCHEMA)
    assert file.write(lambda c: c.execute("PRAGMA synchronous").fetchone()) == (3,), "EXTRA"
    assert file.write(lambda c: c.execute("PRAGMA journal_mode").fetchone()) == ("delete",)


def test_a_file_that_cannot_be_used_is_a_problem_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("no database, but long enough to be looked at as one" * 20)
    file = SharedFile(tmp_path / "none", SCHEMA)
    for use in (file.read, file.write):
        with pytest.raises(StateProblem, match=r"none: file is not a database"):
            use(lambda _: None)
    file = SharedFile(tmp_path / "none" / "kept", SCHEMA)
    with pytest.raises(EnvironmentProblem, match=r"state folder .*none cannot be made"):
        file.write(lambda _: None)


def test_of_two_who_decide_at_once_the_second_sees_what_the_first_wrote(tmp_path: Path) -> None:
    files = [SharedFile(tmp_path / "kept", SCHEMA) for _ in range(3)]
    files[0].write(lambda connection: put(connection, "a", "0"))

    def add_one(connection: sqlite3.Connection) -> None:
        (text,) = connection.execute("SELECT value FROM pair WHERE key = 'a'").fetchone()
        put(connection, "a", str(int(text) + 1))

    def add_ten(file: SharedFile) -> None:
        for _ in range(10):
            file.write(add_one)

    threads = [threading.Thread(target=add_ten, args=(file,)) for file in files for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pairs(files[0]) == {"a": "60"}


def test_what_a_killed_process_was_told_is_kept_is_kept(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    path = tmp_path / "kept"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env=env
    ) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(20)][-1]
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
    held = pairs(SharedFile(path, SCHEMA))
    assert held["a"] == held["b"], "a write is whole"
    assert int(held["a"]) >= int(rest[-1] if rest else acknowledged)
