"""Findings as they are printed: a line each."""

from __future__ import annotations

import pytest

from edgegw.errors import ConfigError, Finding


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("there is no file a\nb", "there is no file a\\nb"),
        ("there is no origin '\x1b[2J'", "there is no origin '\\x1b[2J'"),
        ("a\r\u2028\x85\ud800b", "a\\r\\u2028\\x85\\ud800b"),
        ("there is no origin 'bär'", "there is no origin 'bär'"),
    ],
)
def test_what_a_finding_quotes_neither_ends_its_line_nor_moves_the_cursor(
    text: str, printed: str
) -> None:
    finding = Finding("f.yaml", 1, 2, "error", "config.file", text)
    assert str(finding) == f"f.yaml:1:2: error: config.file {printed}"
    assert str(ConfigError([finding, finding])).count("\n") == 1
