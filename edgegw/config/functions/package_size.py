"""How large the zip package is that a function's code is, or would be."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edgegw.awslambda.edge import MAX_PACKAGE

_SKIPPED: Final = frozenset({"__pycache__", ".git", ".venv", "venv", ".edgegw"})


def package_size(code: Path) -> int:
    """Bytes of the zip package that `code` is or would be.

    A folder is compressed only where its files are larger than the edge allows.
    """
    if code.is_file():
        return code.stat().st_size
    files = list(_files(code))
    total = sum(file.stat().st_size for file in files)
    return total if total <= MAX_PACKAGE else _zipped_size(files, code)


def _files(folder: Path) -> Iterator[Path]:
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        if each.is_dir() and each.name not in _SKIPPED:
            yield from _files(each)
        elif each.is_file():
            yield each


class _Counter:
    """A file that only counts what is written."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, content: bytes) -> int:
        self.size += len(content)
        return len(content)

    def flush(self) -> None:
        return


def _zipped_size(files: list[Path], folder: Path) -> int:
    counter = _Counter()
    with zipfile.ZipFile(counter, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as package:  # type: ignore[arg-type]
        for file in files:
            package.write(file, file.relative_to(folder))
    return counter.size
