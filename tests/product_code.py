"""The code of the product, read for what may stand in it."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

EDGEGW = Path(__file__).parents[1] / "edgegw"


@lru_cache(maxsize=1)
def parsed_files() -> dict[str, ast.Module]:
    """All files of the product, by their path in it; read once, and not before a test asks."""
    return {
        path.relative_to(EDGEGW).as_posix(): ast.parse(path.read_text())
        for path in sorted(EDGEGW.rglob("*.py"))
    }
