"""Commands beside a running gateway whose configuration is broken at the moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgegw.cli.main import main
from tests.cli.test_commands import running, wait_for_announcements
from tests.cli.test_explain_command import project
from tests.conftest import free_port

BROKEN = pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="no YAML"),
        pytest.param("gateway: {state: kept, sate: 1}\n", id="an unknown key"),
        pytest.param("\ufeff\x00", id="no text"),
    ],
)


def edgegw(*words: str) -> Result:
    return CliRunner().invoke(main, [*words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_running_gateway_answers_and_a_line_says_why(folder: Path) -> None:
    site, _ = project(folder)
    right = json.loads((folder / "edgegw.yaml").read_text())
    right["gateway"] = {"state": "kept/.edgegw", "lambda_api": free_port()}
    (folder / "edgegw.yaml").write_text(json.dumps(right))
    with running("serve", cwd=folder, doors=3):
        wait_for_announcements(folder / "kept")
        (folder / "edgegw.yaml").write_text("gateway: {sate: kept}\ndistributions: 3\n")
        for words in (
            ("functions", "--json"),
            ("explain", f"http://localhost:{site}/x", "--json"),
            ("cache", "site", "--json"),
            ("fault",),
        ):
            done = edgegw(*words)
            assert done.exit_code == 0, done.output
            [line] = done.stderr.splitlines()
            assert line.startswith("edgegw: edgegw.yaml has 2 errors (`edgegw check edgegw.yaml`)")
        refused = edgegw("cache", "nobody").stderr.splitlines()
        assert [line.startswith("edgegw: ") for line in refused] == [True, True]


@BROKEN
def test_without_a_gateway_the_errors_are_the_answer(folder: Path, text: str) -> None:
    (folder / "edgegw.yaml").write_text(text)
    for words in (("functions",), ("explain", "http://localhost:1/"), ("kvs", "flags", "list")):
        done = edgegw(*words)
        assert done.exit_code == 1
        assert done.stderr.startswith("edgegw.yaml:")


@BROKEN
def test_how_to_trust_certificates_does_not_depend_on_it(folder: Path, text: str) -> None:
    (folder / "edgegw.yaml").write_text(text)
    assert "certificate authority" in edgegw("trust").stdout


def test_a_configuration_that_is_not_there_is_said() -> None:
    done = edgegw("functions", "--config", "nowhere.yaml")
    assert (done.exit_code, done.stderr) == (2, "edgegw: there is no configuration nowhere.yaml\n")
