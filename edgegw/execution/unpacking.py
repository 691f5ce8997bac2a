"""Zip packages on disk: everything stays inside the package's folder, or nothing is unpacked.

A package is somebody's input. What it may do to the folder it is unpacked to:

    a file or a folder      lies below the folder: no absolute name, no `..`, no drive, no backslash
    a symbolic link         stays a link, as on AWS, if what it names lies below the folder as well
    anything below a link   is refused: what is written there would land elsewhere
    a device, a pipe        becomes a plain file with its content, as no unpacking user may make one

Files come first and links last, so that nothing is ever written through a link. Then each link is
followed to its end, through other links too: a chain may lead out where none of its parts does.

Bits beyond `rwx` are dropped. An entry of the same name replaces an earlier one.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from edgegw.errors import EnvironmentProblem

if TYPE_CHECKING:
    import zipfile

MAX_UNZIPPED: Final = 262_144_000
"""Bytes of code and layers, unpacked (Lambda quotas)."""
_LONGEST_LINK: Final = 4096
_LONGEST_NAME: Final = 1024
"""Characters; a path of the system may have 4096 bytes in all."""
_OUTSIDE: Final = re.compile(r"^/|^[A-Za-z]:|\\|(^|/)\.\.(/|$)")
"""Names that are absolute, name a drive, or climb."""


def unpack(path: str, target: str) -> None:
    """Unpacks the package `path` to the new folder `target`, which is gone again after a failure.

    Raises EnvironmentProblem with the reason.
    """
    import zipfile  # with three kinds of compression, for those who have packages

    try:
        with zipfile.ZipFile(path) as package:
            _unpack_entries(package, target)
    except EnvironmentProblem as problem:
        shutil.rmtree(target, ignore_errors=True)
        raise EnvironmentProblem(f"{path} cannot be unpacked: {problem}") from problem
    except Exception as error:  # zipfile has a dozen kinds for bytes that are no good package
        shutil.rmtree(target, ignore_errors=True)
        raise EnvironmentProblem(f"{path} cannot be unpacked: {_reason(error, target)}") from error


def _reason(error: Exception, target: str) -> str:
    if isinstance(error, OSError) and error.strerror:
        name = os.path.relpath(error.filename, target) if error.filename else ""
        return f"{error.strerror}{f': {name!r}' if name else ''}"
    return str(error) or type(error).__name__


def _unpack_entries(package: zipfile.ZipFile, target: str) -> None:
    entries = {_inside(each.filename): each for each in package.infolist()}
    if sum(each.file_size for each in entries.values()) > MAX_UNZIPPED:
        raise EnvironmentProblem(f"Unzipped size must be smaller than {MAX_UNZIPPED} bytes")
    links = {name: each for name, each in entries.items() if _is_link(each)}
    for name, entry in entries.items():
        _refuse_below_links(name, links.keys())
        if name not in links:
            _unpack_file(package, entry, target)
    for name, entry in links.items():
        _make_link(package, entry, Path(target, name))
    for name in links:
        _refuse_leading_out(name, target)


def _inside(name: str) -> str:
    """The name of an entry without `.` and empty parts. Raises EnvironmentProblem."""
    if len(name) > _LONGEST_NAME:
        raise EnvironmentProblem(f"the name {name[:60]!r}… is too long")
    if _OUTSIDE.search(name):
        raise EnvironmentProblem(f"{name!r} leads out of the package")
    return str(PurePosixPath(name))


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _refuse_below_links(name: str, links: Collection[str]) -> None:
    for parent in PurePosixPath(name).parents:
        if str(parent) in links:
            raise EnvironmentProblem(f"{name!r} lies below {str(parent)!r}, which is a link")


def _unpack_file(package: zipfile.ZipFile, entry: zipfile.ZipInfo, target: str) -> None:
    where = package.extract(entry, target)
    mode = entry.external_attr >> 16
    if mode and not entry.is_dir():
        Path(where).chmod(mode & 0o777 | stat.S_IRUSR)


def _make_link(package: zipfile.ZipFile, entry: zipfile.ZipInfo, where: Path) -> None:
    if entry.file_size > _LONGEST_LINK:
        raise EnvironmentProblem(f"the link {entry.filename!r} is too long")
    where.parent.mkdir(parents=True, exist_ok=True)
    where.symlink_to(os.fsdecode(package.read(entry)))


def _refuse_leading_out(name: str, target: str) -> None:
    where = Path(target, name)
    named = os.readlink(where)  # noqa: PTH115 - a Path would tidy it
    climbed = os.path.normpath(PurePosixPath(name).parent / named)
    end = os.path.realpath(where)
    top = os.path.realpath(target)
    is_inside = end == top or end.startswith(top + os.sep)
    if PurePosixPath(named).is_absolute() or climbed.split("/")[0] == ".." or not is_inside:
        raise EnvironmentProblem(f"the link {name!r} leads out of the package, to {named!r}")
