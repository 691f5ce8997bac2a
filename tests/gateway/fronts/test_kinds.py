"""A kind of front door is a file and an entry in a list; nothing else asks which kind one is."""

from __future__ import annotations

import ast
from typing import get_args

from edgegw.config.model import Door
from edgegw.gateway.explaining import EXPLAINERS
from edgegw.gateway.fronts import FRONTS
from tests.product_code import parsed_files

KINDS = {door.__name__ for door in get_args(Door)}


def asked_kinds(tree: ast.Module) -> list[str]:
    """The kinds of front doors that something is compared with."""
    names: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                names += [part.id for part in ast.walk(kinds) if isinstance(part, ast.Name)]
            case ast.MatchClass(cls=ast.Name(id=name)):
                names.append(name)
            case _:
                pass
    return [name for name in names if name in KINDS]


def test_nothing_asks_which_kind_a_front_door_is() -> None:
    asking = {file: names for file, tree in parsed_files().items() if (names := asked_kinds(tree))}
    assert asking == {}


def test_every_kind_has_its_entries() -> None:
    doors = list(get_args(Door))
    assert list(FRONTS) == doors
    assert set(EXPLAINERS) == set(doors)
    assert [FRONTS[door].kind for door in doors] == [door.kind for door in doors]
