"""The text of `edge_runtime/*.js`, as an engine takes it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

_MODULES: Final = ("text", "lock", "edits", "crypto", "querystring", "buffer")


@cache
def _source(name: str) -> str:
    folder = resources.files("edgegw.execution") / "edge_runtime"
    return (folder / f"{name}.js").read_text(encoding="utf-8")


@cache
def core_source() -> str:
    """An expression for `install` of `core.js`, with its guards."""
    return _source("core").replace(
        "  // ---- what is guarded: guards.js stands here\n", _source("guards")
    )


@cache
def modules_source() -> str:
    """An expression for an object of the other files, by name."""
    members = [f"{name}: {_source(name).strip()}" for name in _MODULES]
    return "({" + ",\n".join(members) + "})"
