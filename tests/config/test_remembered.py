"""The configuration of the last start: the same outcome, and judged anew when anything changed."""

from __future__ import annotations

import json
import os
import pickle
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edgegw.config import resolve
from edgegw.config.remembered import load_again, load_quickly
from edgegw.config.resolve import load_file
from edgegw.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[2]


class Loads:
    """Counts how often a configuration is judged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = resolve.load_file

        def counting(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(resolve, "load_file", counting)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    return Loads(monkeypatch)


@pytest.fixture
def cache(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "hook").mkdir(parents=True)
    (folder / "hook" / "handler.py").write_text("def handler(event, context): ...")
    config = {
        "functions": {"hook": {"runtime": "python3.13", "code": "hook"}},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": "http://127.0.0.1:${PORT:-9}"}},
                "default_behavior": {
                    "origin": "app",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))
    return folder / "edgegw.yaml"


def test_the_second_start_gets_an_equal_configuration(
    project: Path, cache: dict[str, str], loads: Loads
) -> None:
    first = load_quickly(project, cache)
    assert load_quickly(project, cache) == first == load_file(project, cache)
    assert loads.count == 1
    (kept,) = Path(cache["XDG_CACHE_HOME"], "edgegw").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_the_demo_is_equal_too(cache: dict[str, str], loads: Loads) -> None:
    demo = ROOT / "config" / "demo.yaml"
    first = load_quickly(demo, cache)
    again = load_quickly(demo, cache)
    assert loads.count == 1
    assert again == first
    # What is made of policies still answers.
    for old, new in zip(first.doors, again.doors, strict=True):
        if hasattr(old, "distribution"):
            one, other = old.distribution.default_behavior, new.distribution.default_behavior
            for name in (b"host", b"x-any", b"cookie"):
                assert one.forwarding.keeps_header(name) == other.forwarding.keeps_header(name)


def test_a_change_of_text_variable_or_files_is_judged_anew(
    project: Path, cache: dict[str, str], loads: Loads
) -> None:
    load_quickly(project, cache)
    assert load_quickly(project, {**cache, "PORT": "10"}).doors
    assert loads.count == 2
    load_quickly(project, {**cache, "OTHER": "10"})
    assert loads.count == 2
    project.write_text(project.read_text() + "\n")
    load_quickly(project, cache)
    assert loads.count == 3
    (project.parent / "hook" / "handler.py").unlink()
    with pytest.raises(ConfigError, match="handler"):
        load_quickly(project, cache)


def test_mistakes_and_missing_files_are_told_as_ever(tmp_path: Path, cache: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="there is no configuration"):
        load_quickly(tmp_path / "missing.yaml", cache)
    (tmp_path / "wrong.yaml").write_text("functons: {}")
    for _ in range(2):
        with pytest.raises(ConfigError, match="did you mean 'functions'"):
            load_quickly(tmp_path / "wrong.yaml", cache)


def test_what_is_kept_may_be_damaged(project: Path, cache: dict[str, str], loads: Loads) -> None:
    first = load_quickly(project, cache)
    (kept,) = Path(cache["XDG_CACHE_HOME"], "edgegw").iterdir()
    for damage in (b"", b"nonsense", kept.read_bytes()[:-20], pickle.dumps(("x", []))):
        kept.write_bytes(damage)
        assert load_quickly(project, cache) == first
    assert loads.count == 5


def test_a_folder_that_others_may_write_is_not_used(
    project: Path, cache: dict[str, str], loads: Loads
) -> None:
    folder = Path(cache["XDG_CACHE_HOME"], "edgegw")
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    load_quickly(project, cache)
    load_quickly(project, cache)
    assert loads.count == 2
    assert not list(folder.iterdir())


def test_without_a_home_nothing_is_kept(project: Path, loads: Loads) -> None:
    load_quickly(project, {})
    load_quickly(project, {})
    assert loads.count == 2


def test_few_are_kept(project: Path, cache: dict[str, str]) -> None:
    for number in range(55):
        load_quickly(project, {**cache, "PORT": str(1000 + number)})
    assert len(os.listdir(Path(cache["XDG_CACHE_HOME"], "edgegw"))) == 50


def test_a_process_judges_a_file_once(project: Path, loads: Loads) -> None:
    first, second = load_again(project), load_again(project)
    assert (loads.count, first == second) == (1, True)


def test_a_process_judges_anew_what_changed(
    project: Path, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_again(project)
    monkeypatch.setenv("PORT", "10")
    assert "10" in str(load_again(project).doors[0])
    project.write_text(project.read_text().replace("site", "shop"))
    assert "shop" in str(load_again(project).doors[0])
    assert loads.count == 3
    (project.parent / "hook" / "handler.py").unlink()
    with pytest.raises(ConfigError):
        load_again(project)
    with pytest.raises(UsageError):
        load_again(project.with_name("another.yaml"))


def test_a_change_of_any_file_that_judges_forgets_what_was_judged() -> None:
    """Also of files below the folders of a room: what `config` imports is all watched."""
    script = (
        "import importlib, pkgutil, sys, edgegw.config\n"
        "from edgegw.config.remembered import _own_state\n"
        "for module in pkgutil.walk_packages(edgegw.config.__path__, 'edgegw.config.'):\n"
        "    importlib.import_module(module.name)\n"
        "watched = {path for path, _ in _own_state()}\n"
        "ours = {n: m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] == 'edgegw'}\n"
        "assert len(ours) > 100\n"
        "print(sorted(name for name, file in ours.items() if file not in watched))\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (process.stdout.strip(), process.stderr) == ("[]", "")


@pytest.mark.parametrize("saved", ["rewrite.js", "edgegw.yaml"])
def test_what_is_saved_while_it_is_judged_counts_the_next_time(
    tmp_path: Path, cache: dict[str, str], monkeypatch: pytest.MonkeyPatch, saved: str
) -> None:
    path, real = edge_project(tmp_path), resolve.load_file
    old = (tmp_path / saved).read_text()
    new = old.replace("old", "new")

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        """Code is saved behind being read; a configuration before, and then taken back."""
        (tmp_path / saved).write_text(new if saved == path.name else old)
        config = real(*args, **kwargs)
        (tmp_path / saved).write_text(old if saved == path.name else new)
        return config

    for load in (partial(load_quickly, path, cache), partial(load_again, path)):
        (tmp_path / saved).write_text(old)
        monkeypatch.setattr(resolve, "load_file", interrupted)
        load()
        monkeypatch.setattr(resolve, "load_file", real)
        assert load().edge_functions == load_file(path).edge_functions


def test_another_content_with_the_time_of_the_last_one_counts(
    tmp_path: Path, cache: dict[str, str]
) -> None:
    """As archives that are unpacked leave it, whose files all have one time."""
    path, code = edge_project(tmp_path), tmp_path / "rewrite.js"
    os.utime(code, (1, 1))
    load_quickly(path, cache)
    code.write_text(code.read_text().replace("old", "new"))
    os.utime(code, (1, 1))
    assert "new" in load_quickly(path, cache).edge_functions["rewrite"].code


def test_folders_that_come_and_go_are_judged_anew(tmp_path: Path, cache: dict[str, str]) -> None:
    origins = "{a: {s3: bucket}, b: {s3_website: pages}}"
    behavior = "{origin: a}"
    path = tmp_path / "edgegw.yaml"
    path.write_text(
        f"distributions: {{s: {{listen: 0, origins: {origins}, default_behavior: {behavior}}}}}\n"
        "gateway: {hosts: {a.example: ./other/}}"
    )
    folders = [tmp_path / name for name in ("bucket", "pages", "other")]
    for change in (Path.mkdir, Path.rmdir, Path.touch):
        load_quickly(path, cache)
        for folder in folders:
            change(folder)
            assert load_quickly(path, cache).warnings == load_file(path).warnings


def test_findings_name_files_from_the_present_folder_on(
    tmp_path: Path, cache: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = edge_project(tmp_path, "class A {}")
    for folder, shown in ((path.parent, "rewrite.js"), (ROOT, str(tmp_path / "rewrite.js"))):
        monkeypatch.chdir(folder)
        assert shown in {finding.file for finding in load_quickly(path, cache).warnings}


def edge_project(folder: Path, code: str = "") -> Path:
    """A configuration with a CloudFront Function, in a folder."""
    source = "function handler(event) { return event.request } // old\n"
    (folder / "rewrite.js").write_text(source + code)
    path = folder / "edgegw.yaml"
    path.write_text("edge_functions: {rewrite: {code: rewrite.js, comment: old}}")
    return path
