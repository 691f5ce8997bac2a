"""The resolved configuration of the last start, so that `serve` is ready sooner.

Judging a configuration takes longer than everything else at start; when neither its text, the
environment variables it names, the files that it refers to, nor edgegw itself changed, the outcome
is the same. It is kept in the user's cache folder, for its owner only: what lies in a project is
never unpickled.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from edgegw.config.gateway.hosts import HostFolder
from edgegw.config.last_state import cache_folder, keep_last_state
from edgegw.config.model import Config
from edgegw.config.pickling import pickled
from edgegw.config.source import read_source
from edgegw.errors import EdgegwError

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_MOST: Final = 50
"""Configurations that are kept; the oldest ones go."""


def load_quickly(
    path: Path,
    environment: Mapping[str, str] | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Config:
    """As `resolve.load_file`, from the last start where nothing has changed since.

    Where it has, `meanwhile` may run while the configuration is judged (see `aside`).
    """
    variables = os.environ if environment is None else environment
    config = _loaded(path, environment, meanwhile, _file(path, variables))
    keep_last_state(variables, path, config.state)
    return config


def _loaded(
    path: Path,
    environment: Mapping[str, str] | None,
    meanwhile: Callable[[], object] | None,
    file: Path | None,
) -> Config:
    began = time.time_ns()
    if file is not None:
        known = _read(file)
        if known is not None:
            return known
    judge = partial(_judge, path, environment, file, began)
    if meanwhile is None:
        return judge()
    from edgegw.config.aside import load_aside

    return load_aside(judge, meanwhile)


def load_again(path: str | Path) -> Config:
    """As `resolve.load_file`, from the last time in this process where nothing has changed since.

    A process that makes many gateways of one file, as tests do, judges it once.
    """
    from edgegw.config.resolve import load_file

    began = time.time_ns()
    key = _key(Path(path), os.environ)
    known = _known.get(key) if key is not None else None
    if known is not None and known[1] == _witnesses(known[0]):
        return known[0]
    config = load_file(path)
    witnesses = _witnesses(config)
    if key is not None and not _has_changed_since(began, path, witnesses):
        if len(_known) >= _MOST:
            _known.clear()
        _known[key] = config, witnesses
    return config


_known: Final[dict[str, tuple[Config, list[Witness]]]] = {}


def _judge(
    path: Path, environment: Mapping[str, str] | None, file: Path | None, began: int
) -> Config:
    from edgegw.config.resolve import load_file

    config = load_file(path, environment)
    witnesses = _witnesses(config)
    if file is not None and not _has_changed_since(began, path, witnesses):
        _write(file, config, witnesses)
    return config


def _file(path: Path, environment: Mapping[str, str]) -> Path | None:
    """Where the outcome for this text is kept; None where nothing can be."""
    folder = cache_folder(environment, "edgegw")
    key = _key(path, environment)
    if key is None or folder is None:
        return None
    parts = [repr((sys.version_info, _own_state())), key]
    return folder / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}.pickle"


def _key(path: Path, environment: Mapping[str, str]) -> str | None:
    """What the outcome depends on beside files that the text names; None without a text."""
    try:
        text = read_source(path) if path.is_file() else None
        here = str(Path.cwd())  # findings name files from there on
    except (OSError, EdgegwError):
        return None  # load_file says what is wrong
    if text is None:
        return None
    named = sorted(set(_VARIABLE.findall(text)))
    variables = repr([(name, environment.get(name)) for name in named])
    return chr(0).join((str(path), str(path.resolve()), here, variables, text))


def _own_state() -> list[tuple[str, int]]:
    """The state of edgegw's own code: a change of it may judge otherwise."""
    top = Path(__file__).parents[1]
    rooms = (top / room for room in _JUDGING)
    files = (
        *_python_files(top, is_deep=False),
        *(file for room in rooms for file in _python_files(room)),
    )
    return sorted((file.path, file.stat().st_mtime_ns) for file in files)


_JUDGING: Final = (
    *("config", "cloudfront", "alb", "awslambda", "http", "messaging", "identity", "wire"),
)
"""Rooms that a configuration is judged by, or that have values which it becomes."""


def _python_files(folder: Path | str, *, is_deep: bool = True) -> Iterator[os.DirEntry[str]]:
    for entry in os.scandir(folder):
        if entry.name.endswith(".py"):
            yield entry
        elif is_deep and "." not in entry.name and entry.is_dir():
            yield from _python_files(entry.path)


Witness: TypeAlias = tuple[str, int, int, int] | tuple[str, bool] | tuple[str]
"""Path, inode, and when content and inode changed: tools set the first time as they like, nobody
the second one. Of a folder whose content does not matter: path, and whether it is one."""


def _witnesses(config: Config) -> list[Witness]:
    """The files that judging looked at, with what tells whether they changed."""
    paths: dict[str, None] = {}
    for deployed in config.functions.values():
        for function in (deployed.latest, *deployed.versions.values()):
            module = Path(function.code, *function.handler.split(".")[0].split("/"))
            for each in (function.code, *function.layers, module.parent):
                paths[str(each)] = None
    paths.update(dict.fromkeys(path for _, path in config.code))
    paths.update(dict.fromkeys(config.files[1:]))
    return [*map(_witness, paths), *map(_folder_witness, dict.fromkeys(_folders(config)))]


def _folders(config: Config) -> Iterator[str]:
    """Folders that stand for buckets."""
    for bucket in (*config.buckets.values(), *config.bucket_notifications):
        yield bucket.folder
    for _, place in (*config.hosts.exact, *config.hosts.below):
        if isinstance(place, HostFolder):
            yield place.path


def _folder_witness(path: str) -> Witness:
    return (path, os.path.isdir(path)) if os.path.exists(path) else (path,)  # noqa: PTH110, PTH112


def _witness(path: str) -> Witness:
    """Asked of every file before every test: without a `Path`, which takes as long again."""
    try:
        found = os.stat(path or ".")  # noqa: PTH116 - see above
    except OSError:
        return (path,)
    saved, changed = (found.st_mtime_ns, found.st_ctime_ns) if path else (0, 0)
    return (os.path.realpath(path), found.st_ino, saved, changed)


def _has_changed_since(began: int, path: str | Path, witnesses: list[Witness]) -> bool:
    """Whether one of the files was saved while it was judged: nobody knows what was read of it."""
    times = [saved for witness in (_witness(str(path)), *witnesses) for saved in witness[2:]]
    return max(times, default=0) >= began


def _read(file: Path) -> Config | None:
    try:
        known: Any = pickle.loads(file.read_bytes())  # noqa: S301 - our own, see above
        config, witnesses = known
    except Exception:  # of another version, cut off, not there: judged anew
        return None
    if not isinstance(config, Config) or witnesses != _witnesses(config):
        return None
    return config


def _write(file: Path, config: Config, witnesses: list[Witness]) -> None:
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        content = pickled((config, witnesses))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        temporary.replace(file)
        kept = sorted(file.parent.glob("*.pickle"), key=lambda path: path.stat().st_mtime)
        for each in kept[:-_MOST]:
            each.unlink(missing_ok=True)
    except (OSError, pickle.PicklingError, TypeError, AttributeError):
        temporary.unlink(missing_ok=True)
