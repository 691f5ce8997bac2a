"""Looking at the files that a configuration names, whatever their names are.

A name can be too long for the system, a folder on the way may not be entered, a link can lead to
itself: all of that is an answer here, never an exception.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

LONGEST_NAME: Final = 255
"""Bytes of the name of a file or folder, as most file systems have it."""
_TOO_LONG: Final = f"the name is too long: a file or folder has 1 to {LONGEST_NAME} bytes"


def missing(path: Path) -> str | None:
    """Why there is nothing at `path` that can be looked at, or None where there is something."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist"
    except OSError as error:
        return f"cannot be looked at: {(error.strerror or str(error)).lower()}"
    except ValueError:  # a NUL
        return "is no path"
    return None


def is_file(path: Path) -> bool:
    """Whether there is a file at `path`."""
    return missing(path) is None and path.is_file()


def is_folder_there(path: Path) -> bool:
    """Whether there is a folder at `path`."""
    return missing(path) is None and path.is_dir()


def name_fault(path: Path) -> str | None:
    """Why no file can have this path, or None; it need not be there."""
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        return _TOO_LONG
    try:
        os.lstat(path)
    except OSError as error:
        return _TOO_LONG if error.errno == errno.ENAMETOOLONG else None
    except ValueError:
        return "this is no path"
    return None
