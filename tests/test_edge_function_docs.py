"""`docs/cloudfront-functions.md` says of every rule and construct what the code says."""

from __future__ import annotations

from pathlib import Path

from edgegw.cloudfront.api.key_value_stores import MAX_STORE_COMMENT
from edgegw.cloudfront.edge_functions import key_values
from edgegw.cloudfront.edge_functions.rules import EDGE_FUNCTION_RULES
from edgegw.cloudfront.edge_functions.syntax_rules import SYNTAX_RULES
from edgegw.cloudfront.key_value_stores.data_api import DEFAULT_LISTED, MAX_LISTED

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


def test_page_and_code_have_the_same_limits_of_stores() -> None:
    for limit in (
        f"| key | 1 to {key_values.MAX_STORE_KEY} bytes, UTF-8 |",
        f"| value | {key_values.MAX_STORE_VALUE:,} bytes, UTF-8 |",
        f"| store | {key_values.MAX_STORE_SIZE >> 20} MB of keys and values |",
        f"| keys of one UpdateKeys | {key_values.MAX_BATCH_KEYS} |",
        f"| bytes of one UpdateKeys | {key_values.MAX_BATCH_SIZE >> 20} MB |",
        f"| comment | {MAX_STORE_COMMENT} characters |",
        f"| stores of an account | {key_values.MAX_KEY_VALUE_STORES} |",
        f"| functions that read a store | {key_values.MAX_STORE_FUNCTIONS} |",
        f"| keys of a page of ListKeys | 1 to {MAX_LISTED}, {DEFAULT_LISTED} by itself |",
    ):
        assert limit in PAGE
