"""The examples of README and docs work: configurations load, Python blocks run."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from edgegw.config.document import read_document
from edgegw.config.resolve import load_document

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RULES = ROOT / "docs" / "lambda-edge-rules.md"
"""Its examples break rules on purpose: see test_rule_docs.py."""


def blocks(language: str) -> list[Any]:
    found: list[Any] = []
    for page in (page for page in PAGES if page != RULES):
        for at, block in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S)):
            found.append(pytest.param(page, block, id=f"{page.name}-{at}"))
    return found


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_configurations_load_without_findings(page: Path, block: str) -> None:
    config = load_document(read_document(block, page.name, {}), ROOT)
    assert config.doors or config.lambda_api
    assert config.warnings == ()


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "docs" / "testing.md", ROOT / "docs" / "cache.md"],
    ids=lambda page: page.name,
)
async def test_python_examples_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        exec(compile(block, page.name, "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        result = test()
        if inspect.isawaitable(result):
            await result


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


CODE = re.compile(r'"((?:config|alb|cloudfront|lambda)\.[a-z-]+)"')


def test_the_documented_finding_codes_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    documented = set(re.findall(r"`(config\.[a-z-]+)`", text))
    used = {
        code
        for module in (ROOT / "edgegw" / "config").glob("*.py")
        for code in CODE.findall(module.read_text())
        if code.startswith("config.")
    }
    assert documented == used


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
