"""The words of the house: a name says what it is, and no two things have the same one.

Classes: once in the whole product, private ones and type aliases included (`_Entry` and `Entry`
are the same word). A key of the configuration (a `Model`) may be called as what it becomes: a
`Listener` of the file is the `Listener` that the load balancer listens with. A type variable is
no class.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.product_code import parsed_files

SAYS_NOTHING = {"found", "told", "each", "made"}
NO_ROOM = {"utils", "helpers", "common", "base", "core", "manager"}
CAPITALS = re.compile(r"_*[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")


def is_key(file: str) -> bool:
    """Whether classes and types of a file stand for keys of the configuration."""
    return bool(re.fullmatch(r"config/(schema|fields|\w+/(\w+_)?keys)\.py", file))


def classes() -> Iterator[tuple[str, str]]:
    """Name and file of each class and type alias, keys of the configuration aside."""
    for file, tree in parsed_files().items():
        if is_key(file):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield node.name, file
        for node in tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ) if CAPITALS.fullmatch(name) and not is_type_variable(value):
                    yield name, file
                case _:
                    pass


def is_type_variable(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec")):
            return True
        case _:
            return False


def test_no_class_name_stands_twice() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for name, file in classes():
        places[name.lstrip("_")].append(f"{file}: {name}")
    assert [files for files in places.values() if len(files) > 1] == []


def test_a_key_is_called_once_in_the_configuration() -> None:
    keys = [
        node.name
        for file, tree in parsed_files().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and is_key(file)
    ]
    assert sorted(keys) == sorted(set(keys))


def named(file: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Functions, methods, parameters and attributes, each with its place."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, f"{file}:{node.lineno}"
            case ast.arg(arg=name):
                yield name, f"{file}:{node.lineno}"
            case ast.ClassDef(body=body):
                for statement in body:
                    match statement:
                        case (
                            ast.AnnAssign(target=ast.Name(id=name))
                            | ast.Assign(targets=[ast.Name(id=name)])
                        ):
                            yield name, f"{file}:{statement.lineno}"
                        case _:
                            pass
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name, f"{file}:{node.lineno}"
            case _:
                pass


def test_functions_parameters_and_attributes_say_what_they_are() -> None:
    empty = [
        f"{place}: {name}"
        for file, tree in parsed_files().items()
        for name, place in named(file, tree)
        if name.lstrip("_") in SAYS_NOTHING
    ]
    assert empty == []


def test_every_module_is_about_something() -> None:
    rooms = {part.removesuffix(".py") for file in parsed_files() for part in Path(file).parts}
    assert rooms & NO_ROOM == set()
