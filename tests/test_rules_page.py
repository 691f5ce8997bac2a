"""`docs/rules.md` is made from the code: it is not stale, and every rule says where it is from."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_rules", ROOT / "docs" / "generate_rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["_rules"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RULES = generator()


@lru_cache(maxsize=1)
def entries() -> list[Any]:
    """The rules of all services."""
    return [entry for service in RULES.SERVICES for entry in RULES.entries(service)]


def test_page_is_what_the_code_says() -> None:
    assert RULES.PAGE.read_text() == RULES.page(), "docs/rules.md is stale: run `make rules`"


def test_no_two_rules_have_one_code() -> None:
    codes = Counter(entry.code for entry in [*entries(), *RULES.edge_entries()])
    assert [code for code, count in codes.items() if count > 1] == []


@pytest.mark.parametrize("service", RULES.SERVICES)
def test_every_source_begins_with_a_guide_or_an_observation(service: str) -> None:
    known = (*RULES.GUIDES, *RULES.SEEN)
    assert [entry for entry in RULES.entries(service) if not entry.source.startswith(known)] == []


def test_every_rule_says_something() -> None:
    assert [entry for entry in entries() if not entry.says] == []


def test_every_rule_of_the_edge_is_there() -> None:
    codes = {entry.code for entry in RULES.edge_entries()}
    assert codes == {rule.code for rule in RULES.rule_table.RULES}


@pytest.mark.parametrize(
    "code",
    [
        "alb.http2-streams",
        "alb.max-forwarded-for",
        "alb.handshake-failure",
        "alb/desync",
        "cloudfront.max-headers",
        "cloudfront.websocket-idle",
        "lambda.init-timeout",
    ],
)
def test_a_rule_is_found_by_its_name(code: str) -> None:
    [entry] = [entry for entry in entries() if entry.code == code]
    line = (ROOT / entry.file).read_text().splitlines()[entry.line - 1]
    name = code.partition(".")[2].replace("-", "_")
    assert name.upper() in line.upper() or line.startswith('"""')
