"""The state folder that a configuration file had when it last was right.

A file that somebody edits is broken now and then. Commands find a running gateway by the state
folder, which the file says; while it is broken it says nothing, and the gateway runs on with what
it said before. So where it led is kept in a cache folder of the user, by the path of the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_MOST: Final = 200
"""Files whose folder is kept; those go that were not in use for longest."""
_FOLDER: Final = "edgegw-state-folders"
_USUAL: Final = ".edgegw"


def keep_last_state(environment: Mapping[str, str], file: Path, state: str) -> None:
    """Keeps that `file` is right, and has the state folder `state`."""
    folder = cache_folder(environment, _FOLDER)
    if folder is None:
        return
    place = _place(folder, file)
    with contextlib.suppress(OSError):
        if _read(place) == state:
            os.utime(place)  # in use, so not old
            return
        temporary = place.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(state, encoding="utf-8", errors="surrogateescape")
        temporary.replace(place)
        kept = sorted(folder.glob("*.txt"), key=lambda path: path.stat().st_mtime)
        for oldest in kept[:-_MOST]:
            oldest.unlink(missing_ok=True)


def last_state(environment: Mapping[str, str], file: Path) -> Path:
    """The state folder that `file` had when it last was right, by default the usual one."""
    folder = cache_folder(environment, _FOLDER)
    known = "" if folder is None else _read(_place(folder, file))
    return Path(known) if known else file.resolve().parent / _USUAL


def _read(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _place(folder: Path, file: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(os.path.realpath(file))).hexdigest()[:32]
    return folder / f"{digest}.txt"


def cache_folder(environment: Mapping[str, str], name: str) -> Path | None:
    """The user's cache folder `name`, if it is there or can be made, and is the user's own."""
    base, home = environment.get("XDG_CACHE_HOME"), environment.get("HOME")
    if not base and not home:
        return None
    folder = Path(base, name) if base else Path(str(home), ".cache", name)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return folder if is_own and not status.st_mode & 0o022 else None
