"""Code and layers on disk: folders as they are, zip packages unpacked, layers merged to one /opt.

Whatever is made here lies in one temporary folder that ends with the service.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edgegw.awslambda.model import Function
from edgegw.awslambda.versions import Deployed
from edgegw.errors import EnvironmentProblem
from edgegw.values import value

MAX_UNZIPPED: Final = 262_144_000
"""Bytes of code and layers, unpacked (Lambda quotas)."""
_SKIPPED: Final = frozenset({"__pycache__", ".git", ".venv", "venv", ".edgegw"})


@value
class Package:
    """Where a function's code and merged layers lie; `opt` is empty without layers."""

    task_root: str
    opt: str

    @property
    def extensions(self) -> list[str]:
        """External extensions: every executable file in `extensions/` of a layer."""
        folder = Path(self.opt, "extensions")
        if not self.opt or not folder.is_dir():
            return []
        return [
            str(each)
            for each in sorted(folder.iterdir())
            if each.is_file() and os.access(each, os.X_OK)
        ]

    @property
    def bootstrap(self) -> str | None:
        """The executable of a function with an OS-only runtime: in the code, else in a layer."""
        for folder in (self.task_root, self.opt):
            candidate = Path(folder, "bootstrap")
            if folder and candidate.is_file() and os.access(candidate, os.X_OK):
                return str(candidate)
        return None


class Packages:
    """Unpacks and merges what has to be, once for the same content."""

    def __init__(self) -> None:
        self._root = ""
        self._count = 0
        self._unpacked: dict[tuple[str, int, int], str] = {}
        self._merged: dict[tuple[str, ...], str] = {}

    @property
    def root(self) -> str:
        """The folder that holds everything that is made here."""
        if not self._root:
            self._root = tempfile.mkdtemp(prefix="edgegw-")
        return self._root

    def folder(self, prefix: str) -> str:
        """A new folder of one's own; the paths stay short, sockets need that."""
        self._count += 1
        made = Path(self.root, f"{prefix}{self._count}")
        made.mkdir()
        return str(made)

    def prepare(self, function: Function) -> Package:
        """The folders of `function`. Raises EnvironmentProblem for what cannot be unpacked."""
        layers = tuple(self._folder_of(each) for each in function.layers)
        if layers not in self._merged:
            self._merged[layers] = self._merge(layers)
        return Package(self._folder_of(function.code), self._merged[layers])

    def _folder_of(self, path: str) -> str:
        if os.path.isdir(path):  # noqa: PTH112 - asked for every environment
            return path
        if not path.endswith(".zip"):
            return str(Path(path).parent)
        try:
            found = Path(path).stat()
            key = (path, found.st_mtime_ns, found.st_size)
            if key not in self._unpacked:
                self._unpacked[key] = self._unpack(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise EnvironmentProblem(f"{path} cannot be unpacked: {error}") from error
        return self._unpacked[key]

    def _unpack(self, path: str) -> str:
        target = self.folder("zip")
        with zipfile.ZipFile(path) as package:
            if sum(each.file_size for each in package.infolist()) > MAX_UNZIPPED:
                text = f"{path}: Unzipped size must be smaller than {MAX_UNZIPPED} bytes"
                raise EnvironmentProblem(text)
            for each in package.infolist():
                where = package.extract(each, target)
                mode = each.external_attr >> 16
                if mode and not each.is_dir() and not stat.S_ISLNK(mode):
                    Path(where).chmod(stat.S_IMODE(mode) | stat.S_IRUSR)
        return target

    def _merge(self, layers: tuple[str, ...]) -> str:
        if len(layers) <= 1:
            return layers[0] if layers else ""
        target = self.folder("opt")
        for layer in layers:  # later ones win
            shutil.copytree(layer, target, symlinks=True, dirs_exist_ok=True)
        return target

    def forget(self, deployed: Deployed) -> None:
        """The code or a layer of a function changed: layers are merged anew."""
        for function in (deployed.latest, *deployed.versions.values()):
            if len(function.layers) > 1:
                self._merged.pop(tuple(self._folder_of(each) for each in function.layers), None)

    def snapshot(self, function: Function) -> str:
        """A copy of the code as it is now: what a published version keeps."""
        target = Path(self.folder("version"), "code")
        shutil.copytree(
            self._folder_of(function.code), target, symlinks=True, ignore=_ignored_in_copies
        )
        return str(target)

    def close(self) -> None:
        """Removes everything that was made."""
        if self._root:
            shutil.rmtree(self._root, ignore_errors=True)
        self._root = ""
        self._unpacked.clear()
        self._merged.clear()


def _ignored_in_copies(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(each for each in folders if each not in _SKIPPED)
        for name in sorted(files):
            yield Path(folder, name)


def code_digest(path: str) -> tuple[str, int]:
    """Fingerprint (SHA-256, base64) and size in bytes of the code at `path`.

    For a zip package it is CodeSha256 as on AWS; for a folder it covers names and contents.
    """
    digest, size = hashlib.sha256(), 0
    root = Path(path)
    for file in _files(root):
        try:
            content = file.read_bytes()
        except OSError:
            continue
        size += len(content)
        if root.is_dir():
            digest.update(str(file.relative_to(root)).encode() + b"\0")
        digest.update(content)
    return base64.b64encode(digest.digest()).decode(), size


def site_packages(task_root: str, version: tuple[int, ...]) -> list[str]:
    """Package folders of the project's own virtual environment, for this Python version.

    Looked for as `.venv` or `venv` beside the code, upwards to the folder with `.git` or the
    home folder.
    """
    name = "python" + ".".join(map(str, version[:2]))
    home = Path.home()
    for folder in (Path(task_root), *Path(task_root).parents):
        for venv in (".venv", "venv"):
            found = folder / venv / "lib" / name / "site-packages"
            if found.is_dir():
                return [str(found)]
        if folder == home or (folder / ".git").exists():
            break
    return []
