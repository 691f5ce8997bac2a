"""The text of `edge_runtime/*.js`, as an engine takes it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

LINES_BEFORE: Final = 16_384
"""Empty lines before our own code: more than a function has, so that its lines are known by it."""
_MODULES: Final = ("text", "lock", "edits", "crypto", "querystring", "buffer")


@cache
def _source(name: str) -> str:
    folder = resources.files("edgegw.execution") / "edge_runtime"
    return (folder / f"{name}.js").read_text(encoding="utf-8")


@cache
def core_source() -> str:
    """An expression for `install` of `core.js`, with its guards."""
    mark = "  // ---- what is guarded: guards.js stands here\n"
    return "\n" * LINES_BEFORE + _source("core").replace(mark, _source("guards"))


@cache
def modules_source() -> str:
    """An expression for an object of the other files, by name."""
    members = [f"{name}: {_source(name).strip()}" for name in _MODULES]
    return "\n" * LINES_BEFORE + "({" + ",\n".join(members) + "})"
