"""With which flags Lambda starts Node.js."""

from __future__ import annotations

import pytest

from edgegw.awslambda.node_flags import NODE_FLAGS, flags_kept


def test_flags_of_each_version() -> None:
    """Lambda Developer Guide, "Building Lambda functions with Node.js"."""
    assert NODE_FLAGS == {
        20: ("--no-experimental-require-module",),
        22: ("--no-experimental-require-module", "--no-experimental-detect-module"),
    }


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("", ["--no-experimental-require-module", "--no-experimental-detect-module"]),
        ("--experimental-require-module", ["--no-experimental-detect-module"]),
        (
            "--enable-source-maps --experimental-detect-module",
            ["--no-experimental-require-module"],
        ),
    ],
)
def test_node_options_reverse_flags(options: str, kept: list[str]) -> None:
    assert flags_kept(NODE_FLAGS[22], options) == kept
