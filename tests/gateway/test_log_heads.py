"""Header lines of log files: at the top of each new one, and again where they change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest

from edgegw.gateway import log_files


def written(path: Path, *entries: tuple[str, str]) -> list[str]:
    writer = log_files.LogWriter()
    for line, head in entries:
        writer.put(str(path), line, head)
    writer.close()
    return path.read_text().splitlines()


def test_a_new_file_begins_with_its_head(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert written(path, ("1", "#a\n"), ("2", "#a\n")) == ["#a", "1", "2"]
    assert written(path, ("3", "#a\n")) == ["#a", "1", "2", "3"]


def test_so_does_each_file_that_follows_one_that_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "LARGEST", 10)
    for at in range(3):
        written(tmp_path / "log", (f"{at} long enough", "#a\n"))
    for name in ("log", "log.1", "log.2"):
        assert (tmp_path / name).read_text().startswith("#a\n")


@pytest.mark.parametrize("goes", [Path.unlink, lambda path: path.rename(f"{path}.old")])
def test_a_file_that_goes_while_it_is_written_comes_again(
    tmp_path: Path, goes: Callable[[Path], object]
) -> None:
    path = tmp_path / "log"
    writer = log_files.LogWriter()
    writer.put(str(path), "1", "#a\n")
    while not path.exists() or not path.read_text().endswith("1\n"):
        sleep(0.01)
    goes(path)
    writer.put(str(path), "2", "#a\n")
    writer.close()
    assert path.read_text().splitlines() == ["#a", "2"]


def test_a_head_that_changes_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, ("1", "#a\n"))
    assert written(path, ("2", "#a\n"), ("3", "#b\n")) == ["#a", "1", "2", "#b", "3"]
