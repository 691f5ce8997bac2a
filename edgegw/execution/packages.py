"""Code and layers on disk: folders as they are, zip packages unpacked, layers merged to one /opt.

Whatever is made here lies in one temporary folder that ends with the service. Systems clean up
folders like it: what is gone is made again when it is needed next. Only its name is kept, so that
a full disk or a missing folder is a failure of that moment and not of all that come after.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edgegw.awslambda.model import Function
from edgegw.awslambda.versions import Deployed
from edgegw.errors import EnvironmentProblem
from edgegw.execution.unpacking import unpack
from edgegw.values import value

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
        """The folder that holds everything that is made here; whether it is there or not."""
        if not self._root:
            self._root = str(Path(_temporary_folder(), f"edgegw-{secrets.token_hex(4)}"))
        return self._root

    def name_folder(self, prefix: str) -> str:
        """The name of a folder of one's own, for `ensure`; short, sockets need that."""
        self._count += 1
        return str(Path(self.root, f"{prefix}{self._count}"))

    def ensure(self, folder: str) -> None:
        """Has a folder that was named here exist. Raises EnvironmentProblem."""
        try:
            _make_private(self.root)
            Path(folder).mkdir(exist_ok=True)
        except OSError as error:
            text = f"the temporary folder {folder} cannot be made: {error.strerror}"
            raise EnvironmentProblem(text) from error

    def folder(self, prefix: str) -> str:
        """A new folder of one's own. Raises EnvironmentProblem."""
        made = self.name_folder(prefix)
        self.ensure(made)
        return made

    def prepare(self, function: Function) -> Package:
        """The folders of `function`. Raises EnvironmentProblem for what cannot be unpacked."""
        layers = tuple(self._folder_of(each) for each in function.layers)
        opt = layers[0] if layers else ""
        if len(layers) > 1:
            opt = self._merged.get(layers, "")
            if not Path(opt).is_dir() or not opt:
                opt = self._merged[layers] = self._merge(layers)
        return Package(self._folder_of(function.code), opt)

    def _folder_of(self, path: str) -> str:
        if os.path.isdir(path):  # noqa: PTH112 - asked for every environment
            return path
        if not path.endswith(".zip"):
            return str(Path(path).parent)
        try:
            seen = Path(path).stat()
        except OSError as error:
            raise EnvironmentProblem(f"{path} cannot be unpacked: {error.strerror}") from error
        key = (path, seen.st_mtime_ns, seen.st_size)
        unpacked = self._unpacked.get(key, "")
        if not unpacked or not Path(unpacked).is_dir():
            unpacked = self.folder("zip")
            unpack(path, unpacked)
            self._unpacked[key] = unpacked
        return unpacked

    def _merge(self, layers: tuple[str, ...]) -> str:
        target = self.folder("opt")
        try:
            for layer in layers:  # later ones win
                shutil.copytree(layer, target, symlinks=True, dirs_exist_ok=True)
        except OSError as error:  # shutil.Error is one
            shutil.rmtree(target, ignore_errors=True)
            raise EnvironmentProblem(f"the layers cannot be merged: {error}") from error
        return target

    def forget(self, deployed: Deployed) -> None:
        """The code or a layer of a function changed: layers are merged anew."""
        for function in (deployed.latest, *deployed.versions.values()):
            changed = set(function.layers)  # a zip package that changed has a folder of its own
            self._merged = {key: opt for key, opt in self._merged.items() if not changed & {*key}}

    def snapshot(self, function: Function) -> str:
        """A copy of the code as it is now: what a published version keeps.

        Raises EnvironmentProblem.
        """
        target = Path(self.folder("version"), "code")
        code = self._folder_of(function.code)
        try:
            shutil.copytree(code, target, symlinks=True, ignore=_ignored_in_copies)
        except OSError as error:
            raise EnvironmentProblem(f"{code} cannot be copied: {error}") from error
        return str(target)

    def close(self) -> None:
        """Removes everything that was made."""
        if self._root:
            shutil.rmtree(self._root, ignore_errors=True)
        self._root = ""
        self._unpacked.clear()
        self._merged.clear()


def _temporary_folder() -> str:
    """Where the system has temporary files; where nothing can be written, that is said later."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - only the name of what is missing


def _make_private(folder: str) -> None:
    """Has a folder exist that is ours alone: others may make one in the place of what vanished."""
    try:
        Path(folder).mkdir(0o700)
    except FileExistsError:
        there = Path(folder).lstat()
        is_ours = there.st_uid == os.geteuid() and not there.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not is_ours or not stat.S_ISDIR(there.st_mode):
            raise PermissionError(errno.EPERM, "it is not this user's alone", folder) from None


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
