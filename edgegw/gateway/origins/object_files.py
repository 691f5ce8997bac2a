"""Files below a folder as the objects of a bucket. Everything here blocks: a thread calls it.

A link is followed as long as it ends below the folder's root. What is no plain file is not there.
The tag of an object is the MD5 of its bytes, as of one that was uploaded in one piece; it is worked
out once for as long as a file stays as it is. Above `WHOLE` bytes tools upload in parts, and the
tag of those is no MD5 of the bytes either: there it is made of name, size and time, in the form
that an upload in parts has.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Final

from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.s3.keys import file_names
from edgegw.cloudfront.s3.metadata import SUFFIX, MetadataError, parse_metadata
from edgegw.cloudfront.s3.objects import StoredObject
from edgegw.config.buckets import BucketFolder
from edgegw.http.message import CutOffError, Header

logger = logging.getLogger(__name__)

WHOLE: Final = 8 * 1024 * 1024
"""Bytes up to which tools upload in one piece."""
_MOST_METADATA: Final = 64 * 1024
_MOST_TAGS: Final = 10_000
_NOT_THERE: Final = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.EACCES,
        errno.EPERM,
        errno.ENXIO,
    }
)
"""What the system says of a path that leads to nothing that may be read."""
_WINDOWS: Final = sys.platform == "win32"
_IGNORES_CASE: Final = sys.platform in {"win32", "darwin"}
_OPEN: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for a writer
)


class OpenObject:
    """An object whose file is open: `stored` is what is known of it."""

    def __init__(self, file: FileIO, stored: StoredObject) -> None:
        self.stored = stored
        self._file = file
        self._lock = threading.Lock()  # a viewer may leave while a piece is being read

    def read(self, span: Span) -> bytes:
        """The bytes of `span`. Raises CutOffError where the file has become shorter."""
        with self._lock:
            if self._file.closed:
                raise CutOffError("the response body ends early: nobody takes it any more")
            self._file.seek(span.first)
            parts, missing = list[bytes](), span.length
            while missing:
                part = self._file.read(missing)
                if not part:
                    raise CutOffError("the response body ends early: its file has become shorter")
                parts.append(part)
                missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Gives the file back; it may be called twice."""
        with self._lock:
            self._file.close()


class ObjectFiles:
    """Opens objects, and remembers tags of files that have not changed."""

    def __init__(self) -> None:
        self._tags: OrderedDict[tuple[int, ...], bytes] = OrderedDict()

    def open(self, bucket: BucketFolder, key: str) -> OpenObject | None:
        """The object `key`; None where there is none. Raises OSError where nobody can say."""
        names = file_names(key, windows=_WINDOWS)
        if names is None or key.endswith(SUFFIX):
            return None
        try:
            file = _open_below(bucket, names)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            if isinstance(error, PermissionError):
                logger.warning("%s may not be read: it counts as missing", error.filename or key)
            return None
        if file is None:
            return None
        try:
            return OpenObject(file, self._stored(file, bucket, names))
        except BaseException:
            file.close()
            raise

    def _stored(self, file: FileIO, bucket: BucketFolder, names: tuple[str, ...]) -> StoredObject:
        facts = os.fstat(file.fileno())
        metadata = _metadata(bucket, names)
        return StoredObject(facts.st_size, facts.st_mtime, self._tag(file, facts), metadata)

    def _tag(self, file: FileIO, facts: os.stat_result) -> bytes:
        known_by = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        if facts.st_size > WHOLE:
            text = ",".join(map(str, known_by)).encode()
            digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
            return f'"{digest}-{-(-facts.st_size // WHOLE)}"'.encode()
        tag = self._tags.get(known_by)
        if tag is None:
            digest = hashlib.file_digest(file, _md5).hexdigest()
            tag = self._tags[known_by] = f'"{digest}"'.encode()
            while len(self._tags) > _MOST_TAGS:
                self._tags.popitem(last=False)
        return tag


def _md5(content: bytes = b"") -> hashlib._Hash:  # pyright: ignore[reportPrivateUsage]
    return hashlib.md5(content, usedforsecurity=False)


def _open_below(bucket: BucketFolder, names: tuple[str, ...]) -> FileIO | None:
    """The plain file of these names below the bucket's folder. Raises OSError."""
    folder = Path(bucket.folder)
    path = _real_path(folder.joinpath(*names))
    if not path.is_relative_to(_real_path(Path(bucket.root))):
        logger.warning("%s leads out of %s: it counts as missing", "/".join(names), bucket.root)
        return None
    if _IGNORES_CASE and not _is_spelled_so(folder, names):
        return None
    descriptor = os.open(path, _OPEN)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return FileIO(descriptor, "rb")


def _real_path(path: Path) -> Path:
    """The path without links. Raises OSError, also for a circle of links, as `resolve` does not."""
    return Path(os.path.realpath(path, strict=True))


def _is_spelled_so(folder: Path, names: Iterable[str]) -> bool:
    """Whether each name stands in its folder as it is written: keys are told apart by case."""
    for name in names:
        if all(path.name != name for path in folder.iterdir()):
            return False
        folder /= name
    return True


def _metadata(bucket: BucketFolder, names: tuple[str, ...]) -> tuple[Header, ...]:
    """What the file beside the object says; nothing, and a warning, where it is not right."""
    *way, name = names
    try:
        file = _open_below(bucket, (*way, name + SUFFIX))
        if file is None:
            return ()
        with file:
            return parse_metadata(file.read(_MOST_METADATA))
    except OSError:
        return ()
    except MetadataError as error:
        logger.warning("%s%s %s", "/".join(names), SUFFIX, error)
        return ()
