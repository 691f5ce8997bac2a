r"""Path of a request → key of an object → the file below a folder that has it, if any can.

A key is any text; a file's name is not. So a key becomes a list of names, and one that a file
system would read as anything but these very names has no file: it is a key that nobody stored.

    /a%2Fb.txt           a/b.txt         the escape is a part of the URL, not of the key
    /my+file             my file         S3 reads a plus as a blank; the plus itself is %2B
    /../secret           no file         dots are names to S3 and ways to a file system
    /a//b, /dir/         no file         an empty name
    /x%00.txt            no file         ends the name for the system below
    /C:/x, /a\b, /nul    no file         on Windows alone
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

MAX_KEY: Final = 1024
"""Bytes of a key.

Source: Amazon S3 User Guide, "Naming Amazon S3 objects".
"""

_DEVICES: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE
)
"""Names of Windows that are devices in every folder, whatever stands behind a dot."""
_NOT_ON_WINDOWS: Final = re.compile(r'[\x00-\x1f<>:"\\|?*]|[. ]$')


def object_key(path: bytes) -> str | None:
    """The key that the `path` of a request means; None where it can be none.

    Source: observed: a plus in a path is a blank to S3.
    """
    key = unquote_to_bytes(path.removeprefix(b"/").replace(b"+", b" "))
    if len(key) > MAX_KEY:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None


def file_names(key: str, *, windows: bool) -> tuple[str, ...] | None:
    """The names from the folder of a bucket down to the file of `key`; None where none can be."""
    names = tuple(key.split("/"))
    if all(_is_name(name, windows=windows) for name in names):
        return names
    return None


def _is_name(name: str, *, windows: bool) -> bool:
    if name in ("", ".", "..") or "\0" in name:
        return False
    return not windows or not (_NOT_ON_WINDOWS.search(name) or _DEVICES.fullmatch(name.rstrip()))
