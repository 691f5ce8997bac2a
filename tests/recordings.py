"""Vectors: events and answers as AWS has them, which the codecs reproduce.

Ours are in `tests/vectors`, a folder for each kind; they were written by hand after AWS's pages and
have every field. Where the variable EDGEGW_VECTORS names a folder of recorded ones, these count as
well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

OWN = Path(__file__).parent / "vectors"
RECORDED = os.environ.get("EDGEGW_VECTORS", "")


def own(kind: str) -> list[Path]:
    """Our vectors of a kind: `alb/requests`."""
    files = sorted((OWN / kind).glob("*.json"))
    assert files, f"there are no vectors of our own for {kind}"
    return files


def recorded(kind: str, names: Iterable[str]) -> list[Path]:
    """The recorded ones by name; none on a machine that has none."""
    folder = Path(RECORDED, kind.partition("/")[0])
    return [folder / f"{name}.json" for name in names] if RECORDED else []


def vectors(kind: str, names: Iterable[str] = ()) -> list[Any]:
    """Parameters for a test: the files of our vectors of a kind, and of the recorded `names`."""
    files = [*own(kind), *recorded(kind, names)]
    return [pytest.param(file, id=file.stem) for file in files]


def load(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def fields(value: Any, names: frozenset[str], path: str = "") -> Iterator[str]:
    """The paths of all fields in `value`; below one of `names` keys are data and count as `*`."""
    if isinstance(value, list):
        for item in value:
            yield from fields(item, names, f"{path}[]")
    elif isinstance(value, dict):
        is_data = path.rpartition(".")[2] in names
        for key, item in value.items():
            yield from fields(item, names, f"{path}.{'*' if is_data else key}")
    else:
        yield f"{path}: {type(value).__name__}"
