"""Versions of HTTP as they are written."""

from __future__ import annotations

import pytest

from edgegw.http.version import dotted


@pytest.mark.parametrize(
    ("version", "text"),
    [("0.9", "0.9"), ("1.0", "1.0"), ("1.1", "1.1"), ("2", "2.0"), ("3", "3.0")],
)
def test_versions_are_written_with_a_dot(version: str, text: str) -> None:
    assert dotted(version) == text
