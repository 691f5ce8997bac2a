"""Where a configuration that is broken now led when it was right."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegw.config.last_state import last_state
from edgegw.config.remembered import load_quickly
from edgegw.errors import ConfigError


def test_it_is_what_the_file_said_last(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    file = tmp_path / "edgegw.yaml"
    assert last_state(environment, file) == tmp_path / ".edgegw"
    for name in ("one", "two", "one"):  # the last one is remembered, not judged
        file.write_text(f"gateway: {{state: {name}}}")
        load_quickly(file, environment)
        assert last_state(environment, file) == tmp_path / name
    file.write_text("gateway: {state: three, sate: 1}")
    with pytest.raises(ConfigError):
        load_quickly(file, environment)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert last_state(environment, file) == last_state(environment, link) == tmp_path / "one"


def test_where_nothing_can_be_kept_it_is_the_usual_one(tmp_path: Path) -> None:
    file = tmp_path / "edgegw.yaml"
    file.write_text("gateway: {state: one}")
    load_quickly(file, {})
    assert last_state({}, file) == tmp_path / ".edgegw"


def test_as_many_are_kept_as_a_machine_has_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgegw.config.last_state._MOST", 3)
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    for name in "abcdef":
        file = tmp_path / f"{name}.yaml"
        file.write_text("{}")
        load_quickly(file, environment)
    [folder] = [path for path in (tmp_path / "cache").iterdir() if path.name != "edgegw"]
    assert len(list(folder.iterdir())) == 3


def test_those_are_kept_that_are_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests and scripts load many files once."""
    monkeypatch.setattr("edgegw.config.last_state._MOST", 3)
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    own = tmp_path / "edgegw.yaml"
    own.write_text("gateway: {state: one}")
    for name in "abcdef":
        load_quickly(own, environment)
        file = tmp_path / f"{name}.yaml"
        file.write_text("{}")
        load_quickly(file, environment)
    assert last_state(environment, own) == tmp_path / "one"
