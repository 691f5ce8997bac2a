"""Whether files are the user's own: nobody else can have put them there, or can change them."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_SECONDS: Final = 5.0
"""That git may take."""
_GIT: Final = ("git", "-c", "core.fsmonitor=false", "-C")
"""Without what a repository could have git run."""
_ROOT: Final = 0


def why_not_own(folder: Path, secret: Path) -> str | None:
    """Why `folder`, with the file `secret` in it, is not this user's alone; None when it is.

    The folder and all its files must belong to the user (or to root, who can do everything
    anyhow), nobody else may write them or read `secret`, or put another folder in this one's
    place, and git must not track any of it: what git tracks came from somewhere, or goes there.
    """
    folder = folder.resolve()
    if os.name == "posix":
        for path in (folder, *sorted(folder.iterdir())):
            reason = _why_shared(path, is_secret=path.name == secret.name)
            if reason is not None:
                return f"{path} {reason}"
        for above in folder.parents:
            mode = above.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                return f"{above} can be written by everybody"
    if _is_tracked(folder):
        return f"{folder} is tracked by git"
    return None


def _why_shared(path: Path, *, is_secret: bool) -> str | None:
    state = path.stat()
    if state.st_uid not in (os.geteuid(), _ROOT):
        return f"belongs to another user (user id {state.st_uid})"
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written by other users"
    if is_secret and state.st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return "can be read by other users"
    return None


def _is_tracked(folder: Path) -> bool:
    """Whether a git repository around `folder` tracks something in it."""
    if not any((above / ".git").exists() for above in _with_parents(folder)):
        return False
    try:
        asked = subprocess.run(
            [*_GIT, str(folder), "ls-files", "--", "."],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # no git, so nobody who tracks it here
        return False
    return bool(asked.stdout.strip())


def _with_parents(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents
