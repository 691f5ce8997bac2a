"""With which flags Lambda starts Node.js.

Source: Lambda Developer Guide, "Building Lambda functions with Node.js", experimental features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

NODE_FLAGS: Final[Mapping[int, tuple[str, ...]]] = {
    20: ("--no-experimental-require-module",),
    22: ("--no-experimental-require-module", "--no-experimental-detect-module"),
}
"""Flags by major version, so that what Lambda refuses to load is refused here."""


def flags_kept(flags: Sequence[str], node_options: str) -> list[str]:
    """Those that NODE_OPTIONS does not reverse: a flag without its `no-` takes it away."""
    reversed_by = node_options.split()
    return [flag for flag in flags if flag.replace("--no-", "--") not in reversed_by]
