"""Modules that a function imports here and would not have on AWS.

Here a function finds the packages of the project: its virtual environment, and `node_modules` above
the code folder. On AWS only the package, its layers and the runtime are there. Looked for are names
that stand in the source; best effort, and never an error.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path as FilePath
from typing import Final, NamedTuple

_SKIPPED: Final = frozenset({"__pycache__", "node_modules", ".git", ".venv", "venv", ".edgegw"})
_MOST_FILES: Final = 500
_LARGEST: Final = 1024 * 1024
_PYTHON_SDK: Final = frozenset(
    {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"}
)
_NODE_SDK: Final = ("@aws-sdk/", "@smithy/")
_IMPORTED: Final = re.compile(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](@[\w.-]+/[\w.-]+|[\w-][\w.-]*)"""
)


class BorrowedModule(NamedTuple):
    """A module by name, and the folder of the project that it comes from."""

    name: str
    folder: FilePath


def borrowed_modules(
    code: FilePath, language: str, layers: Iterable[FilePath]
) -> list[BorrowedModule]:
    """What the sources of `code`, a folder or a file, import from the project around it, by name.

    Zip packages and layers that are zip packages are not looked into.
    """
    folders = list(layers)
    if any(path.suffix == ".zip" or not path.exists() for path in (code, *folders)):
        return []
    if language == "python":
        return sorted(_borrowed_by_python(code, folders))
    return sorted(_borrowed_by_node(code, folders))


def _sources(code: FilePath, endings: tuple[str, ...]) -> Iterator[str]:
    waiting, count = [code], 0
    while waiting and count < _MOST_FILES:
        path = waiting.pop()
        if path.is_dir():
            below = (each for each in path.iterdir() if each.name not in _SKIPPED)
            waiting += sorted(each for each in below if not (each.is_dir() and each.is_symlink()))
        elif path.suffix in endings and path.is_file() and path.stat().st_size <= _LARGEST:
            count += 1
            yield path.read_text(encoding="utf-8", errors="replace")


def _root(code: FilePath) -> FilePath:
    return code if code.is_dir() else code.parent


def _around(code: FilePath) -> Iterator[FilePath]:
    """The folders of the project: upwards to the one with `.git` or the home folder."""
    for folder in (code, *code.parents):
        yield folder
        if folder == FilePath.home() or (folder / ".git").exists():
            return


# Python


def _borrowed_by_python(code: FilePath, layers: list[FilePath]) -> set[BorrowedModule]:
    own = [_root(code), *(layer / "python" for layer in layers)]
    own += [found for layer in layers for found in layer.glob("python/lib/python3.*/site-packages")]
    names = {name for text in _sources(code, (".py",)) for name in _imported_by_python(text)}
    names -= sys.stdlib_module_names | _PYTHON_SDK
    lent = [
        packages
        for folder in _around(_root(code))
        for venv in (".venv", "venv")
        for packages in (folder / venv).glob("lib/python3.*/site-packages")
    ]
    found: set[BorrowedModule] = set()
    for name in names:
        if not any(_has_module(folder, name) for folder in own):
            lender = next((folder for folder in lent if _has_module(folder, name)), None)
            if lender is not None:
                found.add(BorrowedModule(name, lender.parents[2]))
    return found


def _imported_by_python(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _has_module(folder: FilePath, name: str) -> bool:
    return (
        (folder / name).is_dir()
        or (folder / f"{name}.py").is_file()
        or any(folder.glob(f"{name}.*.so"))
    )


# Node.js


def _borrowed_by_node(code: FilePath, layers: list[FilePath]) -> set[BorrowedModule]:
    own = [_root(code) / "node_modules", *(layer / "nodejs" / "node_modules" for layer in layers)]
    own += [found for layer in layers for found in layer.glob("nodejs/node*/node_modules")]
    endings = (".js", ".mjs", ".cjs")
    names = {match[1] for text in _sources(code, endings) for match in _IMPORTED.finditer(text)}
    found: set[BorrowedModule] = set()
    for name in names:
        if name.startswith(_NODE_SDK) or any((folder / name).is_dir() for folder in own):
            continue
        above = [folder / "node_modules" for folder in _root(code).parents]
        lender = next((folder for folder in above if (folder / name).is_dir()), None)
        if lender is not None:
            found.add(BorrowedModule(name, lender))
    return found
