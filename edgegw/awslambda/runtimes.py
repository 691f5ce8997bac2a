"""How the managed runtimes are started, where that decides what a function may load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NODE_FLAGS: Final[Mapping[int, tuple[str, ...]]] = {
    20: ("--no-experimental-require-module",),
    22: ("--no-experimental-require-module", "--no-experimental-detect-module"),
}
"""By the version of Node.js; what these refuse to load is refused here as on Lambda."""


def node_flags(version: int, options: str = "") -> tuple[str, ...]:
    """What Lambda starts a version of Node.js with, less what `options` (NODE_OPTIONS) reverses.

    Source: Lambda Developer Guide, "Building Lambda functions with Node.js", experimental features.
    """
    reversed_flags = options.split()
    return tuple(
        flag
        for flag in _NODE_FLAGS.get(version, ())
        if flag.replace("--no-", "--") not in reversed_flags
    )
