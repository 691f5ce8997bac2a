"""Which files a function or the configuration is made of, and whether they changed.

A folder counts with everything below it, less what is not code (installed packages, caches, files
that editors, tools and functions leave behind). A single file counts with the files that it names:
what it imports from its folder, and what it reads by a name that stands in its text.
"""

from __future__ import annotations

import ast
import contextlib
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

logger = logging.getLogger(__name__)

_FOLDERS: Final = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "coverage"})
_ENDINGS: Final = (
    *("~", ".swp", ".swo", ".swx", ".swpx", ".tmp", ".temp", ".bak", ".orig", ".part"),
    *(".pyc", ".pyo", ".log", ".lock", ".pid", ".db", ".sqlite", ".sqlite3", "-journal", "-wal"),
    *("-shm", ".jsonl", "___jb_tmp___", "___jb_old___"),
)
_BEGINNINGS: Final = (".#", "#", ".~", ".goutputstream-", ".DS_Store", ".nfs")
_VIM_PROBE: Final = re.compile(r"\d{4}")
_TEMPORARY: Final = re.compile(r"\.tmp\.|\.tmp-|\.(swp|sw[a-z])$")
_MOST_FOLDERS: Final = 4000
"""Folders of one function that are watched; those beyond are not."""
_MOST_FILES: Final = 500
"""Files that a single file may name, directly or not."""
_RESTLESS: Final = 10
_RESTLESS_WITHIN: Final = 10.0
"""Changes within so many seconds that nobody makes by hand."""
_LARGEST_SOURCE: Final = 1024 * 1024

_PYTHON: Final = (".py",)
_TYPED: Final = (".ts", ".mts", ".cts", ".tsx")
_SCRIPT: Final = (".js", ".mjs", ".cjs", *_TYPED)
_SOURCES: Final = (*_PYTHON, *_SCRIPT)
_ENDINGS_OF_NAMES: Final = ("", *_SCRIPT, ".json", "/index.js", "/index.ts")
_LITERAL: Final = re.compile(r"""(['"`])([^'"`\n\\$]{1,200})\1""")

Signature: TypeAlias = tuple[int, int, int] | str | None
"""Time, size and inode of a file; the target of a link; None for what is not there."""
FilesSeen: TypeAlias = tuple[dict[str, Signature], set[str]]
"""Files with their signatures, and the folders in which changes of them show."""
FoldersSeen: TypeAlias = dict[str, FilesSeen]
"""What stands in folders at one moment, by the folder."""


def is_left_out(name: str, *, folder: bool) -> bool:
    """Whether a file or folder of this name is no code."""
    if folder:
        return name in _FOLDERS or name.startswith(".")
    return (
        name.endswith(_ENDINGS)
        or name.startswith(_BEGINNINGS)
        or _TEMPORARY.search(name) is not None
        or _VIM_PROBE.fullmatch(name) is not None
    )


class RestlessFiles:
    """Files that are written all the time though no source: a database, somebody's output.

    They count as code until that is seen. Without this, each write would start the function anew.
    """

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._changes: dict[str, list[float]] = {}

    def note(self, owner: str, changed: Iterable[str], now: float) -> None:
        """Hears which files of `owner` changed, and says once of each that it no longer counts."""
        for path in changed:
            if path.endswith(_SOURCES):
                continue  # a build in watch mode
            times = [at for at in self._changes.get(path, []) if now - at < _RESTLESS_WITHIN]
            self._changes[path] = [*times, now]
            if len(times) + 1 >= _RESTLESS and path not in self.paths:
                self.paths.add(path)
                logger.warning(
                    "%s: %s is written all the time, so changes of it start nothing anew: have it "
                    "written outside of the function's folder",
                    *(owner, path),
                )


@dataclass(slots=True)
class Claim:
    """Files that belong to `owner`: a function's name, empty for the configuration.

    `path` is a folder, a zip package or a source file; `is_source` says that the files which it
    names belong to it too.
    """

    owner: str
    path: str
    is_source: bool = False
    signatures: dict[str, Signature] = field(default_factory=dict[str, Signature])
    folders: set[str] = field(default_factory=set[str])
    restless: RestlessFiles = field(default_factory=RestlessFiles)
    words: set[str] | None = None
    """What stands in a source's names of files, there or not; None where any new file counts."""

    def may_gain(self, words: set[str]) -> bool:
        """Whether a new file of which these `words_of` are can become one of these files."""
        return self.words is None or not self.words.isdisjoint(words)

    def changed(self, folders_seen: FoldersSeen | None = None) -> bool:
        """Looks anew; whether a file came, went or changed since the last look.

        Claims that look at the same moment share what they see of folders in `folders_seen`.
        """
        signatures, folders = self.look(folders_seen)
        before, self.signatures, self.folders = self.signatures, signatures, folders
        if signatures == before:
            return False
        if before:
            different = {path for path, _ in signatures.items() ^ before.items()} - {self.path}
            self.restless.note(self.owner, different & before.keys(), time.monotonic())
        return True

    def saved_since(self, moment: float) -> bool:
        """Whether one of the files, as they were at the last look, is not older than `moment`."""
        times = [one[0] for one in self.signatures.values() if isinstance(one, tuple)]
        return max(times, default=0) >= moment * 1e9

    def look(self, folders_seen: FoldersSeen | None = None) -> FilesSeen:
        """The files that count, and the folders in which changes of them show."""
        if Path(self.path).is_dir():
            seen = {} if folders_seen is None else folders_seen
            if self.path not in seen:
                seen[self.path] = _folder_look(self.path)
            files, folders = seen[self.path]
            return self._resting(files), folders
        signatures: dict[str, Signature] = {}
        folders = set[str]()
        if self.is_source:
            self.words = set()
            for file in named_files(self.path, self.words):
                folders.add(str(Path(file).parent))
                signatures[file] = _signature(file)
        else:
            signatures[self.path] = _signature(self.path)
        linked = _linked_folders(signatures)
        if linked:
            self.words = None
        return self._resting(signatures), {*folders, *linked, str(Path(self.path).parent)}

    def _resting(self, files: dict[str, Signature]) -> dict[str, Signature]:
        restless = self.restless.paths
        return {file: files[file] for file in files if file not in restless} if restless else files


def _folder_look(top: str) -> FilesSeen:
    signatures: dict[str, Signature] = {}
    folders = {str(Path(top).parent)}
    for folder, files in _walk(top):
        folders.add(folder)
        for file in files:
            signature = _signature(file)
            if signature != _OURS:
                signatures[file] = signature
    return signatures, folders | _linked_folders(signatures)


def _linked_folders(files: Iterable[str]) -> set[str]:
    """The folders in which the targets of links are."""
    return {str(Path(file).resolve().parent) for file in files if os.path.islink(file)}  # noqa: PTH114 - asked for every file


def changed_owners(claims: Iterable[Claim]) -> set[str]:
    """Looks at all `claims`, at each folder once, and answers whose files changed."""
    folders: FoldersSeen = {}
    return {claim.owner for claim in claims if claim.changed(folders)}


def links_on_the_way(path: str) -> list[str]:
    """The symbolic links in `path`: what they point to decides which files are meant."""
    parts = Path(path).parts
    prefixes = (Path(*parts[:count]) for count in range(2, len(parts) + 1))
    return [str(prefix) for prefix in prefixes if prefix.is_symlink()]


def link_claim(path: str) -> Claim:
    """A link itself, as a part of the configuration: it is loaded anew when the target changes."""
    return _LinkClaim("", path)


class _LinkClaim(Claim):
    def saved_since(self, moment: float) -> bool:
        """Whether one of the files, as they were at the last look, is not older than `moment`."""
        times = [one[0] for one in self.signatures.values() if isinstance(one, tuple)]
        return max(times, default=0) >= moment * 1e9

    def look(self, folders_seen: FoldersSeen | None = None) -> FilesSeen:
        del folders_seen
        try:
            target: Signature = str(Path(self.path).readlink())
        except OSError:
            target = None
        return {self.path: target}, {str(Path(self.path).parent)}


def _signature(path: str) -> Signature:
    try:
        status = os.stat(path)  # noqa: PTH116 - asked for every file
    except OSError:
        return None
    if (status.st_dev, status.st_ino) in _own_output():
        return _OURS
    return status.st_mtime_ns, status.st_size, status.st_ino


_OURS: Final = "what this process writes itself"


@cache
def _own_output() -> frozenset[tuple[int, int]]:
    """Device and inode of what stdout and stderr of this process are."""
    outputs: set[tuple[int, int]] = set()
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            status = os.fstat(descriptor)
            outputs.add((status.st_dev, status.st_ino))
    return frozenset(outputs)


def _walk(top: str) -> Iterator[tuple[str, list[str]]]:
    """Folders below `top` with their files, links followed once, what is no code left out."""
    seen: set[str] = set()
    waiting = [top]
    while waiting and len(seen) < _MOST_FOLDERS:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        files: list[str] = []
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:
                continue
            if is_left_out(entry.name, folder=is_folder):
                continue
            if is_folder:
                waiting.append(entry.path)
            else:
                files.append(entry.path)
        yield folder, files


# What a source file names


def words_of(path: str) -> tuple[str, str]:
    """What must stand in a source that names the file: it may leave out endings, and `index`."""
    where = Path(path)
    return _stem(where.name), _stem(where.parent.name)


def _stem(name: str) -> str:
    return name.partition(".")[0] or name


def named_files(path: str, words: set[str] | None = None) -> list[str]:
    """`path` and the files it names, directly or not, as far as they exist.

    Names of modules count when they are beside it, other names when there is such a file. `words`
    gets what a file must be called that a name may mean once it is there.
    """
    words = set() if words is None else words
    files = {path: None}
    waiting = [path]
    top = Path(path).parent
    while waiting and len(files) < _MOST_FILES:
        source = Path(waiting.pop())
        try:
            if source.stat().st_size > _LARGEST_SOURCE:
                continue
            text = source.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for file in map(str, _named(source, text, top, words)):
            if file not in files:
                files[file] = None
                if file.endswith((*_PYTHON, *_SCRIPT)):
                    waiting.append(file)
    return list(files)


def _named(source: Path, text: str, top: Path, words: set[str]) -> Iterable[Path]:
    if source.suffix in _PYTHON:
        yield from _imported(source, text, top, words)
    for match in _LITERAL.finditer(text):
        name = match[2]
        if name.startswith(("/", "http:", "https:")) or name in (".", ".."):
            continue
        words.update(map(_stem, name.split("/")))
        plain = source.parent / name
        for ending in _ENDINGS_OF_NAMES if source.suffix in _SCRIPT else ("",):
            candidate = Path(os.path.normpath(f"{plain}{ending}"))
            if candidate.is_file() and not is_left_out(candidate.name, folder=False):
                yield candidate
        if source.suffix in _TYPED and plain.suffix in _SCRIPT:  # it names what it becomes
            typed = plain.with_suffix(plain.suffix.replace("j", "t"))
            if typed.is_file():
                yield Path(os.path.normpath(typed))


def _imported(source: Path, text: str, top: Path, words: set[str]) -> Iterable[Path]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                words.update(alias.name.split("."))
                yield from _module(top, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = top if not node.level else source.parents[node.level - 1]
            parts = node.module.split(".") if node.module else []
            words.update((*parts, *(alias.name for alias in node.names)))
            yield from _module(base, parts)
            for alias in node.names:
                yield from _module(base, [*parts, alias.name])


def _module(base: Path, parts: list[str]) -> Iterable[Path]:
    """The files that a dotted name may mean, if its first part is beside the source."""
    for count in range(1, len(parts) + 1):
        plain = base.joinpath(*parts[:count])
        for candidate in (plain.with_name(plain.name + ".py"), plain / "__init__.py"):
            if candidate.is_file():
                yield candidate
