"""`docs/cloudfront-functions.md` says of every rule and construct what the code says."""

from __future__ import annotations

from pathlib import Path

from edgegw.cloudfront.edge_functions.rules import EDGE_FUNCTION_RULES
from edgegw.cloudfront.edge_functions.static_check import SYNTAX_RULES

PAGE = (Path(__file__).parents[1] / "docs" / "cloudfront-functions.md").read_text()
WORDS = {"refused": "refused", "warned": "pointed out", "fine": "there"}


def test_page_and_code_have_the_same_rules() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `edge-function.")]
    assert len(rows) == len(EDGE_FUNCTION_RULES)
    for row, rule in zip(rows, EDGE_FUNCTION_RULES, strict=True):
        assert row.startswith(f"| `{rule.code}` | {rule.demands.replace('|', '&#124;')} | ")
        assert ("only pointed out" in row) == (not rule.page)
        assert ("ignored with" in row) == (rule.lenient == "ignored")


def test_page_and_code_have_the_same_constructs() -> None:
    for rule in SYNTAX_RULES:
        name = rule.construct.replace("|", "&#124;")
        assert f"| {name} | {WORDS[rule.in_1]} | {WORDS[rule.in_2]} |" in PAGE
