"""The files of one cache, in a folder that is made for the first of them and goes at the end.

It stands below the state folder. What a process left behind that ended otherwise goes when the next
one makes its folder; only what has the name and form of such a folder is touched. A project that
somebody else made may have put a link there: then the folder stands among the system's temporary
ones instead.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Final

from edgegw.errors import EnvironmentProblem
from edgegw.wire.state_folder import state_folder

_NAME: Final = re.compile(r"([0-9]+)-[0-9]+")


class CacheFolder:
    """Where new files stand."""

    def __init__(self, state: str | Path) -> None:
        self._state = Path(state)
        self._folder: Path | None = None
        self._numbers = itertools.count(1)
        self._finalizer: weakref.finalize[..., object] | None = None

    def new_file(self) -> Path:
        """A name that is free. Raises OSError where no folder can be made."""
        if self._folder is None:
            self._folder = _new_folder(self._state)
            self._finalizer = weakref.finalize(self, _remove, self._folder)
        return self._folder / f"{next(self._numbers)}.body"

    def close(self) -> None:
        if self._finalizer is not None:
            self._finalizer()
        self._folder = None


def _new_folder(state: Path) -> Path:
    try:
        top = state_folder(state) / "cache"
        top.mkdir(mode=0o700, exist_ok=True)
    except (EnvironmentProblem, OSError):
        return _elsewhere()
    if top.is_symlink():
        return _elsewhere()
    _clean(top)
    for number in itertools.count(1):
        folder = top / f"{os.getpid()}-{number}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise AssertionError("a number is free")


def _elsewhere() -> Path:
    return Path(tempfile.mkdtemp(prefix="edgegw-cache-"))


def _clean(top: Path) -> None:
    """Removes what processes left that are not there any more."""
    for left in top.iterdir():
        match = _NAME.fullmatch(left.name)
        if match and not left.is_symlink() and not _is_running(int(match[1])):
            shutil.rmtree(left, ignore_errors=True)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.name == "cache":
        with contextlib.suppress(OSError):  # others are still there
            folder.parent.rmdir()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
