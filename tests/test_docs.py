"""The examples of README and docs work: configurations load, Python blocks run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from edgegw.config import schema
from edgegw.config.distributions import keys
from edgegw.config.document import read_document
from edgegw.config.gateway.keys import Gateway
from edgegw.config.resolve import load_document

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RULES = ROOT / "docs" / "lambda-edge-rules.md"
"""Its examples break rules on purpose: see test_rule_docs.py."""


NO_CONFIGURATIONS = {"ci.md": "testing/test_ci_recipes.py"}
"""Pages whose YAML is for other programs, with the tests that run it."""


def blocks(language: str) -> list[Any]:
    found: list[Any] = []
    for page in PAGES:
        if page == RULES or (language == "yaml" and page.name in NO_CONFIGURATIONS):
            continue
        for at, block in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S)):
            found.append(pytest.param(page, block, id=f"{page.name}-{at}"))
    return found


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_configurations_load_without_findings(page: Path, block: str) -> None:
    config = load_document(read_document(block, page.name, {}), ROOT)
    assert config.doors or config.identity_providers or config.lambda_api
    assert config.warnings == ()


RUN_ELSEWHERE = {
    "cloudfront-functions.md": "test_docs_commands.py",
    "lambda-api.md": "test_docs_commands.py",
    "lambda-edge-rules.md": "test_rule_docs.py",
    "queues.md": "test_docs_commands.py",
}
"""Pages whose Python blocks are no tests."""


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.S)


def test_every_python_block_is_run() -> None:
    with_python = {page.name for page in PAGES if python_blocks(page)}
    assert with_python == {
        "README.md",
        "authentication.md",
        "cache.md",
        "experiments.md",
        "testing.md",
        *RUN_ELSEWHERE,
    }


TESTING = ROOT / "docs" / "testing.md"
CONFTEST = "# conftest.py\n"
"""What a block begins with that is a file of its own."""


def pasted(folder: Path, *python: str, ini: str = "") -> str:
    """What pytest says of blocks saved as one file, beside what the pages say to have."""
    shutil.copytree(ROOT / "sample_functions", folder / "sample_functions")
    shutil.copytree(ROOT / "config", folder / "config")
    (configuration,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (folder / "edgegw.yaml").write_text(configuration)
    files = [block for block in python if not block.startswith(CONFTEST)]
    (folder / "test_page.py").write_text("\n".join(files))
    (conftest,) = (block for block in python_blocks(TESTING) if block.startswith(CONFTEST))
    if ini:
        (folder / "conftest.py").write_text(conftest)
    (folder / "pytest.ini").write_text(ini)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/testing.md"])
def test_the_first_test_of_a_page_needs_no_plugin_and_no_ini_line(
    page: str, tmp_path: Path
) -> None:
    first = python_blocks(ROOT / page)[0]
    assert "1 passed" in pasted(tmp_path, first)


@pytest.mark.parametrize("name", ["testing.md", "cache.md", "authentication.md", "experiments.md"])
def test_all_tests_of_a_page_run(name: str, tmp_path: Path) -> None:
    (ini,) = re.findall(r"```ini\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.S)
    tests = python_blocks(ROOT / "docs" / name)
    count = sum(block.count("def test_") for block in tests)
    said = pasted(tmp_path, *tests, ini=ini)
    assert re.search(rf"^{count} passed(, \d+ warnings?)? in ", said, re.M), said


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_pictures_of_a_key_are_what_explain_shows() -> None:
    text = (ROOT / "docs" / "cache.md").read_text()
    pictures = re.findall(r"```\n\$ edgegw (explain [^\n]* --config [^\n]*)\n(.*?)```", text, re.S)
    assert len(pictures) == 2
    for command, picture in pictures:
        ran = subprocess.run(
            [sys.executable, "-m", "edgegw", *shlex.split(command)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            capture_output=True,
            text=True,
            check=True,
        )
        shown = ran.stdout.splitlines()
        at = 0
        for part in re.split(r"^ *…\n", picture, flags=re.M):
            lines = part.splitlines()
            starts = range(at, len(shown) + 1)
            at = next(start for start in starts if shown[start:][: len(lines)] == lines)
            at += len(lines)


CODE = re.compile(r'"((?:config|events|alb|cloudfront|lambda)\.[a-z-]+)"')


def test_the_documented_finding_codes_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    documented = set(re.findall(r"`((?:config|events)\.[a-z-]+)`", text))
    used = {
        code
        for module in (ROOT / "edgegw" / "config").rglob("*.py")
        for code in CODE.findall(module.read_text())
        if code.startswith(("config.", "events."))
    }
    assert documented == used


@pytest.mark.parametrize(
    ("model", "section"),
    [
        (schema.Config, "What a file holds"),
        (keys.Distribution, "A distribution"),
        (keys.Behavior, "A distribution"),
        (keys.Origin, "A distribution"),
        (Gateway, "The gateway's own settings"),
    ],
)
def test_every_key_stands_in_its_table(model: type[BaseModel], section: str) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    part = text.split(f"# {section}\n", 1)[1]
    part = re.split(r"\n#+ ", part)[0]
    rows = [line.split("|") for line in part.splitlines() if line.startswith("| ")]
    named = {key for row in rows for key in re.findall(r"`(\w+)`", row[1] + row[-2])}
    assert set(model.model_fields) - named == set()


def test_the_map_of_the_house_names_files_that_there_are() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for path in re.findall(r"`((?:[a-z0-9_]+/)+(?:[a-z0-9_]+\.py)?)`", text):
        places = (ROOT / path, ROOT / "edgegw" / path)
        assert any(place.exists() for place in places), path


NAMED = re.compile(r"`(tests/[\w/]+\.py)::(?:(\w+)::)?(\w+)`")


def test_every_threat_names_a_test_that_there_is() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| (?!threat|---)", line)]
    assert len(rows) > 20
    for row in rows:
        (named,) = NAMED.findall(row)
        file, group, test = named
        body = (ROOT / file).read_text()
        if group:
            body = body[body.index(f"\nclass {group}") :]
        assert re.search(rf"def {test}\(", body), f"there is no test {test} in {file}"
