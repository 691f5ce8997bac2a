"""Only files that a function is made of count, whatever else is written beside them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgegw.gateway.code_files import Claim, RestlessFiles, changed_owners
from edgegw.gateway.relevance import Relevance


def claims_in(folder: Path, count: int = 3) -> list[Claim]:
    """Functions of a single file each, in one folder, looked at once."""
    claims: list[Claim] = []
    for number in range(count):
        source = folder / f"f{number}.py"
        source.write_text("import helper\n" if number == 0 else "")
        claims.append(Claim(f"f{number}", str(source), is_source=True))
    for claim in claims:
        claim.changed()
    return claims


def owners(claims: list[Claim]) -> list[str]:
    return [claim.owner for claim in claims]


def looked_at(
    relevance: Relevance, claims: list[Claim], *paths: Path
) -> tuple[list[str], list[str]]:
    """Whom changed paths made look, and who changed."""
    names = {str(path) for path in paths}
    concerned = relevance.concerned(claims, names)
    changed = [claim for claim in concerned if claim.changed()]
    if concerned:
        relevance.looked(concerned, names, changed=bool(changed))
    return owners(concerned), owners(changed)


def test_a_source_that_is_saved_concerns_its_function_alone(tmp_path: Path) -> None:
    claims = claims_in(tmp_path)
    (tmp_path / "f1.py").write_text("x = 1\n")
    assert looked_at(Relevance(), claims, tmp_path / "f1.py") == (["f1"], ["f1"])


def test_an_unrelated_file_concerns_nobody(tmp_path: Path) -> None:
    claims, relevance = claims_in(tmp_path), Relevance()
    for number in range(5):
        for name in ("data.txt", f"data-{number}.txt", f"other_{number}.py"):
            other = tmp_path / name
            other.write_text(str(number))
            assert looked_at(relevance, claims, other) == ([], [])


NAMED = [
    ("f.py", "import helper\n", "helper.py"),
    ("f.py", "import package.inner\n", "package/inner.py"),
    ("f.py", "from package import helper\n", "package/helper.py"),
    ("f.py", "from . import helper\n", "helper.py"),
    ("f.py", "open('data.v1.json')\n", "data.v1.json"),
    ("f.py", "open('data/one.json')\n", "data/one.json"),
    ("f.js", "require('./helper')\n", "helper.js"),
    ("f.js", "require('./helper')\n", "helper.json"),
    ("f.js", "import x from './package'\n", "package/index.js"),
    ("f.ts", "import x from './helper.js'\n", "helper.ts"),
    ("f.js", "require('../shared/helper')\n", "../shared/helper.js"),
]


@pytest.mark.parametrize(("source", "text", "new"), NAMED)
def test_a_new_file_that_a_source_names_counts(
    tmp_path: Path, source: str, text: str, new: str
) -> None:
    folder = tmp_path / "code"
    (folder / new).parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    (folder / source).write_text(text)
    claim = Claim("f", str(folder / source), is_source=True)
    claim.changed()
    path = (folder / new).resolve()
    claim.folders.add(str(path.parent))  # as if something else there were named
    path.write_text("")
    assert looked_at(Relevance(), [claim], path) == (["f"], ["f"])


def test_a_new_file_counts_for_the_folder_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text("")
    claim = Claim("hook", str(tmp_path))
    claim.changed()
    (tmp_path / "new.txt").write_text("")
    assert looked_at(Relevance(), [claim], tmp_path / "new.txt") == (["hook"], ["hook"])


def test_functions_of_one_folder_look_at_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    really = os.scandir

    def counted(path: str) -> Iterator[os.DirEntry[str]]:
        asked.append(path)
        return really(path)

    (tmp_path / "hook.py").write_text("")
    claims = [Claim(f"f{number}", str(tmp_path)) for number in range(3)]
    monkeypatch.setattr(os, "scandir", counted)
    for text in ("x = 1", "x = 22"):
        (tmp_path / "hook.py").write_text(text)
        assert changed_owners(claims) == {"f0", "f1", "f2"}
        assert asked == [str(tmp_path)]
        asked.clear()
    assert changed_owners(claims) == set()


def test_a_folder_that_is_put_anew_counts_whatever_it_is_called(tmp_path: Path) -> None:
    claims = claims_in(tmp_path)
    assert looked_at(Relevance(), claims, tmp_path) == (["f0", "f1", "f2"], [])


@pytest.mark.parametrize("name", ["access.log", "state.db-wal", "f1.py~", ".f1.py.swp"])
def test_what_is_no_code_is_never_looked_at(tmp_path: Path, name: str) -> None:
    claims = claims_in(tmp_path)
    assert looked_at(Relevance(), claims, tmp_path / name) == ([], [])


def test_a_file_that_was_missing_counts_when_it_comes(tmp_path: Path) -> None:
    claims, relevance, helper = claims_in(tmp_path), Relevance(), tmp_path / "helper.py"
    helper.write_text("")
    assert looked_at(relevance, claims, helper)[1] == ["f0"]
    helper.write_text("x = 1\n")
    assert looked_at(relevance, claims, helper) == (["f0"], ["f0"])
    helper.unlink()
    assert looked_at(relevance, claims, helper)[1] == ["f0"]
    helper.write_text("x = 2\n")
    assert looked_at(relevance, claims, helper)[1] == ["f0"]


def test_a_file_without_meaning_gets_one_when_a_source_names_it(tmp_path: Path) -> None:
    claims, relevance, data = claims_in(tmp_path), Relevance(), tmp_path / "data.txt"
    data.write_text("1")
    assert looked_at(relevance, claims, data)[1] == []
    (tmp_path / "f2.py").write_text("open('data.txt')\n")
    assert looked_at(relevance, claims, tmp_path / "f2.py")[1] == ["f2"]
    data.write_text("22")
    assert looked_at(relevance, claims, data) == (["f2"], ["f2"])


def test_the_second_event_of_a_write_does_not_hide_the_next_write(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target, link = elsewhere / "f.py", tmp_path / "f.py"
    target.write_text("")
    link.symlink_to(target)
    claim, relevance = Claim("f", str(link), is_source=True), Relevance()
    claim.changed()
    for number in range(3):
        target.write_text("x" * (number + 1))
        assert looked_at(relevance, [claim], target)[1] == ["f"]
        assert looked_at(relevance, [claim], target)[1] == []


def test_a_file_in_a_code_folder_that_is_written_all_the_time_stops_to_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hook.py").write_text("")
    claim, relevance, out = Claim("hook", str(tmp_path)), Relevance(), tmp_path / "out.txt"
    out.write_text("")
    claim.changed()
    counted = 0
    for number in range(30):
        out.write_text("x" * (number + 1))
        counted += bool(looked_at(relevance, [claim], out)[1])
    assert counted <= 11
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"hook: {out} is written all the time" in caplog.text
    (tmp_path / "hook.py").write_text("x = 1\n")
    assert looked_at(relevance, [claim], tmp_path / "hook.py")[1] == ["hook"]


def test_a_log_that_a_single_file_names_is_no_code(tmp_path: Path) -> None:
    source, log = tmp_path / "hook.py", tmp_path / "seen.jsonl"
    source.write_text("open('seen.jsonl', 'a')\n")
    log.write_text("")
    claim, relevance = Claim("hook", str(source), is_source=True), Relevance()
    claim.changed()
    log.write_text("{}\n")
    assert looked_at(relevance, [claim], log) == ([], [])


def test_what_a_single_file_writes_all_the_time_stops_to_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, out = tmp_path / "hook.py", tmp_path / "out.txt"
    source.write_text("open('out.txt', 'a')\n")
    out.write_text("")
    claim, relevance = Claim("hook", str(source), is_source=True), Relevance()
    claim.changed()
    counted = 0
    for number in range(30):
        out.write_text("x" * (number + 1))
        counted += bool(looked_at(relevance, [claim], out)[1])
    assert counted <= 11
    assert f"hook: {out} is written all the time" in caplog.text
    source.write_text("open('out.txt', 'w')\n")
    assert looked_at(relevance, [claim], source)[1] == ["hook"]


def test_saves_by_hand_count_for_ever() -> None:
    restless = RestlessFiles()
    for number in range(100):
        restless.note("hook", ["hook.py"], number * 2.0)
    assert restless.paths == set()


def test_what_the_gateway_writes_itself_is_no_code(tmp_path: Path) -> None:
    """Its output is redirected into the folder of a function."""
    program = (
        "from edgegw.gateway.code_files import Claim; import sys\n"
        f"claim = Claim('f', {str(tmp_path)!r}); claim.changed()\n"
        "print('a line', flush=True)\n"
        "sys.stderr.write(str(claim.changed()) + str(sorted(claim.signatures)))\n"
    )
    (tmp_path / "f.py").write_text("")
    with (tmp_path / "gateway.out").open("w") as out:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
    assert done.stderr == f"False['{tmp_path / 'f.py'}']"


def test_a_late_event_behind_a_new_configuration_hides_nothing(tmp_path: Path) -> None:
    claims, relevance, source = claims_in(tmp_path), Relevance(), tmp_path / "f1.py"
    source.write_text("x = 1\n")
    assert looked_at(relevance, claims, source)[1] == ["f1"]
    relevance.forget()
    assert looked_at(relevance, claims, source)[1] == []
    source.write_text("x = 22\n")
    assert looked_at(relevance, claims, source)[1] == ["f1"]
