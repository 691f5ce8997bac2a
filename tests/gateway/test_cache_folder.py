"""The folder of a cache's files: private, gone at the end, never somebody else's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edgegw.gateway.cache_folder import CacheFolder


def test_it_is_its_owners_alone_and_goes_with_the_last_file(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "state")
    first, second = folder.new_file(), folder.new_file()
    assert first != second
    assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    first.write_bytes(b"x")
    folder.close()
    assert not (tmp_path / "state" / "cache").exists()


def test_two_gateways_of_one_process_have_folders_of_their_own(tmp_path: Path) -> None:
    one, other = CacheFolder(tmp_path), CacheFolder(tmp_path)
    assert one.new_file().parent != other.new_file().parent
    one.close()
    assert other.new_file().parent.exists()
    other.close()


def test_what_a_process_left_that_is_gone_goes_and_nothing_else(tmp_path: Path) -> None:
    top = tmp_path / "cache"
    for name in ("99999999-1", f"{os.getppid()}-1", "mine", "1-x"):
        (top / name).mkdir(parents=True)
    folder = CacheFolder(tmp_path)
    own = folder.new_file().parent
    assert {path.name for path in top.iterdir()} == {
        f"{os.getppid()}-1",
        "mine",
        "1-x",
        own.name,
    }
    folder.close()


def test_a_link_in_a_cloned_project_leads_nowhere(tmp_path: Path) -> None:
    precious = tmp_path / "home" / "99999999-1"
    precious.mkdir(parents=True)
    state = tmp_path / "state"
    state.mkdir()
    (state / "cache").symlink_to(tmp_path / "home")
    folder = CacheFolder(state)
    assert tmp_path not in folder.new_file().parents
    folder.close()
    assert precious.exists()
    assert (state / "cache").is_symlink()


def test_a_state_folder_that_cannot_be_made_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    folder = CacheFolder(tmp_path / "state")
    assert folder.new_file().parent.is_dir()
    folder.close()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's temporary folder is one of the test."""
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
