"""How the managed runtimes are started, where that decides what a function may load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SCRIPTS: Final = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
"""Endings of files with a handler for Node.js, in the order in which they are looked for."""

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


_OLDEST: Final[Mapping[str, tuple[int, ...]]] = {"nodejs": (22,), "python": (3, 11)}
"""The oldest versions that new functions may have.

Source: Lambda Developer Guide, "Lambda runtimes", deprecated runtimes.
"""
_GONE: Final = frozenset({"provided", "provided.al2", "go1.x", "dotnet8", "ruby3.2", "java8"})


def has_ended(identifier: str) -> bool:
    """Whether AWS makes no new functions with this runtime any more."""
    if identifier in _GONE:
        return True
    for language, oldest in _OLDEST.items():
        if identifier.startswith(language):
            digits = identifier.removeprefix(language).removesuffix(".x").split(".")
            version = tuple(int(part) for part in digits if part.isdigit())
            return bool(version) and version < oldest
    return False
