"""Lines for log files, written from a thread of their own: no request waits for a disk.

A log may also be no file but a FIFO or a terminal, and whoever reads it may not have come yet, or
may have stopped reading. Opening and writing never wait for that reader: a FIFO that nobody reads
loses its lines, and one that is full keeps a few until there is room. So neither the gateway's
start nor its end depends on who reads its logs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import stat
import threading
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a log file after which it is put aside."""
KEPT: Final = 5
"""Files put aside that are kept, as FILE.1 and so on."""
WAITING: Final = 100_000
"""Lines that may wait for the disk; more are dropped, and that is said."""
_UNREAD: Final = 1024 * 1024
"""Bytes that are kept for a reader that is behind."""
_LAST: Final = 10.0
"""Seconds for what still waits at the end."""
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
_MODE: Final = 0o666


class _File:
    """A log file that is put aside when it is large, or what stands in its place.

    `head` are the lines, with their ends, that a new file begins with.
    Raises OSError; for a FIFO without a reader that is ENXIO.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.head = ""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._unread = b""
        self._open()

    def _open(self) -> None:
        self._descriptor = os.open(self._path, _FLAGS, _MODE)
        status = os.fstat(self._descriptor)
        self._is_regular = stat.S_ISREG(status.st_mode)
        self._size = status.st_size
        self._is_new = self._size == 0

    def write(self, lines: bytes) -> None:
        if self._is_regular and not self._is_in_place():
            former = self._descriptor
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            os.close(former)
        if self._is_regular and self._size and self._size + len(lines) > LARGEST:
            self._put_aside()
        if self._is_new:
            self._is_new, lines = False, self.head.encode() + lines
        self._size += len(lines)
        if len(self._unread) + len(lines) > _UNREAD and self._unread:
            raise BlockingIOError("nobody reads it")
        self._unread = self._written(self._unread + lines)

    def _is_in_place(self) -> bool:
        """Whether the file still has its name: somebody may have removed or renamed it."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._descriptor))

    def _written(self, content: bytes) -> bytes:
        """What there was no room for."""
        with contextlib.suppress(BlockingIOError):
            while content:
                content = content[os.write(self._descriptor, content) :]
        return content

    def _put_aside(self) -> None:
        os.close(self._descriptor)
        for at in range(KEPT - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{at}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{at + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._open()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._written(self._unread)
        os.close(self._descriptor)


class LogWriter:
    """Appends lines to files; many at once where many wait."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._files: dict[str, _File] = {}
        self._heads: dict[str, str] = {}
        self._failing: set[str] = set()
        self._is_behind = False
        self._thread: threading.Thread | None = None

    def put(self, path: str, line: str, head: str = "") -> None:
        """Writes `line` to the file at `path`, soon; `head` before it where the file is new.

        Where `head` is another than before, it comes again.
        """
        if head and self._heads.get(path) != head:
            line = line if path not in self._heads else head + line
            self._heads[path] = head
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="edgegw-logs", daemon=True)
            self._thread.start()
        if self._lines.qsize() < WAITING:
            self._lines.put((path, line))
        elif not self._is_behind:
            self._is_behind = True
            logger.warning("the disk does not keep up: lines of %s are dropped", path)

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            entry = self._lines.get()
            waiting: dict[str, list[str]] = {}
            while True:
                if entry is None:
                    goes_on = False
                else:
                    waiting.setdefault(entry[0], []).append(entry[1])
                try:
                    entry = self._lines.get_nowait()
                except queue.Empty:
                    break
            for path, lines in waiting.items():
                self._write(path, lines)
        while self._files:
            self._files.popitem()[1].close()

    def _write(self, path: str, lines: list[str]) -> None:
        """Writes, or says once why that cannot be; the next lines are tried again."""
        try:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _File(path)
            file.head = self._heads.get(path, "")
            file.write("".join(f"{line}\n" for line in lines).encode())
        except (OSError, ValueError) as error:
            broken = None if isinstance(error, BlockingIOError) else self._files.pop(path, None)
            if broken is not None:  # such as a FIFO whose reader has gone
                broken.close()
            if path not in self._failing:
                self._failing.add(path)
                logger.warning("the log %s cannot be written, lines are lost: %s", path, error)
        else:
            self._failing.discard(path)

    def close(self) -> None:
        """Writes what waits."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(timeout=_LAST)
            self._thread = None
